"""A mock of the harness's own, `ringback serve` as another process, and its journal."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from mock_server.messages import Json
from ringback.launch import command as ringback_command

_MOST_WAITING, _AT_ONCE = 500, 20
"""So many exchanges wait to be kept in a journal, and so many go together."""
_PAUSE_SECONDS, _LAST_SECONDS = 0.1, 10.0


class MockRefused(RuntimeError):
    """The mock did not start with the fixtures that it was given; the text is what it said."""


def forget_space(origin: str, space: str) -> None:
    """Deletes a space of a Ringback on loopback that a check has used."""
    parts = urlsplit(origin)
    with suppress(urllib3.exceptions.HTTPError):
        where = f"{parts.scheme}://{parts.netloc}/_ringback/spaces/{space}"
        urllib3.request("DELETE", where, retries=False, timeout=10)


class OwnMock:
    """The process and where it serves; `command` is what is run in place of `ringback`.

    `fixtures` is a folder with what exists in a new space; the packaged ones are used without it. With a
    `seed` its clock stands still.
    """

    def __init__(
        self, command: Sequence[str] | None = None, fixtures: Path | None = None, *, seed: int | None = 1
    ) -> None:
        ringback = list(command or ringback_command())
        folder = [] if fixtures is None else ["--fixtures", str(fixtures)]
        seeded = [] if seed is None else ["--seed", str(seed)]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*ringback, "serve", "--port", "0", "--json", "--end-with-stdin", *seeded, *folder],
            # The pipe closes when this process ends, however it ends, and the mock ends with it.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if fixtures is not None else None,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line and fixtures is not None:
            raise MockRefused(self._process.communicate()[1])
        if not line:
            raise RuntimeError("the mock did not start; `ringback serve` says why")
        where = json.loads(line)
        self._pool = urllib3.PoolManager()
        self._origins = where["providers"]
        self.control: str = where["control"]

    def origin(self, provider: str) -> str:
        return str(self._origins[provider])

    def forget(self, space: str) -> None:
        """Deletes a space that is no longer needed: a mock has room for a thousand."""
        self._pool.request("DELETE", f"{self.control}/spaces/{space}", retries=False, timeout=10)

    def stop(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        if self._process.poll() is None:
            self._process.kill()


class Journal:
    """The journal of a mock, in which exchanges with an endpoint are kept beside its own; a thread tells it of them.

    Nobody waits for it: of more than it can take, the oldest are left out.
    """

    def __init__(self, control: str) -> None:
        self._control = control
        self._waiting: deque[tuple[str, dict[str, Json]]] = deque(maxlen=_MOST_WAITING)
        self._ended = threading.Event()
        self._pool = urllib3.PoolManager(1)
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def keep(self, space: str, exchange: dict[str, Json]) -> None:
        """Keeps one exchange, as `POST /_ringback/requests` wants it."""
        self._waiting.append((space, exchange))

    def close(self) -> None:
        """Ends when all is told."""
        self._ended.set()
        self._thread.join(_LAST_SECONDS)

    def _go_on(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS) or self._waiting:
            while self._waiting:
                several: dict[str, list[dict[str, Json]]] = {}
                for _ in range(min(len(self._waiting), _AT_ONCE)):
                    space, exchange = self._waiting.popleft()
                    several.setdefault(space, []).append(exchange)
                for space, exchanges in several.items():
                    self._tell(space, exchanges)

    def _tell(self, space: str, exchanges: list[dict[str, Json]]) -> None:
        with suppress(urllib3.exceptions.HTTPError):
            body = {"space": space, "requests": exchanges}
            self._pool.request("POST", f"{self._control}/requests", json=body, retries=False, timeout=10)
