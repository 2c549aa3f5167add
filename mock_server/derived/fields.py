"""What a body writes into a record: under which names, which values clear, and what the server sets by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from mock_server.derived.making import Making
from mock_server.derived.scene import ABSENT, Record, Scene
from mock_server.derived.sources import source
from mock_server.messages import Call, Json
from mock_server.spec.saying.contracts import inside_of
from mock_server.spec.terms.model import Operation
from mock_server.stores.state import State

Put = Callable[[Record, Json], None]
_Writer = tuple[str, str, Put | None, tuple[Json, ...], Callable[[Record], None], Callable[[Scene], Json] | None]
"""The name in the body, the record's field, how it is written there, what clears it, and how; what a new one holds."""


class Fields:
    """Writes the fields of one operation's body into records of one kind; never the field `lasting`, its key."""

    def __init__(self, operation: Operation, making: Making, *, lasting: str = "") -> None:
        contract = operation.contract
        clears = contract.get("clears") or {}

        def writers(targets: Iterable[tuple[str, str]], cleared: Mapping[str, Any]) -> list[_Writer]:
            return [
                (
                    name,
                    _top(target),
                    _inside(target),
                    tuple(cleared.get(name) or ()),
                    _remove(target),
                    making.new.get(target),
                )
                for name, target in targets
                if target != lasting
            ]

        self._writers = writers(_targets(operation), clears)
        # What a body gives to a new record as it is, which is nearly all, is copied by name.
        self._copied = [(name, top) for name, top, put, clearing, *_ in self._writers if put is None and not clearing]
        self._given = [one for one in self._writers if one[2] is not None or one[3]]
        self._objects = [
            (tuple(inside_of(name)), writers(one.items(), {})) for name, one in (contract.get("inside") or {}).items()
        ]
        self.deep = frozenset(top for _, inner in self._objects for _, top, put, *_ in inner if put is not None)
        """Objects of the record of which some fields are written, and the others of a new one stay."""
        self._sets = [(field, source(node, making.shape)) for field, node in (contract.get("sets") or {}).items()]
        body = (operation.body_schema or {}).get("properties") or {}
        self._defaults = [
            (name, _top(target), _inside(target), body[name]["default"])
            for name, target in _targets(operation)
            if contract["effect"] == "create" and isinstance(body.get(name), dict) and "default" in body[name]
        ]
        self._making = making
        self.settles = bool(self._sets) or making.computes
        every = [*self._writers, *(one for _, inner in self._objects for one in inner)]
        written = {*(top for _, top, *_ in every), *(field for field, _ in self._sets), *making.shape.computed}
        self.renames = not written.isdisjoint(making.shape.aliases)
        """Whether what is written into a record may be one of its names."""

    def write(self, record: Record, call: Call, state: State) -> Collection[str]:
        """Changes the record as the body says, and returns what it wrote; a cleared field is as in a new record."""
        written = self._written(self._writers, call.body, record, call, state)
        for outer, writers in self._objects:
            found = _object_at(call.body, outer)
            if found is not None:
                written += self._written(writers, found, record, call, state)
        return written

    @staticmethod
    def _written(writers: list[_Writer], body: Json, record: Record, call: Call, state: State) -> list[str]:
        written: list[str] = []
        for name, top, put, clearing, remove, new in writers:
            if name not in body:
                continue
            value = body[name]
            if clearing and value in clearing:
                fresh = new(Scene(call, state, record, call.now, call.random)) if new is not None else ABSENT
                if fresh is ABSENT:
                    remove(record)
                elif put is None:
                    record[top] = fresh
                else:
                    put(record, fresh)
                continue
            if put is None:
                record[top] = value
            else:
                put(record, value)
            written.append(top)
        return written

    def given(self, call: Call) -> Record:
        """What a body gives to a new record; a value that clears gives nothing."""
        body = call.body
        given: Record = {top: body[name] for name, top in self._copied if name in body}
        self._give(given, self._given, body)
        for outer, writers in self._objects:
            found = _object_at(body, outer)
            if found is not None:
                self._give(given, writers, found)
        for name, top, put, value in self._defaults:
            if name in body:
                continue
            if put is None:
                given[top] = value
            else:
                put(given, value)
        return given

    @staticmethod
    def _give(given: Record, writers: list[_Writer], body: Json) -> None:
        for name, top, put, clearing, _, _ in writers:
            if name not in body:
                continue
            value = body[name]
            if clearing and value in clearing:
                continue
            if put is None:
                given[top] = value
            else:
                put(given, value)

    def settle(self, record: Record, call: Call, state: State) -> None:
        """Sets what the server sets by itself, and what follows from other fields."""
        if self.settles:
            scene = Scene(call, state, record, call.now, call.random)
            for field, make in self._sets:
                value = make(scene)
                if value is ABSENT:
                    record.pop(field, None)
                else:
                    record[field] = value
            self._making.compute(scene)


def _object_at(body: Any, steps: Iterable[str]) -> Any:
    """The object that stands there in a body; None where none does."""
    for step in steps:
        body = body.get(step)
        if not isinstance(body, dict):
            return None
    return body


def _targets(operation: Operation) -> list[tuple[str, str]]:
    """Each field of the body with the name, or one of the names, under which the record keeps it."""
    found = list((operation.contract.get("fields") or {}).items())
    for name, targets in (operation.contract.get("keeps") or {}).items():
        found += [(name, target) for target in ([targets] if isinstance(targets, str) else targets)]
    return found


def _top(target: str) -> str:
    return target.strip("/").partition("/")[0]


def _inside(target: str) -> Put | None:
    """Writes a value at a pointer into the record; None for a name of the record itself, which needs no function."""
    if not target.startswith("/"):
        return None
    *above, last = target[1:].split("/")

    def write_inside(record: Record, value: Json) -> None:
        node: Any = record
        for step in above:
            if not isinstance(node.get(step), dict):
                node[step] = {}
            node = node[step]
        node[last] = value

    return write_inside


def _remove(target: str) -> Callable[[Record], None]:
    *above, last = target.strip("/").split("/") if target.startswith("/") else [target]

    def remove(record: Record) -> None:
        node: Any = record
        for step in above:
            node = node.get(step)
            if not isinstance(node, dict):
                return
        node.pop(last, None)

    return remove
