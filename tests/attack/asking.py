"""An ordinary client in a process of its own, which tells how long it waited: no work of the attacker's slows it down.

`python -m tests.attack.asking URL KEY` reads lines: a number asks so often and answers with the seconds of each, as
JSON; `go` asks until the next line, and at least `LEAST` times.
"""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import ROOT, Server

LEAST = 60
PATH = "/teli/v1/organizations"


def main(arguments: list[str]) -> int:
    """Asks as the lines of standard input say."""
    url, key = urlsplit(arguments[0]), arguments[1]
    connection = http.client.HTTPConnection(str(url.hostname), url.port or 80, timeout=60)

    def ask() -> float:
        started = time.perf_counter()
        connection.request("GET", PATH, headers={"X-API-Key": key})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        taken = time.perf_counter() - started
        time.sleep(0.001)
        return taken

    for line in sys.stdin:
        if line.strip() == "go":
            found: list[float] = []
            print("gone", flush=True)
            while len(found) < LEAST or not select.select([sys.stdin], [], [], 0)[0]:
                found.append(ask())
            sys.stdin.readline()
        else:
            found = [ask() for _ in range(int(line))]
        print(json.dumps(found), flush=True)
    return 0


def p99(seconds: list[float]) -> float:
    """The ninety-ninth percentile, by nearest rank."""
    return sorted(seconds)[ceil(0.99 * len(seconds)) - 1]


class Asking:
    """The client, as the test has it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def alone(self) -> list[float]:
        """How long it waits while nobody else asks."""
        self._say(str(LEAST))
        return self._heard()

    def beside(self, act: Callable[[], Any]) -> list[float]:
        """How long it waits while somebody acts again and again."""
        self._say("go")
        assert self._process.stdout is not None
        self._process.stdout.readline()
        until = time.monotonic() + LEAST * 0.003
        act()
        while time.monotonic() < until:
            act()
        self._say("enough")
        return self._heard()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _heard(self) -> list[float]:
        assert self._process.stdout is not None
        found: list[float] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def asking_client(server: Server, key: str) -> Iterator[Asking]:
    """A client with a key of its own, until the block ends."""
    command = [sys.executable, "-m", "tests.attack.asking", server.url, key]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, bufsize=1, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield Asking(process)
        finally:
            process.stdin.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
