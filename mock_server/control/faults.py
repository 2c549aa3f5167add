"""`/_ringback/faults`: answers and faults chosen in advance, rule by rule."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from mock_server.control.asking.inputs import body, gateway, only, open_space, unknown_name
from mock_server.control.asking.keeping import Keeping
from mock_server.control.asking.problems import Problem
from mock_server.desk.faults import (
    HELD_FAULTS,
    MATCH_PLACES,
    MAX_DELAY_SECONDS,
    SILENT_FAULTS,
    Delay,
    FaultLimit,
    Rule,
)
from mock_server.messages import FRAMING, Json
from mock_server.spaces import Space

blueprint = Blueprint("faults", __name__)

_BODILESS = (204, 304)


def as_json(rule: Rule, space: Space) -> dict[str, Any]:
    """A rule as it was written, with `seen`, `hits` and `refused` (hits that found every held connection taken)."""
    answer: dict[str, Any] = {}
    if rule.example is not None:
        answer["example"] = rule.example
    if rule.status is not None:
        answer["status"] = rule.status
    if rule.has_body:
        answer["body"] = rule.body
    if rule.headers:
        answer["headers"] = dict(rule.headers)
    shown: dict[str, Any] = {"id": rule.id, "space": space.name, "provider": rule.provider, "operation": rule.operation}
    if rule.match:
        shown["match"] = dict(rule.match)
    if answer:
        shown["answer"] = answer
    if rule.fault:
        shown["fault"] = rule.fault
    if rule.delay:
        milliseconds = [round(value * 1000) for value in rule.delay if value is not None]
        shown["delay_ms"] = (
            milliseconds[0] if len(milliseconds) == 1 else dict(zip(("p50", "p99"), milliseconds, strict=True))
        )
    shown |= {"after": rule.after, "every": rule.every, "times": rule.times, "probability": rule.probability}
    return {**shown, "seen": rule.seen, "hits": rule.hits, "refused": rule.refused}


_keeping = Keeping("rule", lambda space: space.faults, as_json)
_keeping.add_routes(blueprint, "/faults")


@blueprint.post("/faults")
def written() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Adds a rule; refused when its vendor, operation or example does not exist, with the near matches."""
    only()
    wanted = body("NewFault")
    rule = _rule("", wanted)
    space = open_space(wanted.get("space"))
    rule.id = space.faults.next_id()
    _put(space, rule)
    location = url_for("faults.one", id=rule.id, space=space.name)
    return as_json(rule, space), 201, {"Location": location}


@blueprint.patch("/faults/<id>")
def patched(id: str) -> dict[str, Any]:
    """Changes what is sent and keeps the rest; the counts begin anew."""
    only("space")
    space, rule = _keeping.find(id)
    shown = as_json(rule, space)
    kept = {name: value for name, value in shown.items() if name not in ("id", "seen", "hits", "refused")}
    merged = {**kept, **body("FaultChange")}
    changed = _rule(rule.id, {name: value for name, value in merged.items() if value is not None})
    _put(space, changed)
    return as_json(changed, space)


def _put(space: Space, rule: Rule) -> None:
    try:
        space.faults.put(rule)
    except FaultLimit as limit:
        raise Problem(409, "Too many rules", f"{limit}.") from None


def _rule(id: str, wanted: dict[str, Json]) -> Rule:
    answer = wanted.get("answer") or {}
    fault = wanted.get("fault")
    if not answer and fault is None and "delay_ms" not in wanted:
        raise Problem(400, "Nothing to do", "A rule needs an answer, a fault or a delay_ms.")
    if answer and "example" not in answer and "status" not in answer:
        raise Problem(400, "Invalid answer", "An answer needs an example or a status.")
    _check_combination(answer, fault)
    operations = _operations(wanted["provider"], wanted["operation"], answer.get("example"))
    for pointer in wanted.get("match") or {}:
        if pointer.partition(".")[0] not in MATCH_PLACES or "." not in pointer:
            raise Problem(400, "Invalid match", f"{pointer!r}: body.x, path.x, query.x or $.x is needed.")
    return Rule(
        id=id,
        provider=wanted["provider"],
        operation=wanted["operation"],
        match=wanted.get("match") or {},
        operations=operations,
        example=answer.get("example"),
        status=answer.get("status"),
        body=answer.get("body"),
        has_body="body" in answer,
        headers=answer.get("headers"),
        fault=fault,
        delay=_delay(wanted.get("delay_ms"), fault),
        after=wanted.get("after", 0),
        every=wanted.get("every", 1),
        times=wanted.get("times"),
        probability=wanted.get("probability", 1.0),
    )


def _delay(wanted: Json, fault: str | None) -> Delay | None:
    if wanted is None:
        return None
    low, high = (wanted["p50"], wanted["p99"]) if isinstance(wanted, dict) else (wanted, None)
    if max(low, high or 0) > MAX_DELAY_SECONDS * 1000:
        raise Problem(400, "Too long", f"delay_ms is at most {MAX_DELAY_SECONDS * 1000:g}.")
    if high is not None and (high < low or low == 0 or fault in HELD_FAULTS):
        raise Problem(400, "Invalid delay", "p50 is above 0, p99 at least p50, and a hang or a drip takes one figure.")
    return Delay(low / 1000, None if high is None else high / 1000)


def _check_combination(answer: dict[str, Json], fault: str | None) -> None:
    """Refuses what contradicts itself and what this server cannot do."""
    possible = gateway().wire_faults
    if fault is not None and fault not in possible:
        raise Problem(
            400, "Unsupported fault", f"{fault!r} cannot be done here; possible are {', '.join(possible) or 'none'}."
        )
    if answer and fault in SILENT_FAULTS:
        raise Problem(400, "Contradiction", f"With the fault {fault!r} nothing is answered; leave the answer out.")
    if answer.get("status") in _BODILESS and ("body" in answer or fault is not None):
        raise Problem(400, "Contradiction", f"An answer with status {answer['status']} has no body.")
    for name in answer.get("headers") or {}:
        if name.lower() in FRAMING:
            raise Problem(400, "Invalid header", f"{name} is the server's business; the wire faults break the framing.")


def _operations(provider: str, operation: str, example: str | None) -> frozenset[str] | None:
    """Which operations have the example; None when all have it. A Problem names what does not exist."""
    services = gateway().services
    if provider not in services:
        raise Problem(400, "No such vendor", unknown_name(provider, list(services)))
    spec = services[provider].spec
    if operation != "*" and operation not in spec.operations:
        raise Problem(400, "No such operation", unknown_name(operation, list(spec.operations)))
    if example is None or example in spec.answers:
        return None
    among = spec.operations.values() if operation == "*" else [spec.operations[operation]]
    having = frozenset(one.id for one in among if example in one.answers)
    if not having:
        known = sorted({name for one in among for name in one.answers} | set(spec.answers))
        raise Problem(400, "No such example", unknown_name(example, known))
    return having
