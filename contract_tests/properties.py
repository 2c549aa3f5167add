"""The properties that a server is checked for, each with a name, a sentence and a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from contract_tests import compare, generation, reading
from contract_tests.compare import CLEARED
from contract_tests.findings import FAIL_ON, ContractBroken, Difference, Finding, NotCovered, weaker
from contract_tests.generation import Draw
from contract_tests.transport import Reply
from contract_tests.world import ABSENT, Sent, World
from mock_server.messages import Json, Violation
from mock_server.spec import Evidence, NamedRequest, Operation, WireRequest, refusal_values, refuse

WRONG_KEY = "ringback-check-no-such-key"


@dataclass
class Recorder:
    """Collects the findings of one property of one operation; the breaking ones end it."""

    world: World
    operation: Operation
    property: str
    fail_on: str
    draws: int
    seed: int
    broken: list[Finding] = field(default_factory=list)
    notes: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(
        self,
        request: str,
        evidence: Evidence,
        differences: Iterable[Difference],
        wire: WireRequest,
        *,
        at_once: bool = False,
    ) -> None:
        """Keeps the differences as findings; `at_once` raises for the first breaking one, so that it shrinks."""
        broken = []
        for difference in differences:
            finding = self.world.finding(self.property, self.operation, request, evidence, difference, wire)
            if finding.grade in FAIL_ON[self.fail_on]:
                broken.append(finding)
            else:
                self.notes.setdefault((finding.at, finding.message), finding)
        if broken and at_once:
            raise ContractBroken(broken)
        self.broken += broken

    def finish(self) -> None:
        if self.broken:
            raise ContractBroken(self.broken)

    def generate(self, strategy: object, check: Callable[[Draw], None]) -> None:
        if self.draws:
            generation.run(strategy, check, draws=self.draws, seed=self.seed, shrink=self.world.own)  # type: ignore[arg-type]


class Property(NamedTuple):
    """One property: its name, what it promises, for which operations it makes sense, and how it is checked."""

    name: str
    sentence: str
    applies: Callable[[Operation], bool]
    check: Callable[[Recorder], None]


def _success_requests(world: World, operation: Operation) -> list[NamedRequest]:
    return [r for r in operation.requests.values() if world.spec.answer(operation, r.answer).status < 300]


def _error_requests(world: World, operation: Operation) -> list[NamedRequest]:
    return [r for r in operation.requests.values() if world.spec.answer(operation, r.answer).status >= 300]


def _evidence(*statements: Evidence) -> Evidence:
    """The weakest of several statements that an expectation rests on."""
    grade = weaker(*(statement.grade for statement in statements))
    return next(statement for statement in statements if statement.grade == grade)


def _each(recorder: Recorder, requests: Iterable[NamedRequest], check: Callable[[World, NamedRequest], None]) -> None:
    """Runs the check for each request in a fresh world; it is not covered when none could be made."""
    reasons = []
    done = 0
    for request in requests:
        try:
            check(recorder.world.fresh(), request)
            done += 1
        except NotCovered as why:
            reasons.append(f"{request.name}: {why}")
    if not done and not recorder.broken:
        raise NotCovered("; ".join(reasons) or "the documentation has no such request")


# --- documented requests ---------------------------------------------------------------------------------


def documented_examples(recorder: Recorder) -> None:
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        answer = world.spec.answer(operation, request.answer)
        sent, reply = world.send(operation, world.named(operation, request.name))
        differences = compare.documented(world, operation, answer, sent, reply)
        recorder.add(request.name, _evidence(answer.evidence, request.evidence), differences, sent.wire)

    _each(recorder, _success_requests(recorder.world, operation), check)
    recorder.finish()


def documented_errors(recorder: Recorder) -> None:
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        answer = world.spec.answer(operation, request.answer)
        named = world.named(operation, request.name)
        before = world.snapshot() if not request.after else None
        sent, reply = world.send(operation, named)
        evidence = _evidence(answer.evidence, request.evidence)
        values = _violation_values(world, operation, sent)
        recorder.add(request.name, evidence, compare.error(world, operation, answer, sent, reply, values), sent.wire)
        if before is not None and reply.status >= 400:
            recorder.add(request.name, operation.evidence, _changes(before, world.snapshot()), sent.wire)

    _each(recorder, _error_requests(recorder.world, operation), check)
    recorder.finish()


def _violation_values(world: World, operation: Operation, sent: Sent) -> dict[str, Json]:
    """What the refusal's sentence says of the request, where the request breaks the schema."""
    check = world.checks[operation.id]
    found = check.query(sent.wire.query)[1]
    if check.body is not None and isinstance(sent.body, dict):
        found = found + check.body.differences(sent.body)
    verdict = refuse(operation, found) if found else None
    return dict(refusal_values(verdict.violation)) if verdict else {}


