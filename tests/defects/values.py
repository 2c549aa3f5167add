"""Defects of what a field can hold: texts, numbers, lists and settings that come back as something else."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.defects.planting import Defect, Plant, field, refuses, sees

_TELI_REFUSAL = {"error": "Invalid request", "success": False, "powered_by": "Teli"}
_VOGENT_REFUSAL = {"message": "Invalid request", "errors": ["not accepted"]}
_INTERACTLY_REFUSAL = {"message": "Bad request"}
_UPONAI_REFUSAL = {"success": False, "message": "Bad request"}


def text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    """The change of a text; what is no text stays."""
    return lambda value: change(value) if isinstance(value, str) else value


def floats(change: Callable[[float], Any]) -> Callable[[Any], Any]:
    """The change of a number that is not whole."""
    return lambda value: change(value) if isinstance(value, float) else value


def integers(change: Callable[[int], Any]) -> Callable[[Any], Any]:
    """The change of a whole number."""
    return lambda value: change(value) if isinstance(value, int) and not isinstance(value, bool) else value


def inside(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The change of one value of an object."""
    return lambda value: {**value, name: change(value[name])} if isinstance(value, dict) and name in value else value


def _without_query(value: str) -> str:
    return value.partition("?")[0]


def _found(name: str, provider: str, operation: str, plant: Plant, fail_on: str = "documented") -> Defect:
    return Defect(name, provider, "values", plant, operation, fail_on)


NICKNAMES = {
    "a nickname is trimmed": str.strip,
    "a nickname is composed": lambda value: unicodedata.normalize("NFC", value),
    "a nickname is decomposed": lambda value: unicodedata.normalize("NFD", value),
    "an emoji in a nickname is lost": lambda value: (
        value.encode("utf-16-le", "replace").decode("utf-16-le")
        if value.isascii()
        else "".join(char for char in value if ord(char) < 0x10000)
    ),
    "a nickname is cut at 64 characters": lambda value: value[:64],
    "a nickname is cut at 255 characters": lambda value: value[:255],
    "a nickname is in lower case": str.lower,
    "a nickname's soft hyphens are lost": lambda value: value.replace("\u00ad", ""),
    "a nickname's accents are lost": lambda value: value.encode("ascii", "ignore").decode(),
}
AGENT_NAMES = {
    "an agent's name is escaped for HTML": html.escape,
    "the tags in an agent's name are taken out": lambda value: value.replace("<", "").replace(">", ""),
    "the quotes in an agent's name are typographic": lambda value: value.replace("'", "\u2019"),
    "two slashes in an agent's name become one": lambda value: value.replace("//", "/"),
    "a backslash in an agent's name is an escape": lambda value: value.replace("\\", ""),
    "per cents in an agent's name are decoded": unquote,
    "line breaks in an agent's name become spaces": lambda value: " ".join(value.splitlines()),
    "an agent's name of digits is a number": lambda value: str(int(value)) if value.isdigit() else value,
    "an agent's name is cut at 1,000 characters": lambda value: value[:1000],
    "braces in an agent's name are filled in": lambda value: value.replace("{{first_name}}", ""),
}
WEBHOOKS = {
    "a webhook loses its query": _without_query,
    "a webhook loses its fragment": lambda value: value.partition("#")[0],
    "a webhook's path is in lower case": str.lower,
    "a webhook loses the slash at its end": lambda value: value.rstrip("/"),
    "a webhook's query is decoded": unquote,
    "a webhook is made https": lambda value: value.replace("http://", "https://"),
    "a webhook loses its port": lambda value: value.replace(":8443", ""),
    "a webhook is cut at 200 characters": lambda value: value[:200],
}

