"""What may pass: each request is put before the guard of a check, and goes to the endpoint, to a mock, or nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import unquote

import orjson

from contract_tests.endpoint.guard import Guard
from contract_tests.endpoint.relay.heads import Headers, RequestHead, as_text, passed_on, value_of
from contract_tests.endpoint.relay.line import NoAnswer
from contract_tests.endpoint.relay.passed import MERGED, MOCK, REFUSED, TARGET, Decision, Passed, Said
from contract_tests.endpoint.relay.upstream import Upstream
from contract_tests.endpoint.wire import Broken, decompressed
from contract_tests.proxying.instead import StandIn
from contract_tests.proxying.marking import marks
from contract_tests.proxying.periods import Periods
from contract_tests.recordings.beginnings import is_whole
from contract_tests.words.findings import NotCovered
from contract_tests.words.secrets.keys import KeyKinds
from mock_server.messages import Json
from mock_server.spec import Operation, Router, Spec, WireRequest, key_header

_AMBIGUOUS = re.compile(rb"//|/\.{1,2}(?:/|$)|%2e|%2f|%5c|\\|;|%00", re.IGNORECASE)
"""What in a path two servers may read differently."""
_OTHER_METHOD = frozenset((b"x-http-method-override", b"x-http-method", b"x-method-override"))
MOST_KNOWN = 2_000
"""So many requests and keys are remembered, so that nobody has to look again what they are."""

Told = Callable[[Passed], Awaitable[None]]


class Admission:
    """The relay's policy for one vendor."""

    def __init__(
        self,
        spec: Spec,
        guard: Guard,
        target: Upstream,
        *,
        key: str | None,
        host: str,
        told: Told,
        stand_in: StandIn | None = None,
    ) -> None:
        self._hosts = {"localhost", "127.0.0.1", "::1", host.lower()}
        self._spec = spec
        self._guard = guard
        self._target = target
        self._key = {name.encode(): value.encode() for name, value in key_header(spec.security, key or "").items()}
        self._has_key = key is not None
        self._told = told
        self._router = Router(spec.operations.values())
        self._kinds = KeyKinds([spec])
        self._known: dict[tuple[str, bytes], Operation | None] = {}
        self._spaces: dict[bytes, int] = {}
        self._periods = Periods()
        self._header = spec.security.header.lower().encode()
        self.stand_in = stand_in
        if not guard.restricted:
            for kind in spec.records:
                guard.mark_listed(kind, whole=True)  # What the application makes here is its own, to be removed.

    # --- before ---------------------------------------------------------------------------------

    def needs_body(self, head: RequestHead) -> bool:
        """Whether the record that is written stands in the body, or a mock may have to be told of the request."""
        if self.stand_in is not None and head.method not in ("GET", "HEAD"):
            return True
        operation = self._operation(head.method, head.target)
        key = operation.contract.get("key") or {} if operation is not None else {}
        return key.get("in") == "body"

    async def decide(self, head: RequestHead, body: bytes | None) -> Decision:
        """To the endpoint where the guard admits it; else to the mock, or refused."""
        headers = self._sent(head.headers)
        path, _, query = head.target.partition(b"?")
        if self._has_key and (why := _stranger(head.headers, self._hosts)) is not None:
            return self._refused(403, why)
        if path[:1] != b"/":
            return self._refused(400, "a path is needed: this is no proxy to any place")
        wire = WireRequest(head.method, path.decode("latin-1"), query.decode("latin-1"), {}, body)
        space = self._space_of(headers)
        instead = self.stand_in.wants(wire, space) if self.stand_in is not None else None
        if instead is not None and self.stand_in is not None:
            return await self.stand_in.decision(wire, head, space, instead)
        try:
            if self._guard.real:
                _require_plain(path, head.headers)
            cost = self._guard.admit(wire)
        except NotCovered as why:
            if self.stand_in is None:
                return self._refused(403, str(why))
            return await self.stand_in.decision(wire, head, space, str(why))
        rewrite = self.stand_in.rewrite(wire, head, space) if self.stand_in is not None else None
        if rewrite is not None:
            # What is compressed could not be added to.
            headers = [*(pair for pair in headers if pair[0].lower() != b"accept-encoding")]
        return Decision(
            MERGED if rewrite is not None else TARGET,
            self._target,
            self._target.prefix + head.target,
            [(b"Host", self._target.host), *headers],
            rewrite=rewrite,
            marks=marks(MERGED, "with what the mock holds") if rewrite is not None else [],
            careful=cost != "read" or head.method not in ("GET", "HEAD"),
            burst=self._periods.begun(space, writes=head.method not in ("GET", "HEAD")),
            space=space,
        )

    def _sent(self, headers: Headers) -> Headers:
        """The headers for the endpoint: its own host, and the key where we put it in."""
        kept = passed_on(headers, (b"host", *((self._header,) if self._has_key else ())))
        return [*kept, *self._key.items()] if self._has_key else kept

    def _operation(self, method: str, target: bytes) -> Operation | None:
        asked = (method, target)
        if asked not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            match = self._router.match(method, unquote(target.partition(b"?")[0].decode("latin-1")))
            self._known[asked] = match.operation if match is not None else None
        return self._known[asked]

    def _space_of(self, headers: Headers) -> int:
        """Tells the keys of applications apart."""
        value = value_of(headers, self._header)
        if value not in self._spaces:
            if len(self._spaces) >= MOST_KNOWN:
                self._spaces.clear()
            self._spaces[value] = self._kinds.of(as_text(headers)).space
        return self._spaces[value]

    def _refused(self, status: int, why: str) -> Decision:
        return Decision(REFUSED, said=self.refused(status, why))

    def refused(self, status: int, why: str) -> Said:
        """The vendor's envelope with our reason in it."""
        return self._said(status, REFUSED, why)

    def unanswered(self, why: NoAnswer) -> Said:
        """The vendor's envelope for an endpoint that does not answer."""
        return self._said(504 if why.late else 502, "unanswered", str(why))

    def _said(self, status: int, mark: str, why: str) -> Said:
        envelope = self._spec.answers["error"].filled({"message": why})
        body = json.dumps(envelope, ensure_ascii=False).encode()
        return Said(status, [(b"Content-Type", b"application/json"), *marks(mark, why)], body)

    # --- afterwards -----------------------------------------------------------------------------

    async def over(self, passed: Passed) -> None:
        """Learns from what the endpoint answered, and tells those who judge."""
        if passed.status < 300 and not passed.cut:
            if passed.how in (TARGET, MERGED):
                self._learn(passed)
            elif passed.how == MOCK and self.stand_in is not None and passed.method not in ("GET", "HEAD"):
                self.stand_in.did(_wire(passed), passed.space, _json(passed.reply_headers, passed.reply_body))
        await self._told(passed)

    def _learn(self, passed: Passed) -> None:
        operation = self._operation(passed.method, passed.target)
        if operation is None:
            return
        kind = operation.contract.get("record")
        if kind not in self._spec.records:
            return
        answer = _json(passed.reply_headers, passed.reply_body)
        wire = _wire(passed)
        self._guard.learn(wire, passed.status, answer)
        if self.stand_in is not None:
            self.stand_in.learn(operation, passed.space, answer)
        if (
            operation.contract.get("effect") == "list"
            and self._guard.restricted
            and not operation.parameters_in("path")
        ):
            names = {part.partition("=")[0]: "" for part in wire.query.split("&") if part}
            if is_whole(operation.contract, names, answer):
                self._guard.mark_listed(str(kind), whole=True)


