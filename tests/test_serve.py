"""`ringback serve` as a process: how it starts and stops, what it prints, which flags and files it takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.catalogue import open_services
from mock_server.messages import Request
from tests.conftest import RINGBACK, ROOT, Server

ALL = ["interactly", "teli", "uponai", "vogent"]
NUMBERS = "/v1/voice/phone-numbers"
OWN = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
LIST = {**OWN, "is_admin": "true"}
BUY = {**OWN, "area_code": "313", "tenant_id": "your_tenant"}
KEY = {"X-API-Key": "YOUR_API_KEY"}


def run(*arguments: str, env: dict[str, str] | None = None, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    """Runs `ringback` to its end."""
    return subprocess.run(
        [*RINGBACK, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        timeout=seconds,
    )


def refused(*arguments: str, env: dict[str, str] | None = None) -> str:
    """The one line on stderr of a `ringback serve` that ends with exit code 2."""
    done = run("serve", *arguments, env=env)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("ringback serve: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def fresh() -> dict[str, str]:
    """The header of a key whose space nobody else uses."""
    return {"X-API-Key": f"test_{uuid4().hex}"}


# The ready line


def test_the_json_line_is_the_only_line_and_says_where_everything_is(serve: Callable[..., Server]) -> None:
    running = serve()
    assert set(running.where) == {"url", "providers", "control"}
    assert sorted(running.where["providers"]) == ALL
    for name, url in running.where["providers"].items():
        assert url == f"{running.url}/{name}"
    assert running.control == f"{running.url}/_ringback"
    assert requests.get(f"{running.control}/health", timeout=5).json()["status"] == "ok"
    assert running.stop() == ("", "")


def test_the_server_takes_connections_by_the_time_the_line_is_printed(serve: Callable[..., Server]) -> None:
    for _ in range(3):
        running = serve("--only", "teli")
        host, _, port = running.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=1):
            pass
        running.stop()


def test_every_curl_line_of_the_banner_works_as_it_stands() -> None:
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        banner = [process.stdout.readline()]
        while "Control:" not in banner[-1]:
            banner.append(process.stdout.readline())
        assert "Ctrl-C" in banner[0]
        lines = [line.strip() for line in banner if line.strip().startswith("curl")]
        assert len(lines) == len(ALL)
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", f"{line} --silent --output /dev/null --write-out '%{{http_code}}'"],
                capture_output=True,
                text=True,
                timeout=20,
            )
            assert done.stdout == "200", line
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_closed_stdout_does_not_keep_the_server_from_serving() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = " ".join(["exec", *RINGBACK, "serve", "--only", "teli", "--port", str(port), ">&-"])
    process = subprocess.Popen(["bash", "-c", command], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                answer = requests.get(f"http://127.0.0.1:{port}/teli{NUMBERS}", params=LIST, headers=KEY, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.02)
        assert answer.status_code == 200
    finally:
        process.terminate()
    assert process.communicate(timeout=10)[1] == ""


# Stopping


def _stopped(process: subprocess.Popen[str], name: signal.Signals) -> tuple[float, str]:
    """How many seconds the process took to end, with exit code 0, and its stderr."""
    started = time.monotonic()
    process.send_signal(name)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    return time.monotonic() - started, errors


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_and_quietly_with_open_connections_and_a_waiting_answer(
    serve: Callable[..., Server], name: signal.Signals
) -> None:
    running = serve("--drain", "0")
    host, _, port = running.url.removeprefix("http://").partition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(20)]
    half = socket.create_connection((host, int(port)))
    half.sendall(b"POST /teli/v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    waiting = socket.create_connection((host, int(port)))
    waiting.sendall(b"GET /teli/v1/organizations HTTP/1.1\r\nHost: x\r\nX-API-Key: test_w\r\nPrefer: wait=30\r\n\r\n")
    kept = requests.Session()
    assert kept.get(f"{running.control}/health", timeout=5).status_code == 200
    seconds, errors = _stopped(running.process, name)
    for connection in (*idle, half, waiting):
        connection.close()
    assert errors == ""
    assert seconds < 1


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pause_seconds", [0, 0.05, 0.1])
def test_it_stops_at_once_and_quietly_while_it_is_still_starting(name: signal.Signals, pause_seconds: float) -> None:
    # The command has its own say from the moment it has asked to be told of the signal.
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    status = Path(f"/proc/{process.pid}/status")
    deadline = time.monotonic() + (10 if status.exists() else 0.5)
    while time.monotonic() < deadline:
        if not status.exists():
            continue
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            break
    time.sleep(pause_seconds)
    seconds, errors = _stopped(process, name)
    assert errors == ""
    assert seconds < 1


def test_ctrl_c_after_ready_leaves_the_port_free_for_the_next(serve: Callable[..., Server]) -> None:
    running = serve("--only", "teli")
    port = running.url.rpartition(":")[2]
    assert requests.get(f"{running.control}/health", timeout=5).status_code == 200
    _stopped(running.process, signal.SIGINT)
    again = serve("--only", "teli", "--port", port)
    assert again.url == running.url


# Wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "-1"], "0 to 65535"),
        (["--port", "70000"], "0 to 65535"),
        (["--port", "abc"], "--port abc: a whole number"),
        (["--port", ""], "whole number"),
        (["--port", "99999999999999999999"], "0 to 65535"),
        (["--seed", "abc"], "--seed abc: a whole number"),
        (["--seed", "1.5"], "--seed 1.5: a whole number"),
        (["--bogus"], "ringback serve --help"),
        (["somewhere"], "ringback serve --help"),
        (["--port"], "ringback serve --help"),
        (["--only", "acme"], "there are interactly, teli, uponai, vogent"),
        (["--host", "no..name"], "--host 127.0.0.1"),
        (["--host", ""], "--host 127.0.0.1"),
        (["--fixtures", "/no/such/folder"], "no such folder"),
        (["--tls-cert", "cert.pem"], "give both"),
        (["--tls-cert", "no-cert.pem", "--tls-key", "no-key.pem"], "no-cert.pem: there is no such file"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], said: str) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize("name", ["RINGBACK_PORT", "RINGBACK_SEED", "RINGBACK_ONLY", "RINGBACK_FIXTURES"])
def test_a_wrong_value_in_the_environment_is_told_like_one_of_the_flag(name: str) -> None:
    assert "--" + name.removeprefix("RINGBACK_").lower() + " wrong" in refused(env={name: "wrong"})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_in_use_is_told_with_the_way_out(server: Server, host: str) -> None:
    port = server.url.rpartition(":")[2]
    error = refused("--host", host, "--port", port)
    assert f"port {port}" in error
    assert "already in use" in error
    assert "RINGBACK_PORT=0 make serve" in error


def test_an_unknown_command_is_told_in_one_line() -> None:
    done = run("sevre")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "serve" in done.stderr


# The environment


def test_every_flag_has_a_twin_in_the_environment_and_the_flag_wins(serve: Callable[..., Server]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {"RINGBACK_PORT": str(port), "RINGBACK_ONLY": "vogent", "RINGBACK_ACCEPT_KEY": "one, two"}
    done = subprocess.Popen(
        [*RINGBACK, "serve", "--only", "teli"],
        env={**os.environ, **env, "RINGBACK_JSON": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert done.stdout is not None
        where = json.loads(done.stdout.readline())
        assert where["url"] == f"http://127.0.0.1:{port}"
        assert list(where["providers"]) == ["teli"]
        for key, status in (("one", 200), ("two", 200), ("three", 401)):
            answer = requests.get(where["url"] + NUMBERS, LIST, headers={"X-API-Key": key}, timeout=5)
            assert answer.status_code == status
    finally:
        done.terminate()
        done.communicate(timeout=10)


def test_an_empty_value_in_the_environment_counts_as_unset(serve: Callable[..., Server]) -> None:
    names = ("ONLY", "SEED", "FIXTURES", "ACCEPT_KEY", "TLS_CERT", "TLS_KEY", "NO_CORS", "CONTROL_TOKEN", "HOST")
    running = serve(env={f"RINGBACK_{name}": "" for name in names})
    assert sorted(running.where["providers"]) == ALL
    assert requests.get(f"{running.control}/health", timeout=5).status_code == 200


@pytest.mark.parametrize(("value", "is_json"), [("0", False), ("false", False), ("", False), ("1", True)])
def test_a_switch_in_the_environment_can_say_no(value: str, is_json: bool) -> None:
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--only", "teli"],
        env={**os.environ, "RINGBACK_JSON": value},
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{") is is_json
    finally:
        process.terminate()
        process.communicate(timeout=10)


# Where it listens


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_it_listens_where_it_was_told_and_serves_the_control_api_there(serve: Callable[..., Server], host: str) -> None:
    running = serve("--only", "teli", "--host", host)
    assert running.url.startswith(f"http://{host}:")
    assert requests.get(f"{running.control}/health", timeout=5).status_code == 200
    assert requests.get(running.url + NUMBERS, LIST, headers=KEY, timeout=5).status_code == 200


def test_all_addresses_are_announced_as_loopback(serve: Callable[..., Server]) -> None:
    assert serve("--only", "teli", "--host", "0.0.0.0").url.startswith("http://127.0.0.1:")


def test_only_mounts_one_vendor_at_the_root(serve: Callable[..., Server]) -> None:
    running = serve("--only", "teli")
    assert running.where["providers"] == {"teli": running.url}
    assert requests.get(running.url + NUMBERS, LIST, headers=KEY, timeout=5).status_code == 200
    assert requests.get(f"{running.url}/teli{NUMBERS}", LIST, headers=KEY, timeout=5).status_code == 200
    nowhere = requests.get(f"{running.url}/vogent/api/phone_numbers", headers=KEY, timeout=5)
    assert nowhere.status_code == 404
    assert nowhere.json()["powered_by"] == "Teli"
    assert requests.get(f"{running.control}/health", timeout=5).json()["providers"] == ["teli"]


# Keys and spaces


def test_unknown_keys_are_refused_and_accepted_ones_have_a_space_of_their_own(serve: Callable[..., Server]) -> None:
    running = serve("--only", "teli", "--accept-key", "sk-live-1", "--accept-key", "sk-live-2")

    def numbers(key: str) -> requests.Response:
        return requests.get(running.url + NUMBERS, LIST, headers={"X-API-Key": key}, timeout=5)

    assert numbers("sk-live-3").status_code == 401
    assert numbers("").status_code == 401
    before = numbers("sk-live-2").json()["count"]
    bought = requests.post(f"{running.url}{NUMBERS}/create", json=BUY, headers={"X-API-Key": "sk-live-1"}, timeout=5)
    assert bought.status_code == 200
    assert numbers("sk-live-1").json()["count"] == before + 1
    assert numbers("sk-live-2").json()["count"] == before
    assert "sk-live" not in requests.get(f"{running.control}/spaces", timeout=5).text


def test_any_accepts_every_key_but_not_none(serve: Callable[..., Server]) -> None:
    running = serve("--accept-key", "any")
    url = f"{running.origin('teli')}{NUMBERS}"
    assert requests.get(url, LIST, headers={"X-API-Key": "whatever"}, timeout=5).status_code == 200
    assert requests.get(url, LIST, timeout=5).status_code == 401


def test_two_test_keys_never_see_each_other(server: Server) -> None:
    url = server.origin("teli") + NUMBERS
    one, other = fresh(), fresh()
    before = requests.get(url, LIST, headers=other, timeout=5).json()
    for _ in range(3):
        assert requests.post(f"{url}/create", json=BUY, headers=one, timeout=5).status_code == 200
    assert requests.get(url, LIST, headers=other, timeout=5).json() == before
    assert requests.get(url, LIST, headers=one, timeout=5).json()["count"] == before["count"] + 3


def test_spaces_are_bounded_and_the_vendor_s_envelope_says_so(serve: Callable[..., Server]) -> None:
    running = serve("--only", "teli", "--max-spaces", "100")
    session = requests.Session()

    def organizations(key: str, path: str = "/v1/organizations") -> requests.Response:
        return session.get(running.url + path, headers={"X-API-Key": key}, timeout=5)

    for index in range(99):
        # Written to, so that none of them makes room.
        headers, url = {"X-API-Key": f"test_{index}"}, running.url + f"{NUMBERS}/+14155551234/update-agent"
        assert session.post(url, json={"nickname": "mine"}, headers=headers, timeout=5).status_code == 200
    refused = organizations("test_one_too_many")
    assert (refused.status_code, refused.json()["powered_by"]) == (503, "Teli")
    assert "100 spaces" in refused.text
    assert organizations("test_0").status_code == 200
    assert organizations("YOUR_API_KEY").status_code == 200
    assert organizations("test_one_too_many", "/v1/nowhere").status_code == 404
    assert session.post(f"{running.control}/reset", timeout=5).status_code == 200
    assert organizations("test_one_too_many").status_code == 200


def test_reset_answers_when_everything_is_back(serve: Callable[..., Server]) -> None:
    running = serve()
    url = running.origin("teli") + NUMBERS
    session = requests.Session()
    begin = session.get(url, params=LIST, headers=KEY, timeout=5).json()
    other = {"X-API-Key": "test_other"}
    for round in range(5):
        for headers in (KEY, other):
            assert session.post(f"{url}/create", json=BUY, headers=headers, timeout=5).status_code == 200
        if round % 2:
            assert session.post(f"{running.control}/reset", timeout=5).status_code == 200
        else:
            for space in ("default", "test_other"):
                answer = session.post(f"{running.control}/reset", params={"space": space}, timeout=5)
                assert answer.json() == {"reset": [space]}
        for headers in (KEY, other):
            assert session.get(url, params=LIST, headers=headers, timeout=5).json() == begin
    assert session.post(f"{running.control}/reset", params={"space": "test_never"}, timeout=5).status_code == 404
    assert session.post(f"{running.control}/reset", params={"spaec": "default"}, timeout=5).status_code == 400


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can, so that what may come between two steps does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_threads")
def test_a_reset_amid_traffic_never_leaves_a_world_without_its_fixtures() -> None:
    service = open_services(["teli"])["teli"]
    make = Request("POST", "/v1/organizations", "", {"x-api-key": "test_busy"}, b'{"name":"a","contact_email":"a@b.c"}')
    ask = Request("GET", "/v1/organizations", "", {"x-api-key": "test_busy"})
    at_birth = json.loads(service.exchange(ask).body)["count"]
    found: list[tuple[int, int]] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            made, listed = service.exchange(make), service.exchange(ask)
            found.append((made.status, json.loads(listed.body).get("count", 0)))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    begun = time.monotonic()
    while time.monotonic() < begun + 0.7 or (len(found) <= 50 and time.monotonic() < begun + 20):
        service.spaces.reset_all()
    over.set()
    for worker in workers:
        worker.join()
    assert len(found) > 50
    assert {status for status, _ in found} == {201}
    assert min(count for _, count in found) >= at_birth
    budget = service.spaces.budget
    assert budget.used == sum(journal.size for journal in budget.journals)


def test_a_seed_gives_the_same_bodies_for_the_same_requests(serve: Callable[..., Server]) -> None:
    def bodies(*arguments: str) -> list[Any]:
        running = serve("--only", "teli", *arguments)
        headers = {"X-API-Key": "test_seeded"}
        found = [requests.post(f"{running.url}{NUMBERS}/create", json=BUY, headers=headers, timeout=5).json()]
        organization = {"name": "A", "contact_email": "a@example.org"}
        made = requests.post(f"{running.url}/v1/organizations", json=organization, headers=headers, timeout=5)
        found.append(made.json())
        found.append(requests.get(running.url + NUMBERS, LIST, headers=headers, timeout=5).json())
        running.stop()
        return found

    once = bodies("--seed", "7")
    assert bodies("--seed", "7") == once
    assert bodies("--seed", "-7") != once


# Fixtures


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., str]:
    """Writes `teli.yaml` (or another file) into a new folder and returns its path."""

    def write(text: str | bytes, name: str = "teli.yaml") -> str:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(tmp_path)

    return write


def test_a_file_of_the_user_s_own_is_served_and_other_vendors_keep_theirs(
    serve: Callable[..., Server], folder: Callable[..., str]
) -> None:
    own = folder(
        'numbers:\n  - {phone_number: "+14155557777"}\nagents:\n  - {agent_name: Mine, voice_agent_id: agent_mine}\n'
    )
    running = serve("--fixtures", own)
    url = running.origin("teli") + NUMBERS
    headers = fresh()
    rows = requests.get(url, LIST, headers=headers, timeout=5).json()["phone_numbers"]
    assert [row["phone_number"] for row in rows] == ["+14155557777"]
    link = requests.post(
        f"{url}/+14155557777/update-agent", json={"inbound_agent_id": "agent_mine"}, headers=headers, timeout=5
    )
    assert (link.status_code, link.json()["inbound_agent_id"]) == (200, "agent_mine")
    gone = requests.post(
        f"{url}/+14155557777/update-agent", json={"inbound_agent_id": "agent_abc123"}, headers=headers, timeout=5
    )
    assert gone.status_code >= 400
    others = requests.get(
        f"{running.origin('interactly')}/assistants/v1/numbers",
        headers={"Authorization": f"Bearer {headers['X-API-Key']}"},
        timeout=5,
    )
    assert others.status_code == 200
    assert len(others.json()) == 2


def test_a_file_without_keys_leaves_the_documented_ones_as_they_are(
    serve: Callable[..., Server], folder: Callable[..., str]
) -> None:
    running = serve("--only", "teli", "--fixtures", folder('numbers:\n  - {phone_number: "+14155557777"}\n'))
    assert requests.get(running.url + NUMBERS, LIST, headers=KEY, timeout=5).status_code == 200


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numbers: [", "line 2"),
        ("numbers:\n\t- x", "line 2"),
        (b"numbers: [\xff]", "UTF-8"),
        ("- x", "must map"),
        ("numbers: 3", "numbers: must be a list"),
        ("numbers: [x]", "numbers[0]: must be a mapping"),
        ("phones: []", "phones: unknown; teli has keys, numbers"),
        ("keys: [7]", "keys: must be a list of API keys"),
        ("numbers: [{nickname: x}]", "phone_number"),
        ('numbers: [{phone_number: "+14155550001", nickname: [1]}]', "numbers[0].nickname"),
        ('numbers: [{phone_number: "+14155550001"}, {phone_number: "+14155550001"}]', "'+14155550001' is used twice"),
        ('numbers: [{phone_number: "+14155550001", inbound_agent_id: agent_nope}]', "'agent_nope'"),
        ("numbers: [*nothing]", "undefined alias"),
        ("numbers: [!!python/name:os.system x]", "tag"),
    ],
)
def test_a_broken_fixture_is_told_with_its_file_and_place(folder: Callable[..., str], text: Any, said: str) -> None:
    error = refused("--fixtures", folder(text))
    assert "teli.yaml: at " in error
    assert said in error


@pytest.mark.parametrize(
    "text",
    [
        b"numbers: \x00",
        'numbers: [{phone_number: "+14155550001", 1: 2}]',
        'numbers: [{phone_number: "+14155550001", extra: !!set {a, b}}]',
        'numbers: &all [{phone_number: "+14155550001", extra: *all}]',
    ],
)
def test_a_fixture_that_is_no_json_is_told_with_its_file(folder: Callable[..., str], text: Any) -> None:
    assert "teli.yaml: at " in refused("--fixtures", folder(text))


def test_a_number_that_lacks_its_quotes_is_told_as_such(folder: Callable[..., str]) -> None:
    assert "string" in refused("--fixtures", folder("numbers: [{phone_number: +14155550001}]"))


@pytest.mark.parametrize("name", ["notes.yaml", "teli.yml", "Teli.yaml", "teli.json"])
def test_a_file_that_belongs_to_no_vendor_is_not_overlooked(folder: Callable[..., str], name: str) -> None:
    error = refused("--fixtures", folder("keys: []", name))
    assert name in error
    assert "interactly.yaml, teli.yaml, uponai.yaml, vogent.yaml" in error


def test_a_folder_without_fixtures_is_told(folder: Callable[..., str]) -> None:
    assert "no fixtures in it" in refused("--fixtures", folder("x", "README.txt"))


# TLS


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two self-signed pairs (a.pem with a.key, b.pem with b.key), locked.key with a pass phrase, p521.key."""
    here = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=here, timeout=30)

    for name in ("a", "b"):
        openssl(
            *f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 2"
            " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1".split()
        )
    openssl(*"pkcs8 -topk8 -in a.key -out locked.key -passout pass:secret".split())
    openssl(*"ecparam -name secp521r1 -genkey -noout -out p521.key".split())
    openssl(*"req -x509 -new -key p521.key -out p521.pem -subj /CN=localhost -days 2".split())
    (here / "junk.pem").write_text("junk\n")
    return {file.name: file for file in here.iterdir()}


