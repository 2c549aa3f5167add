"""The load generator: wrk where it is installed, else a small one of our own; both speak to 127.0.0.1 only."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import subprocess
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

CONNECTIONS = 8
_SCRIPT = Path(__file__).with_name("wrk.lua")
_REPLY_SECONDS = 10.0


class LoadError(Exception):
    """The load could not be put on the server; the text says why."""


class Shot(NamedTuple):
    """One request that is sent again and again: `key` travels in the header `key_header`."""

    method: str
    path: str
    body: str
    key_header: str
    key: str
    own_spaces: bool = False
    """Whether each connection has a space of its own; only wrk knows how."""
    prefer: str = ""
    """What is asked for by the header of that name."""
    refused: bool = False
    """Whether an error is what should come, a status of 400 or above."""

    def encoded(self, port: int) -> bytes:
        """The request as it goes over the wire to that port of 127.0.0.1."""
        body = self.body.encode()
        prefer = f"Prefer: {self.prefer}\r\n" if self.prefer else ""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{self.key_header}: {self.key}\r\n{prefer}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Load(NamedTuple):
    """What a server bore: `failed` counts answers that were no 2xx, and broken connections."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def generator() -> str:
    """The name of the generator that `put` uses."""
    return "wrk" if shutil.which("wrk") else "the bundled generator (wrk is not installed)"


def put(shot: Shot, port: int, seconds: int) -> Load:
    """Sends the shot for so many seconds over eight connections, the next request as soon as the last is answered."""
    load = _with_wrk(shot, port, seconds) if shutil.which("wrk") else _bundled(shot, port, seconds)
    if load.requests == 0 or load.failed > load.requests // 1000:
        raise LoadError(f"{load.failed} of {load.requests} requests to {shot.path} failed; this is no measurement")
    return load


def _with_wrk(shot: Shot, port: int, seconds: int) -> Load:
    environment = {
        **os.environ,
        "BENCH_METHOD": shot.method,
        "BENCH_BODY": shot.body,
        "BENCH_KEY_HEADER": shot.key_header,
        "BENCH_KEY": shot.key,
    }
    if shot.prefer:
        environment["BENCH_PREFER"] = shot.prefer
    if shot.refused:
        environment["BENCH_REFUSED"] = "1"
    if shot.own_spaces:
        environment["BENCH_OWN_SPACES"] = "1"
    url = f"http://127.0.0.1:{port}{shot.path}"
    threads = CONNECTIONS if shot.own_spaces else 1
    command = ["wrk", "--threads", str(threads), "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    done = subprocess.run(
        [*command, "--script", str(_SCRIPT), url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise LoadError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    said = json.loads(lines[-1])
    return Load(
        said["requests"], said["microseconds"] / 1e6, said["p50"] / 1000, said["p99"] / 1000, int(said["failed"])
    )


class _Connection:
    """One kept-alive connection: what it has sent, since when, and what has come back."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_REPLY_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.since = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.since = perf_counter()
        self.socket.sendall(request)


def _bundled(shot: Shot, port: int, seconds: int) -> Load:
    request, latencies, failed = shot.encoded(port), [], 0
    started = perf_counter()
    until = started + seconds
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port) for _ in range(CONNECTIONS)]
        try:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.send(request)
            now = started
            while now < until:
                for key, _ in selector.select(timeout=_REPLY_SECONDS):
                    connection = key.data
                    chunk = connection.socket.recv(65536)
                    if not chunk:
                        raise LoadError("the server closed a connection")
                    connection.received += chunk
                    if not _complete(connection.received):
                        continue
                    latencies.append(perf_counter() - connection.since)
                    failed += (connection.received[9:10] in b"45") is not shot.refused
                    connection.send(request)
                now = perf_counter()
        except OSError as error:
            raise LoadError(f"a connection broke: {error}") from None
        finally:
            for connection in connections:
                connection.socket.close()
    if not latencies:
        raise LoadError("no request was answered")
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return Load(len(latencies), now - started, p50, p99, failed)


def _complete(received: bytes) -> bool:
    """Whether this is a whole answer, its length given or chunked."""
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    at = head.lower().find(b"\r\ncontent-length:")
    if at >= 0:
        return len(body) >= int(head[at + 17 :].split(b"\r\n", 1)[0])
    return body.endswith(b"0\r\n\r\n")
