"""What moves at a server while this run sends nothing: fields that change by themselves, and the doings of others."""

from __future__ import annotations

from dataclasses import dataclass, field

WATCHES = 6
"""So often it is looked whether something moves by itself; what was seen to move is remembered."""


@dataclass
class Motion:
    """What was seen to move: `fields` by the operation that shows them; `used` says that records came, went or changed.

    Where a server is used by others, what came, went or changed beside a request says nothing of the request.
    """

    fields: set[tuple[str, str]] = field(default_factory=set)
    used: bool = False
    left: int = WATCHES
