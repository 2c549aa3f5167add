"""What a validating proxy adds to the latency of an exchange: ours beside Prism's and Redocly's, in one run.

`python benchmarks/proxies.py [--rounds N] [--seconds N]`. One `ringback serve --only teli` is the endpoint, asked
directly and through each proxy in turn, round after round. Eight kept connections ask in turn, 200 times a second
together (`paced`), or each again as soon as it is answered (`flat out`). What counts is the difference to the
direct way within the same round; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import npm  # noqa: E402 - found only once the path is set
from load import CONNECTIONS, put  # noqa: E402 - as above
from servers import NotReady, Running, Server, ringback, running  # noqa: E402 - as above

A_SECOND = 200
REDOCLY = npm.Package("@redocly/cli", "2.77.0", "redocly")
_SPEC = str(npm.ROOT / "openapi" / "teli.yaml")


def contestants(origin: str) -> tuple[list[Server], list[str]]:
    """The proxies before that endpoint, and a sentence for each peer that is missing."""
    ours = [sys.executable, "-m", "mock_server", "proxy", "teli", "--target", origin]
    found = [
        Server("ringback proxy", lambda port, _: [*ours, "--port", str(port)]),
        Server("ringback proxy --record", lambda port, to: [*ours, "--port", str(port), "--record", str(to / "o.har")]),
    ]
    missing = []
    try:
        prism = npm.installed(npm.PRISM)
        where = ["--host", "127.0.0.1"]
        found.append(
            Server("prism proxy", lambda port, _: [*prism, "proxy", _SPEC, origin, *where, "--port", str(port)])
        )
    except npm.NotInstalled as reason:
        missing.append(f"prism is not measured: {reason}")
    try:
        redocly = [*npm.installed(REDOCLY), "proxy", "--target", origin, "--api", _SPEC, "--match-mode", "basepath"]
        found.append(
            Server("redocly proxy", lambda port, to: [*redocly, "--port", str(port), "--har", str(to / "r.har")])
        )
    except npm.NotInstalled as reason:
        missing.append(f"redocly is not measured: {reason}")
    return found, missing


def paced(one: Running, seconds: float) -> list[float]:
    """Milliseconds of every answer; the connections ask in turn, at a pace that every proxy can keep."""
    request = one.server.shot().encoded(one.port)
    sockets = [socket.create_connection(("127.0.0.1", one.port), timeout=10) for _ in range(CONNECTIONS)]
    selector = selectors.DefaultSelector()
    for number, each in enumerate(sockets):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(each, selectors.EVENT_READ, number)
    times: list[float] = []
    began, received = [0.0] * CONNECTIONS, [b""] * CONNECTIONS

    def listen(until: float, *, to: int | None = None) -> None:
        """Takes answers until a time, or until a connection has its own."""
        while (to is not None and began[to]) or (to is None and perf_counter() < until):
            for key, _ in selector.select(10 if to is not None else max(0.0, until - perf_counter())):
                number = key.data
                received[number] += sockets[number].recv(65536)
                if _complete(received[number]):
                    times.append((perf_counter() - began[number]) * 1000)
                    assert received[number][9:12] == b"200", received[number][:200]
                    began[number] = 0.0

    start = perf_counter()
    try:
        for turn in range(int(seconds * A_SECOND)):
            number = turn % CONNECTIONS
            listen(start + turn / A_SECOND)
            listen(0.0, to=number)
            began[number], received[number] = perf_counter(), b""
            sockets[number].sendall(request)
        for number in range(CONNECTIONS):
            listen(0.0, to=number)
    finally:
        selector.close()
        for each in sockets:
            each.close()
    return times


def _complete(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    at = head.lower().find(b"\r\ncontent-length:")
    if not blank or at < 0:
        return bool(blank) and body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head[at + 17 :].split(b"\r\n", 1)[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    options = parser.parse_args(arguments)
    endpoint = ringback("--only", "teli", name="direct", prefix="")
    with ExitStack() as stack:
        try:
            direct = stack.enter_context(running(endpoint))
            servers, missing = contestants(f"http://127.0.0.1:{direct.port}")
            for sentence in missing:
                print(sentence, file=sys.stderr)
            started = [direct, *(stack.enter_context(running(one)) for one in servers)]
        except NotReady as error:
            print(error, file=sys.stderr)
            return 1
        for one in started:
            paced(one, 1)
        slow: dict[str, list[float]] = {one.server.name: [] for one in started}
        p99: dict[str, list[float]] = {one.server.name: [] for one in started}
        flat: dict[str, list[float]] = {one.server.name: [] for one in started}
        for _ in range(options.rounds):
            for one in started:
                times = sorted(paced(one, options.seconds))
                slow[one.server.name].append(times[len(times) // 2])
                p99[one.server.name].append(times[int(len(times) * 0.99)])
                time.sleep(0.5)  # What is judged afterwards is not to be in the next one's way.
        for _ in range(options.rounds):
            for one in started:
                flat[one.server.name].append(put(one.server.shot(), one.port, options.seconds).p50_ms)
                time.sleep(1.5)
    print("| | p50, paced | added, paced | p99, paced | p50, flat out | added, flat out |\n|---|---|---|---|---|---|")
    for name in slow:
        added = median(mine - base for mine, base in zip(slow[name], slow["direct"], strict=True))
        more = median(mine - base for mine, base in zip(flat[name], flat["direct"], strict=True))
        print(
            f"| {name} | {median(slow[name]):.2f} ms | {added:+.2f} ms | {median(p99[name]):.2f} ms"
            f" | {median(flat[name]):.2f} ms | {more:+.2f} ms |"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
