"""The default store: documents as encoded JSON in dictionaries, an undo log for each transaction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import orjson

from mock_server.messages import Json
from mock_server.stores.protocols import Row


class _Table:
    """The rows of one kind: by id, and the ids in order (a removed id leaves a gap that is closed later)."""

    __slots__ = ("ids", "last", "rows", "sequences")

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, bytes]] = {}
        self.ids: list[str] = []
        self.sequences: list[int] = []
        self.last = 0

    def close_gaps(self) -> None:
        if len(self.ids) <= 2 * len(self.rows) + 16:
            return
        kept = [
            (sequence, id)
            for sequence, id in zip(self.sequences, self.ids, strict=True)
            if id in self.rows and self.rows[id][0] == sequence
        ]
        self.sequences = [sequence for sequence, _ in kept]
        self.ids = [id for _, id in kept]


class MemoryTransaction:
    """Writes go straight into the tables; the undo log takes them back."""

    __slots__ = ("_tables", "_undo")

    def __init__(self, tables: dict[str, _Table]) -> None:
        self._tables = tables
        self._undo: list[tuple[_Table, str, tuple[int, bytes] | None]] = []

    def get(self, kind: str, id: str) -> Json | None:
        table = self._tables.get(kind)
        row = table.rows.get(id) if table is not None else None
        return None if row is None else orjson.loads(row[1])

    def put(self, kind: str, id: str, document: Json) -> None:
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = _Table()
        old = table.rows.get(id)
        encoded = orjson.dumps(document)
        self._undo.append((table, id, old))
        if old is not None:
            table.rows[id] = (old[0], encoded)
            return
        table.last += 1
        table.rows[id] = (table.last, encoded)
        table.ids.append(id)
        table.sequences.append(table.last)

    def delete(self, kind: str, id: str) -> bool:
        table = self._tables.get(kind)
        old = table.rows.pop(id, None) if table is not None else None
        if table is None or old is None:
            return False
        self._undo.append((table, id, old))
        return True

    def all(self, kind: str, after: int = 0) -> Iterator[Row]:
        table = self._tables.get(kind)
        if table is None:
            return
        start = bisect_right(table.sequences, after)
        # Both lists are copied so that a reader may write, or be overtaken by a writer, in mid-way.
        for sequence, id in zip(table.sequences[start:], table.ids[start:], strict=True):
            row = table.rows.get(id)
            if row is not None and row[0] == sequence:
                yield Row(sequence, orjson.loads(row[1]))

    def count(self, kind: str) -> int:
        table = self._tables.get(kind)
        return 0 if table is None else len(table.rows)

    def kinds(self) -> list[str]:
        return [kind for kind, table in self._tables.items() if table.rows]

    def undo(self) -> None:
        for table, id, old in reversed(self._undo):
            if old is not None:
                table.rows[id] = old
            else:
                table.rows.pop(id, None)
        self._undo.clear()

    def commit(self) -> None:
        for table in {id(table): table for table, _, _ in self._undo}.values():
            table.close_gaps()


class MemoryStore:
    """Everything is gone when the process ends."""

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, _Table]] = {}
        self._locks: dict[str, RLock] = {}
        self._guard = RLock()

    @contextmanager
    def transaction(self, space: str) -> Iterator[MemoryTransaction]:
        lock = self._locks.get(space)
        if lock is None:
            with self._guard:
                lock = self._locks.setdefault(space, RLock())
        with lock:
            tables = self._spaces.get(space)
            if tables is None:
                tables = self._spaces[space] = {}
            transaction = MemoryTransaction(tables)
            try:
                yield transaction
            except BaseException:
                transaction.undo()
                raise
            transaction.commit()

    def exists(self, space: str) -> bool:
        return bool(self._spaces.get(space))

    def drop(self, space: str) -> None:
        with self._guard:
            self._spaces.pop(space, None)
