"""`GET /`: where the vendors are, for someone who opens the server's address in a browser."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request

from mock_server.control.problems import Problem, answer
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


def nowhere(error: Exception) -> Response:
    """A path that belongs to nobody; the answer says which prefixes there are."""
    if request.path.startswith(f"/{CONTROL}/"):
        detail = f"The control API has no {request.path}; /{CONTROL}/openapi.yaml lists what it has."
        return answer(Problem(404, "Nothing here", detail))
    prefixes = ", ".join(f"/{name}" for name in current_app.extensions["ringback"].services)
    detail = (
        f"{request.path} belongs to no vendor. The vendors' origins are {prefixes}: put the vendor's whole path behind"
        f" one of them. The control API is under /{CONTROL}/."
    )
    return answer(Problem(404, "Nothing here", detail))
