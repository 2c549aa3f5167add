"""What happened: the exchanges of a space, newest last, bounded in number and bytes, secrets redacted."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from threading import RLock
from typing import NamedTuple

import orjson

from mock_server.desk.happened.masking import REDACTED, SECRET_HEADERS, Masks, without
from mock_server.messages import Request, Response
from mock_server.process.limits import DEFAULTS

MAX_BODY_BYTES = 64 * 1024
NO_MASKS = Masks()
_AT_ONCE = 20
_ENTRY_OVERHEAD = 64
"""Bytes an entry takes beside its encoded text, roughly."""


class Entry(NamedTuple):
    """One exchange: `at` is the space's time in ISO 8601, `milliseconds` the time it took.

    `findings` are None for an answer of the mock's own; of an endpoint behind a proxy, what breaks its contract.
    """

    number: int
    at: str
    provider: str
    operation: str | None
    method: str
    path: str
    query: str
    request_headers: dict[str, str]
    request_body: str
    status: int
    answer: str | None
    fault: str | None
    response_body: str
    milliseconds: float
    findings: list[str] | None = None


class Budget:
    """What all journals of a server share: the bytes they hold together, and the numbering of their entries.

    `lock` guards every journal: the vendors are served on one thread, the control API on others.
    """

    def __init__(self, limit: int = DEFAULTS.journal_bytes) -> None:
        self.limit = limit
        self.used = 0
        self.last_number = 0
        self.journals: list[Journal] = []
        self.lock = RLock()

    def make_room(self) -> None:
        """Forgets the oldest entries of the largest journal until the limit holds again."""
        while self.used > self.limit:
            largest = max(self.journals, key=lambda journal: journal.size)
            if not len(largest):
                return
            # Several at a time: with a thousand journals it takes longer to find the largest than to forget.
            for _ in range(min(len(largest), _AT_ONCE)):
                largest.forget_oldest()
                if self.used <= self.limit:
                    return


class Journal:
    """The last exchanges of one space, each kept as one encoded text: a tenth of what objects would take."""

    def __init__(
        self,
        budget: Budget,
        *,
        entries: int = DEFAULTS.journal_entries_per_space,
        size: int = DEFAULTS.journal_bytes_per_space,
    ) -> None:
        self._budget = budget
        self._entries: deque[bytes] = deque()
        self._max_entries = entries
        self._max_bytes = size
        self.size = 0
        self.newest = 0
        with budget.lock:
            budget.journals.append(self)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        with self._budget.lock:
            kept = tuple(self._entries)
        for encoded in kept:
            yield Entry(*orjson.loads(encoded))

    def record(
        self,
        request: Request,
        response: Response,
        *,
        at: datetime,
        provider: str,
        operation: str | None,
        answer: str | None,
        fault: str | None,
        masks: Masks = NO_MASKS,
        secrets: Iterable[str] = (),
        milliseconds: float,
        findings: list[str] | None = None,
    ) -> None:
        """Adds an exchange without what the `masks` say, and without the `secrets`, wherever they stand."""
        body, values = masks.body(request.body)
        if secrets:
            values = {*values, *secrets}
        headers = {name: REDACTED if name in SECRET_HEADERS else value for name, value in request.headers.items()}
        rest = (
            at,
            provider,
            operation,
            request.method,
            request.path,
            request.query,
            headers,
            _text(body),
            response.status,
            answer,
            fault,
            _text(response.body),
            milliseconds,
            findings,
        )
        self.add(without(orjson.dumps(rest), values))

    def add(self, encoded: bytes) -> None:
        """Adds an exchange that lacks nothing but its number."""
        budget = self._budget
        with budget.lock:
            number = budget.last_number = self.newest = budget.last_number + 1
            numbered = b"[%d,%b" % (number, encoded[1:])
            self._entries.append(numbered)
            size = len(numbered) + _ENTRY_OVERHEAD
            self.size += size
            budget.used += size
            while len(self._entries) > self._max_entries or self.size > self._max_bytes:
                self.forget_oldest()
            if budget.used > budget.limit:
                budget.make_room()

    def forget_oldest(self) -> None:
        oldest = self._entries.popleft()
        size = len(oldest) + _ENTRY_OVERHEAD
        self.size -= size
        self._budget.used -= size

    def newer(self, number: int, limit: int, size: int) -> tuple[list[Entry], bool]:
        """The first entries numbered above `number`, oldest first; and whether `size` bytes had no room for the rest.

        At most `limit`, and about `size` bytes.
        """
        if self.newest <= number:
            return [], False
        found: deque[bytes] = deque(maxlen=limit)
        with self._budget.lock:
            for encoded in reversed(self._entries):
                if _number(encoded) <= number:
                    break
                found.appendleft(encoded)
        return within(found, size)

    def newest_since(self, number: int, limit: int) -> tuple[list[Entry], int]:
        """The last entries numbered above `number`, oldest first, at most `limit`; and how many came before those."""
        if self.newest <= number:
            return [], 0
        found: list[bytes] = []
        passed = 0
        with self._budget.lock:
            for encoded in reversed(self._entries):
                if _number(encoded) <= number:
                    break
                if len(found) < limit:
                    found.append(encoded)
                else:
                    passed += 1
        return [Entry(*orjson.loads(encoded)) for encoded in reversed(found)], passed

    def find(self, number: int) -> Entry | None:
        """The entry of that number, or None."""
        with self._budget.lock:
            at = bisect_left(self._entries, number, key=_number)
            encoded = self._entries[at] if at < len(self._entries) else None
        entry = Entry(*orjson.loads(encoded)) if encoded is not None else None
        return entry if entry is not None and entry.number == number else None

    def clear(self) -> None:
        """Forgets everything; numbering goes on."""
        with self._budget.lock:
            self._budget.used -= self.size
            self.size = 0
            self._entries.clear()

    def close(self) -> None:
        """Forgets everything and gives the room back for good."""
        with self._budget.lock:
            self.clear()
            # An exchange that is under way still writes here: nothing of it is kept.
            self._max_entries = 0
            self._budget.journals.remove(self)


def _number(encoded: bytes) -> int:
    return int(encoded[1 : encoded.index(b",")])


def within(encoded: Iterable[bytes], size: int) -> tuple[list[Entry], bool]:
    """The first of these entries, about `size` bytes of them; and whether there are more."""
    entries: list[Entry] = []
    for one in encoded:
        if size <= 0:
            return entries, True
        entries.append(Entry(*orjson.loads(one)))
        size -= len(one)
    return entries, False


def _text(body: bytes) -> str:
    return body[:MAX_BODY_BYTES].decode("utf-8", "replace")
