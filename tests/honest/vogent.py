"""A workspace of Vogent: its numbers, those for sale, and its agents."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from tests.honest.habits import Habits, Late, Refused

Json = Any

VARIABLES: dict[str, str] = {}


class Account:
    """The numbers and agents; the update of a number is the first page's, the rest other pages'."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._ids = count(1)
        self._agents = [
            {"id": f"00000000-aaaa-4000-8000-{index:012}", "name": f"Desk {index}", "language": "en"}
            for index in range(0 if habits.empty else 3)
        ]
        self._numbers: dict[str, Late] = {}
        for index in range(0 if habits.empty else habits.records):
            self._add(f"+1510666{index:04}")

    def _add(self, number: str) -> dict[str, Json]:
        record = {
            "id": f"00000000-bbbb-4000-8000-{next(self._ids):012}",
            "number": number,
            "type": "PSTN",
            "agentId": None,
        }
        self._numbers[record["id"]] = Late(record, self._habits.settle_seconds)
        return record

    def error(self, status: int, words: str) -> Json:
        """How this server says no; no page of Vogent shows the body of an error."""
        return {"statusCode": status, "reason": words}

    def answer(self, method: str, parts: list[str], query: dict[str, str], read: Any) -> tuple[int, Json]:
        """The status and body for a method and the parts of a path."""
        match (method, *parts):
            case ("PUT", "api", "phone_numbers", id):
                return 200, self._link(id, read())
            case _ if self._habits.seed_pages_only:
                raise Refused(404, "no such page")
            case ("GET", "api", "phone_numbers"):
                return 200, self._page([one.shown() for one in self._numbers.values()], query)
            case ("GET", "api", "agents"):
                return 200, self._page(self._agents, query)
            case ("POST", "api", "phone_numbers", "search"):
                return 200, self._for_sale(read())
            case ("POST", "api", "phone_numbers", "purchase"):
                number = read().get("number")
                held = [one.now["number"] for one in self._numbers.values()]
                if not isinstance(number, str) or number in held or number[5:8] != "777":
                    raise Refused(422, "that is not for sale")
                time.sleep(0.05 if self._habits.selling_twice else 0)
                return 200, self._add(number)
            case ("GET", "api", "phone_numbers", id):
                return 200, self._habits.row(self._known(id).shown())
            case ("DELETE", "api", "phone_numbers", id):
                found = self._known(id).now
                del self._numbers[id]
                return 200, found
        raise Refused(404, "nothing here")

    def _known(self, id: str) -> Late:
        if id not in self._numbers:
            raise Refused(400, "which number?")
        return self._numbers[id]

    def _link(self, id: str, body: dict[str, Json]) -> Json:
        found, agent = self._known(id), body.get("agentId")
        if "agentId" in body and not isinstance(agent, str):
            raise Refused(422, "agentId is a text")
        if agent and agent not in [one["id"] for one in self._agents]:
            raise Refused(422, "nobody by that id")
        found.update({"agentId": agent or None} if "agentId" in body else {})
        return self._habits.row(found.now)

    def _page(self, rows: list[Json], query: dict[str, str]) -> Json:
        limit, cursor = query.get("limit", "100"), query.get("cursor", "after-0")
        if self._habits.clamping and limit.isdigit():
            limit = str(min(max(int(limit), 1), 50))
        if not limit.isdigit() or not 1 <= int(limit) <= 1000 or not cursor.startswith("after-"):
            raise Refused(400, "limit or cursor")
        start = int(cursor.removeprefix("after-"))
        end = start + int(limit)
        # Whoever counts to a full page does not look whether it was the last one.
        following = f"after-{end}" if end < len(rows) or (self._habits.leading_on and end == len(rows)) else None
        return {"data": [self._habits.row(row) for row in rows[start:end]], "cursor": following}

    def _for_sale(self, body: dict[str, Json]) -> Json:
        prefix, limit, country = body.get("prefix"), body.get("limit", 5), body.get("country", "US")
        texts = all(isinstance(one, str) for one in (prefix, country))
        if not texts or type(limit) is not int or not 1 <= limit <= 10 or len(country) != 2:
            raise Refused(422, "prefix, country, limit")
        held = [one.now["number"] for one in self._numbers.values()]
        if self._habits.sold_out:
            return []
        if country != "US" or not (prefix.isascii() and prefix.isdigit() and len(prefix) == 3):
            return []
        free = [number for index in range(10**4) if (number := f"+1{prefix}777{index:04}") not in held]
        return [{"number": number} for number in free[:limit]]
