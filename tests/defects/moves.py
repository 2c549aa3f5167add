"""Defects of what else a write does: fields that were not sent, other records, refused requests, the wrong record."""

from __future__ import annotations

from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.defects.planting import (
    Defect,
    afterwards,
    answer,
    behaviour,
    edits,
    keeps_some,
    overlooks,
    refuses,
    sees,
    takes_for,
)

_TELI_MISSING = {"error": "At least one of inbound_agent_id, outbound_agent_id or nickname", "success": False}
TELI_FIRST = "1763500416653x437043850941191495"
VOGENT_NUMBERS = ("1caec78c-4bba-477d-82cf-bcfce2b73856", "7d0a3c52-93f1-4d0e-8a6b-5e1f20c4b9d7")
VOGENT_AGENTS = ("61ccefdf-ea02-4f49-811b-1241f8e20d26", "b0e5a7f4-2c68-4f7b-9d13-6a8c4e2f1b05")
INTERACTLY_NUMBERS = ("a12f9c88-c155-461f-9771-4d240cdc9a04", "5f7b1b1b1b1b1b1b1b1b1b1b")
INTERACTLY_ASSISTANTS = ("a12f9c88-c155-461f-9771-4d240cdc9a04", "678a253ca6d866573043502e")


def _reset(name: str, value: Any) -> Any:
    """A field that was not sent goes back to its default."""

    def change(call: Call, record: dict[str, Any]) -> None:
        if name not in call.body:
            record[name] = value

    return change


def _coupled(sent: str, other: str) -> Any:
    """A field that is sent alone takes another one with it."""

    def change(call: Call, record: dict[str, Any]) -> None:
        if sent in call.body and other not in call.body:
            record[other] = call.body[sent]

    return change


