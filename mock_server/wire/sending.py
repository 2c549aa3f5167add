"""Hands answers to the web server: long ones piece by piece, no faster than the reader takes them."""

from __future__ import annotations

import asyncio
from typing import Any

from mock_server.messages import Response
from mock_server.wire.breaking import sever
from mock_server.wire.connections import connection_with, taken_bytes

UNREAD_SECONDS = 30.0
"""How long a reader may take nothing before its connection is closed."""

PART_BYTES = 256 * 1024
_WINDOW_BYTES = 1024 * 1024
_LOOK_SECONDS = 0.002
_SLOWEST_LOOK_SECONDS = 0.1


def send(response: Response, protocol: Any) -> None:
    """Sends a short answer."""
    if response.body:
        protocol.response_bytes(response.status, list(response.headers), response.body)
    else:
        protocol.response_empty(response.status, list(response.headers))


async def send_in_parts(response: Response, client: str, protocol: Any) -> None:
    """Sends a long answer at the reader's pace.

    The web server would take all of it at once and keep it in memory, and nobody is served while a piece is copied.
    """
    loop = asyncio.get_running_loop()
    headers = [*response.headers, ("content-length", str(len(response.body)))]
    stream = protocol.response_stream(response.status, headers)
    connection = await loop.run_in_executor(None, connection_with, client)
    try:
        before = taken_bytes(connection)
        for start in range(0, len(response.body), PART_BYTES):
            since, pause, taken = loop.time(), _LOOK_SECONDS, 0
            while connection is not None and start - (found := taken_bytes(connection) - before) > _WINDOW_BYTES:
                if found > taken:
                    since, taken = loop.time(), found
                if loop.time() - since > UNREAD_SECONDS:
                    await loop.run_in_executor(None, sever, client)
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, _SLOWEST_LOOK_SECONDS)
            await stream.send_bytes(response.body[start : start + PART_BYTES])
    finally:
        if connection is not None:
            connection.close()
