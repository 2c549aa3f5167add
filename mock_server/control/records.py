"""`/_ringback/records`: what a space holds, record by record, looked at and changed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, request

from mock_server.control.asking.inputs import body, gateway, integer, known_space, only, open_space, unknown_name
from mock_server.control.asking.problems import Problem
from mock_server.desk import records
from mock_server.desk.rewind import BadState
from mock_server.spec import Spec
from mock_server.stores import StoreFull

blueprint = Blueprint("records", __name__)


@blueprint.get("/records")
def kinds() -> dict[str, Any]:
    """Every kind of record, its key, what it refers to, and how many there are."""
    only("space")
    front = gateway()
    return {"kinds": records.kinds(front.spaces, front.specs, known_space(request.args.get("space")))}


@blueprint.get("/records/<provider>/<kind>")
def listed(provider: str, kind: str) -> dict[str, Any]:
    """In the order of their creation, at most `limit` (100), those in which `text` stands."""
    only("space", "limit", "cursor", "text")
    spec = _spec(provider, kind)
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    space = known_space(request.args.get("space"))
    text = request.args.get("text", "")
    found, cursor = records.rows(gateway().spaces, spec, space, kind, after=after, limit=limit, text=text)
    return {"records": found, "cursor": cursor}


@blueprint.get("/records/<provider>/<kind>/<path:id>")
def one(provider: str, kind: str, id: str) -> dict[str, Any]:
    """By its key, or another of its names."""
    only("space")
    spec, space = _spec(provider, kind), known_space(request.args.get("space"))
    found = records.find(gateway().spaces, spec, space, kind, id)
    if found is None:
        raise _missing(kind, id)
    return found


@blueprint.put("/records/<provider>/<kind>/<path:id>")
def written(provider: str, kind: str, id: str) -> tuple[dict[str, Any], int]:
    """Adds a record, or puts it in the place of the one of that key; refused with every reason against it."""
    only("space")
    spec, record = _spec(provider, kind), body("Record")
    space = open_space(request.args.get("space"))
    with _reasons("Invalid record", 422):
        known = records.put(gateway().spaces, spec, space, kind, id, record)
    return record, 200 if known else 201


@blueprint.delete("/records/<provider>/<kind>/<path:id>")
def removed(provider: str, kind: str, id: str) -> tuple[str, int]:
    """Refused while others refer to it."""
    only("space")
    spec, space = _spec(provider, kind), known_space(request.args.get("space"))
    with _reasons("Record in use", 409):
        known = records.remove(gateway().spaces, spec, space, kind, id)
    if not known:
        raise _missing(kind, id)
    return "", 204


@contextmanager
def _reasons(title: str, status: int) -> Iterator[None]:
    try:
        yield
    except BadState as bad:
        raise Problem(status, title, f"{bad}.", reasons=bad.reasons[:100]) from None
    except StoreFull as full:
        raise Problem(422, "Space full", f"{full}.") from None


def _spec(provider: str, kind: str) -> Spec:
    specs = gateway().specs
    if provider not in specs:
        raise Problem(404, "No such vendor", unknown_name(provider, list(specs)))
    if kind not in specs[provider].records:
        raise Problem(404, "No such kind of record", unknown_name(kind, list(specs[provider].records)))
    return specs[provider]


def _missing(kind: str, id: str) -> Problem:
    return Problem(404, "No such record", f"There is no {kind} {id!r} in this space.")
