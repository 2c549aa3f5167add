"""A journal that several processes share: nothing of it is kept here, everything is in the store.

Its entries are numbered by the microsecond in which they were kept, and each above the one before: so those of several
spaces are in order too, though two of them may have the same number. To count them together, as one process does, all
hosts and all nodes of a cluster would have to ask one place for every number.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from mock_server.desk.happened.journal import Budget, Entry, Journal, within
from mock_server.stores.shared import SharedStore

_AT_ONCE = 1_000


class StoredJournal(Journal):
    """The journal of the space of that name.

    Who goes by the numbers of several spaces reads none above `settled`: of another space a lower one may still come.
    """

    def __init__(self, store: SharedStore, space: str, settled: int | None = None) -> None:
        super().__init__(Budget())
        self._store = store
        self._space = space
        self._settled = settled

    def __len__(self) -> int:
        return self._store.backend.entry_count(self._space)

    def __iter__(self) -> Iterator[Entry]:
        return self._after(0)

    def _after(self, number: int) -> Iterator[Entry]:
        while True:
            found = self._store.backend.entries(self._space, number, _AT_ONCE)
            for encoded in found:
                entry = Entry(*orjson.loads(encoded))
                number = entry.number
                yield entry
            if len(found) < _AT_ONCE:
                return

    def add(self, encoded: bytes) -> None:
        self._store.record(self._space, encoded)

    def newer(self, number: int, limit: int, size: int) -> tuple[list[Entry], bool]:
        found, cut = within(self._store.backend.entries(self._space, number, limit), size)
        return self._due(found), cut

    def newest_since(self, number: int, limit: int) -> tuple[list[Entry], int]:
        found = self._due(list(self._after(number)))
        return found[-limit:], max(0, len(found) - limit)

    def _due(self, entries: list[Entry]) -> list[Entry]:
        if self._settled is None:
            return entries
        return [entry for entry in entries if entry.number <= self._settled]

    def find(self, number: int) -> Entry | None:
        for encoded in self._store.backend.entries(self._space, number - 1, 1):
            entry = Entry(*orjson.loads(encoded))
            return entry if entry.number == number else None
        return None

    def clear(self) -> None:
        self._store.backend.clear_entries(self._space)

    def close(self) -> None:
        """It goes with its space."""
