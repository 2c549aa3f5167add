"""Spaces in one SQLite file: several processes of one host work on it, and it outlives them all."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from secrets import randbits
from typing import TypeVar

from mock_server.process.limits import DEFAULTS, Limits
from mock_server.stores.backends import (
    ANY,
    CHANGED,
    JOURNAL_STEP,
    KEPT,
    TAKEN,
    News,
    Proposal,
    Reply,
)
from mock_server.stores.protocols import StoreFailed
from mock_server.stores.sqlite_file import WAIT_SECONDS, connected, locked, opened
from mock_server.stores.sqlite_rows import apply, forget, known, leased, news, remember, without_oldest

log = logging.getLogger("ringback")

_BELL_SECONDS = 0.005
_CHECKPOINT_SECONDS = 1.0
_WAIT_AGAIN_SECONDS = 0.5
"""How long the file may belong to another process once it did so for too long."""
_LOOK_SECONDS = 0.0001
_SLOWEST_LOOK_SECONDS = 0.005

Result = TypeVar("Result")


class _Contended(Exception):
    """The file belongs to somebody else for the moment."""


class _NotKept(Exception):
    """Some of several changes cannot be kept, so that none is."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        super().__init__()
        self.replies = replies


class SqliteBackend:
    """The file at `path`, made where there is none; raises StoreRefused for one that cannot be used.

    `problem` says why the file did not take the last change, or is None when it did.
    """

    at_once = 1
    """A file has one writer."""
    spans_spaces = True

    def __init__(self, path: Path, limits: Limits = DEFAULTS) -> None:
        self.path = path
        self.address = f"sqlite:///{path}"
        self.problem: str | None = None
        self._limits = limits
        self._writing = threading.RLock()
        self._chance = Random()
        self._readers = threading.local()
        self._file_lock = locked(path)
        try:
            self._database = opened(path, self._file_lock)
        except BaseException:
            os.close(self._file_lock)
            raise
        fcntl.flock(self._file_lock, fcntl.LOCK_SH)
        self._stopped = threading.Event()
        # What is in the log beside the file is brought into it by a thread: the disk may take its time for that.
        self._checkpointer = threading.Thread(target=self._checkpoints, name="checkpoints", daemon=True)
        self._checkpointer.start()

    # --- spaces ---------------------------------------------------------------------------------

    def load(self, space: str, since: int) -> News:
        return self._read(lambda database: news(database, space, since))

    def commit(self, proposals: Sequence[Proposal], token: str) -> Sequence[Reply]:
        def keep(database: sqlite3.Connection) -> Sequence[Reply]:
            replies = [self._keep(database, proposal, token) for proposal in proposals]
            if any(reply.outcome != KEPT for reply in replies):
                raise _NotKept(replies)
            return replies

        try:
            replies = self._write(keep)
        except _NotKept as refused:
            return refused.replies
        # Short notes of ours may find room on a disk that has none for this.
        if self.problem is not None and any(proposal.change.moves for proposal in proposals):
            log.warning("%s takes changes again", self.path)
            self.problem = None
        return replies

    def _keep(self, database: sqlite3.Connection, proposal: Proposal, token: str) -> Reply:
        space, version, change = proposal
        if version != ANY and leased(database, space, token):
            return Reply(TAKEN, News(0, ()))
        row = known(database, space)
        now, number, size, count = row or (0, 0, 0, 0)
        if version not in (ANY, now):
            return Reply(CHANGED, news(database, space, version))
        if version == ANY and not row:
            return Reply(KEPT, News(0, ()))
        if token:
            database.execute("DELETE FROM leases WHERE space = ? AND token = ?", (space, token))
        if change.gone:
            forget(database, space)
            return Reply(KEPT, News(0, ()))
        moved = now
        if change.moves:
            moved = now + 1 if row else randbits(48) + 1
            apply(database, space, change)
            remember(database, space, moved, change)
        if change.entries:
            numbered = []
            moment = time.time_ns() // 1000
            for entry in change.entries:
                number = max(number + 1, moment)
                numbered.append((space, number, b"[%d,%b" % (number, entry[1:])))
                size += len(numbered[-1][2])
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", numbered)
            size, count = self._forget_oldest(database, space, size, count + len(numbered))
        if row:
            change_of = "UPDATE spaces SET version = ?, number = ?, bytes = ?, entries = ? WHERE space = ?"
            database.execute(change_of, (moved, number, size, count, space))
        else:
            database.execute("INSERT INTO spaces VALUES (?, ?, ?, ?, ?, ?)", (space, moved, moved, number, size, count))
            database.execute("INSERT OR REPLACE INTO uses VALUES (?, ?)", (space, time.time()))
        return Reply(KEPT, News(moved, ()))

    def _forget_oldest(self, database: sqlite3.Connection, space: str, size: int, count: int) -> tuple[int, int]:
        """Keeps the journal within its bounds; returns its size and how many entries it has."""
        most, most_bytes = self._limits.journal_entries_per_space, self._limits.journal_bytes_per_space
        while count and (count > most or size > most_bytes):
            size, count = without_oldest(database, space, size, count, max(1, count - most))
        return size, count

    def lease(self, space: str, token: str, seconds: float) -> bool:
        def take(database: sqlite3.Connection) -> bool:
            if leased(database, space, token):
                return False
            row = (space, token, time.time() + seconds)
            database.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", row)
            return True

        return self._write(take)

    def release(self, space: str, token: str) -> None:
        change = "DELETE FROM leases WHERE space = ? AND token = ?"
        self._write(lambda database: database.execute(change, (space, token)))

    def spaces(self) -> dict[str, float]:
        query = "SELECT space, used FROM uses JOIN spaces USING (space) ORDER BY space"
        return self._read(lambda database: dict(database.execute(query).fetchall()))

    def use(self, names: Mapping[str, float]) -> None:
        if names:
            rows = [(used, name, used) for name, used in names.items()]
            change = "UPDATE uses SET used = ? WHERE space = ? AND used < ?"
            self._write(lambda database: database.executemany(change, rows))

    def total(self, sizes: Mapping[str, int]) -> int:
        change, rows = "INSERT OR REPLACE INTO sizes VALUES (?, ?)", sorted(sizes.items())
        if rows:
            self._write(lambda database: database.executemany(change, rows))
        query = "SELECT sum(sizes.bytes) FROM sizes JOIN spaces USING (space)"
        return int(self._read(lambda database: database.execute(query).fetchone())[0] or 0)

    def shorten_journals(self) -> None:
        longest = "SELECT space, bytes, entries FROM spaces ORDER BY bytes DESC LIMIT 1"

        def shorten(database: sqlite3.Connection) -> bool:
            if database.execute("SELECT sum(bytes) FROM spaces").fetchone()[0] <= self._limits.journal_bytes:
                return False
            space, size, count = database.execute(longest).fetchone()
            size, count = without_oldest(database, space, size, count, JOURNAL_STEP)
            database.execute("UPDATE spaces SET bytes = ?, entries = ? WHERE space = ?", (size, count, space))
            return True

        total = "SELECT sum(bytes) FROM spaces"
        if (self._read(lambda database: database.execute(total).fetchone())[0] or 0) > self._limits.journal_bytes:
            while self._write(shorten):
                pass

    def untouched(self, space: str) -> bool:
        query = "SELECT version = born FROM spaces WHERE space = ?"
        row = self._read(lambda database: database.execute(query, (space,)).fetchone())
        return row is None or bool(row[0])

    # --- journals -------------------------------------------------------------------------------

    def entries(self, space: str, after: int, limit: int) -> list[bytes]:
        query = "SELECT entry FROM entries WHERE space = ? AND number > ? ORDER BY number LIMIT ?"
        rows = self._read(lambda database: database.execute(query, (space, after, limit)).fetchall())
        return [entry for (entry,) in rows]

    def last_entry(self, space: str) -> int:
        query = "SELECT number FROM spaces WHERE space = ?"
        row = self._read(lambda database: database.execute(query, (space,)).fetchone())
        return 0 if row is None else int(row[0])

    def entry_count(self, space: str) -> int:
        query = "SELECT entries FROM spaces WHERE space = ?"
        row = self._read(lambda database: database.execute(query, (space,)).fetchone())
        return 0 if row is None else int(row[0])

    def settled(self) -> int:
        # One writer after the other numbers what it keeps by the time when it does.
        row = self._read(lambda database: database.execute("SELECT max(number) FROM spaces").fetchone())
        return int(row[0] or 0)

    def listen(self, ring: Callable[[], None]) -> Callable[[], None]:
        stopped = threading.Event()

        def watch() -> None:
            database, seen = connected(self.path), None
            while not stopped.wait(_BELL_SECONDS):
                with suppress(sqlite3.Error):
                    # Moves with every change that another connection makes; to read it takes no lock on the file.
                    version = database.execute("PRAGMA data_version").fetchone()
                    if version != seen:
                        seen = version
                        ring()
            database.close()

        threading.Thread(target=watch, name="bell", daemon=True).start()
        return stopped.set

    def clear_entries(self, space: str) -> None:
        def clear(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM entries WHERE space = ?", (space,))
            database.execute("UPDATE spaces SET bytes = 0, entries = 0 WHERE space = ?", (space,))

        self._write(clear)

    # --- snapshots and the telephone ------------------------------------------------------------

    def snapshots(self) -> list[tuple[str, bytes, int]]:
        query = "SELECT name, substr(snapshot, 1, 1000), length(snapshot) FROM snapshots ORDER BY name"
        rows = self._read(lambda database: database.execute(query).fetchall())
        return [(str(name), bytes(head).partition(b"\n")[0], int(size)) for name, head, size in rows]

    def snapshot(self, name: str) -> bytes | None:
        query = "SELECT snapshot FROM snapshots WHERE name = ?"
        row = self._read(lambda database: database.execute(query, (name,)).fetchone())
        return None if row is None else bytes(row[0])

    def keep_snapshot(self, name: str, snapshot: bytes | None) -> None:
        if snapshot is None:
            self._write(lambda database: database.execute("DELETE FROM snapshots WHERE name = ?", (name,)))
        else:
            row = (name, snapshot)
            self._write(lambda database: database.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", row))

    def awake(self) -> dict[str, str]:
        return self._read(lambda database: dict(database.execute("SELECT space, mark FROM awake").fetchall()))

    def wake(self, space: str, mark: str) -> None:
        row = (space, mark)
        self._write(lambda database: database.execute("INSERT OR REPLACE INTO awake VALUES (?, ?)", row))

    def rest(self, space: str, mark: str) -> None:
        change = "DELETE FROM awake WHERE space = ? AND mark = ?"
        self._write(lambda database: database.execute(change, (space, mark)))

    # --- the file -------------------------------------------------------------------------------

    def _read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """What a query finds, all of it at one moment; each thread has a connection of its own."""
        try:
            database = getattr(self._readers, "database", None)
            if database is None:
                database = self._readers.database = connected(self.path)
            database.execute("BEGIN")
            try:
                return query(database)
            finally:
                database.execute("COMMIT")
        except sqlite3.Error as error:
            self._failed(error)
            raise StoreFailed(f"{self.path}: {error}") from None

    def _write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Carries out a change of the file as a whole; raises StoreFailed, and changes nothing, where it cannot."""
        deadline = time.monotonic() + (WAIT_SECONDS if self.problem is None else _WAIT_AGAIN_SECONDS)
        pause = _LOOK_SECONDS
        while True:
            with self._writing:
                try:
                    return self._written(change)
                except _Contended:
                    if time.monotonic() > deadline:
                        self._failed("another process keeps the file for itself")
                        raise StoreFailed(f"{self.path}: another process keeps the file for itself") from None
            time.sleep(pause * (0.5 + self._chance.random()))
            pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)

    def _written(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            try:
                result = change(database)
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise _Contended from None
            self._failed(error)
            raise StoreFailed(f"{self.path}: {error}") from None
        return result

    def _failed(self, error: object) -> None:
        if self.problem is None:
            log.error("%s: %s; changes are refused until it can be written again", self.path, error)
        self.problem = str(error)

    def _checkpoints(self) -> None:
        database, told = sqlite3.connect(self.path, isolation_level=None), False
        while not self._stopped.wait(_CHECKPOINT_SECONDS):
            try:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                told = False
            except sqlite3.Error as error:
                # What is in the log is kept; where there is no room for more, the next change finds out itself.
                if not told:
                    log.warning("%s: %s; the log beside it grows", self.path, error)
                told = True
        database.close()

    def close(self) -> None:
        """Brings everything into the file and lets go of it."""
        self._stopped.set()
        self._checkpointer.join()
        with self._writing:
            self._database.close()
            os.close(self._file_lock)
