"""Which named answer a request that breaks the schema must get: the rules of `x-refusals`, tried in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mock_server.messages import Violation
from mock_server.spec.terms.evidence import stated, strongest
from mock_server.spec.terms.model import Evidence, Operation, RefusalRule


class Verdict(NamedTuple):
    """The answer's name, the violation it speaks of, and the rule that chose it (None: the vendor's general one)."""

    answer: str
    violation: Violation
    rule: RefusalRule | None

    @property
    def assumed(self) -> bool:
        """Whether nobody documents this answer for this input, documented as its words may be."""
        return self.rule is not None and self.rule.evidence is not None and self.rule.evidence.grade == "assumed"


def refuse(operation: Operation, violations: Sequence[Violation]) -> Verdict | None:
    """The refusal for these violations; None when there are none, or the rules leave all to the behaviour."""
    left = list(violations)
    for rule in operation.refusals:
        matching = [violation for violation in left if covers(rule, violation)]
        if not matching:
            continue
        if rule.answer is not None:
            return Verdict(rule.answer, matching[0], rule)
        left = [violation for violation in left if violation not in matching]
    return Verdict("invalid-request", left[0], None) if left else None


def refused_in_some_form(operation: Operation, violations: Sequence[Violation]) -> Evidence | None:
    """How we know that a request with these violations is refused at all, in whatever form: what it breaks says so.

    None when there are none, or when the rules leave all to the behaviour. Which answer it gets is another statement:
    that of the rule, or of the answer.
    """
    said = []
    for violation in violations:
        if refuse(operation, [violation]) is None:
            continue
        schema, field = operation.body_schema, violation.field
        if violation.place != "body":
            parameters = operation.parameters_in(violation.place)
            schema = next((one.schema for one in parameters if one.name == field), None)
            field = ""
        # That a page says what a parameter is for is no word on other values of it.
        by_name = violation.place == "query" and violation.kind != "required"
        said.append(stated(schema, field, violation.kind, by_name=by_name) or _unsaid(operation, violation))
    return strongest(*said) if said else None


def _unsaid(operation: Operation, violation: Violation) -> Evidence:
    """How we know of a refusal of which a schema does not say how it is known.

    A page that lists a field says nothing of an empty text in it, and one that lists a parameter of the query says only
    whether it is needed: servers read what they can of a query, and go on.
    """
    said = violation.kind != "empty" and (violation.place != "query" or violation.kind == "required")
    return operation.evidence if said else Evidence("assumed", operation.evidence.source)


def covers(rule: RefusalRule, violation: Violation) -> bool:
    """Whether a rule speaks of this violation; a rule for a field speaks of everything inside it too."""
    return (
        violation.place in rule.places
        and (not rule.kinds or violation.kind in rule.kinds)
        and (not rule.fields or violation.field in rule.fields or violation.field.split(".")[0] in rule.fields)
    )


def refusal_values(violation: Violation) -> dict[str, object]:
    """What a refusal's sentence may say of a violation: `field`, `message`, `value`, and the field under its name."""
    field, message = violation.field, violation.message
    if violation.kind != "required":
        message = f"{field}: {message}" if field else message
    values: dict[str, object] = {"field": field or violation.place, "message": message, "value": violation.value}
    if field and violation.kind != "required":
        values.setdefault(field, violation.value)
    return values
