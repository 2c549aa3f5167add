"""Deliveries: what a space sent to the addresses of an application, attempt by attempt, newest last, bounded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from sys import getsizeof
from threading import RLock
from typing import Protocol

from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.text.jsontext import own

DELIVERIES = "~deliveries"
"""The kind of the documents that deliveries are in a store of several processes."""
PENDING, DELIVERED, FAILED, REFUSED, DROPPED = "pending", "delivered", "failed", "refused", "dropped"
DELIVERY_STATES = (PENDING, DELIVERED, FAILED, REFUSED, DROPPED)

DELIVERING = "Ringback"
"""The User-Agent of a delivery."""

_AT_ONCE = 20
_DELIVERY_BYTES, _ATTEMPT_BYTES = 1_000, 300
"""What a delivery, and an attempt, take beside their texts, roughly."""


@dataclass
class Attempt:
    """One try: `at` in real time, the receiver's status and the beginning of its body, or what went wrong."""

    at: str
    status: int | None
    error: str | None
    body: str
    milliseconds: float


@dataclass(eq=False)
class Delivery:
    """One event on its way; `at` is the space's time, `headers` are those of the last attempt.

    One without a `secret` is not signed.
    """

    number: int
    at: str
    provider: str
    event: str
    call: str | None
    url: str
    body: str
    secret: str
    headers: dict[str, str] = field(default_factory=dict)
    state: str = PENDING
    reason: str | None = None
    replay_of: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    awaited: bool = False
    """Whoever made it waits for the answer and so sends it himself."""
    more: dict[str, str] = field(default_factory=dict)
    """Headers beside those that every delivery has."""
    seconds: float | None = None
    """How long an attempt may take; None: as long as the vendor says."""


@dataclass
class Endpoint:
    """Where a vendor's events go in a space, and how often the receiver is to fail before it is asked at all.

    `events` None stands for all of them; `failures` are the statuses (0: no answer) of the next attempts.
    """

    url: str
    secret: str = ""
    events: frozenset[str] | None = None
    failures: list[int] = field(default_factory=list)


class Room:
    """What the deliveries of all spaces of a server take together, in bytes; `lock` guards them all."""

    def __init__(self, limit: int = DEFAULTS.delivery_bytes) -> None:
        self._limit = limit
        self._used = 0
        self._all: list[Deliveries] = []
        self.lock = RLock()

    def join(self, deliveries: Deliveries) -> None:
        """From now on these deliveries forget their oldest when they take most and the room is full."""
        with self.lock:
            self._all.append(deliveries)

    def leave(self, deliveries: Deliveries) -> None:
        with self.lock:
            if deliveries in self._all:
                self._all.remove(deliveries)

    def take(self, size: int) -> None:
        """Counts so many bytes more, or fewer; whoever takes most forgets its oldest while there are too many."""
        with self.lock:
            self._used += size
            while size > 0 and self._used > self._limit:
                largest = max(self._all, key=lambda one: one.size, default=None)
                if largest is None or not largest.size:
                    return
                # Several at a time: with a thousand spaces it takes longer to find the largest than to forget.
                for _ in range(_AT_ONCE):
                    if self._used <= self._limit or not largest.forget_oldest():
                        break


class Documents(Protocol):
    """Where deliveries are written."""

    def put(self, kind: str, id: str, document: Json) -> None: ...

    def delete(self, kind: str, id: str) -> bool: ...


class Stored(Protocol):
    """Where deliveries are read: by id, a sequence number and a text."""

    @property
    def rows(self) -> Mapping[str, tuple[int, bytes]]: ...


