"""What becomes of a record when one that it refers to is deleted: as the reference says."""

from __future__ import annotations

from typing import NamedTuple

from contract_tests.judging import compare
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import CLEARED
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, Link, NamedRequest, Operation, Spec


class Way(NamedTuple):
    """An operation that makes a record refer: by which field of its body, in which of the record, and what follows."""

    operation: Operation
    name: str
    field: str
    link: Link


def ways(spec: Spec, operation: Operation) -> list[Way]:
    """How a record can be made to refer to one that the operation deletes."""
    kind = operation.contract.get("record")
    if operation.contract.get("effect") != "delete" or "key" not in operation.contract:
        return []
    found = []
    for other in spec.operations.values():
        shape = spec.records.get(str(other.contract.get("record")))
        if shape is None or other.contract.get("effect") != "update" or other.method != _first(spec, other).method:
            continue
        written = {**(other.contract.get("fields") or {}), **(other.contract.get("along") or {})}
        for name, target in written.items():
            if target in shape.links and shape.links[target].record == kind:
                found.append(Way(other, name, target, shape.links[target]))
    return found


def _first(spec: Spec, operation: Operation) -> Operation:
    """Of two twins the first."""
    twins = [one for one in spec.operations.values() if one.path == operation.path]
    return next(one for one in twins if one.contract.get("effect") == "update")


def settled_as_said(recorder: Recorder) -> None:
    """Lets a record refer to another, deletes that one, and looks at what became of the first."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        for way in ways(world.spec, operation):
            fresh = world.fresh()
            _delete_linked(recorder, fresh, way, request)

    recorder.each(successes(recorder.world, operation)[:1], check)
    recorder.finish()


def _delete_linked(recorder: Recorder, world: World, way: Way, request: NamedRequest) -> None:
    operation = recorder.operation
    prepared = world.prepared(operation, world.named(operation, request.name))
    target = prepared.path[operation.contract["key"]["name"]]
    plain = world.plain_request(way.operation)
    value = target if way.link.each is None else [{way.link.each: target}]
    body = {**reading.base_body(world, way.operation), way.name: value}
    sent, reply = world.send(way.operation, plain.with_values(plain.path, plain.query, body))
    if reply.status >= 300:
        raise NotCovered(f"{way.operation.id} was answered with {reply.status}")
    key = reading.key_of(way.operation, sent, reply)
    ours = Evidence("assumed", operation.evidence.source, "what a reference says")
    evidence = weakest(way.link.evidence or ours, request.evidence)
    deleted, gone = world.send(operation, prepared)
    title = f"{way.name} of {way.operation.id}"
    if way.link.deleted == "refuse":
        answer = world.spec.answer(operation, operation.contract["in-use"])
        recorder.add(title, evidence, compare.error(world, operation, answer, deleted, gone), deleted.wire)
        return
    if gone.status >= 300:
        refused = Difference("status", "a success", gone.status, "a record that another refers to could not be deleted")
        recorder.add(title, evidence, [refused], deleted.wire)
        return
    for seen in reading.read(world, way.operation.contract["record"], key, {}):
        found = _left(seen.record, way, target)
        recorder.add(f"{title}, read by {seen.operation.id}", evidence, found, deleted.wire)


def _named(item: Json, link: Link) -> Json:
    """What an item of a list refers to."""
    return item.get(link.each) if link.each is not None and isinstance(item, dict) else item


def _left(record: Json, way: Way, target: Json) -> list[Difference]:
    """How a record is not what its reference says that becomes of it."""
    if way.link.deleted == "remove":
        still = Difference("", "gone", "still there", "what it refers to was deleted, and it is still there")
        return [] if record is ABSENT else [still]
    if record is ABSENT:
        return [Difference("", "still there", "gone", "what it refers to was deleted, and it went too")]
    found = reading.field(record, way.field)
    if found in CLEARED or (isinstance(found, list) and target not in [_named(one, way.link) for one in found]):
        return []
    return [Difference(f"/{way.field}", "cleared", str(found), f"refers to {found!r}, which was deleted")]
