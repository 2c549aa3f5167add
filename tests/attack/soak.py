"""Clients that take all they can get, at once and for as long as one likes: what a server must outlive."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import requests

from tests.attack.sockets import connection_to
from tests.conftest import Server

Attacker = Callable[[Server, threading.Event], None]

TOOLS = "/teli/v1/agents/agent_abc123/tools"
ORGANIZATIONS = "/teli/v1/organizations"
IDLE, SLOW, READERS = 300, 20, 20
_DRIP_SECONDS = 0.05
_MEBIBYTE = 1024 * 1024


def idle(server: Server, stop: threading.Event) -> None:
    """Connections on which nothing is ever said; those that the server ends are opened again."""
    with ExitStack() as held:
        connections: list[socket.socket] = []
        while not stop.wait(_DRIP_SECONDS):
            for _ in range(min(50, IDLE - len(connections))):
                with suppress(OSError):
                    connections.append(held.enter_context(connection_to(server)))
            connections = [one for one in connections if not _ended(one)]


def slow_headers(server: Server, stop: threading.Event) -> None:
    """Requests whose headers come letter by letter."""
    _drip(server, stop, b"GET /teli/v1/organizations HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a")


def slow_bodies(server: Server, stop: threading.Event) -> None:
    """Requests whose bodies come letter by letter."""
    lines = f"PATCH {TOOLS} HTTP/1.1\r\nHost: x\r\nX-API-Key: test_slow\r\nContent-Length: 100000\r\n\r\n"
    _drip(server, stop, lines.encode(), b"[")


def half_open(server: Server, stop: threading.Event) -> None:
    """Clients that go in the middle of a request: some say so, some are reset, some wait for ever."""
    with ExitStack() as held:
        kept: list[socket.socket] = []
        number = 0
        while not stop.wait(_DRIP_SECONDS / 5):
            number += 1
            with suppress(OSError):
                connection = connection_to(server)
                connection.sendall(b"POST /vogent/api/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
                if number % 3 == 0:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                elif number % 3 == 1:
                    connection.shutdown(socket.SHUT_WR)
                    kept.append(held.enter_context(connection))
                else:
                    kept.append(held.enter_context(connection))
            while len(kept) > IDLE:
                kept.pop(0).close()


def new_spaces(server: Server, stop: threading.Event) -> None:
    """A new key for every request."""
    session = requests.Session()
    while not stop.wait(0.004):
        with suppress(requests.RequestException):
            session.get(server.url + ORGANIZATIONS, headers={"X-API-Key": f"test_{uuid4().hex}"}, timeout=60)


def large_bodies(server: Server, stop: threading.Event) -> None:
    """Bodies of nearly a mebibyte, of the same client again and again."""
    body = b'{"tools":["' + b"a" * (_MEBIBYTE - 1000) + b'"]}'
    session, headers = requests.Session(), {"X-API-Key": "test_large", "Content-Type": "application/json"}
    while not stop.wait(_DRIP_SECONDS):
        with suppress(requests.RequestException):
            session.patch(server.url + TOOLS, data=body, headers=headers, timeout=60)


def deaf_readers(server: Server, stop: threading.Event) -> None:
    """Readers of the events that read nothing."""
    with ExitStack() as held:
        readers: list[socket.socket] = []
        while not stop.wait(_DRIP_SECONDS * 4):
            if len(readers) < READERS:
                with suppress(OSError):
                    connection = held.enter_context(connection_to(server))
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    connection.sendall(b"GET /_ringback/events?since=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    readers.append(connection)


ATTACKERS: tuple[Attacker, ...] = (
    idle,
    slow_headers,
    slow_bodies,
    half_open,
    new_spaces,
    large_bodies,
    deaf_readers,
)


@contextmanager
def under_attack(server: Server) -> Iterator[None]:
    """All of them at once, for the time of the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=attacker, args=(server, stop), daemon=True) for attacker in ATTACKERS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=70)


def resident_bytes(server: Server) -> int:
    """The memory that the server's process has."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _drip(server: Server, stop: threading.Event, begin: bytes, more: bytes) -> None:
    connections: list[socket.socket] = []
    while not stop.wait(_DRIP_SECONDS):
        while len(connections) < SLOW:
            connection = connection_to(server)
            connection.sendall(begin)
            connections.append(connection)
        for connection in list(connections):
            try:
                connection.sendall(more)
            except OSError:
                connection.close()
                connections.remove(connection)
    for connection in connections:
        connection.close()


def _ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
