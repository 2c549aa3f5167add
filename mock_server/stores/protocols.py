"""What a store promises: JSON documents in, JSON documents out, all of a transaction or nothing of it.

A document that was read may be changed at will; only `put` stores it. Rows of a kind come in
the order in which their ids were first put; each carries a sequence number that never changes
and is never used again, so a reader can go on where it stopped while rows come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from mock_server.messages import Json
from mock_server.stores.naming import Naming, Namings


class StoreFailed(Exception):
    """A change could not be kept, and nothing was changed; the text says why. It may work again later."""


class StoreUncertain(StoreFailed):
    """A change was sent, and nobody said whether it was kept: it must not be sent again."""


class StoreFull(Exception):
    """A change would make a space, or all together, larger than it may be; nothing was changed, the text says why."""


class StoreRefused(Exception):
    """A store cannot be used at all; the text says what was found and what would be right."""


class Row(NamedTuple):
    """A stored document and its place in the order of its kind."""

    sequence: int
    document: Json


class Transaction(Protocol):
    """Reads and writes of one space; nothing is kept when the block that opened it raises."""

    def get(self, kind: str, id: str) -> Json | None:
        """The document, or None."""

    def look(self, kind: str, id: str) -> Json | None:
        """As `get`, for a caller that changes nothing of what it is given: others are given the same."""

    def put(self, kind: str, id: str, document: Json) -> None:
        """Stores the document; a new id goes to the end, a known one keeps its place."""

    def delete(self, kind: str, id: str) -> bool:
        """Removes the document; False when there was none."""

    def all(self, kind: str, after: int = 0, *, look: bool = False, newest: bool = False) -> Iterator[Row]:
        """The kind's rows in order, those with a sequence number above `after`; with `look` as `look` gives them.

        With `newest` the other way round.
        """

    def naming(
        self, kind: str, namings: Sequence[Naming], values: Collection[str], *, look: bool = False
    ) -> Iterator[Row]:
        """The kind's rows that name one of the values by one of these fields, in order; with `look` as `look` does.

        Where the store was told of the fields (`Store.refer`), no other row is read. Rows that come to do so while
        the caller reads are left out.
        """

    def count(self, kind: str) -> int:
        """How many documents the kind has."""

    def kinds(self) -> list[str]:
        """The kinds that have documents."""


class Snapshot(Transaction, Protocol):
    """Reads of one space as it was at one moment, at leisure, while others write; `put` and `delete` raise."""

    def close(self) -> None:
        """Ends it, so that writers need no longer keep what they replace."""


class Beside(Protocol):
    """Who knows what a space is beside its documents, so that both are kept in one go."""

    def changed(self, space: str) -> tuple[object, Json] | None:
        """What is to be kept of the space's clock, chance and rules, with a mark; None where nothing has changed."""

    def kept(self, space: str, mark: object) -> None:
        """That what had this mark was kept."""

    def flush(self, space: str, transaction: Transaction) -> None:
        """Writes what is kept as documents of its own."""

    def restore(self, space: str, world: Json | None) -> None:
        """What was kept last of clock, chance and rules, in the place of what is here."""

    def rows_changed(
        self, space: str, tables: Mapping[str, Any], changed: Mapping[str, Collection[str]] | None
    ) -> None:
        """Which documents are others than before, by kind; None where all may be."""

    def gone(self, space: str) -> None:
        """That the space is no more."""


class Store(Protocol):
    """Where the spaces are: their documents, and in a durable store all else that a space is."""

    @property
    def problem(self) -> str | None:
        """Why changes cannot be kept just now, or None."""

    def refer(self, namings: Namings) -> None:
        """Says by which fields the rows of each kind name others, before there are any."""

    def transaction(self, space: str) -> AbstractContextManager[Transaction]:
        """A transaction on one space; transactions of one space come one after the other."""

    def snapshot(self, space: str, *prefixes: str) -> Snapshot:
        """The space's kinds whose names begin with one of `prefixes`, as they are now."""

    def count(self, space: str, kind: str) -> int:
        """How many documents of the kind the space has, or had a moment ago: nobody is waited for."""

    def exists(self, space: str) -> bool:
        """Whether the space has ever been written to and not been dropped since."""

    def drop(self, space: str) -> None:
        """Removes the space's documents."""

    def refill(self, space: str, fill: Callable[[Transaction], None]) -> None:
        """Puts what `fill` writes in the place of all of the space's documents, in one go."""

    def close(self) -> None:
        """Lets go of everything that is held open."""
