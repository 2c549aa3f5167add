"""A space's time: the real one, moved, or standing still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mock_server.messages import Json


class Clock:
    """Time in UTC. A clock that was set goes on from there unless it is frozen.

    `born` is the moment at which it stands still to begin with; None begins with real time.
    """

    def __init__(self, born: datetime | None = None) -> None:
        self._offset = timedelta()
        self._frozen = born

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._offset

    def set(self, moment: datetime | None, *, frozen: bool) -> None:
        """Moves the clock to `moment` (None: the time it shows) and lets it stand still or run."""
        shown = moment or self.now()
        self._frozen = shown if frozen else None
        self._offset = shown - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Moves the clock by that many seconds, back when negative; raises OverflowError out of range."""
        moved = self.now() + timedelta(seconds=seconds)
        self.set(moved, frozen=self.frozen)

    @property
    def version(self) -> object:
        """Moves with every change."""
        return self._offset, self._frozen

    def kept(self) -> list[Json]:
        """What there is to keep: the seconds it is ahead of real time, and when it stands still, or None."""
        return [self._offset.total_seconds(), self._frozen.isoformat() if self._frozen else None]

    def restore(self, kept: list[Json]) -> None:
        """Goes on as one that was kept."""
        self._offset = timedelta(seconds=kept[0])
        self._frozen = datetime.fromisoformat(kept[1]) if kept[1] else None

    def reset(self) -> None:
        """Real time again."""
        self._offset = timedelta()
        self._frozen = None
