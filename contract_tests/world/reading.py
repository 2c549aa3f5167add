"""Reads records back through every documented operation that shows them, the answer of a write among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from contract_tests.endpoint.transport import Reply
from contract_tests.words.findings import NotCovered
from contract_tests.words.listed import addressed_in, record_in
from contract_tests.words.schemas import declared, grade_of, sent_only
from contract_tests.words.statements import weakest
from contract_tests.world.turning import turn
from contract_tests.world.world import ABSENT, Sent, World, pointed
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, WireRequest
from mock_server.spec.saying.contracts import inside_of, properties


class Reading(NamedTuple):
    """What one operation shows of a record (ABSENT when it does not), and of the others of its kind."""

    operation: Operation
    record: Json
    others: tuple[Json, ...]
    wire: WireRequest
    status: int = 200
    same: int = 1
    """So many records of a list go by the key or another name; the one whose key it is comes first."""

    @property
    def evidence(self) -> Evidence:
        """How we know that the operation shows the record in this answer."""
        response = self.operation.response(self.status)
        return weakest(self.operation.evidence, response.evidence) if response else self.operation.evidence

    def grade(self, name: str) -> str | None:
        """The grade of a field in this answer, where the spec gives it one of its own."""
        return grade_of(self._schema(), self._dotted(name))

    def declares(self, name: str) -> bool:
        """Whether the spec names this field in this answer."""
        return declared(self._schema(), self._dotted(name))

    @property
    def record_schema(self) -> Any:
        """The schema of the record in this answer."""
        node: Any = self._schema()
        for part in self._dotted("").split("."):
            if part and isinstance(node, Mapping):
                node = node.get("items") if part.isdigit() else (node.get("properties") or {}).get(part)
        return node

    def _schema(self) -> Mapping[str, Any] | None:
        response = self.operation.response(self.status)
        return response.schema if response else None

    def _dotted(self, name: str) -> str:
        parts = (self.operation.contract.get("at") or "").strip("/").split("/")
        parts += ["0"] if self.operation.contract["effect"] == "list" else []
        return ".".join(part for part in [*parts, *name.strip("/").split("/")] if part)


def answered(operation: Operation, sent: Sent, reply: Reply) -> Reading | None:
    """What the answer of a write itself shows of its record, where the contract says `at` which place."""
    contract = operation.contract
    if contract["effect"] not in ("create", "update") or "at" not in contract or reply.status >= 300:
        return None
    key = contract.get("key") or {}
    made = key.get("in") == "answer"
    if made:
        record = record_in(operation, reply.json, key["name"])
    else:
        record = addressed_in(operation, reply.json, key_of(operation, sent, reply))
    return Reading(operation, record, (), sent.wire, reply.status)


def key_of(operation: Operation, sent: Sent, reply: Reply) -> Json:
    """The key of the record that a call addressed or made, as the contract says where it stands."""
    key = operation.contract.get("key") or {}
    if key.get("in") == "path":
        return sent.path.get(key["name"], ABSENT)
    if key.get("in") == "body":
        return sent.value(key["name"])
    if key.get("in") == "answer":
        record = record_in(operation, reply.json, key["name"])
        return record.get(key["name"], ABSENT) if isinstance(record, dict) else ABSENT
    return ABSENT


def sent_fields(operation: Operation, sent: Sent) -> dict[str, Json]:
    """What a call wrote, by the name under which it reads back: only what it sent, cleared values as sent.

    What is only ever sent (`writeOnly`) is left out.
    """
    body = sent.body if isinstance(sent.body, dict) else {}
    fields: Mapping[str, str] = operation.contract.get("fields") or {}
    schemas = (operation.body_schema or {}).get("properties") or {}
    found = {
        target: _shown(schemas.get(source), body[source])
        for source, target in fields.items()
        if source in body and not sent_only(schemas.get(source))
    }
    for outer, names in (operation.contract.get("inside") or {}).items():
        inner, known = pointed(body, outer if outer[:1] == "/" else f"/{outer}"), operation.body_schema
        for step in inside_of(outer):
            known = properties(known).get(step)
        known = properties(known)
        if isinstance(inner, dict):
            found |= {
                target: _shown(known.get(name), inner[name])
                for name, target in names.items()
                if name in inner and not sent_only(known.get(name))
            }
    return found


def _shown(schema: Any, value: Json) -> Json:
    """What of a value an answer shows: no secrets, and of an object whose members a page names no others."""
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, list):
        return [_shown(schema.get("items"), child) for child in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties") or {}
    hidden = {name for name, one in known.items() if sent_only(one)}
    if known and not {"additionalProperties", "patternProperties"} & set(schema):
        hidden |= set(value) - set(known)
    return {name: _shown(known.get(name), child) for name, child in value.items() if name not in hidden}


def kept_fields(operation: Operation, sent: Sent) -> dict[str, Json]:
    """What a call wrote that no page says where to find, by the names under which our own records keep it."""
    body = sent.body if isinstance(sent.body, dict) else {}
    clearing = operation.contract.get("clears") or {}
    kept = {}
    for source, targets in (operation.contract.get("keeps") or {}).items():
        if source in body and body[source] not in clearing.get(source, ()):
            kept.update(dict.fromkeys([targets] if isinstance(targets, str) else targets, body[source]))
    return kept


def clears(operation: Operation) -> dict[str, list[Json]]:
    """The values that clear a field, by the name under which it reads back."""
    fields: Mapping[str, str] = operation.contract.get("fields") or {}
    return {
        fields[source]: values
        for source, values in (operation.contract.get("clears") or {}).items()
        if source in fields
    }


def field(record: Json, name: str) -> Json:
    """A record's field by name, or by JSON pointer where the name begins with a slash."""
    if name.startswith("/"):
        return pointed(record, name)
    return record.get(name, ABSENT) if isinstance(record, dict) else ABSENT


