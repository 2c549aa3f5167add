"""What the control API asks of every request: that it may come at all, and that its body is JSON."""

from __future__ import annotations

from flask import current_app, request

from mock_server.admission import objection
from mock_server.control.asking.problems import Problem
from mock_server.gateway import CONTROL

_CONSOLE = f"/{CONTROL}/console"


def check() -> None:
    """Raises a Problem for a request that the control API must not serve."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if _is_console() and headers.get("sec-fetch-mode") == "navigate" and request.method == "GET":
        # Who follows a link to the page asks for it; the page that has the link learns nothing.
        headers.pop("sec-fetch-site", None)
    against = objection(current_app.extensions["ringback"], headers)
    if against is not None and not (against.status == 401 and _is_public()):
        raise Problem(*against)
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and (request.content_length or request.content_type):
        media_type = (request.mimetype or "").lower()
        if media_type != "application/json":
            found = media_type or "no content type"
            raise Problem(415, "JSON only", f"Found {found}; send Content-Type: application/json, or no body.")


def _is_console() -> bool:
    return request.path == _CONSOLE or request.path.startswith(_CONSOLE + "/")


def _is_public() -> bool:
    """What takes no token: where the vendors are, which a newcomer asks first, and the page that asks for the token."""
    return not request.path.startswith(f"/{CONTROL}") or _is_console()
