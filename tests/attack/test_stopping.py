"""A server that is told to stop goes on with what is under way, for as long as it was told; a second signal ends it."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
import requests

from tests.conftest import RINGBACK, ROOT, Server

ORGANIZATIONS = "/teli/v1/organizations"
Serve = Callable[..., Server]


def waiting(server: Server, seconds: float) -> tuple[threading.Thread, list[int]]:
    """A request that takes so long, and the statuses that come of it (0: none)."""
    statuses: list[int] = []

    def ask() -> None:
        try:
            headers = {"X-API-Key": "test_a", "Prefer": f"wait={seconds}"}
            statuses.append(requests.get(server.url + ORGANIZATIONS, headers=headers, timeout=30).status_code)
        except requests.RequestException:
            statuses.append(0)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.4)
    return thread, statuses


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_answered_and_the_probe_says_stopping(serve: Serve, name: signal.Signals) -> None:
    running = serve()
    thread, statuses = waiting(running, 1.5)
    started = time.monotonic()
    running.process.send_signal(name)
    time.sleep(0.2)
    assert requests.get(f"{running.control}/health", timeout=5).json()["status"] == "stopping"
    assert running.process.wait(timeout=10) == 0
    thread.join()
    assert statuses == [200]
    assert time.monotonic() - started < 4


def test_a_second_signal_ends_at_once(serve: Serve) -> None:
    running = serve()
    thread, statuses = waiting(running, 20)
    running.process.terminate()
    time.sleep(0.3)
    assert running.process.poll() is None
    started = time.monotonic()
    running.process.terminate()
    assert running.process.wait(timeout=5) == 0
    assert time.monotonic() - started < 2
    thread.join()
    assert statuses == [0]


@pytest.mark.parametrize(("drain", "least", "most"), [("0", 0.0, 1.5), ("1", 0.8, 3.0)])
def test_the_time_to_drain_can_be_set(serve: Serve, drain: str, least: float, most: float) -> None:
    running = serve("--drain", drain)
    thread, statuses = waiting(running, 20)
    started = time.monotonic()
    running.process.terminate()
    running.process.wait(timeout=10)
    assert least <= time.monotonic() - started < most
    thread.join()
    assert statuses == [0]


def test_with_nothing_under_way_it_stops_at_once(serve: Serve) -> None:
    running = serve()
    idle = requests.Session()
    assert idle.get(running.url + ORGANIZATIONS, headers={"X-API-Key": "test_a"}, timeout=5).status_code == 200
    reader = requests.get(f"{running.control}/events", stream=True, timeout=5)
    started = time.monotonic()
    running.process.terminate()
    assert running.process.wait(timeout=5) == 0
    assert time.monotonic() - started < 1.5
    reader.close()


@pytest.mark.parametrize("drain", ["-1", "soon", "nan", "1e9"])
def test_a_drain_that_is_no_time_is_told(drain: str) -> None:
    done = subprocess.run([*RINGBACK, "serve", f"--drain={drain}"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert f"--drain {drain}" in done.stderr
