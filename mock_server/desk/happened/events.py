"""What a reader of the journal's stream gets: the entries after the last one that it has, each as an event."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Mapping
from heapq import merge
from typing import NamedTuple

import orjson

from mock_server.desk.happened.journal import Entry
from mock_server.desk.happened.search import Query
from mock_server.messages import Json
from mock_server.spaces import Spaces

HEADER = "x-ringback-live"
"""Marks a control answer that goes on as a stream: its value is a `Marker` as text."""

BRIEF = (
    *("number", "at", "provider", "operation", "method", "path", "query"),
    *("status", "answer", "fault", "milliseconds", "findings"),
)
"""What a list shows of an exchange: all but headers and bodies."""

_AT_ONCE = 200
"""How many of a brief reader's exchanges go together; of more, only the newest: nobody reads faster."""

Found = tuple[Entry, str]
"""An exchange and the name of its space."""


class Marker(NamedTuple):
    """What a stream is to bring: of one space or all, from there on, what is looked for, all of it or in brief."""

    after: int
    space: str | None = None
    q: str = ""
    brief: bool = False

    def as_text(self) -> str:
        """The marker as a header can carry it."""
        return json.dumps(self._asdict())


def marker(text: str) -> Marker:
    """The marker that was written as text."""
    return Marker(**json.loads(text))


class Feed:
    """What one reader gets, piece by piece."""

    def __init__(self, spaces: Spaces, wanted: Marker, vendors: Mapping[str, Collection[str]]) -> None:
        """Raises BadQuery for words that are not understood."""
        self._spaces = spaces
        self._wanted = wanted
        self.last = wanted.after
        self._query = Query(wanted.q, vendors) if wanted.q.strip() else None

    def next(self, limit: int, size: int) -> list[bytes]:
        """The events of what came since: of at most `limit` exchanges, and of each space about `size` bytes."""
        if self._wanted.brief:
            return self._brief()
        found = newer(self._spaces, self._wanted.space, self.last, limit, size)
        if found:
            self.last = found[-1][0].number
        return [event(entry, space) for entry, space in found if self._fits(entry, space)]

    def _brief(self) -> list[bytes]:
        """The newest ones in one event, after one that says how many went by unseen."""
        complete = self._spaces.last_number(self._wanted.space)
        if self.last >= complete:
            return []
        journals = self._spaces.journals(self._wanted.space, self.last)
        parts = [(name, *journal.newest_since(self.last, _AT_ONCE)) for name, journal in journals]
        rows = merge(*([(entry, name) for entry in found] for name, found, _ in parts), key=_number)
        entries = [row for row in rows if row[0].number <= complete]
        unseen = sum(passed for _, _, passed in parts) + max(0, len(entries) - _AT_ONCE)
        entries = entries[-_AT_ONCE:]
        if not entries:
            return []
        self.last = entries[-1][0].number
        events = [_event("skipped", None, {"count": unseen})] if unseen else []
        shown = [brief(entry, space) for entry, space in entries if self._fits(entry, space)]
        return [*events, _event("requests", self.last, shown)] if shown else events

    def _fits(self, entry: Entry, space: str) -> bool:
        return self._query is None or self._query.fits(entry, space)


def newer(spaces: Spaces, name: str | None, last: int, limit: int, size: int) -> list[Found]:
    """The first entries numbered above `last` of the space of that name, or of all, oldest first.

    At most `limit`, and of each space about `size` bytes. The next ones are those numbered above the last of these: so
    what has its number in another space is among them, whatever the limit.
    """
    # Before any is read: while one journal is, a lower number may come to another that was read already.
    complete = spaces.last_number(name)
    if last >= complete:
        return []
    parts: list[list[Found]] = []
    for space, journal in spaces.journals(name, last):
        found, cut = journal.newer(last, limit, size)
        parts.append([(entry, space) for entry in found])
        if cut and found:
            # Nobody may go on behind what this one could not bring.
            complete = min(complete, found[-1].number)
    rows = list(merge(*parts, key=_number))
    if len(rows) > limit:
        complete = min(complete, rows[limit - 1][0].number)
    return rows[: bisect_right(rows, complete, key=_number)]


def _number(found: Found) -> int:
    return found[0].number


def brief(entry: Entry, space: str) -> dict[str, Json]:
    """What a list shows of an exchange."""
    shown: dict[str, Json] = {name: getattr(entry, name) for name in BRIEF}
    return {**shown, "milliseconds": round(entry.milliseconds, 3), "space": space}


def event(entry: Entry, space: str) -> bytes:
    """One entry as an event named `request`."""
    return _event("request", entry.number, {**entry._asdict(), "space": space})


def _event(name: str, id: int | None, data: Json) -> bytes:
    head = f"event: {name}\n" if id is None else f"event: {name}\nid: {id}\n"
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"
