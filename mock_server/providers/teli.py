"""Teli: voice phone numbers, the agents that answer them, and the organizations and users that own both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.numbering import LINES_PER_AREA, fictitious_line, is_north_american_area
from mock_server.providers._teli_records import (
    Record,
    address,
    complete_agent,
    complete_number,
    complete_organization,
    complete_user,
    timestamp,
    utc_microseconds,
    utc_milliseconds,
)
from mock_server.stores.state import State

_LINKS = ("inbound_agent_id", "outbound_agent_id")

_ROW_NAMES: Mapping[str, tuple[str, ...]] = {
    "agent_name": ("agent_name",),
    "prompt": ("general_prompt",),
    "starting_message": ("greeting_prompt", "first_sentence"),
    "voice_id": ("voice_id",),
    "voice_speed": ("voice_speed",),
    "interruption_sensitivity": ("interruption_sensitivity",),
    "ambient_sound": ("ambient_sound",),
    "enable_backchannel": ("backchannel",),
    "enable_voicemail_detection": ("detect_voicemail",),
    "voicemail_message": ("voicemail_content",),
    "begin_message_delay_ms": ("first_message_delay",),
    "drip_schedule": ("drip_schedule",),
}
"""Under which names a row of the agent list shows what a request sent."""

_OWNERSHIP = frozenset({"agent_type", "organization_id", "user_id", "tenant_id"})
"""Fixed when an agent is created; clients that send them with an update change nothing."""

_BEHAVIOUR_SETTINGS = frozenset(
    {
        "prompt",
        "starting_message",
        "knowledge_base_ids",
        "kb_config",
        "extraction_fields",
        "post_call_analysis_data",
        "general_tools",
    }
)
"""What an update reports as `ai_behavior`; the name is `agent_info`, the rest `voice_settings`."""

_ORGANIZATION_CREATED = ("unique_id", "name", "sms_active", "teli_sms_number", "sms_registration_status")
_ORGANIZATION = (*_ORGANIZATION_CREATED, "total_sms_outbound", "total_sms_inbound")
_USER_CREATED = ("unique_id", "name", "email", "permission", "total_campaigns", "total_agents")
_USER_FIELDS = ("name", "email", "permission", "phone", "status")


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
        if number is not None and not (state.get("numbers", number) or state.get("releases", number)):
            state.keep_note(f"lines {area}", index)
            return number
    return None


def wrong_note(name: str, value: Json) -> str | None:
    """What is wrong with a note that somebody wants this module to go on with; None for one that it might have made."""
    area = name.removeprefix("lines ")
    if area == name or not is_north_american_area(area):
        return "unknown; there are `lines AREA`"
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LINES_PER_AREA:
        return f"a whole number from 0 to {LINES_PER_AREA} is needed"
    return None


def list_phone_numbers(call: Call, state: State) -> Answer:
    """The user's numbers, or with `is_admin` the organization's (docs: phone-numbers/list)."""
    query = call.query
    rows = (
        number
        for number in state.all("numbers")
        if number["organization_id"] == query["organization_id"]
        and number["phone_type"] == query["phone_type"]
        and (query["is_admin"] or number["user_id"] == query["user_id"])
    )
    return Answer("listed", {"phone_numbers": rows})


def update_phone_agent(call: Call, state: State) -> Answer:
    """Links, clears or names; what was sent comes back as sent (docs: phone-numbers/update-agent)."""
    number = state.get("numbers", call.path["phone_number"])
    if number is None:
        raise Refusal("phone-not-found")
    if number["phone_type"] != "voice":
        raise Refusal("phone-not-found", assumed=True)
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


def release_phone_number(call: Call, state: State) -> Answer:
    """Gives the number back, for good; a second call says when that was (docs: phone-numbers/release)."""
    e164 = call.path["phone_number"]
    number = state.get("numbers", e164)
    if number is None:
        release = state.get("releases", e164)
        if release is None:
            raise Refusal("number-not-found")
        return Answer("already-released", release)
    if number["phone_type"] != "voice":
        raise Refusal("not-a-voice-number")
    release = {"phone_number": e164, "released_at": utc_milliseconds(call.now)}
    state.delete("numbers", e164)
    state.put("releases", release)
    return Answer("released", release)


def create_agent(call: Call, state: State) -> Answer:
    """Makes a voice agent with four ids or an SMS agent with two (docs: agents/create-voice, agents/create-sms)."""
    body = call.body
    owner = {"organization_id": body["organization_id"], "created_by_user_id": body["user_id"]}
    kind = {"agent_name": body["agent_name"], "agent_type": body["agent_type"], "tenant_id": body.get("tenant_id")}
    agent = complete_agent({**kind, **owner}, call.now, call.random)
    _set(agent, body)
    state.put("agents", agent)
    if agent["agent_type"] == "voice":
        shown = _only(agent, "agent_id", "unique_id", "agent_type", "agent_name")
        shown |= _only(agent, "voice_agent_id", "voice_llm_id", "voice_id", "organization_id")
        return Answer("voice-created", {**shown, "user_id": body["user_id"]})
    fields = body.get("extraction_fields", [])
    extras = {
        "has_drip_schedule": bool(body.get("drip_schedule")),
        "has_extraction_fields": bool(fields),
        "extraction_fields": fields,
        "created_by": body["user_id"],
    }
    return Answer("sms-created", {**_only(agent, "agent_id", "agent_type", "agent_name", "organization_id"), **extras})


def list_agents(call: Call, state: State) -> Answer:
    """The organization's agents (docs: agents/list); without `user_id` all of them, as public clients rely on."""
    query = call.query
    rows = (
        _row(agent)
        for agent in state.all("agents")
        if agent["organization_id"] == query["organization_id"]
        and query.get("agent_type") in (None, agent["agent_type"])
        and (query["is_admin"] or not query.get("user_id") or agent["created_by_user_id"] == query["user_id"])
    )
    return Answer("listed", {"agents": rows})