def read(
    world: World, kind: str, key: Json, known: Mapping[str, Json], *, turn: int | None = None
) -> Iterator[Reading]:
    """The record of that key as every reading operation shows it, or as the one does whose `turn` it is.

    `known` are fields that lists filter by, or that say to whom it belongs.
    """
    shape = world.spec.records[kind]
    names = (shape.key, *shape.aliases)
    readers = list(world.readers(kind))
    for operation in readers if turn is None or not readers else [readers[turn % len(readers)]]:
        try:
            if operation.contract["effect"] == "read":
                yield read_one(world, operation, key, known)
                continue
            rows, wire, status = rows_of(world, operation, known)
        except NotCovered:
            if not world.lacks(operation):
                raise
        else:
            mine = [row for row in rows if isinstance(row, dict) and key in [row.get(name) for name in names]]
            others = tuple(row for row in rows if row not in mine)
            if not mine and operation.id in world.motion.long:
                # It may stand where nobody has looked.
                continue
            mine.sort(key=lambda row: row.get(shape.key) != key)
            yield Reading(operation, mine[0] if mine else ABSENT, others, wire, status, len(mine))


def same_names(world: World, operation: Operation) -> Callable[[str, Json, Json], bool]:
    """Tells of a field whether two values name the same record; one that no answer has shown yet is looked at."""
    known = world.same(operation)

    def same(field: str, one: Json, other: Json) -> bool:
        kind = world.spec.records[operation.contract["record"]].references.get(field)
        if known(field, one, other) or world.own or kind not in world.spec.records:
            return known(field, one, other)
        with suppress(NotCovered):
            list(read(world, str(kind), one, {}))  # The world learns names from what it reads.
        return known(field, one, other)

    return same


def owners_of(operation: Operation, sent: Sent) -> dict[str, Json]:
    """To whom the record of a call belongs, by the fields that say so: whoever its path names."""
    within = (operation.contract.get("within") or {}).items()
    return {node["field"]: sent.path[parameter] for parameter, node in within if parameter in sent.path}


def _under(operation: Operation, path: Mapping[str, Json], known: Mapping[str, Json]) -> dict[str, Json]:
    """The path with those to whom the record is known to belong."""
    within = (operation.contract.get("within") or {}).items()
    owned = {name: known[node["field"]] for name, node in within if name in path and node["field"] in known}
    return {**path, **owned}


