"""The requests of a recording, recognised: the operation each is of, its values, and its name in the spec."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from contract_tests.endpoint.transport import MASK
from contract_tests.recordings.har import Recorded
from contract_tests.recordings.masking import Mask, holds_mask, secret_names, stood_in
from contract_tests.world.world import Sent
from mock_server.messages import Json
from mock_server.spec import (
    NamedRequest,
    Operation,
    OperationCheck,
    Router,
    Spec,
    WireRequest,
    compile_checks,
    encode_query,
    key_header,
)

KEY_STAND_IN = "$API_KEY"
NOT_NOW = frozenset((408, 429, 502, 503, 504))
"""Statuses of a server that does not answer now; where no page names them, they say nothing of the contract."""


class Recognised(NamedTuple):
    """A recorded request with its values; `names` are the named requests of the spec that it may be."""

    operation: Operation
    request: NamedRequest
    names: tuple[NamedRequest, ...]
    sent: Sent
    masked: bool
    json: bool


class Recogniser:
    """Knows the operations and named requests of one vendor."""

    def __init__(self, spec: Spec, specs: Mapping[str, Spec]) -> None:
        self.spec = spec
        self.checks: dict[str, OperationCheck] = compile_checks(spec)
        self._router = Router(spec.operations.values())
        self._mask = Mask([], secret_names(specs.values()))

    def operation(self, recorded: Recorded) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation that a request is of, and the values in its path; None where no page documents one."""
        match = self._router.match(recorded.request.method, unquote(recorded.request.path))
        if match is None or match.operation is None or recorded.request.method == "HEAD":
            return None
        return match.operation, match.values

    def recognised(self, recorded: Recorded) -> Recognised | None:
        """The request as the judge takes it, unnamed; None where no page documents such an operation."""
        found = self.operation(recorded)
        if found is None:
            return None
        operation, path = found
        given = dict(parse_qsl(recorded.request.query, keep_blank_values=True))
        converted = self.checks[operation.id].query(recorded.request.query)[0]
        query = {name: converted[name] for name in given}
        body, raw = _body(operation, recorded.request.body)
        masked = holds_mask(body)
        if masked and recorded.reply.status < 300:
            # It was accepted, so the secret was a lawful one; what the mask says of its length or form is nothing.
            body = stood_in(self.spec, operation.body_schema, body)
        request = NamedRequest(
            name=f"entry {recorded.entry}",
            answer="",
            path=path,
            query=query,
            headers={},
            body=body,
            has_body=raw is None and operation.body_schema is not None,
            raw_body=raw,
            after=(),
            evidence=operation.evidence,
        )
        sent = Sent(path, query, body, self._wire(recorded))
        media_type = (recorded.header("content-type") or "application/json").split(";")[0].strip().lower()
        is_json = media_type == "application/json" or media_type.endswith("+json")
        names = tuple(self._names(operation, recorded, path, given))
        return Recognised(operation, request, names, sent, masked, is_json)

    def named(self, recognised: Recognised, name: NamedRequest) -> Recognised:
        """The recorded request under its name in the spec, with the documented secrets where they are masked."""
        request, sent = recognised.request, recognised.sent
        body = name.body if recognised.masked else request.body
        named = replace(name, name=f"{name.name} ({request.name})", path=request.path, query=request.query, body=body)
        return recognised._replace(request=named, sent=sent._replace(body=body))

    def is_forbidden(self, recognised: Recognised) -> bool:
        """Whether the schema forbids the request, whatever is there."""
        check, request = self.checks[recognised.operation.id], recognised.request
        if request.raw_body is not None or check.query(recognised.sent.wire.query)[1]:
            return True
        return check.body is not None and bool(check.body.differences(request.body))

    def _wire(self, recorded: Recorded) -> WireRequest:
        """The request without what a report must not show; a stand-in names the key."""
        headers = {} if recorded.key == "none" else key_header(self.spec.security, KEY_STAND_IN)
        body = recorded.request.body
        if body is not None:
            headers["Content-Type"] = recorded.header("content-type") or "application/json"
            body = self._mask.body(body).encode()
        return recorded.request._replace(headers=headers, body=body)

    def _names(
        self, operation: Operation, recorded: Recorded, path: Mapping[str, str], query: Mapping[str, str]
    ) -> Iterator[NamedRequest]:
        """The named requests that equal a recorded one in all that is recorded."""
        security = self.spec.security.header.lower()
        for request in operation.requests.values():
            headers = {name.lower(): value for name, value in request.headers.items()}
            if request.after or security in headers:
                continue
            if (
                all(recorded.header(name) == value for name, value in headers.items())
                and {name: str(value) for name, value in request.path.items()} == dict(path)
                and dict(parse_qsl(encode_query(request.query), keep_blank_values=True)) == dict(query)
                and self._same_body(request, recorded.request.body)
            ):
                yield request

    def _same_body(self, request: NamedRequest, body: bytes | None) -> bool:
        if request.raw_body is not None:
            return body is not None and self._mask.body(body) == self._mask.body(request.raw_body.encode())
        if not request.has_body:
            return not body
        try:
            found = json.loads(body or b"")
        except ValueError:
            return False
        return _canonical(self._mask.node(found)) == _canonical(self._mask.node(request.body))


def _body(operation: Operation, content: bytes | None) -> tuple[Json, str | None]:
    """The JSON body, or the text of what is none; an operation without a body has neither."""
    if operation.body_schema is None:
        return None, None
    if not content and not operation.body_required:
        return {}, None
    try:
        return json.loads(content or b""), None
    except (ValueError, RecursionError):
        return None, (content or b"").decode("utf-8", "replace")


def _canonical(node: Json) -> str:
    return json.dumps(node, sort_keys=True)


def literals(spec: Spec, operation: Operation, request: NamedRequest) -> Iterator[Json]:
    """The documented values in a request that another account has not: it has records of its own in their place."""
    for place, values in (("path", request.path), ("query", request.query)):
        for parameter in operation.parameters_in(place):
            if parameter.name in values:
                yield from _literal(spec, parameter.variable, values[parameter.name])
    yield from _body_literals(spec, operation.body_schema, request.body)


def _literal(spec: Spec, name: str | None, value: Json) -> Iterator[Json]:
    variable = spec.variables.get(name or "")
    if variable is None or variable.found_operation is None:
        return
    if str(value) in [str(known) for known in (variable.default, *variable.others)]:
        yield value


def _body_literals(spec: Spec, schema: Any, value: Json) -> Iterator[Json]:
    if not isinstance(schema, Mapping):
        return
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _body_literals(spec, (schema.get("properties") or {}).get(name), child)
    elif isinstance(value, list):
        for child in value:
            yield from _body_literals(spec, schema.get("items"), child)
    elif value != MASK:
        yield from _literal(spec, schema.get("x-variable"), value)


def counts_as_none(recorded: Recorded, spec: Spec) -> bool:
    """Whether a wrong key was answered as none: a nearly right one (another scheme, say), which the mask hides."""
    missing = spec.answers.get("missing-key")
    return missing is not None and recorded.reply.json == missing.value
