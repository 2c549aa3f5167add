"""The straight line: one request in, one answer out, in one transaction, with no HTTP library in sight."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from time import monotonic, perf_counter
from typing import Protocol

import orjson

from mock_server.answering.batches import BATCH, listings
from mock_server.answering.bodies import read_body
from mock_server.answering.outcome import Outcome, problem
from mock_server.choosing import NOTHING_CHOSEN, BadPreference, Choice, Chooser, stubbed
from mock_server.desk.happened.masking import masks, secret_names, without
from mock_server.desk.happened.nearby import HINT, header_value, hints
from mock_server.desk.happened.told import Teller, Told
from mock_server.messages import Answer, Call, Json, Refusal, Request, Response
from mock_server.spaces import DEFAULT_SPACE, Busy, Space, SpaceLimit, Spaces
from mock_server.spec import (
    GRADES,
    Match,
    NamedAnswer,
    Operation,
    Router,
    Spec,
    compile_checks,
    refusal_values,
    refuse,
    refused_in_some_form,
    unserved,
)
from mock_server.stores import Snapshot, State, StoreFailed, StoreFull, Transaction
from mock_server.stores.state import TELEPHONE, stored_kind

log = logging.getLogger("ringback")

Behaviour = Callable[[Call, State], Answer]
NoteCheck = Callable[[str, Json], str | None]
"""What is wrong with a note (its name, its value) that a vendor's behaviours would find; None if nothing is."""

_READING = ("GET", "HEAD")
MAX_QUERY_FIELDS = 4_000
"""A query of 64 KiB can hold eight times as many, and takes as long to read as a thousand requests."""


class Line(Protocol):
    """The telephone, as far as an exchange needs it."""

    def glance(self, space: Space) -> None:
        """Plays what is due before anybody looks."""

    def wake(self, space: Space) -> None:
        """Something may have been placed."""


