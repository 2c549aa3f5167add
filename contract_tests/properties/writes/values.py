"""What a field can hold: every value that the pages name is taken, and whatever is taken reads back as it was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from contract_tests.endpoint.guard import cost_of
from contract_tests.judging.battery import Trial, sample, trials
from contract_tests.judging.lawful import answer_evidence, lawful, violations_of
from contract_tests.judging.readings import unlike
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import grade_of
from contract_tests.words.statements import contract_evidence, weakest, written_evidence
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec

Chosen = Mapping[str, Trial]


class Base(NamedTuple):
    """A documented request that succeeds, and what it needs before it."""

    request: NamedRequest
    body: dict[str, Json]


def writes_values(spec: Spec, operation: Operation) -> bool:
    """Whether the operation writes fields that a value can be made up for."""
    properties = (operation.body_schema or {}).get("properties") or {}
    writes = operation.contract.get("effect") in ("create", "update")
    return writes and any(True for schema in properties.values() for _ in trials(schema, None))


def values_come_back(recorder: Recorder) -> None:
    """Sends the battery: one value for every field at once, and each alone where that was refused."""
    operation, world = recorder.operation, recorder.world.fresh()
    if not recorder.draws:
        raise NotCovered("--draws 0 asks for documented requests only")
    bases = list(_bases(world, operation))
    if not bases:
        raise NotCovered("no documented request succeeds without another one before it")
    # A number that is for sale is there to be bought once.
    once = world.own and cost_of(operation) == "purchase"
    for index, chosen in enumerate(_rounds(world, operation, bases)):
        _try(recorder, world.fresh() if once else world, bases, chosen, index)
    recorder.finish()


def _bases(world: World, operation: Operation) -> Iterator[Base]:
    unnamed: list[NotCovered] = []
    found = 0
    for request in successes(world, operation):
        if request.after:
            continue
        try:
            named = world.named(operation, request.name)
        except NotCovered as why:  # What one documented request needs costs the others nothing.
            unnamed.append(why)
            continue
        if isinstance(named.body, dict):
            found += 1
            yield Base(named, named.body)
    if unnamed and not found:
        raise unnamed[0]


def _rounds(world: World, operation: Operation, bases: list[Base]) -> Iterator[dict[str, Trial]]:
    """For every field a value of its list, until the longest list is through."""
    properties: Mapping[str, Any] = (operation.body_schema or {}).get("properties") or {}
    brief = operation.contract["effect"] == "create"
    columns = {}
    for name, schema in properties.items():
        shown = next((base.body[name] for base in bases if base.body.get(name) is not None), sample(schema))
        known = [one for one in trials(schema, shown, brief=brief) if _valid(world, operation, bases[0], {name: one})]
        if name not in (operation.contract.get("once") or ()):
            columns[name] = known
    for index in range(max((len(known) for known in columns.values()), default=0)):
        yield {name: known[index] for name, known in columns.items() if index < len(known)}


def _valid(world: World, operation: Operation, base: Base, chosen: Chosen) -> bool:
    return not violations_of(world, operation, _request(world, operation, base, chosen, 0))


def _request(world: World, operation: Operation, base: Base, chosen: Chosen, index: int) -> NamedRequest:
    body = {**base.body, **{name: trial.value for name, trial in chosen.items()}}
    for name in operation.contract.get("once") or ():
        if isinstance(body.get(name), str):
            before, at, after = body[name].partition("@")
            body[name] = f"{before}-{index}{at}{after}"
    # Under the name of an earlier record this server may make no other one.
    fresh = world.varied(operation, body, keep=chosen)
    return base.request.with_values(base.request.path, base.request.query, fresh)


def _try(recorder: Recorder, world: World, bases: list[Base], chosen: Chosen, index: int) -> None:
    """Sends the values together, and what was refused so one by one."""
    operation = recorder.operation
    together = _valid(world, operation, bases[0], chosen)
    if together and _taken(recorder, world, bases[0], chosen, index):
        return
    for name, trial in chosen.items():
        alone = {name: trial}
        if (len(chosen) == 1 and together) or not _taken(recorder, world, bases[0], alone, index):
            _judge_refusal(recorder, world, bases, name, trial, index)


def _taken(recorder: Recorder, world: World, base: Base, chosen: Chosen, index: int) -> bool:
    """Whether the values were taken; what they read back as is compared then."""
    operation = recorder.operation
    sent, reply = world.send(operation, _request(world, operation, base, chosen, index))
    title = next((f"{name} {trial.what}" for name, trial in chosen.items()), "")
    title += f", and {len(chosen) - 1} other fields" if len(chosen) > 1 else ""
    recorder.add(title, answer_evidence(operation, reply), lawful(world, operation, reply), sent.wire)
    if reply.status >= 300:
        return False
    key = reading.key_of(operation, sent, reply)
    written = reading.sent_fields(operation, sent)
    if key is ABSENT or not written or "key" not in operation.contract:
        return True
    answer = reading.answered(operation, sent, reply)
    for seen in [*([answer] if answer is not None else []), *reading.read(world, _kind(operation), key, written)]:
        evidence = weakest(written_evidence(operation, seen.operation), seen.evidence)
        differences = list(unlike(operation, written, seen, reading.same_names(world, operation)))
        recorder.add(f"{title}, read by {seen.operation.id}", evidence, differences, sent.wire)
    return True


def _kind(operation: Operation) -> str:
    return str(operation.contract["record"])


def _judge_refusal(recorder: Recorder, world: World, bases: list[Base], name: str, trial: Trial, index: int) -> None:
    """A value that a page names must be taken in at least one of the documented requests that succeed."""
    operation = recorder.operation
    if not trial.named:
        return
    wire, status, possible = None, 0, False
    for base in bases:
        if _valid(world, operation, base, {name: trial}) and (name in base.body or not possible):
            possible = True
            sent, reply = world.send(operation, _request(world, operation, base, {name: trial}, index))
            if reply.status < 300:
                return
            wire, status = sent.wire, reply.status
    if wire is None or world.guesses(operation, sent.path):
        return
    place = ".".join((name, *trial.at))
    grade = grade_of(operation.body_schema, place, "null" if trial.value is None else "")
    message = f"{place} {trial.what} is on the page, and every documented request with it gets {status}"
    difference = Difference("status", "a success", status, message, grade)
    recorder.add(f"{name} {trial.what}", _named_evidence(operation, name, trial), [difference], wire)


def _named_evidence(operation: Operation, name: str, trial: Trial) -> Evidence:
    """How we know that the value may be sent: what clears a field has a statement of its own."""
    clearing = (operation.contract.get("clears") or {}).get(name) or ()
    return contract_evidence(operation, *(["clears"] if trial.value in clearing else []))
