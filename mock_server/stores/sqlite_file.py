"""A SQLite file of ours: made where there is none, brought to the present form, and never written over."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from pathlib import Path

from mock_server.stores.protocols import StoreRefused

FORMAT = 2
"""The version of the stored form, kept as the file's `user_version`."""

_APPLICATION = 0x52494E47
"""Says that a SQLite file is ours: the letters RING."""

_SINCE_FIRST = """
CREATE TABLE documents (space TEXT, kind TEXT, id TEXT, sequence INTEGER, document BLOB,
    PRIMARY KEY (space, kind, id)) WITHOUT ROWID;
CREATE TABLE kinds (space TEXT, kind TEXT, last INTEGER, PRIMARY KEY (space, kind)) WITHOUT ROWID;
CREATE TABLE entries (space TEXT, number INTEGER, entry BLOB, PRIMARY KEY (space, number)) WITHOUT ROWID;
CREATE TABLE snapshots (name TEXT PRIMARY KEY, snapshot BLOB) WITHOUT ROWID;
"""
_SINCE_SECOND = """
CREATE TABLE spaces (space TEXT PRIMARY KEY, version INTEGER, born INTEGER, number INTEGER, bytes INTEGER,
    entries INTEGER)
    WITHOUT ROWID;
CREATE TABLE parts (space TEXT PRIMARY KEY, world BLOB) WITHOUT ROWID;
CREATE TABLE uses (space TEXT PRIMARY KEY, used REAL) WITHOUT ROWID;
CREATE TABLE changes (space TEXT, version INTEGER, change BLOB, PRIMARY KEY (space, version)) WITHOUT ROWID;
CREATE TABLE leases (space TEXT PRIMARY KEY, token TEXT, until REAL) WITHOUT ROWID;
CREATE TABLE awake (space TEXT PRIMARY KEY, mark TEXT) WITHOUT ROWID;
"""
_FROM_FIRST = """
INSERT INTO spaces SELECT space, 1, 0, 0, 0, 0 FROM (SELECT space FROM worlds UNION SELECT space FROM kinds);
UPDATE spaces SET
    number = coalesce((SELECT max(number) FROM entries WHERE entries.space = spaces.space), 0),
    bytes = coalesce((SELECT sum(length(entry)) FROM entries WHERE entries.space = spaces.space), 0),
    entries = (SELECT count(*) FROM entries WHERE entries.space = spaces.space);
INSERT INTO parts SELECT space, world FROM worlds;
INSERT INTO uses SELECT space, 0 FROM spaces;
DROP TABLE worlds;
"""
_SIZES = "CREATE TABLE IF NOT EXISTS sizes (space TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID"
"""How large the documents of a space were when somebody said so last; whoever does not know it does without."""
WAIT_SECONDS = 10.0
"""How long the file may belong to another process before one gives up."""
_REPLACE = "it is left as it is: move it away, or name another file"
_OTHER = "name another file"


def connected(path: Path) -> sqlite3.Connection:
    """One more connection to it, for one thread."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    # A killed process loses nothing that way; the loss of power may cost the last moments, never the file.
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    return database


def locked(path: Path) -> int:
    """A handle on the lock beside the file: held alone by who makes or converts it, and then by all who use it."""
    beside = path.with_name(path.name + ".lock")
    try:
        if path.is_dir():
            raise StoreRefused(f"{path}: is a folder; a file is needed, such as sqlite:///{path / 'ringback.db'}")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(f"{path}: {error.strerror}; a file in a folder that can be written is needed") from None
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
            except OSError:
                continue
            return handle
        if time.monotonic() > deadline:
            os.close(handle)
            raise StoreRefused(f"{path}: another process keeps this file for itself; stop it, or name another file")
        time.sleep(0.01)


def opened(path: Path, lock: int) -> sqlite3.Connection:
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
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        if new:
            _run(database, f"{_SINCE_FIRST} {_SINCE_SECOND} PRAGMA application_id = {_APPLICATION};")
        wrong = " ".join(str(database.execute("PRAGMA quick_check(1)").fetchone()[0]).split())
        if wrong != "ok":
            raise StoreRefused(f"{path}: the file is damaged ({wrong}); {_REPLACE}")
        if not new and version < FORMAT:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreRefused(f"{path}: of an older Ringback that still uses it; stop it first") from None
            _run(database, _SINCE_SECOND + _FROM_FIRST)
        database.execute(_SIZES)
        database.execute("PRAGMA busy_timeout = 0")
    except sqlite3.Error as error:
        reason = "no SQLite file" if "not a database" in str(error) else str(error)
        raise StoreRefused(f"{path}: {reason}; {_REPLACE}") from None
    return database


def _run(database: sqlite3.Connection, script: str) -> None:
    """Carries out a script as a whole, after which the file has the present form."""
    database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {FORMAT}; COMMIT;")
