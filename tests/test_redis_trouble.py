"""A Redis that takes nothing, or not from us: a sentence at the start, the vendor's error later, and recovery."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests

from tests.conftest import RINGBACK, ROOT
from tests.redises import Redis, free_port, redis_server, until_answered
from tests.several import Process

AGENTS = "/vogent/api/agents"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Redis]:
    made = Redis(tmp_path)
    yield made
    made.kill()


def refused(store: str) -> str:
    """The one line with which a server does not start on that store."""
    command = [*RINGBACK, "serve", "--port", "0", "--store", store]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    return done.stderr


def ready(server: Process, wanted: int) -> None:
    """Waits until the probe says so."""
    until = time.monotonic() + 10
    while requests.get(f"{server.url}/readyz", timeout=10).status_code != wanted:
        assert time.monotonic() < until, f"/readyz is not {wanted}"
        time.sleep(0.05)


def test_a_redis_that_becomes_a_replica_refuses_changes_until_it_is_none_any_more(service: Redis) -> None:
    server = Process(service.url)
    made = server.create("kept")
    assert made.status_code == 200, made.text
    # Nobody answers there: it goes on showing what it has, and takes nothing.
    service.client().replicaof("127.0.0.1", free_port())
    answer = server.create("lost")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()
    ready(server, 503)
    assert server.control("GET", "/health")["status"] == "degraded"
    assert requests.get(f"{server.url}/livez", timeout=10).status_code == 200
    service.client().replicaof("NO", "ONE")
    ready(server, 200)
    names = [row["name"] for row in server.ask("GET", AGENTS).json()["data"]]
    assert "kept" in names
    assert "lost" not in names
    assert server.create("later").status_code == 200
    server.process.terminate()
    told = server.process.communicate(timeout=10)[1].splitlines()
    assert len([line for line in told if "read only" in line and "changes are refused" in line]) == 1, told
    assert len([line for line in told if "takes changes again" in line]) == 1, told


def test_a_replica_and_a_wrong_password_are_a_sentence_at_the_start(service: Redis) -> None:
    client = service.client()
    client.replicaof("127.0.0.1", free_port())
    assert "read only replica" in refused(service.url)
    client.replicaof("NO", "ONE")
    client.config_set("requirepass", "right")
    said = refused(service.url.replace("unix://", "unix://:wrong@"))
    assert "invalid username-password pair" in said
    assert "wrong@" not in said


def test_tls_is_spoken_and_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
        " -addext subjectAltName=DNS:localhost".split(),
        check=True, capture_output=True, cwd=tmp_path, timeout=30,
    )  # fmt: skip
    port = free_port()
    service = subprocess.Popen(
        [
            *(redis_server(), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", ""),
            *("--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no"),
        ],
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        store = f"rediss://localhost:{port}/0"
        known = f"{store}?ssl_ca_certs={tmp_path / 'cert.pem'}"
        until_answered(redis.Redis.from_url(known))
        said = refused(store)
        assert "certificate verify failed" in said
        first, second = Process(known), Process(known)
        assert first.create("over TLS").status_code == 200
        names = [row["name"] for row in second.ask("GET", AGENTS).json()["data"]]
        assert "over TLS" in names
        first.kill()
        second.kill()
    finally:
        service.kill()
        service.wait(timeout=10)
