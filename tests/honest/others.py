"""Somebody else at work in the same account: a client that makes, changes and removes records of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any
from urllib.parse import quote, urlsplit

Json = Any


class Other:
    """A client of one vendor at an origin, with a key; `done` counts what it was answered with a success."""

    def __init__(self, vendor: str, origin: str, key: str) -> None:
        parts = urlsplit(origin)
        self._prefix, self._host = parts.path, parts.netloc
        self._headers = {"X-API-Key": key} if vendor == "teli" else {"Authorization": f"Bearer {key}"}
        self._rounds = {
            "teli": self._teli,
            "vogent": self._vogent,
            "interactly": self._interactly,
            "uponai": self._uponai,
        }[vendor]
        self.done = 0

    def _ask(self, method: str, path: str, body: Json = None) -> Json:
        connection = HTTPConnection(self._host, timeout=10)
        try:
            sent = None if body is None else json.dumps(body)
            headers = {**self._headers, **({} if body is None else {"Content-Type": "application/json"})}
            connection.request(method, self._prefix + path, sent, headers)
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        self.done += reply.status < 300
        return json.loads(content) if reply.status < 300 and content else {}

    def work(self, enough: Event) -> None:
        """Round after round until it is enough."""
        turn = 0
        while not enough.wait(0.03):
            self._rounds(turn)
            turn += 1

    def _teli(self, turn: int) -> None:
        owner = {"user_id": "user-other", "organization_id": "org-h1", "tenant_id": "tenant-other"}
        made = self._ask("POST", "/v1/voice/phone-numbers/create", {"area_code": "313", **owner})
        path = f"/v1/voice/phone-numbers/{quote(made.get('phone_number', '-'), safe='')}"
        self._ask("PATCH", f"{path}/update-agent", {"nickname": f"Theirs {turn}"})
        self._ask("POST", f"{path}/release")

    def _vogent(self, turn: int) -> None:
        number = f"+1212777{9000 + turn % 900:04}"
        made = self._ask("POST", "/api/phone_numbers/purchase", {"number": number}).get("id", "-")
        self._ask("PUT", f"/api/phone_numbers/{made}", {"agentId": ""})
        self._ask("DELETE", f"/api/phone_numbers/{made}")

    def _interactly(self, turn: int) -> None:
        path = "/assistants/v1"
        bought = self._ask("POST", f"{path}/numbers/purchase", {"number": f"+4940{turn % 7:07}"}).get("_id", "-")
        made = self._ask("POST", f"{path}/assistants", {"name": f"Theirs {turn}"}).get("_id", "-")
        self._ask("PATCH", f"{path}/assistants/{made}", {"name": f"Still theirs {turn}"})
        self._ask("PUT", f"{path}/numbers/{bought}", {"assistantId": made, "inboundEnabled": turn % 2 == 0})

    def _uponai(self, turn: int) -> None:
        engine = {"type": "retell-llm", "llm_id": "llm_theirs"}
        agent = {"agent_name": f"Theirs {turn}", "voice_id": "voice_1", "response_engine": engine, "workspaceId": 7}
        self._ask("POST", "/api/agents", agent)
        mine = {"accountSid": "acc-honest-1", "workspaceId": 7, "isTimeRoutingEnabled": turn % 2 == 0}
        self._ask("PUT", f"/api/numbers/{quote('+493090182002', safe='')}/agent", mine)


@contextmanager
def others_at_work(vendor: str, origin: str, key: str) -> Iterator[Other]:
    """Somebody else at work until the end of the block."""
    other, enough = Other(vendor, origin, key), Event()
    thread = Thread(target=other.work, args=(enough,), daemon=True)
    thread.start()
    try:
        yield other
    finally:
        enough.set()
        thread.join(timeout=10)