def _changes(before: dict[str, Json], after: dict[str, Json]) -> list[Difference]:
    return [
        Difference(name, "unchanged", "changed", "a refused request changed what this operation shows")
        for name in before
        if before[name] != after[name]
    ]


# --- generated requests ----------------------------------------------------------------------------------


def valid_accepted(recorder: Recorder) -> None:
    operation, world = recorder.operation, recorder.world.fresh()

    def check(draw: Draw) -> None:
        if draw.violations or draw.raw is not None:
            return
        sent, reply = world.send(operation, draw.request)
        recorder.add(
            "generated", _answer_evidence(operation, reply), _lawful(world, operation, reply), sent.wire, at_once=True
        )

    _require_success_possible(world, operation)
    recorder.generate(generation.valid_requests(world, operation), check)


def _require_success_possible(world: World, operation: Operation) -> None:
    """Raises NotCovered when this world lacks the records or the permission that a valid request needs."""
    request = world.plain_request(operation)
    if operation.method == "DELETE" and not world.own:
        raise NotCovered("destroys records, and would destroy ones that this run did not make")
    world.send(operation, request)


def _lawful(world: World, operation: Operation, reply: Reply) -> list[Difference]:
    """What is wrong with the answer to a valid request: the spec allows a success, or a refusal that it knows."""
    if reply.status in operation.responses:
        return compare.shape(world, operation, reply)
    known = ", ".join(str(status) for status in operation.responses)
    return [Difference("status", known, reply.status, f"a valid request got {reply.status}; the page knows {known}")]


def _answer_evidence(operation: Operation, reply: Reply) -> Evidence:
    response = operation.responses.get(reply.status)
    return response.evidence if response else operation.evidence


def invalid_refused(recorder: Recorder) -> None:
    operation, world = recorder.operation, recorder.world.fresh()
    _require_success_possible(recorder.world.fresh(), operation)
    before = world.snapshot()

    def check(draw: Draw) -> None:
        if not generation.must_be_refused(operation, draw):
            return
        request = draw.request
        if draw.raw is not None:
            request = NamedRequest(**{**vars(request), "raw_body": draw.raw.decode("latin-1")})
        sent, reply = world.send(operation, request)
        evidence, differences = _refusal(world, operation, draw, sent, reply)
        recorder.add("generated", evidence, differences, sent.wire, at_once=True)
        if reply.status >= 400:
            recorder.add("generated", operation.evidence, _changes(before, world.snapshot()), sent.wire, at_once=True)

    recorder.generate(generation.invalid_requests(world, operation), check)


def _refusal(
    world: World, operation: Operation, draw: Draw, sent: Sent, reply: Reply
) -> tuple[Evidence, list[Difference]]:
    """How the answer to an invalid request differs from a refusal, and from the documented one if a page gives it."""
    if reply.status < 400:
        what = "; ".join(str(violation) for violation in draw.violations[:3]) or "the body is no JSON"
        difference = Difference("status", "a refusal", reply.status, f"accepted although {what}")
        return _broken_statement(operation, draw.violations), [difference]
    if reply.status >= 500 and reply.status not in operation.responses:
        return operation.evidence, [
            Difference("status", "a refusal", reply.status, "a server error for an invalid request")
        ]
    verdicts = [refuse(operation, [violation]) for violation in draw.violations]
    answers = {verdict.answer for verdict in verdicts if verdict is not None}
    if draw.raw is None and len(answers) == 1 and not any(v is None or v.assumed for v in verdicts):
        answer = world.spec.answer(operation, answers.pop())
        if answer.evidence.grade in ("seed", "doc"):
            values = dict(refusal_values(draw.violations[0]))
            return answer.evidence, list(compare.error(world, operation, answer, sent, reply, values))
    return operation.evidence, []


def _broken_statement(operation: Operation, violations: tuple[Violation, ...]) -> Evidence:
    """The evidence for a request having to be refused: the strongest of what its violations break."""
    grades = []
    for violation in violations:
        verdict = refuse(operation, [violation])
        if verdict is None:
            continue
        grade = operation.evidence.grade
        if violation.place == "body":
            grade = compare.grade_of(operation.body_schema, violation.field) or grade
        grades.append("assumed" if verdict.assumed else grade)
    grade = min(grades, key=("seed", "doc", "observed", "assumed").index) if grades else "assumed"
    return Evidence(grade, operation.evidence.source)


# --- keys ------------------------------------------------------------------------------------------------


def keys_refused(recorder: Recorder) -> None:
    operation = recorder.operation
    world = recorder.world.fresh()
    request = world.plain_request(operation)
    request = NamedRequest(**{**vars(request), "after": ()})
    for name, key in (("missing-key", None), ("wrong-key", WRONG_KEY)):
        answer = world.spec.answer(operation, name)
        sent, reply = world.send(operation, request, key=key)
        if reply.status < 400:
            accepted = Difference("status", answer.status, reply.status, f"a {name.replace('-', ' ')} was accepted")
            recorder.add(name, world.spec.security.evidence, [accepted], sent.wire)
        else:
            recorder.add(name, answer.evidence, compare.error(world, operation, answer, sent, reply), sent.wire)
    recorder.finish()


