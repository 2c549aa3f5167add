"""What a store promises: JSON documents in, JSON documents out, all of a transaction or nothing of it.

A document that was read may be changed at will; only `put` stores it. Rows of a kind come in
the order in which their ids were first put; each carries a sequence number that never changes
and is never used again, so a reader can go on where it stopped while rows come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from mock_server.messages import Json


class Row(NamedTuple):
    """A stored document and its place in the order of its kind."""

    sequence: int
    document: Json


class Transaction(Protocol):
    """Reads and writes of one space; nothing is kept when the block that opened it raises."""

    def get(self, kind: str, id: str) -> Json | None:
        """The document, or None."""

    def put(self, kind: str, id: str, document: Json) -> None:
        """Stores the document; a new id goes to the end, a known one keeps its place."""

    def delete(self, kind: str, id: str) -> bool:
        """Removes the document; False when there was none."""

    def all(self, kind: str, after: int = 0) -> Iterator[Row]:
        """The kind's rows in order, those with a sequence number above `after`."""

    def count(self, kind: str) -> int:
        """How many documents the kind has."""

    def kinds(self) -> list[str]:
        """The kinds that have documents."""


class Snapshot(Transaction, Protocol):
    """Reads of one space as it was at one moment, at leisure, while others write; `put` and `delete` raise."""

    def close(self) -> None:
        """Ends it, so that writers need no longer keep what they replace."""


class Store(Protocol):
    """Where the spaces' documents are."""

    def transaction(self, space: str) -> AbstractContextManager[Transaction]:
        """A transaction on one space; transactions of one space come one after the other."""

    def snapshot(self, space: str, prefix: str) -> Snapshot:
        """The space's kinds whose names begin with `prefix`, as they are now."""

    def exists(self, space: str) -> bool:
        """Whether the space has ever been written to and not been dropped since."""

    def drop(self, space: str) -> None:
        """Removes the space and everything in it."""
