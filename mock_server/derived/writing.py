"""Create, update, delete and transition, as the contracts say: each is one closure, compiled at the start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from mock_server.derived.addressing import finder, names_of, owners, refusal
from mock_server.derived.answering import saying
from mock_server.derived.fields import Fields
from mock_server.derived.making import Making
from mock_server.derived.refusing import conflicts, references, refusals
from mock_server.derived.scene import Record
from mock_server.messages import Answer, Call
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import Operation, RecordSpec, Spec
from mock_server.stores.naming import Naming
from mock_server.stores.state import State

Behaviour = Callable[[Call, State], Answer]


def creating(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Makes a record of what was sent, or changes the one that is there where the contract says by what it is known."""
    shape, contract = making.shape, operation.contract
    kind, upsert = shape.kind, contract.get("upsert")
    refused, fields, say = refusals(operation), Fields(operation, making), saying(operation, shape)
    belongs = owners(spec, operation)
    check_links = references(spec, operation, shape)
    check_names = conflicts(operation, shape, is_new=upsert is None)
    settles, with_it = fields.settles, _made_with_it(spec, operation)
    key, issues = shape.key, making.issues and shape.key not in (contract.get("sets") or ())

    def create(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        owned = belongs(call, state) if belongs is not None else None
        given = fields.given(call)
        if owned:
            given.update(owned)
        there = state.find(kind, str(given[upsert])) if upsert is not None and upsert in given else None
        if there is not None:
            record = there
            written: Collection[str] = fields.write(record, call, state)
        else:
            record = making.made(given, call, state, fields.deep)
            written = given
        if check_links is not None:
            check_links(record, written, call, state)
        if settles:
            fields.settle(record, call, state)
        if check_names is not None:
            check_names(record, call, state)
        if issues and there is None and key not in given:
            state.add(kind, record)
        else:
            state.put(kind, record)
        for make in with_it:
            make(record, call, state)
        return say(call, state, record)

    return create


def _made_with_it(spec: Spec, operation: Operation) -> list[Callable[[Record, Call, State], None]]:
    """What makes, of an object in the body, or each of a list, a record of another kind that belongs to this one."""
    return [_beside(spec, operation, name, node) for name, node in (operation.contract.get("makes") or {}).items()]


def _beside(
    spec: Spec, operation: Operation, name: str, node: Mapping[str, str]
) -> Callable[[Record, Call, State], None]:
    making, own_key = Making(spec.records[node["record"]]), spec.records[operation.contract["record"]].key
    kind, key, known = making.shape.kind, making.shape.key, frozenset(properties(making.shape.schema))

    def make(record: Record, call: Call, state: State) -> None:
        given = call.body.get(name)
        named = {node["field"]: record[own_key]}
        if "key" in node:
            named[key] = record[node["key"]]
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, dict):
                own = {field: value for field, value in one.items() if field in known}
                state.put(kind, making.made({**own, **named}, call, state))

    return make


