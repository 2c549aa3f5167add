"""What a request has changed that must change nothing: looks before and after it, compared record by record."""

from __future__ import annotations

from contract_tests.words.findings import Difference
from contract_tests.world.looks import Look, look, unexplained
from contract_tests.world.world import World
from mock_server.spec import Operation


class Untouched:
    """What a vendor shows from the look at the beginning on; each later look is compared with the one before it.

    Looked at is what the operation is `about`, where one is named.
    """

    def __init__(self, world: World, about: Operation | None = None) -> None:
        self._world, self._about = world, about
        self._before: Look = look(world, about)

    def renew(self) -> None:
        """Begins anew with what is there now."""
        self._before = look(self._world, self._about)

    def changed(self, who: str) -> list[Difference]:
        """What changed since the last look, by the operations that show it; `who` is what must not have changed it."""
        self._world.pristine = False  # Whether it still is as a new space is what is asked here.
        after = look(self._world, self._about)
        found = unexplained(self._world, self._before, after)
        self._before = after
        return [
            Difference(
                one.place,
                one.before,
                one.after,
                f"by {who} {one.told}",
                look=after.wires.get((one.operation, one.request)),
            )
            for one in found
        ]
