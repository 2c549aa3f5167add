"""The RSGI application: requests of the web server in, answers out, on one event loop in one process."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import get_ident
from time import perf_counter
from typing import Any

import orjson
from granian._granian import RSGIProtocolClosed as ProtocolClosed

from mock_server.admission import objection
from mock_server.answering.bodies import MAX_BODY_BYTES
from mock_server.desk.happened.events import HEADER
from mock_server.desk.happened.nearby import HINT
from mock_server.desk.happened.told import Told
from mock_server.exchange import Service
from mock_server.gateway import CONTROL, MAX_CONTROL_BYTES, Gateway
from mock_server.messages import Request, Response
from mock_server.spaces import Busy
from mock_server.stores import StoreFailed
from mock_server.wire.breaking import SUPPORTED_FAULTS, send_broken
from mock_server.wire.collecting import Collecting
from mock_server.wire.flight import Airspace, Flight, FlightLimit
from mock_server.wire.lanes import Lanes
from mock_server.wire.live import Live
from mock_server.wire.receiving import BODY_SECONDS, BrokenOff, Receiving
from mock_server.wire.sending import PART_BYTES, send, send_in_parts
from mock_server.wire.waiting import Waiting

log = logging.getLogger("ringback")

_LARGE = ("PUT", f"/{CONTROL}/state")
"""The only control request whose body may be larger than any other's."""


_LONG = tuple(f"/{CONTROL}/{name}" for name in ("state", "snapshots", "spaces"))
"""Where whole states are taken apart or put together."""
LOADING_THREADS = 4
"""How many spaces are read from a store at a time, of which this process knows nothing."""


