"""`/_ringback/webhooks`: where a vendor's events go in a space, and which attempts are to fail."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from mock_server.control.asking.inputs import body, gateway, known_space, known_spaces, only, open_space, unknown_name
from mock_server.control.asking.problems import Problem
from mock_server.deliveries import Endpoint
from mock_server.spaces import Space

blueprint = Blueprint("webhooks", __name__)


def as_json(provider: str, endpoint: Endpoint, space: Space) -> dict[str, Any]:
    """The address without its secret."""
    events = None if endpoint.events is None else sorted(endpoint.events)
    return {
        "provider": provider,
        "url": endpoint.url,
        "events": events,
        "failures": list(endpoint.failures),
        "space": space.name,
    }


@blueprint.get("/webhooks")
def listed() -> dict[str, Any]:
    only("space")
    spaces = known_spaces(request.args.get("space"))
    return {"webhooks": [as_json(*pair, s) for s in spaces for pair in list(s.deliveries.endpoints.items())]}


@blueprint.put("/webhooks/<provider>")
def directed(provider: str) -> dict[str, Any]:
    """Sends the vendor's events there from now on; a Problem says why an address would not be called."""
    only("space")
    wanted = body("WebhookSetting")
    events = webhooks_of(provider)
    for event in wanted.get("events") or ():
        if event not in events:
            raise Problem(400, "No such event", unknown_name(event, events))
    check_address(wanted["url"])
    failures = list(wanted.get("failures") or ())
    if any(0 < status < 300 for status in failures):
        raise Problem(400, "Invalid failures", "A failure is a status from 300 to 599, or 0 for no answer.")
    space = open_space(request.args.get("space"))
    chosen = frozenset(wanted["events"]) if "events" in wanted else None
    endpoint = Endpoint(wanted["url"], wanted.get("secret", ""), chosen, failures)
    space.deliveries.direct(provider, endpoint)
    return as_json(provider, endpoint, space)


@blueprint.delete("/webhooks/<provider>")
def ended(provider: str) -> tuple[str, int]:
    only("space")
    webhooks_of(provider)
    known_space(request.args.get("space")).deliveries.direct(provider, None)
    return "", 204


def webhooks_of(provider: str) -> list[str]:
    """The events of a vendor; a Problem for one that does not exist, or whose pages name none."""
    specs = gateway().specs
    if provider not in specs:
        raise Problem(404, "No such vendor", unknown_name(provider, list(specs)))
    if specs[provider].sending is None:
        having = ", ".join(name for name, spec in specs.items() if spec.sending is not None) or "none"
        raise Problem(400, "No webhooks", f"No page of {provider} names a webhook; vendors with webhooks: {having}.")
    return list(specs[provider].webhooks)


def check_address(url: str) -> None:
    """A Problem for an address that would not be called."""
    refused = gateway().switchboard.courier.refuses(url)
    if refused is not None:
        raise Problem(400, "Address not called", f"{refused}.")
