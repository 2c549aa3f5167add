"""Many requests at once: none is lost, nothing is sold twice, and each gets the answer to itself."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from contract_tests.endpoint.guard import BudgetSpent, cost_of
from contract_tests.endpoint.transport import Reply, Transport
from contract_tests.judging.compare import by_another_name
from contract_tests.judging.readings import plain, repeated, unlike
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import choices, with_body
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.statements import contract_evidence, weakest, written_evidence
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, Sent, World, pointed, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec, WireRequest

ROUNDS = 3


def writes_together(spec: Spec, operation: Operation) -> bool:
    """Whether the operation writes records that tell of requests getting into each other's way."""
    contract = operation.contract
    updates = contract.get("effect") == "update" and bool(contract.get("fields")) and contract["key"]["in"] == "path"
    return updates or (contract.get("effect") == "create" and bool(contract.get("unique")))


def at_once(recorder: Recorder) -> None:
    """Sends several requests at the same time, some rounds long, and looks at every answer and at the records."""
    operation, world = recorder.operation, recorder.world.fresh()
    if recorder.parallel < 2:
        raise NotCovered("one request at a time where a target costs money; --parallel N sends more")
    if operation.contract["effect"] == "create":
        _make_together(recorder, world)
    else:
        _update_together(recorder, world)
    recorder.finish()


def _send_all(recorder: Recorder, world: World, requests: list[NamedRequest]) -> list[tuple[Sent, Reply]]:
    """Sends prepared requests at the same time, each over a connection of its own, and keeps what was done for undo."""
    operation = recorder.operation
    for request in requests:
        world.watch.before(operation, request)
    wires = [world.wire(operation, request) for request in requests]
    ways = [world.transport.another() for _ in wires]

    def send(way: Transport, wire: WireRequest) -> Reply | NotCovered:
        try:
            return way.send(wire)
        except NotCovered as why:
            return why

    with ThreadPoolExecutor(len(wires)) as pool:
        replies = list(pool.map(send, ways, wires))
    for way in ways:
        way.close()
    done = []
    for request, wire, reply in zip(requests, wires, replies, strict=True):
        if isinstance(reply, BudgetSpent):
            raise reply
        if isinstance(reply, Reply):
            world.watch.after(operation, request, reply)
            if world.settling is not None:
                world.settling.unknown(operation)
            done.append((Sent(request.path, request.query, request.body, wire), reply))
    if cost_of(operation) == "purchase":
        world.forget_searched()
    kept = next((reply for reply in replies if isinstance(reply, NotCovered)), None)
    if kept is not None and not done:
        raise kept
    return done


# --- updates ---------------------------------------------------------------------------------------------


def _update_together(recorder: Recorder, world: World) -> None:
    operation = recorder.operation
    values = {name: known for name, known in choices(world, operation).items() if len(known) > 1}
    base = reading.base_body(world, operation)
    # What every request has to send, all of them write: which of them is the last one nobody knows.
    names = [name for name in values if name not in base][: recorder.parallel]
    keys = _keys(world, operation)
    if len(names) < 2 and len(keys) < 2:
        raise NotCovered("one field of one record can be written, so that nothing gets into another's way")
    done: list[tuple[Sent, Reply]] = []
    for turn in range(ROUNDS):
        alone = [with_body(world, operation, {**base, name: values[name][turn % 2]}) for name in names]
        if len(alone) > 1:
            done += _compare(recorder, world, "several fields at once", _send_all(recorder, world, alone))
        whole = [
            _of(operation, with_body(world, operation, {**base, name: values[name][(turn + index) % 2]}), key)
            for name in list(values)[:1]
            for index, key in enumerate(keys)
        ]
        if len(whole) > 1:
            done += _compare(recorder, world, "several records at once", _send_all(recorder, world, whole))
    if not any(reply.status < 300 for _, reply in done):
        raise NotCovered("was refused" if done else "nothing that it writes has two values that are known to be valid")


def _keys(world: World, operation: Operation) -> list[Json]:
    place = operation.contract["key"]["name"]
    variable = next((p.variable for p in operation.parameters_in("path") if p.name == place), None)
    guard, kind = world.transport.guard, str(operation.contract["record"])
    known = world.values(variable) if variable is not None else []
    return [key for key in known if guard.may_write(kind, key)][:3]