def read_one(world: World, operation: Operation, key: Json, known: Mapping[str, Json] | None = None) -> Reading:
    """The record of that key as a reading operation shows it; ABSENT when it answers with an error."""
    request = replace(world.plain_request(operation), name="reading", answer="")
    path = {**_under(operation, request.path, known or {}), operation.contract["key"]["name"]: key}
    request = request.with_values(path, request.query, request.body)
    sent, reply = world.send(operation, request)
    key_name = world.spec.records[operation.contract["record"]].key
    record = record_in(operation, reply.json, key_name) if reply.status < 300 else ABSENT
    return Reading(operation, record, (), sent.wire, reply.status if reply.status < 300 else 200)


def made_beside(world: World, operation: Operation, sent: Sent, reply: Reply) -> Iterator[tuple[str, Json, Reading]]:
    """Of each object in the body that becomes a record of its own: its name, what was sent, and how that reads."""
    body = sent.body if isinstance(sent.body, dict) else {}
    key = key_of(operation, sent, reply)
    for name, node in (operation.contract.get("makes") or {}).items():
        shown = answered(operation, sent, reply)
        named = field(shown.record, node["key"]) if shown is not None and "key" in node else ABSENT
        if not isinstance(body.get(name), dict) or named is ABSENT:
            continue
        for reader in world.readers(node["record"]):
            if reader.contract["effect"] == "read":
                yield name, body[name], read_one(world, reader, named, {node["field"]: key})


def plain_reading(world: World, operation: Operation) -> NamedRequest:
    """The operation's first documented success, without a claim to its documented answer."""
    return replace(world.plain_request(operation), name="reading", answer="")


def rows_of(
    world: World, operation: Operation, known: Mapping[str, Json], *, key: Json = ABSENT
) -> tuple[list[Json], WireRequest, int]:
    """Every row that a list shows, over all of its pages, with the first request and its status; `key` as in `send`."""
    contract = operation.contract
    request = plain_reading(world, operation)
    query = dict(request.query)
    path = _under(operation, request.path, known)
    for parameter, name in (contract.get("filters") or {}).items():
        if known.get(name) is not None:
            (path if parameter in path else query)[parameter] = known[name]
    turned = turn(world, operation, request.with_values(path, query, request.body), key=key)
    return turned.rows, turned.wire, turned.status


def documented_values(world: World, operation: Operation) -> dict[str, list[Json]]:
    """Values that documented requests send for the fields of an operation, by the name in its body.

    The operation's own come first, then those that other operations write into the same field of the same kind of
    record; values that clear a field are left out.
    """
    values: dict[str, list[Json]] = {}
    fields: Mapping[str, str] = operation.contract.get("fields") or {}
    kind = operation.contract["record"]
    others = [other for other in world.spec.operations.values() if other.contract.get("record") == kind]
    for other in sorted(others, key=lambda one: one is not operation):
        theirs = other.contract.get("fields") or {}
        for body in _success_bodies(world, other):
            for source, target in fields.items():
                for name, place in theirs.items():
                    if place == target and name in body and body[name] not in ("", None, [], {}):
                        known = values.setdefault(source, [])
                        known += [body[name]] if body[name] not in known else []
    for name in values if not world.own else ():
        variable = ((operation.body_schema or {}).get("properties") or {}).get(name, {}).get("x-variable")
        if variable is not None:
            # What the pages name is not there elsewhere; two records that are will do.
            values[name] = world.values(variable)[:2]
    return {name: known for name, known in values.items() if known}


def base_body(world: World, operation: Operation) -> dict[str, Json]:
    """The required fields of a body with documented values."""
    schema = operation.body_schema or {}
    # What is asked for unless something else is sent is asked for of a body with nothing else.
    required = [*(schema.get("required") or ()), *((schema.get("else") or {}).get("required") or ())]
    bodies = list(_success_bodies(world, operation))
    known = {name: [body[name] for body in bodies if name in body] for name in required}
    missing = [name for name in required if not known[name]]
    if missing:
        raise NotCovered(f"no value that works here is known for {', '.join(missing)}")
    return {name: values[0] for name, values in known.items()}


def _success_bodies(world: World, operation: Operation) -> Iterator[dict[str, Json]]:
    """The bodies of the documented requests that need nothing before them and succeed."""
    for name, request in operation.requests.items():
        if request.after or world.spec.answer(operation, request.answer).status >= 300:
            continue
        with suppress(NotCovered):
            body = world.named(operation, name).body
            if isinstance(body, dict):
                yield body
