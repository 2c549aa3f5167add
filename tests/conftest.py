"""Fixtures for tests that use the real parts: a server process on a real port, clients with a space of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.spec import Spec, key_header, load_all
from tests.receiver import Receiver
from tests.spy import Change, Said, Seen, Spy

ROOT = Path(__file__).parents[1]
RINGBACK = [sys.executable, "-m", "mock_server"]
LONGEST = ("test_state_machines", "test_depths", "test_wheel", "test_honest_servers", "test_spec_tools", "test_defects")
"""The files whose single tests take longest; they come first, so that no processor waits for another one's last."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background deaf to SIGINT, and every process that a test starts and interrupts
    # would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Brings what takes longest forward, and leaves everything else in its order."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@dataclass
class Server:
    """A running `ringback serve`; `where` is the line that it printed."""

    process: subprocess.Popen[str]
    where: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.where["url"])

    @property
    def control(self) -> str:
        return str(self.where["control"])

    def origin(self, provider: str) -> str:
        return str(self.where["providers"][provider])

    def stop(self) -> tuple[str, str]:
        """Ends the process; returns what it wrote to stdout after the first line, and to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=10)


def start_server(*arguments: str, env: dict[str, str] | None = None, defect: str = "") -> Server:
    """Starts `ringback serve --port 0 --json` with more arguments, and with a `defect`; waits until it is ready."""
    command = [sys.executable, "-m", "tests.defects.serve", defect] if defect else RINGBACK
    process = subprocess.Popen(
        [*command, "serve", "--port", "0", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, errors = process.communicate(timeout=10)
        raise AssertionError(f"ringback serve did not start: {errors}")
    return Server(process, json.loads(line))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server of all four vendors for the whole run."""
    running = start_server()
    yield running
    running.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts further servers with arguments of the test's choice; all are stopped afterwards."""
    started: list[Server] = []

    def start(*arguments: str, env: dict[str, str] | None = None, defect: str = "") -> Server:
        started.append(start_server(*arguments, env=env, defect=defect))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application that is told of events, and keeps what it was told."""
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
def spy() -> Iterator[Callable[..., Spy]]:
    """`spy(target)` stands before a target and sees everything; all are stopped afterwards."""
    started: list[Spy] = []

    def start(target: str, change: Change | None = None, instead: Callable[[Seen], Said | None] | None = None) -> Spy:
        started.append(Spy(target, change, instead))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Client:
    """A vendor's client bound to one key, and so to one space."""

    def __init__(self, origin: str, spec: Spec, key: str) -> None:
        self.origin = origin
        self.key = key
        self.session = requests.Session()
        self.session.headers.update(key_header(spec.security, key))

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.session.request(method, self.origin + path, timeout=20, **arguments)

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> requests.Response:
        return self.request("POST", path, **arguments)

    def put(self, path: str, **arguments: Any) -> requests.Response:
        return self.request("PUT", path, **arguments)

    def patch(self, path: str, **arguments: Any) -> requests.Response:
        return self.request("PATCH", path, **arguments)

    def delete(self, path: str, **arguments: Any) -> requests.Response:
        return self.request("DELETE", path, **arguments)


@pytest.fixture(scope="session")
def specs() -> dict[str, Spec]:
    return load_all()


@pytest.fixture
def api(server: Server, specs: dict[str, Spec]) -> Callable[..., Client]:
    """`api("teli")` is a client with a fresh space; the second argument names a key of the test's choice."""
    fresh = f"test_{uuid4().hex}"

    def client(provider: str, key: str | None = None) -> Client:
        return Client(server.origin(provider), specs[provider], key or fresh)

    return client
