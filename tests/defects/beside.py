"""Defects beside what was asked for: records of other kinds, pages in motion, limits, order, names encoded twice."""

from __future__ import annotations

import json
from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State
from tests.defects.planting import Ask, Defect, Front, Plant, afterwards, answer, behaviour, boundary, of, stalling

MOST = 1000


def others(kind: str, field: str, value: Any, *, linked: str = "") -> Any:
    """Gives every record of another kind a value; only those that name the written one where `linked` says how."""

    def change(call: Call, state: State, said: Answer) -> None:
        name = next(iter(call.path.values()), None)
        for row in list(state.all(kind)):
            if not linked or row.get(linked) == name:
                state.put(kind, {**row, field: value(said) if callable(value) else value})

    return change


def _takes(kind: str, key: str) -> Any:
    """Removes a record of another kind too, the one with that key."""

    def change(call: Call, state: State, said: Answer) -> None:
        if state.find(kind, key) is not None:
            state.delete(kind, key)

    return change


def counted(operation: str, *, newest: bool) -> Plant:
    """Pages by counting from the beginning, so that rows that come or go before it move all the rest."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        query = dict(call.query)
        cursor, limit = str(query.pop("cursor", "") or ""), query.pop("limit", 100)
        if cursor and not cursor.removeprefix("from-").isdigit():
            return honest(call, state)
        said = honest(call._replace(query={**query, "limit": MOST}), state)
        rows = list(said.body["data"])
        rows = rows[::-1] if newest else rows
        start = int(cursor.removeprefix("from-") or 0)
        end = start + int(limit)
        return said._replace(
            body={"data": rows[start:end], "cursor": f"from-{end}" if end < len(rows) else None},
        )

    return behaviour(operation, changed)


def limited(operation: str, more: int) -> Plant:
    """Above one, so many rows more than were asked for, or fewer."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        limit = call.query.get("limit")
        off = isinstance(limit, int) and 1 < limit < MOST
        return honest(call._replace(query={**call.query, "limit": limit + more}) if off else call, state)

    return behaviour(operation, changed)


def newest_first(operation: str) -> Plant:
    """Rows in the other order."""
    return behaviour(
        operation,
        lambda call, state, honest: (said := honest(call, state))._replace(body=list(said.body)[::-1]),
    )


def looks_at_one(operation: str, name: str) -> Plant:
    """Of the elements of a list only the first is looked at."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        try:
            sent = json.loads(request.body or b"")
        except ValueError:
            return response
        if not of(response, operation) or response.status < 400 or not isinstance(sent, dict):
            return response
        some = sent.get(name)
        if not isinstance(some, list) or len(some) < 2:
            return response
        other = ask(request._replace(body=json.dumps({**sent, name: [{**some[0], "weight": 1}]}).encode()))
        return other if other.status < 300 else response

    return boundary(changed)


DECODED_TWICE = Front(lambda path: path.replace("%25", "%"))
"""Percent-encoding is undone twice."""


DEFECTS = [
    # isolation, over all kinds
    Defect(
        "an assistant that is updated leaves its numbers",
        "interactly",
        "isolation",
        afterwards("updateAssistant", others("numbers", "assistantId", "", linked="assistantId")),
        "updateAssistant",
        "assumed",
    ),
    Defect(
        "a new assistant renames every number",
        "interactly",
        "isolation",
        afterwards("createAssistant", others("numbers", "label", "new")),
        "createAssistant",
        "assumed",
    ),
    Defect(
        "an agent that is updated leaves its numbers",
        "teli",
        "isolation",
        afterwards("updateAgent", others("numbers", "outbound_agent_id", None)),
        "updateAgent",
    ),
    Defect(
        "a new user takes the agents over",
        "teli",
        "isolation",
        afterwards("createUser", others("agents", "created_by_user_id", lambda said: said.body["user"]["unique_id"])),
        "createUser",
    ),
    Defect(
        "a new agent loses the nicknames of the numbers",
        "teli",
        "isolation",
        afterwards("createAgent", others("numbers", "nickname", None)),
        "createAgent",
    ),
    Defect(
        "with a number goes its agent",
        "vogent",
        "isolation",
        afterwards("deletePhoneNumber", _takes("agents", "b0e5a7f4-2c68-4f7b-9d13-6a8c4e2f1b05")),
        "deletePhoneNumber",
    ),
    Defect(
        "an agent that is updated leaves its numbers",
        "vogent",
        "isolation",
        afterwards("updateAgent", others("numbers", "agentId", None)),
        "updateAgent",
    ),
    Defect(
        "a new agent replaces the webhook of every number",
        "uponai",
        "isolation",
        afterwards("createAgent", others("numbers", "inbound_webhook_url", "https://example.org/new")),
        "createAgent",
    ),
    # pages while rows come and go
    Defect(
        "a row is passed over when one before it goes",
        "vogent",
        "list",
        counted("listAgents", newest=False),
        "listAgents",
        "assumed",
    ),
    Defect(
        "a row comes twice when a newer one comes",
        "vogent",
        "list",
        counted("listPhoneNumbers", newest=True),
        "listPhoneNumbers",
        "assumed",
    ),
    # limits
    Defect("above one, a row more than asked for", "uponai", "list", limited("listAgents", 1), "listAgents"),
    Defect(
        "above one, a row fewer than asked for", "uponai", "list", limited("listAgents", -1), "listAgents", "assumed"
    ),
    # order
    Defect(
        "the newest version first",
        "uponai",
        "list",
        newest_first("listAgentVersions"),
        "listAgentVersions",
        "assumed",
    ),
    # names
    Defect("a path is decoded twice", "teli", "encoding", DECODED_TWICE, "updatePhoneAgent", "assumed"),
    Defect("a path is decoded twice", "vogent", "encoding", DECODED_TWICE, "getPhoneNumber", "assumed"),
    Defect("a path is decoded twice", "interactly", "encoding", DECODED_TWICE, "updateNumber", "assumed"),
    Defect("a path is decoded twice", "uponai", "encoding", DECODED_TWICE, "getAgent", "assumed"),
    # references
    Defect(
        "of two inbound agents the first is looked at",
        "uponai",
        "atomic",
        looks_at_one("updatePhoneNumberAssignment", "inboundAgents"),
        "updatePhoneNumberAssignment",
        "assumed",
    ),
    # what was not sent, in the answer
    Defect(
        "another team in the answer",
        "interactly",
        "fields",
        answer("updateNumber", lambda body: body.update(teamId="2" * 24), status=200),
        "updateNumber",
    ),
    # the connection
    Defect(
        "a purchase is answered by nobody",
        "vogent",
        "valid",
        stalling("POST", "/api/phone_numbers/purchase"),
        "purchasePhoneNumber",
    ),
    Defect(
        "an update cuts the connection",
        "teli",
        "read-back",
        stalling("PATCH", ".*/update-agent"),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "an update takes longer than anybody waits",
        "interactly",
        "read-back",
        stalling("PUT", "/assistants/v1/numbers/[^/]+", seconds=1.6),
        "updateNumber",
        timeout_seconds=1.0,
    ),
    Defect(
        "a list takes longer than anybody waits",
        "uponai",
        "list",
        stalling("GET", "/api/agents", seconds=1.6),
        "listAgents",
        timeout_seconds=1.0,
    ),
]
