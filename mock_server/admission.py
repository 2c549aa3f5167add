"""Who may use the control API: the right Host, no foreign browser page, and a token beyond loopback."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from mock_server.deliveries import DELIVERING
from mock_server.gateway import Gateway, host_name


class Objection(NamedTuple):
    """Why a request of the control API is not served."""

    status: int
    title: str
    detail: str


def objection(gateway: Gateway, headers: Mapping[str, str]) -> Objection | None:
    """What is against a request with these headers (lower-case names), known before its body is read."""
    host = host_name(headers.get("host", ""))
    if host not in gateway.control_hosts:
        return Objection(
            403,
            "Host not allowed",
            f"The control API is not served for Host {host!r}. Call it by a loopback name, or start"
            f" `ringback serve --allowed-host {host or 'NAME'}`.",
        )
    if headers.get("user-agent") == DELIVERING:
        # Whoever may name an address for events could else use the control API from this machine.
        return Objection(403, "A delivery", "An event is not delivered to the control API, of this server or another.")
    return _cross_site(headers) or _without_token(gateway, headers)


def _cross_site(headers: Mapping[str, str]) -> Objection | None:
    origin = headers.get("origin")
    if origin is not None:
        if _authority(origin) != headers.get("host", "").lower():
            return Objection(403, "Cross-site request", f"A page of {origin} may not use the control API.")
    elif headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return Objection(403, "Cross-site request", "A page of another site may not use the control API.")
    return None


def _authority(origin: str) -> str | None:
    """Host and port of an origin; None for text that is no origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _without_token(gateway: Gateway, headers: Mapping[str, str]) -> Objection | None:
    if gateway.control_token is None:
        if gateway.control_open:
            return None
        return Objection(
            401,
            "Token needed",
            "Beyond loopback the control API needs a token: start `ringback serve --control-token TOKEN`"
            " and send Authorization: Bearer TOKEN.",
        )
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given, wanted = token.strip().encode("utf-8", "replace"), gateway.control_token.encode("utf-8", "replace")
    if scheme.lower() == "bearer" and wanted and hmac.compare_digest(given, wanted):
        return None
    return Objection(401, "Token needed", "Send Authorization: Bearer with the token of --control-token.")
