"""An ordinary client that goes on working beside an attack, and remembers how long it had to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import requests

from tests.conftest import Server

PATIENCE_SECONDS = 2.0
"""Far above what an ordinary request takes on a busy machine, far below what the attacks cost once."""


class Waits:
    """The seconds that each request of the ordinary client took, and the statuses that it got."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.statuses: set[int] = set()
        self.trouble: requests.RequestException | None = None
        """What ended the client before its time."""

    @property
    def longest(self) -> float:
        return max(self.seconds)


@contextmanager
def ordinary_client(server: Server, path: str = "/teli/v1/organizations") -> Iterator[Waits]:
    """A client with a space of its own that asks again and again until the block ends."""
    waits, done = Waits(), threading.Event()
    session = requests.Session()
    session.headers["X-API-Key"] = f"test_{uuid4().hex}"

    def ask() -> None:
        while not done.is_set() or not waits.seconds:
            started = time.monotonic()
            try:
                answer = session.get(server.url + path, timeout=60)
            except requests.RequestException as error:
                waits.trouble = error
                return
            waits.seconds.append(time.monotonic() - started)
            waits.statuses.add(answer.status_code)
            done.wait(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        time.sleep(0.1)
        yield waits
    finally:
        done.set()
        thread.join()
    assert waits.trouble is None, waits.trouble


def assert_unmoved(waits: Waits) -> None:
    """The client was served all the time as if it were alone."""
    assert waits.statuses == {200}
    assert len(waits.seconds) > 1
    assert waits.longest < PATIENCE_SECONDS
