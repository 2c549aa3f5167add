"""What a loaded spec is made of: operations, their named answers, their named requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from mock_server.messages import Json


class Evidence(NamedTuple):
    """How we know a statement: `grade` is seed, doc, observed or assumed; `source` is the page."""

    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True)
class NamedAnswer:
    """One answer a vendor gives, as the spec's example of that name shows it.

    `placeholders` maps a value's name to the literal that stands for it in `value`;
    `constants` are the keys of `value` that every answer of that name carries unchanged;
    `undecided` are keys about which the pages disagree: a server may leave them out or differ.
    """

    name: str
    status: int
    value: Json
    evidence: Evidence
    summary: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    def filled(self, values: Mapping[str, Json]) -> Json:
        """The example with each placeholder's literal replaced by the value of that name."""
        texts = {
            literal: _text(values[name])
            for name, literal in self.placeholders.items()
            if name in values and values[name] is not None
        }
        if not texts:
            return self.value
        # In one pass, the longest literal first, so that no value is mistaken for another one's literal.
        literals = re.compile("|".join(re.escape(literal) for literal in sorted(texts, key=len, reverse=True)))
        return _replaced(self.value, literals, texts)

    def merged(self, body: Json) -> Json:
        """`body` with the constants added, its keys in the order of the documented example."""
        if body is None:
            return self.value
        if not isinstance(body, dict) or not isinstance(self.value, dict):
            return body
        constants, value = self.constants, self.filled(body) if self.placeholders else self.value
        merged = {**value, **body}
        if len(merged) == len(body) + len(constants) and body.keys().isdisjoint(constants):
            # The example shows nothing that is neither said nor always the same, as most do.
            return merged
        merged = {key: body[key] if key in body else value[key] for key in value if key in body or key in constants}
        if len(merged) < len(body) + len(constants):
            merged.update(body)
        return merged


def _text(value: Json) -> str:
    return value if isinstance(value, str) else str(value)


def _replaced(node: Json, literals: re.Pattern[str], texts: Mapping[str, str]) -> Json:
    if isinstance(node, str):
        return literals.sub(lambda found: texts[found.group()], node)
    if isinstance(node, dict):
        return {key: _replaced(value, literals, texts) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(item, literals, texts) for item in node]
    return node


