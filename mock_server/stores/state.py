"""One vendor's records inside a transaction: found by any of their ids, kept in the shape the spec gives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from mock_server.messages import Json
from mock_server.stores.naming import Naming
from mock_server.stores.protocols import Row, Transaction

TELEPHONE = "~telephone"
"""Under which name the telephone's records stand in a space, beside those of the vendors."""


class RecordShape(Protocol):
    """What the state needs to know of a kind of record (see `x-records` in the specs)."""

    @property
    def key(self) -> str: ...

    @property
    def aliases(self) -> tuple[str, ...]: ...


def stored_kind(provider: str, kind: str) -> str:
    """As what a store knows the records of a vendor."""
    return f"{provider}/{kind}"


_document = attrgetter("document")


class State:
    """The records of one provider in one space.

    A record's key is fixed when it is first put, its aliases follow it; `find` takes any of them.
    """

    __slots__ = ("_prefix", "_shapes", "_transaction")

    def __init__(self, transaction: Transaction, provider: str, shapes: Mapping[str, RecordShape]) -> None:
        self._transaction = transaction
        self._prefix = provider + "/"
        self._shapes = shapes

    def beside(self, provider: str, shapes: Mapping[str, RecordShape]) -> State:
        """The records of somebody else in the same transaction."""
        return State(self._transaction, provider, shapes)

    def get(self, kind: str, key: str) -> dict[str, Json] | None:
        """The record with that key, or None. The caller may change it; only `put` stores it."""
        found: dict[str, Json] | None = self._transaction.get(self._prefix + kind, key)
        return found

    def find(self, kind: str, id: str) -> dict[str, Json] | None:
        """The record of which `id` is the key or an alias, or None."""
        found = self.get(kind, id)
        if found is not None or not self._shapes[kind].aliases:
            return found
        key = self._transaction.get(f"{self._prefix}{kind}~alias", id)
        return None if key is None else self.get(kind, key)

    def look(self, kind: str, id: str) -> Mapping[str, Json] | None:
        """As `find`, for a caller that changes nothing of what it is given: others are given the same."""
        name, look = self._prefix + kind, self._transaction.look
        found: dict[str, Json] | None = look(name, id)
        if found is not None or not self._shapes[kind].aliases:
            return found
        key = look(name + "~alias", id)
        return None if key is None else look(name, key)

    def put(self, kind: str, record: Mapping[str, Json], *, renamed: bool = True) -> None:
        """Stores the record under its key and makes it known by its aliases.

        Whoever knows that a stored record has kept all its aliases says so, and spares reading what is stored.
        """
        shape, name = self._shapes[kind], self._prefix + kind
        key = str(record[shape.key])
        if renamed and shape.aliases:
            old = self._transaction.get(name, key) or {}
            for alias in shape.aliases:
                before, now = old.get(alias), record.get(alias)
                if now == before:
                    continue
                if before is not None:
                    self._transaction.delete(f"{name}~alias", str(before))
                if now is not None:
                    self._transaction.put(f"{name}~alias", str(now), key)
        self._transaction.put(name, key, record)

    def add(self, kind: str, record: Mapping[str, Json]) -> None:
        """Stores a record under a key that the caller knows to be nobody's: there is no older one to be read."""
        shape, name = self._shapes[kind], self._prefix + kind
        key = str(record[shape.key])
        for alias in shape.aliases:
            now = record.get(alias)
            if now is not None:
                self._transaction.put(f"{name}~alias", str(now), key)
        self._transaction.put(name, key, record)

    def delete(self, kind: str, key: str) -> bool:
        """Removes the record and its aliases; False when there was none."""
        shape, name = self._shapes[kind], self._prefix + kind
        if shape.aliases:
            record = self._transaction.get(name, key)
            for alias in shape.aliases:
                if record is not None and record.get(alias) is not None:
                    self._transaction.delete(f"{name}~alias", str(record[alias]))
        return self._transaction.delete(name, key)

    def rows(self, kind: str, after: int = 0, *, look: bool = False) -> Iterator[Row]:
        """The kind's rows in the order of their creation, those numbered above `after`.

        Who changes nothing of them says so (`look`), and may be given what others are given too.
        """
        return self._transaction.all(self._prefix + kind, after, look=look)

    def naming(
        self, kind: str, namings: Sequence[Naming], values: Collection[str], *, look: bool = False
    ) -> Iterator[Row]:
        """The kind's rows that name one of the values by one of these fields; `look` as in `rows`."""
        return self._transaction.naming(self._prefix + kind, namings, values, look=look)

    def newest(self, kind: str, *, look: bool = False) -> Iterator[Row]:
        """The kind's rows, the newest first; `look` as in `rows`."""
        return self._transaction.all(self._prefix + kind, look=look, newest=True)

    def all(self, kind: str, *, look: bool = False) -> Iterator[dict[str, Json]]:
        """The kind's records in the order of their creation; `look` as in `rows`."""
        return map(_document, self.rows(kind, look=look))

    def count(self, kind: str) -> int:
        return self._transaction.count(self._prefix + kind)

    def notes(self) -> Iterator[tuple[str, Json]]:
        """Everything the provider keeps for itself, by name."""
        names = self._transaction.get(self._prefix + "~notes", "~names") or []
        for name in names:
            yield name, self.note(name)

    def drop_note(self, name: str) -> None:
        self._transaction.delete(self._prefix + "~notes", name)
        names = self._transaction.get(self._prefix + "~notes", "~names") or []
        self._transaction.put(self._prefix + "~notes", "~names", [known for known in names if known != name])

    def note(self, name: str) -> Json | None:
        """A value the provider keeps for itself (a counter, say), or None."""
        return self._transaction.get(self._prefix + "~notes", name)

    def keep_note(self, name: str, value: Json, *, known: bool = False) -> None:
        """Keeps a value; whoever has just read the one before says that it is `known`."""
        kind = self._prefix + "~notes"
        if not known and self._transaction.get(kind, name) is None:
            self._transaction.put(kind, "~names", [*(self._transaction.get(kind, "~names") or []), name])
        self._transaction.put(kind, name, value)
