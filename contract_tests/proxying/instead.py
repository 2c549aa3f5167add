"""What is not allowed, carried out by a mock in a space of its own, and shown where the application looks for it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import orjson

from contract_tests.endpoint.guard import key_in
from contract_tests.endpoint.relay.asking import ask
from contract_tests.endpoint.relay.heads import Headers, ReplyHead, RequestHead, passed_on, value_of
from contract_tests.endpoint.relay.passed import MOCK, Decision, Rewrite
from contract_tests.endpoint.relay.upstream import Upstream
from contract_tests.proxying.marking import marks
from contract_tests.proxying.overlay import Overlay
from contract_tests.proxying.wanted import SPACE
from contract_tests.recordings.beginnings import properties_of
from contract_tests.words.listed import rows_in
from mock_server.messages import Json
from mock_server.spec import Match, Operation, Router, Spec, WireRequest, key_header


class StandIn:
    """The mock that answers in place of the endpoint; each key of an application has a space of its own there.

    Where it `sells`, what is for sale is looked for at the mock too: what the endpoint offers cannot be bought there.
    """

    def __init__(self, spec: Spec, mock: Upstream, *, sells: bool) -> None:
        self._sells = sells
        self._spec = spec
        self._mock = mock
        self._header = spec.security.header.lower().encode()
        self._router = Router(spec.operations.values())
        self._overlays: dict[int, Overlay] = {}

    def wants(self, wire: WireRequest, space: int) -> str | None:
        """Why a request is the mock's to answer, though it might be sent; None where it is not."""
        overlay, match = self._overlays.get(space), self._match(wire)
        operation = match.operation if match is not None else None
        if operation is not None and operation.contract.get("effect") == "search" and self._sells:
            return "what is for sale is the mock's, where purchases are"
        if overlay is None or match is None or operation is None:
            return None
        kind = str(operation.contract.get("record"))
        body = _json(wire.body)
        key = key_in(operation, dict(match.values), body)
        if kind in self._spec.records and key is not None and overlay.has(kind, key):
            return f"{key} was written at the mock"
        if overlay.names_made({*match.values.values(), *_texts(body)}):
            return "it names what only the mock has"
        return None

    async def decision(self, wire: WireRequest, head: RequestHead, space: int, why: str) -> Decision:
        """Has the mock answer a request, when it has the records of the endpoint that the request names."""
        match = self._match(wire)
        if match is not None:
            texts = {*match.values.values(), *(value for _, value in parse_qsl(wire.query)), *_texts(_json(wire.body))}
            await self._give(space, texts)
        return Decision(
            MOCK,
            self._mock,
            self._mock.prefix + head.target,
            [(b"Host", self._mock.host), *passed_on(head.headers, (b"host", self._header)), *self._key(space)],
            marks=marks(MOCK, why),
            space=space,
        )

    def rewrite(self, wire: WireRequest, head: RequestHead, space: int) -> Rewrite | None:
        """What puts the mock's records into a list of the endpoint's; None where it holds none of that kind."""
        overlay, match = self._overlays.get(space), self._match(wire)
        operation = match.operation if match is not None else None
        if overlay is None or operation is None or operation.contract.get("effect") != "list" or head.method != "GET":
            return None
        kind = str(operation.contract.get("record"))
        if kind not in self._spec.records or not overlay.holds(kind):
            return None
        page = operation.contract.get("page") or {}
        first = (page.get("parameter") or page.get("after")) not in dict(parse_qsl(wire.query))

        async def merged(reply: ReplyHead, body: bytes) -> tuple[Headers, bytes] | None:
            document = _json(body) if reply.status < 300 and not value_of(reply.headers, b"content-encoding") else None
            rows = rows_in(operation, document)
            if rows is None:
                return None
            asked = await ask(self._mock, "GET", self._mock.prefix + head.target, self._key(space))
            mocks = rows_in(operation, _json(asked.body)) if asked is not None and asked.status < 300 else None
            new = overlay.merged(operation, rows, mocks or [], first=first)
            if new == rows:
                return None
            before = len(rows)
            rows[:] = new  # Wherever the answer has them.
            _recount(document, operation.contract.get("count"), len(new) - before)
            return reply.headers, json.dumps(document, ensure_ascii=False).encode()

        return merged

    def learn(self, operation: Operation, space: int, answer: Json) -> None:
        """Keeps which records the endpoint has shown."""
        self._overlay(space).saw(operation, answer)

    def did(self, wire: WireRequest, space: int, answer: Json) -> None:
        """Keeps what the mock has carried out."""
        match = self._match(wire)
        if match is not None and match.operation is not None:
            self._overlay(space).did(match.operation, dict(match.values), _json(wire.body), answer)

    def _overlay(self, space: int) -> Overlay:
        return self._overlays.setdefault(space, Overlay(self._spec))

    def _match(self, wire: WireRequest) -> Match | None:
        return self._router.match(wire.method, unquote(wire.path))

    def _key(self, space: int) -> Headers:
        key = key_header(self._spec.security, f"{SPACE}_{space}")
        return [(name.encode(), value.encode()) for name, value in key.items()]

    async def _give(self, space: int, texts: set[str]) -> None:
        """Gives the mock the endpoint's own records that a request names."""
        for kind, key, record in self._overlay(space).wanted(texts):
            allowed = properties_of(self._spec.records[kind].schema)
            known = {name: value for name, value in record.items() if not allowed or name in allowed}
            path = f"/_ringback/records/{self._spec.provider}/{kind}/{quote(key, safe='')}?space={SPACE}_{space}"
            await ask(self._mock, "PUT", path.encode(), [], json.dumps(known).encode())


def _json(body: bytes | None) -> Json:
    try:
        return orjson.loads(body or b"")
    except ValueError:
        return None


def _texts(node: Json) -> set[str]:
    """Every text in a value."""
    if isinstance(node, dict):
        return {text for child in node.values() for text in _texts(child)}
    if isinstance(node, list):
        return {text for child in node for text in _texts(child)}
    return {node} if isinstance(node, str) else set()


def _recount(document: Json, pointer: str | None, more: int) -> None:
    """Corrects how many rows an answer says that it has."""
    if not pointer:
        return
    *way, last = pointer.strip("/").split("/")
    node: Any = document
    for part in way:
        node = node.get(part) if isinstance(node, dict) else None
    if isinstance(node, dict) and isinstance(node.get(last), int):
        node[last] += more
