"""The state machine of a vendor, derived from its contracts: calls in any order, repeated, over several records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract_tests.endpoint.guard import cost_of, destroys
from contract_tests.judging.judge import Tally
from contract_tests.judging.lawful import must_be_refused
from contract_tests.properties.tools import generation
from contract_tests.properties.tools.drawing import BATCH, no_local_constants
from contract_tests.walks.walk import Walk, identity, shortened
from contract_tests.words.findings import ContractBroken, Finding, NotCovered
from contract_tests.world import reading
from contract_tests.world.world import World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

ROUNDS = 4
"""So many different findings are looked for, each in a round of its own."""

STEPS = ("write", "write", "write", "again", "read")
"""What a step does: mostly it writes, after which every list and the record are looked at anyway."""
_PLACES = st.integers(0, 2**16 - 1)
WAYS = ("documented", "generated", "one field", "cleared", "invalid")


def explore(
    fresh: Callable[[], World],
    tally: Tally,
    undo: Callable[[World], None],
    *,
    mock: Callable[[], World],
    seed: int,
    walks: int,
    steps: int,
) -> list[Finding]:
    """Walks until nothing new is found; the findings that break the contract, each with the steps that lead to it.

    On a mock of our own every walk begins in a fresh space. A failure is shrunk there; elsewhere the server may not be
    hammered: fewer steps are tried on `mock`, whether they can be made at all, and confirmed once on the server.
    """
    found: list[Finding] = []
    for round in range(ROUNDS):
        known = {identity(one) for one in found}
        failed = _walk_all(fresh, tally, undo, known, seed + round, walks, steps)
        if failed is None:
            break
        walk, broken = failed
        found.append(shortened(walk, broken, fresh, undo, mock, tally, known))
    return found


def _walk_all(
    fresh: Callable[[], World],
    tally: Tally,
    undo: Callable[[World], None],
    known: set[tuple[str, str]],
    seed: int,
    walks: int,
    steps: int,
) -> tuple[Walk, Finding] | None:
    """The first walk that ends with a finding that is not known."""
    walked: list[Walk] = []

    class Machine(RuleBasedStateMachine):
        """Draws what is sent next."""

        def __init__(self) -> None:
            super().__init__()
            self.walk = Walk(fresh(), tally, known)
            walked.append(self.walk)
            self.last: tuple[Operation, NamedRequest] | None = None
            self.writers = _writers(self.walk.world)
            for kind in self.walk.world.spec.records:
                if not self.walk.over:
                    _try(self.walk.look, kind)

        @initialize(data=st.data())
        def focus(self, data: st.DataObject) -> None:
            """A walk that keeps to a few operations goes farther with them."""
            self.writers = data.draw(st.lists(st.sampled_from(self.writers), min_size=1, max_size=3))

        @rule(data=st.data())
        def step(self, data: st.DataObject) -> None:
            """The only rule: of several, Hypothesis leaves some out of a walk, and reading alone tells little."""
            way = data.draw(st.sampled_from(STEPS))
            if way == "again" and self.last is not None and self.last[0].contract.get("idempotent"):
                self.walk.send(*self.last)
            elif way == "read":
                self._read(data)
            else:
                self._write(data)

        def _write(self, data: st.DataObject) -> None:
            operation = _picked(data, self.writers)
            request = _drawn(data, self.walk, operation, seed)
            if request is not None and self.walk.send(operation, request):
                self.last = (operation, request)

        def _read(self, data: st.DataObject) -> None:
            operation = _picked(data, _readers(self.walk.world))
            request = _addressed(data, self.walk, operation, self.walk.world.plain_request(operation))
            self.walk.send(operation, replace(request, name="machine", answer="", after=()))

        def teardown(self) -> None:
            undo(self.walk.world)

    while len(walked) < walks:
        seeded(seed + len(walked))(Machine)
        try:
            with no_local_constants():
                run_state_machine_as_test(
                    Machine,
                    settings=settings(
                        max_examples=walks - len(walked),
                        stateful_step_count=steps,
                        # What fails is shortened by sending parts of it again, which is quicker than drawing it again.
                        phases=[Phase.generate],
                        database=None,
                        deadline=None,
                        print_blob=False,
                        report_multiple_bugs=False,
                        suppress_health_check=list(HealthCheck),
                    ),
                )
        except (ContractBroken, Flaky):
            # Hypothesis has made the walk a second time by now, to see it fail again; the first one counts.
            for walk in walked:
                if walk.broken is not None:
                    return walk, walk.broken
            # A server that is not ours answered otherwise than at the same step of a walk before: on with the others.
        else:
            break
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


def _drawn(data: Any, walk: Walk, operation: Operation, seed: int) -> NamedRequest | None:
    """A request of the operation, made in one of several ways, for a record that is there."""
    world = walk.world
    try:
        way = data.draw(st.sampled_from(WAYS))
        if way in ("generated", "invalid"):
            requests = (generation.valid_requests if way == "generated" else generation.invalid_requests)(
                world, operation
            )
            drawn = requests.drawn(BATCH, seed)
            draw = requests.made(_picked(data, drawn)) if drawn else None
            if draw is None:
                return None
            refused = must_be_refused(operation, draw)
            if refused != (way == "invalid") or bool(draw.violations) != refused or draw.raw is not None:
                return None
            return _addressed(data, walk, operation, draw.request)
        plain = [one for one in successes(world, operation) if not one.after]
        if not plain:
            return None
        request = world.named(operation, _picked(data, plain).name)
        request = _addressed(data, walk, operation, replace(request, name="machine", answer=""))
        if way == "documented" or not operation.contract.get("fields"):
            return request
        values = reading.documented_values(world, operation)
        if way == "cleared":
            values = operation.contract.get("clears") or {}
        if not values or operation.contract.get("effect") != "update":
            return request
        name = _picked(data, sorted(values))
        body = {**reading.base_body(world, operation), name: _picked(data, values[name])}
        return request.with_values(request.path, request.query, body)
    except NotCovered:
        return None  # It costs its step, and not the walk.


def _picked(data: Any, choices: Sequence[Any]) -> Any:
    """One of them, drawn in the same way however many there are: at a server with memory there are more each time."""
    return choices[data.draw(_PLACES) % len(choices)]


def _addressed(data: Any, walk: Walk, operation: Operation, request: NamedRequest) -> NamedRequest:
    """The request for a record that the model knows, where it addresses one by its path."""
    key = operation.contract.get("key") or {}
    kind = operation.contract.get("record")
    if key.get("in") != "path" or kind not in walk.world.spec.records:
        return request
    keys = list(_keys(walk, operation, str(kind)))
    if not keys:
        return request
    path = {**request.path, key["name"]: _picked(data, keys)}
    return request.with_values(path, request.query, request.body)


def _keys(walk: Walk, operation: Operation, kind: str) -> Iterator[Json]:
    guard = walk.world.transport.guard
    for record in walk.judge.model.known(kind):
        found = destroys(operation) and record.born is None and not walk.world.own
        if cost_of(operation) == "read" or (guard.may_write(kind, record.key) and not found):
            yield record.key
