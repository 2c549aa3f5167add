"""Generated requests: valid ones are answered as the spec describes, invalid ones are refused and change nothing."""

from __future__ import annotations

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare
from contract_tests.properties import generation
from contract_tests.properties.documented import changes
from contract_tests.properties.generation import Draw
from contract_tests.properties.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.world.world import Sent, World
from mock_server.messages import Violation
from mock_server.spec import Evidence, NamedRequest, Operation, refusal_values, refuse


def valid_accepted(recorder: Recorder) -> None:
    """Sends generated requests that the schema allows."""
    operation, world = recorder.operation, recorder.world.fresh()

    def check(draw: Draw) -> None:
        if draw.violations or draw.raw is not None:
            return
        sent, reply = world.send(operation, draw.request)
        recorder.add(
            "generated", answer_evidence(operation, reply), lawful(world, operation, reply), sent.wire, at_once=True
        )

    _require_success_possible(world, operation)
    if recorder.draws:
        for request in generation.documented_variants(world, operation):
            check(Draw(request, ()))
    recorder.generate(generation.valid_requests(world, operation), check)


def _require_success_possible(world: World, operation: Operation) -> None:
    """Raises NotCovered when this world lacks the records or the permission that a valid request needs."""
    request = world.plain_request(operation)
    if operation.method == "DELETE" and not world.own:
        raise NotCovered("destroys records, and would destroy ones that this run did not make")
    world.send(operation, request)


def lawful(world: World, operation: Operation, reply: Reply) -> list[Difference]:
    """What is wrong with the answer to a valid request: the spec allows a success, or a refusal that it knows."""
    if reply.status in operation.responses:
        return compare.shape(world, operation, reply)
    known = ", ".join(str(status) for status in operation.responses)
    return [Difference("status", known, reply.status, f"a valid request got {reply.status}; the page knows {known}")]


def answer_evidence(operation: Operation, reply: Reply) -> Evidence:
    """How we know what may be answered: where no page names a refusal, another refusal than ours breaks nothing."""
    response = operation.responses.get(reply.status)
    if response is not None:
        return response.evidence
    named = [other.evidence for status, other in operation.responses.items() if 400 <= status < 500 and status != 401]
    if 400 <= reply.status < 500 and all(evidence.grade in ("observed", "assumed") for evidence in named):
        return Evidence("assumed", operation.evidence.source, "no page names a refusal")
    return operation.evidence


def invalid_refused(recorder: Recorder) -> None:
    """Sends generated requests that the schema forbids."""
    operation = recorder.operation
    _require_success_possible(recorder.world.fresh(), operation)
    if _refuse_all(recorder, recorder.world.fresh(), each=False):
        # One of them changed something; looking after each tells which, and costs a snapshot each.
        _refuse_all(recorder, recorder.world.fresh(), each=True)


def _refuse_all(recorder: Recorder, world: World, *, each: bool) -> bool:
    """Whether the refused requests changed something; `each` looks after each of them, and raises."""
    operation = recorder.operation
    before, accepted = world.snapshot(), False

    def check(draw: Draw) -> None:
        nonlocal before, accepted
        if not generation.must_be_refused(operation, draw):
            return
        request = draw.request
        if draw.raw is not None:
            request = NamedRequest(**{**vars(request), "raw_body": draw.raw.decode("latin-1")})
        sent, reply = world.send(operation, request)
        evidence, differences = refusal(world, operation, draw, sent, reply)
        recorder.add("generated", evidence, differences, sent.wire, at_once=True)
        if reply.status < 400:
            # Accepted where only we would have refused it: what it did is no refused request's doing.
            before, accepted = world.snapshot() if each else before, True
        elif each:
            recorder.add("generated", operation.evidence, changes(before, world.snapshot()), sent.wire, at_once=True)

    recorder.generate(generation.invalid_requests(world, operation), check)
    return not each and (accepted or before != world.snapshot())


def refusal(
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
