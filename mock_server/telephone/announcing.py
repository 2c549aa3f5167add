"""Tells an application of its calls: which events a step of a call brings about, and the delivery of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mock_server.deliveries import Delivery
from mock_server.jsontext import dumps
from mock_server.messages import Json
from mock_server.spaces import Space
from mock_server.spec import Spec, Webhook
from mock_server.telephone.courier import Courier
from mock_server.telephone.facts import facts
from mock_server.telephone.templates import filled


def announce(space: Space, spec: Spec, call: Mapping[str, Json], now: datetime, courier: Courier) -> None:
    """Sends what the vendor sends when a call has come into its present state, where an address was set."""
    endpoint = space.deliveries.endpoints.get(spec.provider)
    usual = call["webhook_url"] or (endpoint.url if endpoint is not None else None)
    own: Mapping[str, str | None] = call["asked"].get("addresses") or {}
    if spec.sending is None or (usual is None and not own) or call["agent"] is None:
        return
    wanted = endpoint.events if endpoint is not None else None
    secret = endpoint.secret if endpoint is not None else ""
    known = None
    for webhook in spec.webhooks.values():
        url = own.get(webhook.name, usual)
        if url is None or not _is_due(webhook, call):
            continue
        if wanted is not None and webhook.name not in wanted and webhook.name not in own:
            continue
        known = known or facts(call, now)
        if webhook.only_if is not None and known.get(webhook.only_if) is None:
            continue
        delivery = written(space, spec, webhook, known, url, secret)
        courier.send(space, delivery, spec.sending)


def _is_due(webhook: Webhook, call: Mapping[str, Json]) -> bool:
    return (
        call["state"] in webhook.on
        and call["direction"] in webhook.directions
        and not (webhook.answered and call["answered_at"] is None)
    )


def written(
    space: Space,
    spec: Spec,
    webhook: Webhook,
    known: Mapping[str, Json],
    url: str,
    secret: str,
    awaited: bool = False,
) -> Delivery:
    """A delivery of that event with these facts, kept in the space; one without any has the documented payload.

    One that is `awaited` is sent by the caller.
    """
    body = filled(webhook.body, known) if known and webhook.body is not None else webhook.example
    at = str(known.get("now") or space.now().isoformat())
    call = known.get("id")
    # A key of the space is what an application that was given nothing else has in common with the mock.
    return space.deliveries.new(
        at, spec.provider, webhook.name, call, url, dumps(body).decode(), secret or space.name, awaited=awaited
    )
