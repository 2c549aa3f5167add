"""`python -m tests.defects.serve NAME serve ...`: the `ringback` command with one defect planted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from mock_server import catalogue
from mock_server.commands import cli
from mock_server.exchange import Service
from tests.defects.catalogue import DEFECTS
from tests.defects.deep import DEEP
from tests.defects.lawful import LAWFUL
from tests.defects.planting import Front


def main() -> int:
    name, *arguments = sys.argv[1:]
    defect = next(defect for defect in [*DEFECTS, *DEEP, *LAWFUL] if f"{defect.provider}: {defect.name}" == name)
    if isinstance(defect.plant, Front):
        return _serve_behind(defect.plant, arguments)
    honest = catalogue.open_services

    def planted(names: object = None, **options: object) -> dict[str, Service]:
        services = honest([defect.provider], **options)  # type: ignore[arg-type]
        defect.plant(services[defect.provider])
        return services

    catalogue.open_services = planted  # type: ignore[assignment]
    return cli.main(arguments)


def _serve_behind(front: Front, arguments: list[str]) -> int:
    """Starts an honest mock, and passes every request on to it with its path rewritten."""
    mock = subprocess.Popen([sys.executable, "-m", "mock_server", *arguments], stdout=subprocess.PIPE, text=True)
    assert mock.stdout is not None
    line = mock.stdout.readline()
    behind = urlsplit(json.loads(line)["url"]).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = HTTPConnection(behind, timeout=30)
            path, question, query = self.path.partition("?")
            connection.request(self.command, front.change(path) + question + query, body, dict(self.headers))
            reply = connection.getresponse()
            content = reply.read()
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

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
