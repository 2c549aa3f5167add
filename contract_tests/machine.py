"""The state machine of a vendor, derived from its contracts: calls in any order, repeated, over several records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from contract_tests import generation, reading
from contract_tests.findings import ContractBroken, Finding, NotCovered
from contract_tests.guard import BudgetSpent, cost_of, destroys, key_in
from contract_tests.judge import Judge, Tally
from contract_tests.recording import successes
from contract_tests.world import ABSENT, World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

ROUNDS = 5
"""So many different findings are looked for, each found and shrunk in a round of its own."""

WAYS = ("documented", "generated", "one field", "cleared", "invalid")


class Walk:
    """One walk through a world: what was sent in it, and what the judge says of it.

    Every write is followed by a look at the record it addressed and at every list of its kind, so that a walk ends
    where it goes wrong.
    """

    def __init__(self, world: World, tally: Tally, known: set[tuple[str, str, str]]) -> None:
        self.world = world
        self.judge = Judge(world, alone=world.own)
        self.steps: list[tuple[Operation, NamedRequest]] = []
        self.over = False
        self._tally = tally
        self._known = known
        self._judged = 0
        world.observers = [self.judge.see, tally.count]

    def send(self, operation: Operation, request: NamedRequest) -> bool:
        """Sends a request and looks at what it wrote; True when it was accepted. Raises ContractBroken."""
        if self.over:
            return False
        self.steps.append((operation, request))
        try:
            sent, reply = self.world.send(operation, request)
            self._raise_what_is_new()
            kind = str(operation.contract.get("record"))
            if kind in self.world.spec.records and cost_of(operation) != "read":
                key = reading.key_of(operation, sent, reply) if reply.status < 300 else ABSENT
                self.look(kind, key if key is not ABSENT else key_in(operation, dict(request.path), request.body))
        except BudgetSpent:
            self.over = True
            return False
        except NotCovered:
            self.steps.pop()
            return False
        return reply.status < 300

    def look(self, kind: str, key: Json = None) -> None:
        """Reads a record, and every list of its kind."""
        for operation in self.world.readers(kind):
            if operation.contract["effect"] == "list":
                reading.rows_of(self.world, operation, {})
            elif key is not None:
                reading.read_one(self.world, operation, key)
        self._raise_what_is_new()

    def _raise_what_is_new(self) -> None:
        verdicts = self.judge.verdicts[self._judged :]
        self._judged = len(self.judge.verdicts)
        broken = [one for one in self._tally.breaking(verdicts) if identity(one) not in self._known]
        if broken:
            raise ContractBroken([replace(one, steps=self._lines()) for one in broken[:1]])

    def _lines(self) -> tuple[str, ...]:
        """What was sent, as shell lines."""
        return tuple(self.world.curl(self.world.wire(operation, request)) for operation, request in self.steps)

    def replay(self, steps: Sequence[tuple[Operation, NamedRequest]]) -> None:
        """Sends the steps of another walk."""
        for operation, request in steps:
            self.send(operation, request)


def identity(finding: Finding) -> tuple[str, str, str]:
    """What makes two findings the same one."""
    return finding.property, finding.operation, finding.at


def explore(
    fresh: Callable[[], World], tally: Tally, undo: Callable[[World], None], *, seed: int, walks: int, steps: int
) -> list[Finding]:
    """Walks until nothing new is found; the findings that break the contract, each with the steps that lead to it.

    On a mock of our own every walk begins in a fresh space and a failure is shrunk. Elsewhere it is not: the steps that
    concern the same record are tried once more, and reported where they are enough.
    """
    found: list[Finding] = []
    for round in range(ROUNDS):
        walked: list[Walk] = []
        broken = _walk_all(fresh, tally, undo, walked, {identity(one) for one in found}, seed + round, walks, steps)
        if broken is None:
            break
        world = walked[-1].world
        if not world.own and not walked[-1].over:
            broken = _shortened(world, tally, walked[-1], broken, {identity(one) for one in found})
            undo(world)
        found.append(broken)
    return found


def _walk_all(
    fresh: Callable[[], World],
    tally: Tally,
    undo: Callable[[World], None],
    walked: list[Walk],
    known: set[tuple[str, str, str]],
    seed: int,
    walks: int,
    steps: int,
) -> Finding | None:
    class Machine(RuleBasedStateMachine):
        """Draws what is sent next."""

        def __init__(self) -> None:
            super().__init__()
            self.walk = Walk(fresh(), tally, known)
            walked.append(self.walk)
            self.last: tuple[Operation, NamedRequest] | None = None
            for kind in self.walk.world.spec.records:
                if not self.walk.over:
                    _try(self.walk.look, kind)

        @rule(data=st.data())
        def write(self, data: st.DataObject) -> None:
            operation = data.draw(st.sampled_from(_writers(self.walk.world)))
            request = _drawn(data, self.walk, operation)
            if request is not None and self.walk.send(operation, request):
                self.last = (operation, request)

        @precondition(lambda self: self.last is not None)
        @rule()
        def again(self) -> None:
            assert self.last is not None
            if self.last[0].contract.get("idempotent"):
                self.walk.send(*self.last)

        @rule(data=st.data())
        def read(self, data: st.DataObject) -> None:
            operation = data.draw(st.sampled_from(_readers(self.walk.world)))
            request = _addressed(data, self.walk, operation, self.walk.world.plain_request(operation))
            self.walk.send(operation, replace(request, name="machine", answer="", after=()))

        def teardown(self) -> None:
            undo(self.walk.world)

    own = fresh().own
    seeded(seed)(Machine)
    try:
        with generation.no_local_constants():
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=walks,
                    stateful_step_count=steps,
                    phases=[Phase.generate, Phase.shrink] if own else [Phase.generate],
                    database=None,
                    deadline=None,
                    print_blob=False,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    except ContractBroken as broken:
        return broken.findings[0]
    except Flaky as flaky:
        for one in getattr(flaky, "exceptions", ()):
            if isinstance(one, ContractBroken):
                return generation.once(one.findings[0])
        raise
    return None


def _try(look: Callable[[str], None], kind: str) -> None:
    try:
        look(kind)
    except NotCovered:
        return


def _writers(world: World) -> list[Operation]:
    """The operations that write a record, more often those that change one."""
    found = []
    for operation in world.spec.operations.values():
        if cost_of(operation) != "read" and operation.contract.get("record") in world.spec.records:
            found += [operation] * (3 if operation.contract.get("effect") == "update" else 1)
    return found


def _readers(world: World) -> list[Operation]:
    return [one for one in world.spec.operations.values() if cost_of(one) == "read"]


def _drawn(data: Any, walk: Walk, operation: Operation) -> NamedRequest | None:
    """A request of the operation, made in one of several ways, for a record that is there."""
    world = walk.world
    try:
        way = data.draw(st.sampled_from(WAYS))
        if way in ("generated", "invalid"):
            strategy = generation.valid_requests if way == "generated" else generation.invalid_requests
            draw = data.draw(strategy(world, operation))
            refused = generation.must_be_refused(operation, draw)
            if refused != (way == "invalid") or bool(draw.violations) != refused or draw.raw is not None:
                return None
            return _addressed(data, walk, operation, draw.request)
        plain = [one for one in successes(world, operation) if not one.after]
        if not plain:
            return None
        request = world.named(operation, data.draw(st.sampled_from(plain)).name)
        request = _addressed(data, walk, operation, replace(request, name="machine", answer=""))
        if way == "documented" or not operation.contract.get("fields"):
            return request
        values = reading.documented_values(world, operation)
        if way == "cleared":
            values = operation.contract.get("clears") or {}
        if not values or operation.contract.get("effect") != "update":
            return request
        name = data.draw(st.sampled_from(sorted(values)))
        body = {**reading.base_body(world, operation), name: data.draw(st.sampled_from(values[name]))}
        return request.with_values(request.path, request.query, body)
    except NotCovered:
        return None


def _addressed(data: Any, walk: Walk, operation: Operation, request: NamedRequest) -> NamedRequest:
    """The request for a record that the model knows, where it addresses one by its path."""
    key = operation.contract.get("key") or {}
    kind = operation.contract.get("record")
    if key.get("in") != "path" or kind not in walk.world.spec.records:
        return request
    keys = list(_keys(walk, operation, str(kind)))
    if not keys:
        return request
    path = {**request.path, key["name"]: data.draw(st.sampled_from(keys))}
    return request.with_values(path, request.query, request.body)


def _keys(walk: Walk, operation: Operation, kind: str) -> Iterator[Json]:
    guard = walk.world.transport.guard
    for record in walk.judge.model.known(kind):
        found = destroys(operation) and record.born is None and not walk.world.own
        if cost_of(operation) == "read" or (guard.may_write(kind, record.key) and not found):
            yield record.key


def _shortened(world: World, tally: Tally, walk: Walk, broken: Finding, known: set[tuple[str, str, str]]) -> Finding:
    """The finding with fewer steps, where the steps that concern the same record bring it about again."""
    last = walk.steps[-1]
    mine = key_in(last[0], dict(last[1].path), last[1].body)
    fewer = [step for step in walk.steps if key_in(step[0], dict(step[1].path), step[1].body) == mine]
    if len(fewer) == len(walk.steps):
        return broken
    try:
        Walk(world, tally, known).replay(fewer)
    except ContractBroken as again:
        if identity(again.findings[0]) == identity(broken):
            return again.findings[0]
    return broken
