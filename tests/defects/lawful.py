"""Differences of a server that no page decides: no defects, and planted to see that nobody is accused of them."""

from __future__ import annotations

import json
from typing import Any

from mock_server.exchange import Service
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State
from tests.defects.planting import Ask, Defect, Plant, answer, behaviour, boundary, of, status


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


LAWFUL = [
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
    Defect("one SIP number twice", "vogent", "", behaviour("createPhoneNumber", _imported_twice), "createPhoneNumber"),
]
