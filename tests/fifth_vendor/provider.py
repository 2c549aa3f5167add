"""Acme: phone numbers. Copy this file to mock_server/providers/<vendor>.py and change it.

A behaviour is a function of a valid call and the vendor's records; what it refuses and what it answers are examples
that the spec names. Time and chance come with the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random

from mock_server.identifiers import hexadecimal
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.stores.state import State


def list_numbers(call: Call, state: State) -> Answer:
    """All numbers in the order of their creation; the rows are counted where the contract says so."""
    return Answer("listed", {"numbers": state.all("numbers")})


def create_number(call: Call, state: State) -> Answer:
    """The number asked for, unless it is held."""
    number = call.body["number"]
    if state.find("numbers", number) is not None:
        raise Refusal("number-held", number=number)
    record = complete_number({"number": number}, call.now, call.random)
    state.put("numbers", record)
    return Answer("created", record)


def update_number(call: Call, state: State) -> Answer:
    """Links the number to an agent, or with null to none."""
    number = state.get("numbers", call.path["id"])
    if number is None:
        raise Refusal("number-not-found")
    if "agent_id" in call.body:
        agent_id = call.body["agent_id"]
        if agent_id is not None and state.get("agents", agent_id) is None:
            raise Refusal("agent-not-found")
        number["agent_id"] = agent_id
        state.put("numbers", number)
    return Answer("updated", number)


def complete_number(given: Mapping[str, Json], now: datetime, random: Random) -> dict[str, Json]:
    """A whole number; only `number` must be given."""
    return {"id": f"num_{hexadecimal(random, 16)}", "agent_id": None, **given}


COMPLETIONS = {"numbers": complete_number}

BEHAVIOURS = {
    "listNumbers": list_numbers,
    "createNumber": create_number,
    "updateNumber": update_number,
}
