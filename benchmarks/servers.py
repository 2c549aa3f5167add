"""The servers that are compared: how each is started on 127.0.0.1, and how it is asked the same thing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import IO, Any

import npm
from load import Shot

NUMBER = "+14155551234"
UPDATE = f"/v1/voice/phone-numbers/{NUMBER}/update-agent"
BODY = '{"inbound_agent_id": "agent_abc123", "nickname": "Main"}'
CREATE = "/v1/voice/phone-numbers/create"
OWNER = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
CREATE_BODY = json.dumps({"area_code": "313", **OWNER, "tenant_id": "your_tenant"})
ROWS = 100
NUMBERS = "/v1/voice/phone-numbers"
LIST = f"{NUMBERS}?{'&'.join(f'{name}={value}' for name, value in OWNER.items())}"
INVALID_BODY = '{"inbound_agent_id": "agent_abc123", "nickname": 7}'
START_SECONDS = 60.0


class NotReady(Exception):
    """A server did not answer in time; the text shows the end of its log."""


@dataclass(frozen=True)
class Server:
    """One contestant: `command` gives its arguments for a port and a folder it may write to."""

    name: str
    command: Callable[[int, Path], Sequence[str]]
    prefix: str = ""
    method: str = "POST"
    list_path: str = LIST
    note: str = ""
    rows: Callable[[Running], None] | None = None
    """Brings it to the state of which four more kinds of requests are measured, with ROWS rows; None: it is not."""

    def shot(self, body: str = BODY) -> Shot:
        """The update that is measured."""
        return Shot(self.method, self.prefix + UPDATE, body, "X-API-Key", "YOUR_API_KEY")

    def kinds(self) -> dict[str, Shot]:
        """Four more requests, for who answers them: a whole list, a new record, a refusal, and an answer by name."""
        update = self.shot()
        return {
            f"list of {ROWS} rows": self.listing(),
            "create": update._replace(path=self.prefix + CREATE, body=CREATE_BODY),
            "invalid request": self.shot(INVALID_BODY)._replace(refused=True),
            "forced answer": update._replace(prefer="code=500", refused=True),
        }

    def listing(self) -> Shot:
        """A read in which the update must be seen."""
        return Shot("GET", self.prefix + self.list_path, "", "X-API-Key", "YOUR_API_KEY")


@dataclass
class Running:
    """A started server; `seconds` is the time from its start to its first 200."""

    server: Server
    process: subprocess.Popen[bytes]
    port: int
    log: IO[bytes]
    seconds: float = field(default=0.0)

    def ask(self, shot: Shot) -> tuple[int, bytes]:
        """Status and body of one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            request = shot.encoded(self.port).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            connection.sendall(request)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1] or 0) if head.startswith(b"HTTP/") else 0, body

    def log_end(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")[-2000:]


def ringback(*arguments: str, name: str = "ringback", prefix: str = "/teli") -> Server:
    """Our own server as a user starts it; all vendors unless the arguments say otherwise."""
    script = Path(sys.executable).with_name("ringback")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "mock_server"]
    return Server(
        name,
        lambda port, _: [*command, "serve", "--host", "127.0.0.1", "--port", str(port), *arguments],
        prefix,
        rows=_fill if not arguments else None,
    )


def _fill(one: Running) -> None:
    """Begins anew, and makes as many numbers as are missing."""
    one.ask(Shot("POST", "/_ringback/reset", "", "X-API-Key", "YOUR_API_KEY"))
    create, listing = one.server.kinds()["create"], one.server.listing()
    there = json.loads(one.ask(listing)[1])["count"]
    for _ in range(ROWS - there):
        one.ask(create)
    if (found := json.loads(one.ask(listing)[1])["count"]) != ROWS:
        raise NotReady(f"{one.server.name} lists {found} rows, {ROWS} are needed")