@dataclass(frozen=True)
class Parameter:
    """A path, query or header parameter; `variable` names the account's value it stands for."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]
    example: Json = None
    variable: str | None = None


@dataclass(frozen=True)
class NamedRequest:
    """A request of the documentation, or one that provokes a documented answer.

    `body` is the JSON body (`raw_body` the exact text where the body is no JSON); `has_body` tells a
    null body from none; `after` names the requests ("operation/request") that must have been made
    before. A string `$answers.<operation>/<request>#<pointer>` stands for a value of their answers.
    `expect` lists top-level answer values that differ from the named answer's example.
    """

    name: str
    answer: str
    path: Mapping[str, Json]
    query: Mapping[str, Json]
    headers: Mapping[str, str | None]
    body: Json
    has_body: bool
    raw_body: str | None
    after: tuple[str, ...]
    evidence: Evidence
    summary: str = ""
    expect: Mapping[str, Json] = field(default_factory=dict)
    refused: Evidence | None = None
    """How we know that such a request is refused at all, whatever `evidence` says of the answer."""

    def with_values(self, path: Mapping[str, Json], query: Mapping[str, Json], body: Json) -> NamedRequest:
        """The same request with other values."""
        return replace(self, path=path, query=query, body=body)


@dataclass(frozen=True)
class RefusalRule:
    """Which violations of a request are answered with which named answer; `answer` None leaves it to the behaviour."""

    kinds: frozenset[str]
    places: frozenset[str]
    fields: frozenset[str]
    answer: str | None
    evidence: Evidence | None


@dataclass(frozen=True)
class ResponseSpec:
    """What the spec says of one status of an operation."""

    status: int
    schema: Mapping[str, Any] | None
    media_type: str | None
    evidence: Evidence
    description: str = ""
    status_evidence: Evidence | None = None
    """How we know the number, where that is known otherwise than the rest: a page may show an answer without it."""


class Link(NamedTuple):
    """A reference to a record: by its key, or by any of its names (`aliases`); only to one that is so (`where`).

    `deleted` says what happens when that one is deleted: the reference is cleared, the record removed with it, or the
    deletion refused. Of a list of objects each refers by its field `each`, and goes when its target goes.
    """

    record: str
    aliases: bool = False
    where: Mapping[str, Json] = {}
    deleted: str = "clear"
    each: str | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True)
class RecordSpec:
    """A kind of stored record: the field that names it, other unique fields, and what it refers to.

    `new` says where the fields of a new record come from that nobody gives, `computed` those that follow from others.
    """

    kind: str
    key: str
    aliases: tuple[str, ...]
    references: Mapping[str, str]
    schema: Mapping[str, Any]
    secrets: tuple[str, ...] = ()
    links: Mapping[str, Link] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    computed: Mapping[str, Any] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """The fields that are only ever sent (`writeOnly`), and stand in no answer."""


@dataclass(frozen=True)
class Variable:
    """What only an account knows: a default from the pages, and the list operation where another is found.

    `others` are further documented values, for which any other record will do; `ours` name records of the start state
    that have a part of their own to play, so that no other record will do; `unknown` name nobody's on purpose.
    """

    name: str
    default: Json
    others: tuple[Json, ...]
    found_operation: str | None
    found_at: str | None
    description: str = ""
    ours: tuple[Json, ...] = ()
    unknown: tuple[Json, ...] = ()

    @property
    def known(self) -> tuple[Json, ...]:
        """Every value that a request may name."""
        return (self.default, *self.others, *self.ours, *self.unknown)


@dataclass(frozen=True)
class Magic:
    """Values that bring about an answer or a fault with no set-up: `at` is `path.x`, `query.x` or `body.x`.

    `answer` names an answer of the operations; `status` a code; `fault` breaks the wire, for `seconds` where it takes
    time. `scenario` says in a few words what it is for.
    """

    scenario: str
    operations: tuple[str, ...]
    at: str
    values: tuple[str, ...]
    answer: str | None
    status: int | None
    headers: Mapping[str, str]
    fault: str | None
    seconds: float


@dataclass(frozen=True)
class Operation:
    """One documented operation; `path` is the vendor's whole path, the server's base included."""

    provider: str
    id: str
    method: str
    path: str
    summary: str
    evidence: Evidence
    parameters: tuple[Parameter, ...]
    body_schema: Mapping[str, Any] | None
    body_required: bool
    body_secrets: tuple[str, ...]
    responses: Mapping[int, ResponseSpec]
    answers: Mapping[str, NamedAnswer]
    requests: Mapping[str, NamedRequest]
    refusals: tuple[RefusalRule, ...]
    contract: Mapping[str, Any]
    secured: bool
    deprecated: bool = False
    form: bool = False
    """Whether the body is a form, and not JSON."""

    def response(self, status: int) -> ResponseSpec | None:
        """What the spec says of an answer with that status.

        Another success than the documented one is that one where its number is our own assumption.
        """
        found = self.responses.get(status)
        if found is None and 200 <= status < 300:
            for one in self.responses.values():
                if 200 <= one.status < 300 and one.status_evidence and one.status_evidence.grade == "assumed":
                    return one
        return found

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path; of one that ends with a slash the last is empty."""
        return tuple(self.path[1:].split("/"))

    def parameters_in(self, place: str) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.place == place)


CAMPAIGN_STATES = {word: f"campaign-{word}" for word in ("active", "paused", "completed", "ended")}
"""What is told of campaigns, by our word for the state."""
CAMPAIGN_CALL = "campaign-call"
"""That one of a campaign's calls is over."""


class Signature(NamedTuple):
    """A header of every delivery: `value` and what is hashed (`of`) hold `{body}`, `{ms}`, `{secret}`, `{hmac}`."""

    header: str
    value: str
    of: str


class Sending(NamedTuple):
    """How a vendor delivers: signed how, tried how often again, given up after how many seconds."""

    signature: Signature | None
    retries: int
    timeout_seconds: float
    evidence: Evidence


class Address(NamedTuple):
    """A field of the number that rings, or of the agent that is linked to it, with an address for one event.

    The receiver is asked, and has so many `seconds`, where the field `only_if` is true or there is no such field; else
    it is told as of any event. Whom nobody asks is told once a call is queued, where the event says so.
    """

    record: str
    field: str
    only_if: str | None
    seconds: float | None


