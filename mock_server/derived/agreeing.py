"""Whether contracts agree with the schemas beside them: what they would make outside of these is told at the start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from mock_server.derived.answering import first_success, shape_at
from mock_server.derived.scene import ABSENT, Make, Scene
from mock_server.derived.sources import source
from mock_server.spec.reading.errors import SpecError, shortened
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.checking import SchemaCheck
from mock_server.spec.terms.model import Operation, RecordSpec, Spec

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class Contradiction(NamedTuple):
    """Where a spec contradicts itself, and how."""

    place: str
    why: str


def check_agreement(spec: Spec, besides: Collection[str] = ()) -> None:
    """Raises SpecError at the first contradiction; what functions (`besides`) and the telephone do is theirs."""
    for place, why in contradictions(spec, besides):
        raise SpecError(spec.file, place, why)


def contradictions(spec: Spec, besides: Collection[str] = ()) -> Iterator[Contradiction]:
    """What a spec's records and contracts would make that its own schemas do not allow."""
    for kind in spec.records.values():
        yield from _of_record(kind)
    for operation in spec.operations.values():
        contract = operation.contract
        shape = spec.records.get(str(contract.get("record")))
        if shape is None or operation.id in besides or operation.id in spec.ringing:
            continue
        place = _place(spec, operation)
        if contract.get("effect") == "transition":
            yield from _of_transition(operation, shape, place)
        if contract.get("effect") == "create":
            yield from _of_create(operation, shape, place)
        elif contract.get("effect") in ("read", "update", "delete", "transition") and contract.get("at") == "":
            yield from _of_shown(operation, shape, place)


def _place(spec: Spec, operation: Operation) -> str:
    path = operation.path.removeprefix(spec.base_path).replace("~", "~0").replace("/", "~1")
    return f"/paths/{path}/{operation.method.lower()}/x-contract"


def _of_record(shape: RecordSpec) -> Iterator[Contradiction]:
    """Values of a new record that its fields may not have."""
    known = _named(shape.schema)
    made = {name: list(_made(node, shape)) for name, node in shape.new.items() if name in known}
    if not any(made.values()):
        return
    # Compiled once for all of them, as every start waits for it.
    check = SchemaCheck({"properties": {name: known[name] for name, values in made.items() if values}})
    for name, values in made.items():
        for value in values:
            wrong = [] if check.is_valid({name: value}) else check.differences({name: value})
            if wrong:
                yield Contradiction(
                    f"/x-records/{shape.kind}/new/{name}", f"makes {shortened(repr(value))}: {wrong[0].message}"
                )
                break


def _named(schema: Any) -> Mapping[str, Any]:
    """The fields of a record of one form; where there are several, none is said for all."""
    if not isinstance(schema, Mapping) or {"oneOf", "anyOf"} & set(schema):
        return {}
    found: dict[str, Any] = {}
    for part in schema.get("allOf") or ():
        found.update(_named(part))
    found.update(schema.get("properties") or {})
    return found


def _made(node: Any, shape: RecordSpec) -> Iterator[Any]:
    """What a source makes that depends on no call and no other record; of a choice, each of its values."""
    if isinstance(node, Mapping) and "if" in node:
        yield from _made(node["then"], shape)
        if "else" in node:
            yield from _made(node["else"], shape)
        return
    if isinstance(node, Mapping) and not ("value" in node or _is_issued(node)):
        return
    make: Make = source(node, shape)
    value = make(Scene(None, None, {}, _WHEN, Random(1)))
    if value is not ABSENT and value is not None:
        yield value


def _is_issued(node: Mapping[str, Any]) -> bool:
    return "issued" in node and "given" not in node and node["issued"] not in ("number", "counter")


def _of_transition(operation: Operation, shape: RecordSpec, place: str) -> Iterator[Contradiction]:
    step = operation.contract["transition"]
    schema = _named(shape.schema).get(step["field"])
    if schema is None:
        return
    check = SchemaCheck(schema)
    for word, value in [("to", step["to"]), *(("from", value) for value in step["from"])]:
        if value is not None and not check.is_valid(value):
            why = f"{shortened(repr(value))} is nothing that {step['field']} of {shape.kind} may be"
            yield Contradiction(f"{place}/transition/{word}", why)


def _of_create(operation: Operation, shape: RecordSpec, place: str) -> Iterator[Contradiction]:
    """A new record without its key, or without a field that the answer must show."""
    contract = operation.contract
    given = _given(operation)
    always = {*shape.new, *shape.computed, *given, *(contract.get("sets") or {})}
    for parent in (contract.get("within") or {}).values():
        always |= {parent["field"], *(parent.get("copies") or {})}
    if shape.key not in always:
        why = f"nothing gives a new record its {shape.key}: no required field of the body, and no `new` of x-records"
        yield Contradiction(place, why)
    if "at" not in contract:
        return
    success = first_success(operation)
    schema = shape_at(operation, success.status, contract["at"])
    # What every answer of that name carries stands beside the record where the whole answer is the record.
    always |= set() if contract["at"] else set(success.constants)
    shown = {name.strip("/").rpartition("/")[2] for name in contract.get("shows") or ()} | set(
        contract.get("echo") or ()
    )
    for name in _required(schema):
        if name not in always | shown:
            why = (
                f"the answer has to show {name}, and nothing gives it to a new record: no required field of the body, "
            )
            yield Contradiction(place, f"{why}no `new` of x-records, no `sets` and no `shows`")


def _of_shown(operation: Operation, shape: RecordSpec, place: str) -> Iterator[Contradiction]:
    """An answer that is to be the record, and has to show what none of these has."""
    contract = operation.contract
    known = {*properties(shape.schema), *shape.new, *shape.computed, shape.key}
    success = first_success(operation)
    known |= {*(contract.get("shows") or ()), *(contract.get("echo") or ()), *success.constants}
    for name in _required(shape_at(operation, success.status, "")):
        if properties(shape.schema) and name not in known:
            yield Contradiction(
                f"{place}/at", f"the whole answer has to show {name}, which is no field of {shape.kind}"
            )


def _given(operation: Operation) -> set[str]:
    """The fields of a record that every body gives, or its schema's defaults."""
    contract = operation.contract
    whole = operation.body_schema or {}
    known, needed = properties(whole), {*_required(whole), *(contract.get("requires") or ())}
    found: set[str] = set()
    for word in ("fields", "keeps"):
        for name, targets in (contract.get(word) or {}).items():
            one = known.get(name)
            if name in needed or (word == "fields" and isinstance(one, Mapping) and "default" in one):
                found |= {_top(target) for target in ([targets] if isinstance(targets, str) else targets)}
    for names in (contract.get("inside") or {}).values():
        found |= {_top(target) for target in names.values()}
    return found


def _top(target: str) -> str:
    return target.strip("/").partition("/")[0]


def _required(schema: Any) -> set[str]:
    """What a schema requires in every case."""
    if not isinstance(schema, Mapping):
        return set()
    found = set(schema.get("required") or ())
    for part in schema.get("allOf") or ():
        found |= _required(part)
    for word in ("oneOf", "anyOf"):
        parts = [_required(part) for part in schema.get(word) or ()]
        if parts:
            found |= set.intersection(*parts)
    return found