def _of(operation: Operation, request: NamedRequest, key: Json) -> NamedRequest:
    path = {**request.path, operation.contract["key"]["name"]: key}
    return request.with_values(path, request.query, request.body)


def _compare(recorder: Recorder, world: World, title: str, done: list[tuple[Sent, Reply]]) -> list[tuple[Sent, Reply]]:
    """Every accepted update of the round is there, and each answer shows its own; what was done."""
    operation = recorder.operation
    written: dict[Json, dict[str, Json]] = {}
    for sent, reply in done:
        if reply.status >= 300:
            continue
        key, mine = reading.key_of(operation, sent, reply), reading.sent_fields(operation, sent)
        written.setdefault(key, {}).update(mine)
        shown = reading.answered(operation, sent, reply)
        found = list(unlike(operation, mine, shown, reading.same_names(world, operation))) if shown is not None else []
        found += _another_answer(world, operation, sent, reply)
        recorder.add(title, weakest(written_evidence(operation, operation), _said(operation, reply)), found, sent.wire)
    wire = done[-1][0].wire if done else None
    for key, values in written.items():
        for seen in reading.read(world, str(operation.contract["record"]), key, {}):
            how = weakest(contract_evidence(operation, "fields"), seen.evidence)
            if wire is not None:
                lost = list(unlike(operation, values, seen, reading.same_names(world, operation)))
                for one in lost:
                    one.beside = True  # The records are those that are there: somebody else may be at work on one.
                recorder.add(f"{title}, read by {seen.operation.id}", how, lost, wire)
    return done


def _another_answer(world: World, operation: Operation, sent: Sent, reply: Reply) -> Iterable[Difference]:
    """What an answer repeats must be of its own request; a record may be named by another of its names."""
    for name in operation.contract.get("echo") or ():
        mine = sent.value(name)
        if mine is not ABSENT and isinstance(reply.json, dict) and reply.json.get(name, ABSENT) != mine:
            told = plain(reply.json.get(name, ABSENT))
            if by_another_name(world, operation, name, mine, told):
                continue
            message = f"{name} {mine!r} was sent, and {told!r} is answered, as to another request"
            yield Difference(f"/{name}", mine, told, message)


def _said(operation: Operation, reply: Reply) -> Evidence:
    response = operation.responses.get(reply.status)
    return response.evidence if response is not None else operation.evidence


# --- creates ---------------------------------------------------------------------------------------------


def _make_together(recorder: Recorder, world: World) -> None:
    """Not where it costs money: what many requests make at once is told apart by looking."""
    operation = recorder.operation
    world.transport.guard.require(cost_of(operation))
    if world.transport.guard.restricted:
        raise NotCovered("makes records, and of several at once it could not be told which to remove")
    alone = [one for one in successes(world, operation) if not one.after]
    if not alone:
        raise NotCovered("no documented request makes a record by itself")
    # The last one: the first may be of a record that is there.
    request = world.named(operation, alone[-1].name)
    done = _send_all(recorder, world, [request] * recorder.parallel)
    accepted = [(sent, reply) for sent, reply in done if reply.status < 300]
    if not accepted:
        raise NotCovered("was refused")
    evidence = weakest(contract_evidence(operation, "unique"), _said(operation, accepted[0][1]))
    records = [pointed(reply.json, operation.contract.get("at") or "") for _, reply in accepted]
    made = [record for record in records if isinstance(record, dict)]
    if not operation.contract.get("idempotent"):
        found = [one for index, record in enumerate(made) for one in repeated(operation, record, made[:index])]
        recorder.add("the same at once", evidence, found, accepted[0][0].wire)
    name = operation.contract["key"]["name"]
    keys = {record.get(name) for record in made}
    recorder.add("the same at once", evidence, list(_listed_once(world, operation, keys)), accepted[0][0].wire)


def _listed_once(world: World, operation: Operation, keys: Iterable[Json]) -> Iterable[Difference]:
    """What was made is listed once; of equal requests that make one record, it is one."""
    for reader in world.readers(str(operation.contract["record"])):
        if reader.contract["effect"] != "list":
            continue
        names = [row.get(reader.contract["key"]["name"]) for row in reading.rows_of(world, reader, {})[0]]
        for key in keys:
            if names.count(key) > 1:
                yield Difference(
                    "", 1, names.count(key), f"made at once, and {reader.id} shows it {names.count(key)} times"
                )
