"""Where an event goes: to what the vendor's own records say, else to the address that the space was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mock_server.deliveries import Deliveries
from mock_server.messages import FRAMING, Json

_OURS = {*FRAMING, "host", "content-type", "user-agent"}
"""Headers of a delivery that no record may set."""
MAX_SECONDS = 30.0
"""How long a receiver may be waited for, whatever a record says: deliveries have few threads."""


class Destination(NamedTuple):
    """An address, what signs the deliveries (None: what the space has), headers of its own, and how long it may take.

    With an empty secret nothing is signed.
    """

    url: str
    secret: str | None = None
    headers: Mapping[str, str] = {}
    seconds: float | None = None


def destination(
    deliveries: Deliveries, provider: str, event: str, own: Mapping[str, Any], url: str | None = None
) -> Destination | None:
    """Where the event goes; None where nobody wants it.

    `own` is what a call or a campaign remembers: `addresses` by event (null: nowhere) come first, then its `server`,
    which has `enabled`, `url`, `secret`, `headers`, `seconds` and the `events` that it wants. What is left goes to
    `url`, and where there is none to the address of the space.
    """
    endpoint = deliveries.endpoints.get(provider)
    addresses = own.get("addresses") or {}
    if event in addresses:
        return _unless_nowhere(addresses[event])
    server = own.get("server") or {}
    if server.get("enabled") and server.get("url"):
        return _of(server) if event in (server.get("events") or ()) else None
    if endpoint is not None and endpoint.events is not None and event not in endpoint.events:
        return None
    return _unless_nowhere(url or (endpoint.url if endpoint is not None else None))


def is_wanted(deliveries: Deliveries, provider: str, own: Mapping[str, Any], url: str | None = None) -> bool:
    """Whether any event may go anywhere at all."""
    return bool(url or provider in deliveries.endpoints or own.get("addresses") or own.get("server"))


def _unless_nowhere(url: Json) -> Destination | None:
    return Destination(str(url)) if url else None


def _of(server: Mapping[str, Any]) -> Destination:
    headers = {name: value for name, value in (server.get("headers") or {}).items() if name.lower() not in _OURS}
    seconds = server.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        seconds = None
    return Destination(
        str(server["url"]),
        str(server.get("secret") or ""),
        headers,
        min(float(seconds), MAX_SECONDS) if seconds is not None else None,
    )
