"""Teli: voice phone numbers and the agents that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from mock_server.identifiers import epoch_x_digits, hexadecimal, uuid4
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.numbering import LINES_PER_AREA, fictitious_line, is_north_american_area, pretty
from mock_server.stores.state import State

Record = dict[str, Any]

_LINKS = ("inbound_agent_id", "outbound_agent_id")


def create_phone_number(call: Call, state: State) -> Answer:
    """Hands out the next free number of the area code (docs: phone-numbers/create)."""
    area = call.body["area_code"]
    number = _next_free_number(area, state) if is_north_american_area(area) else None
    if number is None:
        raise Refusal("no-numbers", area_code=area)
    sent = {key: call.body[key] for key in ("user_id", "organization_id", "tenant_id", "nickname") if key in call.body}
    record = complete_number({"phone_number": number, **sent}, call.now, call.random)
    state.put("numbers", record)
    return Answer(
        "created",
        {"phone_number": number, "phone_number_pretty": record["pretty_phone_number"], "area_code": area},
    )


def _next_free_number(area: str, state: State) -> str | None:
    """A number of the area's 555 exchange that this space has not yet seen, or None when all are used."""
    index = state.note(f"lines {area}") or 0
    while index < LINES_PER_AREA:
        number = fictitious_line(area, index)
        index += 1
        if number is not None and state.get("numbers", number) is None:
            state.keep_note(f"lines {area}", index)
            return number
    return None


def list_phone_numbers(call: Call, state: State) -> Answer:
    """The user's numbers, or with `is_admin` the organization's (docs: phone-numbers/list)."""
    query = call.query
    rows = [
        number
        for number in state.all("numbers")
        if number["organization_id"] == query["organization_id"]
        and number["phone_type"] == query["phone_type"]
        and (query["is_admin"] or number["user_id"] == query["user_id"])
    ]
    return Answer("listed", {"count": len(rows), "phone_numbers": rows})


def update_phone_agent(call: Call, state: State) -> Answer:
    """Links, clears or names; what was sent comes back as sent (docs: phone-numbers/update-agent)."""
    number = state.get("numbers", call.path["phone_number"])
    if number is None:
        raise Refusal("phone-not-found")
    said = {"phone_number": number["phone_number"]}
    for key in _LINKS:
        if key in call.body:
            sent = call.body[key]
            number[key] = None if sent in ("", None) else _linkable(sent, state)
            said[key] = sent
    if "nickname" in call.body:
        said["nickname"] = number["nickname"] = call.body["nickname"]
    state.put("numbers", number)
    return Answer("updated", said)


def _linkable(id: Json, state: State) -> Json:
    """The id as sent, if any voice agent has it among its ids."""
    agent = state.find("agents", id) if isinstance(id, str) else None
    if agent is None:
        raise Refusal("agent-not-found", assumed=not isinstance(id, str))
    if agent["agent_type"] != "voice":
        raise Refusal("agent-not-found", assumed=True)
    return id


def list_agents(call: Call, state: State) -> Answer:
    """The organization's agents (docs: agents/list); without `user_id` all of them, as public clients rely on."""
    query = call.query
    rows = [
        agent
        for agent in state.all("agents")
        if agent["organization_id"] == query["organization_id"]
        and query.get("agent_type") in (None, agent["agent_type"])
        and (query["is_admin"] or not query.get("user_id") or agent["created_by_user_id"] == query["user_id"])
    ]
    return Answer("listed", {"count": len(rows), "agents": rows})


def complete_number(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the number list; only `phone_number` must be given."""
    e164 = given["phone_number"]
    return {
        "phone_number": e164,
        "pretty_phone_number": pretty(e164),
        "id": uuid4(random),
        "area_code": e164[2:5] if e164.startswith("+1") else "",
        "phone_type": "voice",
        "provider": "teli_voice",
        "user_id": "1762896366429x599348279945132448",
        "organization_id": "1762896364768x389173798861431550",
        "tenant_id": "your_tenant",
        "outbound_agent_id": None,
        "inbound_agent_id": None,
        "nickname": None,
        "location": None,
        "accessible_by": [],
        "stripe_subscription_id": None,
        "zapier": False,
        "created_at": timestamp(now),
        **given,
    }


def complete_agent(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the agent list; only `agent_name` must be given."""
    voice = given.get("agent_type", "voice") == "voice"
    return {
        "agent_id": epoch_x_digits(now, random),
        "unique_id": epoch_x_digits(now, random),
        "id": uuid4(random),
        "agent_name": given["agent_name"],
        "agent_type": "voice",
        "agent_status": "active",
        "greeting_prompt": None,
        "general_prompt": None,
        "follow_up_prompt": None,
        "organization_id": "1762896364768x389173798861431550",
        "created_by_user_id": "1762896366429x599348279945132448",
        "tenant_id": None,
        "visibility": "private",
        "accessible_users": [],
        "voice_agent_id": f"agent_{hexadecimal(random, 26)}" if voice else None,
        "voice_llm_id": f"llm_{hexadecimal(random, 28)}" if voice else None,
        "voice_id": "11labs-Adrian" if voice else None,
        "first_sentence": None,
        "created_at": timestamp(now),
        "modified_at": timestamp(now),
        **given,
    }


def timestamp(now: datetime) -> str:
    """Naive ISO 8601 with microseconds, as the pages show: `2025-11-20T17:41:24.234773`."""
    return now.replace(tzinfo=None).isoformat(timespec="microseconds")


COMPLETIONS = {"numbers": complete_number, "agents": complete_agent}

BEHAVIOURS = {
    "createPhoneNumber": create_phone_number,
    "listPhoneNumbers": list_phone_numbers,
    "updatePhoneAgent": update_phone_agent,
    "updatePhoneAgentPatch": update_phone_agent,
    "listAgents": list_agents,
}