def get_agent(call: Call, state: State) -> Answer:
    """The agent of which the path has any id, as the list shows it (docs: errors; agents/list)."""
    return Answer("found", {"agent": _row(_agent(call, state))})


def update_agent(call: Call, state: State) -> Answer:
    """Changes what was sent and reports which groups of settings that touched (docs: agents/update, update-voice)."""
    agent = _agent(call, state)
    touched = _set(agent, call.body)
    _touch(agent, call.now)
    state.put("agents", agent)
    said = {"agent_id": call.path["agent_id"]}
    if agent["agent_type"] != "voice":
        return Answer("sms-updated", said)
    groups = {
        "voice_settings": bool(touched - _BEHAVIOUR_SETTINGS - {"agent_name"}),
        "ai_behavior": bool(touched & _BEHAVIOUR_SETTINGS),
        "agent_info": "agent_name" in touched,
    }
    return Answer("voice-updated", {**said, "updated": groups})


def update_agent_tools(call: Call, state: State) -> Answer:
    """Replaces the whole list of a voice agent's tools (docs: agents/update-tools)."""
    agent = _agent(call, state)
    if agent["agent_type"] != "voice":
        raise Refusal("not-a-voice-agent")
    tools = call.body["tools"]
    names: set[str] = set()
    for tool in tools:
        if tool["name"] in names:
            raise Refusal("tool-names-not-unique", name=tool["name"])
        names.add(tool["name"])
    agent["settings"]["general_tools"] = tools
    _touch(agent, call.now)
    state.put("agents", agent)
    return Answer("tools-updated", {"agent_id": call.path["agent_id"], "tools_count": len(tools)})


def delete_agent(call: Call, state: State) -> Answer:
    """Removes the agent and every link to it, by whichever id it was linked (docs: agents/delete)."""
    agent = _agent(call, state)
    ids = {agent[name] for name in ("agent_id", "unique_id", "voice_agent_id", "id")} - {None}
    if agent["agent_type"] == "voice":  # no number is ever linked to an SMS agent
        for number in state.all("numbers"):
            linked = [link for link in _LINKS if number[link] in ids]
            if linked:
                state.put("numbers", {**number, **dict.fromkeys(linked)})
    state.delete("agents", agent["agent_id"])
    return Answer("deleted", {"agent_id": call.path["agent_id"]})


def _agent(call: Call, state: State) -> Record:
    agent = state.find("agents", call.path["agent_id"])
    if agent is None:
        raise Refusal("agent-not-found")
    return agent


