"""The garbage collector, kept from looking through a long document: it does so on whichever thread is at work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Collecting:
    """Lets the collector rest while anybody works on something long; what is long has no circles to be found."""

    def __init__(self) -> None:
        self._resting = 0
        self._lock = Lock()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """For the time of the block."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._resting += more
            if self._resting:
                gc.disable()
            else:
                gc.enable()
