"""What a request has changed that must change nothing: looks before and after it, compared record by record."""

from __future__ import annotations

from contract_tests.words.findings import Difference
from contract_tests.world.looks import Look, look, unexplained
from contract_tests.world.world import World


class Untouched:
    """What a vendor shows from the look at the beginning on; each later look is compared with the one before it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._before: Look = look(world)

    def renew(self) -> None:
        """Begins anew with what is there now."""
        self._before = look(self._world)

    def changed(self, who: str) -> list[Difference]:
        """What changed since the last look, by the operations that show it; `who` is what must not have changed it."""
        after = look(self._world)
        found = unexplained(self._world, self._before, after)
        self._before = after
        return [
            Difference(
                one.place,
                one.before,
                one.after,
                f"{who} changed what this operation shows: {f'{one.field} of ' if one.field else ''}{one.record}",
            )
            for one in found
        ]
