"""What a store takes its time for keeps nobody else waiting: the event loop is not where it is waited for."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.attack.lag import watched_server
from tests.attack.test_event_loop import ORGANIZATIONS, large_state
from tests.attack.test_offenders import LONGEST_SECONDS

KEY, LARGE = {"X-API-Key": "test_one"}, {"X-API-Key": "test_large"}
_WRITE_SECONDS = 1.0


def test_a_slow_disk_keeps_nobody_waiting_who_wants_nothing_of_it(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/kept.db"
    watched = watched_server(tmp_path / "longest", "--store", store, slow_seconds=_WRITE_SECONDS)
    server, session = watched.server, requests.Session()
    assert session.get(server.url + ORGANIZATIONS, headers=KEY, timeout=20).status_code == 200
    server.process.send_signal(signal.SIGUSR2)
    written: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: written.append(requests.get(server.url + ORGANIZATIONS, headers=KEY, timeout=60))
    )
    asking.start()
    time.sleep(_WRITE_SECONDS / 5)
    before = time.monotonic()
    for _ in range(5):
        assert session.get(server.url + "/livez", timeout=20).status_code == 200
    taken, still_writing = time.monotonic() - before, asking.is_alive()
    asking.join()
    assert written[0].status_code == 200
    assert still_writing, taken
    server.stop()


def test_a_large_space_that_is_read_from_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/kept.db"
    writer = watched_server(tmp_path / "first", "--store", store)
    document: dict[str, Any] = large_state(writer.server, 8_000)
    answer = requests.put(
        f"{writer.server.control}/state", params={"space": "test_large"}, data=json.dumps(document), timeout=60,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code < 300, answer.text
    writer.server.stop()
    watched = watched_server(tmp_path / "second", "--store", store)
    server = watched.server
    assert requests.get(server.url + ORGANIZATIONS, headers=KEY, timeout=20).status_code == 200
    with watched.held() as held:
        assert requests.get(server.url + ORGANIZATIONS, headers=LARGE, timeout=60).status_code == 200
        assert held() < LONGEST_SECONDS
    found = requests.get(f"{server.control}/records", params={"space": "test_large"}, timeout=60).json()
    counts = {(row["provider"], row["kind"]): row["count"] for row in found["kinds"]}
    assert counts["interactly", "numbers"] > 8_000
    server.stop()
