"""What each known offender costs an ordinary client: its p99 alone and beside it, and how long the loop was held.

`python benchmarks/beside.py [--seconds N]`. Of each offender three clients send as fast as they are answered. Alone and
beside are measured in turn on one server; the ratio is what counts, and 5 is the most that is promised.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.attack.lag import watched_server
from tests.attack.offenders import OFFENDERS, Act, Offender
from tests.conftest import Server

MOST = 5.0
CLIENTS = 3
PAUSE_SECONDS = 0.002
ORGANIZATIONS = "/teli/v1/organizations"


def p99(server: Server, seconds: float) -> float:
    """Milliseconds within which 99 of 100 requests of one client were answered."""
    session, times = requests.Session(), []
    session.headers["X-API-Key"] = "test_ordinary"
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        assert session.get(server.url + ORGANIZATIONS, timeout=60).status_code == 200
        times.append(time.perf_counter() - started)
        time.sleep(PAUSE_SECONDS)
    return sorted(times)[int(len(times) * 0.99)] * 1000


@contextmanager
def offending(server: Server, act: Act, clients: int) -> Iterator[None]:
    """So many clients act again and again until the block ends."""

    def go_on() -> None:
        while True:
            with suppress(requests.RequestException):
                act(server)

    # In processes of their own: in this one they would keep the client that is measured from its turn.
    forking = multiprocessing.get_context("fork")
    processes = [forking.Process(target=go_on, daemon=True) for _ in range(clients)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", default="", help="offenders whose names contain this")
    options = parser.parse_args()
    chosen: list[Offender] = [one for one in OFFENDERS if options.only in one.name]
    with tempfile.TemporaryDirectory() as folder:
        watched = watched_server(Path(folder) / "longest")
        worst, prepared = 0.0, set[Act]()
        try:
            p99(watched.server, 1)
            # The same clients with a request that costs nothing special: what the clients themselves cost.
            with offending(watched.server, lambda server: requests.get(f"{server.url}/livez", timeout=60), CLIENTS):
                usual = p99(watched.server, options.seconds)
            print(
                f"{'offender':45} {'alone':>8} {'beside':>8} {'ratio':>6} {'held':>8}   (ms; beside /livez {usual:.1f})"
            )
            for one in chosen:
                if one.prepare is not None and one.prepare not in prepared:
                    one.prepare(watched.server)
                    prepared.add(one.prepare)
                alone = p99(watched.server, options.seconds)
                with watched.held() as held, offending(watched.server, one.act, CLIENTS):
                    beside = p99(watched.server, options.seconds)
                ratio = beside / max(alone, usual)
                worst = max(worst, ratio)
                print(f"{one.name:45} {alone:8.1f} {beside:8.1f} {ratio:6.1f} {held() * 1000:8.1f}", flush=True)
        finally:
            watched.server.stop()
    print(f"worst ratio {worst:.1f}")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