def _stranger(headers: Headers, hosts: set[str]) -> str | None:
    """Why a request may be a browser page's of another site, to which the key that we put in must not be lent."""
    host = value_of(headers, b"host").decode("latin-1").lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host and name not in hosts:
        return f"the key is put in for {', '.join(sorted(hosts))} only, and not for the Host {name}"
    if value_of(headers, b"origin") or value_of(headers, b"sec-fetch-site") in (b"cross-site", b"same-site"):
        return "the key is not put in for pages in a browser: any site could use it"
    return None


def _wire(passed: Passed) -> WireRequest:
    path, _, query = passed.target.partition(b"?")
    return WireRequest(passed.method, path.decode("latin-1"), query.decode("latin-1"), {}, passed.body)


def _require_plain(path: bytes, headers: Headers) -> None:
    """Raises NotCovered for what the guard and the endpoint could read differently."""
    if _AMBIGUOUS.search(path):
        raise NotCovered("a path with dots, double or escaped slashes may be read as another one, and so is not sent")
    if any(value_of(headers, name) for name in _OTHER_METHOD):
        raise NotCovered("a header asks for another method than the request's, and so it is not sent")


def _json(headers: Headers, body: bytes) -> Json:
    with suppress(ValueError, Broken):
        coding = value_of(headers, b"content-encoding").decode("latin-1")
        return orjson.loads(decompressed(coding, body, []) if coding else body)
    return None
