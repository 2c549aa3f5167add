"""Tells an application of its calls and campaigns: which events a step brings about, and the delivery of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mock_server.deliveries import Delivery
from mock_server.messages import Json
from mock_server.spaces import Space
from mock_server.spec import Spec, Webhook
from mock_server.telephone.campaigning.news import News
from mock_server.telephone.line.calls import stage
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.templates import filled
from mock_server.telephone.telling.courier import Courier
from mock_server.telephone.telling.destinations import Destination, destination, is_wanted
from mock_server.text.jsontext import dumps


def announce(space: Space, spec: Spec, call: Mapping[str, Json], now: datetime, courier: Courier) -> None:
    """Sends what the vendor sends when a call has come into its present state, where an address was set."""
    own, usual = call["asked"], call["webhook_url"]
    if call["agent"] is None or not is_wanted(space.deliveries, spec.provider, own, usual):
        return
    known = None
    for webhook in spec.webhooks.values():
        if not _is_due(webhook, call):
            continue
        to = destination(space.deliveries, spec.provider, webhook.name, own, usual)
        if to is None:
            continue
        known = known or facts(call, now)
        if webhook.only_if is None or known.get(webhook.only_if) is not None:
            _send(space, spec, webhook, known, to, courier)


def _is_due(webhook: Webhook, call: Mapping[str, Json]) -> bool:
    return (
        stage(call) in webhook.on
        and call["direction"] in webhook.directions
        and not (webhook.answered and call["answered_at"] is None)
    )


def announce_campaign(space: Space, spec: Spec, news: News, courier: Courier) -> None:
    """Sends what the vendor sends when something has become of a campaign, where an address was set."""
    for webhook in spec.webhooks.values():
        to = destination(space.deliveries, spec.provider, webhook.name, news.own) if news.what in webhook.on else None
        if to is not None:
            _send(space, spec, webhook, news.known, to, courier)


def _send(
    space: Space, spec: Spec, webhook: Webhook, known: Mapping[str, Json], to: Destination, courier: Courier
) -> None:
    sending = spec.sending_of(webhook.name)
    if sending is not None:
        courier.send(space, written(space, spec, webhook, known, to), sending)


def written(
    space: Space, spec: Spec, webhook: Webhook, known: Mapping[str, Json], to: Destination, awaited: bool = False
) -> Delivery:
    """A delivery of that event with these facts, kept in the space; one without any has the documented payload.

    One that is `awaited` is sent by the caller.
    """
    body = filled(webhook.body, known) if known and webhook.body is not None else webhook.example
    secret, endpoint = to.secret, space.deliveries.endpoints.get(spec.provider)
    if secret is None:
        # A key of the space is what an application that was given nothing else has in common with the mock.
        secret = (endpoint.secret if endpoint is not None else "") or space.name
    return space.deliveries.new(
        str(known.get("now") or space.now().isoformat()),
        spec.provider,
        webhook.name,
        known.get("id"),
        to.url,
        dumps(body).decode(),
        secret,
        awaited=awaited,
        more=to.headers,
        seconds=to.seconds,
    )
