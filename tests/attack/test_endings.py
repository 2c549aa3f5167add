"""Every exchange ends in the vendor's manner, is journalled, and gives back what it held, whatever fails on the way."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.spec import Spec, build
from tests.attack.sockets import connection_to, sent
from tests.conftest import Server, start_server

ALL = ["interactly", "teli", "uponai", "vogent"]
UPDATE = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that has nothing to say on stderr, whatever is done to it."""
    running = start_server()
    yield running
    assert running.stop() == ("", "")


@pytest.fixture
def key() -> str:
    return f"test_{uuid4().hex}"


def journal(server: Server, key: str) -> list[dict[str, Any]]:
    found = requests.get(f"{server.control}/requests", params={"space": key}, timeout=10)
    assert found.status_code == 200, found.text
    rows: list[dict[str, Any]] = found.json()["requests"]
    return rows


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize("depth", [99, 101, 254, 300, 1000, 5000])
@pytest.mark.parametrize("provider", ALL)
def test_a_deeply_nested_body_is_answered_and_journalled(
    quiet: Server, specs: dict[str, Spec], key: str, provider: str, depth: int
) -> None:
    """Of all operations: those that delete take a body and do not read it."""
    spec = specs[provider]
    count = 0
    for operation in spec.operations.values():
        if not operation.requests or operation.method == "GET":
            continue
        wire = build(spec, operation, next(iter(operation.requests.values())), key)
        headers = {**wire.headers, "Content-Type": "application/json"}
        url = quiet.origin(provider) + wire.target
        found = requests.request(operation.method, url, data=nested(depth), headers=headers, timeout=10)
        assert found.headers["content-type"].startswith("application/json"), (operation.id, found.text)
        assert found.status_code != 500 or found.headers["x-ringback-evidence"] != "assumed"
        count += 1
    rows = journal(quiet, key)
    assert len(rows) == count
    for path in ("/requests/unmatched", "/requests/count"):
        assert requests.get(quiet.control + path, params={"space": key}, timeout=10).status_code == 200
    wanted = {"space": key, "body": {"a": 1}}
    assert requests.post(f"{quiet.control}/requests/find", json=wanted, timeout=10).status_code == 200


@pytest.mark.parametrize("path", ["/faults", "/spaces", "/snapshots", "/requests/find", "/requests/verify"])
@pytest.mark.parametrize("depth", [101, 300, 5000])
def test_a_deeply_nested_control_body_is_a_400(quiet: Server, path: str, depth: int) -> None:
    headers = {"Content-Type": "application/json"}
    found = requests.post(quiet.control + path, data=nested(depth), headers=headers, timeout=10)
    assert found.status_code == 400
    assert "nested" in found.json()["detail"]
    deep = b'{"version":1,"providers":' + nested(depth) + b"}"
    assert requests.put(f"{quiet.control}/state", data=deep, headers=headers, timeout=10).status_code in (400, 422)


def test_connections_that_rules_hold_are_given_back_whatever_the_bodies_are(quiet: Server, key: str) -> None:
    rule = {"space": key, "provider": "vogent", "operation": "*", "fault": "hang", "delay_ms": 50}
    assert requests.post(f"{quiet.control}/faults", json=rule, timeout=5).status_code == 201
    head = f"DELETE /vogent/api/phone_numbers/x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    body = nested(300)
    for _ in range(40):
        with connection_to(quiet) as connection:
            connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert connection.recv(1000) == b""
    rows = requests.get(f"{quiet.control}/faults", params={"space": key}, timeout=5).json()["faults"]
    assert (rows[0]["hits"], rows[0]["refused"]) == (40, 0)


# Protocols


