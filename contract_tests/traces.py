"""What a run leaves at a server that is not its own: records it made and fields it changed, and how both are undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from contract_tests.findings import NotCovered, show
from contract_tests.guard import key_in
from contract_tests.pointers import ABSENT, pointed
from contract_tests.transport import Reply, Unreachable
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

if TYPE_CHECKING:
    from contract_tests.reading import Reading
    from contract_tests.world import World


@dataclass
class _Touched:
    """A record that was found: how it was read before the first write, and what the writes sent by which operation."""

    kind: str
    key: Json
    before: list[Reading]
    sent: dict[str, set[str]] = field(default_factory=dict)
    reserved: int = 0


class Traces:
    """Keeps what has to be undone, and undoes it, newest first; requests for that are kept back from the budget."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: list[tuple[str, Json]] = []
        self._touched: dict[str, _Touched | None] = {}
        self._under_way: Operation | None = None
        self._undoing = False

    def before(self, operation: Operation, request: NamedRequest) -> None:
        """Reads a record before it is written for the first time; raises NotCovered where it could not be put back."""
        key = key_in(operation, dict(request.path), request.body)
        contract, guard = operation.contract, self._world.transport.guard
        if contract.get("effect") == "create" and contract.get("record") in self._world.spec.records:
            self._under_way = operation
        if contract.get("effect") != "update" or key is None or guard.is_made(contract["record"], key) or self._undoing:
            return
        if not guard.may_write(contract["record"], key):
            return  # The guard refuses it, and says why.
        touched = self._as_found(operation, key)
        if guard.restricted and touched is None and not guard.is_nobodys(key):
            raise NotCovered(f"{key} is not shown by any documented operation, so it could not be put back")
        body = request.body if isinstance(request.body, dict) else {}
        if guard.restricted and (kept := self.irreversible(operation, key, body)):
            raise NotCovered(f"{', '.join(sorted(kept))} could not be put back")
        if touched is not None and operation.id not in touched.sent:
            requests = 1 + 2 * len(touched.before) if not touched.sent else 1
            guard.reserve(requests)
            touched.reserved += requests
            touched.sent[operation.id] = set()
        if touched is not None:
            # Kept before it is sent: what is interrupted on its way may have arrived.
            touched.sent[operation.id] |= set(body)

    def _as_found(self, operation: Operation, key: Json) -> _Touched | None:
        """The record as it was before this run wrote it; None where no operation shows it."""
        from contract_tests import reading

        if str(key) not in self._touched:
            kind = operation.contract["record"]
            shown = [one for one in reading.read(self._world, kind, key, {}) if one.record is not ABSENT]
            self._touched[str(key)] = _Touched(kind, key, shown) if shown else None
        return self._touched[str(key)]

    def irreversible(self, operation: Operation, key: Json, names: Iterable[str]) -> set[str]:
        """Which fields of a body could not be put back: no operation shows them, or they are empty and stay written."""
        from contract_tests import reading

        contract = operation.contract
        if self._world.transport.guard.is_made(contract["record"], key):
            return set()
        fields: dict[str, str] = {**(contract.get("fields") or {}), **(contract.get("along") or {})}
        documented = set((operation.body_schema or {}).get("properties") or {}) - _required(operation)
        touched = self._as_found(operation, key)
        found = set()
        for name in set(names) & documented:
            if touched is None:
                continue
            shown = [reading.field(one.record, fields[name]) for one in touched.before] if name in fields else []
            held = [value for value in shown if value not in (ABSENT, None, "") and value != []]
            if not held and not (contract.get("clears") or {}).get(name):
                found.add(name)
        return found

    def after(self, operation: Operation, request: NamedRequest, reply: Reply) -> None:
        """Keeps what a write made or removed, now that it was answered."""
        contract = operation.contract
        key = key_in(operation, dict(request.path), request.body)
        self._under_way = None
        if reply.status >= 300:
            return
        if contract.get("effect") == "delete" and (contract.get("record"), key) in self._made:
            self._made.remove((contract["record"], key))
            self._world.transport.guard.reserve(-1)
        if contract.get("effect") == "create" and (contract.get("key") or {}).get("in") == "answer":
            record = pointed(reply.json, contract.get("at") or "")
            made = record.get(contract["key"]["name"]) if isinstance(record, dict) else None
            if made is not None and self._world.transport.guard.is_made(contract["record"], made):
                self._made.append((contract["record"], made))
                self._world.transport.guard.reserve(1 if self._remover(contract["record"]) else 0)

    def undo(self) -> list[str]:
        """Puts records back and removes those that were made, newest first; returns what could not be undone."""
        left: list[str] = []
        self._undoing = True
        try:
            with self._world.transport.guard.cleaning():
                for key, touched in reversed(list(self._touched.items())):
                    if touched is not None and any(touched.sent.values()):
                        left += self._put_back(touched)
                    if touched is not None:
                        self._world.transport.guard.reserve(-touched.reserved)
                    del self._touched[key]
                left += self._maybe_made()
                while self._made:
                    kind, key = self._made[-1]
                    left += self._remove(kind, key)
                    if (kind, key) in self._made:
                        self._made.remove((kind, key))
        finally:
            self._undoing = False
        return left

    def pending(self) -> list[str]:
        """What has not been undone yet."""
        provider = self._world.spec.provider
        changed = [one for one in self._touched.values() if one is not None and any(one.sent.values())]
        return [
            *(f"{provider} {one.kind} {one.key}: changed, and not put back" for one in changed),
            *(f"{provider} {kind} {key}: made, and not removed" for kind, key in reversed(self._made)),
        ]

    # --- putting back ---------------------------------------------------------------------------

    def _put_back(self, touched: _Touched) -> list[str]:
        from contract_tests import reading

        where = f"{self._world.spec.provider} {touched.kind} {touched.key}"
        try:
            now = list(reading.read(self._world, touched.kind, touched.key, {}))
            if not _moved(touched.before, now):
                return []
            written: set[str] = set()
            for name, sent in touched.sent.items():
                operation = self._world.spec.operations[name]
                fields = operation.contract.get("fields") or {}
                body = self._old_values(operation, touched.before, {one for one in sent if one not in written})
                written |= {one for one in sent if one in fields}
                if body is not None:
                    self._write(operation, touched.key, body)
            now = list(reading.read(self._world, touched.kind, touched.key, {}))
        except (NotCovered, Unreachable) as why:
            return [f"{where}: changed, and not put back: {why}"]
        return [f"{where}: not put back: {what}" for what in _moved(touched.before, now)]

    def _old_values(self, operation: Operation, before: list[Reading], sent: set[str]) -> dict[str, Json] | None:
        """The body that gives the fields that were sent the values they had; None when there is nothing to send."""
        from contract_tests import reading

        contract = operation.contract
        fields: dict[str, str] = {**(contract.get("fields") or {}), **(contract.get("along") or {})}
        properties = (operation.body_schema or {}).get("properties") or {}
        body: dict[str, Json] = {}
        for source, target in fields.items():
            if source not in sent and source not in (contract.get("along") or {}):
                continue
            shown = [reading.field(one.record, target) for one in before]
            old = next((value for value in shown if value is not ABSENT), ABSENT)
            clearing = (contract.get("clears") or {}).get(source)
            if old in (ABSENT, None, "") or old == []:
                if clearing:
                    body[source] = clearing[0]
            else:
                body[source] = _writable(properties.get(source), old)
        return {**reading.base_body(self._world, operation), **body} if body else None

    def _write(self, operation: Operation, key: Json, body: dict[str, Json]) -> None:
        request = self._world.plain_request(operation)
        path = {**request.path, operation.contract["key"]["name"]: key}
        self._world.send(operation, replace(request.with_values(path, request.query, body), after=()))

    def _maybe_made(self) -> list[str]:
        """What appeared in the lists while a create that was never answered was under way; it is not removed."""
        from contract_tests import reading

        operation, self._under_way = self._under_way, None
        if operation is None:
            return []
        kind = operation.contract["record"]
        guard, shape = self._world.transport.guard, self._world.spec.records[kind]
        where = f"{self._world.spec.provider} {kind}"
        try:
            lists = [one for one in self._world.readers(kind) if one.contract["effect"] == "list"]
            known = guard.known(kind)
            rows = [row for one in lists for row in reading.rows_of(self._world, one, {})[0] if isinstance(row, dict)]
        except (NotCovered, Unreachable) as why:
            return [f"{where} (unknown): {operation.id} was not answered, and may have made one: {why}"]
        new = {str(row.get(shape.key)) for row in rows} - known
        return [f"{where} {name}: appeared while {operation.id} was not answered" for name in sorted(new)] or (
            [] if lists else [f"{where} (unknown): {operation.id} was not answered, and may have made one"]
        )

    # --- removing -------------------------------------------------------------------------------

    def _remove(self, kind: str, key: Json) -> list[str]:
        where = f"{self._world.spec.provider} {kind} {key}"
        remover = self._remover(kind)
        if remover is None:
            return [f"{where}: no documented operation removes it"]
        request = self._world.plain_request(remover)
        path = {**request.path, remover.contract["key"]["name"]: key}
        try:
            reply = self._world.send(remover, replace(request.with_values(path, request.query, None), after=()))[1]
        except (NotCovered, Unreachable) as why:
            return [f"{where}: {why}"]
        return [f"{where}: {remover.id} answered {reply.status}"] if reply.status >= 500 else []

    def _remover(self, kind: str) -> Operation | None:
        for operation in self._world.spec.operations.values():
            if operation.contract.get("record") == kind and operation.contract.get("effect") == "delete":
                return operation
        return None


