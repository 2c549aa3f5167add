"""An Interactly server that keeps to the pages and decides for itself wherever they are silent.

It shares nothing with the mock: no spec, no behaviour, no fixture. Where no page decides, it does on purpose what
Ringback does not: other statuses and other bodies of errors, 201 for what is new, an empty `assistantId` where there is
none, a filter that finds parts of a label, further fields everywhere. A check must find nothing here, only notes.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = Any

KEY = "honest-secret"
TEAM = "77aa00000000000000000001"
SWITCHES = ("inboundEnabled", "outboundEnabled")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


class Refused(Exception):
    """The request is answered with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Account:
    """The numbers and assistants of one team."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.numbers: dict[str, dict[str, Json]] = {}
        self.assistants: dict[str, dict[str, Json]] = {}
        for name, number in (("Lobby", "+4930901820"), ("Stage", "+4930901821")):
            assistant = self._assistant(name)
            held = self._number(number)
            held.update(assistantId=assistant["_id"], label=f"{name} line")

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):020x}"

    def _number(self, number: str) -> dict[str, Json]:
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
        }
        self.numbers[record["_id"]] = record
        return record

    def _assistant(self, name: str) -> dict[str, Json]:
        record = {"_id": self._id("a551"), "teamId": TEAM, "name": name, "language": "de"}
        self.assistants[record["_id"]] = record
        return record

    def answer(self, method: str, parts: list[str], query: dict[str, list[str]], read: Any) -> tuple[int, Json]:
        """The status and body for a method and the parts of a path; `read()` gives the body of the request."""
        match (method, *parts):
            case ("GET", "numbers"):
                wanted = query.get("label", [""])[0].lower()
                return 200, [n for n in self.numbers.values() if wanted in n.get("label", "").lower()]
            case ("POST", "numbers", provider):
                if provider not in ("purchase", "twilio"):
                    raise Refused(404, "no such provider")
                return self._take(read(), provider == "twilio")
            case ("PUT", "numbers", id):
                return 200, self._update(self._known(self.numbers, id), read())
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
        held = next((n for n in self.numbers.values() if n["number"] == number), None)
        record = held or self._number(number)
        if labelled and "label" in body:
            record["label"] = label
        return 200 if held else 201, record

    def _update(self, number: dict[str, Json], body: dict[str, Json]) -> Json:
        assistant = _text(body, "assistantId")
        if assistant and assistant not in self.assistants:
            raise Refused(404, "nobody by that id")
        if any(name in body and not isinstance(body[name], bool) for name in SWITCHES):
            raise Refused(422, "a switch is on or off")
        number.update({name: body[name] for name in ("assistantId", *SWITCHES) if name in body})
        number["rev"] += 1
        return number

    def _known(self, records: dict[str, dict[str, Json]], id: str) -> dict[str, Json]:
        if id not in records:
            raise Refused(410, "not here, perhaps not any more")
        return records[id]


def _text(body: dict[str, Json], name: str, *, required: bool = False) -> str:
    if required and name not in body:
        raise Refused(422, f"where is {name}?")
    if not isinstance(body.get(name, ""), str):
        raise Refused(422, f"{name} is a text")
    return str(body.get(name, ""))


class Handler(BaseHTTPRequestHandler):
    """One request to the account, which the server holds."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: HonestServer

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                raise Refused(403, "who are you?")
            url = urlsplit(self.path)
            parts = [unquote(part) for part in url.path.split("/")]
            if parts[:3] != ["", "assistants", "v1"]:
                raise Refused(418, "nothing is served here")
            query = parse_qs(url.query, keep_blank_values=True)
            status, body = self.server.account.answer(self.command, parts[3:], query, lambda: _object(raw))
        except Refused as refused:
            status, body = refused.status, {"errors": [{"detail": str(refused)}], "requestId": "r-1"}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def _object(raw: bytes) -> dict[str, Json]:
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise Refused(415, "that is no JSON") from None
    if not isinstance(body, dict):
        raise Refused(415, "an object, please")
    return body


class HonestServer(ThreadingHTTPServer):
    """The server, on a free port of this machine unless told otherwise."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.account = Account()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


if __name__ == "__main__":
    server = HonestServer(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(server.origin, flush=True)
    server.serve_forever()
