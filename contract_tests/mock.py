"""A mock of the harness's own: `ringback serve` as another process, started on first use, ended afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import urllib3


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
        where = json.loads(line)
        self._origins = where["providers"]
        self._control = where["control"]

    def origin(self, provider: str) -> str:
        return str(self._origins[provider])

    def forget(self, space: str) -> None:
        """Deletes a space that is no longer needed: a mock has room for a thousand."""
        urllib3.request("DELETE", f"{self._control}/spaces/{space}", retries=False, timeout=10)

    def stop(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        if self._process.poll() is None:
            self._process.kill()
