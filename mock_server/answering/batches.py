"""Rows of a list, a batch at a time: however many there are, none stays in memory once it is encoded.

Checking, encoding and copying are single calls of compiled code, in which no other thread runs; of a batch they take
less than a millisecond, of 100,000 rows half a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from itertools import islice
from time import sleep
from typing import Any, NamedTuple

import orjson

from mock_server.messages import Json, Violation
from mock_server.spec import NamedAnswer, Operation
from mock_server.text.jsontext import dumps

BATCH = 200
_PAUSE_SECONDS = 0.0001
"""Between two batches; as long as it takes another thread to notice that it may run."""
_PLACE = b"\x00"
"""Where the rows belong in what is around them; JSON has no such byte."""
_DIGITS = 10
"""Room for the number of rows, which stands before them and is known after them."""


class Encoded(NamedTuple):
    """A value that is JSON text already."""

    text: bytes


class Listing(NamedTuple):
    """Where the answers of an operation have their rows and the number of them: the contract's `at` and `count`.

    Both are names of the body's fields, or empty: the body is the rows, the answer does not count them.
    """

    rows_at: str
    count_at: str

    def taken(
        self, answer: NamedAnswer, body: Json, check: Callable[[Json], list[Violation]]
    ) -> tuple[Json, list[Violation]]:
        """The whole value of the answer, `Encoded` if it has more rows than a batch, and what is wrong with it.

        The first batch with a fault ends it; the places of its faults are counted from the batch's own beginning.
        A long list that counts its rows begins with a few spaces.
        """
        rows: Iterable[Json] = iter(body[self.rows_at] if self.rows_at else body)
        batch = list(islice(rows, BATCH))
        total = len(batch)
        value = self._value(answer, body, batch, total)
        broken = check(value)
        if broken or total < BATCH:
            return value, broken
        room = len(self._around(answer, body, total)[0]) + (_DIGITS if self.count_at else 0)
        # Grown in place: to join the batches in the end would copy them all at once.
        text = BytesIO()
        text.write(b" " * room + dumps(batch).lstrip()[1:-1])
        while batch := list(islice(rows, BATCH)):
            sleep(_PAUSE_SECONDS)
            broken = check(self._value(answer, body, batch, total))
            if broken:
                return None, broken
            total += len(batch)
            text.write(b"," + dumps(batch).lstrip()[1:-1])
        before, after = self._around(answer, body, total)
        text.write(after)
        text.seek(room - len(before))
        text.write(before)
        return Encoded(text.getvalue()), []

    def _around(self, answer: NamedAnswer, body: Json, total: int) -> tuple[bytes, bytes]:
        """The text before and after the rows."""
        before, _, after = orjson.dumps(
            self._value(answer, body, orjson.Fragment(b"[" + _PLACE + b"]"), total)
        ).partition(_PLACE)
        return before, after

    def _value(self, answer: NamedAnswer, body: Json, rows: Any, total: int) -> Json:
        if not self.rows_at:
            return rows
        counted = {self.count_at: total} if self.count_at else {}
        return answer.merged({**counted, **body, self.rows_at: rows})


def listings(operations: Mapping[str, Operation]) -> dict[str, Listing]:
    """The list operations by id."""
    return {
        name: Listing(operation.contract["at"].strip("/"), operation.contract.get("count", "").strip("/"))
        for name, operation in operations.items()
        if operation.contract.get("effect") == "list"
    }
