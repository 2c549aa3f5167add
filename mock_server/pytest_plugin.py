"""Fixtures for pytest: `ringback`, a server for the run, and `ringback_space`, a fresh world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mock_server.client import Control, SpaceClient


class Ringback:
    """A running server: `url` is its own address, `origins` are the vendors', `control` is the control API."""

    def __init__(self, where: dict[str, Any], control: Control) -> None:
        self.url: str = where["url"]
        self.origins: dict[str, str] = where["providers"]
        self.control = control

    def space(self, name: str) -> SpaceClient:
        """The space that the key of that name opens."""
        from mock_server.client import SpaceClient

        return SpaceClient(self.control, self.origins, name)


@pytest.fixture(scope="session")
def ringback() -> Iterator[Ringback]:
    """One server process of all vendors for the run; under pytest-xdist each worker has its own."""
    import json
    import os
    import subprocess
    import sys

    from mock_server.client import Control

    command = [sys.executable, "-m", "mock_server", "serve", "--host", "127.0.0.1", "--port", "0", "--json"]
    # What is set for another server, its certificate or its token, does not apply to this one.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("RINGBACK_TLS", "RINGBACK_CON"))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail("`ringback serve` did not start; its stderr says why", pytrace=False)
        where = json.loads(line)
        yield Ringback(where, Control(where["url"]))
        process.terminate()


@pytest.fixture
def ringback_space(ringback: Ringback) -> Iterator[SpaceClient]:
    """A fresh space: `.url("teli")`, `.api_key`, `.faults`, `.requests`, `.state`, `.clock`; gone after the test."""
    from uuid import uuid4

    name = f"test_{uuid4().hex}"
    ringback.control.call("POST", "/spaces", {"name": name})
    yield ringback.space(name)
    ringback.control.call("DELETE", f"/spaces/{name}")
