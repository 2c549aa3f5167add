"""Reads records back through every documented operation that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from contract_tests.transport import Reply
from contract_tests.world import ABSENT, Sent, World, pointed
from mock_server.messages import Json
from mock_server.spec import Operation, WireRequest

MAX_PAGES = 50


class Reading(NamedTuple):
    """What one operation shows of a record (ABSENT when it does not), and of the others of its kind."""

    operation: Operation
    record: Json
    others: tuple[Json, ...]
    wire: WireRequest


def key_of(operation: Operation, sent: Sent, reply: Reply) -> Json:
    """The key of the record that a call addressed or made, as the contract says where it stands."""
    key = operation.contract.get("key") or {}
    if key.get("in") == "path":
        return sent.path.get(key["name"], ABSENT)
    if key.get("in") == "body":
        return sent.value(key["name"])
    if key.get("in") == "answer":
        record = pointed(reply.json, operation.contract.get("at") or "")
        return record.get(key["name"], ABSENT) if isinstance(record, dict) else ABSENT
    return ABSENT


def sent_fields(operation: Operation, sent: Sent) -> dict[str, Json]:
    """What a call wrote, by the name under which it reads back: only what it sent, cleared values as sent."""
    body = sent.body if isinstance(sent.body, dict) else {}
    fields: Mapping[str, str] = operation.contract.get("fields") or {}
    return {target: body[source] for source, target in fields.items() if source in body}


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


def read(world: World, kind: str, key: Json, known: Mapping[str, Json]) -> Iterator[Reading]:
    """The record of that key as every reading operation shows it; `known` are fields that lists filter by."""
    shape = world.spec.records[kind]
    names = (shape.key, *shape.aliases)
    for operation in world.readers(kind):
        if operation.contract["effect"] == "read":
            yield _single(world, operation, key)
        else:
            rows, wire = _rows(world, operation, known)
            mine = [row for row in rows if isinstance(row, dict) and key in [row.get(name) for name in names]]
            others = tuple(row for row in rows if row not in mine)
            yield Reading(operation, mine[0] if mine else ABSENT, others, wire)


def _single(world: World, operation: Operation, key: Json) -> Reading:
    request = world.plain_request(operation)
    name = operation.contract["key"]["name"]
    request = request.with_values({**request.path, name: key}, request.query, request.body)
    sent, reply = world.send(operation, request)
    record = pointed(reply.json, operation.contract.get("at") or "") if reply.status < 300 else ABSENT
    return Reading(operation, record, (), sent.wire)


def _rows(world: World, operation: Operation, known: Mapping[str, Json]) -> tuple[list[Json], WireRequest]:
    contract = operation.contract
    request = world.plain_request(operation)
    query = dict(request.query)
    path = dict(request.path)
    for parameter, name in (contract.get("filters") or {}).items():
        if known.get(name) is not None:
            (path if parameter in path else query)[parameter] = known[name]
    page = contract.get("page") or {}
    rows: list[Json] = []
    wire = None
    for _ in range(MAX_PAGES):
        sent, reply = world.send(operation, request.with_values(path, query, request.body))
        wire = wire or sent.wire
        found = pointed(reply.json, contract.get("at") or "")
        rows += found if isinstance(found, list) else []
        following = pointed(reply.json, page["next"]) if page else None
        if following in (None, "", ABSENT):
            break
        query[page["parameter"]] = following
    assert wire is not None
    return rows, wire