def _only_first(*names: str) -> Any:
    """Of several fields only the first is kept."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        sent = [name for name in names if name in body]
        return {name: value for name, value in body.items() if name not in sent[1:]}

    return change


def _taken_over(call: Call, state: State, honest: Behaviour) -> Answer:
    """An assistant that is given to one number is taken from every other one."""
    said = honest(call, state)
    given = call.body.get("assistantId")
    for number in list(state.all("numbers")):
        if given and number.get("assistantId") == given and number["_id"] != call.path["id"]:
            state.put("numbers", {name: value for name, value in number.items() if name != "assistantId"})
    return said


def _webhook_for_all(call: Call, state: State, said: Answer) -> None:
    """A webhook is set for every number of the account."""
    if "inboundWebhookUrl" in call.body:
        for number in list(state.all("numbers")):
            state.put("numbers", {**number, "inbound_webhook_url": call.body["inboundWebhookUrl"]})


def _newest(call: Call, state: State, honest: Behaviour) -> Answer:
    """An agent that is asked for by another id of its own is answered as the first agent of all."""
    found = state.find("agents", call.path["agent_id"])
    if found is not None and call.path["agent_id"] != found["voice_agent_id"]:
        return honest(call._replace(path={**call.path, "agent_id": next(iter(state.all("agents")))["agent_id"]}), state)
    return honest(call, state)


DEFECTS = [
    # fields
    Defect(
        "a nickname without an agent is refused",
        "teli",
        "fields",
        refuses("updatePhoneAgent", "POST", lambda b: set(b) == {"nickname"}, 400, _TELI_MISSING),
        "updatePhoneAgent",
    ),
    Defect(
        "PATCH does not take an outbound agent alone",
        "teli",
        "fields",
        refuses("updatePhoneAgentPatch", "PATCH", lambda b: set(b) == {"outbound_agent_id"}, 400, _TELI_MISSING),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "a nickname alone clears the outbound agent",
        "teli",
        "fields",
        edits(
            "updatePhoneAgent",
            "numbers",
            lambda call, row: row.update(outbound_agent_id=None) if set(call.body) == {"nickname"} else None,
        ),
        "updatePhoneAgent",
    ),
    Defect(
        "of two fields of an agent the second is lost",
        "teli",
        "fields",
        sees("updateAgent", _only_first("voice_speed", "interruption_sensitivity", "agent_name")),
        "updateAgent",
    ),
    Defect(
        "a language that was not sent goes back to its default",
        "vogent",
        "fields",
        edits("updateAgent", "agents", _reset("language", "en-US")),
        "updateAgent",
    ),
    Defect(
        "metadata that was not sent is emptied",
        "vogent",
        "fields",
        edits("updateAgent", "agents", _reset("metadata", {})),
        "updateAgent",
    ),
    Defect(
        "of a name and a language only the name is kept",
        "vogent",
        "fields",
        sees("updateAgent", _only_first("name", "language")),
        "updateAgent",
    ),
    Defect(
        "the other switch follows",
        "interactly",
        "fields",
        edits("updateNumber", "numbers", _coupled("inboundEnabled", "outboundEnabled")),
        "updateNumber",
    ),
    Defect(
        "of two switches only the first is set",
        "interactly",
        "fields",
        sees("updateNumber", _only_first("inboundEnabled", "outboundEnabled")),
        "updateNumber",
    ),
    Defect(
        "an assistant leaves the number that had it",
        "interactly",
        "fields",
        behaviour("updateNumber", _taken_over),
        "updateNumber",
    ),
    Defect(
        "a webhook is set for every number",
        "uponai",
        "fields",
        afterwards("updatePhoneNumberAssignment", _webhook_for_all),
        "updatePhoneNumberAssignment",
        "assumed",
    ),
    Defect(
        "time routing alone is not kept",
        "uponai",
        "fields",
        sees(
            "updatePhoneNumberAssignment",
            lambda b: b if len(b) > 3 else {k: v for k, v in b.items() if k != "isTimeRoutingEnabled"},
        ),
        "updatePhoneNumberAssignment",
    ),
    # atomic
    Defect(
        "a refused link keeps the nickname",
        "teli",
        "atomic",
        keeps_some("updatePhoneAgent", "nickname"),
        "updatePhoneAgent",
    ),
    Defect(
        "a refused outbound agent keeps the inbound one",
        "teli",
        "atomic",
        keeps_some("updatePhoneAgentPatch", "inbound_agent_id"),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "the second of two agents is not looked at",
        "teli",
        "atomic",
        overlooks("updatePhoneAgent", "outbound_agent_id", lambda v: isinstance(v, str)),
        "updatePhoneAgent",
    ),
    Defect("a refused agent keeps its name", "teli", "atomic", keeps_some("updateAgent", "agent_name"), "updateAgent"),
    Defect(
        "a refused user keeps the phone",
        "teli",
        "atomic",
        keeps_some("updateUser", "phone", "permission"),
        "updateUser",
    ),
    Defect(
        "a refused setting keeps the language",
        "vogent",
        "atomic",
        keeps_some("updateAgent", "language"),
        "updateAgent",
    ),
    Defect(
        "an unknown agent is linked to nobody, and taken",
        "vogent",
        "atomic",
        overlooks("updatePhoneNumber", "agentId", lambda v: isinstance(v, str)),
        "updatePhoneNumber",
        "assumed",
    ),
    Defect(
        "a refused assistant keeps the switches",
        "interactly",
        "atomic",
        keeps_some("updateNumber", "inboundEnabled", "outboundEnabled"),
        "updateNumber",
    ),
    Defect(
        "a refused import keeps the number",
        "interactly",
        "atomic",
        keeps_some("importNumber", "number"),
        "importNumber",
    ),
    Defect(
        "a refused agent keeps the webhook",
        "uponai",
        "atomic",
        keeps_some("updatePhoneNumberAssignment", "inboundWebhookUrl", required=("accountSid", "workspaceId")),
        "updatePhoneNumberAssignment",
    ),
    Defect(
        "an unknown inbound agent is passed over",
        "uponai",
        "atomic",
        overlooks("updatePhoneNumberAssignment", "inboundAgents", lambda v: isinstance(v, list)),
        "updatePhoneNumberAssignment",
        "assumed",
    ),
    # addressed
    Defect(
        "the second agent is taken for the first",
        "teli",
        "addressed",
        takes_for("GET", "/v1/agents", "agent_xyz789", "agent_abc123"),
        "getAgent",
        "assumed",
    ),
    Defect(
        "an agent's other ids name the first agent",
        "teli",
        "addressed",
        behaviour("getAgent", _newest),
        "getAgent",
        "assumed",
    ),
    Defect(
        "an update answers another agent's id",
        "teli",
        "addressed",
        answer("updateAgent", lambda b: b.update(agent_id=TELI_FIRST), status=200),
        "updateAgent",
    ),
    Defect(
        "the second number is answered as the first",
        "vogent",
        "addressed",
        takes_for("GET", "/api/phone_numbers", VOGENT_NUMBERS[1], VOGENT_NUMBERS[0]),
        "getPhoneNumber",
    ),
    Defect(
        "an update of the second agent writes the first",
        "vogent",
        "addressed",
        takes_for("PUT", "/api/agents", VOGENT_AGENTS[1], VOGENT_AGENTS[0]),
        "updateAgent",
    ),
    Defect(
        "the second number is taken for the first",
        "interactly",
        "addressed",
        takes_for("PUT", "/assistants/v1/numbers", INTERACTLY_NUMBERS[1], INTERACTLY_NUMBERS[0]),
        "updateNumber",
    ),
    Defect(
        "the second assistant is answered as the first",
        "interactly",
        "addressed",
        takes_for("GET", "/assistants/v1/assistants", INTERACTLY_ASSISTANTS[1], INTERACTLY_ASSISTANTS[0]),
        "getAssistant",
        "assumed",
    ),
    Defect(
        "the extension is taken for the number",
        "uponai",
        "addressed",
        takes_for("PUT", "/api/numbers", "334", "+12137771235"),
        "updatePhoneNumberAssignment",
    ),
    Defect(
        "the second agent is answered as the first",
        "uponai",
        "addressed",
        takes_for("GET", "/api/agents", "agent_1f864a29b7c2ab407103c88335", "agent_d3c2df14e163c7ca8ac5b1bf38"),
        "getAgent",
    ),
]
