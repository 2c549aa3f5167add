"""Closes connections that hold a place for nothing: silent ones, and those that have been idle for long.

The web server bounds the time of a request's head once it knows the protocol. Before the first bytes, and between the
requests of HTTP/2, it waits for ever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

from mock_server.wire.connections import descriptors, own_sockets, told

SILENT_SECONDS = 30.0
"""How long a new connection may say nothing."""

CROWDED_SILENT_SECONDS = 2.0
"""How long, when most places are taken."""

IDLE_SECONDS = 300.0
"""How long nothing may come or go; longer than any answer is kept back."""

_PREFACE_BYTES = 24
"""Who has sent less has not even said which protocol it speaks."""

_LOOK_SECONDS = 1.0
_PAUSE_EVERY = 100


class Keeper(Thread):
    """Looks at all connections of this process every now and then; `places` is how many there can be."""

    def __init__(self, places: int) -> None:
        super().__init__(name="keeper", daemon=True)
        self._places = places
        self._seen: dict[tuple[int, object], float] = {}

    def run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with suppress(OSError):
                self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Closes what has been silent or idle for too long."""
        open_ones = descriptors()
        patience = SILENT_SECONDS if len(open_ones) < self._places * 3 // 4 else CROWDED_SILENT_SECONDS
        seen: dict[tuple[int, object], float] = {}
        for index, (descriptor, connection) in enumerate(_with_descriptors(open_ones)):
            if index % _PAUSE_EVERY == _PAUSE_EVERY - 1:
                time.sleep(0.001)
            known = told(connection)
            if known is None:
                continue
            if known.received < _PREFACE_BYTES:
                try:
                    name = (descriptor, connection.getpeername())
                except OSError:
                    continue
                seen[name] = since = self._seen.get(name, now)
                if now - since >= patience:
                    _close(connection)
            elif known.idle_seconds > IDLE_SECONDS:
                _close(connection)
        self._seen = seen


def _with_descriptors(open_ones: list[int]) -> Iterator[tuple[int, socket.socket]]:
    for descriptor in open_ones:
        for connection in own_sockets((descriptor,)):
            yield descriptor, connection


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
