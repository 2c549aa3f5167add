"""UponAI: the assignment of phone numbers to weighted, versioned agents, and the agents themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import dropwhile, islice
from math import fsum
from typing import Any

from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.stores.state import State

Record = dict[str, Any]

_WEIGHT_TOLERANCE = 1e-6
_PLATFORM = ("platform_import_error", "platform_import_error_message")
_ASSIGNMENT = (
    "account_sid",
    "workspace_id",
    "agent_id",
    "inbound_agent_id",
    "outbound_agents",
    "inbound_agents",
    "is_time_routing_enabled",
    *_PLATFORM,
)
_UPDATABLE = ("response_engine", "interruption_sensitivity", "max_call_duration_ms", "responsiveness", "webhook_url")
_IDENTITY = ("id", "number", "base_number", "account_sid", "workspace_id")
_SETTINGS = ("application_sid", "phone_number_sid", "inbound_webhook_url", "is_time_routing_enabled", *_PLATFORM)
_PRIVATE = ("workspace_id", "earlier_versions")


# Numbers


def update_assignment(call: Call, state: State) -> Answer:
    """Changes what was sent of a number's assignment and keeps the rest (docs: Update phone number assignment).

    What the body alone can tell is checked first, then account, workspace, number and agents, in that order.
    A function, because weights that add up, agents pinned to versions and rows read off two lists are no fields.
    """
    body = call.body
    _check_shares(body.get("inboundAgents", ()))
    account_sid = _account_sid(body["accountSid"], state)
    workspace_id = _workspace_id(body["workspaceId"], state, account_sid)
    number = state.find("numbers", call.path["number"])
    if number is None or number["account_sid"] != account_sid or number["workspace_id"] != workspace_id:
        raise Refusal("number-not-found", number=call.path["number"])
    if "inboundAgents" in body:
        number["inbound_agents"] = _inbound(body["inboundAgents"], workspace_id, state)
    if "outboundAgentId" in body or "outboundAgentVersion" in body:
        number["outbound_agents"] = _outbound(body, number["outbound_agents"], workspace_id, state)
    if "inboundWebhookUrl" in body:
        number["inbound_webhook_url"] = body["inboundWebhookUrl"]
    if "isTimeRoutingEnabled" in body:
        number["is_time_routing_enabled"] = body["isTimeRoutingEnabled"]
    state.put("numbers", number)
    row = _row(number)
    assignment = {field: row[field] for field in _ASSIGNMENT if field in row}
    # One row is the whole list: base_number is an alias of the record, so no two rows of a space share one.
    return Answer("updated", {"numbers": [row], "assignment": assignment})


def list_numbers(call: Call, state: State) -> Answer:
    """The account's numbers, in every workspace of it (docs: List phone numbers).

    A function, because a row's single-agent fields are read off its lists, and left out where these are empty.
    """
    account_sid = _account_sid(call.path["accountSid"], state)
    rows = (_row(number) for number in state.all("numbers") if number["account_sid"] == account_sid)
    return Answer("listed", {"numbers": rows})


def _account_sid(account_sid: str, state: State) -> str:
    if state.get("accounts", account_sid) is None:
        raise Refusal("account-not-found", accountSid=account_sid)
    return account_sid


def _workspace_id(sent: float, state: State, account_sid: str | None = None) -> int:
    """The workspace's id, if it exists (and in that account); JSON knows 1.0 as an integer too."""
    workspace = state.get("workspaces", str(int(sent)))
    if workspace is None or account_sid not in (None, workspace["account_sid"]):
        raise Refusal("workspace-not-found", workspaceId=int(sent))
    return int(sent)


def _check_shares(agents: Sequence[Mapping[str, Json]]) -> None:
    """Inbound agents share the calls: each is listed once, and the weights of a list that has any add up to 1."""
    seen: set[str] = set()
    for agent in agents:
        if agent["agent_id"] in seen:
            raise Refusal("agent-twice", agent_id=agent["agent_id"])
        seen.add(agent["agent_id"])
    if agents and abs(fsum(agent["weight"] for agent in agents) - 1) > _WEIGHT_TOLERANCE:
        raise Refusal("weights-not-one")


def _inbound(sent: Sequence[Mapping[str, Json]], workspace_id: int, state: State) -> list[Record]:
    """The inbound agents as sent, if all of them exist."""
    return [
        _binding(
            (f"inboundAgents.{index}.agent_id", agent["agent_id"]),
            (f"inboundAgents.{index}.agent_version", agent.get("agent_version")),
            agent["weight"],
            workspace_id,
            state,
        )
        for index, agent in enumerate(sent)
    ]


def _outbound(body: Mapping[str, Json], bound: Sequence[Record], workspace_id: int, state: State) -> list[Record]:
    """The one outbound agent, with all of the weight, or none after a null.

    A version sent alone is for the agent already bound. A version that was not sent is kept with its agent,
    and goes with it: the number of one agent's version means nothing for another's.
    """
    before: Mapping[str, Json] = bound[0] if bound else {}
    agent_id = body.get("outboundAgentId", before.get("agent_id"))
    if agent_id is None:
        if "outboundAgentVersion" in body:
            raise Refusal("outbound-agent-required")
        return []
    kept = before.get("agent_version") if agent_id == before.get("agent_id") else None
    version = body.get("outboundAgentVersion", kept)
    return [_binding(("outboundAgentId", agent_id), ("outboundAgentVersion", version), 1, workspace_id, state)]


