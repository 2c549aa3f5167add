"""Asks an application before a call connects, where a vendor's page says so, and heeds what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from mock_server.messages import Json
from mock_server.spaces import Space
from mock_server.spec import Inbound, Spec, Webhook
from mock_server.stores import State
from mock_server.telephone.line.calls import fresh_id
from mock_server.telephone.line.picking import Picked, picks_up
from mock_server.telephone.telling.announcing import written
from mock_server.telephone.telling.courier import Courier
from mock_server.telephone.telling.destinations import Destination
from mock_server.text.jsontext import loads
from mock_server.values.identifiers import uuid4


class Question(NamedTuple):
    """An event with an address of its own, what it tells, the ids of the call to come, and whether it asks."""

    webhook: Webhook
    url: str
    known: Mapping[str, Json]
    ids: tuple[str, str] | None
    asks: bool


class Advice(NamedTuple):
    """What the application said: the agent and version it chose, if it chose any, what it gives, what is told of it."""

    agent_id: str | None
    version: int | None
    told: str
    given: Mapping[str, Json]


def question_of(
    spec: Spec,
    inbound: Inbound,
    number: Mapping[str, Json],
    caller: str,
    state: State,
    book: State,
    random: Random,
) -> Question | None:
    """What an application is asked, or told at an address of its own, before a call to that number connects.

    None where neither the number nor its agent has such an address.
    """
    for webhook in spec.webhooks.values() if spec.sending is not None else ():
        address = webhook.address
        if address is None:
            continue
        known: dict[str, Json] = {"from": caller, "to": number[inbound.number]}
        if address.record == "number":
            shares = inbound.shares
            first = (number.get(shares.field) or [{}])[0] if shares is not None else {}
            linked = {"id": first.get(shares.agent), "version": first.get(shares.version)} if shares else None
            holder, ids = number, None
        else:
            picked = picks_up(spec, inbound, number, state, random)
            if picked.agent is None or not picked.agent.get(address.field):
                continue
            holder, linked = picked.agent, {"id": picked.agent_id, "version": picked.version}
            ids = fresh_id(book, random, spec.call_id), uuid4(random)
            key = number[spec.records[inbound.numbers].key]
            known |= {"id": ids[0], "session_id": ids[1], "number": key}
        if not holder.get(address.field):
            continue
        asks = address.only_if is None or bool(holder.get(address.only_if))
        return Question(webhook, str(holder[address.field]), {**known, "agent": linked}, ids, asks)
    return None


def ask(space: Space, spec: Spec, question: Question, courier: Courier) -> Advice:
    """Asks and waits for the answer; whom nobody asks is told when the call is queued, at the same address."""
    webhook, url = question.webhook, question.url
    sending = spec.sending_of(webhook.name)
    assert sending is not None
    if not question.asks:
        return Advice(None, None, f"{url} is told", {"addresses": {webhook.name: url}})
    delivery = written(space, spec, webhook, question.known, Destination(url), True)
    seconds = webhook.address.seconds if webhook.address is not None else None
    # Who has so many seconds has them once.
    sending = sending if seconds is None else sending._replace(timeout_seconds=seconds, retries=0)
    answer = courier.now(space, delivery, sending)
    # What was asked is not told again.
    given: dict[str, Json] = {"addresses": {webhook.name: None}}
    if answer is None:
        return Advice(None, None, f"{url} was to be asked first: {delivery.reason}", given)
    try:
        said = loads(answer) if answer.strip() else {}
    except ValueError:
        return Advice(None, None, f"{url} was asked first and answered no JSON", given)
    agent, version = (_at(said, webhook.chooses.get(name, "")) for name in ("agent", "version"))
    # An answer of the wrong kind gives nothing: what is read of the call has its documented shape whoever was asked.
    given |= {name: found for name, place in webhook.gives.items() if isinstance(found := _at(said, place), Mapping)}
    return Advice(
        str(agent) if agent else None,
        int(version) if isinstance(version, int) else None,
        f"{url} was asked first",
        given,
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
