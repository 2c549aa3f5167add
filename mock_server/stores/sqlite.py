"""The durable store: everything in memory as always, and in one SQLite file before it counts as done.

Reads cost what they cost in memory. A transaction is written to the file in one go when its block ends; what the file
does not take is taken back in memory too. The file belongs to one server at a time, which holds a lock beside it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import Any

from mock_server.jsontext import dumps, own
from mock_server.limits import DEFAULTS, Limits
from mock_server.messages import Json
from mock_server.stores.memory import ROW_BYTES, MemoryStore, MemoryTransaction, Table, Tables
from mock_server.stores.protocols import StoreFailed, StoreFull, StoreRefused, Transaction

log = logging.getLogger("ringback")

FORMAT = 1
"""The version of the stored form, kept as the file's `user_version`."""

_APPLICATION = 0x52494E47
"""Says that a SQLite file is ours: the letters RING."""

_TABLES = """
CREATE TABLE documents (space TEXT, kind TEXT, id TEXT, sequence INTEGER, document BLOB,
    PRIMARY KEY (space, kind, id)) WITHOUT ROWID;
CREATE TABLE kinds (space TEXT, kind TEXT, last INTEGER, PRIMARY KEY (space, kind)) WITHOUT ROWID;
CREATE TABLE worlds (space TEXT PRIMARY KEY, world BLOB) WITHOUT ROWID;
CREATE TABLE entries (space TEXT, number INTEGER, entry BLOB, PRIMARY KEY (space, number)) WITHOUT ROWID;
CREATE TABLE snapshots (name TEXT PRIMARY KEY, snapshot BLOB) WITHOUT ROWID;
"""
_KEEP_WORLD = "INSERT OR REPLACE INTO worlds VALUES (?, ?)"
_CHECKPOINT_SECONDS = 1.0