def on_a_store(kind: str, workers: int) -> Server:
    """Our own server with so many processes on a file, or on a Redis of its own."""
    more = ["--workers", str(workers)]

    def command(port: int, folder: Path) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port), *more]
        if kind == "sqlite":
            store = f"sqlite:///{folder / 'kept.db'}"
            return [sys.executable, "-m", "mock_server", "serve", "--store", store, *where]
        return [sys.executable, str(Path(__file__).with_name("with_redis.py")), str(folder), *where]

    return Server(f"ringback {kind}" + (f" x{workers}" if workers > 1 else ""), command, "/teli")


def prism(command: Sequence[str], *arguments: str, name: str = "prism") -> Server:
    """Prism with the same document, in which the example of the list has ROWS rows: it answers what stands there."""

    def started(port: int, folder: Path) -> list[str]:
        spec = _with_rows(npm.ROOT / "openapi" / "teli.yaml", folder / "teli.json")
        return [*command, "mock", "--host", "127.0.0.1", "--port", str(port), *arguments, str(spec)]

    return Server(name, started, rows=lambda one: None)


def _with_rows(spec: Path, place: Path) -> Path:
    """The document with that many rows in the example of the list of numbers."""
    import yaml

    document = yaml.safe_load(spec.read_text(encoding="utf-8"))
    content = document["paths"][NUMBERS]["get"]["responses"]["200"]["content"]["application/json"]
    (name, example), *_ = content["examples"].items()
    [row, *_] = example["value"]["phone_numbers"]
    made = [{**row, "phone_number": f"+1313555{1000 + number}"} for number in range(ROWS)]
    content["examples"] = {name: {**example, "value": {**example["value"], "count": ROWS, "phone_numbers": made}}}
    place.write_text(json.dumps(document, default=str), encoding="utf-8")
    return place


def json_server(command: Sequence[str]) -> Server:
    """json-server with the number in its database; it updates with PATCH where the vendor takes POST too."""

    def arguments(port: int, folder: Path) -> list[str]:
        database, routes = folder / "db.json", folder / "routes.json"
        database.write_text(json.dumps({"numbers": [{"id": NUMBER, "nickname": None}]}), encoding="utf-8")
        routes.write_text(json.dumps({"/v1/voice/phone-numbers/:id/update-agent": "/numbers/:id"}), encoding="utf-8")
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [*command, str(database), "--routes", str(routes), "--quiet", *where]

    return Server("json-server", arguments, method="PATCH", list_path="/numbers", note="PATCH instead of POST")


def mockoon(command: Sequence[str]) -> Server:
    """Mockoon's command line with the same document."""

    def arguments(port: int, folder: Path) -> list[str]:
        import yaml

        # As JSON: of YAML it takes no file with so many aliases.
        spec = folder / "teli.json"
        text = (npm.ROOT / "openapi" / "teli.yaml").read_text(encoding="utf-8")
        spec.write_text(json.dumps(yaml.safe_load(text), default=str), encoding="utf-8")
        where = ["--hostname", "127.0.0.1", "--port", str(port), "--disable-log-to-file", "--disable-admin-api"]
        return [*command, "start", "--data", str(spec), *where]

    return Server("mockoon", arguments)


def openapi_backend(folder: Path) -> Server:
    """A server on openapi-backend with the same document."""
    script, spec = Path(__file__).with_name("openapi_backend.js"), npm.ROOT / "openapi" / "teli.yaml"
    return Server("openapi-backend", lambda port, _: ["node", str(script), str(folder), str(spec), str(port)])


def specmatic(jar: Path) -> Server:
    """Specmatic with the same document, without our extensions; it answers what it draws from the schemas."""

    def arguments(port: int, folder: Path) -> list[str]:
        plain = [sys.executable, "-m", "mock_server", "spec", "teli", "--plain"]
        text = subprocess.run(plain, cwd=npm.ROOT, capture_output=True, check=True).stdout
        (folder / "teli.yaml").write_bytes(text)
        return ["java", "-jar", str(jar), "stub", str(folder / "teli.yaml"), "--host=127.0.0.1", f"--port={port}"]

    return Server("specmatic", arguments)


