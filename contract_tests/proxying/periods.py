"""Which exchanges overlapped in time, told as each of them ends: which of those the server did first is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count


@dataclass
class _Period:
    """A time in which always something was under way."""

    number: int
    running: int = 0
    shared: bool = False
    writes: bool = False


class Periods:
    """Sees the exchanges of each key begin and end; those of different keys are none of each other's business."""

    def __init__(self) -> None:
        self._periods: dict[int, _Period] = {}
        self._numbers = count(1)

    def begun(self, space: int, *, writes: bool) -> Callable[[], int]:
        """To be called when the exchange ends: its burst, 0 where it overlapped with nothing that matters."""
        period = self._periods.get(space)
        if period is None:
            period = self._periods[space] = _Period(next(self._numbers))
        period.shared = period.shared or period.running > 0
        period.writes = period.writes or writes
        period.running += 1

        told: list[int] = []

        def ended() -> int:
            if told:
                return told[0]
            period.running -= 1
            if not period.running and self._periods.get(space) is period:
                del self._periods[space]
            told.append(period.number if period.shared and period.writes else 0)
            return told[0]

        return ended
