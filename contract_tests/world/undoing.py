"""How what a run did at a server is undone: fields put back, records removed, each looked at afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contract_tests.endpoint.transport import MASK
from contract_tests.words.findings import show
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import CLEARED, lasting
from contract_tests.world import reading
from contract_tests.world.marks import Attempt, Made, Touched
from contract_tests.world.reading import Reading
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import Operation

KEPT = "no documented operation removes it"


def put_back(world: World, touched: Touched) -> list[str]:
    """Gives a record the values that it had; returns what it could not put back, as lines for a report."""
    where = f"{world.spec.provider} {touched.kind} {touched.key}"
    try:
        now = list(reading.read(world, touched.kind, touched.key, {}))
        if not _moved(touched.before, now):
            return []
        written: set[str] = set()
        for name, sent in touched.sent.items():
            operation = world.spec.operations[name]
            body = _old_values(world, operation, touched.before, sent - written)
            written |= sent & set(operation.contract.get("fields") or {})
            if body is not None and MASK not in json.dumps(body):
                request = replace(world.plain_request(operation), name="put back", answer="", after=())
                path = {**request.path, operation.contract["key"]["name"]: touched.key}
                world.send(operation, request.with_values(path, request.query, body))
        now = list(reading.read(world, touched.kind, touched.key, {}))
    except Exception as why:
        return [f"{where}: changed, and not put back: {why}"]
    return [f"{where}: not put back: {what}" for what in _moved(touched.before, now)]


def _old_values(world: World, operation: Operation, before: list[Reading], sent: set[str]) -> dict[str, Json] | None:
    """The body that gives the fields that were sent the values they had; None when there is nothing to send."""
    contract = operation.contract
    along: dict[str, str] = contract.get("along") or {}
    properties = (operation.body_schema or {}).get("properties") or {}
    body: dict[str, Json] = {}
    for source, target in {**(contract.get("fields") or {}), **along}.items():
        if source not in sent and source not in along:
            continue
        shown = [reading.field(one.record, target) for one in before]
        old = next((value for value in shown if value is not ABSENT), ABSENT)
        clearing = (contract.get("clears") or {}).get(source)
        if old in (ABSENT, None, "") or old == []:
            if clearing:
                body[source] = clearing[0]
        else:
            body[source] = _writable(properties.get(source), old)
    return {**reading.base_body(world, operation), **body} if body else None


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


def remove(world: World, made: Made) -> list[str]:
    """Removes a record that was made, unless it is gone, and looks whether it is; returns what is left, as lines."""
    where = f"{world.spec.provider} {made.kind} {made.key}"
    remover = world.remover(made.kind)
    if remover is None:
        return [f"{where}: {KEPT}"]
    readers, status = list(world.readers(made.kind)), 0
    try:
        if made.removed and readers and not _is_shown(world, made):
            return []
        request = replace(world.plain_request(remover), name="remove", answer="", after=())
        path = {**request.path, remover.contract["key"]["name"]: made.key}
        status = world.send(remover, request.with_values(path, request.query, None))[1].status
        made.removed = made.removed or status < 300
        if readers:
            return [f"{where}: {remover.id} answered {status}, and it is still there"] if _is_shown(world, made) else []
    except Exception as why:
        if made.removed:
            return [f"{where}: {remover.id} answered {status or 'well'}, and nobody looked whether it is gone: {why}"]
        return [f"{where}: made, and not removed: {why}"]
    gone = status < 300 or status in (404, 410)
    return [] if gone else [f"{where}: {remover.id} answered {status}"]


def _is_shown(world: World, made: Made) -> bool:
    """Whether some documented operation shows the record."""
    return any(one.record is not ABSENT for one in reading.read(world, made.kind, made.key, {}))


def appeared(world: World, attempt: Attempt, made: set[str]) -> list[str]:
    """What may have come of a request to make a record that was not answered clearly; nothing of it is removed."""
    kind, operation = attempt.kind, attempt.operation
    where = f"{world.spec.provider} {kind}"
    doubt = f"{where} (unknown): {operation.id} was not answered clearly, and may have made one"
    lists = [one for one in world.readers(kind) if one.contract["effect"] == "list"]
    if not lists or not attempt.whole:
        return [doubt]
    shape = world.spec.records[kind]
    try:
        rows = [row for one in lists for row in reading.rows_of(world, one, {})[0] if isinstance(row, dict)]
    except Exception as why:
        return [f"{doubt}: {why}"]
    names = [[str(row.get(name)) for name in (shape.key, *shape.aliases)] for row in rows]
    new = dict.fromkeys(one[0] for one in names if not set(one) & (attempt.known | made))
    return [f"{where} {key}: appeared when {operation.id} was not answered clearly" for key in new]


def _moved(before: list[Reading], now: list[Reading]) -> list[str]:
    """How readings of a record differ, but for issued times; what is empty may be shown empty, null or not at all."""
    found = []
    later = {one.operation.id: one for one in now}
    for old in before:
        new = later.get(old.operation.id)
        schema = old.record_schema
        was = lasting(schema, old.record)
        is_now = lasting(schema, new.record) if new is not None else ABSENT
        if not isinstance(was, dict) or not isinstance(is_now, dict):
            found += [] if was == is_now else [f"{old.operation.id} no longer shows it"]
            continue
        for name in sorted(set(was) | set(is_now)):
            one, other = was.get(name, ABSENT), is_now.get(name, ABSENT)
            if one != other and not (one in CLEARED and other in CLEARED):
                found.append(f"{name} was {_text(one)}, is {_text(other)}")
    return list(dict.fromkeys(found))


def _text(value: Json) -> str:
    return "absent" if value is ABSENT else show(value)
