"""What a filter keeps: exactly the rows that have its value, alone and beside another one; a wider scope; bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from contract_tests.endpoint.guard import BudgetSpent
from contract_tests.judging.rows import BOUNDS, active_filters, beyond, complaints
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import make_some
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import Sent, World, pointed, successes
from mock_server.messages import Json
from mock_server.spec import Operation, Spec
from mock_server.spec.terms.moments import moment

SOME = 4
"""So many values of each filter are tried."""


def filters(spec: Spec, operation: Operation) -> bool:
    """Whether the operation lists rows by filters, or between moments."""
    return operation.contract.get("effect") == "list" and bool({"filters", *BOUNDS} & set(operation.contract))


class Lists:
    """One list, asked for in many ways; what any way has shown is there, and must be shown by every way that fits."""

    def __init__(self, recorder: Recorder, world: World) -> None:
        self._recorder = recorder
        self._world = world
        self._operation = recorder.operation
        self.rows: dict[str, dict[str, Json]] = {}
        self._plain = reading.plain_reading(world, self._operation)

    def look_around(self) -> None:
        """Asks in every documented way, and keeps the rows."""
        for request in successes(self._world, self._operation):
            if request.after:
                continue
            try:
                named = self._world.named(self._operation, request.name)
            except BudgetSpent:
                raise
            except NotCovered:
                continue  # A second owner, say, whom this account does not have: what the first one has is asked for.
            self._ask({**named.path, **named.query})

    def _ask(self, values: dict[str, Json]) -> tuple[Sent | None, list[dict[str, Json]]]:
        """The rows that these parameters get; only what the operation knows of is sent."""
        path = {name: values.get(name, value) for name, value in self._plain.path.items()}
        query = {p.name: values[p.name] for p in self._operation.parameters_in("query") if p.name in values}
        sent, reply = self._world.send(self._operation, self._plain.with_values(path, query, self._plain.body))
        rows = pointed(reply.json, self._operation.contract.get("at") or "")
        if reply.status >= 300 or not isinstance(rows, list):
            return None, []
        kept = [row for row in rows if isinstance(row, dict)]
        for row in kept:
            self.rows.setdefault(self._name(row), row)
        said = self._evidence(reply.status)
        for word, found in complaints(self._operation, {**path, **query}, reply.json, rows):
            how = weakest(said, contract_evidence(self._operation, word))
            self._recorder.add(_title(values), how, found, sent.wire)
        return sent, kept

    def _evidence(self, status: int) -> Any:
        response = self._operation.responses.get(status)
        return weakest(self._operation.evidence, response.evidence) if response else self._operation.evidence

    def _name(self, row: dict[str, Json]) -> str:
        return json.dumps(row.get(self._operation.contract["key"]["name"]), sort_keys=True)

    def ask(self, values: dict[str, Json]) -> None:
        """Asks, and misses the rows that were seen before and that fit."""
        base = {**self._plain.path, **self._plain.query, **values}
        sent, rows = self._ask(base)
        if sent is None:
            return
        shown = {self._name(row) for row in rows}
        usual = {p.name: p.schema["default"] for p in self._operation.parameters_in("query") if "default" in p.schema}
        wanted = active_filters(self._operation, {**usual, **base})
        for name, row in self.rows.items():
            within = all(beyond(self._operation, word, base, row) is None for word in BOUNDS)
            if name not in shown and within and all(row.get(field) == value for field, value in wanted.items()):
                message = f"the list leaves out {name}, which has all that was asked for and was listed before"
                how = weakest(self._evidence(200), contract_evidence(self._operation, "filters"))
                lost = Difference("", row, "absent", message, beside=True)
                self._recorder.add(_title(values), how, [lost], sent.wire)

    def widen(self) -> None:
        """A flag that lifts a filter shows at least what is shown without it."""
        for flag in self._operation.contract.get("lifts") or ():
            base = {**self._plain.path, **self._plain.query}
            sent, narrow = self._ask({**base, flag: False})
            wide_sent, wide = self._ask({**base, flag: True})
            shown = {self._name(row) for row in wide}
            lost = [row for row in narrow if self._name(row) not in shown]
            if sent is not None and wide_sent is not None and lost:
                how = weakest(self._evidence(200), contract_evidence(self._operation, "lifts"))
                message = f"with {flag} the list leaves out what it shows without"
                missing = Difference("", lost[0], "absent", message, beside=True)
                self._recorder.add(flag, how, [missing], wide_sent.wire)

    def values(self, field: str) -> list[Json]:
        """The values that rows have in a field."""
        known = [row[field] for row in self.rows.values() if isinstance(row.get(field), str | int)]
        return list(dict.fromkeys(known))[:SOME]

    def moments(self, field: str) -> list[datetime]:
        """The moments that rows have in a field."""
        known = (moment(pointed(row, field if field[:1] == "/" else f"/{field}")) for row in self.rows.values())
        return list(dict.fromkeys(one for one in known if one is not None))[:SOME]


def _title(values: dict[str, Json]) -> str:
    return " and ".join(f"{name} {value!r}" for name, value in values.items()) or "all"


def exactly_what_was_asked(recorder: Recorder) -> None:
    """Asks for every value that rows have, for every two filters together, and for a value that no row has."""
    operation, world = recorder.operation, recorder.world.fresh()
    make_some(world, operation)
    lists = Lists(recorder, world)
    lists.look_around()
    if not lists.rows:
        raise NotCovered("no documented request lists a row")
    lists.widen()
    asked: dict[str, str] = dict(operation.contract.get("filters") or {})
    for parameter, field in asked.items():
        for value in lists.values(field):
            for scope in _scopes(operation, parameter):
                lists.ask({**scope, parameter: value})
        variable = next((p.schema.get("enum") for p in operation.parameters if p.name == parameter), None)
        if variable is None and lists.values(field) and isinstance(lists.values(field)[0], str):
            for stranger in _strangers(str(lists.values(field)[0])):
                lists.ask({parameter: stranger})
    for one, other in combinations(asked, 2):
        for row in list(lists.rows.values())[:SOME]:
            pair = {name: row.get(asked[name]) for name in (one, other)}
            if None not in pair.values():
                lists.ask(pair)
    for word, seconds in zip(BOUNDS, (-1, 1), strict=True):
        for parameter, field in (operation.contract.get(word) or {}).items():
            for bound in lists.moments(field):
                # A second to spare: no page says whether a bound is itself within.
                lists.ask({parameter: (bound + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")})
    recorder.finish()


def _scopes(operation: Operation, parameter: str) -> Iterator[dict[str, Json]]:
    """Without and with the flags that lift another filter than this one."""
    yield {}
    for flag, lifted in (operation.contract.get("lifts") or {}).items():
        if parameter not in lifted:
            yield {flag: True}


def _strangers(value: str) -> Iterable[str]:
    """Values that a careless comparison would take for one that rows have: its beginning, and another letter case."""
    yield value[: len(value) // 2] or value + "x"
    if value.swapcase() != value:
        yield value.swapcase()
