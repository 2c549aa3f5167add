"""The calls of a vendor as its records: what the telephone has, in the vendor's shape, beside what fixtures give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from mock_server.messages import Json
from mock_server.spec import Spec
from mock_server.stores import State
from mock_server.stores.naming import Naming
from mock_server.stores.protocols import Row
from mock_server.stores.state import TELEPHONE
from mock_server.telephone.line.calls import SHAPES, Record
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.templates import filled

_BEHIND = 1_000_000_000
"""Added to the place of a call: every record of a fixture stands before it."""


def agent_of(spec: Spec, call: Mapping[str, Json], state: State) -> Json:
    """The agent of a call as the vendor shows it: without what is only ever sent."""
    if spec.inbound is None or call["agent"] is None:
        return None
    agent = state.find(spec.inbound.agents, call["agent"]["id"])
    hidden = spec.records[spec.inbound.agents].hidden
    return None if agent is None else {name: value for name, value in agent.items() if name not in hidden}


class Calls(State):
    """A vendor's records, among which the telephone's calls are records like others; none of them is kept twice."""

    __slots__ = ("_book", "_kind", "_now", "_spec", "_with_agent")

    def __init__(self, state: State, spec: Spec, now: datetime) -> None:
        self._transaction, self._prefix, self._shapes = state._transaction, state._prefix, state._shapes
        self._book = state.beside(TELEPHONE, SHAPES)
        self._kind, self._spec, self._now = str(spec.call_record), spec, now
        self._with_agent = "agent_record" in str(spec.call_shape)

    def get(self, kind: str, key: str) -> Record | None:
        found = super().get(kind, key)
        if found is not None or kind != self._kind:
            return found
        call = self._book.get("calls", key)
        return self._shown(call) if call is not None and self._is_ours(call) else None

    def look(self, kind: str, id: str) -> Mapping[str, Json] | None:
        return self.find(kind, id) if kind == self._kind else super().look(kind, id)

    def put(self, kind: str, record: Mapping[str, Json], *, renamed: bool = True) -> None:
        """What was changed about a call is kept beside it; the rest goes on following from it."""
        key = str(record[self._shapes[kind].key])
        call = self._book.get("calls", key) if kind == self._kind else None
        if call is None:
            super().put(kind, record, renamed=renamed)
            return
        shown = self._shown(call)
        changed = {name: value for name, value in record.items() if name not in shown or shown[name] != value}
        call["asked"]["changed"] = {**(call["asked"].get("changed") or {}), **changed}
        self._book.put("calls", call)

    def rows(self, kind: str, after: int = 0, *, look: bool = False) -> Iterator[Row]:
        if after < _BEHIND or kind != self._kind:
            yield from super().rows(kind, after, look=look)
        if kind == self._kind:
            for row in self._book.rows("calls", max(after - _BEHIND, 0), look=True):
                if self._is_ours(row.document):
                    yield Row(_BEHIND + row.sequence, self._shown(row.document))

    def naming(
        self, kind: str, namings: Sequence[Naming], values: Collection[str], *, look: bool = False
    ) -> Iterator[Row]:
        yield from super().naming(kind, namings, values, look=look)
        if kind == self._kind:
            for row in self.rows(kind, _BEHIND, look=look):
                if any(value in values for naming in namings for value in naming.of(row.document)):
                    yield row

    def newest(self, kind: str, *, look: bool = False) -> Iterator[Row]:
        if kind == self._kind:
            for row in self._book.newest("calls", look=True):
                if self._is_ours(row.document):
                    yield Row(_BEHIND + row.sequence, self._shown(row.document))
        yield from super().newest(kind, look=look)

    def count(self, kind: str) -> int:
        return sum(1 for _ in self.rows(kind)) if kind == self._kind else super().count(kind)

    def _is_ours(self, call: Record) -> bool:
        """A call that nobody picks up is one of nobody."""
        return bool(call["provider"] == self._spec.provider and call["agent"] is not None)

    def _shown(self, call: Record) -> Record:
        known = facts(call, self._now)
        if self._with_agent and self._spec.inbound is not None:
            known["agent_record"] = agent_of(self._spec, call, self)
        shown: Record = filled(self._spec.call_shape, known)
        changed = call["asked"].get("changed")
        return {**shown, **changed} if changed else shown
