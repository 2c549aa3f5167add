"""A doorbell wakes who waits for news of a store that several processes write to, and does not say what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Listen = Callable[[Callable[[], None]], Callable[[], None]]


class Doorbell:
    """Rings on the event loop as often as something may be new; nobody listens while nobody waits."""

    def __init__(self, listen: Listen) -> None:
        """`listen` calls a function, in any thread, whenever something may be new, until what it returned is called."""
        self._listen = listen
        self._stop: Callable[[], None] | None = None
        self._waiting = 0
        self._told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.Future[None] | None = None

    def __enter__(self) -> Doorbell:
        self._waiting += 1
        if self._stop is None:
            self._loop = asyncio.get_running_loop()
            self._stop = self._listen(self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        self._waiting -= 1
        if not self._waiting and self._stop is not None:
            self._stop()
            self._stop = None

    def next(self) -> asyncio.Future[None]:
        """Is done when it rings next. To be asked for before one looks: what comes meanwhile is not missed."""
        if self._next is None:
            assert self._loop is not None
            self._next = self._loop.create_future()
        return self._next

    def _hear(self) -> None:
        if not self._told:
            self._told = True
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        # First, so that whatever comes from now on rings once more.
        self._told = False
        ringing, self._next = self._next, None
        if ringing is not None:
            ringing.set_result(None)
