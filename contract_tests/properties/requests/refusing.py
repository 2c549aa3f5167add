"""What a refused request leaves behind: nothing, however much of it was right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from contract_tests.judging.lawful import violations_of
from contract_tests.judging.readings import addressed_key, other_values
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import choices, with_body
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, pointed, refusals, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, Operation, Spec

_WRONG = {"string": {"not": "a text"}, "boolean": "perhaps", "array": "none", "object": 7}
_PLACEHOLDERS = (None, "")


class Wrong(NamedTuple):
    """A body with one wrong value, and what is wrong; `evidence` tells how we know that it must be refused."""

    what: str
    body: Json
    evidence: Evidence | None = None


def writes_several(spec: Spec, operation: Operation) -> bool:
    """Whether the operation writes a record from a body in which something may be wrong."""
    contract = operation.contract
    return contract.get("effect") in ("create", "update") and "key" in contract and bool(contract.get("fields"))


def refused_as_a_whole(recorder: Recorder) -> None:
    """Makes one value wrong at a time beside valid new ones, and compares the records before and after."""
    operation, world = recorder.operation, recorder.world.fresh()
    if not recorder.draws:
        raise NotCovered("--draws 0 asks for documented requests only")
    values = choices(world, operation)
    base = {**_documented(world, operation), **{name: known[-1] for name, known in values.items()}}
    others = {**base, **{name: known[0] for name, known in values.items()}}
    before, done = _shown(world, operation), 0
    for wrong in [*_unknown_references(world, operation, base), *_wrong_types(operation, base)]:
        request = with_body(world, operation, wrong.body)
        done += 1
        sent, reply = world.send(operation, request)
        if reply.status < 300:
            if wrong.evidence is not None:
                accepted = Difference("status", "a refusal", reply.status, f"{wrong.what} was accepted")
                recorder.add(wrong.what, wrong.evidence, [accepted], sent.wire)
            if operation.contract["effect"] == "update":
                # Of what is there already nobody could see that a later refusal kept it.
                world.send(operation, with_body(world, operation, others))
            before = _shown(world, operation)
            continue
        after = _shown(world, operation)
        recorder.add(wrong.what, operation.evidence, _kept_some(before, after, wrong.what), sent.wire)
        before = after
    if not done:
        raise NotCovered("nothing that it writes could be wrong")
    recorder.finish()


def _documented(world: World, operation: Operation) -> dict[str, Json]:
    """The first documented body of an update; of a create the last, as the first may be of a record that is there."""
    alone = [one for one in successes(world, operation) if not one.after]
    wanted = alone[-1:] if operation.contract["effect"] == "create" else []
    body = (world.named(operation, wanted[0].name) if wanted else world.plain_request(operation)).body
    return dict(body) if isinstance(body, dict) else {}


# --- what is wrong ---------------------------------------------------------------------------------------


def _unknown_references(world: World, operation: Operation, base: dict[str, Json]) -> Iterator[Wrong]:
    """The body with one reference at a time that names no record, at whatever depth it stands."""
    base = {name: _doubled(world.spec, operation, name, value) for name, value in base.items()}
    for path, variable in _references(world.spec, operation.body_schema, base):
        found = _documented_stranger(world, operation, variable)
        unknown, evidence = found or (_mutated(world.spec.variables[variable].default), None)
        yield Wrong(f"an unknown {'.'.join(map(str, path))}", _replaced(base, path, unknown), evidence)


def _references(spec: Spec, schema: Any, value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """The places of a value where the schema says that a record is named, and the variable for it."""
    if not isinstance(schema, Mapping):
        return
    variable = schema.get("x-variable")
    if variable is not None and path and value not in _PLACEHOLDERS and _names_a_record(spec, variable):
        yield path, variable
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _references(spec, (schema.get("properties") or {}).get(name), child, (*path, name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _references(spec, schema.get("items"), child, (*path, index))


def _doubled(spec: Spec, operation: Operation, name: str, value: Json) -> Json:
    """A list with one element that refers to a record, with a second one like it: the last must be looked at too."""
    schema = ((operation.body_schema or {}).get("properties") or {}).get(name)
    one = isinstance(value, list) and len(value) == 1
    return [*value, *value] if one and any(True for _ in _references(spec, schema, value, (name,))) else value


def _names_a_record(spec: Spec, variable: str) -> bool:
    """Whether the variable is a record that a list shows; what is for sale has its own refusals."""
    found = spec.variables[variable].found_operation
    return found is not None and spec.operations[found].contract.get("effect") == "list"


def _documented_stranger(world: World, operation: Operation, variable: str) -> tuple[Json, Evidence] | None:
    """A value that a documented request is refused for at such a place, and how we know that."""
    spec = world.spec
    known = [spec.variables[variable].default, *spec.variables[variable].others]
    for request in refusals(world, operation):
        for path, name in _references(spec, operation.body_schema, request.body):
            value = pointed(request.body, "/" + "/".join(map(str, path)))
            made_up = isinstance(value, str) and value.startswith("$")
            if name == variable and value not in known and not made_up and not violations_of(world, operation, request):
                answer = spec.answer(operation, request.answer)
                return value, weakest(answer.evidence, request.evidence)
    return None


def _mutated(value: Json) -> Json:
    """A value of the same form that stands for nothing."""
    if isinstance(value, int):
        return 987654321
    text = str(value)
    return text[:-4] + ("0000" if text[-4:] != "0000" else "1111")


def _wrong_types(operation: Operation, base: dict[str, Json]) -> Iterator[Wrong]:
    """The body with one field at a time of another type than the page says."""
    properties: Mapping[str, Any] = (operation.body_schema or {}).get("properties") or {}
    for name, schema in properties.items():
        kinds = schema.get("type") or ()
        kind = kinds if isinstance(kinds, str) else next((one for one in kinds if one != "null"), None)
        if kind is not None:
            yield Wrong(f"{name} of another type", {**base, name: _WRONG.get(kind, "many")})


def _replaced(value: Json, path: tuple[str | int, ...], new: Json) -> Json:
    if not path:
        return new
    if isinstance(value, list):
        return [_replaced(child, path[1:], new) if index == path[0] else child for index, child in enumerate(value)]
    return {name: _replaced(child, path[1:], new) if name == path[0] else child for name, child in value.items()}


# --- what is left ----------------------------------------------------------------------------------------


def _shown(world: World, operation: Operation) -> dict[str, Json]:
    """The record of an update, or how many records of the kind there are for a create, by what shows them."""
    key = addressed_key(operation, world.plain_request(operation))
    kind = operation.contract["record"]
    shown: dict[str, Json] = {}
    if key is not ABSENT:
        for seen in reading.read(world, kind, key, {}):
            record = "absent" if seen.record is ABSENT else lasting(seen.record_schema, seen.record)
            shown[seen.operation.id] = [record, len(seen.others)]
        return shown
    for reader in world.readers(kind):
        if reader.contract["effect"] == "list":
            shown[reader.id] = len(reading.rows_of(world, reader, {})[0])
    return shown


def _kept_some(before: dict[str, Json], after: dict[str, Json], what: str) -> Iterable[Difference]:
    for name, shown in before.items():
        if after.get(name) != shown:
            kept = other_values(shown, after.get(name))
            message = f"refused for {what}, and yet something of it was kept: {name} shows {kept}"
            # Where the record itself is as it was, the others have become more or fewer.
            mine = isinstance(shown, list) and shown[:1] != (after.get(name) or [])[:1]
            yield Difference("", shown, after.get(name), message, beside=not mine)
