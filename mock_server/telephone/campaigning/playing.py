"""Plays what is due, in order: each step at its own time, whatever time it is when it is played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple, Protocol

from mock_server.messages import Json
from mock_server.stores import State
from mock_server.telephone.campaigning.news import News
from mock_server.telephone.line.calls import NEXT_DUE, note_due, stamp, step


class Played(NamedTuple):
    """How many steps were taken, when the last of them was, and when the next one is due (None: nothing is)."""

    steps: int
    last: datetime | None
    next: datetime | None
    moved: Sequence[tuple[datetime, Mapping[str, Json] | News]] = ()
    """Each call that a step moved, as it was then, and the news of campaigns, in order."""


@dataclass
class Agenda:
    """The agenda of a space in order, as it was when the book's note had this mark: read anew when that has changed."""

    mark: str = ""
    rows: list[tuple[str, int, str]] = field(default_factory=list)


Due = tuple[str, int, str]
"""A row of the agenda: when, the serial number, of what."""


class Campaigner(Protocol):
    """Who knows how campaigns go on."""

    def step(self, id: str, due: str) -> Iterable[Due] | None:
        """The thing of that name in the agenda, which was due then, takes its step; None: it was not to be taken."""

    def call_over(self, call: Mapping[str, Json], now: datetime) -> Iterable[Due]:
        """A call is over."""

    def news(self) -> Sequence[News]:
        """What has become of campaigns since this was asked last."""


def play(book: State, until: datetime, limit: int, agenda: Agenda, campaigner: Campaigner | None = None) -> Played:
    """Takes the steps that are due at `until`, the earliest first, at most `limit`."""
    note = book.note(NEXT_DUE)
    if note is None or note["at"] is None:
        return Played(0, None, None)
    horizon = stamp(until)
    if note["at"] > horizon:
        return Played(0, None, datetime.fromisoformat(note["at"]))
    _refresh(agenda, book, note)
    agenda.mark, rows, steps, last = "", agenda.rows, 0, None
    moved: list[tuple[datetime, Mapping[str, Json] | News]] = []
    while rows and rows[0][0] <= horizon and steps < limit:
        due, serial, id = heappop(rows)
        call = book.get("calls", id)
        if call is None:
            added = campaigner.step(id, due) if campaigner is not None else None
            if campaigner is not None and added is not None:
                steps, last = steps + 1, datetime.fromisoformat(due)
                for row in added:
                    heappush(rows, row)
                moved += ((last, news) for news in campaigner.news())
            continue
        if call["due_at"] != due:
            # Hung up meanwhile.
            continue
        last = datetime.fromisoformat(due)
        step(call, last)
        book.put("calls", call)
        if call["due_at"] is None:
            book.delete("agenda", id)
            for row in campaigner.call_over(call, last) if campaigner is not None else ():
                heappush(rows, row)
        else:
            book.put("agenda", {"id": id, "serial": serial, "due_at": call["due_at"]})
            heappush(rows, (call["due_at"], serial, id))
        steps += 1
        moved.append((last, call))
        if campaigner is not None and call["due_at"] is None:
            moved += ((last, news) for news in campaigner.news())
    agenda.mark = note_due(book, rows[0][0] if rows else None)
    return Played(steps, last, datetime.fromisoformat(rows[0][0]) if rows else None, moved)


def _refresh(agenda: Agenda, book: State, note: Mapping[str, Any]) -> None:
    """Brings the agenda to what the book says: by what was added since, or read anew."""
    if agenda.mark == note["mark"]:
        return
    if agenda.mark == note["since"]:
        for due, serial, id in note["added"]:
            heappush(agenda.rows, (due, serial, id))
        return
    rows = (row.document for row in book.rows("agenda"))
    agenda.rows = [(row["due_at"], row["serial"], row["id"]) for row in rows]
    heapify(agenda.rows)
