"""What connections that faults hold open cost the others: p99 of ordinary requests, idle and with the cap reached.

`python benchmarks/held.py [--rounds N]`. Both are measured in turn on one server; 128 connections hang in 4 spaces.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

REQUESTS = 3000
SPACES, PER_SPACE = 4, 32
PATH = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"
BODY = b'{"nickname": "Main"}'


def p99(address: tuple[str, int]) -> float:
    """Milliseconds within which 99 of 100 requests of one client were answered."""
    connection = http.client.HTTPConnection(*address, timeout=20)
    headers = {"X-API-Key": "test_ordinary", "Content-Type": "application/json"}
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        connection.request("POST", PATH, BODY, headers)
        assert connection.getresponse().read()
        times.append(time.perf_counter() - started)
    connection.close()
    return sorted(times)[int(len(times) * 0.99)] * 1000


def hold(address: tuple[str, int]) -> list[socket.socket]:
    """Opens as many connections as the caps allow, each in a request that hangs."""
    held = []
    for space in range(SPACES):
        key = f"test_held_{space}"
        connection = http.client.HTTPConnection(*address, timeout=20)
        rule = {"space": key, "provider": "teli", "operation": "updatePhoneAgent", "fault": "hang", "delay_ms": 60000}
        connection.request("POST", "/_ringback/faults", json.dumps(rule), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 201
        connection.close()
        for _ in range(PER_SPACE):
            one = socket.create_connection(address)
            lines = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
            one.sendall(f"{lines}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
            held.append(one)
    time.sleep(0.5)
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    parts = urlsplit(json.loads(server.stdout.readline())["url"])
    address = (parts.hostname or "", parts.port or 0)
    try:
        p99(address)
        idle, busy = [], []
        for _ in range(rounds):
            idle.append(p99(address))
            held = hold(address)
            busy.append(p99(address))
            for one in held:
                one.close()
            time.sleep(0.5)
    finally:
        server.terminate()
        server.wait(timeout=10)
    print("p99 idle            ", ", ".join(f"{value:.2f}" for value in idle), "ms")
    print(f"p99 with {SPACES * PER_SPACE} held    ", ", ".join(f"{value:.2f}" for value in busy), "ms")
    ratio = statistics.median(busy) / statistics.median(idle)
    print(f"ratio of the medians {ratio:.2f}")
    return 0 if ratio <= 2 else 1


if __name__ == "__main__":
    raise SystemExit(main())
