"""`/_ringback/state`: everything a space holds, out and in, as versioned JSON; and snapshots of it under a name."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from mock_server.control.asking.inputs import body, gateway, known_space, only, open_space, state_body
from mock_server.control.asking.problems import Problem
from mock_server.desk.rewind import BadState, SnapshotLimit, export_state, import_state
from mock_server.messages import Json
from mock_server.spaces import Space
from mock_server.text.jsontext import dumps_long

blueprint = Blueprint("state", __name__)


def load(space: Space, document: Json) -> None:
    """Takes a state in; a Problem gives every reason against it, and then nothing has changed."""
    front = gateway()
    try:
        import_state(front.spaces, front.services, space, document)
    except BadState as bad:
        raise Problem(422, "Invalid state", "; ".join(bad.reasons[:20]), reasons=bad.reasons[:100]) from None


@blueprint.get("/state")
def exported() -> Response:
    only("space")
    front = gateway()
    return _as_json(dumps_long(export_state(front.spaces, front.specs, known_space(request.args.get("space")))))


@blueprint.put("/state")
def imported() -> dict[str, Any]:
    """Answers with the number of records of each kind."""
    only("space")
    document = state_body()
    space = open_space(request.args.get("space"))
    load(space, document)
    providers = document["providers"]
    counts = {
        name: {kind: len(rows) for kind, rows in content.get("records", {}).items()}
        for name, content in providers.items()
    }
    return {"space": space.name, "records": counts}


@blueprint.get("/snapshots")
def snapshots() -> dict[str, Any]:
    only()
    return {"snapshots": [snapshot.as_json() for snapshot in gateway().snapshots.all()]}


@blueprint.post("/snapshots")
def taken() -> tuple[dict[str, Any], int]:
    """Keeps a space's state under a name, in the place of an older snapshot of that name."""
    only()
    wanted = body("NewSnapshot")
    space = known_space(wanted.get("space"))
    front = gateway()
    try:
        snapshot = front.snapshots.keep(wanted["name"], space, export_state(front.spaces, front.specs, space))
    except SnapshotLimit as limit:
        raise Problem(409, "Too many snapshots", f"{limit}.") from None
    return snapshot.as_json(), 201


@blueprint.get("/snapshots/<name>")
def snapshot_state(name: str) -> Response:
    """The state that was kept."""
    only()
    return _as_json(_snapshot(name).encoded)


def _as_json(text: bytes) -> Response:
    """Text that was encoded with care, because it may be long."""
    return Response(text + b"\n", content_type="application/json")


@blueprint.delete("/snapshots/<name>")
def forgotten(name: str) -> tuple[str, int]:
    only()
    _snapshot(name)
    gateway().snapshots.delete(name)
    return "", 204


@blueprint.post("/snapshots/<name>/restore")
def restored(name: str) -> dict[str, Any]:
    """Puts the snapshot into a space: the one it was taken from, unless `?space=` names another."""
    only("space")
    snapshot = _snapshot(name)
    space = open_space(request.args.get("space", snapshot.space))
    load(space, snapshot.document())
    return {"space": space.name, "snapshot": name}


def _snapshot(name: str) -> Any:
    found = gateway().snapshots.get(name)
    if found is None:
        known = ", ".join(snapshot.name for snapshot in gateway().snapshots.all()) or "none"
        raise Problem(404, "No such snapshot", f"There is no snapshot {name!r}. Kept are: {known}.")
    return found
