"""A server that differs from ours in everything the pages do not say keeps the contract all the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import RINGBACK, ROOT
from tests.honest_server import KEY, HonestServer


@pytest.fixture
def honest() -> Iterator[HonestServer]:
    with HonestServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_check_of_an_independent_server_finds_notes_and_nothing_else(honest: HonestServer, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    key = {"HONEST_KEY": KEY}
    command = [*RINGBACK, "check", "interactly", "--target", honest.origin, "--api-key-env", "HONEST_KEY"]
    done = subprocess.run(
        [*command, "--report", f"json={report}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, **key},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(report.read_text())["counts"]
    assert counts["findings"] == 0
    assert counts["failed"] == 0
    assert counts["notes"] > 10
    assert counts["passed"] > 10 * counts["not_covered"]
