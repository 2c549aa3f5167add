"""An Interactly server that keeps to the pages and decides for itself wherever they are silent.

It shares nothing with the mock: no spec, no behaviour, no fixture. Where no page decides, it does on purpose what
Ringback does not: other statuses and other bodies of errors, 201 for what is new, an empty `assistantId` where there is
none, a filter that finds parts of a label, further fields everywhere. A check must find nothing here, only notes.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from tests.honest.habits import Habits, Late, Refused

Json = Any

VARIABLES: dict[str, str] = {}
TEAM = "77aa00000000000000000001"
SWITCHES = ("inboundEnabled", "outboundEnabled")
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
                return 201, self._assistant(_text(read(), "name", required=True))
            case ("GET", "assistants", id):
                return 200, self._known(self.assistants, id)
            case ("PATCH", "assistants", id):
                assistant, body = self._known(self.assistants, id), read()
                if not isinstance(body.get("assistantServer", {}), dict):
                    raise Refused(422, "assistantServer is an object")
                if "name" in body:
                    assistant["name"] = _text(body, "name")
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


def _text(body: dict[str, Json], name: str, *, required: bool = False) -> str:
    if required and name not in body:
        raise Refused(422, f"where is {name}?")
    if not isinstance(body.get(name, ""), str):
        raise Refused(422, f"{name} is a text")
    return str(body.get(name, ""))
