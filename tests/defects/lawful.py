"""Differences of a server that no page decides: no defects, and planted to see that nobody is accused of them.

Each stands near a class of planted defects: texts and numbers that are written otherwise and mean the same, rows and
members beside what was asked for, values that an account may not have, deletions that settle what they leave, and what
HTTP leaves to a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any
from urllib.parse import unquote

from mock_server.exchange import Service
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State
from tests.defects.planting import (
    Ask,
    Defect,
    Front,
    Plant,
    answer,
    behaviour,
    boundary,
    drop,
    edits,
    of,
    refuses,
    rows,
    stalling,
    status,
)
from tests.honest.habits import respelled


def _national(body: dict[str, Any]) -> None:
    digits = body["phone_number"][2:]
    body["phone_number_pretty"] = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _nulls(body: dict[str, Any]) -> None:
    for row in [*body["numbers"], body["assignment"]]:
        row.setdefault("inbound_webhook_url", None)
        row.setdefault("platform_import_error_message", None)


def _other_words(operation: str) -> Plant:
    """Another body of every 400 and 422, none of which a page shows."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if of(response, operation, 400) or of(response, operation, 422):
            return response._replace(body=json.dumps({"errors": ["that cannot be"]}).encode())
        return response

    return boundary(changed)


def _null_links(service: Service) -> None:
    """By either method the link that was not sent is answered as null."""
    for operation in ("updatePhoneAgent", "updatePhoneAgentPatch"):
        answer(operation, lambda b: {"outbound_agent_id": None, **b}, status=200)(service)


def _imported_twice(call: Call, state: State, honest: Any) -> Answer:
    """A SIP number or prefix that is held already is held twice; what is for sale is sold once."""
    held = [] if call.body["type"] == "purchase" else list(state.all("numbers"))
    for row in held:
        state.put("numbers", {**row, "number": f"{row['number']} is held"})
    said: Answer = honest(call, state)
    for row in held:
        state.put("numbers", row)
    return said


def _no_signs(service: Service) -> None:
    """A path in which a per cent sign is left once it is decoded is refused before anything is looked for."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        return response._replace(status=400, body=b"{}") if "%" in unquote(request.path) else response

    boundary(changed)(service)


def _spelled_otherwise(service: Service) -> None:
    """White space, escapes and the order of members are the writer's; so are members that no page names."""
    turns = count()

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not response.body:
            return response
        turn, body = next(turns), json.loads(response.body)
        if isinstance(body, dict):
            body = {**body, "requestId": f"r-{turn}", "links": {"self": [request.path]}}
        spaced = json.dumps(respelled(body, turn), indent=2 if turn % 3 else None, ensure_ascii=turn % 2 == 0)
        return response._replace(body=spaced.replace("/", "\\/" if turn % 2 else "/").encode() + b" \n" * (turn % 3))

    boundary(changed)(service)


def _headed_otherwise(service: Service) -> None:
    """JSON under its name in other letters, a charset in quotes, a header twice, and others in another order."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        kind = 'Application/JSON; Charset="UTF-8"'
        kept = [(name, kind if name.lower() == "content-type" else value) for name, value in reversed(response.headers)]
        return response._replace(headers=(("vary", "Origin"), *kept, ("vary", "Accept")))

    boundary(changed)(service)


def _in_another_zone(body: dict[str, Any]) -> None:
    told = datetime.fromisoformat(body["released_at"]).astimezone(timezone(timedelta(hours=5, minutes=30)))
    body["released_at"] = told.isoformat(timespec="microseconds")


def _no_longer_than(most: int) -> Plant:
    """By either method a nickname that is longer is refused, with words of the server's own."""
    said = {"error": "nickname is too long", "success": False, "powered_by": "Teli"}

    def plant(service: Service) -> None:
        for operation, method in (("updatePhoneAgent", "POST"), ("updatePhoneAgentPatch", "PATCH")):
            refuses(operation, method, lambda body: len(str(body.get("nickname"))) > most, 400, said)(service)

    return plant


def _kept_while_linked(call: Call, state: State, honest: Any) -> Answer:
    """What becomes of the links of an agent that is deleted no page says: here they stay, and lead to nobody."""
    before = list(state.all("numbers"))
    said: Answer = honest(call, state)
    for row in before:
        state.put("numbers", row)
    return said


def _whole(some: Iterable[Defect]) -> Plant:
    """All of these differences in one server."""
    known = list(some)

    def plant(service: Service) -> None:
        for one in known:
            one.plant(service)

    return plant


LAWFUL = [
    Defect(
        "the older page's answer, without what was updated",
        "teli",
        "",
        drop("updateAgent", "updated"),
        "updateAgent",
    ),
    Defect(
        "another form of the pretty number",
        "teli",
        "",
        answer("createPhoneNumber", _national, status=200),
        "createPhoneNumber",
    ),
    Defect(
        "null for what was not updated",
        "teli",
        "",
        _null_links,
        "updatePhoneAgent",
    ),
    Defect("201 for an update", "interactly", "", status("updateNumber", 200, 201), "updateNumber"),
    Defect("206 for a list", "interactly", "", status("listNumbers", 200, 206), "listNumbers"),
    Defect(
        "201 for an assignment",
        "uponai",
        "",
        status("updatePhoneNumberAssignment", 200, 201),
        "updatePhoneNumberAssignment",
    ),
    Defect(
        "null for what is unset",
        "uponai",
        "",
        answer("updatePhoneNumberAssignment", _nulls, status=200),
        "updatePhoneNumberAssignment",
    ),
    Defect("other words of a refusal", "vogent", "", _other_words("updatePhoneNumber"), "updatePhoneNumber"),
    Defect("the newest rows first", "vogent", "", rows("listAgents", "data", lambda rows: rows[::-1]), "listAgents"),
    Defect(
        "fewer rows than asked for",
        "uponai",
        "",
        rows("listAgents", None, lambda rows: rows[:2]),
        "listAgents",
    ),
    Defect(
        "an agent counts its updates",
        "vogent",
        "",
        edits("updateAgent", "agents", lambda call, row: row.update(revision=row.get("revision", 0) + 1)),
        "updateAgent",
    ),
    Defect("a path with a per cent sign is refused", "interactly", "", _no_signs, "updateNumber"),
    Defect("slow but steady", "vogent", "", stalling("PUT", "/api/phone_numbers/.*", 0.2), "updatePhoneNumber"),
    Defect("one SIP number twice", "vogent", "", behaviour("createPhoneNumber", _imported_twice), "createPhoneNumber"),
    Defect(
        "a release is told in another zone",
        "teli",
        "",
        answer("releasePhoneNumber", _in_another_zone, status=200),
        "releasePhoneNumber",
    ),
    Defect("a nickname has an end", "teli", "", _no_longer_than(100), "updatePhoneAgentPatch"),
    Defect("links to an agent that is gone", "teli", "", behaviour("deleteAgent", _kept_while_linked), "deleteAgent"),
    *(
        Defect(name, vendor, "", plant, operation)
        for vendor, operation in (
            ("teli", "listAgents"),
            ("vogent", "getPhoneNumber"),
            ("interactly", "importNumber"),
            ("uponai", "createAgent"),
        )
        for name, plant in (
            ("the same JSON, written otherwise", _spelled_otherwise),
            ("the media type in other letters", _headed_otherwise),
        )
    ),
]

AT_ONCE = [
    Defect(
        "everything at once",
        vendor,
        "",
        _whole(one for one in LAWFUL if one.provider == vendor and not isinstance(one.plant, Front)),
        ",".join(dict.fromkeys(one.first for one in LAWFUL if one.provider == vendor)),
    )
    for vendor in dict.fromkeys(one.provider for one in LAWFUL)
]
"""One server for each vendor with all of them; `first` names the operations that they are of."""
