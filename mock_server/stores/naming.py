"""Which rows name a value: an index of the fields by which rows refer to others, as old as the rows themselves.

It follows from the rows, so that no store keeps it: whoever has the rows of a space at hand makes it of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mock_server.messages import Json


class Naming(NamedTuple):
    """A field that names others: one, or a list of them; of a list of objects `each` is the field that does."""

    field: str
    each: str | None = None

    def of(self, document: Any) -> Iterator[str]:
        """What the document names by this field, as text."""
        value = document.get(self.field) if isinstance(document, dict) else None
        if isinstance(value, list):
            for one in value:
                if self.each is None:
                    yield str(one)
                elif isinstance(one, dict) and one.get(self.each) is not None:
                    yield str(one[self.each])
        elif value is not None:
            yield str(value)


Namings = Mapping[str, Collection[Naming]]
"""The fields of each kind, as the store calls it."""


class Index:
    """The rows of one kind by what they name."""

    __slots__ = ("_fields", "_known", "_names", "_none", "namings")

    def __init__(self, namings: Collection[Naming]) -> None:
        self.namings = frozenset(namings)
        self._fields = {naming: _Field(naming) for naming in self.namings}
        self._names = tuple(naming.field for naming in self.namings)
        self._none: tuple[str | None, ...] = (None,) * len(self._names)
        self._known: dict[str, tuple[str | None, ...]] = {}
        """What the rows hold in these fields, of those that hold a text in any; () for what is neither text nor null.

        Of whom it does not know, names nobody.
        """

    def put(self, id: str, document: Json) -> None:
        """The row of that id is now this one."""
        held = tuple(map(document.get, self._names)) if isinstance(document, dict) else ()
        # Nearly always a row goes on naming what it named, and a new one names nobody.
        if self._known.get(id, self._none) == held and held:
            return
        if held == self._none:
            self._known.pop(id, None)
        else:
            self._known[id] = held if all(value is None or type(value) is str for value in held) else ()
        for field in self._fields.values():
            field.put(id, document)

    def drop(self, id: str) -> None:
        """There is no row of that id."""
        if self._known.pop(id, None) is not None:
            for field in self._fields.values():
                field.put(id, None)

    def ids(self, namings: Sequence[Naming], values: Collection[str]) -> set[str]:
        """The rows that name one of the values by one of the fields."""
        rows = [self._fields[naming].rows for naming in namings]
        # Each is copied in one step, so that a reader of what was needs no lock against its writers.
        return {id for named in rows for value in values for id in named.get(value, _NONE).copy()}


class _Field:
    """The rows by what they name by one field."""

    __slots__ = ("_names", "_of", "_plain", "rows")

    def __init__(self, naming: Naming) -> None:
        self._of, self._plain = naming.of, naming.field
        self._names: dict[str, str | tuple[str, ...]] = {}
        self.rows: dict[str, set[str]] = {}

    def put(self, id: str, document: Json) -> None:
        """The row of that id is now this one, or gone."""
        value = document.get(self._plain) if isinstance(document, dict) else None
        old = self._names.get(id)
        # Nearly always it is one name, which needs no list.
        new = value if value is None or type(value) is str else tuple(dict.fromkeys(self._of(document))) or None
        if new == old:
            return
        for name in _each(old):
            rows = self.rows[name]
            rows.discard(id)
            if not rows:
                del self.rows[name]
        if new is None:
            del self._names[id]
            return
        self._names[id] = new
        for name in _each(new):
            known = self.rows.get(name)
            if known is None:
                self.rows[name] = {id}
            else:
                known.add(id)


_NONE: set[str] = set()


def _each(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else names
