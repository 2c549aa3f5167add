"""Asks an application before a call connects, where a vendor's page says so, and heeds whom it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mock_server.jsontext import loads
from mock_server.messages import Json
from mock_server.spaces import Space
from mock_server.spec import Inbound, Spec
from mock_server.stores import State
from mock_server.telephone.announcing import written
from mock_server.telephone.courier import Courier
from mock_server.telephone.picking import Picked


class Advice(NamedTuple):
    """What the application said: the agent and version it chose, if it chose any, and what is to be told of it."""

    agent_id: str | None
    version: int | None
    told: str


def ask(
    space: Space, spec: Spec, inbound: Inbound, number: Mapping[str, Json], caller: str, courier: Courier
) -> Advice | None:
    """Asks at the address that the number names and waits for the answer; None where there is nobody to be asked."""
    webhook = next((one for one in spec.webhooks.values() if one.asked_at and number.get(one.asked_at)), None)
    if webhook is None or spec.sending is None:
        return None
    shares = inbound.shares
    first = (number.get(shares.field) or [{}])[0] if shares is not None else {}
    linked = {"id": first.get(shares.agent), "version": first.get(shares.version)} if shares is not None else None
    known = {"from": caller, "to": number[inbound.number], "agent": linked}
    endpoint = space.deliveries.endpoints.get(spec.provider)
    url = str(number[str(webhook.asked_at)])
    delivery = written(space, spec, webhook, known, url, endpoint.secret if endpoint is not None else "")
    answer = courier.now(space, delivery, spec.sending)
    if answer is None:
        return Advice(None, None, f"{url} was to be asked first: {delivery.reason}")
    try:
        said = loads(answer) if answer.strip() else {}
    except ValueError:
        return Advice(None, None, f"{url} was asked first and answered no JSON")
    agent, version = (_at(said, webhook.chooses.get(name, "")) for name in ("agent", "version"))
    return Advice(
        str(agent) if agent else None,
        int(version) if isinstance(version, int) else None,
        f"{url} was asked first",
    )


def advised(advice: Advice | None, picked: Picked, inbound: Inbound, state: State) -> Picked:
    """Who picks up after the application was asked."""
    if advice is None:
        return picked
    if advice.agent_id is None:
        if advice.version is not None and picked.agent is not None:
            return picked._replace(version=advice.version, why=f"{picked.why}; {advice.told} and chose the version")
        return picked._replace(why=f"{picked.why}; {advice.told}")
    agent = state.find(inbound.agents, advice.agent_id)
    if agent is None:
        return picked._replace(why=f"{picked.why}; {advice.told} and chose {advice.agent_id}, which is no agent here")
    version = advice.version if advice.version is not None else agent.get(inbound.version) if inbound.version else None
    return Picked(
        agent,
        advice.agent_id,
        version,
        f"{advice.agent_id} ({agent[inbound.name]}) picks up: {advice.told} and chose it",
    )


def _at(node: Json, pointer: str) -> Json:
    for part in pointer.split("/"):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
