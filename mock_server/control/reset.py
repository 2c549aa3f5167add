"""`POST /_ringback/reset`: every space, or one (`?space=`), back to its fixtures."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request

from mock_server.control.asking.problems import Problem

blueprint = Blueprint("reset", __name__)


@blueprint.post("/reset")
def reset() -> dict[str, Any]:
    """`{"reset": [names of the spaces]}`, answered only when it is done; 404 for a space that is not open."""
    spaces = current_app.extensions["ringback"].spaces
    unknown = set(request.args) - {"space"}
    if unknown:
        raise Problem(400, "Unknown parameter", f"{', '.join(sorted(unknown))}: only ?space=NAME is understood.")
    name = request.args.get("space")
    if name is None:
        return {"reset": spaces.reset_all()}
    if not spaces.reset(name):
        known = ", ".join(spaces.names()[:20])
        raise Problem(404, "No such space", f"There is no space {name!r}. Open are: {known}.")
    return {"reset": [name]}
