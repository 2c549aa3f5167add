"""What may be answered to a request that no page shows: a valid one as some page says, an invalid one by a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare
from contract_tests.words.findings import Difference
from contract_tests.words.statements import weakest
from contract_tests.world.world import Sent, World
from mock_server.messages import Json, Violation
from mock_server.spec import (
    Evidence,
    NamedRequest,
    Operation,
    encode_query,
    refusal_values,
    refuse,
    refused_in_some_form,
)


class Draw(NamedTuple):
    """A generated request and what is wrong with it (nothing, when it is valid)."""

    request: NamedRequest
    violations: tuple[Violation, ...]
    raw: bytes | None = None


def violations_of(world: World, operation: Operation, request: NamedRequest) -> tuple[Violation, ...]:
    """What our own schemas say is wrong with a request."""
    check = world.checks[operation.id]
    found = check.query(encode_query(request.query))[1]
    if check.body is not None:
        found = found + check.body.differences(request.body)
    return tuple(found)


def must_be_refused(operation: Operation, draw: Draw) -> bool:
    """Whether a drawn request is wrong in a way that the behaviour could not make right."""
    if draw.raw is not None:
        return True
    return bool(draw.violations) and refuse(operation, draw.violations) is not None


def lawful(world: World, operation: Operation, reply: Reply) -> list[Difference]:
    """What is wrong with the answer to a valid request: the spec allows a success, or a refusal that it knows."""
    if operation.response(reply.status) is not None:
        return compare.shape(world, operation, reply)
    known = ", ".join(str(status) for status in operation.responses)
    return [Difference("status", known, reply.status, f"a valid request got {reply.status}; the page knows {known}")]


def answer_evidence(operation: Operation, reply: Reply) -> Evidence:
    """How we know what may be answered: where no page names a refusal, another refusal than ours breaks nothing."""
    response = operation.response(reply.status)
    if response is not None:
        return response.evidence
    named = [other.evidence for status, other in operation.responses.items() if 400 <= status < 500 and status != 401]
    if 400 <= reply.status < 500 and all(evidence.grade in ("observed", "assumed") for evidence in named):
        return Evidence("assumed", operation.evidence.source, "no page names a refusal")
    return operation.evidence


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
    """The evidence for a request having to be refused in some form: the strongest of what its violations break."""
    said = refused_in_some_form(operation, violations)
    return said or Evidence("assumed", operation.evidence.source)


def documented_refusal(
    world: World, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply
) -> Iterator[tuple[Evidence, list[Difference]]]:
    """How a reply differs from the error that a documented request must get, with how we know of that error.

    That such a request is refused in some form may be better known than what the refusal looks like.
    """
    answer = world.spec.answer(operation, request.answer)
    evidence = weakest(answer.evidence, request.evidence)
    said = request.refused or refused_in_some_form(operation, _broken_by(world, operation, sent))
    if reply.status < 300 and said is not None and weakest(said, evidence) == evidence:
        message = f"a page says that this is refused, and it was answered with {reply.status}"
        yield said, [Difference("status", "a refusal", reply.status, message)]
        return
    values = violation_values(world, operation, sent)
    yield evidence, list(compare.error(world, operation, answer, sent, reply, values))


def _broken_by(world: World, operation: Operation, sent: Sent) -> list[Violation]:
    """What our own schemas say is wrong with a request that was sent."""
    check = world.checks[operation.id]
    found = check.query(sent.wire.query)[1]
    if check.body is not None and isinstance(sent.body, dict):
        found = found + check.body.differences(sent.body)
    return found


def violation_values(world: World, operation: Operation, sent: Sent) -> dict[str, Json]:
    """What the refusal's sentence says of the request, where the request breaks the schema."""
    found = _broken_by(world, operation, sent)
    verdict = refuse(operation, found) if found else None
    return dict(refusal_values(verdict.violation)) if verdict else {}
