"""Answers and faults chosen in advance: rules of a space that decide what a request gets instead of the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from random import Random
from threading import RLock
from typing import NamedTuple

from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.text.jsontext import dumps

MAX_DELAY_SECONDS = 120.0
WIRE_FAULTS = ("reset", "empty", "truncate", "malformed-json", "hang", "slow-drip")
HELD_FAULTS = ("hang", "slow-drip")
SILENT_FAULTS = ("reset", "empty", "hang")
"""After these the client has no answer at all."""

DEFAULT_HANG_SECONDS = 30.0
_INDEX = re.compile(r"[0-9]{1,9}")
_P99 = 2.3263478740408408
"""The standard normal distribution's 99th percentile."""


class FaultLimit(Exception):
    """No further rule can be written."""


class Delay(NamedTuple):
    """How long an answer waits: `p50` seconds always when `p99` is None, else log-normal with these percentiles."""

    p50: float
    p99: float | None = None

    def seconds(self, random: Random) -> float:
        if self.p99 is None or self.p99 <= self.p50 or self.p50 <= 0:
            return self.p50
        spread = (log(self.p99) - log(self.p50)) / _P99
        return min(exp(random.gauss(log(self.p50), spread)), MAX_DELAY_SECONDS)


@dataclass
class Rule:
    """One rule.

    It speaks of requests of `operation` ("*" for all, or for those of `operations`) whose values `match`;
    of these it lets `after` pass, then takes every `every`-th, `times` in all, each with `probability`. It
    answers with the named `example`, or `status`, `body` and `headers`; or it only delays, or breaks the
    wire (`fault`).
    """

    id: str
    provider: str
    operation: str
    match: Mapping[str, Json]
    operations: frozenset[str] | None = None
    example: str | None = None
    status: int | None = None
    body: Json = None
    has_body: bool = False
    headers: Mapping[str, str] | None = None
    fault: str | None = None
    delay: Delay | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    probability: float = 1.0
    seen: int = 0
    hits: int = 0
    refused: int = 0

    @property
    def size(self) -> int:
        """Its bytes, more or less: what it compares with and what it says."""
        return len(dumps([dict(self.match), self.body, dict(self.headers or {})]))

    def speaks_of(self, provider: str, operation: str, values: Values) -> bool:
        """Whether it is about such a request at all."""
        if self.provider != provider or self.operation not in ("*", operation):
            return False
        if self.operations is not None and operation not in self.operations:
            return False
        return all(values.fits(pointer, wanted) for pointer, wanted in self.match.items())

    def takes(self, random: Random) -> bool:
        """Counts a request that the rule speaks of, and says whether it is one that the rule takes."""
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        if (self.seen - self.after) % self.every:
            return False
        if self.probability < 1 and random.random() >= self.probability:
            return False
        self.hits += 1
        return True


_KEPT_POINTER = 200
"""How long a pointer may be that is remembered as it was taken apart."""


def _taken_apart(pointer: str) -> tuple[str, tuple[str, ...]]:
    """The place that a pointer begins with, and the steps from there."""
    place, _, rest = pointer.partition(".")
    return place, tuple(rest.split(".")) if rest else ()


_steps = lru_cache(maxsize=1_000)(_taken_apart)


class Values(NamedTuple):
    """What a rule may match: the values of a request."""

    path: Mapping[str, Json]
    query: Mapping[str, Json]
    body: Json

    def at(self, pointer: str) -> Json:
        """The value at `body.a.b`, `path.a`, `query.a` or `$.a.b` (the body); None when there is none."""
        place, steps = _steps(pointer) if len(pointer) <= _KEPT_POINTER else _taken_apart(pointer)
        node: Json = self.path if place == "path" else self.query if place == "query" else self.body
        for part in steps:
            if isinstance(node, dict) and part in node:
                node = node[part]
            elif isinstance(node, list) and _INDEX.fullmatch(part) and int(part) < len(node):
                node = node[int(part)]
            else:
                return None
        return node

    def fits(self, pointer: str, wanted: Json) -> bool:
        """Whether the value there is the wanted one; in path and query, where all is text, also as text."""
        found = self.at(pointer)
        if isinstance(found, bool) is isinstance(wanted, bool) and found == wanted:
            return True
        as_text = pointer.startswith(("path.", "query.")) and not isinstance(wanted, str | list | dict | None)
        return as_text and found == json.dumps(wanted)


MATCH_PLACES = ("body", "path", "query", "$")


class Faults:
    """The rules of one space, oldest first; the first that takes a request decides."""

    def __init__(self, limits: Limits = DEFAULTS, turn: AbstractContextManager[object] | None = None) -> None:
        """`turn` is held while a rule is added, changed or counted."""
        self._limits = limits
        self._rules: dict[str, Rule] = {}
        self._made = 0
        self.version = 0
        """Moves with every change, counts included."""
        self._lock: AbstractContextManager[object] = turn or RLock()

    def __len__(self) -> int:
        return len(self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def all(self) -> list[Rule]:
        return list(self._rules.values())

    def get(self, id: str) -> Rule | None:
        return self._rules.get(id)

    def next_id(self) -> str:
        with self._lock:
            self._made += 1
            self.version += 1
            return f"fault-{self._made}"

    def put(self, rule: Rule) -> None:
        """Adds a rule, or replaces the one of its id; raises FaultLimit at the bound."""
        with self._lock:
            most, most_bytes = self._limits.fault_rules_per_space, self._limits.rule_bytes_per_space
            if rule.id not in self._rules and len(self._rules) >= most:
                raise FaultLimit(f"a space has at most {most} rules; delete some")
            others = (known for known in self._rules.values() if known.id != rule.id)
            if rule.size + sum(known.size for known in others) > most_bytes:
                raise FaultLimit(f"the rules of a space take {most_bytes} bytes at most; write smaller ones")
            self._rules[rule.id] = rule
            self.version += 1

    def delete(self, id: str) -> bool:
        with self._lock:
            self.version += 1
            return self._rules.pop(id, None) is not None

    def clear(self) -> None:
        with self._lock:
            self.version += 1
            self._rules.clear()

    def kept(self) -> dict[str, Json]:
        """What there is to keep: every rule with its counts, and how many were made."""
        return {"made": self._made, "rules": [_as_json(rule) for rule in self.all()]}

    def restore(self, kept: dict[str, Json]) -> None:
        """Goes on with the rules that were kept."""
        self._made = kept["made"]
        self._rules = {one["id"]: _rule_of(one) for one in kept["rules"]}

    def take(self, provider: str, operation: str, values: Values, random: Random) -> Rule | None:
        """The rule that decides this request, or None."""
        with self._lock:
            for rule in self._rules.values():
                if rule.speaks_of(provider, operation, values):
                    self.version += 1
                    if rule.takes(random):
                        return rule
        return None


def _as_json(rule: Rule) -> dict[str, Json]:
    kept = dict(vars(rule))
    kept["match"] = dict(rule.match)
    kept["operations"] = None if rule.operations is None else sorted(rule.operations)
    kept["headers"] = None if rule.headers is None else dict(rule.headers)
    return kept


def _rule_of(kept: dict[str, Json]) -> Rule:
    operations, delay = kept["operations"], kept["delay"]
    return Rule(
        **{
            **kept,
            "operations": None if operations is None else frozenset(operations),
            "delay": None if delay is None else Delay(*delay),
        }
    )