class Wire:
    """The RSGI application. Vendors are answered on the event loop, the control API in a thread.

    Long lists have one thread to themselves, one after the other, so that they cost the memory of one, and of the
    time of everybody else as little.
    """

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway = gateway
        self._airspace = Airspace(gateway.spaces.limits.bytes_in_flight)
        self._most = gateway.spaces.limits.exchanges
        self.working = 0
        """How many exchanges are under way; who only reads events is none of them."""
        self._server = (host, port)
        self._live = Live(gateway.spaces, gateway.operations)
        self._receiving = Receiving(BODY_SECONDS)
        self._lists = ThreadPoolExecutor(1, "lists")
        self._health = ThreadPoolExecutor(1, "health")
        self._waiting = Waiting()
        self._collecting = Collecting()
        gateway.spaces.impatient.add(get_ident())
        shared = gateway.spaces.shared
        # A store that several processes share has threads, so that nobody waits here for a disk or a service; and
        # whoever asks for a space that has to be read first, which may be long, keeps none of the others waiting.
        self._shared, together = shared, gateway.spaces.attempt_all
        self._stored = Lanes(shared.backend.at_once, "store", self._impatient, together) if shared is not None else None
        self._loading = Lanes(LOADING_THREADS, "loading", self._impatient, together)
        gateway.wire_faults = SUPPORTED_FAULTS
        gateway.has_streams = True
        self._flask: Any = None

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        flight = Flight(self._airspace)
        self.working += 1
        try:
            await self._answer(scope, protocol, flight)
        except ProtocolClosed:
            # The client has gone in the middle of its request: nobody is there to be answered.
            return
        except Exception:
            # Unanswered, the client would wait for ever.
            log.exception("a %s request failed", scope.method)
            protocol.response_bytes(500, [("content-type", "text/plain")], b"Ringback failed; its log says how\n")
        finally:
            self.working -= 1
            flight.land()

    async def _answer(self, scope: Any, protocol: Any, flight: Flight) -> None:
        items = scope.headers.items()
        headers = dict(items)
        if len(headers) != len(items):
            headers = _joined(items)
        service, path = self._gateway.route(scope.authority or headers.get("host", ""), scope.path)
        method, query = scope.method, scope.query_string
        request = Request(method, path, query, headers)
        if service is None:
            if scope.authority and "host" not in headers:
                headers["host"] = scope.authority
            response = await self._controlled(request, scope, protocol, flight)
        else:
            try:
                if self.working > self._most:
                    raise FlightLimit(f"{self._most} requests are being answered, the most there can be")
                if _has_body(request, scope):
                    body = await self._receiving.body(headers, protocol, MAX_BODY_BYTES, flight)
                    request = Request(method, path, query, headers, body or b"", body is None)
                response = await self._exchanged(service, request)
                if len(response.body) > PART_BYTES:
                    flight.take(len(response.body))
            except TimeoutError:
                response = await self._away(service, request, 408, "Request Timeout")
            except BrokenOff:
                response = await self._away(service, request, 400, "The body broke off")
            except FlightLimit as limit:
                response = await self._away(service, request, 503, str(limit))
        if response.fault is not None:
            await send_broken(response, scope.client, protocol)
            return
        if response.delay_seconds:
            await asyncio.sleep(response.delay_seconds)
        if len(response.body) > PART_BYTES and method != "HEAD":
            await send_in_parts(response, scope.client, protocol)
        else:
            send(response, protocol)

    async def _controlled(self, request: Request, scope: Any, protocol: Any, flight: Flight) -> Response:
        """The control API's answer; of a request that it will not serve the body is not even read."""
        if _has_body(request, scope) and objection(self._gateway, request.headers) is None:
            limit = MAX_CONTROL_BYTES if (request.method, request.path) == _LARGE else MAX_BODY_BYTES
            try:
                body = await self._receiving.body(request.headers, protocol, limit, flight)
                request = request._replace(body=body or b"", too_large=body is None)
            except TimeoutError:
                return _short(408, "The body came too slowly")
            except BrokenOff:
                return _short(400, "The body broke off")
            except FlightLimit as reached:
                return _short(503, str(reached))
        probed = self._gateway.probe(request)
        if probed is not None:
            return probed
        # Whoever asks whether the server is up does not stand in line behind those who ask for more.
        pool = self._health if request.path == f"/{CONTROL}/health" else None
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(pool, self._control, request, scope.scheme)
        marker = dict(response.headers).get(HEADER)
        if marker is not None:
            kept = [header for header in response.headers if header[0] != HEADER]
            self.working -= 1
            try:
                await self._live.stream(marker, kept, scope.client, protocol)
            finally:
                self.working += 1
            raise ProtocolClosed
        return response

    def stopping(self) -> None:
        """From now on the probes say that the server is about to end."""
        self._gateway.stopping = True

    def _impatient(self) -> None:
        self._gateway.spaces.impatient.add(get_ident())

    async def _exchanged(self, service: Service, request: Request) -> Response:
        if service.is_long(request):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._lists, self._listed, service, request)
        while True:
            try:
                if self._stored is None or self._shared is None:
                    return self._gateway.exchange(service, request)
                name = service.space_of(request)
                work = partial(self._gateway.exchange, service, request)
                if not self._shared.knows(name):
                    return await self._loading.run(name, work)
                # What can be kept in one go has one lane.
                return await self._stored.run(None if self._shared.backend.spans_spaces else name, work)
            except StoreFailed:
                return service.unkept()
            except Busy as busy:
                if busy.pause or busy.space is None:
                    await asyncio.sleep(busy.pause)
                else:
                    await self._waiting.until_free(busy.space)

    async def _away(self, service: Service, request: Request, status: int, message: str) -> Response:
        if self._stored is None:
            return service.turned_away(request, status, message)
        return await self._stored.run(service.space_of(request), partial(service.turned_away, request, status, message))

    def _listed(self, service: Service, request: Request) -> Response:
        with self._collecting.resting():
            return self._gateway.exchange(service, request)

    def _control(self, request: Request, scheme: str) -> Response:
        if not request.path.startswith(_LONG):
            return self._controlled_by_flask(request, scheme)
        with self._collecting.resting():
            return self._controlled_by_flask(request, scheme)

    def _controlled_by_flask(self, request: Request, scheme: str) -> Response:
        # Flask is imported on first use: it would double the time the server needs to be ready.
        from mock_server.app import call_flask, create_app

        if self._flask is None:
            self._flask = create_app(self._gateway)
        started = perf_counter()
        response = call_flask(self._flask, request, self._server, scheme)
        if self._gateway.told is not None and not request.path.startswith(f"/{CONTROL}"):
            milliseconds = (perf_counter() - started) * 1000
            hint = next((value for name, value in response.headers if name == HINT), None)
            self._gateway.told(Told(request.method, request.path, response.status, milliseconds, hint=hint))
        return response


def _has_body(request: Request, scope: Any) -> bool:
    headers = request.headers
    if "content-length" in headers or "transfer-encoding" in headers:
        return True
    # Over HTTP/2 a body needs no announcement.
    return scope.http_version == "2" and request.method not in ("GET", "HEAD", "OPTIONS")


def _short(status: int, detail: str) -> Response:
    """A refusal of the control API before Flask has seen the request."""
    body = orjson.dumps({"type": "about:blank", "title": detail, "status": status, "detail": detail})
    return Response(status, body + b"\n", (("content-type", "application/problem+json"), ("connection", "close")))


def _joined(items: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in items:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
