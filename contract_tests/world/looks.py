"""What a vendor's server shows at one moment, by record and in what the pages name; how a later look differs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from contract_tests.endpoint.guard import BudgetSpent
from contract_tests.endpoint.transport import Reply
from contract_tests.words.findings import Difference, NotCovered, show
from contract_tests.words.listed import record_in, rows_in
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import lasting
from contract_tests.world import reading
from contract_tests.world.motion import Motion
from contract_tests.world.world import Sent, World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, WireRequest

MOST_LOOKED_AT = 6
"""Up to so many operations that show something are all looked at."""

LOOKS, PAUSE_SECONDS = 9, 0.07
"""How often, and how far apart, it is looked whether something moves by itself."""

_GONE = (400, 404, 410, 422)
"""How a read may be refused whose record is not there."""


class Change(NamedTuple):
    """A record that one operation shows differently in two looks; `field` is empty where it came or went."""

    operation: str
    request: str
    record: str
    field: str
    before: Json
    after: Json

    @property
    def told(self) -> str:
        """What changed, in words."""
        record = f"the record {self.record} in {self.operation}"
        if self.field:
            return f"{record} changed: its {self.field} is {show(self.after)}, and was {show(self.before)}"
        came, went = self.before == "absent", self.after == "absent"
        return f"{record} is {'new' if came else 'gone' if went else 'another'}"

    @property
    def place(self) -> str:
        """The operation and the request that show it."""
        return f"{self.operation}/{self.request}"


class Look(NamedTuple):
    """The records of each list and of each documented read, by operation and request, and then by key.

    A key may have several rows, a version each. What could not be looked at is not in it.
    """

    shown: dict[tuple[str, str], dict[str, list[Json]]]
    wires: Mapping[tuple[str, str], WireRequest] = {}


def look(world: World, about: Operation | None = None) -> Look:
    """Every list of the vendor as it is now, and the documented record of each read.

    Of a vendor that shows much, only what an operation is `about`, where one is named. A new space of our own mock is
    as every other one was when it was new.
    """
    pristine = world.pristine
    shown: dict[tuple[str, str], dict[str, list[Json]]] = {}
    wires: dict[tuple[str, str], WireRequest] = {}
    for operation in _showing(world, about):
        for request in [one for one in successes(world, operation) if not one.after]:
            place = operation.id, request.name
            try:
                known = place in world.first_looks
                found = world.first_looks[place] if pristine and known else _seen(world, operation, request)
            except BudgetSpent:
                raise
            except NotCovered:
                continue  # What cannot be looked at costs the look, not the request that it is for.
            if pristine:
                world.first_looks[place] = found
            if found is not None:
                shown[place], wires[place] = found
            if operation.contract["effect"] == "read":
                break
    world.pristine = pristine
    return Look(shown, wires)


def _seen(
    world: World, operation: Operation, request: NamedRequest
) -> tuple[dict[str, list[Json]], WireRequest] | None:
    """What one request shows, and the request; None where it shows nothing that could be compared."""
    sent, reply = world.send(operation, world.named(operation, request.name))
    if reply.status < 300 or (operation.contract["effect"] == "read" and reply.status in _GONE):
        return dict(_records(world, operation, request, sent, reply)), sent.wire
    return None


def _showing(world: World, about: Operation | None) -> list[Operation]:
    """The operations that show the records of an operation and those they are linked with.

    Of a kind that it is only linked with the list will do, or the first read where there is none.
    """
    every = [one for one in world.spec.operations.values() if one.contract.get("effect") in ("list", "read")]
    kind = str(about.contract.get("record")) if about is not None else ""
    if len(every) <= MOST_LOOKED_AT or about is None or kind not in world.spec.records:
        return every
    linked = _linked(world, about, kind)
    if not linked and about.method != "GET":
        # What it writes is linked with nothing that would tell where else to look.
        return every
    key = world.spec.records[kind].key
    # A list that shows too little of its records to be read back still shows that one came or went.
    found = [one for one in every if one.contract.get("record") == kind or _lists_keys(one, key)]
    for other in linked:
        theirs = [one for one in every if one.contract.get("record") == other]
        found += sorted(theirs, key=lambda one: one.contract["effect"] != "list")[:1]
    return found


def _lists_keys(operation: Operation, key: str) -> bool:
    """Whether a list says of its records only by which key they go."""
    contract = operation.contract
    return "record" not in contract and contract["effect"] == "list" and contract["key"]["name"] == key


def _linked(world: World, operation: Operation, kind: str) -> list[str]:
    """The kinds that records of a kind refer to or belong to, and those that refer to them."""
    records = world.spec.records
    named = [link.record for link in records[kind].links.values()]
    named += [node["record"] for node in (operation.contract.get("within") or {}).values()]
    named += [other for other, shape in records.items() if kind in [link.record for link in shape.links.values()]]
    return [one for one in dict.fromkeys(named) if one != kind]


def _records(
    world: World, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply
) -> Iterator[tuple[str, list[Json]]]:
    name = operation.contract["key"]["name"]
    if reply.status >= 300:
        return
    if operation.contract["effect"] == "read":
        shape = world.spec.records.get(operation.contract.get("record", ""))
        name = shape.key if shape else name
        rows = [record_in(operation, reply.json, name)]
    else:
        rows = rows_in(operation, reply.json) or []
    schema = reading.Reading(operation, ABSENT, (), sent.wire, reply.status).record_schema
    found: dict[str, list[Json]] = {}
    for row in rows:
        key = row.get(name) if isinstance(row, dict) else row
        found.setdefault(str(key), []).append(lasting(schema, row))
    yield from found.items()


def changes(before: Look, after: Look) -> Iterator[Change]:
    """How a later look differs, in what both of them show: the order of the rows is no difference."""
    for place in [one for one in before.shown if one in after.shown]:
        old, new = before.shown[place], after.shown[place]
        for key in [*old, *(one for one in new if one not in old)]:
            ours, theirs = old.get(key), new.get(key)
            if ours is None or theirs is None or len(ours) != len(theirs):
                yield Change(*place, key, "", _one(ours), _one(theirs))
                continue
            for was, now in zip(_sorted(ours), _sorted(theirs), strict=True):
                for field, one, other in _fields(was, now):
                    yield Change(*place, key, field, one, other)


def _fields(was: Json, now: Json) -> Iterator[tuple[str, Json, Json]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(one for one in now if one not in was)]:
            if was.get(name, ABSENT) != now.get(name, ABSENT):
                yield name, was.get(name, "absent"), now.get(name, "absent")
    elif was != now:
        yield "", was, now


def _one(rows: list[Json] | None) -> Json:
    return "absent" if rows is None else rows[0] if len(rows) == 1 else rows


def _sorted(rows: list[Json]) -> list[Json]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str)) if len(rows) > 1 else rows


def unexplained(world: World, before: Look, after: Look) -> list[Change]:
    """How a later look differs, but for what moves at this server while nothing is sent."""
    found = list(changes(before, after))
    if not world.own:
        # What a call does by itself it does once; whoever watches afterwards sees it no more.
        found = [one for one in found if not (one.field and world.spec.moves_by_itself(one.operation, one.field))]
    if found and not world.own:
        watch(world)
    motion = world.motion
    return [
        one
        for one in found
        if (one.operation, one.field) not in motion.fields
        and not (motion.used and (_other(one) or one.record in motion.records))
    ]


def fair(world: World, differences: Iterable[Difference]) -> list[Difference]:
    """The differences but for those that others who use this server may have brought about.

    Where looking costs too much to find that out, what may have come of others need not hold.
    """
    found = list(differences)
    if world.own or not any(one.beside for one in found) or "read" not in world.transport.guard.allowed:
        return found
    if world.transport.guard.real:
        for one in found:
            one.grade = "assumed" if one.beside else one.grade
        return found
    used = world.motion.used or watch(world)
    return [one for one in found if not (used and one.beside)]


def _other(change: Change) -> bool:
    """Whether a record came or went, which others may have done."""
    return not change.field


def _learn(motion: Motion, before: Look, found: list[Change]) -> None:
    """Keeps what moved: a field of every record by itself, a field of some records or a record by somebody's doing."""
    moved: dict[tuple[str, str, str], set[str]] = {}
    for one in found:
        moved.setdefault((one.operation, one.request, one.field), set()).add(one.record)
    for (operation, request, field), records in moved.items():
        if field and records >= set(before.shown[operation, request]):
            motion.fields.add((operation, field))
        else:
            motion.used = True
            motion.records |= records


def watch(world: World) -> bool:
    """Looks for a while, sending nothing else, at what moves; whether the server is in use by others."""
    motion = world.motion
    if motion.left > 0 and not world.transport.guard.real:
        motion.left -= 1
        last = look(world)
        for _ in range(LOOKS):
            time.sleep(PAUSE_SECONDS)
            following = look(world)
            _learn(motion, last, list(changes(last, following)))
            last = following
    return motion.used
