"""Carries out the operations around calls: what a spec says that they do with the telephone.

One places a call, one reads it, one hangs up; what is shown is the vendor's shape of a call, filled with its facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.spec import Inbound, Operation, Spec
from mock_server.stores import State
from mock_server.stores.state import TELEPHONE
from mock_server.telephone.campaigning.campaigns import value_at
from mock_server.telephone.campaigning.conducting import conducted
from mock_server.telephone.line.calls import (
    BROWSER,
    ENDED,
    SAID,
    SHAPES,
    CallLimit,
    Dialled,
    Record,
    keep,
    place,
    stamp,
)
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.fates import fate
from mock_server.telephone.line.picking import Picked, greeting_of
from mock_server.telephone.line.remembering import remembered
from mock_server.telephone.line.templates import filled
from mock_server.telephone.line.viewing import Calls, agent_of
from mock_server.values.identifiers import hexadecimal

Behaviour = Callable[[Call, State], Answer]

_TOKEN_DIGITS = 64


def ringing(spec: Spec, behaviours: Mapping[str, Behaviour], most: int) -> dict[str, Behaviour]:
    """The vendor's behaviours, and what carries out its operations around calls: of it alone, or beside them.

    `most` is how many calls a space has.
    """
    made = dict(behaviours)
    if spec.call_record is not None:
        for name, operation in spec.operations.items():
            if operation.contract.get("record") == spec.call_record and name in made:
                made[name] = _among_calls(spec, made[name])
    made |= conducted(spec, made, most)
    for name, node in spec.call_operations.items():
        operation = spec.operations[name]
        kind = next(word for word in _KINDS if word in node)
        made[name] = _KINDS[kind](spec, operation, node, most)
    return made


def _among_calls(spec: Spec, behaviour: Behaviour) -> Behaviour:
    """The same behaviour, for which the telephone's calls are records of the vendor."""

    def act(call: Call, state: State) -> Answer:
        return behaviour(call, Calls(state, spec, call.now))

    return act


def _placing(spec: Spec, operation: Operation, node: Mapping[str, Any], most: int) -> Behaviour:
    inbound = spec.inbound
    assert inbound is not None
    success = _success(operation)

    def act(call: Call, state: State) -> Answer:
        body = call.body
        browser = node.get("browser") is True or bool(_sent(body, node, "browser"))
        ours = None if browser else _caller(body, node, inbound, state)
        id = body.get(node["agent"])
        if id is None and ours is not None and inbound.agent is not None:
            id = ours.get(inbound.agent)
        agent = state.find(inbound.agents, str(id)) if id else None
        if agent is None:
            raise Refusal(node["refuses"]["agent"], assumed=True, agent=id)
        caller = BROWSER if browser else str(ours[inbound.number]) if ours is not None else ""
        number = str(ours[spec.records[inbound.numbers].key]) if ours is not None else ""
        to = _sent(body, node, "to") or (BROWSER if browser else None)
        if not to:
            raise Refusal(node["refuses"]["to"], assumed=True)
        sent = {name: body.get(field) for name, field in (node.get("keep") or {}).items()}
        asked = {
            **remembered(spec, state, ours, agent, sent=body),
            **{name: one for name, one in sent.items() if one is not None},
        }
        dialled = Dialled(
            spec.provider,
            "outbound",
            caller,
            to,
            number,
            greeting_of(inbound, agent, "outbound"),
            str(agent[inbound.name]),
            asked={**asked, "to": _sent(body, node, "to"), "token": hexadecimal(call.random, _TOKEN_DIGITS)},
            webhook_url=_sent(body, node, "webhook"),
            by_line=spec.tells(SAID),
        )
        id = str(agent[spec.records[inbound.agents].key])
        version = agent.get(inbound.version) if inbound.version else None
        picked = Picked(agent, id, version, f"{operation.id} had {id} call {to}")
        # Who is in front of a browser has opened it and answers.
        fated = fate("answered" if browser else None, to, "outbound", call.random)
        try:
            made = place(
                _book(state), dialled, picked, fated, call.now, call.random, most, node.get("id", spec.call_id)
            )
        except CallLimit as limit:
            raise Refusal("space-limit", message=str(limit)) from None
        return Answer(success, filled(node["shows"], facts(made, call.now)))

    return act


def _sent(body: Mapping[str, Json], node: Mapping[str, Any], word: str) -> Json:
    """What was sent in the field, or at the pointer, that the spec gives that part; nothing where it has none."""
    return value_at(body, node[word]) if word in node else None


def _caller(body: Mapping[str, Json], node: Mapping[str, Any], inbound: Inbound, state: State) -> Record | None:
    """The number that is called from; None where a pool of numbers is named."""
    id = body.get(node["number"])
    if not id:
        if _sent(body, node, "pool"):
            return None
        raise Refusal(node["refuses"]["no-number"], assumed=True)
    number = state.find(inbound.numbers, id)
    if number is None:
        raise Refusal(node["refuses"]["number"], assumed=True, number=id)
    if "enabled" in node and number.get(node["enabled"]) is False:
        raise Refusal(node["refuses"]["disabled"], assumed=True, number=id)
    return number


def _reading(spec: Spec, operation: Operation, node: Mapping[str, Any], _: int) -> Behaviour:
    success = _success(operation)
    shows = node.get("shows") or spec.call_shape
    hidden = spec.records[spec.call_record].hidden if spec.call_record is not None else frozenset()

    def act(call: Call, state: State) -> Answer:
        found = _known(spec, node, call, state)
        shown = filled(shows, {**facts(found, call.now), "agent_record": agent_of(spec, found, state)})
        return Answer(success, {name: value for name, value in shown.items() if name not in hidden})

    return act


def _hanging_up(spec: Spec, operation: Operation, node: Mapping[str, Any], _: int) -> Behaviour:
    success = _success(operation)

    def act(call: Call, state: State) -> Answer:
        found = _known(spec, node, call, state)
        if found["state"] == ENDED:
            raise Refusal(node["over"], assumed=True)
        wanted = node.get("only-if") or {}
        if any(call.body.get(name) != value for name, value in wanted.items()):
            return Answer(success, filled(node["shows"], facts(found, call.now)))
        # As its next step, and at once: so whoever is told of steps is told of this one too.
        found["hung_up"], found["due_at"] = True, stamp(call.now)
        keep(_book(state), found)
        return Answer(success, filled(node["shows"], facts(found, call.now)))

    return act


_KINDS: Mapping[str, Callable[[Spec, Operation, Mapping[str, Any], int], Behaviour]] = {
    "place": _placing,
    "read": _reading,
    "hang-up": _hanging_up,
}


def _book(state: State) -> State:
    return state.beside(TELEPHONE, SHAPES)


def _known(spec: Spec, node: Mapping[str, Any], call: Call, state: State) -> Record:
    """The vendor's call of the path's id."""
    name = node.get("read") or node.get("hang-up")
    found = _book(state).get("calls", call.path[str(name)])
    if found is None or found["provider"] != spec.provider or found["agent"] is None:
        raise Refusal(node["missing"], assumed=True)
    return found


def _success(operation: Operation) -> str:
    return next(answer.name for answer in operation.answers.values() if answer.status < 300)
