"""The records of a space, one by one: looked at, put and removed by hand, and never against the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.desk.rewind import BadState
from mock_server.messages import Json
from mock_server.spaces import Space, Spaces
from mock_server.spec import RecordSpec, SchemaCheck, Spec
from mock_server.stores import State
from mock_server.stores.naming import Naming
from mock_server.text.jsontext import dumps


def kinds(spaces: Spaces, specs: Mapping[str, Spec], space: Space) -> list[dict[str, Json]]:
    """`[{"provider", "kind", "key", "aliases", "references", "fields", "count"}]` of all vendors."""
    found: list[dict[str, Json]] = []
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        for name, spec in specs.items():
            state = State(transaction, name, spec.records)
            found += [{**_shape(name, shape), "count": state.count(kind)} for kind, shape in spec.records.items()]
    return found


def _shape(provider: str, shape: RecordSpec) -> dict[str, Json]:
    return {
        "provider": provider,
        "kind": shape.kind,
        "key": shape.key,
        "aliases": list(shape.aliases),
        "references": dict(shape.references),
        "fields": list(shape.schema.get("properties") or {}),
    }


def rows(
    spaces: Spaces, spec: Spec, space: Space, kind: str, *, after: int, limit: int, text: str = ""
) -> tuple[list[Json], int | None]:
    """The records of a kind in which the text stands, in the order of their creation, and where the next ones begin."""
    found: list[Json] = []
    wanted, cursor = text.casefold(), None
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        for sequence, record in State(transaction, spec.provider, spec.records).rows(kind, after):
            if wanted and wanted not in dumps(record).decode().casefold():
                continue
            if len(found) == limit:
                return found, cursor
            found.append(record)
            cursor = sequence
    return found, None


def find(spaces: Spaces, spec: Spec, space: Space, kind: str, id: str) -> dict[str, Json] | None:
    """The record of that key or alias, or None."""
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        return State(transaction, spec.provider, spec.records).find(kind, id)


def put(spaces: Spaces, spec: Spec, space: Space, kind: str, key: str, record: dict[str, Json]) -> bool:
    """Puts a record in the place of the one of that key; False where there was none. BadState says what is wrong."""
    shape = spec.records[kind]
    reasons = [str(wrong) for wrong in SchemaCheck(shape.schema).differences(record)]
    if str(record.get(shape.key)) != key:
        reasons.append(f"{shape.key}: {key!r} is needed, which names the record, found {record.get(shape.key)!r}")
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        state = State(transaction, spec.provider, spec.records)
        reasons += _taken_names(state, shape, key, record)
        reasons += _dangling(state, shape, record)
        if reasons:
            raise BadState(reasons)
        known = state.get(kind, key) is not None
        state.put(kind, record)
    space.touched = True
    return known


def remove(spaces: Spaces, spec: Spec, space: Space, kind: str, key: str) -> bool:
    """Removes a record; False where there is none, BadState while others refer to it."""
    with spaces.locked(space) as space, spaces.store.transaction(space.name) as transaction:
        state = State(transaction, spec.provider, spec.records)
        record = state.get(kind, key)
        if record is None:
            return False
        shape = spec.records[kind]
        names = {str(record[name]) for name in (shape.key, *shape.aliases) if record.get(name) is not None}
        referring = list(_referring(state, spec, kind, names, key))
        if referring:
            raise BadState([f"{one} refers to it" for one in referring[:20]])
        state.delete(kind, key)
    space.touched = True
    return True


def _taken_names(state: State, shape: RecordSpec, key: str, record: Mapping[str, Json]) -> Iterator[str]:
    """Which of the record's names another one has."""
    for name in (shape.key, *shape.aliases):
        value = record.get(name)
        other = None if value is None else state.find(shape.kind, str(value))
        if other is not None and str(other[shape.key]) != key:
            yield f"{name}: {shape.kind} {other[shape.key]!r} has the id {value!r} already"


def _dangling(state: State, shape: RecordSpec, record: Mapping[str, Json]) -> Iterator[str]:
    for field, target in shape.references.items():
        value: Any = record.get(field)
        if isinstance(value, str) and value and state.find(target, value) is None:
            yield f"{field}: there is no {target} {value!r}"


def _referring(state: State, spec: Spec, kind: str, names: set[str], key: str) -> Iterator[str]:
    for other, shape in spec.records.items():
        fields = [field for field, target in shape.references.items() if target == kind]
        found = state.naming(other, [Naming(field) for field in fields], names, look=True) if fields else ()
        for _, record in found:
            if other == kind and str(record[shape.key]) == key:
                continue
            yield from (
                f"{other} {record[shape.key]!r} by {field}"
                for field in fields
                if isinstance(record.get(field), str) and record[field] in names
            )
