"""What a process knows of a space of a shared store: which version, and the rows that changes make of its tables."""

from __future__ import annotations

from mock_server.stores.backends import Change, Written
from mock_server.stores.memory import ROW_BYTES, Table, Tables
from mock_server.stores.turns import Turn
from mock_server.text.jsontext import own


class Replica:
    """What this process knows of a space."""

    __slots__ = ("lasts", "turn", "version", "world")

    def __init__(self) -> None:
        self.version: int | None = None
        """None: nothing."""
        self.lasts: dict[str, int] = {}
        self.world: bytes | None = None
        self.turn: Turn | None = None


def apply(tables: Tables, change: Change) -> int:
    """Makes the rows what a change says; returns by how many bytes there is more."""
    grown = 0
    for kind, id in change.deleted:
        table = tables.get(kind)
        old = table.rows.get(id) if table is not None else None
        if table is not None and old is not None:
            for view in table.views:
                view.keep(id, old)
            del table.rows[id]
            if table.index is not None:
                table.index.drop(id)
            grown -= len(old[1]) + ROW_BYTES
    for kind, id, sequence, document in sorted(change.written, key=_sequence):
        table = tables.of(kind)
        old = table.rows.get(id)
        for view in table.views:
            view.keep(id, old)
        table.rows[id] = (sequence, document)
        if table.index is not None:
            table.index.put(id, own(document))
        grown += len(document) + (ROW_BYTES if old is None else -len(old[1]))
        if old is None or old[0] != sequence:
            table.sequences.append(sequence)
            table.ids.append(id)
    for kind, last in change.lasts.items():
        tables.of(kind).last = last
    for table in tables.values():
        table.close_gaps()
    return grown


def _sequence(row: Written) -> int:
    return row[2]


def shorten(table: Table, last: int) -> None:
    """Forgets the places of rows that were taken back. A reader may still go by the old lists."""
    if table.last == last:
        return
    kept = len(table.sequences)
    while kept and table.sequences[kept - 1] > last:
        kept -= 1
    table.sequences, table.ids, table.last = table.sequences[:kept], table.ids[:kept], last
