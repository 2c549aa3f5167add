"""What a reader of the journal's stream gets: the entries after the last one that it has, each as an event."""

from __future__ import annotations

from heapq import merge
from itertools import islice

import orjson

from mock_server.desk.journal import Entry
from mock_server.spaces import Spaces

HEADER = "x-ringback-live"
"""Marks a control answer that goes on as a stream: its value is `<last event id> <space or nothing>`."""


def newer(spaces: Spaces, name: str | None, last: int, limit: int, size: int) -> list[Entry]:
    """The first entries numbered above `last` of the space of that name, or of all, oldest first.

    At most `limit`, and of each space about `size` bytes.
    """
    if last >= spaces.budget.last_number:
        return []
    names = [name] if name else spaces.names()
    journals = [space.journal for space in map(spaces.get, names) if space is not None]
    return list(islice(merge(*(journal.newer(last, limit, size) for journal in journals)), limit))


def event(entry: Entry) -> bytes:
    """One entry as an event named `request`."""
    data = orjson.dumps(entry._asdict())
    return b"event: request\nid: " + str(entry.number).encode() + b"\ndata: " + data + b"\n\n"
