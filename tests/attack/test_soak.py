"""Everything that takes at once, over each store: others are served, nothing grows beyond its bound, nothing breaks.

Two seconds for each store; `make soak SECONDS=3600` takes an hour for all of them together.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.attack.beside import PATIENCE_SECONDS, ordinary_client
from tests.attack.soak import ATTACKERS, resident_bytes, under_attack
from tests.conftest import start_server
from tests.redises import Redis

pytestmark = pytest.mark.long

STORES = ("memory", "sqlite", "redis")
SECONDS = float(os.environ.get("RINGBACK_SOAK_SECONDS") or 2.0 * len(STORES)) / len(STORES)
MOST_BYTES = 320 * 1024 * 1024
"""Of a server with these limits, whatever comes."""
LIMITS = {
    "spaces": 100,
    "connections": 2_000,
    "bytes-in-flight": 32 * 1024 * 1024,
    "journal-bytes": 8 * 1024 * 1024,
    "journal-bytes-per-space": 4 * 1024 * 1024,
    "streams": 16,
}
_AFTER_SECONDS = 30.0


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("kind", STORES)
def test_others_are_served_and_memory_is_bounded(kind: str, tmp_path: Path) -> None:
    service = Redis(tmp_path) if kind == "redis" else None
    store = service.url if service else {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/kept.db"}[kind]
    flags = [word for name, value in LIMITS.items() for word in (f"--max-{name}", str(value))]
    server = start_server("--store", store, *flags)
    try:
        with ordinary_client(server) as quiet:
            time.sleep(0.3)
        memory = []
        with under_attack(server), ordinary_client(server) as waits:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                time.sleep(0.1)
                memory.append(resident_bytes(server))
        assert server.process.poll() is None
        assert waits.statuses == {200}
        assert len(waits.seconds) > 1
        assert waits.longest < PATIENCE_SECONDS
        assert max(memory) < MOST_BYTES
        third = len(memory) // 3
        # What is full stays as it is, however long it goes on.
        if SECONDS > 20:
            assert max(memory[2 * third :]) < 1.1 * max(memory[third : 2 * third])
        info = requests.get(f"{server.control}/health", timeout=_AFTER_SECONDS)
        assert (info.status_code, info.json()["status"]) == (200, "ok")
        p99, before = (sorted(one.seconds)[int(len(one.seconds) * 0.99)] for one in (waits, quiet))
        print(
            f"{kind}: {len(ATTACKERS)} attackers for {SECONDS:.0f} s; an ordinary client's p99 {1000 * p99:.1f} ms"
            f" ({1000 * before:.1f} ms alone), memory at most {max(memory) / 2**20:.0f} MiB"
        )
    finally:
        told = server.stop()
        if service is not None:
            service.kill()
    assert "Traceback" not in told[1]
