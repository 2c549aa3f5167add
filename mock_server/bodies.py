"""The body of a request, read as JSON within bounds."""

from __future__ import annotations

import orjson

from mock_server.messages import Json, Refusal, Request
from mock_server.spec import Operation

MAX_NESTING = 100
MAX_BODY_BYTES = 1024 * 1024


def read_body(request: Request, operation: Operation) -> Json:
    """The JSON body of a request, or the refusal for one that is too large, no JSON or no object."""
    if request.too_large:
        raise Refusal("body-too-large")
    if not request.body and not operation.body_required:
        return {}
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Refusal("wrong-media-type", message=media_type)
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal("malformed-json") from None
    if not isinstance(body, dict):
        raise Refusal("malformed-json")
    if request.body.count(b"{") + request.body.count(b"[") > MAX_NESTING and _depth(body) > MAX_NESTING:
        raise Refusal("malformed-json")
    return body


def body_or_none(request: Request) -> Json:
    """What the body says, whatever it is; None for one that says nothing."""
    try:
        return orjson.loads(request.body) if request.body else None
    except orjson.JSONDecodeError:
        return None


def _depth(document: Json) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth
