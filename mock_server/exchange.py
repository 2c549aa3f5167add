"""The straight line: one request in, one answer out, in one transaction, with no HTTP library in sight."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from time import perf_counter
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson

from mock_server.batches import BATCH, Encoded, listings
from mock_server.desk.choices import (
    NO_PREFERENCE,
    BadPreference,
    Chosen,
    Preference,
    choose,
    choose_by_rule,
    read_preference,
)
from mock_server.desk.faults import DEFAULT_HANG_SECONDS, HELD_FAULTS, SILENT_FAULTS, Delay, Rule, Values
from mock_server.messages import Answer, Call, Json, Refusal, Request, Response
from mock_server.spaces import DEFAULT_SPACE, Space, SpaceLimit, Spaces
from mock_server.spec import Magic, NamedAnswer, Operation, Router, Spec, compile_checks, refusal_values, refuse
from mock_server.stores import State, Transaction

log = logging.getLogger("ringback")

Behaviour = Callable[[Call, State], Answer]

MAX_NESTING = 100
MAX_BODY_BYTES = 1024 * 1024


class Outcome(NamedTuple):
    """An answer before it is encoded: which one, its status and body, and how we know it."""

    name: str | None
    status: int
    body: Json
    grade: str
    headers: tuple[tuple[str, str], ...] = ()
    fault: str | None = None
    delay_seconds: float = 0.0
    media_type: str = "application/json"
    wire: str | None = None
    wire_seconds: float = 0.0
    release: Callable[[], None] | None = None


class Service:
    """One vendor, ready to answer: its spec, its behaviours and the spaces they live in."""

    def __init__(self, spec: Spec, behaviours: Mapping[str, Behaviour], spaces: Spaces) -> None:
        self.spec = spec
        self.behaviours = behaviours
        self.spaces = spaces
        self.router = Router(spec.operations.values())
        self.checks = compile_checks(spec)
        self._listings = listings(spec.operations)
        self._header = spec.security.header.lower()
        # By operation, place and value, because every request of such an operation is looked up here.
        self.magic: dict[str, dict[str, dict[str, Magic]]] = {}
        for magic in spec.magic:
            for name in magic.operations:
                self.magic.setdefault(name, {}).setdefault(magic.at, {}).update(dict.fromkeys(magic.values, magic))
        # Of all operations, because a secret sent to the wrong path is still a secret.
        self._secrets = tuple({path for operation in spec.operations.values() for path in operation.body_secrets})

    def exchange(self, request: Request) -> Response:
        """Answers one request of this vendor and journals it. `request.path` is the vendor's own path."""
        started = perf_counter()
        space: Space | None = None
        operation: Operation | None = None
        preference = NO_PREFERENCE
        try:
            match = self.router.match(request.method, request.path)
            operation = match.operation if match else None
            if match is None:
                raise Refusal("path-not-found")
            if operation is None:
                outcome = self._other_method(request, match.allowed)
            else:
                space = self._authenticate(request, operation)
                preference, query = read_preference(request.headers.get("prefer"), request.query)
                rule = None if preference.chooses else self._rule(request, operation, match.values, query, space)
                if preference.chooses:
                    outcome = _chosen(choose(self.spec, operation, preference), "prefer")
                elif rule is not None:
                    outcome = self._ruled(rule, request, operation, match.values, query, space)
                else:
                    outcome = self._behave(request, operation, match.values, query, space)
        except Refusal as refusal:
            outcome = self._refused(refusal, operation)
        except SpaceLimit as limit:
            outcome = self._refused(Refusal("space-limit", message=str(limit)), operation)
        except BadPreference as problem:
            preference = NO_PREFERENCE
            outcome = _problem(str(problem))
        except Exception:
            log.exception("%s %s %s failed", self.spec.provider, request.method, request.path)
            outcome = self._refused(Refusal("internal-error"), operation)
        if preference.applied:
            outcome = outcome._replace(
                headers=(*outcome.headers, ("preference-applied", preference.applied)),
                delay_seconds=outcome.delay_seconds + preference.wait_seconds,
                fault=outcome.fault or "prefer",
            )
        response = _encoded(outcome, operation)
        self._journal(request, response, outcome, operation, space, started)
        return response

    def too_slow(self, request: Request) -> Response:
        """The answer to a request whose body did not arrive in time."""
        started = perf_counter()
        envelope = self.spec.answers["error"].filled({"message": "Request Timeout"})
        outcome = Outcome("error", 408, envelope, "assumed", (("connection", "close"),))
        response = _encoded(outcome, None)
        self._journal(request, response, outcome, None, None, started)
        return response

    def is_long(self, request: Request) -> bool:
        """Whether the answer lists so many rows that others should not have to wait until it is made."""
        if request.method not in ("GET", "HEAD"):
            return False
        match = self.router.match("GET", request.path)
        if match is None or match.operation is None or match.operation.id not in self._listings:
            return False
        space = self.spaces.get(self.spaces.name_of(self._key(request)) or DEFAULT_SPACE)
        if space is None or "page" in match.operation.contract:
            return False
        with self.spaces.store.transaction(space.name) as transaction:
            return self._holds_many(transaction)

    def _other_method(self, request: Request, allowed: tuple[str, ...]) -> Outcome:
        header = ("allow", ", ".join((*allowed, "OPTIONS")))
        if request.method == "OPTIONS":
            return Outcome(None, 204, None, "assumed", (header,))
        answer = self.spec.answers["method-not-allowed"]
        return Outcome(answer.name, answer.status, answer.value, answer.evidence.grade, (header,))

    def _key(self, request: Request) -> str:
        key = request.headers.get(self._header, "").strip()
        if self.spec.security.bearer:
            scheme, _, token = key.partition(" ")
            key = token.strip() if scheme.lower() == "bearer" else ""
        return key

    def _authenticate(self, request: Request, operation: Operation) -> Space:
        """The space that the request's key opens."""
        if not operation.secured:
            return self.spaces.open(DEFAULT_SPACE)
        key = self._key(request)
        if not key:
            raise Refusal("missing-key")
        name = self.spaces.name_of(key)
        if name is None:
            raise Refusal("wrong-key")
        return self.spaces.open(name)

    def _sender(self, request: Request) -> Space:
        """Whose journal keeps what no operation understood: its key's space, the default one if it has no good key."""
        try:
            return self.spaces.open(self.spaces.name_of(self._key(request)) or DEFAULT_SPACE)
        except SpaceLimit:
            return self.spaces.open(DEFAULT_SPACE)

    def _rule(
        self, request: Request, operation: Operation, path: dict[str, str], raw_query: str, space: Space
    ) -> Rule | None:
        """The rule that decides this request: one of the space's own, or a magic value of the spec."""
        if not space.faults and operation.id not in self.magic:
            return None
        places = self.magic.get(operation.id, {})
        body = _body_or_none(request) if space.faults or any(not at.startswith("path.") for at in places) else None
        values = Values(path, dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {}, body)
        if space.faults:
            rule = space.faults.take(self.spec.provider, operation.id, values, space.random)
            if rule is not None:
                return rule
        for at, known in places.items():
            value = values.at(at)
            if isinstance(value, str) and value in known:
                return _magic_rule(known[value], self.spec.provider)
        return None

    def _ruled(
        self, rule: Rule, request: Request, operation: Operation, path: dict[str, str], query: str, space: Space
    ) -> Outcome:
        """What a rule makes of a request; 503 when it wants to hold a connection and too many are held already."""
        if rule.fault not in HELD_FAULTS:
            outcome = self._as_ruled(rule, request, operation, path, query, space)
            return outcome._replace(wire=rule.fault, delay_seconds=_delay(rule, space))
        release = self.spaces.hold(space, rule.fault)
        if release is None:
            rule.refused += 1
            return _chosen(choose(self.spec, operation, Preference(code=503)), "held-limit")
        try:
            outcome = self._as_ruled(rule, request, operation, path, query, space)
            seconds = _delay(rule, space) or DEFAULT_HANG_SECONDS
        except BaseException:
            release()
            raise
        return outcome._replace(wire=rule.fault, wire_seconds=seconds, release=release)

    def _as_ruled(
        self, rule: Rule, request: Request, operation: Operation, path: dict[str, str], query: str, space: Space
    ) -> Outcome:
        """The rule's answer, or the behaviour's. A request that is never answered is not carried out either."""
        name = rule.fault or rule.id
        chosen = choose_by_rule(self.spec, operation, rule)
        if chosen is not None:
            return _chosen(chosen, name)
        if rule.fault in SILENT_FAULTS:
            return Outcome(None, 0, None, "assumed", fault=name)
        try:
            return self._behave(request, operation, path, query, space)._replace(fault=name)
        except Refusal as refusal:
            return self._refused(refusal, operation)._replace(fault=name)

    def _behave(
        self, request: Request, operation: Operation, path: dict[str, str], raw_query: str, space: Space
    ) -> Outcome:
        """Validates the call, lets the behaviour decide, and checks the answer, all in one transaction."""
        check = self.checks[operation.id]
        query, violations = check.query(raw_query)
        violations += check.path(path)
        body = None
        if check.body is not None:
            body = read_body(request, operation)
            if not check.body.is_valid(body):
                violations += check.body.differences(body)
        verdict = refuse(operation, violations) if violations else None
        if verdict is not None:
            raise Refusal(verdict.answer, assumed=verdict.assumed, values=refusal_values(verdict.violation))
        with self.spaces.locked(space) as world, self.spaces.store.transaction(world.name) as transaction:
            call = Call(operation.id, path, query, body, world.now(), world.random)
            if operation.id not in self._listings or not self._holds_many(transaction):
                return self._decided(call, operation, transaction)
            # A long list is read from the space as it is now, without keeping anybody from changing it meanwhile.
            snapshot = self.spaces.store.snapshot(world.name, self.spec.provider + "/")
        with closing(snapshot):
            return self._decided(call, operation, snapshot)

    def _holds_many(self, transaction: Transaction) -> bool:
        """Whether the space holds more of some kind of record than a batch."""
        return any(transaction.count(f"{self.spec.provider}/{kind}") > BATCH for kind in self.spec.records)

    def _decided(self, call: Call, operation: Operation, transaction: Transaction) -> Outcome:
        """What the behaviour says, checked against the spec."""
        behaviour = self.behaviours.get(operation.id)
        if behaviour is None:
            said = Answer(next(a.name for a in operation.answers.values() if a.status < 300))
        else:
            state = State(transaction, self.spec.provider, self.spec.records)
            try:
                said = behaviour(call, state)
            except Refusal:
                raise
            except Exception:
                log.exception("%s %s: the behaviour failed; nothing was changed", self.spec.provider, operation.id)
                raise Refusal("internal-error") from None
        answer = self.spec.answer(operation, said.name)
        check, listing = self.checks[operation.id], self._listings.get(operation.id)
        if listing is None or said.body is None:
            value = answer.merged(said.body)
            broken = check.answer(answer.status, value)
        else:
            value, broken = listing.taken(answer, said.body, partial(check.answer, answer.status))
        if broken:
            reasons = "; ".join(str(violation) for violation in broken[:5])
            log.error("%s %s: our answer breaks the spec: %s", self.spec.provider, operation.id, reasons)
            raise Refusal("internal-error")
        return Outcome(answer.name, answer.status, value, answer.evidence.grade)

    def _refused(self, refusal: Refusal, operation: Operation | None) -> Outcome:
        answer: NamedAnswer = self.spec.answer(operation, refusal.name)
        grade = "assumed" if refusal.assumed else answer.evidence.grade
        return Outcome(answer.name, answer.status, answer.filled(refusal.values), grade)

    def _journal(
        self,
        request: Request,
        response: Response,
        outcome: Outcome,
        operation: Operation | None,
        space: Space | None,
        started: float,
    ) -> None:
        if space is None:
            space = self._sender(request)
        space.journal.record(
            request,
            response,
            at=space.now(),
            provider=self.spec.provider,
            operation=operation.id if operation else None,
            answer=outcome.name,
            fault=outcome.fault,
            secrets=self._secrets,
            milliseconds=(perf_counter() - started) * 1000,
        )


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


