"""The body of a request, read as JSON within bounds."""

from __future__ import annotations

from mock_server.messages import Json, Refusal, Request
from mock_server.spec import Operation
from mock_server.text import formtext
from mock_server.text.jsontext import BadJson, loads

MAX_BODY_BYTES = 1024 * 1024
UNREAD: Json = object()
"""Stands for a body that nobody has read yet."""


def read_body(request: Request, operation: Operation, known: Json = UNREAD) -> Json:
    """The JSON body of a request, or the refusal for one that is too large, no JSON or no object.

    `known` is what `body_or_none` found in it, where somebody has asked.
    """
    if request.too_large:
        raise Refusal("body-too-large")
    if not request.body and not operation.body_required:
        return {}
    if operation.form:
        return _read_form(request, operation)
    media_type = request.headers.get("content-type", "application/json")
    if media_type != "application/json":
        media_type = media_type.split(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise Refusal("wrong-media-type", message=media_type)
    body = body_or_none(request) if known is UNREAD else known
    if not isinstance(body, dict):
        raise Refusal("malformed-json")
    return body


def _read_form(request: Request, operation: Operation) -> Json:
    media_type = request.headers.get("content-type", formtext.MEDIA_TYPE).split(";")[0].strip().lower()
    if media_type != formtext.MEDIA_TYPE:
        raise Refusal("wrong-media-type", message=media_type)
    try:
        return formtext.read(request.body, operation.body_schema or {})
    except formtext.BadForm as error:
        raise Refusal("invalid-request", message=str(error)) from None


def body_or_none(request: Request) -> Json:
    """What the body says, whatever it is; None for one that says nothing."""
    try:
        return loads(request.body) if request.body else None
    except BadJson:
        return None
