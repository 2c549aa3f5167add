"""A server between the harness and a target, for tests: it keeps what it saw, and may change what is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import requests


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Said(NamedTuple):
    """An answer on its way back."""

    status: int
    headers: dict[str, str]
    body: bytes


Change = Callable[[Seen, Said], Said]


class Spy:
    """Passes everything on to a target and keeps what it saw.

    `change` makes another answer of the target's; `instead` may answer without asking the target.
    """

    def __init__(
        self, target: str, change: Change | None = None, instead: Callable[[Seen], Said | None] | None = None
    ) -> None:
        self.seen: list[Seen] = []
        spy = self
        session = requests.Session()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # otherwise every header line is a packet of its own

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name != "Host"}
                seen = Seen(self.command, self.path, headers, body)
                spy.seen.append(seen)
                said = instead(seen) if instead else None
                said = said or self._asked(seen)
                self.send_response(said.status)
                for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            def _asked(self, seen: Seen) -> Said:
                prepared = requests.Request(self.command, target, headers=seen.headers, data=seen.body).prepare()
                prepared.url = target + self.path
                answer = session.send(prepared, timeout=20)
                kind = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
                said = Said(answer.status_code, kind, answer.content)
                return change(seen, said) if change else said

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _pass_on

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def writes(self) -> list[Seen]:
        """What was sent by another method than GET."""
        return [one for one in self.seen if one.method != "GET"]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
