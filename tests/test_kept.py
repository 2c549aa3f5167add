"""What was acknowledged is kept, whoever is killed under load; a Redis that cannot be used is told of, and got over."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from redis import Redis as Client

from tests.conftest import ROOT
from tests.redises import Redis
from tests.several import Process, agent

ROUNDS = int(os.environ.get("RINGBACK_KILL_ROUNDS", "2"))
SPACES = ("test_kept_one", "test_kept_two")
AGENTS = "/vogent/api/agents"


class World:
    """Two processes on one store, and what their clients were told that they have."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.redis = Redis(folder, durable=True) if kind == "redis" else None
        self.url = self.redis.url if self.redis is not None else f"sqlite:///{folder}/kept.db"
        self.processes = [Process(self.url), Process(self.url)]
        self.acknowledged: list[tuple[str, str]] = []

    def load(self, index: int, stop: threading.Event) -> None:
        """One client: makes agents through one process until that is gone or it is told to stop."""
        session, url, space = requests.Session(), self.processes[index % 2].url, SPACES[index % 3 % 2]
        session.headers["Authorization"] = f"Bearer {space}"
        while not stop.is_set():
            try:
                answer = session.post(url + AGENTS, json=agent("Load"), timeout=20)
            except requests.RequestException:
                return
            if answer.status_code < 300:
                self.acknowledged.append((space, answer.json()["id"]))
            else:
                assert answer.status_code == 500, answer.text
                time.sleep(0.05)

    def hit(self, victim: str) -> None:
        """Kills one of the processes, both, or the Redis, and starts it again."""
        if victim == "redis" and self.redis is not None:
            self.redis.kill()
            self.redis.start()
            return
        for index in {"first": [0], "second": [1]}.get(victim, [0, 1]):
            self.processes[index].kill()
            self.processes[index] = Process(self.url)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        if self.redis is not None:
            self.redis.kill()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_what_was_acknowledged_is_kept_whoever_is_killed(kind: str, tmp_path: Path) -> None:
    world, chance = World(tmp_path, kind), random.Random(kind)
    try:
        for _ in range(ROUNDS):
            stop = threading.Event()
            clients = [threading.Thread(target=world.load, args=(index, stop)) for index in range(4)]
            for client in clients:
                client.start()
            time.sleep(0.3 + 0.3 * chance.random())
            world.hit(chance.choice(["first", "second", "both", "redis"]))
            stop.set()
            for client in clients:
                client.join()
        _settle(world.processes)
        ids = [id for _, id in world.acknowledged]
        assert len(ids) > 2 * ROUNDS
        assert len(set(ids)) == len(ids), "an id was issued twice"
        for space in SPACES:
            wanted = {id for name, id in world.acknowledged if name == space}
            for process in world.processes:
                _check(process, space, wanted)
    finally:
        world.close()


def _settle(processes: list[Process]) -> None:
    deadline = time.monotonic() + 20
    while any(process.control("GET", "/health")["status"] != "ok" for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _check(process: Process, space: str, wanted: set[str]) -> None:
    """The invariants of a space: what was acknowledged is there once, and the journal numbers no two alike."""
    rows = process.control("GET", f"/state?space={space}")["providers"]["vogent"]["records"]["agents"]
    there = [row["id"] for row in rows]
    assert wanted <= set(there)
    assert len(set(there)) == len(there)
    entries = process.control("GET", f"/requests?space={space}&limit=1000&order=newest")["requests"]
    numbers = [entry["number"] for entry in entries]
    assert numbers == sorted(set(numbers), reverse=True)
    made = process.control("GET", f"/requests/count?space={space}&operation=createAgent&status=200")["count"]
    assert made >= len(wanted)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    made = Redis(tmp_path, durable=True)
    yield made
    with suppress(ProcessLookupError):
        made.kill()


@pytest.mark.parametrize("how", ["vanished", "read-only"])
def test_a_redis_that_takes_nothing_is_told_of_and_got_over(redis: Redis, how: str) -> None:
    process = Process(redis.url)
    try:
        before = process.create("Before").json()["id"]
        if how == "vanished":
            redis.kill()
        else:
            redis.client().config_set("min-replicas-to-write", 1)
        answers = [process.create("Refused") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {500}
        assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
        health = process.control("GET", "/health")
        assert health["status"] == "degraded"
        assert health["reason"]
        assert requests.get(f"{process.url}/readyz", timeout=5).status_code == 503
        if how == "vanished":
            redis.start()
        else:
            redis.client().config_set("min-replicas-to-write", 0)
        _settle([process])
        assert process.create("After").status_code < 300
        rows = process.control("GET", "/state?space=test_several")["providers"]["vogent"]["records"]["agents"]
        assert before in {row["id"] for row in rows}
        assert "Refused" not in {row["name"] for row in rows}
        process.process.terminate()
        _, errors = process.process.communicate(timeout=20)
        assert [line for line in errors.splitlines() if "changes are refused" in line] == [errors.splitlines()[0]]
        assert "takes changes again" in errors
    finally:
        process.kill()


def test_a_redis_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    locked = Redis(tmp_path)
    try:
        locked.client().config_set("requirepass", "secret")
        address = f"unix://:wrong@{locked.socket}"
        said = _refused(address)
        assert "invalid username-password pair" in said
        assert ":wrong@" not in said
        allowed = Client(unix_socket_path=str(locked.socket), password="secret")
        allowed.set("rb:format", 99)
        assert "newer Ringback" in _refused(f"unix://:secret@{locked.socket}")
        allowed.delete("rb:format")
        allowed.config_set("min-replicas-to-write", 1)
        assert "NOREPLICAS" in _refused(f"unix://:secret@{locked.socket}")
    finally:
        locked.kill()
    assert "onnect" in _refused(locked.url)


def _refused(address: str) -> str:
    """What a server says that does not start on that store; it exits with 2."""
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--store", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr
