"""Differences of a server that no page decides: no defects, and planted to see that nobody is accused of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from mock_server.exchange import Service
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State
from tests.defects.planting import (
    Ask,
    Defect,
    Plant,
    answer,
    behaviour,
    boundary,
    drop,
    edits,
    of,
    rows,
    stalling,
    status,
)


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
]