class Deliveries:
    """The deliveries of one space and the addresses they go to."""

    def __init__(
        self,
        room: Room | None = None,
        limits: Limits = DEFAULTS,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        """`turn` is held, where other processes have the same deliveries, while anything here changes."""
        self._room = room or Room(limits.delivery_bytes)
        self._limits = limits
        self._kept: dict[int, Delivery] = {}
        self.size = 0
        """Bytes, roughly."""
        self._closed = False
        self._room.join(self)
        self._last = 0
        self.endpoints: dict[str, Endpoint] = {}
        self.version = 0
        """Moves with every change of an address, and every new number."""
        self.lock: AbstractContextManager[object] = turn or self._room.lock
        self._shared = turn is not None
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(list(self._kept.values()))

    def get(self, number: int) -> Delivery | None:
        return self._kept.get(number)

    def new(
        self,
        at: str,
        provider: str,
        event: str,
        call: str | None,
        url: str,
        body: str,
        secret: str,
        *,
        replay_of: int | None = None,
        awaited: bool = False,
        more: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Delivery:
        """Keeps a delivery that is about to be sent; the oldest make room."""
        with self.lock:
            self._last += 1
            self.version += 1
            delivery = Delivery(self._last, at, provider, event, call, url, body, secret)
            delivery.replay_of, delivery.awaited = replay_of, awaited
            delivery.more, delivery.seconds = dict(more or {}), seconds
            if not self._closed:
                self._kept[delivery.number] = delivery
                self._changed.add(delivery.number)
                self._grow(size_of(delivery))
        return delivery

    def tried(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keeps what came of an attempt with its delivery."""
        if self._shared:
            # What others know of it is told when all attempts are made.
            delivery.attempts.append(attempt)
            return
        with self.lock:
            kept = self._kept.get(delivery.number) is delivery
            before = size_of(delivery) if kept else 0
            delivery.attempts.append(attempt)
            if kept:
                self._grow(size_of(delivery) - before)

    def keep(self, delivery: Delivery) -> None:
        """Keeps what has become of a delivery, if it is still known."""
        if not self._shared:
            return
        with self.lock:
            old = self._kept.get(delivery.number)
            # A number is given again after a reset.
            if old is not None and (old.at, old.body) == (delivery.at, delivery.body):
                self._kept[delivery.number] = delivery
                self._changed.add(delivery.number)
                self._grow(size_of(delivery) - (size_of(old) if old is not delivery else 0))

    def waiting(self) -> list[Delivery]:
        """Those that are on their way, and that nobody waits for."""
        return [one for one in self if one.state == PENDING and not one.awaited]

    def _grow(self, size: int) -> None:
        self.size += size
        self._room.take(size)
        most, most_bytes = self._limits.deliveries_per_space, self._limits.delivery_bytes_per_space
        while len(self._kept) > most or self.size > most_bytes:
            if not self.forget_oldest():
                return

    def forget_oldest(self) -> bool:
        """Makes room; False where there is nothing to forget."""
        with self.lock:
            if not self._kept:
                return False
            oldest = next(iter(self._kept))
            size = size_of(self._kept.pop(oldest))
            self._changed.add(oldest)
            self.size -= size
            self._room.take(-size)
        return True

    def close(self) -> None:
        """Forgets everything and gives the room back for good."""
        with self.lock:
            self.reset()
            # A call that is being played still writes here: nothing of it is kept.
            self._closed = True
            self._room.leave(self)

    def failure(self, provider: str) -> int | None:
        """The status that the next attempt gets without being made; None for one that is made."""
        endpoint = self.endpoints.get(provider)
        if endpoint is None or not endpoint.failures:
            return None
        with self.lock:
            endpoint = self.endpoints.get(provider)
            if endpoint is None or not endpoint.failures:
                return None
            self.version += 1
            return endpoint.failures.pop(0)

    def direct(self, provider: str, endpoint: Endpoint | None) -> None:
        """Sends a vendor's events there from now on; None ends it."""
        with self.lock:
            self.version += 1
            if endpoint is None:
                self.endpoints.pop(provider, None)
            else:
                self.endpoints[provider] = endpoint

    def kept(self) -> dict[str, Json]:
        """What there is to keep beside the deliveries: the addresses, and the last number."""
        endpoints = {
            name: {**vars(one), "events": None if one.events is None else sorted(one.events)}
            for name, one in self.endpoints.items()
        }
        return {"endpoints": endpoints, "last": self._last}

    def restore(self, kept: dict[str, Json]) -> None:
        """Goes on with the addresses that were kept."""
        endpoints: dict[str, Endpoint] = {}
        # In its first form it was nothing but the addresses.
        for name, one in kept.get("endpoints", kept).items():
            events = None if one["events"] is None else frozenset(one["events"])
            endpoints[name] = Endpoint(**{**one, "events": events})
        self.endpoints, self._last = endpoints, kept.get("last", 0) if "endpoints" in kept else 0

    def flush(self, transaction: Documents) -> None:
        """Writes the deliveries that have changed as documents."""
        if not self._changed:
            return
        changed, self._changed = self._changed, set()
        for number in sorted(changed):
            delivery = self._kept.get(number)
            if delivery is None:
                transaction.delete(DELIVERIES, str(number))
            else:
                transaction.put(DELIVERIES, str(number), asdict(delivery))

    def reload(self, documents: Stored | None, changed: Collection[str] | None) -> None:
        """Goes on with the deliveries among these documents, of which those have changed, or all of them."""
        rows = documents.rows if documents is not None else {}
        if changed is None:
            self._kept, changed = {}, rows
        self._changed = set()
        for id in sorted(changed, key=int):
            row = rows.get(id)
            if row is None:
                self._kept.pop(int(id), None)
            else:
                self._kept[int(id)] = _delivery(own(row[1]))
        if changed or not rows:
            size = sum(map(size_of, self._kept.values()))
            self._room.take(size - self.size)
            self.size = size

    def clear(self) -> None:
        """Forgets the deliveries; the addresses stay."""
        with self.lock:
            self._room.take(-self.size)
            self._changed.update(self._kept)
            self._kept.clear()
            self.size = 0

    def reset(self) -> None:
        """As in a new space."""
        with self.lock:
            self.clear()
            self.endpoints.clear()
            self.version += 1
            self._last = 0


def size_of(delivery: Delivery) -> int:
    """The bytes that a delivery takes, roughly."""
    texts = (delivery.body, delivery.url, delivery.secret, *delivery.more, *delivery.more.values())
    attempts = sum(_ATTEMPT_BYTES + getsizeof(attempt.body) for attempt in delivery.attempts)
    return _DELIVERY_BYTES + sum(map(getsizeof, texts)) + attempts


def _delivery(document: Json) -> Delivery:
    return Delivery(**{**document, "attempts": [Attempt(**one) for one in document["attempts"]]})


def as_json(delivery: Delivery) -> dict[str, Json]:
    """The delivery without its secret."""
    return {
        "number": delivery.number,
        "at": delivery.at,
        "provider": delivery.provider,
        "event": delivery.event,
        "call": delivery.call,
        "url": delivery.url,
        "headers": delivery.headers,
        "state": delivery.state,
        "reason": delivery.reason,
        "replay_of": delivery.replay_of,
        "attempts": [vars(attempt) for attempt in delivery.attempts],
    }
