"""State that is kept in a file survives restarts and kills; a file that cannot be used is told in a sentence."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import requests

from mock_server.stores import StoreRefused, open_store
from tests.receiver import Receiver, vogent_signed

RINGBACK = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--json"]
ROOT = Path(__file__).parents[1]
CREATE = "/vogent/api/agents"
KEY = {"Authorization": "Bearer test_durable"}


class Server(NamedTuple):
    """A running server: its process, and its address."""

    process: subprocess.Popen[str]
    origin: str

    def control(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{self.origin}/_ringback{path}", timeout=10, **more)


@contextmanager
def serving(file: Path, *flags: str, limit: Callable[[], None] | None = None) -> Iterator[Server]:
    """A server on that file; killed without notice at the end, as a machine may do."""
    process = subprocess.Popen(
        [*RINGBACK, "--store", f"sqlite:///{file}", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=limit,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield Server(process, json.loads(line)["providers"]["teli"].removesuffix("/teli"))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        process.stdout.close()
        process.stderr.close()


def refused(file: Path) -> str:
    """What a server says that does not start on that file; it exits with 2."""
    done = subprocess.run(
        [*RINGBACK, "--store", f"sqlite:///{file}"], capture_output=True, text=True, timeout=20, cwd=ROOT
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def create(server: Server, name: str) -> requests.Response:
    prompt = {"aiModelId": str(UUID(int=1)), "agentType": "STANDARD", "name": "v1", "prompt": "Be friendly."}
    body = {"name": name, "defaultVoiceId": str(UUID(int=2)), "defaultVersionedPrompt": prompt}
    return requests.post(server.origin + CREATE, json=body, headers=KEY, timeout=10)


def state(server: Server, space: str = "test_durable") -> Any:
    answer = server.control("GET", f"/state?space={space}")
    assert answer.status_code == 200, answer.text
    return answer.json()["providers"]


# What survives


def test_everything_that_a_space_is_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with serving(file) as server:
        made = create(server, "Ann").json()
        rule = {"provider": "vogent", "operation": "*", "answer": {"status": 503}, "after": 1, "times": 5}
        added = server.control("POST", "/faults", json={"space": "test_durable", **rule})
        assert added.status_code == 201, added.text
        assert create(server, "Let through").status_code < 300
        assert create(server, "Hit").status_code == 503
        stub = {"space": "test_durable", "provider": "vogent", "method": "GET", "path": "/api/more", "status": 200}
        assert server.control("POST", "/stubs", json=stub).status_code == 201
        kept = server.control("POST", "/snapshots", json={"space": "test_durable", "name": "before"})
        assert kept.status_code == 201, kept.text
        wanted = {"now": "2027-05-01T00:00:00Z", "frozen": True}
        clock = server.control("PUT", "/clock?space=test_durable", json=wanted)
        assert clock.status_code == 200, clock.text
        before = state(server)
        journal = server.control("GET", "/requests?space=test_durable").json()
        rules = server.control("GET", "/faults?space=test_durable").json()
    with serving(file) as server:
        assert state(server) == before
        assert made["id"] in json.dumps(before)
        assert server.control("GET", "/requests?space=test_durable").json() == journal
        assert server.control("GET", "/faults?space=test_durable").json() == rules
        assert server.control("GET", "/clock?space=test_durable").json() == clock.json()
        assert "before" in server.control("GET", "/snapshots").text
        assert create(server, "Hit again").status_code == 503
        assert requests.get(server.origin + "/vogent/api/more", headers=KEY, timeout=10).status_code == 200
        numbers = [one["number"] for one in server.control("GET", "/requests?space=test_durable").json()["requests"]]
        assert len(set(numbers)) == len(numbers) == len(journal["requests"]) + 2


def test_deliveries_survive_a_kill_and_can_be_replayed(tmp_path: Path) -> None:
    file, receiver = tmp_path / "kept.db", Receiver()
    space, event = {"space": "test_durable"}, {"provider": "vogent", "event": "dial.transcript"}
    with serving(file) as server:
        assert create(server, "Ann").status_code == 200
        sent = {**space, **event, "to": f"{receiver.url}/hook", "secret": "shh"}
        assert server.control("POST", "/deliveries", json=sent).json()["state"] == "delivered"
        before = server.control("GET", "/deliveries?space=test_durable").json()
    with serving(file) as server:
        assert server.control("GET", "/deliveries?space=test_durable").json() == before
        again = server.control("POST", "/deliveries/1/replay?space=test_durable").json()
        assert (again["state"], again["replay_of"], again["number"]) == ("delivered", 1, 2)
        wanted = {**space, "event": "dial.transcript", "state": "delivered", "times": "exactly 2"}
        assert server.control("POST", "/deliveries/verify", json=wanted).json()["passed"]
    assert receiver.received[0].body == receiver.received[1].body
    assert vogent_signed(receiver.received[1], "shh")
    receiver.stop()


def test_what_was_acknowledged_is_there_whenever_the_server_is_killed(tmp_path: Path) -> None:
    file, acknowledged = tmp_path / "kept.db", list[str]()
    for round in range(6):
        with serving(file, "--seed", "7") as server:
            stop = threading.Event()

            def load(server: Server = server, stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    try:
                        answer = create(server, "Load")
                    except requests.RequestException:
                        return
                    assert answer.status_code < 300, answer.text
                    acknowledged.append(answer.json()["id"])

            clients = [threading.Thread(target=load) for _ in range(3)]
            for client in clients:
                client.start()
            time.sleep(0.15 + 0.05 * round)
            server.process.send_signal(signal.SIGKILL)
            stop.set()
            for client in clients:
                client.join()
    with serving(file) as server:
        there = {one["id"] for one in state(server)["vogent"]["records"]["agents"]}
    assert len(acknowledged) > 8
    assert set(acknowledged) <= there
    assert len(set(acknowledged)) == len(acknowledged), "an id was issued twice"


def test_a_reset_and_a_deleted_space_stay_so(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with serving(file) as server:
        create(server, "Ann")
        requests.get(server.origin + CREATE, headers={"Authorization": "Bearer test_gone"}, timeout=10)
        assert server.control("POST", "/reset?space=test_durable").status_code == 200
        assert server.control("DELETE", "/spaces/test_gone").status_code < 300
        fresh = state(server)
    with serving(file) as server:
        assert state(server) == fresh
        names = [one["name"] for one in server.control("GET", "/spaces").json()["spaces"]]
        assert "test_durable" in names
        assert "test_gone" not in names


# What cannot be used, or only for a time


def test_a_full_disk_refuses_changes_in_the_vendor_s_words_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    size = 400_000

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with serving(file, limit=limit) as server:
        kept, answer = [], create(server, "x" * 20_000)
        for _ in range(200):
            if answer.status_code >= 300:
                break
            kept.append(answer.json()["id"])
            answer = create(server, "x" * 20_000)
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/json"
        health = server.control("GET", "/health").json()
        assert health["status"] == "degraded"
        assert health["reason"]
        assert {one["id"] for one in state(server)["vogent"]["records"]["agents"]} >= set(kept)
        # Reading goes on; and when there is room again, so does writing.
        assert requests.get(server.origin + CREATE, headers=KEY, timeout=10).status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = create(server, "There is room")
        assert again.status_code < 300
        assert server.control("GET", "/health").json()["status"] == "ok"
    with serving(file) as server:
        there = {one["id"] for one in state(server)["vogent"]["records"]["agents"]}
        assert there >= {*kept, again.json()["id"]}


def test_a_file_that_an_older_ringback_uses_is_left_to_it(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with open(f"{file}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another process keeps this file for itself" in refused(file)


def test_a_folder_a_text_and_another_program_s_database_are_told_apart_and_left_alone(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    text = tmp_path / "text.db"
    text.write_text("no database at all, " * 100)
    assert "no SQLite file" in refused(text)
    assert text.read_text() == "no database at all, " * 100
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    before = other.read_bytes()
    assert "none of Ringback's" in refused(other)
    assert other.read_bytes() == before
    assert "can be written" in refused(tmp_path / "missing" / "kept.db")


def test_a_damaged_file_and_one_of_a_newer_version_are_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with serving(file) as server:
        for index in range(60):
            create(server, f"agent {index} " + "x" * 2_000)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    newer = tmp_path / "newer.db"
    shutil.copy(file, newer)
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = newer.read_bytes()
    assert "format 99" in refused(newer)
    assert newer.read_bytes() == before
    damaged = bytearray(file.read_bytes())
    for page in range(4096 * 3, len(damaged), 4096):
        damaged[page : page + 64] = os.urandom(64)
    file.write_bytes(damaged)
    assert "damaged" in refused(file) or "malformed" in refused(file)
    assert file.read_bytes() == bytes(damaged)


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "postgres://host/name", "memory", "sqlite:kept.db"])
def test_an_unknown_address_names_the_known_ones(address: str) -> None:
    with pytest.raises(StoreRefused, match=r"memory://.*sqlite:///FILE"):
        open_store(address)