def test_https_works_with_a_pair_of_the_user_s_own(serve: Callable[..., Server], pairs: dict[str, Path]) -> None:
    running = serve("--tls-cert", str(pairs["a.pem"]), "--tls-key", str(pairs["a.key"]))
    assert running.url.startswith("https://")
    trust = str(pairs["a.pem"])
    assert requests.get(f"{running.control}/health", verify=trust, timeout=5).status_code == 200
    url = running.origin("teli") + NUMBERS
    assert requests.get(url, LIST, headers=KEY, verify=trust, timeout=5).status_code == 200
    host, _, port = running.url.removeprefix("https://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" not in plain.recv(1000)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, int(port)), timeout=5) as plain, old.wrap_socket(plain) as secured:
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
    assert running.stop()[1] == ""


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("a.pem", "b.key", "mismatch"),
        ("junk.pem", "a.key", "no usable PEM pair"),
        ("a.pem", "junk.pem", "no usable PEM pair"),
        ("a.key", "a.pem", "no usable PEM pair"),
        ("a.pem", "locked.key", "without a pass phrase"),
        ("p521.pem", "p521.key", "P-256"),
        ("a.pem", "missing.key", "no such file"),
    ],
)
def test_a_broken_pair_is_told_in_one_line(pairs: dict[str, Path], cert: str, key: str, said: str) -> None:
    folder = pairs["a.pem"].parent
    assert said in refused("--tls-cert", str(folder / cert), "--tls-key", str(folder / key))


# What serving costs


@pytest.fixture(scope="module")
def loaded_modules() -> set[str]:
    """The modules that a server has loaded when it has answered a vendor's client and a control request."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "mock_server", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    where = json.loads(process.stdout.readline())
    requests.get(where["providers"]["teli"] + NUMBERS, LIST, headers=KEY, timeout=5)
    requests.get(where["control"] + "/health", timeout=5)
    process.terminate()
    _, errors = process.communicate(timeout=10)
    return {line.rpartition("|")[2].strip() for line in errors.splitlines() if line.startswith("import time:")}


def test_serving_imports_no_generator_no_slow_validator_and_no_client(loaded_modules: set[str]) -> None:
    assert "mock_server.wire.serving" in loaded_modules
    assert "flask" in loaded_modules
    roots = {name.partition(".")[0] for name in loaded_modules}
    assert not roots & {"schemathesis", "hypothesis", "jsonschema", "pytest", "requests", "contract_tests"}
