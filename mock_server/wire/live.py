"""The journal as it grows: server-sent events, each with the entry's number as its id."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import socket
from time import monotonic
from typing import Any

import orjson
from granian._granian import RSGIProtocolClosed as ProtocolGone

from mock_server.desk.happened.events import Feed, marker
from mock_server.spaces import Spaces
from mock_server.stores import StoreFailed
from mock_server.wire.connections import connection_with, unread_bytes
from mock_server.wire.doorbell import Doorbell

_POLL_SECONDS = 0.1
_AGAIN_SECONDS = 0.01
_LOOKS_SECONDS = (_AGAIN_SECONDS, 0.25)
"""When one looks again after it rang: at what came right after it, and at what is shown a little later."""
_UNHEARD_SECONDS = 1.0
"""So often one looks though nothing rang: a service may have been away."""
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
        self._doorbell = Doorbell(spaces.shared.backend.listen) if spaces.shared is not None else None

    async def stream(self, wanted: str, headers: list[tuple[str, str]], client: str, protocol: Any) -> None:
        """Sends what is newer than `wanted` (a marker as text) says, and then what happens, until the reader goes.

        What is sent is read from the journal; where several processes write to it, a doorbell says when to look.

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
            transport = protocol.response_stream(200, headers)
            if self._doorbell is None:
                await self._follow(feed, transport, connection, gone)
            else:
                with self._doorbell:
                    await self._follow(feed, transport, connection, gone)
        except ProtocolGone:
            return
        finally:
            self.readers -= 1
            gone.cancel()
            if connection is not None:
                connection.close()

    async def _follow(self, feed: Feed, transport: Any, connection: socket | None, gone: asyncio.Future[None]) -> None:
        await transport.send_bytes(b": ringback\n\n")
        told, looks = monotonic(), list[float]()
        while not gone.done():
            # The web server would take any amount for a reader who does not read.
            before, ringing = feed.last, self._doorbell.next() if self._doorbell is not None else None
            unread = unread_bytes(connection)
            for event in [] if unread else await self._news(feed):
                await transport.send_bytes(event)
                told = monotonic()
            if monotonic() - told >= _KEEP_ALIVE_SECONDS:
                await transport.send_bytes(b": still here\n\n")
                told = monotonic()
            moved = feed.last != before
            if unread or ringing is None:
                await asyncio.wait({gone}, timeout=_AGAIN_SECONDS if moved else _POLL_SECONDS)
                continue
            looks = list(_LOOKS_SECONDS) if moved else looks
            pause = looks.pop(0) if looks else _UNHEARD_SECONDS
            # However often it rings, one does not look more often than that.
            ends = {gone} if pause == _AGAIN_SECONDS else {gone, ringing}
            await asyncio.wait(ends, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            looks = list(_LOOKS_SECONDS) if ringing.done() else looks

    async def _news(self, feed: Feed) -> list[bytes]:
        """What there is for a reader; a store that may have to be waited for is read in a thread."""
        if self._spaces.shared is None:
            return feed.next(_BATCH_ENTRIES, _BATCH_BYTES)
        return await asyncio.get_running_loop().run_in_executor(self._pool, _stored, feed)
