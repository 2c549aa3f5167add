"""Everything that is held is bounded, and full means something: an answer that names the limit, or room is made."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.process.limits import DEFAULTS, MEANINGS, Limits, flag, names
from mock_server.stores import MemoryStore, StoreFull
from mock_server.wire.flight import Airspace, Flight, FlightLimit
from tests.attack.beside import assert_unmoved, ordinary_client
from tests.attack.sockets import connection_to, is_closed
from tests.conftest import RINGBACK, ROOT, Server
from tests.receiver import Receiver

ORGANIZATIONS = "/teli/v1/organizations"
UPDATE = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"
Serve = Callable[..., Server]


def teli(server: Server, key: str, **arguments: Any) -> requests.Response:
    return requests.get(server.url + ORGANIZATIONS, headers={"X-API-Key": key}, timeout=10, **arguments)


def named(server: Server, key: str, nickname: str) -> requests.Response:
    """Writes something to the key's space."""
    return requests.post(server.url + UPDATE, json={"nickname": nickname}, headers={"X-API-Key": key}, timeout=10)


# The table


def test_every_limit_is_told_and_has_a_flag_and_a_place_in_info(server: Server) -> None:
    assert set(MEANINGS) == set(names())
    shown = subprocess.run([*RINGBACK, "serve", "--help"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    limits = requests.get(f"{server.control}/info", timeout=5).json()["limits"]
    for name in names():
        assert flag(name) in shown
        assert limits[name] == getattr(DEFAULTS, name)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_none_is_told(value: str) -> None:
    done = subprocess.run([*RINGBACK, "serve", "--max-spaces", value], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert f"--max-spaces {value}" in done.stderr


def test_a_limit_can_be_set_in_the_environment(serve: Serve) -> None:
    running = serve("--max-streams", "7", env={"RINGBACK_MAX_SPACES": "5", "RINGBACK_MAX_STREAMS": "9"})
    limits = requests.get(f"{running.control}/info", timeout=5).json()["limits"]
    assert (limits["spaces"], limits["streams"], limits["snapshots"]) == (5, 7, 100)


# Connections


def test_ten_thousand_silent_connections_lock_nobody_out(serve: Serve) -> None:
    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted + 1000:
        wanted = max(1_500, hard - 1_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted + 1_000)), hard))
    running = serve()
    silent = []
    try:
        for index in range(wanted):
            connection = connection_to(running)
            silent.append(connection)
            if index % 3 == 1:
                connection.sendall(b"PRI * HTT")
            elif index % 3 == 2:
                connection.sendall(b"GET / HT")
        for _ in range(20):
            started = time.monotonic()
            assert requests.get(f"{running.control}/health", timeout=4).json()["status"] == "ok"
            assert teli(running, "test_newcomer").status_code == 200
            assert time.monotonic() - started < 2
    finally:
        for connection in silent:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="only there does the kernel tell what came over a connection")
def test_where_most_places_are_taken_silent_connections_make_room(serve: Serve) -> None:
    running = serve("--max-connections", "40")
    silent = [connection_to(running) for _ in range(60)]
    try:
        started = time.monotonic()
        assert requests.get(f"{running.control}/health", timeout=20).status_code == 200
        assert time.monotonic() - started < 15
        assert is_closed(silent[0], 10)
    finally:
        for connection in silent:
            connection.close()


# Bytes on their way


def test_what_is_on_its_way_is_counted_and_given_back() -> None:
    airspace = Airspace(100)
    one, other = Flight(airspace), Flight(airspace)
    one.take(60)
    with pytest.raises(FlightLimit, match="100"):
        other.take(41)
    other.take(40)
    one.land()
    one.land()
    assert airspace.used == 40
    other.take(60)
    other.land()
    assert airspace.used == 0


def test_bodies_beyond_what_may_be_on_its_way_get_the_vendor_s_503(serve: Serve) -> None:
    running = serve("--max-bytes-in-flight", "1000000")
    unread = connection_to(running)
    head = f"POST {UPDATE} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: test_a\r\nContent-Length: 900000\r\n\r\n"
    unread.sendall(head.encode())
    time.sleep(0.2)
    refused = named(running, "test_b", "x" * 200_000)
    assert (refused.status_code, refused.json()["powered_by"]) == (503, "Teli")
    assert "1000000 bytes" in refused.json()["error"]
    assert named(running, "test_b", "short").status_code == 200
    unread.close()
    time.sleep(0.3)
    assert named(running, "test_b", "x" * 200_000).status_code == 200
    journal = requests.get(f"{running.control}/requests", params={"space": "test_b"}, timeout=5).json()["requests"]
    assert [entry["status"] for entry in journal] == [503, 200, 200]


