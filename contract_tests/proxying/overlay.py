"""What an application did at the mock in place of the endpoint: what it made, changed and removed there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contract_tests.endpoint.guard import key_in
from contract_tests.words.listed import record_in, rows_in
from mock_server.messages import Json
from mock_server.spec import Operation, Spec

MOST_SEEN = 5_000
"""So many records of the endpoint are known at a time, so that the mock can be given them."""

Name = tuple[str, str]
"""The kind of a record, and one of its names."""


@dataclass
class Overlay:
    """One key's records at the mock. `seen` are those that the endpoint has shown, by each of their names."""

    spec: Spec
    made: dict[Name, dict[str, Json]] = field(default_factory=dict)
    """By their keys, as they were answered when they were made."""
    changed: dict[Name, None] = field(default_factory=dict)
    gone: dict[Name, None] = field(default_factory=dict)
    given: dict[Name, None] = field(default_factory=dict)
    seen: OrderedDict[Name, dict[str, Json]] = field(default_factory=OrderedDict)

    def holds(self, kind: str) -> bool:
        """Whether the mock has something of a kind that the endpoint does not show."""
        return any(known == kind for names in (self.made, self.changed, self.gone) for known, _ in names)

    def has(self, kind: str, name: Json) -> bool:
        """Whether a record is the mock's to show, by any of its names, or to say that it is gone."""
        found = (kind, str(name))
        if found in self.changed or found in self.gone:
            return True
        return found in self.made or any(
            known == kind and str(name) in self._names(kind, record) for (known, _), record in self.made.items()
        )

    def names_made(self, texts: set[str]) -> bool:
        """Whether some record that only the mock has is among these texts."""
        return any(name in texts for _, name in self.made)

    def did(self, operation: Operation, path: dict[str, Json], body: Json, answer: Json) -> None:
        """Keeps what a request did that the mock has carried out."""
        kind, effect = str(operation.contract.get("record")), operation.contract.get("effect")
        if kind not in self.spec.records or effect in ("read", "list", "search"):
            return
        shape = self.spec.records[kind]
        if effect == "create":
            record = record_in(operation, answer, shape.key)
            if isinstance(record, dict) and record.get(shape.key) not in (None, ""):
                self.made[kind, str(record[shape.key])] = record
            return
        key = key_in(operation, path, body)
        if key is None:
            return
        names = self._all_names(kind, key)
        if effect == "delete":
            mine = [one for one in self.made if one[0] == kind and one[1] in names]
            for one in mine:
                del self.made[one]
            self.gone.update({(kind, name): None for name in names})
        elif not any((kind, name) in self.made for name in names):
            self.changed.update({(kind, name): None for name in names})

    def saw(self, operation: Operation, answer: Json) -> None:
        """Keeps the records that the endpoint has shown."""
        kind = str(operation.contract["record"])
        shape = self.spec.records[kind]
        rows = rows_in(operation, answer) if operation.contract.get("effect") == "list" else None
        for record in rows if rows is not None else [record_in(operation, answer, shape.key)]:
            if isinstance(record, dict) and record.get(shape.key) not in (None, ""):
                for name in self._names(kind, record):
                    self.seen[kind, name] = {**self.seen.pop((kind, name), {}), **record}
        while len(self.seen) > MOST_SEEN:
            self.seen.popitem(last=False)

    def wanted(self, texts: set[str]) -> Iterator[tuple[str, str, dict[str, Json]]]:
        """The records that a request names and the mock has not been given: kind, key and record.

        Those that they refer to come before them.
        """
        for kind, name in [one for one in self.seen if one[1] in texts and one not in self.given]:
            record = self.seen[kind, name]
            shape = self.spec.records[kind]
            self.given.update({(kind, one): None for one in self._names(kind, record)})
            referred = {str(record[one]) for one in shape.references if record.get(one) not in (None, "")}
            yield from self.wanted(referred)
            yield kind, str(record[shape.key]), record

    def merged(self, operation: Operation, rows: list[Json], mocks: list[Json], *, first: bool) -> list[Json]:
        """The rows of the endpoint with what the mock has of them; new ones on the first page alone."""
        kind = str(operation.contract["record"])
        shape = self.spec.records[kind]
        shown = {str(row[shape.key]): row for row in mocks if isinstance(row, dict) and shape.key in row}
        found: list[Json] = []
        for row in rows:
            key = str(row.get(shape.key)) if isinstance(row, dict) else ""
            if (kind, key) not in self.gone:
                found.append(shown.get(key, row) if (kind, key) in self.changed else row)
        if not first:
            return found
        new: list[Any] = [shown.get(key) for known, key in self.made if known == kind]
        kept = [row for row in new if row is not None]
        return [*reversed(kept), *found] if operation.contract.get("order") == "newest" else [*found, *kept]

    def _names(self, kind: str, record: dict[str, Json]) -> set[str]:
        shape = self.spec.records[kind]
        return {str(record[name]) for name in (shape.key, *shape.aliases) if record.get(name) not in (None, "")}

    def _all_names(self, kind: str, key: Json) -> set[str]:
        """Every name of a record, by one of them."""
        found = {str(key)}
        for (known, _), record in [*self.made.items(), *self.seen.items()]:
            names = self._names(kind, record) if known == kind else set()
            found |= names if str(key) in names else set()
        return found
