"""How long the event loop of a server is held by work of its own: measured inside it, by what its thread computes.

`python -m tests.attack.lag FILE SECONDS serve ...` is `python -m mock_server serve ...` with a watch on its loop, and a
disk that takes so long for every write to a SQLite file once the signal USR2 has come. Whatever else the machine does
takes nothing of the thread's own time, so that the figure holds beside other tests.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Server

_SEEN = struct.Struct("dQ")
"""The longest time in seconds, and how often was looked."""

_TICK_SECONDS = 0.001
HELD_SECONDS = 0.03
"""How long the signal USR1 holds the loop: to see that it is seen."""


def main(arguments: list[str]) -> int:
    """Serves, and writes the longest time that the loop was held into the file, until somebody puts back a zero."""
    from mock_server.commands import cli
    from mock_server.stores.sqlite import SqliteBackend
    from mock_server.wire import serving

    with open(arguments[0], "r+b") as file:
        longest = mmap.mmap(file.fileno(), _SEEN.size)

    async def watch() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, hold)
        while True:
            before = time.thread_time()
            await asyncio.sleep(_TICK_SECONDS)
            seconds, looks = _SEEN.unpack(longest[:])
            longest[:] = _SEEN.pack(max(seconds, time.thread_time() - before), looks + 1)

    def hold() -> None:
        until = time.thread_time() + HELD_SECONDS
        while time.thread_time() < until:
            pass

    written: Callable[..., Any] = SqliteBackend._written

    def written_slowly(*given: Any) -> Any:
        time.sleep(float(arguments[1]))
        return written(*given)

    def slow_down(*_: object) -> None:
        SqliteBackend._written = written_slowly  # type: ignore[method-assign]

    signal.signal(signal.SIGUSR2, slow_down)
    serve: Callable[..., Any] = serving._serve

    async def watched(*given: Any) -> None:
        watching = asyncio.ensure_future(watch())
        await serve(*given)
        watching.cancel()

    serving._serve = watched
    return cli.main(arguments[2:])


class Watched:
    """A server that is watched."""

    def __init__(self, server: Server, longest: mmap.mmap) -> None:
        self.server = server
        self._longest = longest

    @contextmanager
    def held(self) -> Iterator[Callable[[], float]]:
        """What is given tells how many seconds the loop was held at most since the block began."""
        self._looked()
        self._longest[:] = _SEEN.pack(0.0, 0)
        yield self._looked

    def _looked(self) -> float:
        """What was seen, after two more looks: one may have been under way."""
        until = time.monotonic() + 20
        wanted = _SEEN.unpack(self._longest[:])[1] + 2
        while _SEEN.unpack(self._longest[:])[1] < wanted and time.monotonic() < until:
            time.sleep(_TICK_SECONDS)
        return float(_SEEN.unpack(self._longest[:])[0])


def watched_server(file: Path, *arguments: str, slow_seconds: float = 0.0) -> Watched:
    """Starts a server that writes into that file how long its loop was held; `slow_seconds` is its disk's, on USR2."""
    file.write_bytes(_SEEN.pack(0.0, 0))
    with file.open("r+b") as opened:
        longest = mmap.mmap(opened.fileno(), _SEEN.size)
    command = [sys.executable, "-m", "tests.attack.lag", str(file), str(slow_seconds), "serve", "--port", "0", "--json"]
    command += arguments
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    return Watched(Server(process, json.loads(process.stdout.readline())), longest)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
