"""`GET /`: where the vendors are, for someone who opens the server's address in a browser."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Blueprint, current_app, request

from mock_server.control.problems import Problem
from mock_server.gateway import CONTROL

blueprint = Blueprint("index", __name__)


@blueprint.get("/")
def index() -> dict[str, Any]:
    """`{"providers": {name: url}, "control": url}`."""
    root = request.host_url.rstrip("/")
    gateway = current_app.extensions["ringback"]
    return {
        "providers": {name: f"{root}/{name}" for name in gateway.services},
        "control": f"{root}/{CONTROL}",
    }


@blueprint.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def nowhere(path: str) -> NoReturn:
    """A path that belongs to nobody; the answer says which prefixes there are."""
    gateway = current_app.extensions["ringback"]
    prefixes = ", ".join(f"/{name}" for name in gateway.services)
    raise Problem(
        404,
        "Nothing here",
        f"/{path} belongs to no vendor. The vendors' origins are {prefixes}: put the vendor's whole path behind one"
        f" of them. The control API is under /{CONTROL}/.",
    )
