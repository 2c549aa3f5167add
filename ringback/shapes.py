"""The JSON of the control API, as types: rules, exchanges, states, the filters of the journal."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Json = Any
"""Whatever a vendor's client sends or gets."""

WireFault = Literal["reset", "empty", "truncate", "malformed-json", "hang", "slow-drip"]


class ChosenAnswer(TypedDict, total=False):
    """The answer of a rule: a named one of the spec (`example`), or any `status`."""

    example: str
    status: int
    body: Json
    headers: dict[str, str]


class Percentiles(TypedDict):
    """A delay of chance, in milliseconds."""

    p50: float
    p99: float


class _RuleAsWritten(TypedDict, total=False):
    match: dict[str, Json]
    answer: ChosenAnswer
    fault: WireFault
    delay_ms: float | Percentiles


class Rule(_RuleAsWritten):
    """A rule as the server keeps it: `seen` requests it fitted, `hits` it decided, `refused` that could not be held."""

    id: str
    space: str
    provider: str
    operation: str
    after: int
    every: int
    times: int | None
    probability: float
    seen: int
    hits: int
    refused: int


class Exchange(TypedDict):
    """One request and its answer, as the journal keeps them; `at` is the space's time in ISO 8601."""

    number: int
    space: NotRequired[str]
    at: str
    provider: str
    operation: str | None
    method: str
    path: str
    query: str
    request_headers: dict[str, str]
    request_body: Json
    status: int
    answer: str | None
    fault: str | None
    response_body: Json
    milliseconds: float


class Filters(TypedDict, total=False):
    """Which exchanges are meant; `since` is an exchange's number or a time in ISO 8601.

    `q` looks for words: `teli status:5xx -fault:* body.area_code:415`.
    """

    provider: str | None
    operation: str | None
    status: int | None
    method: str | None
    path: str | None
    since: int | str | None
    q: str | None


class Unmatched(Exchange):
    """An exchange that no operation understood, and what it may have meant."""

    hints: list[str]


class State(TypedDict):
    """Everything that a space holds."""

    version: int
    providers: dict[str, Json]