def _required(operation: Operation) -> set[str]:
    return set((operation.body_schema or {}).get("required") or ())


def _writable(schema: Any, value: Json) -> Json:
    """The part of a value that was read that may be sent: the properties that the body's schema names."""
    if not isinstance(schema, Mapping):
        return value
    properties = schema.get("properties")
    if isinstance(value, dict) and properties:
        return {name: _writable(properties[name], child) for name, child in value.items() if name in properties}
    if isinstance(value, list):
        return [_writable(schema.get("items"), child) for child in value]
    return value


def _moved(before: list[Reading], now: list[Reading]) -> list[str]:
    """How readings of a record differ, but for issued times; what is empty may be shown empty, null or not at all."""
    from contract_tests import compare

    found = []
    later = {one.operation.id: one for one in now}
    for old in before:
        new = later.get(old.operation.id)
        schema = old.record_schema
        was = compare.lasting(schema, old.record)
        is_now = compare.lasting(schema, new.record) if new is not None else ABSENT
        if not isinstance(was, dict) or not isinstance(is_now, dict):
            found += [] if was == is_now else [f"{old.operation.id} no longer shows it"]
            continue
        for name in sorted(set(was) | set(is_now)):
            one, other = was.get(name, ABSENT), is_now.get(name, ABSENT)
            if one != other and not (one in compare.CLEARED and other in compare.CLEARED):
                found.append(f"{name} was {_text(one)}, is {_text(other)}")
    return list(dict.fromkeys(found))


def _text(value: Json) -> str:
    return "absent" if value is ABSENT else show(value)
