"""What is read and written of a space in a SQLite file, each within the transaction that somebody has begun."""

from __future__ import annotations

import sqlite3
import time

from mock_server.stores.backends import REMEMBERED, REMEMBERED_BYTES, Change, News, decoded

_OF_A_SPACE = ("sizes", "documents", "kinds", "entries", "spaces", "parts", "uses", "changes", "leases", "awake")
_KNOWN = "SELECT version, number, bytes, entries FROM spaces WHERE space = ?"
_FORGET_EVERY = 16
"""What is remembered of a space's changes is tidied up once in so many."""


def known(database: sqlite3.Connection, space: str) -> tuple[int, int, int, int] | None:
    """The space's version, the number of its newest entry, the bytes of its journal and how many entries that has."""
    found: tuple[int, int, int, int] | None = database.execute(_KNOWN, (space,)).fetchone()
    return found


def forget(database: sqlite3.Connection, space: str) -> None:
    """Removes everything of a space."""
    for table in _OF_A_SPACE:
        database.execute(f"DELETE FROM {table} WHERE space = ?", (space,))  # noqa: S608 - names of ours


def without_oldest(database: sqlite3.Connection, space: str, size: int, count: int, many: int) -> tuple[int, int]:
    """The journal's size, and how many entries it has, without that many of the oldest."""
    oldest = "SELECT number, length(entry) FROM entries WHERE space = ? ORDER BY number LIMIT ?"
    found = database.execute(oldest, (space, many)).fetchall()
    database.execute("DELETE FROM entries WHERE space = ? AND number <= ?", (space, found[-1][0]))
    return size - sum(length for _, length in found), count - len(found)


def news(database: sqlite3.Connection, space: str, since: int) -> News:
    """What has changed in a space since that version; where nobody knows that any more, all of it."""
    row = database.execute("SELECT version FROM spaces WHERE space = ?", (space,)).fetchone()
    if row is None:
        return News(0, ())
    version = int(row[0])
    if 0 < version - since <= REMEMBERED:
        query = "SELECT change FROM changes WHERE space = ? AND version > ? ORDER BY version"
        changes = [decoded(change) for (change,) in database.execute(query, (space, since))]
        if len(changes) == version - since:
            return News(version, changes)
    if version == since:
        return News(version, ())
    query = "SELECT kind, id, sequence, document FROM documents WHERE space = ?"
    written = database.execute(query, (space,)).fetchall()
    lasts = dict(database.execute("SELECT kind, last FROM kinds WHERE space = ?", (space,)).fetchall())
    world = database.execute("SELECT world FROM parts WHERE space = ?", (space,)).fetchone()
    return News(version, (Change(written, (), lasts, None if world is None else world[0], whole=True),))


def leased(database: sqlite3.Connection, space: str, token: str) -> bool:
    """Whether somebody else has a lease."""
    row = database.execute("SELECT token, until FROM leases WHERE space = ?", (space,)).fetchone()
    return row is not None and row[0] != token and row[1] > time.time()


def apply(database: sqlite3.Connection, space: str, change: Change) -> None:
    """Writes what a change says."""
    if change.whole:
        database.execute("DELETE FROM documents WHERE space = ?", (space,))
        database.execute("DELETE FROM kinds WHERE space = ?", (space,))
    if change.written:
        rows = [(space, *row) for row in change.written]
        database.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", rows)
    if change.deleted:
        places = [(space, *place) for place in change.deleted]
        database.executemany("DELETE FROM documents WHERE space = ? AND kind = ? AND id = ?", places)
    if change.lasts:
        lasts = [(space, kind, last) for kind, last in change.lasts.items()]
        database.executemany("INSERT OR REPLACE INTO kinds VALUES (?, ?, ?)", lasts)
    if change.world is not None:
        database.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (space, change.world))


def remember(database: sqlite3.Connection, space: str, version: int, change: Change) -> None:
    """Keeps a change for those who have not seen it."""
    text = b"" if change.whole else change.encoded()
    if change.whole or len(text) > REMEMBERED_BYTES:
        database.execute("DELETE FROM changes WHERE space = ?", (space,))
        return
    database.execute("INSERT OR REPLACE INTO changes VALUES (?, ?, ?)", (space, version, text))
    if version % _FORGET_EVERY == 0:
        database.execute("DELETE FROM changes WHERE space = ? AND version <= ?", (space, version - REMEMBERED))
