"""The documents of a space as one versioned JSON document: out, in, and kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import RLock

from mock_server.desk.stub_texts import BadStub, as_json, read_stub
from mock_server.desk.stubs import Stub, StubLimit, check_stubs
from mock_server.exchange import Service
from mock_server.fixtures import reference_errors
from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.spaces import Space, Spaces
from mock_server.spec import SchemaCheck, Spec
from mock_server.stores import SharedStore, State, Store
from mock_server.telephone import BadCalls, export_calls, import_calls, read_calls, reminded, wrong_campaigns
from mock_server.text.jsontext import dumps, dumps_long, loads_long, own

VERSION = 1
_NOTES = "~notes"


class BadState(Exception):
    """A state that cannot be taken in; `reasons` says what is wrong, one place each."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons[:20]))
        self.reasons = reasons


class SnapshotLimit(Exception):
    """No further snapshot can be kept."""


def export_state(spaces: Spaces, specs: Mapping[str, Spec], space: Space) -> dict[str, Json]:
    """`{"version", "space", "now", "providers": {name: {"records": {kind: [...]}, "notes": {}}}, "stubs", "calls"}`."""
    providers: dict[str, Json] = {}
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        for name, spec in specs.items():
            state = State(transaction, name, spec.records)
            records = {kind: list(state.all(kind)) for kind in spec.records}
            providers[name] = {"records": records, "notes": dict(state.notes())}
        calls = export_calls(transaction)
    stubs = [as_json(stub) for stub in space.stubs.all()]
    return {
        "version": VERSION,
        "space": space.name,
        "now": space.now().isoformat(),
        "providers": providers,
        "stubs": stubs,
        "calls": calls,
    }


def import_state(spaces: Spaces, services: Mapping[str, Service], space: Space, document: Json) -> None:
    """Puts the document in the place of everything the space holds; raises BadState and changes nothing if it is wrong.

    Vendors that the document leaves out are left empty; stubs stay as they are where it says nothing of them.
    """
    specs = {name: service.spec for name, service in services.items()}
    providers = _checked(document, services)
    stubs = _stubs(document, specs, spaces.limits)
    try:
        calls = read_calls(document.get("calls", []), spaces.limits.calls_per_space)
    except BadCalls as bad:
        raise BadState(bad.reasons) from None
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        for name, spec in specs.items():
            state = State(transaction, name, spec.records)
            for kind in spec.records:
                for record in list(state.all(kind)):
                    state.delete(kind, str(record[spec.records[kind].key]))
            for note, _ in list(state.notes()):
                state.drop_note(note)
        for name, content in providers.items():
            state = State(transaction, name, specs[name].records)
            for kind, records in content.get("records", {}).items():
                for index, record in enumerate(records):
                    try:
                        state.put(kind, record)
                    except TypeError as error:
                        raise BadState([f"providers.{name}.records.{kind}[{index}]: {error}"]) from None
            for note, value in content.get("notes", {}).items():
                state.keep_note(note, value)
        import_calls(transaction, calls)
        reminded(transaction, specs)
        if stubs is not None:
            space.stubs.clear()
            for stub in stubs:
                space.stubs.add(stub)


def _stubs(document: dict[str, Json], specs: Mapping[str, Spec], limits: Limits) -> list[Stub] | None:
    """The document's stubs, None if it does not speak of any; BadState with every reason against them."""
    if "stubs" not in document:
        return None
    rows, reasons, stubs = document["stubs"], [], []
    if not isinstance(rows, list) or len(rows) > limits.stubs_per_space:
        raise BadState([f"stubs: a list of at most {limits.stubs_per_space} stubs is needed"])
    for index, row in enumerate(rows):
        try:
            stubs.append(read_stub(row, specs))
        except BadStub as bad:
            reasons.append(f"stubs[{index}]: {bad}")
    if reasons:
        raise BadState(reasons)
    try:
        check_stubs([stub.size for stub in stubs], limits)
    except StubLimit as limit:
        raise BadState([f"stubs: {limit}"]) from None
    return stubs


