"""The proxy as processes: one that passes exchanges on, one that judges them, and a mock beside them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import uvloop

from contract_tests.endpoint.guard import Guard
from contract_tests.endpoint.mock import OwnMock
from contract_tests.endpoint.relay.passed import Passed
from contract_tests.endpoint.relay.relay import Relay
from contract_tests.endpoint.relay.upstream import Upstream
from contract_tests.options import Settings
from contract_tests.proxying.admission import Admission
from contract_tests.proxying.instead import StandIn
from contract_tests.proxying.wanted import FRAME, Wanted
from contract_tests.recordings.growing import mend
from mock_server.spec import Spec

MOST_UNJUDGED_BYTES = 64 << 20
"""So much waits to be judged; then an application waits for its next answer."""
MOMENT_SECONDS = 0.002
"""So long the judge is not told of an exchange, in which others may be passed on."""
DRAIN_SECONDS = 5.0


class CannotListen(Exception):
    """The proxy cannot listen there; the text says why."""


class Proxy(NamedTuple):
    """What is to be served: the vendor, what may pass, who judges it, and what is done instead."""

    specs: Mapping[str, Spec]
    settings: Settings
    wanted: Wanted
    host: str
    port: int
    instead: bool

    @property
    def spec(self) -> Spec:
        return self.specs[self.wanted.provider]


def serve(proxy: Proxy, mock: OwnMock, ready: Callable[[int], None]) -> int:
    """Serves until it is told to stop, calling `ready` with the port; the exit code."""
    listening = _listening(proxy.host, proxy.port)
    mine, theirs = socket.socketpair()
    judge = multiprocessing.get_context("fork").Process(
        target=_judge, args=(theirs, (mine, listening), proxy, mock.control)
    )
    judge.start()
    theirs.close()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended = runner.run(_serve(proxy, mine, listening, mock, ready, judge))
        judge.join()  # What has passed is judged to its end; a second signal does not wait for that.
    finally:
        listening.close()
    if ended:
        sys.stderr.write("ringback proxy: the process that judges ended, and so does the proxy\n")
    if judge.exitcode not in (0, 1) and proxy.wanted.record is not None:
        mend(proxy.wanted.record)
    return 0 if judge.exitcode == 0 and not ended else 1


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise CannotListen(f"cannot listen on {host} port {port}: {why}; --port 0 takes a free one") from None
    return listening


def _judge(pipe: socket.socket, others: tuple[socket.socket, ...], proxy: Proxy, control: str) -> None:
    for one in others:
        one.close()
    # The judge and all it needs take a second to be imported, in which exchanges pass already.
    from contract_tests.proxying.hearing import hear

    hear(pipe, proxy.wanted, proxy.specs, control)


async def _serve(
    proxy: Proxy,
    pipe: socket.socket,
    listening: socket.socket,
    mock: OwnMock,
    ready: Callable[[int], None],
    judge: BaseProcess,
) -> bool:
    """Serves until it is told to stop; whether that was because the judge has ended."""
    loop = asyncio.get_running_loop()
    told = await _Telling.over(pipe)
    settings, provider = proxy.settings, proxy.spec.provider
    origin = settings.targets[""]
    guard = Guard(
        proxy.spec,
        settings.allowed_for(origin),
        max_requests=settings.max_requests,
        max_purchases=settings.purchases_for(origin),
        numbers=settings.numbers,
        real=settings.is_real(origin),
        tidies=False,
    )
    route = settings.route
    target = Upstream(origin, route.timeout, route.ca_file)
    beside = Upstream(mock.origin(provider), route.timeout)
    key = settings.api_key
    admission = Admission(
        proxy.spec,
        guard,
        target,
        key=key.secret if key is not None else None,
        host=proxy.host,
        told=told.tell,
        stand_in=StandIn(proxy.spec, beside, sells="purchase" not in guard.allowed) if proxy.instead else None,
    )
    relay = Relay(admission)
    await relay.listen(listening)
    stop = asyncio.Event()

    def stopped() -> None:
        if stop.is_set():
            os._exit(1)  # Asked twice.
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped)
    # Nothing that passes unjudged may look as if it had been judged.
    ended: list[bool] = []

    def bereft() -> None:
        loop.remove_reader(judge.sentinel)
        ended.append(True)
        stop.set()

    loop.add_reader(judge.sentinel, bereft)
    ready(listening.getsockname()[1])
    await stop.wait()
    loop.remove_reader(judge.sentinel)
    await relay.drain(DRAIN_SECONDS)
    for upstream in (target, beside):
        upstream.close()
    await told.end()
    return bool(ended)


class _Telling:
    """The way to the process that judges."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: list[Passed] = []
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def over(cls, pipe: socket.socket) -> _Telling:
        _, writer = await asyncio.open_connection(sock=pipe)
        writer.transport.set_write_buffer_limits(high=MOST_UNJUDGED_BYTES)
        return cls(writer)

    async def tell(self, passed: Passed) -> None:
        """Hands over an exchange, when there is a moment for that; waits where too many are unjudged."""
        self._waiting.append(passed)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._flush)
        if self._writer.transport.get_write_buffer_size() > MOST_UNJUDGED_BYTES:
            with suppress(ConnectionError):
                await self._writer.drain()

    def _flush(self) -> None:
        self._timer = None
        content = pickle.dumps(self._waiting, pickle.HIGHEST_PROTOCOL)
        self._waiting = []
        self._writer.write(FRAME.pack(len(content)) + content)

    async def end(self) -> None:
        """Says that there is no more, when all of it has been taken."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        with suppress(ConnectionError, OSError):
            self._writer.close()
            await self._writer.wait_closed()
