"""The default store: documents as encoded JSON in dictionaries, an undo log for each transaction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from threading import RLock, Thread
from time import sleep

from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.stores.naming import Index, Naming, Namings
from mock_server.stores.protocols import Row, StoreFull, Transaction
from mock_server.text.jsontext import dumps, own

Stored = tuple[int, bytes]
_MANY = 1_000
_GAPS = 16
"""So many gaps a table may have beside as many as it has rows."""
ROW_BYTES = 100
"""What a row takes beside its text, roughly."""
_SHARED_BYTES = 4_096
_SHARED, _SHARED_ROWS = 1_000, 200
"""How many values are kept for all who only look, and of how many rows a list may have them: of a longer one the
beginning would be forgotten before its end is read."""


class Table:
    """The rows of one kind: by id, and the ids in order (a removed id leaves a gap that is closed later).

    The lists `ids` and `sequences` only ever grow; where gaps are closed, new ones take their place. A writer first
    tells each of `views` what it is about to replace. The `index` is there where rows of the kind name others.
    """

    __slots__ = ("ids", "index", "last", "rows", "sequences", "views")

    def __init__(self, index: Index | None = None) -> None:
        self.index = index
        self.rows: dict[str, Stored] = {}
        self.ids: list[str] = []
        self.sequences: list[int] = []
        self.last = 0
        self.views: tuple[_View, ...] = ()

    def replaced(self) -> Collection[str]:
        """The index knows all rows as they are."""
        return ()

    def close_gaps(self) -> None:
        if len(self.ids) <= 2 * len(self.rows) + _GAPS:
            return
        kept = [
            (sequence, id)
            for sequence, id in zip(self.sequences, self.ids, strict=True)
            if id in self.rows and self.rows[id][0] == sequence
        ]
        self.sequences = [sequence for sequence, _ in kept]
        self.ids = [id for _, id in kept]


class _View:
    """A table as it was when the view was made, at no cost until somebody writes."""

    __slots__ = ("_count", "_index", "_live", "_replaced", "ids", "sequences")

    def __init__(self, table: Table) -> None:
        self._index = table.index
        self.ids = table.ids
        self.sequences = table.sequences
        self._live = table.rows
        self._replaced: dict[str, Stored | None] = {}
        self._count = len(table.rows)

    @property
    def rows(self) -> _View:
        return self

    def keep(self, id: str, old: Stored | None) -> None:
        """Keeps what is about to be replaced, of each id the first."""
        self._replaced.setdefault(id, old)

    def get(self, id: str) -> Stored | None:
        """The row of an id."""
        # The live row is read first: if a writer has been at it by now, what was there before has been kept.
        row = self._live.get(id)
        return self._replaced.get(id, row)

    @property
    def index(self) -> Index | None:
        """That of the rows as they are now."""
        return self._index

    def replaced(self) -> list[str]:
        """The rows of which the index may know more, or less, than was true."""
        return list(self._replaced)

    def __len__(self) -> int:
        return self._count


class Tables(dict[str, Table]):
    """The kinds of one space, each with an index of what its rows name; `thinned` are those that lost a row."""

    __slots__ = ("_namings", "thinned")

    def __init__(self, namings: Namings) -> None:
        super().__init__()
        self._namings = namings
        self.thinned: set[Table] = set()

    def of(self, kind: str) -> Table:
        """The table of a kind, made where there is none."""
        table = self.get(kind)
        if table is None:
            namings = self._namings.get(kind)
            table = self[kind] = Table(None if namings is None else Index(namings))
        return table


@lru_cache(maxsize=_SHARED)
def _shared(text: bytes) -> Json:
    """The value of a text, parsed once for all who only look: a text remembers its own hash."""
    return own(text)


def _looked(text: bytes) -> Json:
    return _shared(text) if len(text) <= _SHARED_BYTES else own(text)


class MemoryReader:
    """Reads tables."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Mapping[str, Table | _View]) -> None:
        self._tables = tables

    def get(self, kind: str, id: str) -> Json | None:
        table = self._tables.get(kind)
        if table is None:
            return None
        row = table.rows.get(id)
        return None if row is None else own(row[1])

    def look(self, kind: str, id: str) -> Json | None:
        table = self._tables.get(kind)
        row = table.rows.get(id) if table is not None else None
        if row is None:
            return None
        return _looked(row[1])

    def all(self, kind: str, after: int = 0, *, look: bool = False, newest: bool = False) -> Iterator[Row]:
        table = self._tables.get(kind)
        if table is None:
            return
        parse = _looked if look and len(table.rows) <= _SHARED_ROWS else own
        # A writer in mid-way, the reader itself perhaps, only appends to these lists or puts others in their place.
        rows, ids, sequences = table.rows, table.ids, table.sequences
        places = range(bisect_right(sequences, after), len(ids))
        for index in reversed(places) if newest else places:
            row = rows.get(ids[index])
            if row is not None and row[0] == sequences[index]:
                yield Row(row[0], parse(row[1]))

    def naming(
        self, kind: str, namings: Sequence[Naming], values: Collection[str], *, look: bool = False
    ) -> Iterator[Row]:
        table = self._tables.get(kind)
        if table is None:
            return
        index, parse, rows = table.index, _looked if look else own, table.rows
        if index is None or not index.namings.issuperset(namings):
            for row in self.all(kind, look=look):
                if _names(row.document, namings, values):
                    yield row
            return
        # In this order: a writer keeps what it replaces before it changes the index.
        ids = dict.fromkeys((*index.ids(namings, values), *table.replaced()))
        places = sorted((stored[0], id) for id in ids if (stored := rows.get(id)) is not None)
        for sequence, id in places:
            stored = rows.get(id)
            if stored is not None and stored[0] == sequence:
                document = parse(stored[1])
                if _names(document, namings, values):
                    yield Row(sequence, document)

    def count(self, kind: str) -> int:
        table = self._tables.get(kind)
        return 0 if table is None else len(table.rows)

    def kinds(self) -> list[str]:
        return [kind for kind, table in self._tables.items() if table.rows]


