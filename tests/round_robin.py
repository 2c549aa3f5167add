"""`python -m tests.round_robin MODULE ARGUMENTS...`: a server as two processes on one file, asked in turn.

It starts `python -m MODULE ARGUMENTS... --store sqlite:///FILE` twice and prints the line of the first, with its own
address in it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

_HOP_BY_HOP = ("content-length", "transfer-encoding", "connection", "keep-alive")


def proxy(*behind: str) -> ThreadingHTTPServer:
    """A server on a free port that passes each request on to the next of these `host:port`."""
    turns, lock = cycle(behind), Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                turn = next(turns)
            connection = HTTPConnection(turn, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body or None, headers)
            reply = connection.getresponse()
            content = reply.read()
            connection.close()
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = _pass_on

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main(arguments: list[str]) -> int:
    """Serves until it is told to stop, and stops both then."""
    with tempfile.TemporaryDirectory() as folder:
        store = ["--store", f"sqlite:///{Path(folder) / 'kept.db'}"]
        command = [sys.executable, "-m", *arguments, *store]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        try:
            lines = [process.stdout.readline() for process in started if process.stdout is not None]
            places = [urlsplit(json.loads(line)["url"]).netloc for line in lines]
            server = proxy(*places)
            print(lines[0].strip().replace(places[0], f"127.0.0.1:{server.server_port}"), flush=True)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            server.serve_forever()
        finally:
            for process in started:
                process.terminate()
                process.wait(timeout=10)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
