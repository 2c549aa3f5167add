"""Defects that show only after several calls, or between two records: what the state machine is there for."""

from __future__ import annotations

from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.defects.planting import Defect, behaviour


def _leaves_all(call: Call, state: State, honest: Behaviour) -> Answer:
    """An agent that is taken from one number is taken from every number."""
    before = state.find("numbers", call.path["phone_number"]) or {}
    said = honest(call, state)
    if "inbound_agent_id" in call.body and not call.body["inbound_agent_id"]:
        for number in list(state.all("numbers")):
            if before.get("inbound_agent_id") and number["inbound_agent_id"] == before["inbound_agent_id"]:
                state.put("numbers", {**number, "inbound_agent_id": None})
    return said


def _never_back(call: Call, state: State, honest: Behaviour) -> Answer:
    """A number that lost its agent cannot have the same one again, though the answer says so."""
    name = f"former {call.path['id']}"
    before = state.find("numbers", call.path["id"]) or {}
    said = honest(call, state)
    after = state.find("numbers", call.path["id"])
    if after is not None and before.get("agentId") and not after.get("agentId"):
        state.keep_note(name, before["agentId"])
    elif after is not None and after.get("agentId") and after["agentId"] == state.note(name):
        state.put("numbers", {**after, "agentId": None})
    return said


def _tires(call: Call, state: State, honest: Behaviour) -> Answer:
    """The fourth change of a number and all after it are answered, and lost where they set something."""
    name = f"changes {call.path['id']}"
    before = state.find("numbers", call.path["id"])
    said = honest(call, state)
    state.keep_note(name, (state.note(name) or 0) + 1)
    # A clearing that is lost would be told by another property first.
    if before is not None and any(call.body.values()) and (state.note(name) or 0) > 3:
        state.put("numbers", before)
    return said


def _comes_back(call: Call, state: State, honest: Behaviour) -> Answer:
    """An outbound agent that was removed is there again when next the webhook changes."""
    name = f"removed {call.path['number']}"
    before: dict[str, Any] = state.find("numbers", call.path["number"]) or {}
    said = honest(call, state)
    after = state.find("numbers", call.path["number"])
    if after is not None and before.get("outbound_agents") and not after["outbound_agents"]:
        state.keep_note(name, before["outbound_agents"])
    elif after is not None and set(call.body) & {"inboundWebhookUrl"} and state.note(name):
        state.put("numbers", {**after, "outbound_agents": state.note(name)})
    return said


DEEP = [
    Defect(
        "an agent that leaves one number leaves all", "teli", "isolation", behaviour("updatePhoneAgent", _leaves_all)
    ),
    Defect("an agent that left does not come back", "vogent", "read-back", behaviour("updatePhoneNumber", _never_back)),
    Defect("the fourth change is lost", "interactly", "read-back", behaviour("updateNumber", _tires)),
    Defect(
        "a removed agent comes back",
        "uponai",
        "partial",
        behaviour("updatePhoneNumberAssignment", _comes_back),
        fail_on="assumed",
    ),
]
"""Each with the property that should tell of it."""
