"""The habits of an honest server: everything that is its own affair, from the order of rows to the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Lock
from typing import Any

Json = Any


class Refused(Exception):
    """The request is answered with this status and these words."""

    def __init__(self, status: int, words: Json) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Habits:
    """What a server does in its own way; each alone is allowed by the pages, and so are all together."""

    seed_pages_only: bool = False
    partial: bool = False
    leading_on: bool = False
    shuffled: bool = False
    enveloped: bool = False
    moving: bool = False
    request_ids: bool = False
    other_names: bool = False
    records: int = 3
    empty: bool = False
    conflicts: bool = False
    sold_out: bool = False
    clamping: bool = False
    lenient: bool = False
    spelled: bool = False
    """JSON with white space, with escapes, with members in another order, and fractions as 1 or as 1.0."""
    packed: bool = False
    shouting: bool = False
    """Names of headers in capitals, one twice, and the media type in other letters."""
    clashing: bool = False
    """Of two writes at the same time the second is refused."""
    chunked: bool = False
    http10: bool = False
    closing_every: int = 0
    early_hints: bool = False
    limited_every: int = 0
    failing_every: int = 0
    delay_seconds: float = 0.0
    settle_seconds: float = 0.0

    selling_twice: bool = False
    """A fault, as the next one is: who asks at the same time is sold the same."""
    key_by: str = ""
    """Keys are compared by their `case` no more, by their `beginning`, or up to the last character of the `cut` one."""

    def __post_init__(self) -> None:
        self.random = Random(7)
        self.counter = count(1)

    def takes(self, key: str, wanted: str) -> bool:
        """Whether a header carries the key: to the letter, as an honest server sees it."""
        match self.key_by:
            case "case":
                return key.lower() == wanted.lower()
            case "beginning":
                return len(key) > len("Bearer ") and wanted.startswith(key[: len("Bearer ") + 4])
            case "cut":
                return key in (wanted, wanted[:-1])
        return key == wanted

    def rows(self, rows: list[Json]) -> list[Json]:
        """The rows of a list without pages, in an order of the server's own."""
        shown = [self.row(row) for row in rows]
        if self.shuffled:
            self.random.shuffle(shown)
        return shown

    def row(self, row: dict[str, Json]) -> dict[str, Json]:
        """A record with what moves by itself."""
        return {**row, "lastSeenAt": f"2026-01-01T00:00:00.{next(self.counter):06}Z"} if self.moving else dict(row)

    def written(self, body: Json) -> bytes:
        """The body as JSON."""
        if not self.spelled:
            return json.dumps(body).encode()
        turn = next(self.counter)
        text = json.dumps(respelled(body, turn), indent=turn % 2 or None, ensure_ascii=turn % 3 == 0)
        return text.replace("/", "\\/" if turn % 2 else "/").encode() + b"\r\n" * (turn % 4)

    @contextmanager
    def one_at_a_time(self, lock: Lock, method: str) -> Iterator[None]:
        """Keeps requests apart, as an honest server does."""
        if self.selling_twice:
            yield
        elif self.clashing and method != "GET":
            if not lock.acquire(timeout=0.001):
                raise Refused(409, "somebody else is at it")
            try:
                time.sleep(0.005)
                yield
            finally:
                lock.release()
        else:
            with lock:
                yield

    def whole(self, body: Json) -> Json:
        """An answer with what every answer of this server has."""
        if self.request_ids and isinstance(body, dict):
            return {**body, "requestId": f"{self.random.getrandbits(64):016x}"}
        return body


FRACTIONS = (
    *("weight", "response_threshold", "assistantTemperature", "backgroundSoundVolume"),
    *("voice_speed", "interruption_sensitivity"),
)
"""Members of the kind `number`, of which 1 and 1.0 are one value."""


def respelled(value: Json, turn: int) -> Json:
    """The same value: members in another order, and whole fractions as 1 or as 1.0."""
    if isinstance(value, dict):
        return {
            name: _fraction(one, turn) if name in FRACTIONS else respelled(one, turn)
            for name, one in reversed(value.items())
        }
    return [respelled(one, turn) for one in value] if isinstance(value, list) else value


def _fraction(value: Json, turn: int) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return value
    return float(value) if turn % 2 else int(value)


class Late:
    """A value of which readers see what it was a moment ago."""

    def __init__(self, value: dict[str, Json], seconds: float) -> None:
        self.now, self._seconds = value, seconds
        self._before, self._since = dict(value), 0.0

    def update(self, fields: dict[str, Json]) -> None:
        """Writes fields; they are shown a moment later."""
        self._before, self._since = self.shown(), time.monotonic()
        self.now = {**self.now, **fields}

    def shown(self) -> dict[str, Json]:
        """What is shown now."""
        late = time.monotonic() - self._since < self._seconds
        return dict(self._before if late else self.now)
