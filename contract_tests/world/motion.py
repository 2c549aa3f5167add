"""What moves at a server while this run sends nothing: fields that change by themselves, and the doings of others."""

from __future__ import annotations

from dataclasses import dataclass, field

WATCHES = 6
"""So often it is looked whether something moves by itself; what was seen to move is remembered."""


@dataclass
class Motion:
    """What was seen to move: `fields` by the operation that shows them; `used` says that records came, went or changed.

    Where a server is used by others, what came, went or changed beside a request says nothing of the request. `records`
    are the keys of those that were seen to come, go or change.
    """

    fields: set[tuple[str, str]] = field(default_factory=set)
    used: bool = False
    records: set[str] = field(default_factory=set)
    left: int = WATCHES
    late: float = 0.0
    """After so many seconds it was shown what was not shown at first; `waits` counts how often that was tried."""
    waits: int = 0
    long: set[str] = field(default_factory=set)
    """The operations of which nobody has seen the last page."""
    _lists: dict[str, tuple[set[str], int]] = field(default_factory=dict)

    def see(self, target: str, keys: set[str], writes: int) -> None:
        """Sees which records a list shows; if others than before, with nothing written since, it is others' doing."""
        before = self._lists.get(target)
        self._lists[target] = (keys, writes)
        if before is not None and before[1] == writes and before[0] != keys:
            self.used = True
            self.records |= before[0] ^ keys
