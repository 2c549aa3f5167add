"""A walk: calls one after another in one world, judged as they come, and how it is shortened when it goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from contract_tests.endpoint.guard import BudgetSpent, cost_of, key_in
from contract_tests.judging.judge import Judge, Tally
from contract_tests.words.findings import ContractBroken, Finding, NotCovered
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

SHRINK_SECONDS = 30
"""So long a failure is made shorter, on a mock of our own."""


@dataclass
class Step:
    """A request of a walk; `made` is the key of the record that it made, `accepted` whether it was."""

    operation: Operation
    request: NamedRequest
    made: Json = None
    accepted: bool = False


class Walk:
    """What was sent in one world, and what the judge says of it.

    Every write is followed by a look at the record it addressed and at every list of its kind, so that a walk ends
    where it goes wrong: `broken` is what it ended with.
    """

    def __init__(self, world: World, tally: Tally, known: set[tuple[str, str]]) -> None:
        self.world = world
        self.judge = Judge(world, alone=world.own)
        self.steps: list[Step] = []
        self.over = False
        self.broken: Finding | None = None
        self._tally = tally
        self._known = known
        self._judged = 0
        world.observers = [self.judge.see, tally.count]

    def send(self, operation: Operation, request: NamedRequest) -> bool:
        """Sends a request and looks at what it wrote; True when it was accepted. Raises ContractBroken."""
        if self.over:
            return False
        step = Step(operation, request)
        self.steps.append(step)
        try:
            sent, reply = self.world.send(operation, request)
            step.accepted = reply.status < 300
            self._raise_what_is_new()
            kind = str(operation.contract.get("record"))
            if kind in self.world.spec.records and cost_of(operation) != "read":
                key = reading.key_of(operation, sent, reply) if step.accepted else ABSENT
                if key is not ABSENT and operation.contract.get("effect") == "create":
                    step.made = key
                owners = reading.owners_of(operation, sent)
                named = key if key is not ABSENT else key_in(operation, dict(request.path), request.body)
                self.look(kind, named, owners)
        except BudgetSpent:
            self.over = True
        except NotCovered:
            self.steps.pop()
        return step.accepted

    def look(self, kind: str, key: Json = None, owners: Mapping[str, Json] | None = None) -> None:
        """Reads a record where it belongs, and every list of its kind."""
        for operation in self.world.readers(kind):
            if operation.contract["effect"] == "list":
                reading.rows_of(self.world, operation, {})
            elif key is not None:
                reading.read_one(self.world, operation, key, owners)
        self._raise_what_is_new()

    def replay(self, steps: Sequence[Step]) -> None:
        """Sends the steps of another walk, with the records that this walk makes in the place of those made there."""
        mine: dict[str, Json] = {}
        for step in steps:
            request = step.request
            path, query = _renamed(dict(request.path), mine), _renamed(dict(request.query), mine)
            self.send(step.operation, request.with_values(path, query, _renamed(request.body, mine)))
            if step.made is not None and self.steps and self.steps[-1].made is not None:
                mine[str(step.made)] = self.steps[-1].made

    def _raise_what_is_new(self) -> None:
        verdicts = self.judge.verdicts[self._judged :]
        self._judged = len(self.judge.verdicts)
        broken = [one for one in self._tally.breaking(verdicts) if identity(one) not in self._known]
        if broken:
            lines = tuple(self.world.curl(self.world.wire(step.operation, step.request)) for step in self.steps)
            self.broken = replace(broken[0], steps=lines)
            raise ContractBroken([self.broken])


def _renamed(value: Json, names: dict[str, Json]) -> Json:
    if isinstance(value, dict):
        return {name: _renamed(child, names) for name, child in value.items()}
    if isinstance(value, list):
        return [_renamed(child, names) for child in value]
    return names.get(value, value) if isinstance(value, str) else value


def identity(finding: Finding) -> tuple[str, str]:
    """What makes two findings the same one."""
    return finding.property, finding.operation


def shortened(
    walk: Walk,
    broken: Finding,
    fresh: Callable[[], World],
    undo: Callable[[World], None],
    mock: Callable[[], World],
    tally: Tally,
    known: set[tuple[str, str]],
) -> Finding:
    """The finding with as few steps as bring it about; as it is, where fewer do not."""
    if walk.over:
        return broken

    def again(world: World, steps: Sequence[Step]) -> Finding | None:
        other = Walk(world, tally, known)
        try:
            other.replay(steps)
        except ContractBroken as found:
            return found.findings[0] if identity(found.findings[0]) == identity(broken) else None
        finally:
            undo(world)
        return None

    if walk.world.own:
        return _shrunk(walk.steps, broken, lambda steps: again(fresh(), steps))
    fewer = _of_one_record(walk.steps)
    if len(fewer) < len(walk.steps) and _goes_as_before(fewer, mock()):
        return again(fresh(), fewer) or broken
    return broken


def _shrunk(steps: list[Step], broken: Finding, fails: Callable[[list[Step]], Finding | None]) -> Finding:
    """Leaves out ever smaller parts of the steps, and then fields of their bodies, as long as it still fails."""
    until = time.monotonic() + SHRINK_SECONDS
    for likely in (_of_one_record(steps), _of_one_kind(steps)):
        found = fails(likely) if len(likely) < len(steps) else None
        if found is not None:
            steps, broken = likely, found
            break
    size = max(1, len(steps) // 2)
    while time.monotonic() < until:
        at, before = 0, len(steps)
        while at < len(steps) and time.monotonic() < until:
            fewer = steps[:at] + steps[at + size :]
            found = fails(fewer) if fewer else None
            if found is None:
                at += size
            else:
                steps, broken = fewer, found
        if size == 1 and len(steps) == before:
            break
        size = max(1, size // 2)
    for index, step in enumerate(steps):
        for name in list(step.request.body) if isinstance(step.request.body, dict) else ():
            body = {key: value for key, value in steps[index].request.body.items() if key != name}
            request = step.request.with_values(step.request.path, step.request.query, body)
            fewer = [*steps[:index], replace(steps[index], request=request), *steps[index + 1 :]]
            found = fails(fewer) if time.monotonic() < until else None
            if found is not None:
                steps, broken = fewer, found
    return broken


def _of_one_record(steps: list[Step]) -> list[Step]:
    """The steps that concern the record which the last write was about."""
    writes = [step for step in steps if cost_of(step.operation) != "read"]
    mine = _key(writes[-1]) if writes else None
    return [step for step in writes if _key(step) == mine]


def _of_one_kind(steps: list[Step]) -> list[Step]:
    """The writes to records of the kind that the last write was about."""
    writes = [step for step in steps if cost_of(step.operation) != "read"]
    return [one for one in writes if one.operation.contract["record"] == writes[-1].operation.contract["record"]]


def _key(step: Step) -> Json:
    if step.made is not None:
        return step.made
    return key_in(step.operation, dict(step.request.path), step.request.body)


def _goes_as_before(steps: list[Step], mock: World) -> bool:
    """Whether a mock accepts what was accepted: fewer steps may lack what a later one needs.

    Records that were found on the server are not on the mock; its own stand for them.
    """
    walk = Walk(mock, Tally(mock, "documented"), set())
    stand_ins: dict[str, Json] = {}
    for step in steps:
        name = (step.operation.contract.get("key") or {}).get("name")
        plain = mock.plain_request(step.operation)
        if (
            name is not None
            and name in step.request.path
            and name in plain.path
            and str(step.request.path[name]) not in stand_ins
        ):
            stand_ins[str(step.request.path[name])] = plain.path[name]
    try:
        walk.replay([replace(one, request=_standing_in(one.request, stand_ins)) for one in steps])
    except ContractBroken:
        return False
    return [step.accepted for step in walk.steps] == [step.accepted for step in steps]


def _standing_in(request: NamedRequest, names: dict[str, Json]) -> NamedRequest:
    return request.with_values(_renamed(dict(request.path), names), request.query, request.body)
