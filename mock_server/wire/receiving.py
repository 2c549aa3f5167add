"""Takes the body of a request from the socket: whole, within its bounds of size and time, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from mock_server.wire.flight import Flight

MAX_CHUNKS = 20_000
"""In how many pieces a body may come: each costs as much as an ordinary request, however short it is."""

BODY_SECONDS = 30.0
"""How long a request body may take to arrive."""


class BrokenOff(Exception):
    """The body ended before it was whole."""


class Receiving:
    """Takes bodies from sockets, and ends those that take too long.

    These are looked for once a second: a timer for each request would cost more than its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def body(self, headers: Mapping[str, str], protocol: Any, limit: int, flight: Flight) -> bytes | None:
        """The whole body of a request, or None for one that is too large, of which no more than `limit` bytes are read.

        Raises BrokenOff, TimeoutError for one that takes too long, or FlightLimit where more bytes are on their way
        than the server holds.
        """
        length = headers.get("content-length")
        if length is not None:
            if not length.isdigit() or int(length) > limit:
                return None
            flight.take(int(length))
        loop, task = self._loop or self._watched(), asyncio.current_task()
        assert task is not None
        self._due[task] = loop.time() + self._seconds
        try:
            if length is not None:
                body: bytes = await protocol()
                return body
            return await _in_chunks(headers, protocol, limit, flight)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            self._late.discard(task)
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._due[task]

    def _watched(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(1.0, self._watch, self._loop)
        return self._loop

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in list(self._due.items()):
            if due < now and task not in self._late:
                self._late.add(task)
                task.cancel()
        loop.call_later(1.0, self._watch, loop)


async def _in_chunks(headers: Mapping[str, str], protocol: Any, limit: int, flight: Flight) -> bytes | None:
    """The body of a request that does not say how long it is."""
    chunks: list[bytes] = []
    size, empty = 0, 0
    async for chunk in protocol:
        if not chunk:
            empty += 1
        size += len(chunk)
        if size > limit or len(chunks) >= MAX_CHUNKS:
            return None
        flight.take(len(chunk))
        chunks.append(chunk)
    # The web server says an end by one empty chunk, and an error by an empty chunk before it. So does a trailer, which
    # no client of these vendors sends. Over HTTP/2 a frame without content is usual and looks the same: there a body
    # of no stated length that is cut short where it could have ended is not told from a whole one.
    if empty > 1 and "transfer-encoding" in headers:
        raise BrokenOff
    return b"".join(chunks)
