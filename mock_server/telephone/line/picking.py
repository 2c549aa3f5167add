"""Who picks up when a number rings, and why; or that nobody does, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from mock_server.messages import Json
from mock_server.spec import Inbound, Spec
from mock_server.stores import State

Record = Mapping[str, Json]
_PARAMETER = re.compile(r"\{[^}]*\}")


class Picked(NamedTuple):
    """The agent that picks up (None: nobody does), in which version, and why, in one sentence."""

    agent: Record | None
    agent_id: str | None
    version: int | None
    why: str


def picks_up(spec: Spec, inbound: Inbound, number: Record, state: State, random: Random) -> Picked:
    """The agent that a call to this number of the vendor reaches."""
    dialled = number[inbound.number]
    if inbound.enabled is not None and not number.get(inbound.enabled):
        return _nobody(f"{inbound.enabled} of {dialled} is false; {_way_out(spec, inbound, number)}")
    if inbound.shares is not None:
        entry, why = _drawn(inbound, number, random)
        agent_id, pinned = (entry[inbound.shares.agent], entry.get(inbound.shares.version)) if entry else (None, None)
    else:
        agent_id, pinned = number.get(str(inbound.agent)), None
        why = f"it is the {inbound.agent} of {dialled}"
    if not agent_id:
        return _nobody(f"no inbound agent is linked to {dialled}; {_way_out(spec, inbound, number)}")
    agent = state.find(inbound.agents, str(agent_id))
    if agent is None:
        return _nobody(f"{agent_id} is linked to {dialled} and is gone; {_way_out(spec, inbound, number)}")
    version = pinned if pinned is not None else agent.get(inbound.version) if inbound.version else None
    of = "" if version is None else f" in version {version}{' (pinned)' if pinned is not None else ' (the newest)'}"
    remarks = [text for field, text in inbound.remarks.items() if number.get(field)]
    said = "; ".join([f"{agent_id} ({agent[inbound.name]}) picks up{of}: {why}", *remarks])
    return Picked(agent, str(agent_id), version, said)


def greeting_of(inbound: Inbound, agent: Record, direction: str) -> str:
    """What the agent says first: its own greeting, where its record has one for calls of that direction."""
    own = _own_greeting(inbound.greeting, agent, direction) if inbound.greeting else None
    return str(own) if own else f"Hello, this is {agent.get(inbound.name, '')}. How can I help you?"


def _own_greeting(said: str | Mapping[str, Any], agent: Record, direction: str) -> Json:
    if isinstance(said, str):
        return agent.get(said)
    line = agent.get(said["field"]) or {}
    return line.get(said["text"]) if line.get(said["when"]) in said[direction] else None


def _nobody(why: str) -> Picked:
    return Picked(None, None, None, f"nobody picks up: {why}")


def _way_out(spec: Spec, inbound: Inbound, number: Record) -> str:
    operation = spec.operations[inbound.set_by]
    path = _PARAMETER.sub(lambda _: str(number[spec.records[inbound.numbers].key]), operation.path)
    return f"{operation.method} {path} ({operation.id}) sets it"


def _drawn(inbound: Inbound, number: Record, random: Random) -> tuple[Mapping[str, Any] | None, str]:
    """The entry of the shares that chance draws, each as often as its weight says."""
    assert inbound.shares is not None
    drawn = random.random()
    entries = number.get(inbound.shares.field) or []
    left = drawn * sum(entry[inbound.shares.weight] for entry in entries)
    for entry in entries:
        weight = entry[inbound.shares.weight]
        left -= weight
        if left < 0 or entry is entries[-1]:
            if len(entries) == 1:
                return entry, f"it is the only one of the {inbound.shares.field} of {number[inbound.number]}"
            return entry, (
                f"of the {len(entries)} {inbound.shares.field} of {number[inbound.number]} it has the weight"
                f" {weight:g}, and chance drew it"
            )
    return None, ""
