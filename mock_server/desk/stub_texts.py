"""A stub as JSON: how it is shown, exported and read, and what is wrong with one that cannot be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mock_server.desk.stubs import METHODS, Stub
from mock_server.messages import FRAMING, Json
from mock_server.spec import Router, Spec
from mock_server.text.jsontext import dumps

MAX_PLACEHOLDERS = 1_000
_PARAMETER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_-]*\}")
_KEYS = {"id", "provider", "method", "path", "status", "body", "headers", "hits", "space"}


class BadStub(Exception):
    """A stub that cannot be kept; the text says what would be right."""


def as_json(stub: Stub) -> dict[str, Json]:
    """The stub as it was written, with its id and `hits`."""
    shown: dict[str, Json] = {
        "id": stub.id,
        "provider": stub.provider,
        "method": stub.method,
        "path": stub.path,
        "status": stub.status,
    }
    if stub.has_body:
        shown["body"] = stub.body
    if stub.headers:
        shown["headers"] = dict(stub.headers)
    return {**shown, "hits": stub.hits}


def read_stub(row: Json, specs: Mapping[str, Spec]) -> Stub:
    """The stub that a JSON document describes; raises BadStub, also where a served operation has the path."""
    if not isinstance(row, dict) or set(row) - _KEYS:
        raise BadStub(f"an object with provider, method, path, status, body and headers is needed, found {row!r:.200}")
    provider, method, path = str(row.get("provider")), str(row.get("method")), row.get("path")
    status, hits, headers = row.get("status", 200), row.get("hits", 0), row.get("headers") or {}
    if provider not in specs:
        raise BadStub(f"provider {provider!r} is unknown; there are {', '.join(specs)}")
    if method not in METHODS:
        raise BadStub(f"method {method!r}: one of {', '.join(METHODS)} is needed")
    if not isinstance(path, str) or not path.startswith("/"):
        raise BadStub(f"path {path!r}: a path that begins with a slash is needed")
    for part in path.strip("/").split("/"):
        if ("{" in part or "}" in part) and _PARAMETER.fullmatch(part) is None:
            raise BadStub(f"path {path!r}: {part!r} must be a whole segment such as {{id}}")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise BadStub(f"status {status!r}: a number from 200 to 599 is needed")
    if status in (204, 304) and "body" in row:
        raise BadStub(f"an answer with status {status} has no body")
    if not isinstance(hits, int) or not isinstance(headers, dict):
        raise BadStub("hits must be a number and headers a mapping")
    for name, value in headers.items():
        if not isinstance(value, str) or name.lower() in FRAMING or not name.isascii() or not value.isprintable():
            raise BadStub(f"header {name!r}: a line of text for a header that is not the server's business is needed")
    try:
        placeholders = dumps(row.get("body")).count(b"{{")
    except TypeError as error:
        raise BadStub(f"the body cannot be sent: {error}") from None
    if placeholders > MAX_PLACEHOLDERS:
        raise BadStub(f"a body has at most {MAX_PLACEHOLDERS} placeholders")
    match = Router(specs[provider].operations.values(), specs[provider].missing).match(method, path)
    if match is not None and match.operation is not None:
        raise BadStub(
            f"{method} {path} is the operation {match.operation.id}, which is served: `ringback faults add {provider}"
            f" {match.operation.id}` chooses its answers"
        )
    return Stub("", provider, method, path, status, row.get("body"), "body" in row, headers, hits)
