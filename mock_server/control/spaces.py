"""`/_ringback/spaces`: the worlds that are open; made, forked, reset and closed here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from mock_server.control.asking.inputs import body, gateway, known_space, only, open_space
from mock_server.control.asking.problems import Problem
from mock_server.control.state import load
from mock_server.desk.rewind import export_state
from mock_server.spaces import Space

blueprint = Blueprint("spaces", __name__)


def as_json(space: Space) -> dict[str, Any]:
    """`{"name", "seed", "now", "frozen", "requests", "faults"}`."""
    return {
        "name": space.name,
        "seed": space.seed,
        "now": space.now().isoformat(),
        "frozen": space.clock.frozen,
        "requests": len(space.journal),
        "faults": len(space.faults),
    }


@blueprint.get("/spaces")
def listed() -> dict[str, Any]:
    only()
    spaces = gateway().spaces
    found = [spaces.get(name) for name in spaces.names()]
    return {"spaces": [as_json(space) for space in found if space is not None]}


@blueprint.post("/spaces")
def made() -> tuple[dict[str, Any], int]:
    """Opens a space from the fixtures, from a snapshot, or as a fork of another space; 409 when it is open."""
    only()
    wanted = body("NewSpace")
    name = wanted["name"]
    spaces = gateway().spaces
    if spaces.get(name) is not None:
        raise Problem(409, "Space exists", f"The space {name!r} is open; reset or delete it, or choose another name.")
    content: Any = None
    if "snapshot" in wanted:
        snapshot = gateway().snapshots.get(wanted["snapshot"])
        if snapshot is None:
            raise Problem(404, "No such snapshot", f"There is no snapshot {wanted['snapshot']!r}.")
        content = snapshot.document()
    elif "fork" in wanted:
        content = export_state(spaces, gateway().specs, known_space(wanted["fork"]))
    space = open_space(name)
    if "seed" in wanted:
        with spaces.locked(space) as space:
            space.reseed(wanted["seed"])
    if content is not None:
        try:
            load(space, content)
        except Problem:
            spaces.close(name)
            raise
    return as_json(space), 201


@blueprint.get("/spaces/<path:name>")
def one(name: str) -> dict[str, Any]:
    only()
    return as_json(known_space(name))


@blueprint.delete("/spaces/<path:name>")
def closed(name: str) -> tuple[str, int]:
    """Forgets the space; the default one goes back to its fixtures."""
    only()
    if not gateway().spaces.close(name):
        raise Problem(404, "No such space", f"There is no space {name!r}.")
    return "", 204
