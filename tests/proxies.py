"""A `ringback proxy` process for tests: where it listens, and everything that it said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import RINGBACK, ROOT

Json = Any


class Proxy:
    """A running proxy; `events` are the lines that it wrote."""

    def __init__(self, vendor: str, target: str, *flags: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*RINGBACK, "proxy", vendor, "--target", target, "--port", "0", "--json", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.where: dict[str, str] = json.loads(line)
        self.url = self.where["url"]
        self.events: list[dict[str, Json]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def of(self, event: str) -> list[dict[str, Json]]:
        """The events of a kind, so far."""
        return [one for one in self.events if one["event"] == event]

    def wait_for(self, event: str, count: int = 1, seconds: float = 20.0) -> list[dict[str, Json]]:
        """The events of a kind, when there are so many."""
        self.wait_until(lambda: len(self.of(event)) >= count, seconds)
        return self.of(event)

    def wait_until(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Waits for what the proxy is about to say."""
        until = time.monotonic() + seconds
        while not holds() and time.monotonic() < until:
            time.sleep(0.01)
        assert holds(), [*self.of("broken"), *self.events[-8:]]

    def stop(self) -> int:
        """Ends it as a shell would; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self._reading.join(20)
        return code

    def kill(self) -> None:
        """Ends every process of it at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)
        self._reading.join(20)


@contextmanager
def proxying(vendor: str, target: str, *flags: str, env: dict[str, str] | None = None) -> Iterator[Proxy]:
    """A proxy that is ended afterwards."""
    proxy = Proxy(vendor, target, *flags, env=env)
    try:
        yield proxy
    finally:
        if proxy.process.poll() is None:
            proxy.stop()
        for stream in (proxy.process.stdout, proxy.process.stderr):
            if stream is not None:
                stream.close()
