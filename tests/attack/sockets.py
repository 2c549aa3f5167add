"""Raw connections to a server on loopback: what no HTTP client would send."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.conftest import Server


def connection_to(server: Server, seconds: float = 10) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((str(address.hostname), address.port or 80), timeout=seconds)


class Raw(NamedTuple):
    """An answer as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer(connection: socket.socket, method: str = "GET") -> Raw:
    """Reads one answer."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Raw(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def sent(server: Server, data: bytes) -> Raw:
    """Sends these bytes on a connection of their own and reads one answer."""
    with connection_to(server) as connection:
        connection.sendall(data)
        return answer(connection)


def is_closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection within that time."""
    connection.settimeout(seconds)
    with suppress(ConnectionError):
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            return False
    return True
