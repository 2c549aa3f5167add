"""The journal as it grows: server-sent events, each with the entry's number as its id."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import socket
from typing import Any

import orjson
from granian._granian import RSGIProtocolClosed as ProtocolGone

from mock_server.desk.events import Feed, marker
from mock_server.spaces import Spaces
from mock_server.stores import StoreFailed
from mock_server.wire.connections import connection_with, unread_bytes

_POLL_SECONDS = 0.1
_AGAIN_SECONDS = 0.01
_KEEP_ALIVE_SECONDS = 15.0
_BATCH_ENTRIES = 200
_BATCH_BYTES = 256 * 1024
"""How much is handed over at a time: what the web server takes, it keeps in memory until the reader has it."""


def _stored(feed: Feed) -> list[bytes]:
    """What there is in a store that may have to be waited for, or is out of reach for a while."""
    with suppress(StoreFailed):
        return feed.next(_BATCH_ENTRIES, _BATCH_BYTES)
    return []


class Live:
    """Streams to readers. Each reads the bounded journal at its own pace, so a slow one holds up nobody."""

    def __init__(self, spaces: Spaces, vendors: Mapping[str, Collection[str]]) -> None:
        """`vendors` with their operations, for who looks for some exchanges only."""
        self._spaces = spaces
        self._vendors = vendors
        self.readers = 0
        self._pool = ThreadPoolExecutor(4, "events")

    async def stream(self, wanted: str, headers: list[tuple[str, str]], client: str, protocol: Any) -> None:
        """Sends what is newer than `wanted` (a marker as text) says, and then what happens, until the reader goes.

        `client` is the reader's "address:port".
        """
        most = self._spaces.limits.streams
        if self.readers >= most:
            detail = f"{most} streams are open, which is the most there can be; close some."
            body = orjson.dumps({"type": "about:blank", "title": "Too many readers", "status": 503, "detail": detail})
            protocol.response_bytes(503, [("content-type", "application/problem+json")], body)
            return
        self.readers += 1
        connection = await asyncio.get_running_loop().run_in_executor(None, connection_with, client)
        gone = asyncio.ensure_future(protocol.client_disconnect())
        feed = Feed(self._spaces, marker(wanted), self._vendors)
        try:
            await self._follow(feed, protocol.response_stream(200, headers), connection, gone)
        except ProtocolGone:
            return
        finally:
            self.readers -= 1
            gone.cancel()
            if connection is not None:
                connection.close()

    async def _follow(self, feed: Feed, transport: Any, connection: socket | None, gone: asyncio.Future[None]) -> None:
        quiet = 0.0
        await transport.send_bytes(b": ringback\n\n")
        while not gone.done():
            # The web server would take any amount for a reader who does not read.
            before = feed.last
            if unread_bytes(connection):
                events = []
            elif self._spaces.shared is None:
                events = feed.next(_BATCH_ENTRIES, _BATCH_BYTES)
            else:
                events = await asyncio.get_running_loop().run_in_executor(self._pool, _stored, feed)
            pause = _AGAIN_SECONDS if feed.last != before else _POLL_SECONDS
            for event in events:
                await transport.send_bytes(event)
            quiet = 0.0 if events else quiet + pause
            if quiet >= _KEEP_ALIVE_SECONDS:
                await transport.send_bytes(b": still here\n\n")
                quiet = 0.0
            await asyncio.wait({gone}, timeout=pause)