def updating(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Changes what was sent and keeps the rest; a full update puts everything else back to what a new record holds."""
    shape, contract = making.shape, operation.contract
    kind = shape.kind
    refused, fields, say = refusals(operation), Fields(operation, making, lasting=shape.key), saying(operation, shape)
    write = fields.write
    find = finder(spec, operation, shape)
    check_links, check_names = references(spec, operation, shape), conflicts(operation, shape)
    settles, with_it = fields.settles, _made_with_it(spec, operation)
    full = _fallen_back(operation, making) if not contract.get("partial") else None
    renames = fields.renames or full is not None

    def update(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        record = find(call, state)
        if full is not None:
            full(record, call, state)
        written = write(record, call, state)
        if check_links is not None:
            check_links(record, written, call, state)
        if settles:
            fields.settle(record, call, state)
        if check_names is not None:
            check_names(record, call, state)
        state.put(kind, record, renamed=renames)
        for make in with_it:
            make(record, call, state)
        return say(call, state, record)

    return update


def _fallen_back(operation: Operation, making: Making) -> Callable[[Record, Call, State], None]:
    """Takes out of a record what a full update does not send, unless it can never change."""
    contract = operation.contract
    lasting = {making.shape.key, *(contract.get("immutable") or ())}
    inside = [name for one in (contract.get("inside") or {}).values() for name in one.values()]
    every = [*(contract.get("fields") or {}).values(), *inside]
    names = [name for name in every if name not in lasting and name[:1] != "/"]

    def fall_back(record: Record, call: Call, state: State) -> None:
        fresh = making.made({making.shape.key: record[making.shape.key]}, call, state)
        for name in names:
            record.pop(name, None)
            if name in fresh:
                record[name] = fresh[name]

    return fall_back


def moving(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Moves a record from one value of its status to another; from any other value it is refused."""
    shape, step = making.shape, operation.contract["transition"]
    field, sources, target, wrong = step["field"], step["from"], step["to"], step["wrong"]
    refused, fields, say = refusals(operation), Fields(operation, making), saying(operation, shape)
    find = finder(spec, operation, shape)

    def move(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        record = find(call, state)
        if record.get(field) not in sources:
            raise refusal(operation, "transition", wrong, call, **{field: record.get(field)})
        fields.write(record, call, state)
        record[field] = target
        fields.settle(record, call, state)
        state.put(shape.kind, record)
        return say(call, state, record)

    return move


def deleting(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Removes a record, and does with those that refer to it what their references say."""
    shape = making.shape
    refused, say, find = refusals(operation), saying(operation, shape), finder(spec, operation, shape)
    unlink = _unlinking(spec, operation, shape)

    def delete(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        record = find(call, state)
        if unlink is not None:
            unlink(record, call, state)
        state.delete(shape.kind, str(record[shape.key]))
        return say(call, state, record)

    return delete


def _unlinking(spec: Spec, operation: Operation, shape: RecordSpec) -> Callable[[Record, Call, State], None] | None:
    if not _referring(spec, shape.kind):
        return None
    in_use = operation.contract.get("in-use")

    def unlink(record: Record, call: Call, state: State) -> None:
        for reference in _others(spec, shape, record, state):
            if in_use is not None and reference.says("refuse"):
                raise refusal(operation, "in-use", in_use, call)
            _let_go(spec, reference, state)

    return unlink


class _Reference(NamedTuple):
    """A record that refers to one that goes, the fields by which it does, and the names of the other."""

    kind: str
    record: Record
    links: list[tuple[Naming, str]]
    names: set[str]

    def says(self, deleted: str) -> bool:
        """Whether one of the fields says that this is to become of the record."""
        return any(what == deleted for _, what in self.links)


def _others(spec: Spec, shape: RecordSpec, record: Record, state: State) -> Iterator[_Reference]:
    """The records that refer to this one."""
    names = names_of(shape, record)
    for kind, links in _referring(spec, shape.kind).items():
        for row in state.naming(kind, [naming for naming, _ in links], names):
            mine = [link for link in links if not names.isdisjoint(link[0].of(row.document))]
            yield _Reference(kind, row.document, mine, names)


def _referring(spec: Spec, target: str) -> dict[str, list[tuple[Naming, str]]]:
    """The kinds that refer to a kind: their fields, and what is to become of a record when its target goes."""
    found = {
        kind: [(Naming(name, link.each), link.deleted) for name, link in shape.links.items() if link.record == target]
        for kind, shape in spec.records.items()
    }
    return {kind: fields for kind, fields in found.items() if fields}


def _let_go(spec: Spec, reference: _Reference, state: State) -> None:
    """Removes a record whose target goes, with all that is to be removed with it, or takes its references back."""
    kind, record, links, names = reference
    shape = spec.records[kind]
    if reference.says("remove"):
        state.delete(kind, str(record[shape.key]))
        for other in _others(spec, shape, record, state):
            _let_go(spec, other, state)
        return
    for naming, _ in links:
        _forget(record, naming, names, shape)
    state.put(kind, record)


def _forget(record: Record, naming: Naming, names: set[str], shape: RecordSpec) -> None:
    """Takes a reference back: out of a list, to what a new record holds there, or away."""
    name = naming.field
    if isinstance(record[name], list):
        record[name] = [one for one in record[name] if names.isdisjoint(naming.of({name: [one]}))]
    elif name in shape.new:
        record[name] = shape.new[name] if not isinstance(shape.new[name], dict) else None
    else:
        del record[name]