# --- what was written reads back -------------------------------------------------------------------------


def reads_back(recorder: Recorder) -> None:
    operation = recorder.operation
    if not any(True for _ in recorder.world.readers(operation.contract["record"])):
        raise NotCovered("no documented operation shows these records")

    def check(world: World, request: NamedRequest) -> None:
        _write_and_read(recorder, world, world.named(operation, request.name), request.name)

    _each(recorder, _success_requests(recorder.world, operation), check)
    recorder.finish()
    world = recorder.world.fresh()

    def check_draw(draw: Draw) -> None:
        if not draw.violations and draw.raw is None:
            _write_and_read(recorder, world, draw.request, "generated", at_once=True)

    if operation.contract["effect"] != "delete":
        recorder.generate(generation.valid_requests(world, operation), check_draw)


def _write_and_read(
    recorder: Recorder, world: World, request: NamedRequest, name: str, *, at_once: bool = False
) -> None:
    """Makes the call, reads the record by every documented way, and compares field by field."""
    operation = recorder.operation
    contract = operation.contract
    kind = contract["record"]
    addressed = request.path.get((contract.get("key") or {}).get("name", ""), ABSENT)
    before = {}
    if contract["effect"] == "update" and not request.after and addressed is not ABSENT:
        before = {r.operation.id: r for r in reading.read(world, kind, addressed, {})}
    sent, reply = world.send(operation, request)
    if reply.status >= 300:
        return
    key = reading.key_of(operation, sent, reply)
    if key is ABSENT:
        missing = Difference("", f"the key {contract.get('key')}", "absent", "the answer does not name its record")
        recorder.add(name, operation.evidence, [missing], sent.wire, at_once=at_once)
        return
    written = reading.sent_fields(operation, sent)
    for seen in reading.read(world, kind, key, written):
        evidence = _evidence(operation.evidence, seen.operation.evidence)
        differences = list(_differences(operation, written, seen, before.get(seen.operation.id)))
        recorder.add(f"{name}, read by {seen.operation.id}", evidence, differences, sent.wire, at_once=at_once)


def _differences(
    operation: Operation, written: dict[str, Json], seen: reading.Reading, before: reading.Reading | None
) -> Iterable[Difference]:
    effect, reader = operation.contract["effect"], seen.operation.id
    if effect == "delete":
        if seen.record is not ABSENT:
            yield Difference("", "gone", "still there", f"deleted, but {reader} still shows it")
        return
    if seen.record is ABSENT:
        yield Difference("", "the record", "absent", f"written, but {reader} does not show it")
        return
    clearing = reading.clears(operation)
    for name, value in written.items():
        found = reading.field(seen.record, name)
        if name in clearing and value in clearing[name]:
            if found not in CLEARED and found is not ABSENT and found != []:
                yield Difference(f"/{name}", "cleared", found, f"cleared, but {reader} shows {found!r}")
        elif found != value:
            shown = "absent" if found is ABSENT else found
            yield Difference(f"/{name}", value, shown, f"{value!r} was written, {reader} shows {shown!r}")
    if before is None:
        return
    if operation.contract.get("partial") and before.record is not ABSENT:
        for name in set((operation.contract.get("fields") or {}).values()) - set(written):
            old, new = reading.field(before.record, name), reading.field(seen.record, name)
            if old != new:
                yield Difference(f"/{name}", _plain(old), _plain(new), f"not sent, but {reader} shows it changed")
    for row in before.others:
        if row not in seen.others:
            yield Difference("", "other records unchanged", row, f"another record changed or went in {reader}")


def _plain(value: Json) -> Json:
    return "absent" if value is ABSENT else value


def _writes(operation: Operation) -> bool:
    return operation.contract.get("effect") in ("create", "update", "delete") and "key" in operation.contract


PROPERTIES = (
    Property(
        "examples",
        "A documented request gets the documented answer: to the letter, issued values by kind.",
        lambda operation: True,
        documented_examples,
    ),
    Property(
        "errors",
        "A documented error comes for its documented input, to the letter, and changes nothing.",
        lambda operation: True,
        documented_errors,
    ),
    Property(
        "keys",
        "A missing and a wrong key are refused.",
        lambda operation: operation.secured,
        keys_refused,
    ),
    Property(
        "valid",
        "A valid request gets an answer that the spec describes.",
        lambda operation: True,
        valid_accepted,
    ),
    Property(
        "invalid",
        "An invalid request is refused, as documented where a page says how, and changes nothing.",
        lambda operation: operation.body_schema is not None or bool(operation.parameters_in("query")),
        invalid_refused,
    ),
    Property(
        "read-back",
        "What was written reads back in every documented way, what was not sent stays, other records stay.",
        _writes,
        reads_back,
    ),
)
