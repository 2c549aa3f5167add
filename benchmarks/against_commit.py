"""Measures an exchange of this tree beside one of an older commit: both warm, in turn, in slices of one run.

`python benchmarks/against_commit.py 44f63f9` prints processor time per request and the ratio of neighbouring slices; no
socket is between, so that the ratio is that of the programs. A slice is short: what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).parents[1]

OWNER = "user_id=1762896366429x599348279945132448&organization_id=1762896364768x389173798861431550"
WORK: dict[str, tuple[str, str, str, bytes]] = {
    "update-agent": (
        "POST",
        "/v1/voice/phone-numbers/+14155551234/update-agent",
        "",
        b'{"inbound_agent_id": "agent_abc123", "outbound_agent_id": "agent_xyz789", "nickname": "Main Sales Line"}',
    ),
    "create": (
        "POST",
        "/v1/voice/phone-numbers/create",
        "",
        b'{"area_code": "313", "user_id": "1762896366429x599348279945132448",'
        b' "organization_id": "1762896364768x389173798861431550", "tenant_id": "your_tenant"}',
    ),
    "list": ("GET", "/v1/voice/phone-numbers", OWNER, b""),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/against_commit.py", description=__doc__)
    parser.add_argument("commit", help="the older commit")
    parser.add_argument("--rounds", type=int, default=60, help="slices of each program and operation")
    parser.add_argument("--requests", type=int, default=400, help="requests of a slice")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        _check_out(options.commit, Path(folder))
        figures = compare(Path(folder), ROOT, options.rounds, options.requests)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, one in figures.items():
            print(
                f"{name:14} before {one['before_us']:7.1f} us   now {one['now_us']:7.1f} us"
                f"   now/before {one['ratio']:.3f} (half of the slices {one['low']:.3f} ... {one['high']:.3f})"
            )
    return 0


def compare(before: Path, now: Path, rounds: int, requests: int) -> dict[str, dict[str, float]]:
    """Processor time per request of both trees in microseconds, and how the slices of one compare with the other's."""
    workers = [_Worker(before), _Worker(now)]
    try:
        figures = {}
        for name in WORK:
            pairs = []
            for number in range(rounds + 3):
                order = workers if number % 2 else workers[::-1]
                taken = {id(worker): worker.slice(name, requests) for worker in order}
                pairs.append([taken[id(worker)] for worker in workers])
            pairs = pairs[3:]  # the first ones warm both up
            ratios = [later / earlier for earlier, later in pairs]
            low, _, high = quantiles(ratios, n=4)
            figures[name] = {
                "before_us": median(earlier for earlier, _ in pairs),
                "now_us": median(later for _, later in pairs),
                "ratio": median(ratios),
                "low": low,
                "high": high,
            }
        return figures
    finally:
        for worker in workers:
            worker.close()


class _Worker:
    """A process that has one tree's Teli open and measures slices on demand."""

    def __init__(self, tree: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
        command = [sys.executable, __file__, "--work"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=tree
        )

    def slice(self, name: str, requests: int) -> float:
        """Microseconds of processor time that a request took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name} {requests}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


def work() -> None:
    """Measures what each line of stdin asks for."""
    from time import process_time

    sys.path[:0] = [os.environ["PYTHONPATH"]]
    from mock_server.catalogue import open_services
    from mock_server.messages import Request

    service: Any = open_services(["teli"], seed=1)["teli"]
    headers = {"x-api-key": "test_bench", "content-type": "application/json"}
    for line in sys.stdin:
        name, count = line.split()
        method, path, query, body = WORK[name]
        request = Request(method, path, query, headers, body)
        assert service.exchange(request).status == 200
        # What the slices before have made and journalled must not be paid for by this one.
        service.spaces.close("test_bench")
        service.exchange(request)
        started = process_time()
        for _ in range(int(count)):
            service.exchange(request)
        print((process_time() - started) / int(count) * 1e6, flush=True)


def _check_out(commit: str, folder: Path) -> None:
    """The files of a commit, without touching the working tree."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


if __name__ == "__main__":
    if sys.argv[1:] == ["--work"]:
        work()
        raise SystemExit(0)
    raise SystemExit(main())
