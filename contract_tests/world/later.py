"""Whether a server shows some time later what it did not show at first: one that is consistent only later."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from contract_tests.words.findings import Difference, NotCovered
from contract_tests.world.world import World
from mock_server.messages import Json

PAUSES_SECONDS = (0.3, 0.7, 2.0)
TRIES = 2
"""So often in a run it is waited for what a finding misses."""


def notice(world: World, differences: Iterable[Difference]) -> None:
    """Asks again for what is missing; where it comes, `world.motion.late` says after how many seconds."""
    motion = world.motion
    missed = [one for one in differences if one.look is not None and one.at.startswith("/")]
    if world.own or world.settling is not None or not missed or motion.late or motion.waits >= TRIES:
        return
    first, waited = missed[0], 0.0
    answered = world.transport.answered(first.look) if first.look is not None else None
    if first.look is None or answered is None or "read" not in world.transport.guard.allowed:
        return
    motion.waits += 1
    name, before = first.at.rpartition("/")[2], _times(answered.json, first)
    for pause in PAUSES_SECONDS:
        time.sleep(pause)
        waited += pause
        try:
            later = world.transport.send(first.look._replace())
        except NotCovered:
            return
        if _times(later.json, first) > before and name:
            motion.late = round(waited, 1)
            return


def _times(body: Json, difference: Difference) -> int:
    """How often a field of that name has the expected value, wherever it stands."""
    name = difference.at.rpartition("/")[2]
    cleared = difference.expected == "cleared"
    return sum(value in ("", None) if cleared else value == difference.expected for value in _values(body, name))


def _values(body: Json, name: str) -> Iterator[Json]:
    if isinstance(body, dict):
        if name in body:
            yield body[name]
        for child in body.values():
            yield from _values(child, name)
    elif isinstance(body, list):
        for child in body:
            yield from _values(child, name)
