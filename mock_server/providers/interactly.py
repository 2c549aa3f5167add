"""Interactly: phone numbers and the assistants attached to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from mock_server.identifiers import object_id
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.stores.state import State

Record = dict[str, Any]

_TEAM_ID = "1f7b1b1b1b1b1b1b1b1b1b1b"
_PROVIDER = "twilio"
_UPDATABLE = ("assistantId", "inboundEnabled", "outboundEnabled")


def list_numbers(call: Call, state: State) -> Answer:
    """The team's numbers as a bare array, with `label` only those of exactly that label (docs: List Numbers)."""
    label = call.query.get("label")
    rows = (number for number in state.all("numbers") if label is None or number.get("label") == label)
    return Answer("listed", rows)


def import_number(call: Call, state: State) -> Answer:
    """Takes over a number of a Twilio account; its credentials are neither kept nor answered (docs: Import Number)."""
    provider = call.path["provider"]
    if provider != _PROVIDER:
        raise Refusal("unsupported-provider", provider=provider)
    number = _held_or_new(call, state)
    if "label" in call.body:
        number["label"] = call.body["label"]
    state.put("numbers", number)
    return Answer("imported", number)


def purchase_number(call: Call, state: State) -> Answer:
    """Buys the number asked for, whichever it is (docs: Purchase Number)."""
    if "number" not in call.body:
        raise Refusal("number-required")
    number = _held_or_new(call, state)
    state.put("numbers", number)
    return Answer("purchased", number)


def _held_or_new(call: Call, state: State) -> Record:
    """The team's number of that E.164, so that there is never a second one, else a new one."""
    e164 = call.body["number"]
    return state.find("numbers", e164) or complete_number({"number": e164}, call.now, call.random)


def update_number(call: Call, state: State) -> Answer:
    """Changes what was sent and keeps the rest; an empty `assistantId` detaches (docs: Update Number)."""
    number = state.get("numbers", call.path["id"])
    if number is None:
        raise Refusal("number-not-found")
    number.update({field: call.body[field] for field in _UPDATABLE if field in call.body})
    assistant_id = call.body.get("assistantId")
    if assistant_id == "":
        del number["assistantId"]
    elif assistant_id is not None and state.get("assistants", assistant_id) is None:
        raise Refusal("unknown-assistant")
    state.put("numbers", number)
    return Answer("detached" if assistant_id == "" else "updated", number)


def create_assistant(call: Call, state: State) -> Answer:
    """A new assistant of that name (docs: Create Assistant)."""
    assistant = complete_assistant({"name": call.body["name"]}, call.now, call.random)
    state.put("assistants", assistant)
    return Answer("created", assistant)


def get_assistant(call: Call, state: State) -> Answer:
    """The assistant of that id (docs: Get Assistant)."""
    return Answer("read", _assistant(call, state))


def update_assistant(call: Call, state: State) -> Answer:
    """Renames the assistant when a name was sent (docs: Update Assistant)."""
    assistant = _assistant(call, state)
    if "name" in call.body:
        assistant["name"] = call.body["name"]
        state.put("assistants", assistant)
    return Answer("updated", assistant)


def _assistant(call: Call, state: State) -> Record:
    assistant = state.get("assistants", call.path["id"])
    if assistant is None:
        raise Refusal("assistant-not-found")
    return assistant


def complete_number(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole Number, open in both directions, with no assistant or label unless given; `number` must be."""
    return {
        "_id": object_id(now, random),
        "teamId": _TEAM_ID,
        "number": given["number"],
        "provider": {"name": _PROVIDER},
        "inboundEnabled": True,
        "outboundEnabled": True,
        **given,
    }


def complete_assistant(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole assistant; only `name` must be given."""
    return {"_id": object_id(now, random), "teamId": _TEAM_ID, "name": given["name"], **given}


COMPLETIONS = {"numbers": complete_number, "assistants": complete_assistant}

BEHAVIOURS = {
    "listNumbers": list_numbers,
    "purchaseNumber": purchase_number,
    "importNumber": import_number,
    "updateNumber": update_number,
    "createAssistant": create_assistant,
    "getAssistant": get_assistant,
    "updateAssistant": update_assistant,
}
