"""Why an exchange ended as it did: who chose the answer, how it is known, what was not read, how to ask again."""

from __future__ import annotations

from typing import Any

from mock_server.desk.faults import WIRE_FAULTS
from mock_server.desk.happened.journal import Entry
from mock_server.desk.happened.masking import REDACTED
from mock_server.desk.happened.nearby import hints, unread_fields
from mock_server.messages import Json
from mock_server.spec import NamedAnswer, Operation, Spec, WireRequest, curl, key_header
from mock_server.text.jsontext import BadJson, loads

_OWN_HEADERS = ("host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding")
"""What every client adds by itself."""

GRADES = {
    "seed": "The vendor's own page shows this.",
    "doc": "Another public page of the vendor says so.",
    "observed": "No page says so, but public clients rely on it.",
    "assumed": "Nobody says so: this is an assumption.",
}
"""What an evidence grade means, in a sentence."""


def explain(spec: Spec, entry: Entry, space: str, origin: str, key: str | None) -> dict[str, Json]:
    """`{"why": [sentences], "evidence", "source", "summary", "unread": [fields], "hints": [texts], "curl", "rule"}`.

    `origin` is where the vendor is served, `key` one that opens the space, None where that is a secret. `rule` is
    the fault rule that answers the same again, None where no operation was asked.
    """
    operation = spec.operations.get(entry.operation or "")
    if entry.findings is not None:
        return _judged(spec, entry, entry.findings, operation, origin, key)
    answer = _answer(spec, operation, entry.answer)
    body = entry.request_body.encode()
    near = hints(spec, entry.method, entry.path, entry.status, entry.operation, entry.fault, body)
    said = answer if answer is not None and entry.status == answer.status else None
    grade = said.evidence.grade if said is not None else "assumed"
    return {
        "why": [*_chosen(entry, operation, said), GRADES[grade]],
        "evidence": grade,
        "source": said.evidence.source if said is not None else None,
        "summary": said.summary if said is not None else None,
        "operation_summary": operation.summary if operation is not None else None,
        "unread": unread_fields(operation, body) if operation is not None else [],
        "hints": near or [],
        "curl": curl(origin, _again(spec, entry, key)),
        "rule": _rule(entry, space, answer) if operation is not None else None,
    }


def _judged(
    spec: Spec, entry: Entry, findings: list[str], operation: Operation | None, origin: str, key: str | None
) -> dict[str, Json]:
    """What is known of an endpoint's answer, which a proxy has judged."""
    kept = "Nothing in it breaks what the pages say." if operation is not None else "No page documents the request."
    return {
        "why": ["An endpoint answered this through a proxy, and not the mock.", *(findings or [kept])],
        "evidence": operation.evidence.grade if operation is not None else "assumed",
        "source": operation.evidence.source if operation is not None else None,
        "summary": None,
        "operation_summary": operation.summary if operation is not None else None,
        "unread": [],
        "hints": [],
        "curl": curl(origin, _again(spec, entry, key)),
        "rule": None,
    }


def _answer(spec: Spec, operation: Operation | None, name: str | None) -> NamedAnswer | None:
    if name is None:
        return None
    return (operation.answers.get(name) if operation is not None else None) or spec.answers.get(name)


def _chosen(entry: Entry, operation: Operation | None, answer: NamedAnswer | None) -> list[str]:
    """Who decided the answer, in sentences."""
    chosen, refused = entry.fault, entry.status >= 400
    if chosen == "prefer":
        return ["The request asked for this answer itself, by its Prefer header or __code, __example or __wait."]
    if chosen == "held-limit":
        return ["A rule wanted to hold the connection, and as many are held as can be."]
    if chosen in WIRE_FAULTS:
        return [f"A rule of this space, or a magic value, broke the connection: {chosen}."]
    if chosen is not None and chosen.startswith("magic-"):
        return [f"A value in the request is a magic one: it stands for {chosen.removeprefix('magic-')}."]
    if chosen is not None and chosen.startswith("stub-"):
        return [f"The stub {chosen} of this space answers what the vendor's spec does not have."]
    if chosen is not None:
        return [f"The rule {chosen} of this space chose it in advance."]
    if operation is None:
        return ["No operation of the vendor has this method and path."]
    if answer is None:
        return [f"{operation.id} answered with what the spec has no name for."]
    if refused:
        return [f"{operation.id} refused the request: its answer is named {answer.name}."]
    return [f"{operation.id} was carried out: its answer is named {answer.name}."]


def _again(spec: Spec, entry: Entry, key: str | None) -> WireRequest:
    """The request, with a key that opens the space in the place of the one that was not kept."""
    kept = {
        name: value
        for name, value in entry.request_headers.items()
        if name not in _OWN_HEADERS and value != REDACTED and not name.startswith(("sec-", ":"))
    }
    kept.pop(spec.security.header.lower(), None)
    if kept.get("accept") == "*/*":
        del kept["accept"]
    headers = {**key_header(spec.security, key or "KEY"), **kept}
    body = entry.request_body.encode() or None
    return WireRequest(entry.method, entry.path, entry.query, headers, body)


def _rule(entry: Entry, space: str, answer: NamedAnswer | None) -> dict[str, Json]:
    rule: dict[str, Json] = {"space": space, "provider": entry.provider, "operation": entry.operation, "times": 1}
    if entry.fault in WIRE_FAULTS:
        return {**rule, "fault": entry.fault}
    if answer is not None and answer.status == entry.status:
        return {**rule, "answer": {"example": answer.name}}
    chosen: dict[str, Any] = {"status": entry.status}
    if entry.response_body and entry.status not in (204, 304):
        try:
            chosen["body"] = loads(entry.response_body.encode())
        except BadJson:
            chosen |= {"body": entry.response_body, "headers": {"content-type": "text/plain"}}
    return {**rule, "answer": chosen}
