"""Several real Ringback processes on one store, each on a port of its own, so that a test says which one it asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import requests

ROOT = Path(__file__).parents[1]


class Process:
    """One `ringback serve`."""

    def __init__(self, store: str, *flags: str, env: dict[str, str] | None = None) -> None:
        self.store = store
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--json", "--store", store, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.url = str(json.loads(line)["url"])
        self._session = requests.Session()

    def control(self, method: str, path: str, **more: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/_ringback{path}", timeout=20, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def ask(self, method: str, path: str, space: str = "test_several", **more: Any) -> requests.Response:
        key = {"Authorization": f"Bearer {space}"}
        return self._session.request(method, self.url + path, headers=key, timeout=20, **more)

    def create(self, name: str, space: str = "test_several") -> requests.Response:
        return self.ask("POST", "/vogent/api/agents", space, json=agent(name))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=10)
        self._session.close()


def agent(name: str) -> dict[str, Any]:
    """The body that makes an agent of Vogent."""
    prompt = {"aiModelId": str(UUID(int=1)), "agentType": "STANDARD", "name": "v1", "prompt": "Be friendly."}
    return {"name": name, "defaultVoiceId": str(UUID(int=2)), "defaultVersionedPrompt": prompt}


@contextmanager
def several(store: str, count: int = 2, *flags: str) -> Iterator[list[Process]]:
    """So many processes on that store; all are killed afterwards."""
    with ExitStack() as started:
        processes = []
        for _ in range(count):
            process = Process(store, *flags)
            started.callback(process.kill)
            processes.append(process)
        yield processes