class Service:
    """One vendor, ready to answer: its spec, its behaviours and the spaces they live in."""

    def __init__(
        self,
        spec: Spec,
        behaviours: Mapping[str, Behaviour],
        spaces: Spaces,
        wrong_note: NoteCheck = lambda name, value: None,
    ) -> None:
        self.spec = spec
        self.wrong_note = wrong_note
        self.behaviours = behaviours
        self.spaces = spaces
        self.router = Router(spec.operations.values(), spec.missing)
        self.checks = compile_checks(spec)
        self.line: Line | None = None
        self._listings = listings(spec.operations)
        self._ringing = spec.ringing
        self._prefix = spec.provider + "/"
        self._sweeping = _sweeping(spec)
        self._kinds = tuple(self._prefix + kind for kind in spec.records)
        self._header = spec.security.header.lower()
        self.told: Teller | None = None
        self._chooser = Chooser(spec, spaces)
        # Of all operations, because a secret sent to the wrong path is still a secret.
        operations = spec.operations.values()
        self._masks = masks(
            {path for operation in operations for path in operation.body_secrets},
            {name for operation in operations for name in secret_names(operation.body_schema)},
        )

    def exchange(self, request: Request) -> Response:
        """Answers one request of this vendor and journals it. `request.path` is the vendor's own path.

        On a thread that must not wait, Busy is raised while others work in the request's space.
        """
        if self.spaces.shared is None:
            return self._exchange(request)
        try:
            return self.spaces.attempt(partial(self._exchange, request))
        except StoreFailed:
            return self.unkept()

    def unkept(self) -> Response:
        """The answer where nothing of an exchange could be kept, not even that it was asked."""
        return self._refused(Refusal("internal-error"), None).encoded(None)

    def _exchange(self, request: Request) -> Response:
        started = perf_counter()
        space: Space | None = None
        operation: Operation | None = None
        choice = NOTHING_CHOSEN
        try:
            match = self.router.match(request.method, request.path)
            operation = match.operation if match else None
            if match is None or operation is None:
                outcome = self._unserved(request, match)
            else:
                space = self._authenticate(request, operation)
                if request.query and request.query.count("&") > MAX_QUERY_FIELDS:
                    raise Refusal("invalid-request", message=f"more than {MAX_QUERY_FIELDS} fields in the query")
                rings = self.line if operation.id in self._ringing else None
                if rings is not None:
                    rings.glance(space)
                with self.spaces.locked(space) as space:
                    choice = self._chooser.choice(request, operation, match.values, space)
                    said = choice.outcome or self._behave(request, operation, match.values, choice, space)
                outcome = said if isinstance(said, Outcome) else said()
                if rings is not None:
                    rings.wake(space)
        except Busy:
            raise
        except Refusal as refusal:
            outcome = self._refused(refusal, operation)
        except (SpaceLimit, StoreFull) as limit:
            outcome = self._refused(Refusal("space-limit", message=str(limit)), operation)
        except BadPreference as wrong:
            outcome = problem("Bad preference", str(wrong))
        except StoreFailed:
            outcome = self._refused(Refusal("internal-error"), operation)
        except Exception:
            log.exception("%s %s failed", self.spec.provider, operation.id if operation else request.method)
            outcome = self._refused(Refusal("internal-error"), operation)
        try:
            outcome = choice.applied_to(outcome, space)
            if outcome.status >= 400:
                outcome = self._hinted(outcome, request, operation)
            response = outcome.encoded(operation)
        except Exception:
            log.exception("%s %s: no answer can be made", self.spec.provider, operation.id if operation else "-")
            if choice.release is not None:
                choice.release()
            outcome = self._refused(Refusal("internal-error"), operation)
            response = outcome.encoded(operation)
        if response.release is not None:
            self.spaces.otherwise(response.release)
        self._journal(request, response, outcome, operation, space, started)
        return response

    def turned_away(self, request: Request, status: int, message: str) -> Response:
        """The answer to a request whose body, or answer, could not be taken: nothing is carried out, or sent, of it."""
        started = perf_counter()
        envelope = self.spec.answers["error"].filled({"message": message})
        outcome = Outcome("error", status, envelope, "assumed", (("connection", "close"),))
        response = outcome.encoded(None)
        with suppress(Busy, StoreFailed):
            self._journal(request, response, outcome, None, None, started)
        return response

    def space_of(self, request: Request) -> str:
        """The name of the space in which the request is carried out, or at least noted."""
        return self.spaces.name_of(self._key(request)) or DEFAULT_SPACE

    def is_long(self, request: Request) -> bool:
        """Whether so many rows may be read, or changed, that others should not have to wait until that is done."""
        reads = request.method in _READING
        if not reads and request.method != "DELETE":
            return False
        match = self.router.match("GET" if reads else request.method, request.path)
        operation = match.operation if match is not None else None
        if operation is None or operation.id not in (self._listings if reads else self._sweeping):
            return False
        kinds = self._kinds_of(operation) if reads else self._sweeping[operation.id]
        name = self.space_of(request)
        count = self.spaces.store.count
        long = any(count(name, kind) > BATCH for kind in kinds)
        return long and (not reads or self._reads_many(operation, request.query))

    def _reads_many(self, operation: Operation, query: str) -> bool:
        """Whether a list may read more rows than a page has: all of them, or until it has found enough that fit."""
        contract = operation.contract
        page = contract.get("page")
        if page is None:
            return True
        # What only a few rows have is looked for in all of them, and so are the rows before those that are skipped:
        # whatever is asked for beside a page's size and its cursor. (Percent signs hide names.)
        at_once = (page.get("size"), page.get("parameter"))
        if "%" in query or any(part.partition("=")[0] not in at_once for part in query.split("&") if part):
            return True
        in_query = {one.name for one in operation.parameters_in("query")}
        return any(name not in in_query for name in contract.get("filters") or ())

    def _unserved(self, request: Request, match: Match | None) -> Outcome:
        """The answer where the spec has no operation: a stub's, else the vendor's 404 or 405."""
        space = self._sender(request)
        with self.spaces.locked(space) as space:
            stub = space.stubs.take(self.spec.provider, request) if space.stubs else None
        if stub is not None:
            self._open(request)
            return stubbed(stub, request)
        if match is None or unserved(self.spec, request.method, request.path) is not None:
            raise Refusal("path-not-found")
        return self._other_method(request, match.allowed)

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
        space = self._open(request) if operation.secured else self.spaces.open(DEFAULT_SPACE)
        space.used = monotonic()
        return space

    def _open(self, request: Request) -> Space:
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

    def _behave(
        self, request: Request, operation: Operation, path: Mapping[str, str], choice: Choice, space: Space
    ) -> Outcome | Callable[[], Outcome]:
        """Validates the call, lets the behaviour decide, and checks the answer, all in one transaction.

        A long list is read from the space as it is now, but afterwards, so that nobody has to wait for it meanwhile.
        """
        check = self.checks[operation.id]
        query, violations = check.query(choice.query)
        if path:
            violations += check.path(path)
        body = None
        if check.body is not None:
            body = read_body(request, operation, choice.body)
            if not check.body.is_valid(body):
                violations += check.body.differences(body)
        verdict = refuse(operation, violations) if violations else None
        if verdict is not None:
            known = refused_in_some_form(operation, violations)
            raise Refusal(
                verdict.answer,
                assumed=verdict.assumed,
                refused=known.grade if known is not None else None,
                values=refusal_values(verdict.violation),
            )
        with self.spaces.store.transaction(space.name) as transaction:
            if request.method not in _READING:
                space.touched = True
            call = Call(operation.id, path, query, body, space.now(), space.random)
            if (
                operation.id not in self._listings
                or max(map(transaction.count, self._kinds_of(operation)), default=0) <= BATCH
            ):
                return self._decided(call, operation, transaction)
            return partial(self._read, call, operation, self._snapshot(space, operation))

    def _kinds_of(self, operation: Operation) -> tuple[str, ...]:
        """The kinds that an operation may read."""
        return (*self._kinds, f"{TELEPHONE}/calls") if operation.id in self._ringing else self._kinds

    def _snapshot(self, space: Space, operation: Operation) -> Snapshot:
        """What the operation reads: the vendor's records, and the telephone's where calls are among them."""
        prefixes = (self._prefix, TELEPHONE + "/") if operation.id in self._ringing else (self._prefix,)
        return self.spaces.store.snapshot(space.name, *prefixes)

    def _read(self, call: Call, operation: Operation, snapshot: Snapshot) -> Outcome:
        with closing(snapshot):
            return self._decided(call, operation, snapshot)

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
        # That an input is refused may be on a page which does not show how.
        known = refusal.refused
        better = known is not None and GRADES.index(known) < GRADES.index(grade)
        headers = (("x-ringback-refused", str(known)),) if better else ()
        return Outcome(answer.name, answer.status, answer.filled(refusal.values), grade, headers)

    def _hinted(self, outcome: Outcome, request: Request, operation: Operation | None) -> Outcome:
        """The refusal with what a request that nobody understood may have meant."""
        named = operation.id if operation else None
        near = hints(self.spec, request.method, request.path, outcome.status, named, outcome.fault, request.body)
        if not near:
            return outcome
        return outcome._replace(headers=(*outcome.headers, (HINT, header_value(near[0]))))

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
        milliseconds = (perf_counter() - started) * 1000
        named = operation.id if operation is not None else None
        space.journal.record(
            request,
            response,
            at=space.now(),
            provider=self.spec.provider,
            operation=named,
            answer=outcome.name,
            fault=outcome.fault,
            masks=self._masks,
            secrets=self.spaces.secrets(self._key(request)) if self.spaces.has_secrets else (),
            milliseconds=milliseconds,
        )
        counted = (self.spec.provider, named, response.status, outcome.grade, outcome.fault, milliseconds / 1000)
        if self.spaces.shared is None:
            self.spaces.metrics.count(*counted)
        else:
            self.spaces.afterwards(partial(self.spaces.metrics.count, *counted))
        if self.told is not None:
            hint = dict(outcome.headers).get(HINT)
            # What is kept nowhere is told nowhere either.
            path, hint = orjson.loads(
                without(orjson.dumps([request.path, hint]), self.spaces.secrets(self._key(request)))
            )
            told = Told(
                request.method,
                path,
                response.status,
                milliseconds,
                self.spec.provider,
                named,
                outcome.name,
                outcome.fault,
                space.name,
                hint,
            )
            self.spaces.afterwards(partial(self.told, told))


def _sweeping(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The operations that remove a record, each with the kinds, as the store calls them, that may refer to it."""
    found = {}
    for operation in spec.operations.values():
        gone = operation.contract.get("record") if operation.contract.get("effect") == "delete" else None
        kinds = (
            kind for kind, shape in spec.records.items() if any(one.record == gone for one in shape.links.values())
        )
        referring = tuple(stored_kind(spec.provider, kind) for kind in kinds)
        if referring:
            found[operation.id] = referring
    return found