DEFECTS = [
    *(
        _found(name, "teli", "updatePhoneAgent", field("updatePhoneAgent", "nickname", text(c)))
        for name, c in NICKNAMES.items()
    ),
    *(_found(name, "vogent", "updateAgent", field("updateAgent", "name", text(c))) for name, c in AGENT_NAMES.items()),
    *(
        _found(
            name,
            "uponai",
            "updatePhoneNumberAssignment",
            field("updatePhoneNumberAssignment", "inboundWebhookUrl", text(c)),
        )
        for name, c in WEBHOOKS.items()
    ),
    _found("a label is trimmed", "interactly", "importNumber", field("importNumber", "label", text(str.strip))),
    _found(
        "a label is cut at 255 characters",
        "interactly",
        "importNumber",
        field("importNumber", "label", text(lambda value: value[:255])),
    ),
    _found(
        "a label loses its invisible characters",
        "interactly",
        "importNumber",
        field("importNumber", "label", text(lambda value: value.replace("\u200b", ""))),
    ),
    _found(
        "a label of digits is a number",
        "interactly",
        "importNumber",
        field("importNumber", "label", text(lambda value: value.lstrip("0") if value.isdigit() else value)),
    ),
    _found(
        "a speed is rounded", "teli", "updateAgent", field("updateAgent", "voice_speed", floats(lambda v: round(v, 1)))
    ),
    _found(
        "a sensitivity is kept in per cent",
        "teli",
        "updateAgent",
        field("updateAgent", "interruption_sensitivity", floats(lambda v: round(v * 100))),
    ),
    _found(
        "a number is kept in single precision",
        "teli",
        "createAgent",
        field("createAgent", "voice_speed", floats(lambda v: float(f"{v:.2g}"))),
    ),
    _found(
        "a duration is kept in 32 bits",
        "vogent",
        "updateAgent",
        field("updateAgent", "maxDurationSeconds", integers(lambda v: min(v, 2**31 - 1))),
    ),
    _found(
        "a duration of none is the default",
        "vogent",
        "updateAgent",
        sees(
            "updateAgent",
            lambda b: {**b, "maxDurationSeconds": b["maxDurationSeconds"] or 600} if "maxDurationSeconds" in b else b,
        ),
    ),
    _found(
        "a threshold is a text",
        "uponai",
        "createAgent",
        field("createAgent", "response_threshold", floats(lambda v: round(v))),
    ),
    _found(
        "keywords are sorted",
        "vogent",
        "updateAgent",
        field("updateAgent", "transcriberParams", inside("keywords", sorted)),
    ),
    _found(
        "the third keyword is lost",
        "vogent",
        "updateAgent",
        field("updateAgent", "transcriberParams", inside("keywords", lambda v: v[:2])),
    ),
    _found(
        "voice options come in another order",
        "vogent",
        "updateAgent",
        field("updateAgent", "voiceOptionValues", lambda v: v[::-1]),
    ),
    _found(
        "what lies deeper in the metadata is lost",
        "vogent",
        "updateAgent",
        field("updateAgent", "metadata", lambda v: {k: c for k, c in v.items() if not isinstance(c, dict)}),
    ),
    _found(
        "the names in the metadata are in lower case",
        "vogent",
        "createAgent",
        field("createAgent", "metadata", lambda v: {k.lower(): c for k, c in v.items()}),
    ),
    _found(
        "a sensitivity of the page is another one",
        "vogent",
        "updateAgent",
        field(
            "updateAgent",
            "utteranceDetectorConfig",
            inside("sensitivity", lambda v: "FAST" if v == "ULTRA_FAST" else v),
        ),
    ),
    _found(
        "a provider of transcripts is refused",
        "vogent",
        "updateAgent",
        refuses("updateAgent", "PUT", lambda b: "openai" in str(b.get("transcriberParams")), 422, _VOGENT_REFUSAL),
    ),
    _found(
        "a detection type is refused",
        "vogent",
        "createAgent",
        refuses(
            "createAgent",
            "POST",
            lambda b: (b.get("ivrConfiguration") or {}).get("detectionType") == "NONE",
            422,
            _VOGENT_REFUSAL,
        ),
    ),
    _found(
        "null at depth is refused",
        "vogent",
        "updateAgent",
        refuses(
            "updateAgent",
            "PUT",
            lambda b: "mode" in (b.get("endpointDetectorConfig") or {}) and b["endpointDetectorConfig"]["mode"] is None,
            422,
            _VOGENT_REFUSAL,
        ),
    ),
    _found(
        "a language of the page is refused",
        "teli",
        "createAgent",
        refuses("createAgent", "POST", lambda b: b.get("language") == "es-419", 400, _TELI_REFUSAL),
    ),
    _found(
        "an ambient sound is refused on an update",
        "teli",
        "updateAgent",
        refuses("updateAgent", "PATCH", lambda b: b.get("ambient_sound") == "static-noise", 400, _TELI_REFUSAL),
    ),
    _found(
        "a null that the page allows is refused",
        "teli",
        "updateAgent",
        refuses(
            "updateAgent", "PATCH", lambda b: "ambient_sound" in b and b["ambient_sound"] is None, 400, _TELI_REFUSAL
        ),
    ),
    _found(
        "a status of a user is refused",
        "teli",
        "updateUser",
        refuses("updateUser", "PATCH", lambda b: b.get("status") == "suspended", 400, _TELI_REFUSAL),
    ),
    _found(
        "a switch that is off is refused",
        "interactly",
        "updateNumber",
        refuses("updateNumber", "PUT", lambda b: b.get("outboundEnabled") is False, 400, _INTERACTLY_REFUSAL),
    ),
    _found(
        "a switch that is off reads on",
        "interactly",
        "updateNumber",
        field("updateNumber", "outboundEnabled", lambda v: True),
    ),
    _found(
        "time routing cannot be turned off",
        "uponai",
        "updatePhoneNumberAssignment",
        refuses(
            "updatePhoneNumberAssignment", "PUT", lambda b: b.get("isTimeRoutingEnabled") is False, 400, _UPONAI_REFUSAL
        ),
    ),
    _found(
        "an engine's type is in lower case",
        "uponai",
        "createAgent",
        field("createAgent", "response_engine", inside("type", text(str.lower))),
    ),
]