def _names(document: Json, namings: Sequence[Naming], values: Collection[str]) -> bool:
    return any(value in values for naming in namings for value in naming.of(document))


class MemorySnapshot(MemoryReader):
    """The tables as they were; `close` lets their writers forget it. `lock` keeps writers away from both."""

    __slots__ = ("_lock", "_views")

    def __init__(self, tables: Mapping[str, Table], lock: RLock) -> None:
        self._lock = lock
        self._views = [(table, _View(table)) for table in tables.values()]
        super().__init__({kind: view for kind, (_, view) in zip(tables, self._views, strict=True)})
        for table, view in self._views:
            table.views = (*table.views, view)

    def put(self, kind: str, id: str, document: Json) -> None:
        raise TypeError("a snapshot is only read")

    def delete(self, kind: str, id: str) -> bool:
        raise TypeError("a snapshot is only read")

    def close(self) -> None:
        with self._lock:
            for table, view in self._views:
                table.views = tuple(other for other in table.views if other is not view)


class MemoryTransaction(MemoryReader):
    """Writes go straight into the tables; the undo log takes them back."""

    __slots__ = ("_undo", "grown")

    _tables: Tables

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.grown = 0
        """By how many bytes there is more than before."""
        self._undo: list[tuple[Table, str, Stored | None]] = []

    def put(self, kind: str, id: str, document: Json) -> None:
        table = self._tables.get(kind) or self._tables.of(kind)
        rows = table.rows
        old = rows.get(id)
        # Copied, because orjson's own bytes keep the large block of memory that they were written into.
        encoded = b"".join((dumps(document), b""))
        self._undo.append((table, id, old))
        if table.views:
            for view in table.views:
                view.keep(id, old)
        if old is not None:
            self.grown += len(encoded) - len(old[1])
            rows[id] = (old[0], encoded)
        else:
            self.grown += len(encoded) + ROW_BYTES
            table.last = last = table.last + 1
            rows[id] = (last, encoded)
            # In this order: who reads meanwhile goes by the length of `ids`.
            table.sequences.append(last)
            table.ids.append(id)
        if table.index is not None:
            table.index.put(id, document)

    def delete(self, kind: str, id: str) -> bool:
        table = self._tables.get(kind)
        old = table.rows.get(id) if table is not None else None
        if table is None or old is None:
            return False
        self._undo.append((table, id, old))
        self._tables.thinned.add(table)
        for view in table.views:
            view.keep(id, old)
        self.grown -= len(old[1]) + ROW_BYTES
        del table.rows[id]
        if table.index is not None:
            table.index.drop(id)
        return True

    def undo(self) -> None:
        for table, id, old in reversed(self._undo):
            if old is not None:
                table.rows[id] = old
                if table.index is not None:
                    table.index.put(id, own(old[1]))
            else:
                table.rows.pop(id, None)
                self._tables.thinned.add(table)
                if table.index is not None:
                    table.index.drop(id)
        self._undo.clear()

    def commit(self) -> None:
        thinned = self._tables.thinned
        if thinned:
            for table in thinned:
                table.close_gaps()
            thinned.clear()