@dataclass(frozen=True)
class Webhook:
    """One event. `example` is the documented payload; `body` is its shape, filled with the facts of a call.

    It is sent when a call of a `direction` comes into a state of `on`, or a line is `said` in it, provided that it was
    `answered`, and has the fact `only_if`, where that is said; or when a campaign comes into a state of `on`, or one of
    its calls is over; nowhere, when `on` is empty. Where it has an `address` of its own, the receiver
    may be asked there before a call connects: it then chooses another agent, by the pointers of `chooses` into what it
    answers, and gives the call the objects that the pointers of `gives` lead to.
    """

    name: str
    summary: str
    evidence: Evidence
    schema: Mapping[str, Any]
    example: Json
    body: Json
    on: tuple[str, ...]
    directions: tuple[str, ...]
    answered: bool
    only_if: str | None
    address: Address | None
    chooses: Mapping[str, str]
    gives: Mapping[str, str]
    sending: Sending | None = None
    """How this event is delivered where that differs from the vendor's others."""


class Shares(NamedTuple):
    """A list of a number in which several agents share its calls: its field, and what its entries call what."""

    field: str
    agent: str
    version: str
    weight: str


class Inbound(NamedTuple):
    """Who picks up when a number rings, in the words of the vendor's records.

    `number` is what is dialled, a field of a record of `numbers`; `agent` the field that names the agent, or `shares`
    the list of them. `enabled` is the field that says whether the number takes calls at all, `set_by` the operation
    that links an agent. An agent has a `name`, maybe a `version` and a `greeting`: a field, or an object of a `field`
    with a `text` that is said where the value of `when` is among those for calls of a direction. A remark is told where
    its field is true.
    """

    numbers: str
    number: str
    agents: str
    agent: str | None
    shares: Shares | None
    enabled: str | None
    name: str
    greeting: str | Mapping[str, Any] | None
    version: str | None
    set_by: str
    remarks: Mapping[str, str]
    evidence: Evidence


class Redials(NamedTuple):
    """How often a lead that was not reached is called again: whether at all, how often, after how many days.

    The three are fields of the campaign, or pointers into it; without the last one it is called again at once.
    """

    enabled: str
    limit: str
    days: str | None = None


class Campaigns(NamedTuple):
    """Calls that the vendor places one after the other, lead by lead, in the words of its records.

    `record` is the kind of a campaign, `leads` the kind that holds its leads; the other names are fields of a
    campaign. Without an `agent` of its own it has that of the number that calls, which must not deny its field
    `enabled`. `status` says what the field of its status calls `active`, `paused`, `completed` and `ended`.
    `days` is how long it lasts where nobody says, for ever where it has no end; `concurrency` how many calls it has at
    a time, a number or the pointer to one; `schedule` at which hours of the week, `hours` at which of every day. `keep`
    is the shape of what is kept of each call for counting, `lead` that of what a lead shows, `server` that of where the
    campaign's events go.
    """

    record: str
    leads: str
    status: Mapping[str, str]
    agent: str | None
    number: str | None
    pool: str | None
    enabled: str | None
    begins: str | None
    ends: str | None
    schedule: str | None
    days: float
    phone: str
    concurrency: int | str
    redials: Redials | None
    keep: Mapping[str, Any]
    lead: Mapping[str, Any]
    server: Mapping[str, Any]
    hours: Mapping[str, Any]
    operations: Mapping[str, Mapping[str, Any]]


class Missing(NamedTuple):
    """A documented operation that is not served, and why; `path` is the whole path, `evidence` names its page."""

    method: str
    path: str
    summary: str
    evidence: Evidence
    reason: str = ""

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))


@dataclass(frozen=True)
class Security:
    """How a key travels: header `X-API-Key: KEY`, or `Authorization: Bearer KEY`."""

    header: str
    bearer: bool
    evidence: Evidence


