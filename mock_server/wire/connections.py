"""This process's own sockets, found by their peer: what the web server does not show of a connection."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import termios


def connection_with(peer: str) -> socket.socket | None:
    """A second handle on the connection with that "address:port", for the caller to close; None if there is none."""
    host, _, port = peer.rpartition(":")
    wanted = (host.strip("[]"), int(port)) if port.isdigit() else None
    for name in os.listdir("/dev/fd"):
        connection = _socket_at(int(name))
        if connection is None:
            continue
        try:
            if connection.getpeername()[:2] == wanted:
                return connection
        except OSError:
            pass
        connection.close()
    return None


def _socket_at(descriptor: int) -> socket.socket | None:
    try:
        copy = os.dup(descriptor)
    except OSError:
        return None
    try:
        if stat.S_ISSOCK(os.fstat(copy).st_mode):
            return socket.socket(fileno=copy)
    except OSError:
        pass
    os.close(copy)
    return None


def unread_bytes(connection: socket.socket | None) -> int:
    """How many bytes were sent that the peer's side has not taken yet; 0 where that cannot be known."""
    if connection is None:
        return 0
    try:
        found: int = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    except OSError:
        return 0
    return found
