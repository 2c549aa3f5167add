"""What a key of another account can do with a record: nothing, and it does not see that it is there."""

from __future__ import annotations

from collections.abc import Iterable

from contract_tests.endpoint.guard import COSTS, BudgetSpent, cost_of
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec


def reaches_made_records(spec: Spec, operation: Operation) -> bool:
    """Whether the operation lists or addresses records of a kind that a documented operation makes."""
    contract = operation.contract
    place = (contract.get("key") or {}).get("in")
    addressed = contract.get("effect") in ("read", "update", "delete") and place == "path"
    # A list of what belongs to one record of the kind shows no new one.
    own = any(one["record"] == contract.get("record") for one in (contract.get("within") or {}).values())
    listed = contract.get("effect") == "list" and place == "row" and not own
    return operation.secured and (addressed or listed) and bool(_makers(spec, contract.get("record")))


def _makers(spec: Spec, kind: str | None) -> list[Operation]:
    """The operations that make a record of a kind and answer its key, the cheapest first."""
    found = [
        operation
        for operation in spec.operations.values()
        if kind is not None
        and operation.contract.get("record") == kind
        and operation.contract.get("effect") == "create"
        and (operation.contract.get("key") or {}).get("in") == "answer"
    ]
    return sorted(found, key=lambda operation: COSTS.index(cost_of(operation)))


def strangers_kept_out(recorder: Recorder) -> None:
    """Makes a record with one key, and asks for it with a key of another account."""
    operation, world = recorder.operation, recorder.world
    stranger = world.other_key()
    key = _made(world, operation.contract["record"])
    # An API key stands for its account: what `isolation` rests on too, though hardly a page says it in these words.
    evidence = weakest(world.spec.security.evidence, operation.evidence)
    if operation.contract["effect"] == "list":
        _look_for(recorder, key, stranger, evidence)
    else:
        for name in _every_name(world, operation, key):
            _reach_for(recorder, key, name, stranger, evidence)
        status = 0 if recorder.broken else world.send(operation, _addressing(world, operation, key))[1].status
        if status >= 300:
            raise NotCovered(f"its own key is answered with {status} too")
    recorder.finish()


def _every_name(world: World, operation: Operation, key: Json) -> list[Json]:
    """The key of the record, and whatever other name a list shows for it, that it may be reached by.

    What destroys is asked for by the key alone: there is one record to destroy.
    """
    if operation.contract["effect"] == "delete":
        return [key]
    kind = operation.contract["record"]
    shown = [
        name
        for reader in world.readers(kind)
        if reader.contract["effect"] == "list"
        for row in reading.rows_of(world, reader, {})[0]
        if key in _names(world, kind, row)
        for name in _names(world, kind, row)
    ]
    return [key, *(name for name in dict.fromkeys(shown) if name != key)]


def _made(world: World, kind: str) -> Json:
    """The key of a record that this run has just made, and that was not there before."""
    known = {
        name
        for reader in world.readers(kind)
        if reader.contract["effect"] == "list"
        for row in reading.rows_of(world, reader, {})[0]
        for name in _names(world, kind, row)
    }
    reasons = []
    for maker in _makers(world.spec, kind):
        for request in successes(world, maker):
            try:
                sent, reply = world.send(maker, world.named(maker, request.name))
            except BudgetSpent:
                raise
            except NotCovered as why:
                reasons.append(f"{maker.id} {request.name}: {why}")
                continue
            key = reading.key_of(maker, sent, reply) if reply.status < 300 else ABSENT
            if key is not ABSENT and key not in known:
                return key
            reasons.append(f"{maker.id} {request.name}: made no new record, and was answered with {reply.status}")
    raise NotCovered("; ".join(reasons) or "no documented request makes such a record")


def _names(world: World, kind: str, row: Json) -> list[Json]:
    """The key of a row, and whatever else it goes by."""
    shape = world.spec.records[kind]
    return [row[name] for name in (shape.key, *shape.aliases) if row.get(name)] if isinstance(row, dict) else []


def _look_for(recorder: Recorder, key: Json, stranger: str, evidence: Evidence) -> None:
    """Lists with both keys, and looks for the record."""
    operation, world = recorder.operation, recorder.world
    kind = operation.contract["record"]
    mine = reading.rows_of(world, operation, {})[0]
    if not any(key in _names(world, kind, row) for row in mine):
        raise NotCovered("the list does not show the new record to its own key")
    theirs, wire, _ = reading.rows_of(world, operation, {}, key=stranger)
    seen = [row for row in theirs if key in _names(world, kind, row)]
    message = "the list shows a key of another account a record that is not its own"
    recorder.add("another account", evidence, [Difference("", "absent", row, message) for row in seen], wire)


def _reach_for(recorder: Recorder, key: Json, name: Json, stranger: str, evidence: Evidence) -> None:
    """Makes a request for the record of that name with the other key, and looks at the record by its own."""
    operation, world = recorder.operation, recorder.world
    kind = operation.contract["record"]
    request = _addressing(world, operation, name)
    before = _shown(world, kind, key)
    sent, reply = world.send(operation, request, key=stranger)
    found = []
    if reply.status < 400:
        text = reply.body[:120].decode("utf-8", "replace")
        message = f"a key of another account is answered with {reply.status} {text}"
        found.append(Difference("status", "a refusal", reply.status, message))
    found += _touched(before, _shown(world, kind, key))
    recorder.add("another account", evidence, found, sent.wire)


def _addressing(world: World, operation: Operation, key: Json) -> NamedRequest:
    """A documented request of the operation for the record of that key."""
    request = world.plain_request(operation)
    return request.with_values({**request.path, operation.contract["key"]["name"]: key}, request.query, request.body)


def _shown(world: World, kind: str, key: Json) -> dict[str, Json]:
    """The record as its own key sees it, by the operations that show it, without the times that the server issues."""
    return {
        seen.operation.id: lasting(seen.record_schema, seen.record)
        for seen in reading.read(world, kind, key, {})
        if seen.record is not ABSENT
    }


def _touched(before: dict[str, Json], after: dict[str, Json]) -> Iterable[Difference]:
    for reader, record in before.items():
        if after.get(reader, ABSENT) != record:
            message = f"a key of another account changed what {reader} shows"
            yield Difference("", record, after.get(reader, "absent"), message)
