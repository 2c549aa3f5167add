"""Takes the body of a request from the socket: whole, within its bounds of size and time, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from mock_server.messages import Request
from mock_server.wire.flight import Flight

MAX_CHUNKS = 20_000
"""In how many pieces a body may come: each costs as much as an ordinary request, however short it is."""

BODY_SECONDS = 30.0
"""How long a request body may take to arrive."""


class BrokenOff(Exception):
    """The body ended before it was whole."""


async def with_body(request: Request, protocol: Any, limit: int, flight: Flight) -> Request:
    """The request with its body, or marked too large without having read more than the limit, in bytes.

    Raises BrokenOff, or FlightLimit where more bytes are on their way than the server holds.
    """
    length = request.headers.get("content-length")
    if length is not None:
        if not length.isdigit() or int(length) > limit:
            return request._replace(too_large=True)
        flight.take(int(length))
        return request._replace(body=await protocol())
    chunks: list[bytes] = []
    size, empty = 0, 0
    async for chunk in protocol:
        if not chunk:
            empty += 1
        size += len(chunk)
        if size > limit or len(chunks) >= MAX_CHUNKS:
            return request._replace(too_large=True)
        flight.take(len(chunk))
        chunks.append(chunk)
    # The web server says an end by one empty chunk, and an error by an empty chunk before it. So does a trailer, which
    # no client of these vendors sends. Over HTTP/2 a frame without content is usual and looks the same: there a body
    # of no stated length that is cut short where it could have ended is not told from a whole one.
    if empty > 1 and "transfer-encoding" in request.headers:
        raise BrokenOff
    return request._replace(body=b"".join(chunks))


class Deadlines:
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
