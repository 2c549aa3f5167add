"""What a running server tells: a line for each request, what was meant, and nothing that stalls it; probes, banner."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Thread

import pytest
import requests

from mock_server.desk.happened.told import Told, as_json, as_text
from mock_server.process.logs import MAX_WAITING, Stderr
from mock_server.process.terminal import painter, printable
from tests.conftest import RINGBACK, ROOT, Server, start_server

KEY = {"X-API-Key": "test_log"}
NUMBERS = "/teli/v1/voice/phone-numbers"


def _plain(text: str, style: str) -> str:
    return text


@pytest.fixture
def logged(serve: Callable[..., Server]) -> Callable[..., list[str]]:
    """Does something with a server, and returns the lines that it logged."""

    def run(form: str, act: Callable[[str], object], *more: str) -> list[str]:
        server = serve("--log", form, *more)
        act(server.url)
        return server.stop()[1].splitlines()

    return run


def _some_requests(url: str) -> None:
    requests.get(url + "/teli/v1/organizations", headers=KEY, timeout=10)
    requests.get(url + "/teli/v1/organizations", headers={**KEY, "Prefer": "code=503"}, timeout=10)
    requests.get(url + "/teli/v1/organisations", headers=KEY, timeout=10)
    requests.post(url + f"{NUMBERS}/create", json={"area": "313"}, headers=KEY, timeout=10)
    requests.get(url + "/v1/organizations", headers=KEY, timeout=10)
    requests.get(url + "/_ringback/health", timeout=10)
    requests.get(url + "/readyz", timeout=10)


def test_a_line_tells_vendor_operation_status_time_choice_and_space(logged: Callable[..., list[str]]) -> None:
    lines = [re.sub(r"^[\d:]{8} | [\d.]+ ms", "", line) for line in logged("text", _some_requests)]
    assert lines[0] == "200 teli listOrganizations listed test_log"
    assert lines[1] == "503 teli listOrganizations error [prefer] test_log"
    assert lines[2].startswith("404 teli GET /v1/organisations ")
    assert lines[2].endswith(" test_log: did you mean /v1/organizations?")
    assert "you sent `area`; this operation reads area_code" in lines[3]
    assert lines[4] == "404 - GET /v1/organizations: did you mean /teli/v1/organizations?"
    assert len(lines) == 5, "the control API and the probes are not what is tested"


def test_a_json_line_has_the_same_and_names(logged: Callable[..., list[str]]) -> None:
    lines = [json.loads(line) for line in logged("json", _some_requests)]
    assert len(lines) == 5
    first = lines[0]
    assert {first[name] for name in ("provider", "operation", "answer", "space")} == {
        "teli",
        "listOrganizations",
        "listed",
        "test_log",
    }
    assert first["status"] == 200
    assert first["milliseconds"] > 0
    assert first["hint"] is None
    assert time.time() - 60 < datetime.fromisoformat(first["time"]).timestamp() < time.time() + 5
    assert lines[1]["chosen"] == "prefer"
    assert lines[2]["hint"] == "GET /v1/organisations: did you mean /v1/organizations?"


def test_without_a_terminal_nothing_is_logged_unless_it_is_asked_for(serve: Callable[..., Server]) -> None:
    server = serve()
    _some_requests(server.url)
    assert server.stop()[1] == ""
    server = serve(env={"RINGBACK_LOG": "json"})
    _some_requests(server.url)
    assert len(server.stop()[1].splitlines()) == 5


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_at_a_terminal_it_is_on_in_colours_that_no_color_takes_away(environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        cwd=ROOT,
        env={**kept, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    requests.get(url + "/teli/v1/organizations", headers=KEY, timeout=10)
    text = os.read(ours, 4096).decode()
    process.terminate()
    process.communicate(timeout=10)
    os.close(ours)
    assert "listOrganizations" in text
    assert ("\x1b[32m200\x1b[0m" in text) is (environment == {})


def test_a_form_that_does_not_exist_is_named() -> None:
    done = subprocess.run([*RINGBACK, "serve", "--log", "xml"], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert "--log xml: there are text, json, off" in done.stderr


def test_a_client_cannot_write_to_the_terminal() -> None:
    told = Told("GET", "/\x1b[2J\n\u202egnp.exe", 404, 0.1, "teli", hint="GET /\x1b]0;x\x07: did you mean /?")
    line = as_text(told, 0.0, _plain)
    assert line.isprintable()
    assert "\\x1b[2J\\n\\u202egnp.exe" in line
    assert len(as_text(Told("GET", "/" + "x" * 5000, 404, 0.1), 0.0, _plain)) < 300
    assert json.loads(as_json(Told("GET", "/\udcff", 404, 0.1), 0.0))["path"] == "/?"
    assert printable("plain é") == "plain é"


def test_colours_are_for_terminals_and_for_those_who_force_them() -> None:
    with open(os.devnull, "w") as nowhere:
        assert painter(nowhere, {})("x", "red") == "x"
        assert painter(nowhere, {"FORCE_COLOR": "1"})("x", "red") == "\x1b[31mx\x1b[0m"
        assert painter(nowhere, {"FORCE_COLOR": "1", "NO_COLOR": "1"})("x", "red") == "x"


def test_an_accepted_key_is_told_nowhere(logged: Callable[..., list[str]]) -> None:
    def act(url: str) -> None:
        secret = "sk-live-0123456789"
        requests.get(url + f"/teli/v1/{secret}/x", headers={"X-API-Key": secret}, timeout=10)

    [line] = logged("json", act, "--accept-key", "sk-live-0123456789")
    assert "sk-live" not in line
    assert json.loads(line)["space"].startswith("key-")


# A reader that is slow, or gone


def test_a_reader_who_does_not_read_holds_up_nobody_and_is_told_what_is_missing() -> None:
    reader, writer = os.pipe()
    stderr = Stderr(writer)
    began = time.perf_counter()
    for number in range(3 * MAX_WAITING):
        stderr.put(lambda number=number: f"line {number}")  # type: ignore[misc]
    assert time.perf_counter() - began < 5
    text = b""
    while b"left out" not in text:
        text += os.read(reader, 1 << 20)
    lines = text.decode().splitlines()
    told = next(line for line in lines if "left out" in line)
    assert int(told.split()[1]) >= MAX_WAITING
    assert lines[:2] == ["line 0", "line 1"]
    os.close(reader)
    os.close(writer)


def test_warnings_that_nobody_reads_hold_up_nobody(tmp_path: Path) -> None:
    """Of the program, of a library and of the interpreter itself, into a pipe that is full."""
    file = tmp_path / "warns.py"
    file.write_text(
        "import logging, os, threading, time\nfrom mock_server.commands.log import begin_log\n"
        "begin_log('off')\nos.set_blocking(2, True)\n"
        "class Odd:\n    def __del__(self):\n        raise ValueError('x' * 5000)\n"
        "began = time.monotonic()\nfor _ in range(200):\n    logging.getLogger('any').warning('y' * 5000)\n    Odd()\n"
        "print(time.monotonic() - began < 5, flush=True)\nos._exit(0)\n",
        encoding="utf-8",
    )
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, file], stdout=subprocess.PIPE, stderr=writer, text=True, cwd=ROOT, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    finally:
        os.close(reader)
        os.close(writer)
    assert done.stdout == "True\n"


def test_a_reader_who_has_gone_ends_the_log_and_nothing_else() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stderr = Stderr(writer)
    stderr.put(lambda: "nobody reads this")
    stderr.flush(10)
    assert stderr.closed
    stderr.put(lambda: pytest.fail("a line was made for nobody"))
    os.close(writer)


@pytest.fixture
def clogged() -> Iterator[str]:
    """The address of a server whose log goes into a pipe that nobody reads."""
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--json", "--log", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.kill()
    process.communicate()


def test_a_server_whose_log_is_not_read_goes_on_serving(clogged: str) -> None:
    with requests.Session() as session:
        for _ in range(600):
            # Far more than a pipe holds.
            answer = session.get(clogged + "/teli/v1/" + "x" * 250, headers=KEY, timeout=10)
            assert answer.status_code == 404


def test_a_server_whose_log_nobody_holds_any_more_goes_on_serving() -> None:
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--json", "--log"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    url = json.loads(process.stdout.readline())["url"]
    process.stderr.close()
    for _ in range(5):
        assert requests.get(url + "/teli/v1/organizations", headers=KEY, timeout=10).status_code == 200
    process.terminate()
    assert process.wait(10) == 0


# What was meant, in a header


def test_the_hint_is_a_header_too(server: Server) -> None:
    wrong = requests.post(server.url + "/vogent/api/phone-numbers/x", timeout=10)
    assert wrong.headers["x-ringback-hint"] == "POST /api/phone-numbers/x: did you mean PUT /api/phone_numbers/{id}?"
    right = requests.get(server.url + "/teli/v1/organizations", headers=KEY, timeout=10)
    assert "x-ringback-hint" not in right.headers
    chosen = requests.get(server.url + "/teli/v1/organizations", headers={**KEY, "Prefer": "code=500"}, timeout=10)
    assert "x-ringback-hint" not in chosen.headers


def test_a_path_without_its_vendor_or_with_a_mistyped_one_is_told_where_it_belongs(server: Server) -> None:
    missing = requests.get(server.url + "/v1/organizations", timeout=10)
    assert missing.status_code == 404
    assert missing.headers["x-ringback-hint"] == "GET /v1/organizations: did you mean /teli/v1/organizations?"
    assert "did you mean /teli/v1/organizations?" in missing.json()["detail"]
    mistyped = requests.get(server.url + "/Teli/v1/organizations", timeout=10)
    assert mistyped.headers["x-ringback-hint"] == "GET /Teli/v1/organizations: did you mean /teli/v1/organizations?"
    assert "x-ringback-hint" not in requests.get(server.url + "/favicon.ico", timeout=10).headers


def test_a_hostile_path_makes_no_hostile_header_and_costs_no_time(server: Server) -> None:
    split = requests.get(server.url + "/teli/v1/organizations%0d%0aSet-Cookie:%20x=1%c3%a9", timeout=10)
    assert split.status_code == 404
    assert "set-cookie" not in split.headers
    assert split.headers["x-ringback-hint"].isascii()
    long = requests.get(server.url + "/teli/" + "a/" * 2000, timeout=10)
    assert "x-ringback-hint" not in long.headers


# Probes


@pytest.fixture(scope="module")
def beyond() -> Iterator[Server]:
    """A server of one vendor at the root, on all addresses, with a token."""
    running = start_server("--only", "teli", "--host", "0.0.0.0", env={"RINGBACK_CONTROL_TOKEN": "secret"})
    yield running
    running.stop()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_no_token_and_no_name(beyond: Server, path: str) -> None:
    answer = requests.get(beyond.url + path, headers={"Host": "10.1.2.3:4010"}, timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert requests.head(beyond.url + path, timeout=10).status_code == 200
    refused = requests.post(beyond.url + path, timeout=10)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_the_same_probes_are_there_behind_plain_wsgi() -> None:
    from mock_server.app import create_app

    client = create_app().test_client()
    assert client.get("/readyz", headers={"Host": "10.1.2.3"}).get_json() == {"status": "ok"}


def _ready(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK")}
    command = [*RINGBACK, "ready", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, env={**kept, **environment})


def test_ringback_ready_is_a_health_check(beyond: Server) -> None:
    assert _ready("--url", beyond.url).returncode == 0
    assert _ready(RINGBACK_PORT=beyond.url.rpartition(":")[2]).returncode == 0
    assert _ready(RINGBACK_URL=beyond.url).returncode == 0
    nobody = _ready("--url", "http://127.0.0.1:1", "--wait", "0.3")
    assert nobody.returncode == 3
    assert "nobody answers at http://127.0.0.1:1" in nobody.stderr


def test_ringback_ready_waits_for_a_server_that_is_being_started() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    codes: list[int] = []
    waiting = Thread(target=lambda: codes.append(_ready("--wait", "30", RINGBACK_PORT=str(port)).returncode))
    waiting.start()
    time.sleep(0.5)
    process = subprocess.Popen([*RINGBACK, "serve", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    waiting.join(timeout=60)
    process.terminate()
    process.wait(10)
    assert codes == [0]


def test_a_healthy_server_with_a_certificate_of_its_own_is_ready(tmp_path: Path, serve: Callable[..., Server]) -> None:
    pair = ["-keyout", str(tmp_path / "k.pem"), "-out", str(tmp_path / "c.pem"), "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *pair, *names], check=True, capture_output=True
    )
    server = serve("--tls-cert", str(tmp_path / "c.pem"), "--tls-key", str(tmp_path / "k.pem"))
    port = server.url.rpartition(":")[2]
    assert _ready(RINGBACK_PORT=port, RINGBACK_TLS_CERT=str(tmp_path / "c.pem")).returncode == 0
    assert _ready("--url", server.url).returncode == 3


# The banner


def _banner(*arguments: str, **environment: str) -> tuple[list[str], subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not any(line.startswith("Control: ") for line in lines):
        lines.append(process.stdout.readline())
        assert lines[-1], "the server ended"
    return lines, process


def _write_fixtures(folder: Path) -> None:
    folder.mkdir()
    (folder / "teli.yaml").write_text(
        'numbers: [{phone_number: "+13135550123"}]\nagents: [{agent_name: Me, voice_agent_id: agent_mine}]\n'
    )
    (folder / "vogent.yaml").write_text("numbers: []\nkeys: [mine]\n")


@pytest.mark.parametrize("own", [False, True], ids=["packaged fixtures", "fixtures of one's own"])
def test_every_line_of_the_banner_works_with_what_was_loaded(own: bool, tmp_path: Path) -> None:
    _write_fixtures(tmp_path / "fixtures")
    lines, process = _banner(*(["--fixtures", str(tmp_path / "fixtures")] if own else []))
    try:
        commands = [line.strip() for line in lines if line.strip().startswith("curl")]
        assert len(commands) == 4
        for command in commands:
            done = subprocess.run(
                ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *shlex.split(command)[1:]],
                capture_output=True,
                text=True,
                timeout=20,
            )
            assert done.stdout == "200", command
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_beyond_loopback_the_banner_says_what_the_control_api_wants_and_how() -> None:
    lines, process = _banner("--host", "0.0.0.0")
    rest = process.stdout.readline() if process.stdout else ""
    process.terminate()
    process.communicate(timeout=10)
    assert "refuses every call" in lines[-1]
    assert "RINGBACK_CONTROL_TOKEN=... ringback serve" in rest
    lines, process = _banner("--host", "0.0.0.0", RINGBACK_CONTROL_TOKEN="open sesame")
    command = lines[-1].removeprefix("Control: ").partition(" (")[0].replace("TOKEN", "open sesame")
    done = subprocess.run(["bash", "-c", command.replace("curl", "curl -sS", 1)], capture_output=True, text=True)
    process.terminate()
    process.communicate(timeout=10)
    assert '"status":"ok"' in done.stdout, done.stderr
    assert "open sesame" not in "".join(lines)


def test_the_log_costs_nothing_that_is_not_asked_for() -> None:
    """Off, no module of it is loaded with a thread, and no exchange is told to anybody."""
    code = (
        "from mock_server.catalogue import open_services\nfrom mock_server.gateway import Gateway\n"
        "gateway = Gateway(open_services(['teli']))\n"
        "from mock_server.commands.log import begin_log, log_requests\nlog_requests(gateway, begin_log('off'), 'off')\n"
        "import threading\n"
        "print(gateway.told, gateway.services['teli'].told, threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["None", "None", "1"]
