"""An Interactly server that keeps to the pages and decides for itself wherever they are silent.

It shares nothing with the mock: no spec, no behaviour, no fixture. Where no page decides, it does on purpose what
Ringback does not: other statuses and other bodies of errors, 201 for what is new, an empty `assistantId` where there is
none, a filter that finds parts of a label, further fields everywhere. A check must find nothing here, only notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.honest.habits import Habits, Late, Refused

Json = Any

VARIABLES: dict[str, str] = {}
TEAM = "77aa00000000000000000001"
SWITCHES = ("inboundEnabled", "outboundEnabled")
TEXTS = (
    *("name", "welcomeMessage", "welcomeMessageMode", "assistantProvider", "assistantModel", "assistantLLMUrl"),
    *("assistantSystemPrompt", "assistantResponseSplitter", "backgroundSound", "ttsAudioCacheScope"),
    *("endCallMessage", "endCallToolDescription"),
)
TRUTHS = (
    *("welcomeMessageInterruptionsEnabled", "ttsCacheEnabled", "assistantBackchannelingEnabled", "dtmfInputEnabled"),
)
FIGURES = ("assistantTemperature", "backgroundSoundVolume")
COUNTS = ("assistantMaxTokens", "maxCallDuration", "idleTimeout", "maxIdleMessagesInSequence")
LISTS = ("hints", "assistantToolIds", "assistantKnowledgeBaseIds", "endCallPhrases")
OBJECTS = (
    *("config", "startSpeakingOptions", "stopSpeakingOptions", "userInterruptionAckPlan", "assistantPredefinedTools"),
    *("callForwardData", "assistantAnalysis", "assistantServer"),
)
WORDS = {
    "welcomeMessageMode": ("assistant-speaks-first", "assistant-waits-for-user", "automatic"),
    "assistantProvider": ("openai", "azure", "gemini", "deepseek", "bedrock", "custom-llm"),
    "ttsAudioCacheScope": ("assistant", "team"),
}
_E164 = re.compile(r"\+[1-9]\d{6,14}")


class Account:
    """The numbers and assistants of one team."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._ids = count(1)
        self.numbers: dict[str, Late] = {}
        self.assistants: dict[str, dict[str, Json]] = {}
        for name, number in () if habits.empty else (("Lobby", "+4930901820"), ("Stage", "+4930901821")):
            assistant = self._assistant(name)
            self._number(number, assistantId=assistant["_id"], label=f"{name} line")

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):020x}"

    def error(self, status: int, words: str) -> Json:
        """How this server says no; no page of Interactly's numbers shows an error."""
        return {"errors": [{"detail": words}], "requestId": "r-1"}

    def _number(self, number: str, **fields: Json) -> dict[str, Json]:
        record = {
            "_id": self._id("beef"),
            "teamId": TEAM,
            "number": number,
            "provider": {"name": "twilio", "region": "eu"},
        }
        record |= {
            "assistantId": "",
            "inboundEnabled": False,
            "outboundEnabled": False,
            "createdAt": "2026-01-01",
            "rev": 1,
            **fields,
        }
        self.numbers[record["_id"]] = Late(record, self._habits.settle_seconds)
        return record

    def _assistant(self, name: str) -> dict[str, Json]:
        record = {"_id": self._id("a551"), "teamId": TEAM, "name": name, "language": "de"}
        self.assistants[record["_id"]] = record
        return record

    def answer(self, method: str, parts: list[str], query: dict[str, str], read: Any) -> tuple[int, Json]:
        """The status and body for a method and the parts of a path; `read()` gives the body of the request."""
        if parts[:2] != ["assistants", "v1"]:
            raise Refused(404, "nothing is served here")
        match (method, *parts[2:]):
            case ("PUT", "numbers", id):
                return 200, self._update(self._known(self.numbers, id), read())
            case _ if self._habits.seed_pages_only:
                raise Refused(404, "no such page")
            case ("GET", "numbers"):
                wanted = query.get("label", "").lower()
                shown = [one.shown() for one in self.numbers.values()]
                return 200, self._habits.rows([n for n in shown if wanted in n.get("label", "").lower()])
            case ("POST", "numbers", provider):
                if provider not in ("purchase", "twilio"):
                    raise Refused(404, "no such provider")
                return self._take(read(), provider == "twilio")
            case ("POST", "assistants"):
                body = read()
                _text(body, "name", required=True)
                fields = _assistant_fields(body)
                assistant = self._assistant(body["name"])
                assistant.update(fields)
                return 201, assistant
            case ("GET", "assistants", id):
                return 200, self._known(self.assistants, id)
            case ("PATCH", "assistants", id):
                assistant, body = self._known(self.assistants, id), read()
                assistant.update(_assistant_fields(body))
                return 200, assistant
        raise Refused(501, "we do not do that")

    def _take(self, body: dict[str, Json], labelled: bool) -> tuple[int, Json]:
        number, label = _text(body, "number", required=True), _text(body, "label")
        if not _E164.fullmatch(number):
            raise Refused(422, "that is no number")
        credentials = body.get("credentials", {})
        if labelled and not (isinstance(credentials, dict) and all(isinstance(v, str) for v in credentials.values())):
            raise Refused(422, "credentials are texts")
        held = next((n.now for n in self.numbers.values() if n.now["number"] == number), None)
        if held and self._habits.conflicts:
            raise Refused(409, "that is here already")
        if not labelled and self._habits.sold_out:
            raise Refused(422, "that is not for sale")
        record = held or self._number(number)
        if labelled and "label" in body:
            self.numbers[record["_id"]].update({"label": label})
            record = self.numbers[record["_id"]].now
        return 200 if held else 201, record

    def _update(self, number: Late, body: dict[str, Json]) -> Json:
        assistant = _text(body, "assistantId")
        if assistant and assistant not in self.assistants:
            raise Refused(404, "nobody by that id")
        if any(name in body and not isinstance(body[name], bool) for name in SWITCHES):
            raise Refused(422, "a switch is on or off")
        fields = {name: body[name] for name in ("assistantId", *SWITCHES) if name in body}
        number.update({**fields, "rev": number.now["rev"] + 1})
        return self._habits.row(number.now)

    def _known(self, records: dict[str, Any], id: str) -> Any:
        if id not in records:
            raise Refused(410, "not here, perhaps not any more")
        return records[id]