def _body_or_none(request: Request) -> Json:
    try:
        return orjson.loads(request.body) if request.body else None
    except orjson.JSONDecodeError:
        return None


def _chosen(chosen: Chosen, fault: str) -> Outcome:
    return Outcome(chosen.name, chosen.status, chosen.body, chosen.grade, chosen.headers, fault)


def _delay(rule: Rule, space: Space) -> float:
    return rule.delay.seconds(space.random) if rule.delay else 0.0


def _magic_rule(magic: Magic, provider: str) -> Rule:
    return Rule(
        id=f"magic-{magic.scenario}",
        provider=provider,
        operation="*",
        match={},
        example=magic.answer,
        status=magic.status,
        headers=magic.headers,
        fault=magic.fault,
        delay=Delay(magic.seconds) if magic.seconds else None,
    )


def _problem(detail: str) -> Outcome:
    body = {"type": "about:blank", "title": "Bad preference", "status": 400, "detail": detail}
    return Outcome(None, 400, body, "assumed", media_type="application/problem+json", fault="prefer")


def _encoded(outcome: Outcome, operation: Operation | None) -> Response:
    headers = [("x-ringback-evidence", outcome.grade), *outcome.headers]
    if operation is not None:
        headers.append(("x-ringback-operation", operation.id))
    if outcome.fault is not None:
        headers.append(("x-ringback-fault", outcome.fault))
    body = b""
    if outcome.status not in (0, 204, 304):
        media_type = next((value for name, value in outcome.headers if name.lower() == "content-type"), None)
        if media_type is None:
            headers.append(("content-type", outcome.media_type))
        as_text = isinstance(outcome.body, str) and media_type is not None and "json" not in media_type
        if as_text:
            body = outcome.body.encode()
        else:
            body = outcome.body.text if isinstance(outcome.body, Encoded) else orjson.dumps(outcome.body)
    if outcome.wire == "malformed-json":
        body = _malformed(body)
    wire = outcome.wire if outcome.wire != "malformed-json" else None
    return Response(
        outcome.status, body, tuple(headers), outcome.delay_seconds, wire, outcome.wire_seconds, outcome.release
    )


def _malformed(body: bytes) -> bytes:
    """The first half of a JSON text: no JSON, whatever it was."""
    half = body[: len(body) // 2]
    return half if half[:1] in (b"{", b"[", b'"') else half + b"}"