def _set(agent: Record, sent: Mapping[str, Json]) -> frozenset[str]:
    """Writes what a request sent into the agent's row, or its settings where no row shows it; returns the names."""
    names = frozenset(sent) - _OWNERSHIP
    for name in sorted(names):
        if name in _ROW_NAMES:
            agent.update(dict.fromkeys(_ROW_NAMES[name], sent[name]))
        else:
            agent["settings"][name] = sent[name]
    return names


def _touch(agent: Record, now: datetime) -> None:
    agent["modified_at"] = agent["last_modification_timestamp"] = timestamp(now)


def _row(agent: Record) -> Record:
    """The agent as answers show it; its further settings are on no page."""
    return {name: value for name, value in agent.items() if name != "settings"}


def create_organization(call: Call, state: State) -> Answer:
    """Makes an organization that has not registered for SMS (docs: organizations/create)."""
    given = _only(call.body, "name", "contact_email")
    organization = complete_organization(given, call.now, call.random)
    state.put("organizations", organization)
    return Answer("created", {"organization": _only(organization, *_ORGANIZATION_CREATED)})


def list_organizations(call: Call, state: State) -> Answer:
    """All organizations (docs: organizations/list)."""
    return Answer("listed", {"organizations": state.all("organizations")})


def get_organization(call: Call, state: State) -> Answer:
    """The organization with that `unique_id`; its UUID is no way to ask for it (docs: organizations/get)."""
    return Answer("found", {"organization": _only(_organization(call, state), *_ORGANIZATION)})


def create_user(call: Call, state: State) -> Answer:
    """Makes a user of the organization, whose e-mail address nobody else in it has (docs: users/create)."""
    organization = _organization(call, state)
    given = {
        **_only(call.body, *(field for field in ("name", "email", "phone", "permission") if field in call.body)),
        "organization_unique_id": organization["unique_id"],
        "organization_id": organization["id"],
        "tenant_id": organization["tenant_id"],
    }
    user = complete_user(given, call.now, call.random)
    if state.find("users", user["address"]) is not None:
        raise Refusal("email-taken", email=user["email"])
    state.put("users", user)
    return Answer("created", {"user": _only(user, *_USER_CREATED)})


def list_users(call: Call, state: State) -> Answer:
    """The users of one organization (docs: users/list)."""
    organization = _organization(call, state)
    private = ("organization_unique_id", "address")
    rows = (
        {name: value for name, value in user.items() if name not in private}
        for user in state.all("users")
        if user["organization_unique_id"] == organization["unique_id"]
    )
    return Answer("listed", {"users": rows})


def update_user(call: Call, state: State) -> Answer:
    """Changes the fields that were sent; a user is only known under its own organization (docs: users/update)."""
    user = state.get("users", call.path["user_id"])
    if user is None or user["organization_unique_id"] != call.path["organization_id"]:
        raise Refusal("user-not-found")
    user.update({field: call.body[field] for field in _USER_FIELDS if field in call.body})
    user["address"] = address(user)
    other = state.find("users", user["address"])
    if other is not None and other["unique_id"] != user["unique_id"]:
        raise Refusal("email-taken", email=user["email"])
    user["modified_at"], user["updated_at"] = timestamp(call.now), utc_microseconds(call.now)
    state.put("users", user)
    return Answer("updated", {"user": _only(user, "unique_id", *_USER_FIELDS)})


def _organization(call: Call, state: State) -> Record:
    organization = state.get("organizations", call.path["organization_id"])
    if organization is None:
        raise Refusal("organization-not-found")
    return organization


def _only(record: Mapping[str, Json], *names: str) -> Record:
    return {name: record[name] for name in names}


COMPLETIONS = {
    "numbers": complete_number,
    "agents": complete_agent,
    "organizations": complete_organization,
    "users": complete_user,
}

BEHAVIOURS = {
    "createPhoneNumber": create_phone_number,
    "listPhoneNumbers": list_phone_numbers,
    "releasePhoneNumber": release_phone_number,
    "updatePhoneAgent": update_phone_agent,
    "updatePhoneAgentPatch": update_phone_agent,
    "createAgent": create_agent,
    "listAgents": list_agents,
    "getAgent": get_agent,
    "updateAgent": update_agent,
    "updateAgentTools": update_agent_tools,
    "deleteAgent": delete_agent,
    "createOrganization": create_organization,
    "listOrganizations": list_organizations,
    "getOrganization": get_organization,
    "createUser": create_user,
    "listUsers": list_users,
    "updateUser": update_user,
}
