"""What a write does to its record: it reads back, what was not sent stays, clearing clears, again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from contract_tests.endpoint.transport import Reply
from contract_tests.judging.lawful import Draw, answer_evidence, lawful
from contract_tests.judging.readings import addressed_key, moved, not_cleared, other_values, unlike
from contract_tests.properties.tools import generation
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import contract_evidence, weakest, written_evidence
from contract_tests.world import reading
from contract_tests.world.reading import Reading
from contract_tests.world.world import ABSENT, Sent, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation


def writes(operation: Operation) -> bool:
    """Whether the operation writes a record whose key the contract knows."""
    return operation.contract.get("effect") in ("create", "update", "delete") and "key" in operation.contract


# --- read-back -------------------------------------------------------------------------------------------


def reads_back(recorder: Recorder) -> None:
    """Writes, and compares what was sent with the answer and with every documented way to read the record."""
    operation, world = recorder.operation, recorder.world.fresh()
    if "at" not in operation.contract and not any(True for _ in world.readers(operation.contract["record"])):
        raise NotCovered("no documented operation shows these records")

    def check(world: World, request: NamedRequest) -> None:
        named = world.named(operation, request.name)
        _write_and_read(recorder, world, named, request.name, request.evidence)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()
    turns = count()

    def check_draw(draw: Draw) -> None:
        if not draw.violations and draw.raw is None:
            _write_and_read(recorder, world, draw.request, "generated", operation.evidence, turn=next(turns))

    recorder.generate(generation.valid_requests(world, operation), check_draw)


def _write_and_read(
    recorder: Recorder, world: World, request: NamedRequest, name: str, asked: Evidence, *, turn: int | None = None
) -> None:
    """Writes, and reads in every way, or a generated request in the one whose `turn` it is: there are many.

    What is drawn here is judged as an answer too, and need not be drawn once more for that.
    """
    operation, at_once = recorder.operation, turn is not None
    sent, reply = world.send(operation, request)
    if at_once:
        recorder.add(name, answer_evidence(operation, reply), lawful(world, operation, reply), sent.wire, at_once=True)
    if reply.status >= 300:
        return
    key = reading.key_of(operation, sent, reply)
    if key is ABSENT:
        missing = Difference("", f"the key {operation.contract.get('key')}", "absent", "the answer names no record")
        recorder.add(name, weakest(operation.evidence, asked), [missing], sent.wire, at_once=at_once)
        return
    written = reading.sent_fields(operation, sent)
    for seen in _readings(world, operation, key, written, sent, reply, turn=turn):
        differences = list(unlike(operation, written, seen, reading.same_names(world, operation)))
        evidence = weakest(written_evidence(operation, seen.operation), seen.evidence, asked)
        recorder.add(f"{name}, read by {seen.operation.id}", evidence, differences, sent.wire, at_once=at_once)
        kept = {one: value for one, value in reading.kept_fields(operation, sent).items() if seen.declares(one)}
        if kept and seen.record is not ABSENT:
            ours = Evidence("assumed", operation.evidence.source, "under which name it reads back")
            recorder.add(
                f"{name}, kept",
                ours,
                list(unlike(operation, kept, seen, reading.same_names(world, operation))),
                sent.wire,
                at_once=at_once,
            )
    for field, value, seen in reading.made_beside(world, operation, sent, reply):
        how = weakest(contract_evidence(operation, "makes"), seen.evidence, asked)
        found = list(unlike(seen.operation, value, seen))
        recorder.add(f"{name}, {field} read by {seen.operation.id}", how, found, sent.wire, at_once=at_once)


def _readings(
    world: World,
    operation: Operation,
    key: Json,
    written: dict[str, Json],
    sent: Sent,
    reply: Reply,
    *,
    turn: int | None = None,
) -> Iterable[Reading]:
    answer = reading.answered(operation, sent, reply)
    if answer is not None:
        yield answer
    known = {**written, **reading.owners_of(operation, sent)}
    yield from reading.read(world, operation.contract["record"], key, known, turn=turn)


# --- partial ---------------------------------------------------------------------------------------------


def keeps_the_rest(recorder: Recorder) -> None:
    """Fills a record, updates parts of it, and compares the fields that were not sent before and after."""
    operation = recorder.operation
    values = reading.documented_values(recorder.world, operation)

    def check(world: World, request: NamedRequest) -> None:
        filled = _fill(world, operation, values)
        named = world.prepared(operation, world.named(operation, request.name))
        answer = filled.answer if filled is not None and named.path == filled.request.path else None
        answer = _update_and_compare(recorder, world, named, request.name, request.evidence, answer)
        if filled is None or answer is None or request is not first:
            return
        base = reading.base_body(world, operation)
        for name, documented in values.items():
            part = filled.request.with_values(named.path, named.query, {**base, name: documented[-1]})
            answer = _update_and_compare(recorder, world, part, f"{name} alone", operation.evidence, answer)

    requests = successes(recorder.world, operation)
    first = requests[0] if requests else None
    recorder.each(requests, check)
    recorder.finish()
    world = recorder.world.fresh()
    last: Last = {}

    def check_draw(draw: Draw) -> None:
        if not draw.violations and draw.raw is None:
            _update_and_compare(recorder, world, draw.request, "generated", operation.evidence, None, last)

    recorder.generate(generation.valid_requests(world, operation), check_draw, share=2)


Last = dict[str, dict[str, Reading]]
"""How a record was read last, by its key and by the operation that shows it."""


class Filled(NamedTuple):
    """A request that gave a record a value in every field, and what its answer showed."""

    request: NamedRequest
    answer: Reading | None


def _fill(world: World, operation: Operation, values: dict[str, list[Json]]) -> Filled | None:
    """Gives the documented record a documented value in every field; None when that was refused."""
    body = {**reading.base_body(world, operation), **{name: known[0] for name, known in values.items()}}
    plain = world.plain_request(operation)
    request = plain.with_values(plain.path, plain.query, body)
    sent, reply = world.send(operation, request)
    return Filled(request, reading.answered(operation, sent, reply)) if reply.status < 300 else None


def _update_and_compare(
    recorder: Recorder,
    world: World,
    request: NamedRequest,
    name: str,
    asked: Evidence,
    answer: Reading | None,
    last: Last | None = None,
) -> Reading | None:
    """Compares the record before and after; `answer` is that of the write before, what this one shows is returned.

    `last` is how each record was read after the last update; on a mock of our own nobody has changed it since.
    """
    operation, at_once = recorder.operation, last is not None
    contract = operation.contract
    key = addressed_key(operation, request)
    before = (last or {}).get(str(key)) if world.own else None
    if before is None:
        before = {one.operation.id: one for one in reading.read(world, contract["record"], key, {})}
    sent, reply = world.send(operation, request)
    if reply.status >= 300:
        return None
    written = reading.sent_fields(operation, sent)
    fields = set((contract.get("fields") or {}).values()) - set(written) if contract.get("partial") else set()
    shown = reading.answered(operation, sent, reply)
    after = {one.operation.id: one for one in reading.read(world, contract["record"], key, {})}
    if last is not None:
        last.clear()  # Of the other records this update may have changed what another property is about.
        last[str(key)] = after
    pairs = [(before[name], seen) for name, seen in after.items()]
    pairs += [(answer, shown)] if answer is not None and shown is not None else []
    for old, seen in pairs:
        for word, names in (("partial", fields), ("immutable", set(contract.get("immutable") or ()))):
            evidence = weakest(contract_evidence(operation, word), seen.evidence, asked)
            title = f"{name}, read by {seen.operation.id}"
            recorder.add(title, evidence, list(moved(names, old, seen)), sent.wire, at_once=at_once)
    return shown


# --- clear -----------------------------------------------------------------------------------------------


def clears_one_field(recorder: Recorder) -> None:
    """Fills a record, clears one field, and looks at that field and at the others."""
    operation = recorder.operation
    values = reading.documented_values(recorder.world, operation)
    reasons = []
    for name, clearing in operation.contract["clears"].items():
        for value in clearing:
            world = recorder.world.fresh()
            filled = _fill(world, operation, values) if name in values else None
            if filled is None:
                reasons.append(f"no documented request gives {name} a value to clear")
                continue
            body = {**reading.base_body(world, operation), name: value}
            request = filled.request.with_values(filled.request.path, filled.request.query, body)
            _clear_and_look(recorder, world, request, name)
    recorder.finish()
    if len(reasons) == sum(len(clearing) for clearing in operation.contract["clears"].values()):
        raise NotCovered("; ".join(dict.fromkeys(reasons)))


def _clear_and_look(recorder: Recorder, world: World, request: NamedRequest, name: str) -> None:
    operation, title = recorder.operation, f"{name} {request.body[name]!r}"
    kind, key = operation.contract["record"], addressed_key(operation, request)
    before = {one.operation.id: one for one in reading.read(world, kind, key, {})}
    sent, reply = world.send(operation, request)
    how = contract_evidence(operation, "clears")
    if reply.status >= 300:
        refused = Difference("status", "a success", reply.status, f"{title}, which clears the field, was refused")
        recorder.add(title, how, [refused], sent.wire)
        return
    fields = operation.contract["fields"]
    others = set(fields.values()) - set(reading.sent_fields(operation, sent))
    for seen in _readings(world, operation, key, {}, sent, reply):
        reader = seen.operation.id if seen.operation is not operation else "the answer"
        if seen.record is ABSENT or (seen.operation is operation and not seen.declares(fields[name])):
            continue
        found, grade = reading.field(seen.record, fields[name]), seen.grade(fields[name])
        missing = list(not_cleared(fields[name], found, reader, grade))
        recorder.add(f"{title}, read by {seen.operation.id}", weakest(how, seen.evidence), missing, sent.wire)
        if seen.operation is not operation:
            evidence = weakest(how, contract_evidence(operation, "partial"), seen.evidence)
            others_moved = list(moved(others, before[seen.operation.id], seen))
            recorder.add(f"{title}, read by {seen.operation.id}", evidence, others_moved, sent.wire)


# --- idempotent ------------------------------------------------------------------------------------------


def same_again(recorder: Recorder) -> None:
    """Makes each documented request three times, and compares the record after the first with what it is then."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        sent, reply = world.send(operation, prepared)
        if reply.status >= 300:
            raise NotCovered(f"was answered with {reply.status}")
        key = reading.key_of(operation, sent, reply)
        first = _all_readings(world, operation, key, sent, reply)
        evidence = weakest(contract_evidence(operation, "idempotent"), request.evidence)
        second, again = world.send(operation, prepared)
        if again.status >= 300:
            refused = Difference("status", reply.status, again.status, "the same request again was refused")
            recorder.add(request.name, evidence, [refused], sent.wire)
            return
        if reading.key_of(operation, sent, again) != key:
            other = Difference("", "the same record", "another one", "the same request again made another record")
            recorder.add(request.name, evidence, [other], sent.wire)
        # What turns with every request is after the third as it was after the first.
        twice = _all_readings(world, operation, key, second, again)
        third, still = world.send(operation, prepared)
        if still.status != again.status:
            message = f"the second time {again.status}, the third time {still.status}"
            difference = Difference("status", again.status, still.status, message)
            recorder.add(f"{request.name} three times", evidence, [difference], sent.wire)
            return
        thrice = _all_readings(world, operation, key, third, still)
        for times, readings in (("twice", twice), ("three times", thrice)):
            for one, last in zip(first, readings, strict=True):
                if _timeless(one) != _timeless(last):
                    before, now = _timeless(one), _timeless(last)
                    others = before[0] == now[0]
                    message = f"the same request again changed it: it shows {other_values(before, now)}"
                    difference = Difference("", before, now, message, beside=others)
                    title = f"{request.name} {times}, read by {one.operation.id}"
                    recorder.add(title, weakest(evidence, one.evidence), [difference], sent.wire)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()


def _all_readings(world: World, operation: Operation, key: Json, sent: Sent, reply: Reply) -> list[Reading]:
    return list(_readings(world, operation, key, {}, sent, reply))


def _timeless(seen: Reading) -> list[Json]:
    """A reading without the times that the server issues, which may move, and how many others there are."""
    record = "absent" if seen.record is ABSENT else lasting(seen.record_schema, seen.record)
    return [record, len(seen.others)]
