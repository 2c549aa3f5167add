"""What a request costs in one process and in each of two on the same store: processor time, with no load generator.

`python benchmarks/two_workers.py sqlite` (or `redis`). One process does what eight clients ask at once, each in a
space of its own; then two processes at the same time on one store do what four ask. No socket is between, and no load
generator takes its share of the cores: what two do on two cores that are free follows from what a request costs, two
divided by how many times as much it is as in one. Slices of both come in turn; what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

from against_commit import WORK  # noqa: E402 - found only once the path is set
from processes import use  # noqa: E402 - as above

CLIENTS = 8


class _Worker:
    """A process that has the store open and does, for so long, what some clients ask at once."""

    def __init__(self, store: str, first: int, count: int) -> None:
        command = [sys.executable, __file__, "--work", store, str(first), str(count)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.asked()

    def ask(self, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def asked(self) -> tuple[float, float, float]:
        """Processor seconds, requests, and seconds."""
        assert self.process.stdout is not None
        taken, requests, seconds = map(float, self.process.stdout.readline().split())
        return taken, requests, seconds

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/two_workers.py", description=__doc__)
    parser.add_argument("store", choices=["sqlite", "redis"])
    parser.add_argument("--rounds", type=int, default=15, help="slices of each")
    parser.add_argument("--seconds", type=float, default=0.6, help="of a slice")
    options = parser.parse_args(arguments)
    costs: dict[str, list[float]] = {"one": [], "two": []}
    rates: dict[str, list[float]] = {"one": [], "two": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address, service = stack.enter_context(_on_redis(folder) if options.store == "redis" else _on_files(folder))
        half = CLIENTS // 2
        groups = {
            "one": [_Worker(address(1), 0, CLIENTS)],
            "two": [_Worker(address(2), 0, half), _Worker(address(2), half, half)],
        }
        for worker in (worker for group in groups.values() for worker in group):
            stack.callback(worker.close)
        for _ in range(options.rounds):
            for name, workers in groups.items():
                before = use(service).cpu_seconds if service is not None else 0.0
                for worker in workers:
                    worker.ask(options.seconds)
                found = [worker.asked() for worker in workers]
                beside = use(service).cpu_seconds - before if service is not None else 0.0
                requests = sum(count for _, count, _ in found)
                costs[name].append((sum(taken for taken, _, _ in found) + beside) / requests * 1e6)
                rates[name].append(sum(count / seconds for _, count, seconds in found))
    more = median(two / one for one, two in zip(costs["one"], costs["two"], strict=True))
    wall = median(two / one for one, two in zip(rates["one"], rates["two"], strict=True))
    print(
        f"{options.store}: {median(costs['one']):.0f} us of processor time a request in one process,"
        f" {median(costs['two']):.0f} us in each of two, {more:.2f} times as much:"
        f" two on two free cores do {2 / more:.2f} times what one does; on this machine, as it was, {wall:.2f} times"
    )
    return 0


@contextmanager
def _on_files(folder: Path) -> Iterator[tuple[Callable[[int], str], int | None]]:
    yield lambda number: f"sqlite:///{folder}/{number}.db", None


@contextmanager
def _on_redis(folder: Path) -> Iterator[tuple[Callable[[int], str], int | None]]:
    """The databases of a Redis; what it takes itself counts too."""
    place = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(folder)]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not place.exists() and service.poll() is None:
            sleep(0.01)
        yield lambda number: f"unix://{place}?db={number}", service.pid
    finally:
        service.kill()
        service.wait()


def work(store: str, first: int, count: int) -> None:
    """Measures for as many seconds as each line of stdin says."""
    from time import perf_counter, process_time

    from mock_server.catalogue import open_services
    from mock_server.messages import Request

    service: Any = open_services(["teli"], seed=1, store=store)["teli"]
    method, path, query, body = WORK["update-agent"]
    asked = [
        partial(
            service.exchange,
            Request(
                method, path, query, {"x-api-key": f"test_{first + client}", "content-type": "application/json"}, body
            ),
        )
        for client in range(count)
    ]

    def slice_of(seconds: float) -> None:
        began, started, requests = process_time(), perf_counter(), 0
        while perf_counter() - started < seconds:
            assert all(answer.status == 200 for answer in service.spaces.attempt_all(asked))
            requests += count
        print(process_time() - began, requests, perf_counter() - started, flush=True)

    slice_of(0.5)
    for line in sys.stdin:
        slice_of(float(line))
    service.spaces.store.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        raise SystemExit(0)
    raise SystemExit(main())
