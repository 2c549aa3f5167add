"""Starts and stops the web server: granian, with one event loop in one process."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from granian.constants import HTTPModes, SSLProtocols
from granian.server.embed import Server

from mock_server.gateway import Gateway
from mock_server.values.numbering import area_country
from mock_server.wire.application import Wire
from mock_server.wire.connections import CAN_TELL, descriptors, own_sockets
from mock_server.wire.keeper import Keeper
from mock_server.wire.sending import UNREAD_SECONDS

DRAIN_SECONDS = 5.0
"""How long a server that was told to stop goes on with what is under way."""

SWITCH_SECONDS = 0.001
"""After how long a thread that computes gives way to another one."""

_READY_SECONDS = 10.0
_OTHER_DESCRIPTORS = 200
"""What a process has open beside connections, at most: files, threads' wake-ups, second handles on connections."""


class CannotServe(Exception):
    """The server cannot be started; the text is one clear line."""


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
    drain_seconds: float = DRAIN_SECONDS,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serves until SIGINT or SIGTERM, calling `ready` once connections are accepted; never returns normally.

    `ending` is called before the process ends.
    """
    wire = Wire(gateway, host, port)
    places = _places(gateway.spaces.limits.connections)
    server = Server(
        wire,
        address=host,
        port=port,
        log_enabled=False,
        websockets=False,
        # Without the keeper nobody would close a connection that does not even say which protocol it speaks.
        http=HTTPModes.auto if CAN_TELL else HTTPModes.http1,
        backlog=4096,
        backpressure=places,
        ssl_cert=tls[0] if tls else None,
        ssl_key=tls[1] if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    Keeper(places).start()
    # Long work has a thread of its own, and the loop waits for the interpreter's lock as often as an answer needs it:
    # with a fifth of the usual patience an ordinary client beside it waits half as long.
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server.serve(), wire, host, port, ready, drain_seconds, ending))


def _places(wanted: int) -> int:
    """How many connections there can be: as many as wanted, or as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
        return max(1, min(wanted, soft - _OTHER_DESCRIPTORS))
    return wanted


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop, an eighth cheaper for each request, where it can be had (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(
    serving: Awaitable[None],
    wire: Wire,
    host: str,
    port: int,
    ready: Callable[[], None],
    drain_seconds: float,
    ending: Callable[[], None],
) -> None:
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
    _drop_who_does_not_read()
    # What a start has made stays for ever: nobody need look through it again.
    gc.freeze()
    gc.enable()
    asked_to_stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, _stop, wire, asked_to_stop)
    ready()
    # What knows the area codes of the world is read when there is time for it, and not while somebody waits.
    Thread(target=area_country, args=("415",), name="area codes", daemon=True).start()
    await asyncio.wait({task, asyncio.ensure_future(asked_to_stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if asked_to_stop.is_set():
        await _drain(wire, drain_seconds)
        ending()
        os._exit(0)
    await task


def _stop(wire: Wire, asked: asyncio.Event) -> None:
    """The first signal lets what is under way end; the second ends the process at once."""
    if asked.is_set():
        os._exit(0)
    wire.stopping()
    asked.set()


async def _drain(wire: Wire, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    if not wire.working:
        return
    while wire.working and loop.time() < deadline:
        await asyncio.sleep(0.01)
    # The last answers were handed to the web server's own thread, which needs a moment for them.
    await asyncio.sleep(min(0.05, max(0.0, deadline - loop.time())))


def _drop_who_does_not_read() -> None:
    """Tells the kernel to end connections whose peer has taken nothing of what was sent to it for too long."""
    if sys.platform != "linux":
        return
    for listener in own_sockets(descriptors()):
        with suppress(OSError):
            if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                milliseconds = int(UNREAD_SECONDS * 1000)
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
