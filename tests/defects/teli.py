"""Defects of a Teli server."""

from __future__ import annotations

from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.defects.planting import Defect, answer, behaviour, boundary, status


def _update_not_stored(call: Call, state: State, honest: object) -> Answer:
    number = state.get("numbers", call.path["phone_number"])
    said = honest(call, state)  # type: ignore[operator]
    if number is not None:
        state.put("numbers", number)
    return said


DEFECTS = [
    Defect("update is not stored", "teli", "read-back", behaviour("updatePhoneAgent", _update_not_stored)),
    Defect("agent not found is a 404", "teli", "errors", status("updatePhoneAgent", 500, 404)),
    Defect(
        "powered_by is missing",
        "teli",
        "examples",
        answer("updatePhoneAgent", lambda body: body.pop("powered_by") and None, status=200),
    ),
    Defect(
        "any key is accepted",
        "teli",
        "keys",
        boundary(
            lambda request, response, ask: (
                ask(request._replace(headers={**request.headers, "x-api-key": "YOUR_API_KEY"}))
                if response.status == 401
                else response
            )
        ),
    ),
]