def wiremock(jar: Path) -> Server:
    """WireMock with a stub for the update and one for the list, which it answers whatever is in the body."""
    stubs = {
        "update": {"request": {"method": "POST", "urlPath": UPDATE}, "response": _stubbed({"success": True})},
        "list": {"request": {"method": "GET", "urlPath": LIST.partition("?")[0]}, "response": _stubbed([])},
    }

    def arguments(port: int, folder: Path) -> list[str]:
        (folder / "mappings").mkdir(exist_ok=True)
        for name, stub in stubs.items():
            (folder / "mappings" / f"{name}.json").write_text(json.dumps(stub), encoding="utf-8")
        where = ["--bind-address", "127.0.0.1", "--port", str(port), "--root-dir", str(folder)]
        return ["java", "-jar", str(jar), *where, "--disable-banner", "--no-request-journal"]

    return Server("wiremock", arguments, note="stubs written by hand, no journal")


def _stubbed(body: Any) -> dict[str, Any]:
    return {"status": 200, "jsonBody": body, "headers": {"Content-Type": "application/json"}}


def ceiling(kind: str) -> Server:
    """A bare handler on the web server that we use."""
    script = str(Path(__file__).with_name("ceiling.py"))
    return Server(f"bare {kind}", lambda port, _: [sys.executable, script, kind, str(port)], note="does nothing at all")


def contestants() -> tuple[list[Server], list[str]]:
    """All servers, and a sentence for each peer that is missing."""
    servers = [ringback(), ringback("--only", "teli", name="ringback --only teli", prefix="")]
    servers += [on_a_store("sqlite", workers) for workers in (1, 2)]
    missing: list[str] = []
    if shutil.which("redis-server"):
        servers += [on_a_store("redis", workers) for workers in (1, 2)]
    else:
        missing.append("redis is not measured: redis-server is not installed")
    try:
        command = npm.installed(npm.PRISM)
        servers += [prism(command), prism(command, "-v", "silent", name="prism -v silent")]
    except npm.NotInstalled as reason:
        missing.append(f"prism is not measured: {reason}")
    try:
        servers.append(json_server(npm.installed(npm.JSON_SERVER)))
    except npm.NotInstalled as reason:
        missing.append(f"json-server is not measured: {reason}")
    for package, make in _OTHERS:
        try:
            npm.installed(package)
            servers.append(make(package))
        except (npm.NotInstalled, IndexError) as reason:
            missing.append(f"{package.command} is not measured: {reason}")
    servers += [ceiling("wsgi"), ceiling("rsgi")]
    return servers, missing


_OTHERS: list[tuple[npm.Package, Callable[[npm.Package], Server]]] = [
    (npm.MOCKOON, lambda package: mockoon([str(package.binary)])),
    (npm.OPENAPI_BACKEND, lambda package: openapi_backend(package.folder)),
    (npm.WIREMOCK, lambda package: wiremock(sorted(package.folder.glob("node_modules/wiremock/build/*.jar"))[0])),
    (npm.SPECMATIC, lambda package: specmatic(package.folder / "node_modules" / "specmatic" / "specmatic.jar")),
]
"""The peers from npm that need no more than their package, and Java where they are one."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """The server, started, ready and stopped again with all its processes."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        command = list(server.command(port, Path(folder)))
        started = perf_counter()
        # With its byte code kept, as that of every installed package is.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(npm.CACHE / "byte-code")
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=npm.ROOT,
            env=environment,
            start_new_session=True,
        )
        one = Running(server, process, port, log)
        try:
            _wait(one, started)
            yield one
        finally:
            stop(process)


def _wait(one: Running, started: float) -> None:
    shot, status = one.server.shot(), 0
    while True:
        with suppress(OSError):
            status, _ = one.ask(shot)
        now = perf_counter()
        if status == 200:
            one.seconds = now - started
            return
        if one.process.poll() is not None or now - started > START_SECONDS:
            what = f"answers {status}" if status else "does not answer"
            raise NotReady(f"{one.server.name} {what}; its log ends with:\n{one.log_end()}")
        sleep(0.002)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and those it started, all of one session."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=5)
