"""What a write does beside its record: other records and other keys see nothing, new records are new, deleted go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from contract_tests.endpoint.guard import BudgetSpent
from contract_tests.judging.readings import addressed_key, repeated
from contract_tests.judging.rows import apart
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.listed import record_in
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.looks import Change, Look, look, unexplained
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, WireRequest

MOST_WRITES = 2
"""So many documented requests of an operation are looked at among linked records of every kind."""


class Row(NamedTuple):
    """A record as one operation shows it."""

    reader: Operation
    keys: tuple[Json, ...]
    record: Json
    seen: reading.Reading


def _rows(world: World, kind: str) -> Iterator[Row]:
    """Every record of a kind in every way that the documentation shows: lists, and reads of the known ones."""
    shape = world.spec.records[kind]
    for operation in world.readers(kind):
        if operation.contract["effect"] == "list":
            rows, wire, status = reading.rows_of(world, operation, {})
            for row in rows:
                if isinstance(row, dict):
                    keys = tuple(row.get(name) for name in (shape.key, *shape.aliases))
                    seen = reading.Reading(operation, row, (), wire, status)
                    yield Row(operation, keys, lasting(seen.record_schema, row, issued=()), seen)
            continue
        for known in _known_keys(world, operation):
            seen = reading.read_one(world, operation, known)
            if isinstance(seen.record, dict):
                keys = (known, *(seen.record.get(name) for name in (shape.key, *shape.aliases)))
                yield Row(operation, keys, lasting(seen.record_schema, seen.record, issued=()), seen)


def _known_keys(world: World, operation: Operation) -> list[Json]:
    name = operation.contract["key"]["name"]
    variable = next((p.variable for p in operation.parameters_in("path") if p.name == name), None)
    return world.values(variable)[:3] if variable is not None else []


# --- isolation -------------------------------------------------------------------------------------------


def others_untouched(recorder: Recorder) -> None:
    """Writes one record, and compares every other one of its kind before and after, and what another key sees."""
    operation, home = recorder.operation, recorder.world
    elsewhere = home.fresh() if home.own else None
    abroad = Untouched(elsewhere, operation) if elsewhere else None

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        _write_and_look_around(recorder, world, prepared, request)

    recorder.each(successes(home, operation), check)
    if home.own or not home.transport.guard.real:
        _write_among_linked(recorder, home)
    if elsewhere is not None and abroad is not None:
        leaked = abroad.changed("a write with another key")
        wire = elsewhere.send(operation, elsewhere.plain_request(operation))[0].wire if leaked else None
        if wire is not None:
            recorder.add("another key", home.spec.security.evidence, leaked, wire)
    recorder.finish()


def _write_and_look_around(recorder: Recorder, world: World, prepared: NamedRequest, request: NamedRequest) -> None:
    operation = recorder.operation
    kind = operation.contract["record"]
    before = list(_rows(world, kind))
    sent, reply = world.send(operation, prepared)
    if reply.status >= 300:
        return
    mine = reading.key_of(operation, sent, reply)
    after = list(_rows(world, kind))
    for reader in world.readers(kind):
        old = [row for row in before if row.reader is reader and mine not in row.keys]
        new = [row for row in after if row.reader is reader and mine not in row.keys]
        if not old and not new:
            continue
        evidence = weakest(contract_evidence(operation), (old or new)[0].seen.evidence, request.evidence)
        title = f"{request.name}, read by {reader.id}"
        recorder.add(title, evidence, _disturbed(old, new, reader), sent.wire)


def _disturbed(old: list[Row], new: list[Row], reader: Operation) -> Iterable[Difference]:
    """Records that were not written, and yet came, went or changed."""
    look = new[0].seen.wire if new else None
    shape = [row.record for row in old], [row.record for row in new]
    for at, before, after, told in apart(reader.contract["key"]["name"], *shape):
        yield Difference(at, before, after, f"beside what was written, {told} in {reader.id}", look=look, beside=True)


def _write_among_linked(recorder: Recorder, home: World) -> None:
    """Links two records of each kind to the same other one, writes, and looks at the records of every kind.

    On a mock of our own it is looked at after the last write, and only if something changed, after each.
    """
    if home.own and not list(_beside(recorder, home.fresh(), each=False)):
        return
    for title, evidence, found, wire in _beside(recorder, home.fresh(), each=True):
        recorder.add(title, evidence, found, wire)


def _beside(
    recorder: Recorder, world: World, *, each: bool
) -> Iterator[tuple[str, Evidence, list[Difference], WireRequest]]:
    """What changed beside the written records among linked ones: the request, how we know, what, and what was sent."""
    operation = recorder.operation
    target = addressed_key(operation, world.plain_request(operation))
    linked = [_link_two(world, linking, operation, target) for linking in world.spec.operations.values()]
    alone = [one for one in successes(world, operation) if not one.after][:MOST_WRITES]
    # What goes with a deleted record is linked with it; of what is made or changed nothing says where else to look.
    about = operation if operation.contract.get("effect") == "delete" else None
    before, keys, last = _linked_look(world, about, str(linked)), [], None
    for request in alone:
        with _where_covered():
            sent, reply = world.send(operation, world.named(operation, request.name))
            if reply.status < 300:
                keys.append(reading.key_of(operation, sent, reply))
                last = request, sent
        if last is None or (request is not alone[-1] and not each):
            continue
        after = look(world, about)
        mine = set().union(*(_names(world, operation, key, before, after) for key in keys))
        moved = [one for one in unexplained(world, before, after) if not _lawful(world, operation, one, mine)]
        found = [_moved(one, after) for one in {(one.operation, *one[2:4]): one for one in reversed(moved)}.values()]
        if found:
            evidence = weakest(contract_evidence(operation), last[0].evidence)
            yield f"{last[0].name}, beside linked records", evidence, found, last[1].wire
        before, keys, last = after, [], None


def _linked_look(world: World, about: Operation | None, linked: str) -> Look:
    """What is there once records are linked; a mock of our own shows the same wherever the same was linked."""
    place = about.id if about is not None else "", linked
    if not world.own:
        return look(world, about)
    if place not in world.first_looks:
        world.first_looks[place] = look(world, about)
    known: Look = world.first_looks[place]
    return known


@contextmanager
def _where_covered() -> Iterator[None]:
    """Goes on where something cannot be covered, but for a budget that is spent."""
    try:
        yield
    except BudgetSpent:
        raise
    except NotCovered:
        pass


def _link_two(world: World, linking: Operation, operation: Operation, target: Json) -> list[Json]:
    """Lets two records refer to the same one, which is written afterwards if it is of that kind; it is not judged.

    What was sent is returned.
    """
    contract, shape = linking.contract, world.spec.records.get(str(linking.contract.get("record")))
    if shape is None or contract.get("effect") != "update" or (contract.get("key") or {}).get("in") != "path":
        return []
    links = {name: shape.links[field] for name, field in (contract.get("fields") or {}).items() if field in shape.links}
    key = contract["key"]["name"]
    variable = next((p.variable for p in linking.parameters_in("path") if p.name == key), None)
    if not links or variable is None:
        return []
    guard = world.transport.guard
    values = reading.documented_values(world, linking)
    body = {**reading.base_body(world, linking), **{name: values[name][0] for name in links if name in values}}
    if target is not ABSENT:
        body |= {name: target for name, link in links.items() if link.record == operation.contract["record"]}
    plain, done = world.plain_request(linking), list[Json]()
    for value in [one for one in world.values(variable) if guard.may_write(shape.kind, one)][:2]:
        with suppress(NotCovered):
            world.send(linking, plain.with_values({**plain.path, key: value}, plain.query, body))
            done.append([linking.id, value, body])
    return done


def _names(world: World, operation: Operation, key: Json, *looks: Look) -> set[str]:
    """Every name of the record that was written, as the lists show it."""
    kind = str(operation.contract["record"])
    shape = world.spec.records[kind]
    names = {str(key)}
    for shown in looks:
        for (reader, _), rows in shown.shown.items():
            if world.spec.operations[reader].contract.get("record") == kind:
                for row in [one for found in rows.values() for one in found if isinstance(one, dict)]:
                    mine = {str(row[name]) for name in (shape.key, *shape.aliases) if row.get(name) not in (None, "")}
                    names |= mine if mine & names else set()
    return names


def _lawful(world: World, operation: Operation, change: Change, mine: set[str]) -> bool:
    """Whether a write may bring a change about: of its own record, of what refers to a deleted one, of a count."""
    reader = world.spec.operations[change.operation]
    kind, size = reader.contract.get("record"), (reader.contract.get("page") or {}).get("size")
    if kind is None or size in reader.requests[change.request].query:
        return True  # It may be part of the record that was written, or come up from the next page.
    if kind == operation.contract["record"] and change.record in mine:
        return True
    if change.before == "absent" and kind in {
        one["record"] for one in (operation.contract.get("makes") or {}).values()
    }:
        return True  # It was made of what was sent.
    campaigns = world.spec.campaigns
    if change.before == "absent" and campaigns is not None and operation.contract["record"] == campaigns.record:
        return reader.id in world.spec.ringing  # Whom a campaign calls is not asked for one by one.
    if operation.contract["effect"] == "delete" and str(change.before) in mine:
        return True  # What becomes of references is a property of its own.
    counts = all(isinstance(one, int | float) for one in (change.before, change.after))
    return counts and kind != operation.contract["record"]


def _moved(change: Change, after: Look) -> Difference:
    look, at = after.wires.get((change.operation, change.request)), f"/{change.field}" if change.field else ""
    return Difference(
        at, change.before, change.after, f"beside what was written, {change.told}", look=look, beside=True
    )


# --- unique ----------------------------------------------------------------------------------------------


def new_is_new(recorder: Recorder) -> None:
    """Creates record after record, and looks whether each is another one and all are there, once each."""
    operation, world = recorder.operation, recorder.world.fresh()
    kind = operation.contract["record"]
    made: list[tuple[Json, Json]] = []
    reasons = []
    wire, evidence = None, contract_evidence(operation, "unique")
    for request in successes(world, operation):
        for _ in range(1 if operation.contract.get("idempotent") else 2):
            try:
                sent, reply = world.send(operation, world.named(operation, request.name))
            except BudgetSpent:
                raise
            except NotCovered as why:
                reasons.append(str(why))
                break
            if reply.status >= 300:
                continue
            wire = sent.wire
            record = record_in(operation, reply.json, operation.contract["key"]["name"])
            names = operation.contract.get("echo") or ()
            mine = [sent.value(name) for name in names]
            same = operation.contract.get("idempotent") and mine in [values for _, values in made]
            if isinstance(record, dict) and not same:
                found = list(repeated(operation, record, [one for one, _ in made]))
                recorder.add(request.name, weakest(evidence, request.evidence), found, sent.wire)
                made.append((record, mine))
    if wire is None:
        raise NotCovered("; ".join(dict.fromkeys(reasons)) or "no documented request makes a record")
    name = operation.contract["key"]["name"]
    keys = {record.get(name) for record, _ in made} - {None}
    rows = list(_rows(world, kind))
    for reader in world.readers(kind):
        shown = [row for row in rows if row.reader is reader]
        for key in keys if reader.contract["effect"] == "list" else ():
            times = sum(key in row.keys for row in shown)
            unfiltered = len(keys) == 1 or times or not reader.contract.get("filters")
            if times != 1 and unfiltered and shown:
                wrong = Difference("", 1, times, f"made once, but {reader.id} shows it {times} times")
                recorder.add(f"all, read by {reader.id}", weakest(evidence, shown[0].seen.evidence), [wrong], wire)
    recorder.finish()


# --- delete ----------------------------------------------------------------------------------------------


def deleted_is_gone(recorder: Recorder) -> None:
    """Deletes a record, and looks whether every documented way to read it has lost it and kept the others."""
    operation = recorder.operation
    kind = operation.contract["record"]
    if not any(True for _ in recorder.world.readers(kind)):
        raise NotCovered("no documented operation shows these records")

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        key = addressed_key(operation, prepared)
        before = {one.operation.id: one for one in reading.read(world, kind, key, {})}
        sent, reply = world.send(operation, prepared)
        if reply.status >= 300:
            raise NotCovered(f"was answered with {reply.status}")
        for seen in reading.read(world, kind, key, {}):
            evidence = weakest(contract_evidence(operation), seen.evidence, request.evidence)
            reader = seen.operation.id
            found = []
            if seen.record is not ABSENT:
                found.append(Difference("", "gone", "still there", f"deleted, but {reader} still shows it"))
            lost = len(before[reader].others) - len(seen.others)
            if lost:
                message = f"others went with it in {reader}"
                found.append(Difference("", "the others", f"{lost} fewer", message, beside=True))
            recorder.add(f"{request.name}, read by {reader}", evidence, found, sent.wire)
        if world.own:
            _make_another(recorder, world, key)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()


def _make_another(recorder: Recorder, world: World, key: Json) -> None:
    """Makes a record after one was deleted: that one does not come back, and the new one is another."""
    operation = recorder.operation
    kind, evidence = operation.contract["record"], contract_evidence(operation)
    for maker in world.spec.operations.values():
        if maker.contract.get("record") != kind or maker.contract.get("effect") != "create":
            continue
        sent, reply = world.send(maker, world.plain_request(maker))
        made = reading.key_of(maker, sent, reply) if reply.status < 300 else ABSENT
        if made is ABSENT:
            continue
        found = []
        if made == key:
            found.append(Difference("", "another record", key, "what was made after a delete is the deleted record"))
        for seen in reading.read(world, kind, key, {}):
            if seen.record is not ABSENT and made != key:
                message = f"deleted, and {seen.operation.id} shows it again after another one was made"
                found.append(Difference("", "gone", "there again", message))
        recorder.add(f"{maker.id} after it", evidence, found, sent.wire)
        return
