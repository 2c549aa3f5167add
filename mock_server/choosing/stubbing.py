"""The answer of a stub: its body and headers, with what the request says put in the place of the placeholders."""

from __future__ import annotations

import re

from mock_server.answering.bodies import MAX_BODY_BYTES, body_or_none
from mock_server.answering.outcome import Outcome
from mock_server.desk.faults import Values
from mock_server.desk.stubs import Stub
from mock_server.messages import Json, Refusal, Request
from mock_server.spec import path_values
from mock_server.text.jsontext import dumps
from mock_server.text.querytext import fields

PLACEHOLDER = re.compile(r"\{\{ *((?:path|query|body)(?:\.[^{}\s]+)?) *\}\}")
"""`{{path.id}}`, `{{query.limit}}`, `{{body.lead.name}}`, or `{{body}}` for the whole of it."""


def stubbed(stub: Stub, request: Request) -> Outcome:
    """The stub's answer to this request."""
    values = Values(
        path_values(stub.segments, request.path) or {},
        fields(request.query),
        body_or_none(request),
    )
    filling = _Filling(values)
    headers = tuple((name, filling.header(value)) for name, value in (stub.headers or {}).items())
    body = filling.body(stub.body) if stub.has_body else {}
    return Outcome("stub", stub.status, body, "assumed", headers, fault=stub.id)


class _Filling:
    """Puts what a request says in the place of placeholders; raises Refusal where that would be more than is sent."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._texts: dict[str, str] = {}
        self._length = 0

    def body(self, node: Json) -> Json:
        if isinstance(node, dict):
            return {name: self.body(child) for name, child in node.items()}
        if isinstance(node, list):
            return [self.body(child) for child in node]
        if not isinstance(node, str):
            return node
        whole = PLACEHOLDER.fullmatch(node)
        if whole is None:
            return PLACEHOLDER.sub(self._text, node)
        # Alone, a placeholder keeps the type of what it stands for; within a text it becomes text.
        self._text(whole)
        return self._values.at(whole[1])

    def header(self, text: str) -> str:
        """One line of printable ASCII, because the client chose a part of it."""
        return "".join(sign for sign in PLACEHOLDER.sub(self._text, text) if " " <= sign <= "~")

    def _text(self, found: re.Match[str]) -> str:
        name = found[1]
        text = self._texts.get(name)
        if text is None:
            value = self._values.at(name)
            text = "" if value is None else value if isinstance(value, str) else dumps(value).decode().lstrip()
            self._texts[name] = text
        self._length += len(text)
        if self._length > MAX_BODY_BYTES:
            raise Refusal("space-limit", message=f"what fills the stub takes more than {MAX_BODY_BYTES} bytes")
        return text
