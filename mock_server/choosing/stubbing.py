"""The answer of a stub: its body and headers, with what the request says put in the place of the placeholders."""

from __future__ import annotations

import re

from mock_server.answering.bodies import body_or_none
from mock_server.answering.outcome import Outcome
from mock_server.desk.faults import Values
from mock_server.desk.stubs import Stub
from mock_server.jsontext import dumps
from mock_server.messages import Json, Request
from mock_server.querytext import fields
from mock_server.spec import path_values

PLACEHOLDER = re.compile(r"\{\{ *((?:path|query|body)(?:\.[^{}\s]+)?) *\}\}")
"""`{{path.id}}`, `{{query.limit}}`, `{{body.lead.name}}`, or `{{body}}` for the whole of it."""


def stubbed(stub: Stub, request: Request) -> Outcome:
    """The stub's answer to this request."""
    values = Values(
        path_values(stub.segments, request.path) or {},
        fields(request.query),
        body_or_none(request),
    )
    headers = tuple((name, _in_header(value, values)) for name, value in (stub.headers or {}).items())
    body = _filled(stub.body, values) if stub.has_body else {}
    return Outcome("stub", stub.status, body, "assumed", headers, fault=stub.id)


def _filled(node: Json, values: Values) -> Json:
    if isinstance(node, dict):
        return {name: _filled(child, values) for name, child in node.items()}
    if isinstance(node, list):
        return [_filled(child, values) for child in node]
    if not isinstance(node, str):
        return node
    whole = PLACEHOLDER.fullmatch(node)
    # Alone, a placeholder keeps the type of what it stands for; within a text it becomes text.
    return values.at(whole[1]) if whole else PLACEHOLDER.sub(lambda found: _text(values.at(found[1])), node)


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode().lstrip()


def _in_header(text: str, values: Values) -> str:
    """One line of printable ASCII, because the client chose a part of it."""
    filled = PLACEHOLDER.sub(lambda found: _text(values.at(found[1])), text)
    return "".join(sign for sign in filled if " " <= sign <= "~")
