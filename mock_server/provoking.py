"""A documented answer brought about in a running space: by the input that the pages name, or by asking for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from mock_server.gateway import Gateway
from mock_server.messages import Json, Request, Response
from mock_server.operations import forced_request, natural_request
from mock_server.spec import NamedAnswer, NamedRequest, Operation, Spec, WireRequest, build
from mock_server.text.jsontext import BadJson, loads

WAYS = ("natural", "forced")
_CLIENT = {"user-agent": "ringback-console"}
_STEP = re.compile(r"\$answers\.(?P<step>[^#]+)#(?P<pointer>.*)")


class CannotProvoke(Exception):
    """The answer cannot be brought about in that way; the text says why."""


class Provoked(NamedTuple):
    """What came of it: the status of the last answer, and how many requests were sent."""

    status: int
    requests: int


def provoke(gateway: Gateway, spec: Spec, operation: Operation, answer: NamedAnswer, way: str, key: str) -> Provoked:
    """Sends what is needed, with a key that opens the space. Raises CannotProvoke."""
    if way == "forced":
        sent = _send(gateway, spec, forced_request(spec, operation, answer, key))
        return Provoked(sent.status, 1)
    natural = natural_request(operation, answer)
    if natural is None:
        raise CannotProvoke(f"no documented input of {operation.id} brings {answer.name} about; force it")
    request, with_key = natural
    answers: dict[str, Json] = {}
    for step in request.after:
        name, _, named = step.partition("/")
        earlier = spec.operations[name]
        response = _send(gateway, spec, _built(spec, earlier, earlier.requests[named], key, answers))
        answers[step] = _decoded(response)
    sent = _send(
        gateway, spec, _built(spec, operation, request, {"": None, "wrong": "wrong"}.get(with_key, key), answers)
    )
    return Provoked(sent.status, len(request.after) + 1)


def _built(
    spec: Spec, operation: Operation, request: NamedRequest, key: str | None, answers: Mapping[str, Json]
) -> WireRequest:
    return build(spec, operation, request, key, lambda value: _filled(value, answers))


def _send(gateway: Gateway, spec: Spec, wire: WireRequest) -> Response:
    headers = {name.lower(): value for name, value in wire.headers.items()} | _CLIENT
    # What goes past the wire is not decoded by it.
    request = Request(wire.method, unquote(wire.path), wire.query, headers, wire.body or b"")
    response = gateway.exchange(gateway.services[spec.provider], request)
    if response.release is not None:
        response.release()
    return response


def _decoded(response: Response) -> Json:
    try:
        return loads(response.body)
    except BadJson:
        return None


def _filled(value: Json, answers: Mapping[str, Json]) -> Json:
    """The value with every `$answers.<operation>/<request>#<pointer>` replaced by what was answered."""
    if isinstance(value, dict):
        return {name: _filled(child, answers) for name, child in value.items()}
    if isinstance(value, list):
        return [_filled(child, answers) for child in value]
    match = _STEP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    node: Any = answers.get(match["step"])
    for part in match["pointer"].strip("/").split("/"):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            raise CannotProvoke(f"the answer to {match['step']} has nothing at {match['pointer']}; try a new space")
    return node
