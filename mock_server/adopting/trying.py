"""Tries a spec before it is written: it loads, and each operation answers its own example within its own schema."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from mock_server.derived import completions, derive
from mock_server.exchange import Service
from mock_server.fixtures import load_fixtures
from mock_server.messages import Json, Request
from mock_server.spaces import Spaces
from mock_server.spec import Spec, SpecError, build, load
from mock_server.stores import MemoryStore


class Wrong(NamedTuple):
    """An operation that does not hold, and why."""

    operation: str
    why: str


def failing(document: dict[str, Any], fixtures: Mapping[str, Json], name: str) -> Wrong | None:
    """The first operation of the document that does not hold when it is tried; None where all do."""
    with tempfile.TemporaryDirectory() as folder:
        file, records = Path(folder) / f"{name}.yaml", Path(folder) / "fixtures.yaml"
        file.write_text(json.dumps(document), encoding="utf-8")
        records.write_text(json.dumps(fixtures), encoding="utf-8")
        try:
            spec = load(file)
            behaviours = derive(spec)
            loaded = load_fixtures(records, spec, completions(spec))
        except SpecError as error:
            return Wrong(_blamed(document, error.place), str(error).partition(": at ")[2] or str(error))
        spaces = Spaces(MemoryStore(), lambda transaction: loaded.fill(transaction, spec), shared_keys=["key"], seed=1)
        service = Service(spec, behaviours, spaces)
        quiet = logging.getLogger("ringback")
        level, quiet.level = quiet.level, logging.CRITICAL + 1
        try:
            return next((wrong for wrong in (_tried(service, spec, one) for one in spec.operations) if wrong), None)
        finally:
            quiet.level = level


def _tried(service: Service, spec: Spec, name: str) -> Wrong | None:
    operation = spec.operations[name]
    service.spaces.reset_all()
    for request in operation.requests.values():
        wire = build(spec, operation, request, "key")
        headers = {key.lower(): value for key, value in wire.headers.items()}
        said = service.exchange(Request(wire.method, unquote(wire.path), wire.query, headers, wire.body or b""))
        wanted = spec.answer(operation, request.answer).status
        if said.status != wanted:
            return Wrong(name, f"its request {request.name!r} got {said.status} in place of {wanted}")
    return None


def _blamed(document: dict[str, Any], place: str) -> str:
    """The operation that an error of the loader is about."""
    found = re.match(r"/paths/([^/]+)/(\w+)", place)
    if found is not None:
        node = document["paths"].get(found[1].replace("~1", "/"), {}).get(found[2], {})
        return str(node.get("operationId", ""))
    kind = re.match(r"/x-records/([^/]+)|(\w[\w-]*)\[", place)
    wanted = (kind[1] or kind[2]) if kind is not None else None
    for item in document["paths"].values():
        for node in item.values():
            if (node.get("x-contract") or {}).get("record") == wanted:
                return str(node["operationId"])
    return ""
