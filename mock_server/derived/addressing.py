"""Which record a call means: by its key or any of its names, under its owners, and of the right sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mock_server.derived.scene import ABSENT, Record, asked, said
from mock_server.messages import Call, Json, Refusal
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import Operation, RecordSpec, Spec
from mock_server.stores.state import State

Find = Callable[[Call, State], Record]
Owners = Callable[[Call, State], dict[str, Json]]


class _Parent(NamedTuple):
    name: str
    record: str
    field: str
    key: str
    missing: str | None
    copies: Mapping[str, str]
    typed: Callable[[Json], Json] | None


def is_assumed(operation: Operation, key: str) -> bool:
    """Whether the contract says that nobody documents what it says under this key."""
    declared = operation.contract.get("evidence") or {}
    spoken = declared if "grade" in declared else declared.get(key) or {}
    return bool(spoken.get("grade") == "assumed")


def refusal(operation: Operation, key: str, answer: str, call: Call, /, **values: Json) -> Refusal:
    """The refusal that the contract names under this key."""
    return Refusal(answer, assumed=is_assumed(operation, key), values={**said(call), **values})


def owners(spec: Spec, operation: Operation) -> Owners | None:
    """What the records of a call belong to, by the field that says so; None where the contract names no owner.

    An owner that is not there is refused where the contract says how. The owner's own fields may be copied.
    """
    parents = [
        _Parent(
            name,
            node["record"],
            node["field"],
            spec.records[node["record"]].key,
            node.get("missing"),
            node.get("copies") or {},
            typed(spec.records[node["record"]], spec.records[node["record"]].key),
        )
        for name, node in (operation.contract.get("within") or {}).items()
    ]
    if not parents:
        return None

    def find(call: Call, state: State) -> dict[str, Json]:
        belongs: dict[str, Json] = {}
        for parent in parents:
            value = asked(call, parent.name)
            if value is ABSENT:
                continue
            if parent.missing is None:
                belongs[parent.field] = value if parent.typed is None else parent.typed(value)
                continue
            owner = state.get(parent.record, name_of(value))
            # An owner has to be under those that were named before it.
            if owner is None or any(owner.get(field, value) != value for field, value in belongs.items()):
                raise refusal(operation, "within", parent.missing, call, **{parent.name: name_of(value)})
            belongs[parent.field] = owner[parent.key]
            for field, source in parent.copies.items():
                belongs[field] = owner.get(source)
        return belongs

    return find


def typed(shape: RecordSpec, field: str) -> Callable[[Json], Json] | None:
    """The parameters of a path are text, whatever the field is that they are compared with."""
    said = (properties(shape.schema).get(field) or {}).get("type")
    if said in ("integer", ["integer", "null"]):
        return lambda value: int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
    return None


def owning_fields(operation: Operation) -> tuple[str, ...]:
    """The fields by which the records of an operation belong to others."""
    return tuple(node["field"] for node in (operation.contract.get("within") or {}).values())


def name_of(value: Json) -> str:
    """A key as text; JSON knows 1.0 as an integer too."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def finder(spec: Spec, operation: Operation, shape: RecordSpec) -> Find:
    """Finds the record that a call means; refused where there is none, or it is not what it must be."""
    contract = operation.contract
    key, missing = contract["key"], contract["missing"]
    kind, name, by_alias = shape.kind, key["name"], bool(key.get("aliases"))
    in_path = key["in"] == "path"
    belongs, fields = owners(spec, operation), owning_fields(operation)
    needs = [(field, node["is"], node["answer"]) for field, node in (contract.get("needs") or {}).items()]

    def find(call: Call, state: State) -> Record:
        own = belongs(call, state) if belongs is not None else None
        value = call.path[name] if in_path else name_of(asked(call, name))
        record: Record | None = state.find(kind, value) if by_alias else state.get(kind, value)
        if record is None or (own is not None and any(record.get(field) != own.get(field) for field in fields)):
            raise refusal(operation, "missing", missing, call)
        for field, wanted, answer in needs:
            if record.get(field) != wanted:
                raise refusal(operation, "needs", answer, call)
        return record

    return find


def names_of(shape: RecordSpec, record: Mapping[str, Any]) -> set[str]:
    """Every id of a record."""
    return {str(record[name]) for name in (shape.key, *shape.aliases) if record.get(name) is not None}