def test_a_control_body_is_read_only_from_who_may_send_it(serve: Serve) -> None:
    running = serve("--control-token", "secret")
    head = b"PUT /_ringback/state HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%b"
    for more, status in ((b"", 401), (b"Origin: http://evil.example\r\n", 403)):
        with connection_to(running, 5) as connection:
            connection.sendall(head % more + b"Content-Length: 60000000\r\n\r\n")
            # Nothing of the body has been sent, and the answer is there all the same.
            assert connection.recv(12) == b"HTTP/1.1 %d" % status


def test_only_a_state_may_be_larger_than_a_mebibyte(server: Server) -> None:
    body = b'{"name": "' + b"x" * 1_100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    for path in ("/spaces", "/faults", "/snapshots", "/requests/find"):
        assert requests.post(server.control + path, data=body, headers=headers, timeout=10).status_code == 413
    # Of this size it is read, and then it is no state.
    padded = json.dumps({"version": 2}).encode() + b" " * 2_000_000
    assert requests.put(f"{server.control}/state", data=padded, headers=headers, timeout=10).status_code == 400


def test_readers_that_do_not_read_cost_no_more_than_what_may_be_on_its_way(serve: Serve) -> None:
    running = serve("--max-bytes-in-flight", "40000000")
    state = requests.get(f"{running.control}/state", timeout=20).json()
    rows = state["providers"]["interactly"]["records"]["numbers"]
    for index in range(20_000):
        rows.append({**rows[0], "number": f"+1000{index:07d}", "_id": f"{index:024x}", "label": "x" * 300})
    loaded = requests.put(f"{running.control}/state", params={"space": "test_long"}, json=state, timeout=60)
    assert loaded.status_code == 200
    get = (
        b"GET /interactly/assistants/v1/numbers HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer test_long\r\n\r\n"
    )
    unread = []
    with ordinary_client(running) as waits:
        for _ in range(12):
            connection = connection_to(running)
            connection.sendall(get)
            unread.append(connection)
        time.sleep(3)
    assert_unmoved(waits)
    assert resident_bytes(running) < 600_000_000
    for connection in unread:
        connection.close()
    listing = f"{running.origin('interactly')}/assistants/v1/numbers"
    read = requests.get(listing, headers={"Authorization": "Bearer test_long"}, timeout=60)
    assert read.status_code in (200, 503)


def resident_bytes(server: Server) -> int:
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


# What is stored


def test_a_space_that_is_full_changes_nothing_and_says_so(serve: Serve) -> None:
    running = serve("--max-bytes-per-space", "300000")
    assert named(running, "test_full", "x" * 200_000).status_code == 200
    refused = named(running, "test_full", "y" * 400_000)
    assert (refused.status_code, refused.json()["powered_by"]) == (503, "Teli")
    assert "300000 bytes" in refused.json()["error"]
    kept = requests.get(f"{running.control}/state", params={"space": "test_full"}, timeout=5).text
    assert "x" * 200_000 in kept
    assert "yyyy" not in kept
    assert named(running, "test_full", "short").status_code == 200
    assert named(running, "test_other", "x" * 200_000).status_code == 200
    state = requests.get(f"{running.control}/state", timeout=5).json()
    state["providers"]["interactly"]["records"]["numbers"][0]["label"] = "z" * 400_000
    imported = requests.put(f"{running.control}/state", params={"space": "test_full"}, json=state, timeout=5)
    assert (imported.status_code, "300000" in imported.json()["detail"]) == (422, True)


def test_bytes_are_given_back_by_deletes_undone_writes_and_drops() -> None:
    store = MemoryStore(Limits(bytes_per_space=2_000, stored_bytes=3_000))
    for _ in range(50):
        with store.transaction("a") as transaction:
            transaction.put("kind", "id", "x" * 1_000)
        with store.transaction("a") as transaction:
            transaction.put("kind", "id", "y" * 1_500)
            assert transaction.delete("kind", "id")
        with suppress(KeyError), store.transaction("a") as transaction:
            transaction.put("kind", "other", "x" * 1_000)
            raise KeyError
    for space in ("b", "c"):
        with store.transaction(space) as transaction:
            transaction.put("kind", "id", "x" * 1_000)
    with pytest.raises(StoreFull, match="3000"), store.transaction("d") as transaction:
        transaction.put("kind", "id", "x" * 1_500)
    with store.transaction("d") as transaction:
        assert transaction.get("kind", "id") is None
    store.drop("b")
    with store.transaction("d") as transaction:
        transaction.put("kind", "id", "x" * 1_500)