class _Transacted:
    """The block of a transaction: a class, because a generator would take longer than all that is done inside."""

    __slots__ = ("_lock", "_space", "_store", "_transaction")

    def __init__(self, store: MemoryStore, lock: RLock, space: str) -> None:
        self._store = store
        self._lock = lock
        self._space = space

    def __enter__(self) -> MemoryTransaction:
        self._lock.acquire()
        self._transaction = transaction = MemoryTransaction(self._store.tables(self._space))
        return transaction

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        transaction = self._transaction
        try:
            if kind is None:
                if transaction.grown:
                    self._store.settle(self._space, transaction.grown, bounded=True)
                transaction.commit()
            else:
                transaction.undo()
        except StoreFull:
            transaction.undo()
            raise
        finally:
            self._lock.release()


class MemoryStore:
    """Everything is gone when the process ends, so that nothing is kept beside the documents."""

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        self._limits = limits
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._namings: Namings = {}
        self._spaces: dict[str, Tables] = {}
        self._locks: dict[str, RLock] = {}
        self._guard = RLock()

    def refer(self, namings: Namings) -> None:
        """Says by which fields the rows of each kind name others, before there are any."""
        self._namings = namings

    def no_tables(self) -> Tables:
        """The documents of a space that has none."""
        return Tables(self._namings)

    def tables(self, space: str) -> Tables:
        """The documents of a space."""
        tables = self._spaces.get(space)
        return tables if tables is not None else self._spaces.setdefault(space, self.no_tables())

    def _lock(self, space: str) -> RLock:
        lock = self._locks.get(space)
        if lock is None:
            with self._guard:
                lock = self._locks.setdefault(space, RLock())
        return lock

    def transaction(self, space: str) -> _Transacted:
        return _Transacted(self, self._locks.get(space) or self._lock(space), space)

    def snapshot(self, space: str, *prefixes: str) -> MemorySnapshot:
        lock = self._lock(space)
        with lock:
            tables: Mapping[str, Table] = self._spaces.get(space, {})
            viewed = {kind: table for kind, table in tables.items() if kind.startswith(prefixes)}
            return MemorySnapshot(viewed, lock)

    def settle(self, space: str, grown: int, *, bounded: bool = False) -> None:
        """Counts so many bytes more; `bounded` ones raise StoreFull where there is no room for them."""
        with self._guard:
            size, size_of_all = self._sizes.get(space, 0) + grown, self._size + grown
            if bounded and grown > 0:
                most, most_of_all = self._limits.bytes_per_space, self._limits.stored_bytes
                if size > most:
                    raise StoreFull(f"the documents of a space take {most} bytes at most")
                if size_of_all > most_of_all:
                    raise StoreFull(
                        f"the documents of all spaces take {most_of_all} bytes at most; reset or delete some"
                    )
            self._sizes[space], self._size = size, size_of_all

    def count(self, space: str, kind: str) -> int:
        tables = self._spaces.get(space)
        table = tables.get(kind) if tables is not None else None
        return 0 if table is None else len(table.rows)

    def exists(self, space: str) -> bool:
        tables = self._spaces.get(space)
        return tables is not None and any(table.rows for table in tables.values())

    def drop(self, space: str) -> None:
        with self._guard:
            tables: Mapping[str, Table] = self._spaces.pop(space, {})
            self._size -= self._sizes.pop(space, 0)
        # Row by row, where there are many: to forget them all at once takes as long as to list them.
        if sum(len(table.rows) for table in tables.values()) > _MANY:
            Thread(target=_forget, args=(tables,), daemon=True).start()

    def refill(self, space: str, fill: Callable[[Transaction], None]) -> None:
        with self._lock(space):
            tables = self.no_tables()
            transaction = MemoryTransaction(tables)
            fill(transaction)
            self._spaces[space] = tables
            self.settle(space, transaction.grown - self._sizes.get(space, 0))

    @property
    def problem(self) -> str | None:
        return None

    def close(self) -> None:
        """Holds nothing open."""


def _forget(tables: Mapping[str, Table]) -> None:
    for table in tables.values():
        # A view may still read the rows themselves.
        while table.rows and not table.views:
            for id in list(islice(table.rows, _MANY)):
                table.rows.pop(id, None)
            sleep(0)
