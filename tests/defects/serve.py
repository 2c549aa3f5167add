"""`python -m tests.defects.serve NAME serve ...`: the `ringback` command with one defect planted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from mock_server import catalogue
from mock_server.commands import cli
from mock_server.exchange import Service
from tests.defects.catalogue import DEFECTS
from tests.defects.deep import DEEP
from tests.defects.lawful import AT_ONCE, LAWFUL
from tests.defects.planting import Crowd, Front, Mangling, Stalling
from tests.defects.words import WORDS


def main() -> int:
    name, *arguments = sys.argv[1:]
    defect = next(one for one in [*DEFECTS, *DEEP, *LAWFUL, *AT_ONCE, *WORDS] if f"{one.provider}: {one.name}" == name)
    if isinstance(defect.plant, Front):
        return _serve_behind(defect.plant, arguments)
    honest = catalogue.open_services

    def planted(names: object = None, **options: object) -> dict[str, Service]:
        services = honest([defect.provider], **options)  # type: ignore[arg-type]
        defect.plant(services[defect.provider])
        return services

    catalogue.open_services = planted  # type: ignore[assignment]
    return cli.main(arguments)


Answered = tuple[int, list[tuple[str, str]], bytes]


class Meeting:
    """Where two requests meet, and get mixed up as the defect says."""

    def __init__(self, front: Crowd) -> None:
        self.front = front
        self._lock = threading.Lock()
        self._first: dict[str, Any] | None = None

    def ask(self, ask: Callable[[], Answered]) -> Answered:
        """The answer that a request gets: its own where it came alone."""
        with self._lock:
            mine: dict[str, Any] = {"met": threading.Event(), "done": threading.Event(), "other": threading.Event()}
            first, self._first = (self._first, None) if self._first is not None else (None, mine)
        if first is None:
            if not mine["met"].wait(0.15):
                with self._lock:
                    alone = self._first is mine
                    self._first = None if alone else self._first
                if alone:
                    return ask()
            mine["answer"] = ask()
            mine["done"].set()
            if self.front.meet == "swap" and mine["other"].wait(5):
                other: Answered = mine["theirs"]
                return other
            own: Answered = mine["answer"]
            return own
        first["met"].set()
        first["done"].wait(5)
        theirs: Answered = first["answer"]
        if self.front.meet == "swap":
            first["theirs"] = ask()
            first["other"].set()
        return theirs


def _serve_behind(front: Front, arguments: list[str]) -> int:
    """Starts an honest mock, and passes every request on to it with its path rewritten."""
    mock = subprocess.Popen([sys.executable, "-m", "mock_server", *arguments], stdout=subprocess.PIPE, text=True)
    assert mock.stdout is not None
    line = mock.stdout.readline()
    behind = urlsplit(json.loads(line)["url"]).netloc

    crowd = Meeting(front) if isinstance(front, Crowd) else None

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path, question, query = self.path.partition("?")

            def ask() -> tuple[int, list[tuple[str, str]], bytes]:
                connection = HTTPConnection(behind, timeout=30)
                connection.request(self.command, front.change(path) + question + query, body, dict(self.headers))
                reply = connection.getresponse()
                content = reply.read()
                connection.close()
                return reply.status, list(reply.headers.items()), content

            if isinstance(front, Stalling) and front.stalls(self.command, path):
                time.sleep(front.seconds)
                if not front.seconds:
                    self.close_connection = True
                    return
            held = crowd is not None and crowd.front.holds(self.command, path)
            status, headers, content = crowd.ask(ask) if crowd is not None and held else ask()
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            about = [("Content-Length", str(len(content)))]
            if isinstance(front, Mangling) and front.mangles(self.command, path):
                about, content = front.written(content)
                self.close_connection = True
            for name, value in about if status != 204 else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        # All that the mock may be asked with: a method that only the front refuses would be a second defect.
        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = _pass_on

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(line.strip().replace(behind, f"127.0.0.1:{server.server_port}"), flush=True)
    signal.signal(signal.SIGTERM, lambda *arguments: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        mock.terminate()
        mock.wait(timeout=5)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
