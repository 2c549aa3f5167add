"""This process's own sockets, found by their peer: what the web server does not show of a connection."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
import termios
from collections.abc import Iterable, Iterator
from typing import NamedTuple


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
    """A second handle on a socket. No file gets one: closing it would give back all locks of the process on it."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = os.dup(descriptor)
        # Between the two the number may have passed to a file: the copy stays open then.
        return socket.socket(fileno=copy) if stat.S_ISSOCK(os.fstat(copy).st_mode) else None
    except OSError:
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


class Told(NamedTuple):
    """What the kernel tells of a connection: bytes that came and went, seconds since either last did."""

    received: int
    acknowledged: int
    idle_seconds: float


_TOLD = struct.Struct("=44xI4xI64xQQ")
"""Of Linux' tcp_info: tcpi_last_data_sent, tcpi_last_data_recv, tcpi_bytes_acked, tcpi_bytes_received."""

CAN_TELL = sys.platform == "linux"


def told(connection: socket.socket) -> Told | None:
    """What the kernel knows of an established connection; None for another socket, and on another system."""
    if not CAN_TELL:
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOLD.size)
        if len(info) < _TOLD.size or info[0] != _ESTABLISHED:
            return None
        last_sent, last_received, acknowledged, received = _TOLD.unpack(info)
    except OSError:
        return None
    return Told(received, acknowledged, min(last_sent, last_received) / 1000)


_ESTABLISHED = 1


def taken_bytes(connection: socket.socket | None) -> int:
    """How many bytes the peer has taken so far; where that is not known, more than there ever will be."""
    known = told(connection) if connection is not None else None
    return known.acknowledged if known is not None else 1 << 62


def own_sockets(descriptors: Iterable[int]) -> Iterator[socket.socket]:
    """The TCP sockets of this process among these descriptors, each to be used before the next is asked for."""
    for descriptor in descriptors:
        copy = _socket_at(descriptor)
        if copy is not None:
            with copy:
                if copy.type == socket.SOCK_STREAM and copy.family in (socket.AF_INET, socket.AF_INET6):
                    yield copy


def descriptors() -> list[int]:
    """This process's open descriptors."""
    return [int(name) for name in os.listdir("/dev/fd")]