def _assistant_fields(body: dict[str, Json]) -> dict[str, Json]:
    """What the pages name of an assistant, each of its type; the address of its webhook is kept out of answers."""
    kinds: list[tuple[tuple[str, ...], Callable[[Json], bool]]] = [
        (TEXTS, lambda one: isinstance(one, str)),
        (TRUTHS, lambda one: isinstance(one, bool)),
        (FIGURES, lambda one: isinstance(one, int | float) and not isinstance(one, bool)),
        (COUNTS, lambda one: isinstance(one, int | float) and not isinstance(one, bool) and one == int(one)),
        (LISTS, lambda one: isinstance(one, list) and all(isinstance(item, str) for item in one)),
        (OBJECTS, lambda one: isinstance(one, dict)),
    ]
    found = {}
    for names, right in kinds:
        for name in [name for name in names if name in body]:
            if not right(body[name]) or body[name] not in WORDS.get(name, (body[name],)):
                raise Refused(422, f"{name} cannot be that")
            found[name] = body[name]
    return {name: value for name, value in found.items() if name != "assistantServer"}


def _text(body: dict[str, Json], name: str, *, required: bool = False) -> str:
    if required and name not in body:
        raise Refused(422, f"where is {name}?")
    if not isinstance(body.get(name, ""), str):
        raise Refused(422, f"{name} is a text")
    return str(body.get(name, ""))
