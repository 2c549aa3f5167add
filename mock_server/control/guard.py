"""What the control API asks of every request: that it may come at all, and that its body is JSON."""

from __future__ import annotations

from flask import current_app, request

from mock_server.admission import objection
from mock_server.control.problems import Problem
from mock_server.gateway import CONTROL


def check() -> None:
    """Raises a Problem for a request that the control API must not serve."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    against = objection(current_app.extensions["ringback"], headers)
    if against is not None and not (against.status == 401 and not request.path.startswith(f"/{CONTROL}")):
        # Where the vendors are is no secret, and the first thing that a newcomer asks: it takes no token.
        raise Problem(*against)
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and (request.content_length or request.content_type):
        media_type = (request.mimetype or "").lower()
        if media_type != "application/json":
            found = media_type or "no content type"
            raise Problem(415, "JSON only", f"Found {found}; send Content-Type: application/json, or no body.")
