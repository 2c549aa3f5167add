"""Compares an answer with what the documentation says it must be; agreement is the empty list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from contract_tests.endpoint.transport import Reply
from contract_tests.words.findings import NOTHING, Difference, NotCovered, show
from contract_tests.words.schemas import CLEARED, grade_of
from contract_tests.words.statements import contract_evidence
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, Sent, World
from mock_server.messages import Json, Violation
from mock_server.spec import NamedAnswer, NamedRequest, Operation, ResponseSpec

COUNTRY_CODE_DIGITS = 3
"""The longest country code of E.164."""
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?")
"""A moment as ISO 8601 writes it: how fine it is told, and whether with a zone, is the server's own affair."""


def shape(world: World, operation: Operation, reply: Reply) -> list[Difference]:
    """What the spec does not allow about a reply: its HTTP, status, media type, schema and constants."""
    broken = [Difference("body", "a whole answer", None, flaw) for flaw in reply.flaws]
    return [*broken, *_shape(world, operation, reply)]


def _shape(world: World, operation: Operation, reply: Reply) -> list[Difference]:
    spec = operation.response(reply.status)
    if not reply.is_json and (spec is None or spec.schema is not None):
        found = reply.body[:80].decode("utf-8", "replace")
        return [Difference("body", "a JSON body", found, f"status {reply.status} without a JSON body")]
    status = spec.status if spec is not None else reply.status
    violations = world.checks[operation.id].answer(status, reply.json, media_type=reply.media_type)
    return [*_other_status(spec, reply), *(_from_violation(operation, reply, violation) for violation in violations)]


def _other_status(spec: ResponseSpec | None, reply: Reply) -> list[Difference]:
    """That an answer has another number than the one which we only assume."""
    if spec is None or spec.status == reply.status or spec.status_evidence is None:
        return []
    message = f"no page shows the number; {spec.status} is assumed, {reply.status} was found"
    return [Difference("status", spec.status, reply.status, message, spec.status_evidence.grade)]


def _from_violation(operation: Operation, reply: Reply, violation: Violation) -> Difference:
    response = operation.response(reply.status)
    in_body = response is not None and violation.place == "body"
    grade = grade_of(response.schema, violation.field, violation.kind) if response and in_body else None
    at = violation.place if violation.place != "body" else "/" + violation.field.replace(".", "/")
    return Difference(at, violation.message, violation.value, violation.message, grade)


def documented(
    world: World, operation: Operation, answer: NamedAnswer, sent: Sent, reply: Reply
) -> Iterator[Difference]:
    """How a reply differs from the named answer that its request must get."""
    if answer.status < 300:
        yield from _success(world, operation, answer, sent, reply)
    else:
        yield from error(world, operation, answer, sent, reply)


def _success(world: World, operation: Operation, answer: NamedAnswer, sent: Sent, reply: Reply) -> Iterator[Difference]:
    if reply.status != answer.status:
        other = operation.response(reply.status)
        if other is None or reply.status >= 300:
            yield Difference("status", answer.status, reply.status, _status_text(answer.status, reply))
            return
    yield from shape(world, operation, reply)
    body = reply.json
    if not isinstance(answer.value, dict) or not isinstance(body, dict):
        return
    for one in _times(operation.responses[answer.status].schema, answer.value, body, ""):
        # What a page's example shows further down is often ours: the page names the keys alone.
        _, name, *below = one.at.split("/")
        one.grade = "assumed" if below or name in answer.undecided else one.grade
        yield one
    schema = (operation.responses[answer.status].schema or {}).get("properties") or {}
    contract = operation.contract
    echo = set(contract.get("echo") or ())
    asked = _as_documented(operation, sent)
    # What stands in a sentence of the page for a value is that of the same answer.
    for name, value in answer.filled(body).items():
        actual = body.get(name, ABSENT)
        if name in echo and by_another_name(world, operation, name, sent.value(name), actual):
            continue
        if name in echo:
            how = contract_evidence(operation, "echo").grade
            yield from _echo(name, sent.value(name), actual, (contract.get("clears") or {}).get(name), how)
        elif name in answer.constants and not (schema.get(name) or {}).get("x-issued"):
            grade = "assumed" if name in answer.undecided else None
            if actual != value:
                yield Difference(f"/{name}", value, _shown(actual), grade=grade)
        elif (
            world.own
            and contract.get("effect") in ("update", "create")
            and asked is not None
            and (not isinstance(value, list | dict) or _is_first(operation, answer, sent))
        ):
            yield from _determined(schema.get(name), asked.expect.get(name, value), actual, f"/{name}", None)
    yield from _consistent(contract.get("consistent") or (), body)


