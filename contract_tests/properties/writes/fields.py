"""What an update of one field or of two does: it is taken, reads back, and moves nothing else of any record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from contract_tests.judging.lawful import violations_of
from contract_tests.judging.readings import addressed_key, moved, unlike
from contract_tests.judging.rows import apart
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import choices, with_body
from contract_tests.words.findings import Difference, NotCovered, show
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import CLEARED, grade_of, lasting, same, shows
from contract_tests.words.statements import contract_evidence, weakest, written_evidence
from contract_tests.world import reading
from contract_tests.world.reading import Reading, field
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import Operation, Spec

MOST_PAIRS = 40
FIELDS_AT_ONCE = 5
"""So many fields are updated in one request where there are many."""


def updates_fields(spec: Spec, operation: Operation) -> bool:
    """Whether the operation updates fields of a record that its path names."""
    contract = operation.contract
    addressed = (contract.get("key") or {}).get("in") == "path"
    return contract.get("effect") == "update" and addressed and bool(contract.get("fields"))


class Steps:
    """Update after update of one record, each compared with what was there before it."""

    def __init__(self, recorder: Recorder, world: World) -> None:
        self._recorder = recorder
        self._world = world
        self._operation = recorder.operation
        self._key = addressed_key(self._operation, world.plain_request(self._operation))
        self._turns: dict[str, int] = {}
        self._values = choices(world, self._operation)
        self._base = reading.base_body(world, self._operation)
        self._seen = self._read()
        self.names = [name for name in self._values if len(self._values[name]) > 1]

    def _read(self) -> dict[str, Reading]:
        kind = self._operation.contract["record"]
        return {one.operation.id: one for one in reading.read(self._world, kind, self._key, {})}

    def fill(self) -> None:
        """Gives every field a value, all of them at once or else one by one; what comes of it is not judged."""
        body = {**self._base, **{name: self._next(name) for name in self._values}}
        if self._world.send(self._operation, with_body(self._world, self._operation, body))[1].status >= 300:
            for name in self._values:
                one = with_body(self._world, self._operation, {**self._base, name: body[name]})
                self._world.send(self._operation, one)
        self._seen = self._read()

    def _next(self, name: str) -> Json:
        """The field's next value, another one than it has now."""
        self._turns[name] = self._turns.get(name, -1) + 1
        return self._values[name][self._turns[name] % len(self._values[name])]

    def update(self, *names: str) -> None:
        """Sends new values for these fields, and compares every reading with the one before."""
        operation, world, recorder = self._operation, self._world, self._recorder
        request = with_body(world, operation, {**self._base, **{name: self._next(name) for name in names}})
        if violations_of(world, operation, request):
            return
        title = f"{' and '.join(names) or 'nothing'} alone"
        sent, reply = world.send(operation, request)
        if reply.status >= 300:
            if len(names) == 1:
                grade = grade_of(operation.body_schema, names[0])
                message = f"{names[0]} alone is a valid update, and is answered with {reply.status}"
                refused = Difference("status", "a success", reply.status, message, grade)
                recorder.add(title, contract_evidence(operation, "partial", "fields"), [refused], sent.wire)
            return
        before, self._seen = self._seen, self._read()
        written = reading.sent_fields(operation, sent)
        answer = reading.answered(operation, sent, reply)
        for seen in [*([answer] if answer is not None else []), *self._seen.values()]:
            how = weakest(written_evidence(operation, seen.operation), seen.evidence)
            recorder.add(
                f"{title}, read by {seen.operation.id}",
                how,
                list(unlike(operation, written, seen, reading.same_names(world, operation))),
                sent.wire,
            )
        if answer is not None:
            how = weakest(contract_evidence(operation, *self._word()), answer.evidence)
            recorder.add(title, how, self._otherwise(answer, set(written)), sent.wire)
        for name, seen in self._seen.items():
            how = weakest(contract_evidence(operation, *self._word()), seen.evidence)
            found = [*moved(self._kept(set(written)), before[name], seen), *_neighbours(before[name], seen)]
            recorder.add(f"{title}, read by {name}", how, found, sent.wire)

    def _otherwise(self, answer: Reading, written: set[str]) -> Iterable[Difference]:
        """What was not sent, and the answer shows otherwise than every operation that shows the record."""
        for name in sorted(self._kept(written)):
            told = field(answer.record, name)
            shown = {one.operation.id: field(one.record, name) for one in self._seen.values()}
            others = [value for value in shown.values() if value is not ABSENT]
            if told in CLEARED or not others or not answer.declares(name):
                continue
            agree = [one for one in others if same(one, told) or shows(told, one) or self._names(name, told, one)]
            if not agree:
                reader = next(one for one, value in shown.items() if value is not ABSENT)
                message = f"not sent, and the answer shows {show(told)}, where {reader} shows {show(others[0])}"
                yield Difference(f"/{name.lstrip('/')}", others[0], told, message, answer.grade(name))

    def _names(self, name: str, one: Json, other: Json) -> bool:
        """Whether two values of a field name the same record."""
        texts = isinstance(one, str) and isinstance(other, str)
        return texts and reading.same_names(self._world, self._operation)(name, one, other)

    def _word(self) -> list[str]:
        return ["partial"] if self._operation.contract.get("partial") else ["immutable"]

    def _kept(self, written: set[str]) -> set[str]:
        """The fields that stay: whatever any operation writes into such a record where the update is a partial one."""
        contract, kind = self._operation.contract, self._operation.contract["record"]
        kept = set(contract.get("immutable") or ())
        if contract.get("partial"):
            same = [one for one in self._world.spec.operations.values() if one.contract.get("record") == kind]
            kept |= {place for one in same for place in (one.contract.get("fields") or {}).values()}
        return kept - written


def _neighbours(before: Reading, seen: Reading) -> Iterable[Difference]:
    """Other rows of the same list that an update changed, took or made."""
    old = [lasting(before.record_schema, row) for row in before.others]
    new = [lasting(seen.record_schema, row) for row in seen.others]
    reader = seen.operation
    for at, was, now, told in apart(reader.contract["key"]["name"], old, new):
        yield Difference(at, was, now, f"beside what was written, {told} in {reader.id}", look=seen.wire, beside=True)


def _together(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Pairs; where these would be very many, sets of fields among which every two are in one request."""
    left = {frozenset(pair) for pair in combinations(names, 2)}
    if len(left) <= MOST_PAIRS:
        yield from combinations(names, 2)
        return
    while left:
        some = sorted(min(left, key=sorted), key=names.index)
        while len(some) < FIELDS_AT_ONCE:
            others = [name for name in names if name not in some]
            some.append(max(others, key=lambda name: sum(frozenset((name, one)) in left for one in some)))
        left -= {frozenset(pair) for pair in combinations(some, 2)}
        yield tuple(some)


def alone_and_in_pairs(recorder: Recorder) -> None:
    """Fills a record, then updates nothing, each field alone, every two in one request, and nothing again."""
    operation, world = recorder.operation, recorder.world.fresh()
    if not recorder.draws:
        raise NotCovered("--draws 0 asks for documented requests only")
    if not any(True for _ in world.readers(operation.contract["record"])):
        raise NotCovered("no documented operation shows these records")
    steps = Steps(recorder, world)
    if not steps.names:
        raise NotCovered("no field of it has two values that are known to be valid")
    steps.fill()
    steps.update()
    for name in steps.names:
        steps.update(name)
    for some in _together(steps.names):
        steps.update(*some)
    steps.update()
    recorder.finish()
