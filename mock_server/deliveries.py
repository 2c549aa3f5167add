"""Deliveries: what a space sent to the addresses of an application, attempt by attempt, newest last, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import RLock

from mock_server.messages import Json

MAX_DELIVERIES = 10_000
MAX_BYTES = 16 * 1024 * 1024
PENDING, DELIVERED, FAILED, REFUSED, DROPPED = "pending", "delivered", "failed", "refused", "dropped"
DELIVERY_STATES = (PENDING, DELIVERED, FAILED, REFUSED, DROPPED)


@dataclass
class Attempt:
    """One try: `at` in real time, the receiver's status and the beginning of its body, or what went wrong."""

    at: str
    status: int | None
    error: str | None
    body: str
    milliseconds: float


@dataclass
class Delivery:
    """One event on its way; `at` is the space's time, `headers` are those of the last attempt."""

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


@dataclass
class Endpoint:
    """Where a vendor's events go in a space, and how often the receiver is to fail before it is asked at all.

    `events` None stands for all of them; `failures` are the statuses (0: no answer) of the next attempts.
    """

    url: str
    secret: str = ""
    events: frozenset[str] | None = None
    failures: list[int] = field(default_factory=list)


class Deliveries:
    """The deliveries of one space and the addresses they go to."""

    def __init__(self) -> None:
        self._kept: deque[Delivery] = deque()
        self._bytes = 0
        self._last = 0
        self.endpoints: dict[str, Endpoint] = {}
        self.version = 0
        """Moves with every change of an address."""
        self.lock = RLock()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Delivery]:
        with self.lock:
            return iter(tuple(self._kept))

    def get(self, number: int) -> Delivery | None:
        return next((kept for kept in self if kept.number == number), None)

    def new(self, at: str, provider: str, event: str, call: str | None, url: str, body: str, secret: str) -> Delivery:
        """Keeps a delivery that is about to be sent; the oldest make room."""
        with self.lock:
            self._last += 1
            delivery = Delivery(self._last, at, provider, event, call, url, body, secret)
            self._kept.append(delivery)
            self._bytes += len(body)
            while len(self._kept) > MAX_DELIVERIES or self._bytes > MAX_BYTES:
                self._bytes -= len(self._kept.popleft().body)
        return delivery

    def failure(self, provider: str) -> int | None:
        """The status that the next attempt gets without being made; None for one that is made."""
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
        """What there is to keep: the addresses; deliveries are as short-lived as the connections they went over."""
        with self.lock:
            return {
                name: {**vars(one), "events": None if one.events is None else sorted(one.events)}
                for name, one in self.endpoints.items()
            }

    def restore(self, kept: dict[str, Json]) -> None:
        """Goes on with the addresses that were kept."""
        for name, one in kept.items():
            events = None if one["events"] is None else frozenset(one["events"])
            self.endpoints[name] = Endpoint(**{**one, "events": events})

    def clear(self) -> None:
        """Forgets the deliveries; the addresses stay."""
        with self.lock:
            self._kept.clear()
            self._bytes = 0

    def reset(self) -> None:
        """As in a new space."""
        with self.lock:
            self.clear()
            self.endpoints.clear()
            self.version += 1
            self._last = 0


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
