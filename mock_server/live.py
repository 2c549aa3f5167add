"""The journal as it grows: server-sent events, each with the entry's number as its id."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from mock_server.journal import Entry
from mock_server.spaces import Spaces

HEADER = "x-ringback-live"
"""Marks a control answer that goes on as a stream: its value is `<last event id> <space or nothing>`."""

MAX_STREAMS = 64
_POLL_SECONDS = 0.1
_KEEP_ALIVE_SECONDS = 15.0


class Live:
    """Streams to readers. Each reads the bounded journal at its own pace, so a slow one holds up nobody."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces
        self.readers = 0

    async def stream(self, marker: str, headers: list[tuple[str, str]], protocol: Any) -> None:
        """Sends what is newer than the marker says, and then what happens, until the reader goes."""
        if self.readers >= MAX_STREAMS:
            body = orjson.dumps(
                {"title": "Too many readers", "status": 503, "detail": f"{MAX_STREAMS} streams are open."}
            )
            protocol.response_bytes(503, [("content-type", "application/problem+json")], body)
            return
        self.readers += 1
        text, _, space = marker.partition(" ")
        last, quiet = int(text), 0.0
        transport = protocol.response_stream(200, headers)
        try:
            await transport.send_bytes(b": ringback\n\n")
            while True:
                entries = self._newer(last, space or None)
                for entry in entries:
                    await transport.send_bytes(event(entry))
                    last = entry.number
                quiet = 0.0 if entries else quiet + _POLL_SECONDS
                if quiet >= _KEEP_ALIVE_SECONDS:
                    await transport.send_bytes(b": still here\n\n")
                    quiet = 0.0
                await asyncio.sleep(_POLL_SECONDS)
        except Exception:
            # The reader has gone; granian says so by an error of its own on the next write.
            return
        finally:
            self.readers -= 1

    def _newer(self, last: int, name: str | None) -> list[Entry]:
        if last >= self._spaces.budget.last_number:
            return []
        names = [name] if name else self._spaces.names()
        journals = [space.journal for space in map(self._spaces.get, names) if space is not None]
        return sorted(entry for journal in journals for entry in journal.newer(last))


def event(entry: Entry) -> bytes:
    """One entry as an event named `request`."""
    data = orjson.dumps(entry._asdict())
    return b"event: request\nid: " + str(entry.number).encode() + b"\ndata: " + data + b"\n\n"
