"""Tries a spec before it is written: it loads, and each operation answers its own examples within its own schema."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from mock_server.derived import completions, derive
from mock_server.exchange import Service
from mock_server.fixtures import fixtures_of
from mock_server.messages import Json, Request
from mock_server.spaces import Spaces
from mock_server.spec import Spec, SpecError, build, faults, load_document
from mock_server.stores import MemoryStore


class Wrong(NamedTuple):
    """An operation that does not hold, and why; or a kind of record, where the fault is in its own."""

    operation: str
    why: str
    record: str = ""


def failing(
    document: dict[str, Any], fixtures: Mapping[str, Json], name: str, held: Collection[str] = ()
) -> tuple[list[Wrong], bool]:
    """The operations of the document that do not hold, and whether they were tried.

    What the loader refuses is told first, and nothing is tried then; those that `held` before are not tried again.
    """
    file = Path(f"{name}.yaml")
    try:
        spec = load_document(document, file)
        behaviours = derive(spec)
        loaded = fixtures_of(fixtures, file, spec, completions(spec))
    except SpecError as error:
        return [_blaming(document, one) for one in (faults(document, file) or [error])], False
    spaces = Spaces(MemoryStore(), lambda transaction: loaded.fill(transaction, spec), shared_keys=["key"], seed=1)
    service = Service(spec, behaviours, spaces)
    quiet, said = logging.getLogger("ringback"), _Said()
    before, passes_on = quiet.handlers, quiet.propagate
    quiet.handlers, quiet.propagate = [said], False
    try:
        tried = (_tried(service, spec, one, said) for one in spec.operations if one not in held)
        return [wrong for wrong in tried if wrong is not None], True
    finally:
        quiet.handlers, quiet.propagate = before, passes_on


class _Said(logging.Handler):
    """Keeps what the server would say in its log of an answer that it cannot give."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _tried(service: Service, spec: Spec, name: str, log: _Said) -> Wrong | None:
    operation = spec.operations[name]
    service.spaces.reset_all()
    for request in operation.requests.values():
        wire = build(spec, operation, request, "key")
        headers = {key.lower(): value for key, value in wire.headers.items()}
        log.lines.clear()
        said = service.exchange(Request(wire.method, unquote(wire.path), wire.query, headers, wire.body or b""))
        wanted = spec.answer(operation, request.answer).status
        if said.status != wanted:
            why = " ".join(log.lines)[:300] or (said.body or b"")[:150].decode("utf-8", "replace")
            return Wrong(name, f"its request {request.name!r} got {said.status} in place of {wanted}: {why}")
    return None


def _blaming(document: dict[str, Any], error: SpecError) -> Wrong:
    why = str(error).partition(": at ")[2] or str(error)
    kind = re.match(r"/x-records/([^/]+)|(\w[\w-]*)\[", error.place)
    if kind is not None:
        return Wrong("", why, kind[1] or kind[2])
    return Wrong(_blamed(document, error.place), why)


def _blamed(document: dict[str, Any], place: str) -> str:
    """The operation that an error of the loader is about."""
    found = re.match(r"/paths/([^/]+)/(\w+)", place)
    if found is not None:
        node = document["paths"].get(found[1].replace("~1", "/"), {}).get(found[2], {})
        return str(node.get("operationId", ""))
    named = re.match(r"operation ([^/]+)/", place)
    return named[1] if named is not None else ""