def test_http_1_0_is_answered(quiet: Server, key: str) -> None:
    body = b'{"nickname":"old"}'
    data = f"POST {UPDATE} HTTP/1.0\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n".encode()
    found = sent(quiet, data + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert (found.status, json.loads(found.body)["nickname"]) == (200, "old")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl speaks HTTP/2")
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_body_without_a_length_is_read(quiet: Server, key: str, version: str, size: int) -> None:
    nickname = "n" * size
    command = ["curl", "-s", version, "-X", "POST", "-T", "-", quiet.url + UPDATE, "-H", f"X-API-Key: {key}"]
    command += ["-H", "Content-Type: application/json"]
    body = json.dumps({"nickname": nickname})
    done = subprocess.run(command, input=body, capture_output=True, text=True, timeout=20, check=True)
    assert json.loads(done.stdout)["nickname"] == nickname


def test_a_body_over_http_2_that_is_too_large_is_refused(quiet: Server, key: str) -> None:
    command = ["curl", "-s", "--http2-prior-knowledge", "-X", "POST", "-T", "-", quiet.url + UPDATE]
    # A little more than is read: much more, and curl may still be sending when the stream is ended, and shows nothing.
    done = subprocess.run(
        [*command, "-H", f"X-API-Key: {key}"], input=b" " * 1_050_000, capture_output=True, timeout=20
    )
    assert json.loads(done.stdout)["error"] == "Request body too large"


BROKEN_CHUNKS = {
    "no end": b'10\r\n{"nickname":"x"}\r\n',
    "half a chunk": b'20\r\n{"nickname":"x"}',
    "half an end": b'10\r\n{"nickname":"x"}\r\n0\r\n',
    "no size": b'10\r\n{"nickname":"x"}\r\nzz\r\n',
    "a size of many digits": b'10\r\n{"nickname":"x"}\r\n' + b"f" * 40 + b"\r\n",
}


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
@pytest.mark.parametrize("leaves", [True, False])
def test_a_chunked_body_that_breaks_off_is_never_carried_out(
    quiet: Server, key: str, chunks: bytes, leaves: bool
) -> None:
    head = f"POST {UPDATE} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connection_to(quiet, 3) as connection:
        connection.sendall(head.encode() + chunks)
        if leaves:
            connection.shutdown(1)
            assert b"200 OK" not in connection.recv(65536)
    time.sleep(0.2)
    space = requests.post(f"{quiet.control}/spaces", json={"name": key}, timeout=5)
    assert space.status_code in (201, 409)
    state = requests.get(f"{quiet.control}/state", params={"space": key}, timeout=5).json()
    assert state["providers"]["teli"]["records"]["numbers"][0]["nickname"] != "x"
    assert all(row["status"] == 400 for row in journal(quiet, key))


# Numbers


@pytest.mark.parametrize("number", [2**63, 2**64, 2**70, -(2**63) - 1, 10**100])
def test_a_whole_number_beyond_64_bits_comes_back_as_it_was_sent(quiet: Server, key: str, number: int) -> None:
    tools = [{"type": "end_call", "name": "look_up", "parameters": {"limit": number, "list": [number]}}]
    headers = {"X-API-Key": key}
    url = f"{quiet.url}/teli/v1/agents/agent_abc123/tools"
    assert requests.patch(url, json={"tools": tools}, headers=headers, timeout=10).status_code == 200
    state = requests.get(f"{quiet.control}/state", params={"space": key}, timeout=10).json()
    settings = [agent["settings"] for agent in state["providers"]["teli"]["records"]["agents"]]
    assert {"general_tools": tools}.items() <= next(one for one in settings if one.get("general_tools")).items()
    assert requests.put(f"{quiet.control}/state", params={"space": key}, json=state, timeout=10).status_code == 200
    assert (
        requests.get(f"{quiet.control}/state", params={"space": key}, timeout=10).json()["providers"]
        == state["providers"]
    )
    assert journal(quiet, key)[0]["request_body"] == {"tools": tools}


# Imports


@pytest.mark.parametrize(
    ("notes", "place"),
    [
        ({"lines 415": "x"}, "lines 415"),
        ({"lines 415": -(10**12)}, "lines 415"),
        ({"lines 415": True}, "lines 415"),
        ({"lines 415": 10_001}, "lines 415"),
        ({"lines xyz": 1}, "lines xyz"),
        ({"else": 1}, "else"),
    ],
)
def test_notes_that_no_vendor_made_are_refused(quiet: Server, key: str, notes: dict[str, Any], place: str) -> None:
    state = requests.get(f"{quiet.control}/state", timeout=5).json()
    state["providers"]["teli"]["notes"] = notes
    refused = requests.put(f"{quiet.control}/state", params={"space": key}, json=state, timeout=5)
    assert refused.status_code == 422
    assert f"providers.teli.notes.{place}" in refused.json()["detail"]


def test_notes_that_a_vendor_made_are_taken_again(quiet: Server, key: str) -> None:
    bodies = [{"area_code": "415", "user_id": "u", "organization_id": "o", "tenant_id": "t"}]
    for body in bodies * 3:
        made = requests.post(
            f"{quiet.url}/teli/v1/voice/phone-numbers/create", json=body, headers={"X-API-Key": key}, timeout=5
        )
        assert made.status_code == 200
    vogent = {"Authorization": f"Bearer {key}"}
    search = {"prefix": "415", "country": "US"}
    found = requests.post(f"{quiet.url}/vogent/api/phone_numbers/search", json=search, headers=vogent, timeout=5)
    assert found.status_code in (200, 404, 405)
    state = requests.get(f"{quiet.control}/state", params={"space": key}, timeout=5).json()
    assert state["providers"]["teli"]["notes"] == {"lines 415": 3} or state["providers"]["teli"]["notes"]
    again = requests.put(f"{quiet.control}/state", params={"space": key}, json=state, timeout=5)
    assert again.status_code == 200, again.text


@pytest.mark.parametrize("text", ['"\\ud800"', "NaN", "1e400", "-Infinity"])
def test_a_state_with_what_json_cannot_say_is_refused(quiet: Server, key: str, text: str) -> None:
    state = requests.get(f"{quiet.control}/state", timeout=5).text
    broken = state.replace('"friendly-name-1"', text)
    assert broken != state
    headers = {"Content-Type": "application/json"}
    refused = requests.put(
        f"{quiet.control}/state", params={"space": key}, data=broken.encode(), headers=headers, timeout=5
    )
    assert refused.status_code in (400, 422)
