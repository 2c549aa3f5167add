"""Turns a named request of the spec into what goes over the wire, and that into a curl line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from mock_server.messages import Json
from mock_server.spec.terms.model import NamedRequest, Operation, Security, Spec
from mock_server.text import formtext


class WireRequest(NamedTuple):
    """A request ready to be sent to an origin; `path` is percent-encoded, `+` left as the pages write it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def fill_path(template: str, values: Mapping[str, Json]) -> str:
    """The path with its parameters filled in and percent-encoded."""
    path = template
    for name, value in values.items():
        path = path.replace("{" + name + "}", quote(str(value), safe="+~"))
    return path


def encode_query(values: Mapping[str, Json]) -> str:
    """The query string; booleans are written true and false, values that are None left out."""
    pairs = [(name, _query_text(value)) for name, value in values.items() if value is not None]
    return urlencode(pairs)


def _query_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def key_header(security: Security, key: str) -> dict[str, str]:
    """The header that carries the key."""
    return {security.header: f"Bearer {key}" if security.bearer else key}


def build(
    spec: Spec,
    operation: Operation,
    request: NamedRequest,
    key: str | None,
    fill: Callable[[Json], Json] = lambda value: value,
) -> WireRequest:
    """The wire form of a named request; `fill` replaces `$answers...` strings by the values they stand for.

    `key` None sends no key; `headers` of the named request win over the usual ones, null leaving one out.
    """
    body: bytes | None = None
    headers: dict[str, str] = key_header(spec.security, key) if key is not None and operation.secured else {}
    if request.raw_body is not None:
        body = request.raw_body.encode()
    elif request.has_body:
        said = fill(request.body)
        is_form = operation.form and isinstance(said, dict)
        body = formtext.written(said) if is_form else json.dumps(said, ensure_ascii=False).encode()
    if body is not None:
        headers["Content-Type"] = formtext.MEDIA_TYPE if operation.form else "application/json"
    for name, value in request.headers.items():
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
        if value is not None:
            headers[name] = value
    return WireRequest(
        operation.method,
        fill_path(operation.path, fill(dict(request.path))),
        encode_query(fill(dict(request.query))),
        headers,
        body,
    )


def curl(origin: str, request: WireRequest) -> str:
    """One line for a shell that sends the request to that origin (scheme, host and any prefix)."""
    parts = ["curl"]
    if request.method != "GET":
        parts += ["-X", request.method]
    parts.append(shlex.quote(origin.rstrip("/") + request.target))
    for name, value in request.headers.items():
        parts += ["-H", shlex.quote(f"{name}: {value}")]
    if request.body is not None:
        parts += ["-d", shlex.quote(request.body.decode("utf-8", "replace"))]
    return " ".join(parts)