def _checked(document: Json, services: Mapping[str, Service]) -> dict[str, dict[str, Json]]:
    """The document's providers, or BadState with every reason against them."""
    if not isinstance(document, dict) or document.get("version") != VERSION:
        found = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise BadState([f"version: {VERSION} is needed, found {found!r}"])
    for name in ("space", "now"):
        if not isinstance(document.get(name, ""), str):
            raise BadState([f"{name}: a text is needed, found {document[name]!r:.100}"])
    providers = document.get("providers")
    if not isinstance(providers, dict):
        raise BadState(["providers: a mapping of vendors is needed"])
    reasons: list[str] = []
    for name, content in providers.items():
        if name not in services:
            reasons.append(f"providers.{name}: no such vendor; there are {', '.join(services)}")
        elif not isinstance(content, dict) or not isinstance(content.get("records", {}), dict):
            reasons.append(f"providers.{name}.records: a mapping of kinds is needed")
        elif not isinstance(content.get("notes", {}), dict):
            reasons.append(f"providers.{name}.notes: a mapping is needed")
        else:
            reasons += _record_errors(f"providers.{name}.records", content.get("records", {}), services[name].spec)
            for note, value in content.get("notes", {}).items():
                why = services[name].wrong_note(note, value)
                if why is not None:
                    reasons.append(f"providers.{name}.notes.{note}: {why}")
    if reasons:
        raise BadState(reasons)
    return providers


def _record_errors(place: str, records: dict[str, Json], spec: Spec) -> list[str]:
    reasons: list[str] = []
    for kind, rows in records.items():
        if kind not in spec.records:
            reasons.append(f"{place}.{kind}: unknown; there are {', '.join(spec.records)}")
        elif not isinstance(rows, list):
            reasons.append(f"{place}.{kind}: a list of records is needed")
        else:
            check = SchemaCheck(spec.records[kind].schema)
            for index, row in enumerate(rows):
                here = f"{place}.{kind}[{index}]"
                if not isinstance(row, dict) or row.get(spec.records[kind].key) is None:
                    reasons.append(f"{here}: a record with {spec.records[kind].key} is needed")
                reasons += [f"{here}.{wrong.field}: {wrong.message}" for wrong in check.differences(row)]
            if spec.campaigns is not None and kind == spec.campaigns.record:
                reasons += [f"{place}.{kind}[{index}].{field}: {why}" for index, field, why in wrong_campaigns(rows)]
    return reasons or [f"{place}.{error_place}: {why}" for error_place, why in reference_errors(records, spec)]


class Snapshot:
    """A kept state: encoded, with its size and when it was taken."""

    def __init__(self, name: str, space: str, taken: datetime, size: int, encoded: bytes) -> None:
        self.name = name
        self.space = space
        self.taken = taken
        self.size = size
        self.encoded = encoded

    def document(self) -> Json:
        """The state, as `export_state` gave it."""
        return loads_long(self.encoded)

    def as_json(self) -> dict[str, Json]:
        return {"name": self.name, "space": self.space, "taken": self.taken.isoformat(), "bytes": self.size}


class Snapshots:
    """The named snapshots of a server, bounded in number and bytes; in a shared store, where that is."""

    def __init__(self, store: Store, limits: Limits = DEFAULTS) -> None:
        self._limits = limits
        self._backend = store.backend if isinstance(store, SharedStore) else None
        self._snapshots: dict[str, Snapshot] = {}
        self._lock = RLock()

    def keep(self, name: str, space: Space, document: dict[str, Json]) -> Snapshot:
        """Keeps the document under that name, in the place of an older one; raises SnapshotLimit at the bound."""
        encoded = dumps_long(document)
        snapshot = Snapshot(name, space.name, space.now(), len(encoded), encoded)
        with self._lock:
            others = [kept for kept in self.all() if kept.name != name]
            most, most_bytes = self._limits.snapshots, self._limits.snapshot_bytes
            if len(others) >= most:
                raise SnapshotLimit(f"{most} snapshots are kept; delete some")
            if sum(kept.size for kept in others) + snapshot.size > most_bytes:
                raise SnapshotLimit(f"snapshots take {most_bytes >> 20} MiB at most; delete some")
            if self._backend is None:
                self._snapshots[name] = snapshot
            else:
                head = dumps([snapshot.space, snapshot.taken.isoformat()])
                self._backend.keep_snapshot(name, head + b"\n" + encoded)
        return snapshot

    def all(self) -> list[Snapshot]:
        """Every snapshot; those of a shared store without what they hold."""
        if self._backend is None:
            return list(self._snapshots.values())
        return [_restored(name, head, size - len(head) - 1) for name, head, size in self._backend.snapshots()]

    def get(self, name: str) -> Snapshot | None:
        if self._backend is None:
            return self._snapshots.get(name)
        kept = self._backend.snapshot(name)
        if kept is None:
            return None
        head, _, encoded = kept.partition(b"\n")
        return _restored(name, head, len(encoded), encoded)

    def delete(self, name: str) -> bool:
        if self.get(name) is None:
            return False
        if self._backend is None:
            return self._snapshots.pop(name, None) is not None
        self._backend.keep_snapshot(name, None)
        return True


def _restored(name: str, head: bytes, size: int, encoded: bytes = b"") -> Snapshot:
    space, taken = own(head)
    return Snapshot(name, space, datetime.fromisoformat(taken), size, encoded)