def _binding(
    agent_id: tuple[str, str], version: tuple[str, float | None], weight: float, workspace_id: int, state: State
) -> Record:
    """An entry of the agents' lists, if agent and version exist; each comes with the field that it was sent in.

    Without a version the entry has none: the number is not pinned and follows the agent's newest version.
    """
    field, id = agent_id
    agent = state.get("agents", id)
    if agent is None or agent["workspace_id"] != workspace_id:
        raise Refusal("agent-not-found", field=field, agent_id=id)
    field, pinned = version
    if pinned is None:
        return {"agent_id": id, "weight": weight}
    if _version(agent, pinned) is None:
        raise Refusal("agent-version-not-found", field=field, agent_id=id, version=int(pinned))
    return {"agent_id": id, "agent_version": int(pinned), "weight": weight}


def _row(number: Mapping[str, Json]) -> Record:
    """A number as the pages show it, its single-agent fields read off the lists; what is unset is left out."""
    inbound = number["inbound_agents"][0] if number["inbound_agents"] else {}
    outbound = number["outbound_agents"][0] if number["outbound_agents"] else {}
    row = {
        **{field: number[field] for field in _IDENTITY},
        "agent_id": inbound.get("agent_id"),
        "default_agent_id": inbound.get("agent_id"),
        "inbound_agent_id": inbound.get("agent_id"),
        "inbound_agents": number["inbound_agents"],
        "outbound_agents": number["outbound_agents"],
        "inbound_agent_version": inbound.get("agent_version"),
        "outbound_agent_version": outbound.get("agent_version"),
        **{field: number[field] for field in _SETTINGS},
    }
    return {field: value for field, value in row.items() if value is not None}


# Agents: version 0 is published at birth and never changes again; the version after it is the draft.


def list_agents(call: Call, state: State) -> Answer:
    """A page of the workspace's agents, one row for each version, oldest first (docs: List agents).

    The page begins after the row of `paginationKey` and `paginationKeyVersion`, or after all rows of that agent.
    A function, because a row is a version, and a record is an agent with all of its versions.
    """
    workspace_id = _workspace_id(call.query["workspaceId"], state)
    rows = _version_rows(workspace_id, state)
    key, last = call.query.get("paginationKey"), call.query.get("paginationKeyVersion")
    if key is not None:
        agent = state.get("agents", key)
        if agent is None or agent["workspace_id"] != workspace_id:
            raise Refusal("pagination-key-not-found", paginationKey=key)
        rows = dropwhile(lambda row: row["agent_id"] != key, rows)
        rows = dropwhile(lambda row: row["agent_id"] == key and (last is None or row["version"] <= last), rows)
    return Answer("listed", islice(rows, call.query["limit"]))


def _version_rows(workspace_id: int, state: State) -> Iterator[Record]:
    for agent in state.all("agents"):
        if agent["workspace_id"] == workspace_id:
            for version in _versions(agent):
                yield {field: version[field] for field in ("agent_id", "version", "agent_name")}


def get_agent(call: Call, state: State) -> Answer:
    """The agent in the version asked for, or in its newest one (docs: Get agent).

    A function, because an older version is part of the record.
    """
    agent = _agent(call.path["agentId"], call.query["workspaceId"], state)
    return Answer("read", _wanted_version(agent, call.query.get("version")))


def update_agent(call: Call, state: State) -> Answer:
    """Changes the draft, which the first update makes of the published version (docs: Update agent).

    A function, because the first update keeps the version that it changes.
    """
    agent = _agent(call.path["agentId"], call.body["workspaceId"], state)
    has_draft, wanted = bool(agent["earlier_versions"]), call.query.get("version")
    if wanted is not None and not (has_draft and wanted == agent["version"]):
        raise Refusal("draft-not-found", agentId=agent["agent_id"], version=wanted)
    if not has_draft:
        agent["earlier_versions"] = [_shown(agent)]
        agent["version"] += 1
    agent.update({field: call.body[field] for field in _UPDATABLE if field in call.body})
    agent["updated_at"] = timestamp(call.now)
    state.put("agents", agent)
    return Answer("updated", _shown(agent))


def list_agent_versions(call: Call, state: State) -> Answer:
    """The agent's versions, oldest first (docs: List agent versions).

    A function, because a version is part of its agent's record.
    """
    agent = _agent(call.path["agentId"], call.query["workspaceId"], state)
    fields = ("agent_id", "version", "updated_at")
    return Answer("listed", [{field: version[field] for field in fields} for version in _versions(agent)])


def _agent(agent_id: str, sent_workspace_id: float, state: State) -> Record:
    """The agent of that id, if it is in the workspace that the caller names."""
    workspace_id = _workspace_id(sent_workspace_id, state)
    agent = state.get("agents", agent_id)
    if agent is None or agent["workspace_id"] != workspace_id:
        raise Refusal("agent-not-found", agentId=agent_id)
    return agent


def _versions(agent: Mapping[str, Json]) -> list[Record]:
    return [*agent["earlier_versions"], _shown(agent)]


def _version(agent: Mapping[str, Json], number: float) -> Record | None:
    return next((version for version in _versions(agent) if version["version"] == number), None)


def _wanted_version(agent: Mapping[str, Json], number: int | None) -> Record:
    """The version of that number, the newest one when none was asked for."""
    version = _shown(agent) if number is None else _version(agent, number)
    if version is None:
        raise Refusal("version-not-found", agentId=agent["agent_id"], version=number)
    return version


def _shown(agent: Mapping[str, Json]) -> Record:
    """The newest version as the pages show an agent."""
    return {field: value for field, value in agent.items() if field not in _PRIVATE}


def timestamp(now: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2025-11-20T17:41:24.234Z`."""
    return now.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


BEHAVIOURS = {
    "updatePhoneNumberAssignment": update_assignment,
    "listPhoneNumbers": list_numbers,
    "listAgents": list_agents,
    "getAgent": get_agent,
    "updateAgent": update_agent,
    "listAgentVersions": list_agent_versions,
}
