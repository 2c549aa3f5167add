"""Threads beside the event loop, for work that may have to wait: on a disk, on a service, on a long document."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = Callable[[], Any]
_Waiting = tuple["asyncio.Future[Any]", Work]

MOST_TOGETHER = 32
"""So many pieces of work are done together at most: whoever came first waits for the last of them."""


class Lanes:
    """So many threads that take work in turn. What is done is told to the loop in one go, as often as it looks.

    Whatever waits in one lane when a thread is free is done together, by that thread. An executor of the standard
    library would wake the loop for every piece of work, which takes longer than most do.
    """

    def __init__(
        self,
        count: int,
        name: str,
        begin: Callable[[], object],
        together: Callable[[Sequence[Work]], Sequence[Any]],
    ) -> None:
        """`begin` is called first in each of the threads.

        `together` says of each of several pieces of work what came of it, or what it raised.
        """
        self._count, self._name, self._begin, self._together = count, name, begin, together
        self._waiting: dict[Hashable, deque[_Waiting]] = {}
        self._guard = Lock()
        self._queue: SimpleQueue[Hashable] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any]] = deque()
        self._telling = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, lane: Hashable, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """What the work says, or raises; to be called on the loop."""
        if self._loop is None:
            self._start()
            assert self._loop is not None
        future: asyncio.Future[Result] = self._loop.create_future()
        with self._guard:
            waiting = self._waiting.get(lane)
            if waiting is None:
                self._waiting[lane] = deque([(future, work)])
                self._queue.put(lane)
            else:
                waiting.append((future, work))
        return future

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in range(self._count):
            Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        self._begin()
        while True:
            lane = self._queue.get()
            waiting = self._waiting[lane]
            taken = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
            try:
                said = self._together([work for _, work in taken])
            except BaseException as error:
                said = [error] * len(taken)
            with self._guard:
                # One thread at a time is in a lane.
                if waiting:
                    self._queue.put(lane)
                else:
                    del self._waiting[lane]
            self._done.extend((future, one) for (future, _), one in zip(taken, said, strict=True))
            # What this thread did last is held by nobody while it waits for more.
            del taken, said
            if not self._telling:
                self._telling = True
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        # First, so that whatever is done from now on is told once more.
        self._telling = False
        for _ in range(len(self._done)):
            future, said = self._done.popleft()
            if future.done():
                continue
            if isinstance(said, BaseException):
                future.set_exception(said)
            else:
                future.set_result(said)
