"""Plays what is due, in order: each step at its own time, whatever time it is when it is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from mock_server.messages import Json
from mock_server.stores import State
from mock_server.telephone.calls import NEXT_DUE, note_due, stamp, step


class Played(NamedTuple):
    """How many steps were taken, when the last of them was, and when the next one is due (None: nothing is)."""

    steps: int
    last: datetime | None
    next: datetime | None
    moved: Sequence[tuple[datetime, Mapping[str, Json]]] = ()
    """Each call that a step moved, as it was then, in order."""


@dataclass
class Agenda:
    """The agenda of a space in order, as it was when the book's note had this mark: read anew when that has changed."""

    mark: str = ""
    rows: list[tuple[str, int, str]] = field(default_factory=list)


def play(book: State, until: datetime, limit: int, agenda: Agenda) -> Played:
    """Takes the steps that are due at `until`, the earliest first, at most `limit`."""
    note = book.note(NEXT_DUE)
    if note is None:
        return Played(0, None, None)
    horizon = stamp(until)
    if note["at"] > horizon:
        return Played(0, None, datetime.fromisoformat(note["at"]))
    if agenda.mark != note["mark"]:
        # Of two that are due at the same moment, the one that was placed first comes first.
        agenda.rows = [(row.document["due_at"], row.sequence, row.document["id"]) for row in book.rows("agenda")]
        heapify(agenda.rows)
    agenda.mark, rows, steps, last = "", agenda.rows, 0, None
    moved = []
    while rows and rows[0][0] <= horizon and steps < limit:
        due, sequence, id = heappop(rows)
        call = book.get("calls", id)
        assert call is not None
        last = datetime.fromisoformat(due)
        step(call, last)
        book.put("calls", call)
        if call["due_at"] is None:
            book.delete("agenda", id)
        else:
            book.put("agenda", {"id": id, "due_at": call["due_at"]})
            heappush(rows, (call["due_at"], sequence, id))
        steps += 1
        moved.append((last, call))
    agenda.mark = note_due(book, rows[0][0] if rows else None)
    return Played(steps, last, datetime.fromisoformat(rows[0][0]) if rows else None, moved)