def test_the_rules_of_a_space_are_bounded_in_bytes(serve: Serve) -> None:
    running = serve("--max-rule-bytes-per-space", "5000")
    rule = {"space": "test_rules", "provider": "teli", "operation": "*", "answer": {"status": 418, "body": "x" * 2000}}
    statuses = [requests.post(f"{running.control}/faults", json=rule, timeout=5).status_code for _ in range(4)]
    assert statuses == [201, 201, 409, 409]


def test_the_stubs_of_a_space_are_bounded_in_number_and_bytes(serve: Serve) -> None:
    running = serve("--max-stubs-per-space", "3", "--max-stub-bytes-per-space", "5000")
    url = f"{running.control}/stubs"

    def stub(path: str, size: int) -> requests.Response:
        row = {"space": "test_stubs", "provider": "teli", "method": "GET", "path": path, "body": "x" * size}
        return requests.post(url, json=row, timeout=5)

    assert [stub(f"/v9/{index}", 2000).status_code for index in range(2)] == [201, 201]
    refused = stub("/v9/2", 2000)
    assert (refused.status_code, "5000 bytes" in refused.json()["detail"]) == (409, True)
    assert stub("/v9/1", 10).status_code == 201, "in the place of a larger one"
    assert stub("/v9/2", 10).status_code == 201
    refused = stub("/v9/3", 10)
    assert (refused.status_code, "3 stubs" in refused.json()["detail"]) == (409, True)
    state = requests.get(f"{running.control}/state", params={"space": "test_stubs"}, timeout=5).json()
    for change, told in ((2_500, "5000 bytes"), (0, "3 stubs")):
        rows = [{**row, "body": "y" * change} for row in state["stubs"]]
        rows += [] if change else [{**rows[0], "path": "/v9/more"}]
        imported = requests.put(f"{running.control}/state", json={**state, "stubs": rows}, timeout=5)
        assert (imported.status_code, told in imported.json()["detail"]) == (422, True)


def test_what_fills_a_stub_is_bounded(serve: Serve) -> None:
    """Ten thousand placeholders, each for a whole body, once made an answer of 120 MB on the event loop."""
    running = serve()

    def stub(body: Any) -> requests.Response:
        row = {"space": "test_fill", "provider": "teli", "method": "POST", "path": "/v9/x", "body": body}
        return requests.post(f"{running.control}/stubs", json=row, timeout=5)

    refused = stub({"a": "{{body}}" * 1_001})
    assert (refused.status_code, "1000 placeholders" in refused.json()["detail"]) == (400, True)
    for body in ({"a": "{{body}}" * 1_000}, {"a": ["{{body}}"] * 1_000}):
        assert stub(body).status_code == 201
        for size, status in ((100, 200), (2_000, 503)):
            sent = {"headers": {"X-API-Key": "test_fill"}, "json": {"z": "y" * size}, "timeout": 10}
            filled = requests.post(f"{running.url}/teli/v9/x", **sent)
            assert filled.status_code == status, filled.text[:300]
            assert status == 200 or "1048576 bytes" in filled.text


