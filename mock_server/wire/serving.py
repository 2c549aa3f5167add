"""The socket side: granian's RSGI requests in, answers out, on one event loop in one process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import get_ident
from typing import Any

from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian.constants import SSLProtocols
from granian.server.embed import Server

from mock_server.bodies import MAX_BODY_BYTES
from mock_server.desk.events import HEADER
from mock_server.exchange import Service
from mock_server.gateway import MAX_CONTROL_BYTES, PROBES, Gateway
from mock_server.messages import Request, Response
from mock_server.spaces import Busy
from mock_server.wire.breaking import SUPPORTED_FAULTS, send_broken
from mock_server.wire.live import Live
from mock_server.wire.waiting import Waiting

log = logging.getLogger("ringback")

BODY_SECONDS = 30.0
"""How long a request body may take to arrive."""

_PART_BYTES = 256 * 1024
_READY_SECONDS = 10.0


class CannotServe(Exception):
    """The server cannot be started; the text is one clear line."""


class Wire:
    """The RSGI application. Vendors are answered on the event loop, the control API in a thread.

    Long lists have one thread to themselves, one after the other, so that they cost the memory of one, and of the
    time of everybody else as little.
    """

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway = gateway
        self._server = (host, port)
        self._live = Live(gateway.spaces)
        self._deadlines = _Deadlines(BODY_SECONDS)
        self._lists = ThreadPoolExecutor(1, "lists")
        self._health = ThreadPoolExecutor(1, "health")
        self._waiting = Waiting()
        gateway.spaces.impatient = get_ident()
        gateway.wire_faults = SUPPORTED_FAULTS
        gateway.has_streams = True
        self._flask: Any = None

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            await self._answer(scope, protocol)
        except ProtocolClosed:
            # The client has gone in the middle of its request: nobody is there to be answered.
            return
        except Exception:
            # Unanswered, the client would wait for ever.
            log.exception("%s %s failed", scope.method, scope.path)
            protocol.response_bytes(500, [("content-type", "text/plain")], b"Ringback failed; its log says how\n")

    async def _answer(self, scope: Any, protocol: Any) -> None:
        items = scope.headers.items()
        headers = dict(items)
        if len(headers) != len(items):
            headers = _joined(items)
        request = Request(scope.method, scope.path, scope.query_string, headers)
        destination = self._gateway.route(scope.authority or headers.get("host", ""), request.path)
        if "content-length" in headers or "transfer-encoding" in headers:
            limit = MAX_CONTROL_BYTES if destination.service is None else MAX_BODY_BYTES
            try:
                request = await self._deadlines.keep(_with_body(request, protocol, limit))
            except TimeoutError:
                if destination.service is None:
                    protocol.response_bytes(408, [("connection", "close")], b"The body came too slowly\n")
                else:
                    _send(destination.service.too_slow(request._replace(path=destination.path)), protocol)
                return
        if destination.service is not None:
            service, request = destination.service, request._replace(path=destination.path)
            response = await self._exchanged(service, request)
        else:
            if scope.authority and "host" not in headers:
                request.headers["host"] = scope.authority  # type: ignore[index]
            # Whoever asks whether the server is up does not stand in line behind those who ask for more.
            pool = self._health if request.path in PROBES else None
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(pool, self._control, request, scope.scheme)
            marker = dict(response.headers).get(HEADER)
            if marker is not None:
                kept = [header for header in response.headers if header[0] != HEADER]
                await self._live.stream(marker, kept, scope.client, protocol)
                return
        if response.fault is not None:
            await send_broken(response, scope.client, protocol)
            return
        if response.delay_seconds:
            await asyncio.sleep(response.delay_seconds)
        if len(response.body) > _PART_BYTES and request.method != "HEAD":
            await _send_in_parts(response, protocol)
        else:
            _send(response, protocol)

    async def _exchanged(self, service: Service, request: Request) -> Response:
        if service.is_long(request):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._lists, self._gateway.exchange, service, request)
        while True:
            try:
                return self._gateway.exchange(service, request)
            except Busy as busy:
                await self._waiting.until_free(busy.space)

    def _control(self, request: Request, scheme: str) -> Response:
        # Flask is imported on first use: it would double the time the server needs to be ready.
        from mock_server.app import call_flask, create_app

        if self._flask is None:
            self._flask = create_app(self._gateway)
        return call_flask(self._flask, request, self._server, scheme)


class _Deadlines:
    """Ends what takes too long, looked at once a second: a timer for each request would cost more than its answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._watching = False

    async def keep(self, work: Awaitable[Request]) -> Request:
        """The result of the work; raises TimeoutError when it takes too long."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            return await asyncio.wait_for(work, self._seconds)
        if not self._watching:
            self._watching = True
            loop.call_later(1.0, self._watch, loop)
        self._due[task] = loop.time() + self._seconds
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            self._late.discard(task)
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._due[task]

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in list(self._due.items()):
            if due < now and task not in self._late:
                self._late.add(task)
                task.cancel()
        loop.call_later(1.0, self._watch, loop)


def _joined(items: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in items:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _with_body(request: Request, protocol: Any, limit: int) -> Request:
    """The request with its body, or marked too large without having read more than the limit, in bytes."""
    length = request.headers.get("content-length")
    if length is not None:
        if not length.isdigit() or int(length) > limit:
            return request._replace(too_large=True)
        return request._replace(body=await protocol())
    chunks, size = [], 0
    async for chunk in protocol:
        size += len(chunk)
        if size > limit:
            return request._replace(too_large=True)
        chunks.append(chunk)
    return request._replace(body=b"".join(chunks))


def _send(response: Response, protocol: Any) -> None:
    if response.body:
        protocol.response_bytes(response.status, list(response.headers), response.body)
    else:
        protocol.response_empty(response.status, list(response.headers))


async def _send_in_parts(response: Response, protocol: Any) -> None:
    """Sends a long body piece by piece, at the reader's pace: each piece is copied, and nobody is served meanwhile."""
    headers = [*response.headers, ("content-length", str(len(response.body)))]
    stream = protocol.response_stream(response.status, headers)
    for start in range(0, len(response.body), _PART_BYTES):
        await stream.send_bytes(response.body[start : start + _PART_BYTES])


