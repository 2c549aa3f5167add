"""Who may use the control API: the right Host, no foreign browser page, JSON bodies, and a token beyond loopback."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import current_app, request

from mock_server.control.problems import Problem
from mock_server.gateway import Gateway, host_name


def check() -> None:
    """Raises a Problem for a request that the control API must not serve."""
    gateway: Gateway = current_app.extensions["ringback"]
    host = host_name(request.headers.get("Host", ""))
    if host not in gateway.control_hosts:
        raise Problem(
            403,
            "Host not allowed",
            f"The control API is not served for Host {host!r}. Call it by a loopback name, or start"
            f" `ringback serve --allowed-host {host or 'NAME'}`.",
        )
    _check_origin()
    _check_token(gateway)
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and (request.content_length or request.content_type):
        media_type = (request.mimetype or "").lower()
        if media_type != "application/json":
            found = media_type or "no content type"
            raise Problem(415, "JSON only", f"Found {found}; send Content-Type: application/json, or no body.")


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None:
        if _authority(origin) != request.headers.get("Host", "").lower():
            raise Problem(403, "Cross-site request", f"A page of {origin} may not use the control API.")
    elif request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise Problem(403, "Cross-site request", "A page of another site may not use the control API.")


def _authority(origin: str) -> str | None:
    """Host and port of an origin; None for text that is no origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _check_token(gateway: Gateway) -> None:
    if gateway.control_token is None:
        if not gateway.control_open:
            raise Problem(
                401,
                "Token needed",
                "Beyond loopback the control API needs a token: start `ringback serve --control-token TOKEN`"
                " and send Authorization: Bearer TOKEN.",
            )
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), gateway.control_token.encode()):
        raise Problem(401, "Token needed", "Send Authorization: Bearer with the token of --control-token.")
