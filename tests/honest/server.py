"""An honest server on a port of this machine: accounts of several vendors under their names, one set of habits."""

from __future__ import annotations

import gzip
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.honest import interactly, teli, uponai, vogent
from tests.honest.habits import Habits, Refused

Json = Any

KEY = "honest-secret"
VENDORS: dict[str, Any] = {"interactly": interactly, "teli": teli, "uponai": uponai, "vogent": vogent}


class Handler(BaseHTTPRequestHandler):
    """One request to the account of a vendor, which the server holds."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: HonestServer

    def _serve(self) -> None:
        habits = self.server.habits
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        number = next(self.server.habits.counter)
        time.sleep(habits.delay_seconds)
        url = urlsplit(self.path)
        vendor, *parts = [unquote(part) for part in url.path.split("/")[1:]]
        account = self.server.accounts.get(vendor)
        if account is None:
            self._say(404, {"nobody": "here"})
            return
        try:
            name, value = ("X-API-Key", KEY) if vendor == "teli" else ("Authorization", f"Bearer {KEY}")
            if not habits.takes(self.headers.get(name, ""), value):
                raise Refused(401, "Invalid API key" if self.headers.get(name) else "API key is required")
            if habits.limited_every and number % habits.limited_every == 0:
                raise Refused(429, "not so fast")
            if habits.failing_every and number % habits.failing_every == 0:
                raise Refused(503 if habits.limited_every else 500, "that was not meant to happen")
            if habits.partial and self.command in ("GET", "DELETE", "PATCH") and _below(parts):
                kind, name = parts[-2:]
                raise Refused(404, {"problem": f"of {kind} there is no {self.command} of {name}", "at": url.path})
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            with habits.one_at_a_time(self.server.lock, self.command):
                status, body = account.answer(self.command, parts, query, lambda: _object(raw))
                body = habits.whole(body)
        except Refused as refused:
            words = refused.args[0]
            status, body = refused.status, words if isinstance(words, dict) else account.error(refused.status, words)
        self._say(status, body)

    def _say(self, status: int, body: Json) -> None:
        habits = self.server.habits
        content = habits.written(body)
        if habits.http10:
            self.protocol_version, self.close_connection = "HTTP/1.0", True
        if habits.early_hints:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        self.send_response(status)
        if habits.shouting:
            self.send_header("VARY", "Origin")
            self.send_header("X-SEEN", "  once ")
            self.send_header("CONTENT-TYPE", 'Application/JSON;Charset="UTF-8"')
            self.send_header("Vary", "Accept")
        else:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if habits.packed:
            content = gzip.compress(content, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        if habits.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not habits.http10:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), 700) if habits.chunked else ():
            part = content[start : start + 700]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n" if habits.chunked else content)
        if habits.closing_every and next(habits.counter) % habits.closing_every == 0:
            self.wfile.flush()
            self.close_connection = True  # In silence: nothing in the answer has said so.

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def _below(parts: list[str]) -> bool:
    """Whether a path leads to a single record, or on from there, and is on none of the pages that came first."""
    ids = [index for index, part in enumerate(parts) if any(char.isdigit() for char in part) and part != "v1"]
    return bool(ids) and parts[-1] != "update-agent" and parts[:2] != ["api", "numbers"]


def _object(raw: bytes) -> dict[str, Json]:
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise Refused(400, "that is no JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "an object, please")
    return body


class HonestServer(ThreadingHTTPServer):
    """The server; `origin(vendor)` is where that vendor's account is."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *vendors: str, habits: Habits | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.habits = habits or Habits()
        self.lock = Lock()
        self.accounts = {vendor: VENDORS[vendor].Account(self.habits) for vendor in vendors or VENDORS}

    def origin(self, vendor: str) -> str:
        """The origin to check."""
        return f"http://127.0.0.1:{self.server_port}/{vendor}"