def _times(schema: Any, example: Json, actual: Json, at: str) -> Iterator[Difference]:
    """Moments that the server issues, which are no moments where the page shows one as ISO 8601 writes it."""
    if not isinstance(schema, Mapping):
        return
    if isinstance(example, dict) and isinstance(actual, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if name in example and name in actual:
                yield from _times(inner, example[name], actual[name], f"{at}/{name}")
    elif isinstance(example, list) and isinstance(actual, list) and example:
        for index, one in enumerate(actual):
            yield from _times(schema.get("items"), example[0], one, f"{at}/{index}")
    elif schema.get("x-issued") == "time" and isinstance(example, str) and isinstance(actual, str):
        ours = _ISO.fullmatch(example) is None
        if actual and not ours and _ISO.fullmatch(actual) is None:
            message = f"{show(actual)} is no moment in the form of the page's {show(example)}"
            yield Difference(at, example, actual, message, grade_of(schema, ""))


def by_another_name(world: World, operation: Operation, name: str, sent: Json, actual: Json) -> bool:
    """Whether the record that was addressed by one of its names is answered by another one of them."""
    key = operation.contract.get("key") or {}
    if world.own or not key.get("aliases") or key.get("name") != name or actual == sent:
        return False
    if not (isinstance(sent, str) and isinstance(actual, str)):
        return False
    kind = operation.contract["record"]
    if not world.are_names(kind, sent, actual):
        with suppress(NotCovered):
            list(reading.read(world, kind, sent, {}))  # The world learns names from what it reads.
    return world.are_names(kind, sent, actual)


def _as_documented(operation: Operation, sent: Sent) -> NamedRequest | None:
    """The request of the page with every value of the one that was sent, so that the whole answer is determined."""
    seeds = [one for one in operation.requests.values() if one.evidence.grade == "seed"]
    return next((one for one in seeds if _is(one, sent)), None)


def _is(request: NamedRequest, sent: Sent) -> bool:
    return bool(request.body == sent.body) and dict(request.path) == dict(sent.path)


def _is_first(operation: Operation, answer: NamedAnswer, sent: Sent) -> bool:
    """Whether the request is the first one of the page with that answer: the one whose answer the page shows."""
    first = next(request for request in operation.requests.values() if request.answer == answer.name)
    return not first.after and _is(first, sent)


def _determined(schema: Any, expected: Json, actual: Json, at: str, grade: str | None) -> Iterator[Difference]:
    """How an answer differs from the example where it must come to the letter: in what the server does not issue."""
    if isinstance(schema, Mapping) and schema.get("x-issued"):
        return
    grade = grade_of(schema, "") or grade
    if isinstance(expected, dict) and isinstance(actual, dict):
        properties = (schema.get("properties") or {}) if isinstance(schema, Mapping) else {}
        for name, value in expected.items():
            yield from _determined(properties.get(name), value, actual.get(name, ABSENT), f"{at}/{name}", grade)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        items = schema.get("items") if isinstance(schema, Mapping) else None
        for index, value in enumerate(expected):
            yield from _determined(items, value, actual[index], f"{at}/{index}", grade)
    elif actual != expected:
        yield Difference(at, expected, _shown(actual), grade=grade)


def _echo(name: str, sent: Json, actual: Json, clears: Any, grade: str) -> Iterator[Difference]:
    if sent is ABSENT:
        if actual is not ABSENT:
            # A key without a value tells no more than its absence.
            how = "assumed" if actual is None else grade
            yield Difference(f"/{name}", NOTHING, actual, f"not sent, so not answered; found {show(actual)}", how)
    elif clears and sent in clears:
        if actual not in CLEARED and actual is not ABSENT:
            yield Difference(f"/{name}", sent, actual, f"cleared, but the answer says {show(actual)}")
    elif actual != sent:
        yield Difference(f"/{name}", sent, _shown(actual))


def error(
    world: World,
    operation: Operation,
    answer: NamedAnswer,
    sent: Sent | None,
    reply: Reply,
    values: Mapping[str, Json] | None = None,
) -> Iterator[Difference]:
    """How a reply differs from a documented error, to the letter but for what stands for the caller's values."""
    if reply.status != answer.status:
        yield Difference("status", answer.status, reply.status, _status_text(answer.status, reply))
        return
    if not isinstance(answer.value, dict):
        return
    if not isinstance(reply.json, dict):
        yield Difference("body", answer.value, reply.body[:200].decode("utf-8", "replace"))
        return
    known = {
        name: value
        for name in answer.placeholders
        if (value := (values or {}).get(name, sent.value(name) if sent else ABSENT)) is not ABSENT
    }
    open_literals = [literal for name, literal in answer.placeholders.items() if name not in known]
    expected = answer.filled(known)
    for name, value in expected.items():
        actual = reply.json.get(name, ABSENT)
        if actual == value:
            continue
        if isinstance(value, str) and isinstance(actual, str) and any(literal in value for literal in open_literals):
            continue
        grade = "assumed" if name in answer.undecided or isinstance(value, list | dict) else None
        yield Difference(f"/{name}", value, _shown(actual), grade=grade)
    for name in reply.json:
        if name not in expected:
            yield Difference(f"/{name}", NOTHING, reply.json[name], "a key that no page shows", "assumed")


def _status_text(expected: int, reply: Reply) -> str:
    body = reply.body[:120].decode("utf-8", "replace")
    return f"expected status {expected}, found {reply.status} with {body}"


def _consistent(rules: Any, body: dict[str, Json]) -> Iterator[Difference]:
    """Values of one answer that must agree: the digits of two fields equal, or one inside the other.

    Digits are equal without the country code too, which numbers are often shown without.
    """
    for rule in rules:
        first = _digits(body.get(rule["digits_of"]))
        other = rule.get("equal") or rule.get("contain")
        second = _digits(body.get(other))
        equal = first.endswith(second) and len(first) - len(second) <= COUNTRY_CODE_DIGITS
        agree = equal if "equal" in rule else second in first
        if not agree:
            yield Difference(
                f"/{other}", body.get(rule["digits_of"]), body.get(other), f"{other} and {rule['digits_of']} disagree"
            )


def _digits(value: Json) -> str:
    return re.sub(r"\D", "", str(value))


def _shown(value: Json) -> Json:
    return NOTHING if value is ABSENT else value
