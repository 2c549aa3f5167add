"""Breaks a connection on purpose: resets it, ends it, cuts an answer short, holds it, lets it drip."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from mock_server.desk.faults import WIRE_FAULTS
from mock_server.messages import Response
from mock_server.wire.connections import connection_with

_DRIP_SECONDS = 0.25

SUPPORTED_FAULTS = tuple(fault for fault in WIRE_FAULTS if fault != "reset" or sys.platform == "linux")
"""Other systems than Linux cannot send a reset for a connection that the server still has open."""


async def send_broken(response: Response, client: str, protocol: Any) -> None:
    """Sends (or does not send) an answer the way its fault says; `client` is the peer's "address:port"."""
    try:
        if response.delay_seconds:
            await asyncio.sleep(response.delay_seconds)
        if response.fault == "reset":
            await _severed(client, reset=True)
        elif response.fault == "empty":
            await _severed(client)
        elif response.fault == "hang":
            await _hold(response.fault_seconds, protocol)
            await _severed(client)
        elif response.fault == "truncate":
            await _send_part(response, protocol)
            await _severed(client)
        else:
            await _drip(response, protocol)
    finally:
        if response.release is not None:
            response.release()


async def _severed(client: str, *, reset: bool = False) -> None:
    """Where there are thousands of connections, finding one takes its time."""
    await asyncio.get_running_loop().run_in_executor(None, partial(sever, client, reset=reset))


async def _hold(seconds: float, protocol: Any) -> None:
    """Says nothing for that long, or until the client has gone: then nobody is held any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await protocol.client_disconnect()


async def _send_part(response: Response, protocol: Any) -> None:
    """The headers, which promise the whole body, and half of it."""
    stream = protocol.response_stream(response.status, _promising(response))
    await stream.send_bytes(response.body[: len(response.body) // 2])
    # The server hands the bytes to the kernel on its own thread; severed at once they would never leave.
    await asyncio.sleep(0.05)


async def _drip(response: Response, protocol: Any) -> None:
    """The whole body, a few bytes at a time over the fault's seconds."""
    stream = protocol.response_stream(response.status, _promising(response))
    steps = max(1, min(len(response.body), int(response.fault_seconds / _DRIP_SECONDS)))
    size = max(1, -(-len(response.body) // steps))
    for start in range(0, len(response.body), size):
        await asyncio.sleep(response.fault_seconds / steps)
        await stream.send_bytes(response.body[start : start + size])


def _promising(response: Response) -> list[tuple[str, str]]:
    return [*response.headers, ("content-length", str(len(response.body)))]


def sever(client: str, *, reset: bool = False) -> None:
    """Ends this process's connection with that peer under the server's feet: by FIN, or by RST for `reset`."""
    connection = connection_with(client)
    if connection is None:
        return
    with connection, suppress(OSError):
        if not (reset and _disconnected(connection)):
            connection.shutdown(socket.SHUT_RDWR)


def _disconnected(connection: socket.socket) -> bool:
    """Sends a reset at once, although the server still has the connection open; False where that cannot be done.

    Closing would only send it when the last descriptor is closed. Connecting to "nowhere" (AF_UNSPEC) dissolves
    the association of a TCP socket, which the kernel tells the peer by RST; Python's own connect cannot say that.
    """
    nowhere = struct.pack("H14x", socket.AF_UNSPEC)
    try:
        return int(ctypes.CDLL(None, use_errno=True).connect(connection.fileno(), nowhere, len(nowhere))) == 0
    except (OSError, AttributeError):
        return False