class SqliteStore(MemoryStore):
    """A store in the file at `path`, which is made where there is none; raises StoreRefused for one it cannot use.

    `problem` says why the file did not take the last change, or is None when it did.
    """

    durable = True

    def __init__(self, path: Path, limits: Limits = DEFAULTS) -> None:
        super().__init__(limits)
        self.path = path
        self.problem: str | None = None
        self._file_lock = _locked(path)
        try:
            self._database = _opened(path)
            self._load()
        except BaseException:
            os.close(self._file_lock)
            raise
        self._writing = RLock()
        self._stopped = threading.Event()
        # What is in the log beside the file is brought into it by a thread: the disk may take its time for that.
        self._checkpointer = threading.Thread(target=self._checkpoints, name="checkpoints", daemon=True)
        self._checkpointer.start()

    def _load(self) -> None:
        try:
            for space, kind, last in self._database.execute("SELECT space, kind, last FROM kinds"):
                table = self._spaces.setdefault(space, {})[kind] = Table()
                table.last = last
            rows = "SELECT space, kind, id, sequence, document FROM documents ORDER BY space, kind, sequence"
            for space, kind, id, sequence, document in self._database.execute(rows):
                table = self._spaces[space][kind]
                table.rows[id] = (sequence, document)
                self.settle(space, len(document) + ROW_BYTES)
                table.sequences.append(sequence)
                table.ids.append(id)
        except (sqlite3.Error, KeyError, TypeError) as error:
            raise StoreRefused(f"{self.path}: the file is damaged ({error}); {_REPLACE}") from None

    # --- transactions ---------------------------------------------------------------------------

    def transaction(self, space: str) -> _Transacted:  # type: ignore[override]
        return _Transacted(self, self._lock(space), self._spaces, space)

    def drop(self, space: str) -> None:
        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM documents WHERE space = ?", (space,))
            database.execute("DELETE FROM kinds WHERE space = ?", (space,))

        with self._lock(space):
            self.write(forget)
            super().drop(space)

    def refill(self, space: str, fill: Callable[[Transaction], None]) -> None:
        with self._lock(space):
            tables: Tables = {}
            transaction = _Transaction(tables)
            fill(transaction)

            def replace(database: sqlite3.Connection) -> None:
                database.execute("DELETE FROM documents WHERE space = ?", (space,))
                database.execute("DELETE FROM kinds WHERE space = ?", (space,))
                _apply(database, *transaction.rows_for(space))

            self.write(replace)
            self._spaces[space] = tables
            self.settle(space, transaction.grown - self._sizes.get(space, 0))

    def write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Carries out a change of the file as a whole; raises StoreFailed, and changes nothing, where it cannot."""
        with self._writing:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    change(self._database)
                    self._database.execute("COMMIT")
                except BaseException:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                self._failed(error)
                raise StoreFailed(f"{self.path}: {error}") from None
            if self.problem is not None:
                log.warning("%s takes changes again", self.path)
                self.problem = None

    def write_with_world(self, space: str, written: list[Any], deleted: list[Any], kinds: list[Any]) -> None:
        """Writes documents, and in the same go what else of the space has changed: an id that was drawn is never again.

        Raises StoreFailed.
        """
        beside = self.beside.changed(space) if self.beside is not None else None

        def change(database: sqlite3.Connection) -> None:
            _apply(database, written, deleted, kinds)
            if beside is not None:
                database.execute(_KEEP_WORLD, (space, dumps(beside[1])))

        self.write(change)
        if beside is not None and self.beside is not None:
            self.beside.kept(space, beside[0])

    def _failed(self, error: sqlite3.Error) -> None:
        if self.problem is None:
            log.error("%s: %s; changes are refused until it can be written again", self.path, error)
        self.problem = str(error)

    # --- what a space is beside its documents ---------------------------------------------------

    def spaces(self) -> list[str]:
        """The names of the spaces that the file holds."""
        names = {name for name, tables in self._spaces.items() if tables}
        return sorted(names | {name for (name,) in self._database.execute("SELECT space FROM worlds")})

    def world(self, space: str) -> Json | None:
        """What was kept of the space's clock, chance and rules, or None."""
        row = self._database.execute("SELECT world FROM worlds WHERE space = ?", (space,)).fetchone()
        return None if row is None else own(row[0])

    def keep_world(self, space: str) -> None:
        if self.beside is None or self.beside.changed(space) is None:
            return
        try:
            self.write_with_world(space, [], [], [])
        except StoreFailed:
            return  # `write` has told it, and what has changed is kept with the next change.

    def forget_world(self, space: str) -> None:
        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM worlds WHERE space = ?", (space,))
            database.execute("DELETE FROM entries WHERE space = ?", (space,))

        self._quietly(forget)

    def entries(self, space: str) -> Iterator[bytes]:
        """The kept entries of the space's journal, oldest first."""
        rows = self._database.execute("SELECT entry FROM entries WHERE space = ? ORDER BY number", (space,))
        return (entry for (entry,) in rows.fetchall())

    def keep_entry(self, space: str, number: int, entry: bytes, forget: int) -> None:
        """Adds an entry to the space's journal and removes those numbered up to `forget`."""

        def keep(database: sqlite3.Connection) -> None:
            database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (space, number, entry))
            if forget:
                database.execute("DELETE FROM entries WHERE space = ? AND number <= ?", (space, forget))

        self._quietly(keep)

    def forget_entries(self, space: str, upto: int) -> None:
        """Removes the entries of the space's journal that are numbered up to `upto`."""
        change = "DELETE FROM entries WHERE space = ? AND number <= ?"
        self._quietly(lambda database: database.execute(change, (space, upto)))

    def snapshots(self) -> Iterator[tuple[str, bytes]]:
        """The kept snapshots, by name."""
        rows = self._database.execute("SELECT name, snapshot FROM snapshots ORDER BY name").fetchall()
        return ((str(name), bytes(snapshot)) for name, snapshot in rows)

    def keep_snapshot(self, name: str, snapshot: bytes | None) -> None:
        """Keeps a snapshot under a name, in the place of an older one; None removes it."""
        if snapshot is None:
            self._quietly(lambda database: database.execute("DELETE FROM snapshots WHERE name = ?", (name,)))
        else:
            row = (name, snapshot)
            self.write(lambda database: database.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", row))

    def _quietly(self, change: Callable[[sqlite3.Connection], object]) -> None:
        try:
            self.write(change)
        except StoreFailed:
            return  # `write` has told it.

    # --- the end --------------------------------------------------------------------------------

    def _checkpoints(self) -> None:
        database = sqlite3.connect(self.path, isolation_level=None)
        while not self._stopped.wait(_CHECKPOINT_SECONDS):
            try:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                self._failed(error)
        database.close()

    def close(self) -> None:
        """Brings everything into the file and lets go of it."""
        self._stopped.set()
        self._checkpointer.join()
        with self._writing:
            self._database.close()
            os.close(self._file_lock)


class _Transaction(MemoryTransaction):
    """Remembers what it changed, for the file."""

    __slots__ = ("changed",)

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.changed: dict[tuple[str, str], None] = {}

    def put(self, kind: str, id: str, document: Json) -> None:
        super().put(kind, id, document)
        self.changed[kind, id] = None

    def delete(self, kind: str, id: str) -> bool:
        self.changed[kind, id] = None
        return super().delete(kind, id)

    def rows_for(self, space: str) -> tuple[list[Any], list[Any], list[Any]]:
        """The rows to write, the rows to delete, and the last number of each kind that was written."""
        written, deleted, kinds = [], [], {}
        for kind, id in self.changed:
            table = self._tables.get(kind)
            row = table.rows.get(id) if table is not None else None
            if table is None or row is None:
                deleted.append((space, kind, id))
            else:
                written.append((space, kind, id, *row))
                kinds[kind] = (space, kind, table.last)
        return written, deleted, list(kinds.values())


class _Transacted:
    """The block of a transaction; at its end the file is written, or everything is taken back."""

    __slots__ = ("_lock", "_space", "_spaces", "_store", "_transaction")

    def __init__(self, store: SqliteStore, lock: RLock, spaces: dict[str, Tables], space: str) -> None:
        self._store = store
        self._lock = lock
        self._spaces = spaces
        self._space = space

    def __enter__(self) -> _Transaction:
        self._lock.acquire()
        tables = self._spaces.get(self._space)
        if tables is None:
            tables = self._spaces[self._space] = {}
        self._transaction = _Transaction(tables)
        return self._transaction

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        transaction = self._transaction
        try:
            if kind is not None:
                transaction.undo()
                return
            if transaction.changed:
                try:
                    self._store.admit(self._space, transaction.grown)
                    self._store.write_with_world(self._space, *transaction.rows_for(self._space))
                except (StoreFailed, StoreFull):
                    transaction.undo()
                    raise
            transaction.commit()
            self._store.settle(self._space, transaction.grown)
        finally:
            self._lock.release()


def _apply(database: sqlite3.Connection, written: list[Any], deleted: list[Any], kinds: list[Any]) -> None:
    if written:
        database.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", written)
        database.executemany("INSERT OR REPLACE INTO kinds VALUES (?, ?, ?)", kinds)
    if deleted:
        database.executemany("DELETE FROM documents WHERE space = ? AND kind = ? AND id = ?", deleted)


_REPLACE = "it is left as it is: move it away, or name another file"


def _locked(path: Path) -> int:
    """A lock beside the file, held as long as it is open; raises StoreRefused where another server has it."""
    beside = path.with_name(path.name + ".lock")
    try:
        if path.is_dir():
            raise StoreRefused(f"{path}: is a folder; a file is needed, such as sqlite:///{path / 'ringback.db'}")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(f"{path}: {error.strerror}; a file in a folder that can be written is needed") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreRefused(f"{path}: another Ringback has this file open; stop it, or name another file") from None
    return handle


def _opened(path: Path) -> sqlite3.Connection:
    """The database, made where there is none; raises StoreRefused for what is none of ours."""
    try:
        new = not path.exists() or path.stat().st_size == 0
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        if new:
            os.chmod(path, 0o600)
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if not new and application != _APPLICATION:
            raise StoreRefused(f"{path}: a SQLite file, but none of Ringback's; {_REPLACE}")
        if version > FORMAT:
            raise StoreRefused(
                f"{path}: made by a newer Ringback (format {version}, this one knows {FORMAT}); upgrade, or {_OTHER}"
            )
        database.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing that way; the loss of power may cost the last moments, never the file.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        if new:
            database.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        wrong = " ".join(str(database.execute("PRAGMA quick_check(1)").fetchone()[0]).split())
        if wrong != "ok":
            raise StoreRefused(f"{path}: the file is damaged ({wrong}); {_REPLACE}")
    except sqlite3.Error as error:
        reason = "no SQLite file" if "not a database" in str(error) else str(error)
        raise StoreRefused(f"{path}: {reason}; {_REPLACE}") from None
    return database


_OTHER = "name another file"