def resolved(host: str) -> str:
    """The IP address of a host name (the server takes no other); raises CannotServe for a name that has none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return str(socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotServe(f"--host {host}: {reason}; try --host 127.0.0.1") from None


def free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0; raises CannotServe when it is taken or the host cannot be bound.

    Granian binds with SO_REUSEPORT, with which a second server would silently share the port; a plain
    socket finds out first.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotServe(
                    f"port {port} on {host} is already in use: try --port 0 for a free one"
                    f" (with make: `RINGBACK_PORT=0 make serve`)"
                ) from None
            reason = error.strerror or str(error)
            raise CannotServe(f"cannot listen on {host} port {port}: {reason}; try --host 127.0.0.1 --port 0") from None
        except OverflowError:
            raise CannotServe(f"{port} is no port: a number from 0 to 65535 is needed") from None
        chosen: int = probe.getsockname()[1]
        return chosen


def serve(
    gateway: Gateway,
    host: str,
    port: int,
    ready: Callable[[], None],
    tls: tuple[Path, Path] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, calling `ready` once connections are accepted; never returns normally."""
    wire = Wire(gateway, host, port)
    server = Server(
        wire,
        address=host,
        port=port,
        log_enabled=False,
        websockets=False,
        backlog=1024,
        ssl_cert=tls[0] if tls else None,
        ssl_key=tls[1] if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server.serve(), host, port, ready))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop, an eighth cheaper for each request, where it can be had (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(serving: Awaitable[None], host: str, port: int, ready: Callable[[], None]) -> None:
    task = asyncio.ensure_future(serving)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_SECONDS
    while True:
        try:
            await asyncio.sleep(0.002)
            _, writer = await asyncio.open_connection(_reachable(host), port)
            writer.close()
            break
        except OSError as error:
            if task.done() or loop.time() > deadline:
                raise CannotServe(f"cannot listen on {host} port {port}: {error}") from None
    # Everything is in memory, so there is nothing to finish: the process ends at once, open connections or not.
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, os._exit, 0)
    ready()
    await task


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