@dataclass(frozen=True)
class Spec:
    """Everything one vendor promises."""

    provider: str
    file: str
    title: str
    origin: str
    base_path: str
    security: Security
    operations: Mapping[str, Operation]
    answers: Mapping[str, NamedAnswer]
    records: Mapping[str, RecordSpec]
    variables: Mapping[str, Variable]
    magic: tuple[Magic, ...] = ()
    other_servers: tuple[tuple[str, str], ...] = ()
    """Further servers the pages name, as (host, base path): the same paths under another name."""
    inbound: Inbound | None = None
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    sending: Sending | None = None
    call_shape: Mapping[str, Any] = field(default_factory=dict)
    """How the vendor shows a call, to be filled with its facts."""
    call_operations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the operations around calls do with the telephone: place, read, hang up."""
    call_record: str | None = None
    """The kind of record whose records are the telephone's calls, beside those that the fixtures give."""
    call_id: Mapping[str, Any] = field(default_factory=dict)
    """How the vendor names a call: a `prefix` and so many hexadecimal `digits`; a UUID where it says nothing."""
    call_keeps: Mapping[str, Any] = field(default_factory=dict)
    """The shape of what a call remembers of its number and its agent, whatever becomes of them."""
    campaigns: Campaigns | None = None
    missing: tuple[Missing, ...] = ()
    """What the pages document and nobody serves."""

    def sending_of(self, event: str) -> Sending | None:
        """How the event of that name is delivered."""
        webhook = self.webhooks.get(event)
        return (webhook.sending if webhook is not None else None) or self.sending

    def tells(self, *states: str) -> bool:
        """Whether an event is sent at one of these."""
        return not self._told.isdisjoint(states)

    @cached_property
    def _told(self) -> frozenset[str]:
        return frozenset(state for webhook in self.webhooks.values() for state in webhook.on)

    @property
    def secret_variables(self) -> frozenset[str]:
        """The variables that stand for secrets in some body."""
        return frozenset(
            name for operation in self.operations.values() for name in _secret_variables(operation.body_schema, False)
        )

    @property
    def ringing(self) -> frozenset[str]:
        """The operations before which the telephone has to be played, and after which it may have more to do."""
        kinds = {self.call_record, self.campaigns.record if self.campaigns else None} - {None}
        about = {name for name, one in self.operations.items() if one.contract.get("record") in kinds}
        return frozenset(about | set(self.call_operations) | set(self.campaigns.operations if self.campaigns else ()))

    def moves_by_itself(self, operation: str, field: str) -> bool:
        """Whether a field that an operation shows may change while nobody asks: a call rings, is answered and ends.

        Who calls whom, and what was asked for when it was placed, stays; what else a vendor shows of a call may come.
        """
        if operation not in self.ringing:
            return False
        kind = self.operations[operation].contract.get("record")
        return field not in self._staying.get(str(kind), ())

    @cached_property
    def _staying(self) -> Mapping[str, frozenset[str]]:
        """By kind of record, the fields of a call and of a campaign that no time changes."""
        found: dict[str, frozenset[str]] = {}
        if self.call_record is not None:
            said = {name: set(facts_in(shape)) for name, shape in self.call_shape.items()}
            found[self.call_record] = frozenset(name for name, facts in said.items() if facts and facts <= SETTLED)
        if self.campaigns is not None:
            kind, moving = self.campaigns.record, self.campaigns.status["field"]
            about = [one for one in self.operations.values() if one.contract.get("record") == kind]
            made = [one.contract.get("fields") or {} for one in about if one.contract.get("effect") == "create"]
            found[kind] = frozenset(name for fields in made for name in fields.values() if name != moving)
        return found

    @property
    def host(self) -> str:
        """The vendor's host name, as in a `Host` header."""
        return self.origin.split("://", 1)[-1].lower()

    def answer(self, operation: Operation | None, name: str) -> NamedAnswer:
        """The answer of that name: the operation's own, else the one every operation shares."""
        if operation is not None and name in operation.answers:
            return operation.answers[name]
        return self.answers[name]


SETTLED = frozenset("id session_id from to other ours direction asked agent number".split())
"""The facts of a call that are settled once it is placed; when it begins is not, at some vendors."""


def facts_in(shape: Any) -> Iterator[str]:
    """The facts that the shape of a call is filled with, each by the first part of its name."""
    if isinstance(shape, Mapping):
        yield from [str(shape[word]).partition("/")[0] for word in ("fact", "each", "per") if word in shape]
        shape = list(shape.values())
    if isinstance(shape, list):
        for child in shape:
            yield from facts_in(child)


def _secret_variables(schema: Any, inherited: bool) -> Iterator[str]:
    """The variables within properties that are secrets; `x-secret: false` takes one of them out again."""
    if not isinstance(schema, Mapping):
        return
    secret = bool(schema.get("x-secret", inherited))
    if secret and "x-variable" in schema:
        yield schema["x-variable"]
    for child in (schema.get("properties") or {}).values():
        yield from _secret_variables(child, secret)
    yield from _secret_variables(schema.get("items"), secret)
