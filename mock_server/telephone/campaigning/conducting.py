"""Conducts campaigns: what the operations around them do, and what becomes of them when something is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any

from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.spec import Operation, Spec
from mock_server.spec.saying.contracts import properties
from mock_server.stores import State, Transaction
from mock_server.stores.state import TELEPHONE
from mock_server.telephone.campaigning.campaigns import (
    MARK,
    Run,
    await_step,
    begin,
    call_over,
    calling_numbers,
    found_run,
    go_on,
    lead_of,
    told,
    value_at,
)
from mock_server.telephone.campaigning.news import News, of_call, of_states
from mock_server.telephone.campaigning.playing import Due
from mock_server.telephone.line.calls import SHAPES, remind
from mock_server.telephone.line.templates import filled

Behaviour = Callable[[Call, State], Answer]


class Conducting:
    """The campaigns of a space, in a transaction."""

    def __init__(self, specs: Mapping[str, Spec], transaction: Transaction, random: Random, most: int) -> None:
        self._specs, self._transaction, self._random, self._most = specs, transaction, random, most
        self._news: list[News] = []

    def _run(self, provider: str, key: str) -> Run | None:
        spec = self._specs.get(provider)
        return (
            found_run(spec, State(self._transaction, provider, spec.records), key, self._most)
            if spec is not None
            else None
        )

    def step(self, id: str, due: str) -> Iterable[Due] | None:
        """The campaign of that name in the agenda takes its step, if it is still due then."""
        if not id.startswith(MARK):
            return None
        provider, _, key = id.removeprefix(MARK).partition(" ")
        run = self._run(provider, key)
        if run is None or run.run["due_at"] != due:
            return None
        now = datetime.fromisoformat(due)
        rows = go_on(run, now, self._random)
        self._tell(run, now)
        return rows

    def call_over(self, call: Mapping[str, Json], now: datetime) -> Iterable[Due]:
        """A call is over: its campaign goes on, if it belongs to one."""
        key = call["asked"].get("campaign")
        run = self._run(call["provider"], key) if key is not None and "lead" in call["asked"] else None
        if run is None:
            return ()
        rows = call_over(run, dict(call), now, self._random)
        self._news += of_call(run.spec, run.record, lead_of(run, call) or {}, call, now)
        self._tell(run, now)
        return rows

    def news(self) -> list[News]:
        """What has become of campaigns since this was asked last."""
        told, self._news = self._news, []
        return told

    def _tell(self, run: Run, now: datetime) -> None:
        if run.run.get("untold"):
            self._news += of_states(run.spec, run.record, now)
            run.keep()


def reminded(transaction: Transaction, specs: Mapping[str, Spec]) -> None:
    """Puts the campaigns of a state that was taken in into the agenda."""
    for name, spec in specs.items():
        if spec.campaigns is None:
            continue
        state = State(transaction, name, spec.records)
        for record in state.all(spec.campaigns.record):
            run = found_run(spec, state, str(record[spec.records[spec.campaigns.record].key]), 0)
            if run is not None and run.run["due_at"] is not None:
                remind(run.book, f"{MARK}{name} {run.key}", run.run["serial"], run.run["due_at"])


def conducted(spec: Spec, behaviours: Mapping[str, Behaviour], most: int) -> dict[str, Behaviour]:
    """What carries out the vendor's operations around campaigns, on top of what their contracts say."""
    if spec.campaigns is None:
        return {}
    made: dict[str, Behaviour] = {}
    for name, node in spec.campaigns.operations.items():
        does = next(word for word in _KINDS if word in node)
        made[name] = _KINDS[does](spec, spec.operations[name], node, behaviours[name], most)
    return made


def _starting(spec: Spec, operation: Operation, node: Mapping[str, Any], derived: Behaviour, most: int) -> Behaviour:
    said, inbound = spec.campaigns, spec.inbound
    assert said is not None
    assert inbound is not None
    refuses = node.get("refuses") or {}

    def act(call: Call, state: State) -> Answer:
        answer = derived(call, state)
        record = state.get(said.record, str(answer.body[operation.contract["key"]["name"]]))
        assert record is not None
        for word, kind, names in (
            ("agent", inbound.agents, [value_at(record, said.agent)]),
            ("number", inbound.numbers, calling_numbers(said, record)),
        ):
            for name in names if word in refuses else ():
                if state.find(kind, str(name)) is None:
                    raise Refusal(refuses[word], assumed=True, **{word: name})
        run = Run(spec, said, inbound, state, state.beside(TELEPHONE, SHAPES), record, most)
        begin(run, call.body.get(node["start"]) or (), call.now)
        shown = filled(node.get("shows") or {}, told(run))
        known = properties(spec.records[said.record].schema)
        record.update({name: value for name, value in shown.items() if name in known})
        # What may be called now is called at once, so that whoever looks next finds it.
        go_on(run, call.now, call.random)
        _tell_soon(run, call)
        return Answer(answer.name, {**answer.body, **shown})

    return act


def _moving(spec: Spec, operation: Operation, node: Mapping[str, Any], derived: Behaviour, most: int) -> Behaviour:
    def act(call: Call, state: State) -> Answer:
        answer = derived(call, state)
        run = found_run(spec, state, call.path[node["move"]], most)
        if run is not None:
            go_on(run, call.now, call.random)
            _tell_soon(run, call)
        return answer

    return act


def _tell_soon(run: Run, call: Call) -> None:
    """What is to be told is told by the next step, at once: whoever plays it sends events, an operation does not."""
    if run.run.get("untold"):
        await_step(run, call.now)


def _reading(spec: Spec, operation: Operation, node: Mapping[str, Any], derived: Behaviour, most: int) -> Behaviour:
    def act(call: Call, state: State) -> Answer:
        answer = derived(call, state)
        run = found_run(spec, state, call.path[node["read"]], most, begun=False)
        if run is None:
            return answer
        known = told(run)
        body = {**(answer.body or {}), **filled(node.get("shows") or {}, known)}
        if "rows" in node:
            left = {why for name, why in (node.get("leave-out") or {}).items() if not call.query.get(name)}
            rows = [row for row in known[node["rows"]] if row["why"] not in left]
            shape = node["form"]
            shape = shape["is"][call.query[shape["by"]]] if "by" in shape else shape
            body[node["at"]] = [filled(shape, row) for row in rows]
            if "count" in node:
                body[node["count"]] = len(rows)
        return Answer(answer.name, body)

    return act


_KINDS: Mapping[str, Callable[[Spec, Operation, Mapping[str, Any], Behaviour, int], Behaviour]] = {
    "start": _starting,
    "move": _moving,
    "read": _reading,
}
