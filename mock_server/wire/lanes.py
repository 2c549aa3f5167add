"""Threads beside the event loop, for work that may have to wait: on a disk, on a service, on a long document."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
_Work = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Lanes:
    """So many threads that take work in turn. What is done is told to the loop in one go, as often as it looks.

    An executor of the standard library would wake the loop for every piece of work, which takes longer than most do.
    """

    def __init__(self, count: int, name: str, begin: Callable[[], object]) -> None:
        """`begin` is called first in each of the threads."""
        self._count, self._name, self._begin = count, name, begin
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._telling = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, function: Callable[..., Result], *given: Any) -> asyncio.Future[Result]:
        """What the function says, or raises; to be called on the loop."""
        if self._loop is None:
            self._start()
            assert self._loop is not None
        future: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put((future, function, given))
        return future

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in range(self._count):
            Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        self._begin()
        while True:
            future, function, given = self._queue.get()
            result, raised = None, None
            try:
                result = function(*given)
            except BaseException as error:
                raised = error
            self._done.append((future, result, raised))
            # What this thread did last is held by nobody while it waits for more.
            del future, function, given, result, raised
            if not self._telling:
                self._telling = True
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        # First, so that whatever is done from now on is told once more.
        self._telling = False
        for _ in range(len(self._done)):
            future, result, raised = self._done.popleft()
            if future.done():
                continue
            if raised is None:
                future.set_result(result)
            else:
                future.set_exception(raised)
