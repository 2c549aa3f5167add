"""An answer by its name or its status, found in the spec: what a preference or a rule gives."""

from __future__ import annotations

from http import HTTPStatus

from mock_server.answering.outcome import Outcome
from mock_server.choosing.preferences import BadPreference
from mock_server.desk.faults import Rule
from mock_server.spec import NamedAnswer, Operation, Spec


def named(spec: Spec, operation: Operation, example: str, status: int | None = None) -> Outcome:
    """The answer of that name, under another status if one is given; BadPreference lists the names there are."""
    answer = operation.answers.get(example) or spec.answers.get(example)
    if answer is None:
        known = ", ".join(list(operation.answers) + [n for n in spec.answers if n not in operation.answers])
        raise BadPreference(f"{operation.id} has no example {example!r}; it knows {known}")
    return _outcome(answer, answer.status if status is None else status)


def with_status(spec: Spec, operation: Operation, status: int) -> Outcome:
    """The operation's first answer with that status; for one that no page documents, the vendor's own envelope."""
    for answer in operation.answers.values():
        if answer.status == status:
            return _outcome(answer, status)
    if status < 300:
        success = next((answer for answer in operation.answers.values() if answer.status < 300), None)
        if success is not None:
            return _outcome(success, status)
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"Status {status}"
    return Outcome("error", status, spec.answers["error"].filled({"message": phrase}), "assumed")


def _outcome(answer: NamedAnswer, status: int) -> Outcome:
    return Outcome(answer.name, status, answer.value, answer.evidence.grade if status == answer.status else "assumed")


def of_rule(spec: Spec, operation: Operation, rule: Rule) -> Outcome | None:
    """The answer that a rule gives; None for a rule that only delays or breaks the wire."""
    if rule.example is not None:
        answer = named(spec, operation, rule.example, rule.status)
    elif rule.status is not None:
        answer = with_status(spec, operation, rule.status)
    else:
        return None
    if rule.has_body:
        answer = answer._replace(body=rule.body, grade="assumed")
    return answer._replace(headers=tuple((rule.headers or {}).items()))
