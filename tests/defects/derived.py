"""Defects of what follows from other things, flags, times, what was bought, and of the bytes of an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.defects.planting import Defect, answer, field, lenient, mangling, put


def _in_utc(text: Any) -> Any:
    """A text that is a time, as the same moment elsewhere."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (TypeError, ValueError):
        return text


def _next_one(body: dict[str, Any]) -> None:
    body["number"] = f"{body['number'][:-1]}{(int(body['number'][-1]) + 1) % 10}"


DEFECTS = [
    # derived
    Defect(
        "an agent with a drip schedule has none",
        "teli",
        "shown",
        put("createAgent", status=201, has_drip_schedule=False),
        "createAgent",
    ),
    # times
    Defect(
        "a nickname that is a time is told in UTC",
        "teli",
        "values",
        field("updatePhoneAgent", "nickname", _in_utc),
        "updatePhoneAgent",
    ),
    Defect(
        "the time of a release is that of a clock on the wall",
        "teli",
        "examples",
        answer("releasePhoneNumber", lambda body: body.update(released_at="2026-04-22 18:11:27"), status=200),
        "releasePhoneNumber",
    ),
    # who is meant
    Defect(
        "a purchase is answered with the next number",
        "vogent",
        "read-back",
        answer("purchasePhoneNumber", _next_one, status=200),
        "purchasePhoneNumber",
    ),
    # required
    Defect(
        "an agent without a voice is accepted",
        "uponai",
        "invalid",
        lenient("createAgent", 400, lambda body: {"voice_id": "v", **body}),
        "createAgent",
    ),
    # the bytes
    Defect("an answer is shorter than it says", "teli", "wire", mangling("GET", "/v1/agents", "short"), "listAgents"),
    Defect(
        "an answer is longer than it says",
        "interactly",
        "wire",
        mangling("PUT", ".*/numbers/.*", "long"),
        "updateNumber",
    ),
    Defect(
        "what is said to be packed is not", "vogent", "wire", mangling("GET", "/api/agents", "unpacked"), "listAgents"
    ),
    Defect("a piece is shorter than it says", "uponai", "wire", mangling("GET", "/api/agents", "chunks"), "listAgents"),
]