def test_a_body_in_very_many_pieces_is_refused(serve: Serve) -> None:
    running = serve()
    head = f"POST {UPDATE} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: test_a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ordinary_client(running) as waits, connection_to(running, 20) as connection:
        with suppress(OSError):
            connection.sendall(head.encode() + b"1\r\n \r\n" * 60_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
    assert_unmoved(waits)


def test_requests_that_are_being_answered_are_bounded_over_all_connections(serve: Serve) -> None:
    """Over HTTP/2 one connection carries hundreds."""
    running = serve("--max-exchanges", "5")
    waiting = [connection_to(running) for _ in range(5)]
    for connection in waiting:
        get = f"GET {ORGANIZATIONS} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: test_a\r\nPrefer: wait=20\r\n\r\n"
        connection.sendall(get.encode())
    time.sleep(0.5)
    refused = teli(running, "test_b")
    assert (refused.status_code, refused.json()["powered_by"]) == (503, "Teli")
    assert "5 requests" in refused.json()["error"]
    assert requests.get(f"{running.control}/health", timeout=5).status_code == 200
    for connection in waiting:
        connection.close()


DIAL = {"callAgentId": "61ccefdf-ea02-4f49-811b-1241f8e20d26", "toNumber": "+14155550123", "browserCall": True}


def test_the_calls_of_a_space_are_bounded_for_a_vendor_s_client_and_for_the_control_api(serve: Serve) -> None:
    running = serve("--max-calls-per-space", "2")
    clock = {"now": "2026-01-01T09:00:00+00:00", "frozen": True}
    assert requests.put(f"{running.control}/clock", params={"space": "test_calls"}, json=clock, timeout=5).ok
    ring = {"space": "test_calls", "to": "+14155551234"}
    assert [requests.post(f"{running.control}/calls", json=ring, timeout=5).status_code for _ in range(2)] == [201, 201]
    refused = requests.post(f"{running.control}/calls", json=ring, timeout=5)
    assert (refused.status_code, "2 calls" in refused.json()["detail"]) == (409, True)
    headers = {"Authorization": "Bearer test_calls"}
    dialled = requests.post(f"{running.origin('vogent')}/api/dials", json=DIAL, headers=headers, timeout=5)
    assert (dialled.status_code, "2 calls" in dialled.text) == (503, True), dialled.text
    state = requests.get(f"{running.control}/state", params={"space": "test_calls"}, timeout=5).json()
    state["calls"] *= 2
    imported = requests.put(f"{running.control}/state", params={"space": "test_calls"}, json=state, timeout=5)
    assert (imported.status_code, "at most 2 calls" in imported.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("limit", "told"),
    [(("--max-waiting-deliveries", "3"), "3 deliveries"), (("--max-waiting-delivery-bytes", "6000"), "6000 bytes")],
)
def test_deliveries_that_wait_for_a_slow_receiver_are_bounded(serve: Serve, limit: tuple[str, str], told: str) -> None:
    running, receiver = serve(*limit), Receiver()
    receiver.seconds = 3.0
    headers = {"Authorization": "Bearer test_slow"}
    try:
        for _ in range(8):
            dial = {**DIAL, "webhookUrl": receiver.url + "/x"}
            answer = requests.post(f"{running.origin('vogent')}/api/dials", json=dial, headers=headers, timeout=5)
            assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = []
        until = time.monotonic() + 10
        while not any(row["state"] == "dropped" for row in rows) and time.monotonic() < until:
            time.sleep(0.05)
            found = requests.get(f"{running.control}/deliveries", params={"space": "test_slow"}, timeout=5)
            rows = found.json()["deliveries"]
        dropped = [row for row in rows if row["state"] == "dropped"]
        assert dropped
        assert told in dropped[0]["reason"]
        assert sum(row["state"] == "pending" for row in rows) <= 4
    finally:
        receiver.stop()


# Spaces


def test_keys_without_number_lock_no_newcomer_out(serve: Serve) -> None:
    running = serve("--max-spaces", "20")
    assert named(running, "test_work", "mine").status_code == 200
    assert requests.post(f"{running.control}/spaces", json={"name": "test_made"}, timeout=5).status_code == 201
    for index in range(100):
        assert teli(running, f"test_flood_{index}").status_code == 200
    spaces = requests.get(f"{running.control}/spaces", timeout=5).json()["spaces"]
    open_ones = [space["name"] for space in spaces]
    assert len(open_ones) == 20
    assert {"default", "test_work", "test_made", "test_flood_99"} <= set(open_ones)
    assert "test_flood_0" not in open_ones
    assert '"mine"' in requests.get(f"{running.control}/state", params={"space": "test_work"}, timeout=5).text
    _, log = running.stop()
    assert "make room" in log
    assert log.count("\n") == 1


def test_spaces_in_use_make_no_room(serve: Serve) -> None:
    running = serve("--max-spaces", "4")
    for index in range(3):
        assert named(running, f"test_work_{index}", "mine").status_code == 200
    refused = teli(running, "test_more")
    assert refused.status_code == 503
    assert "4 spaces" in refused.text
    for index in range(3):
        assert teli(running, f"test_work_{index}").status_code == 200


def test_a_space_s_name_is_new_after_it_made_room(serve: Serve) -> None:
    running = serve("--max-spaces", "3")
    key = f"test_{uuid4().hex}"
    assert teli(running, key).status_code == 200
    for index in range(5):
        assert teli(running, f"test_flood_{index}").status_code == 200
    assert teli(running, key).status_code == 200
    journal = requests.get(f"{running.control}/requests/count", params={"space": key}, timeout=5).json()
    assert journal == {"count": 1}
