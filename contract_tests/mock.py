"""A mock of the harness's own: `ringback serve` as another process, started on first use, ended afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress


class OwnMock:
    """The process and where it serves; `command` is what is run in place of `ringback`."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        ringback = list(command or (sys.executable, "-m", "mock_server.cli"))
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*ringback, "serve", "--port", "0", "--json", "--seed", "1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the mock did not start; `ringback serve` says why")
        self._origins = json.loads(line)["providers"]

    def origin(self, provider: str) -> str:
        return str(self._origins[provider])

    def stop(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        if self._process.poll() is None:
            self._process.kill()
