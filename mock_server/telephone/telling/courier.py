"""Delivers events to the addresses of an application, in threads of its own: a slow receiver slows nobody else."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from threading import Condition, Event, Thread, Timer
from typing import NamedTuple

from mock_server.deliveries import DELIVERED, DELIVERING, DROPPED, FAILED, REFUSED, Attempt, Delivery, size_of
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.spaces import Space
from mock_server.spec import Sending
from mock_server.stores import StoreFailed
from mock_server.telephone.telling.addresses import Place, Refused, place_of
from mock_server.telephone.telling.signing import signed

log = logging.getLogger("ringback")

THREADS = 8
_READ_BYTES = 16 * 1024


class _Job(NamedTuple):
    space: Space
    delivery: Delivery
    sending: Sending
    size: int = 0
    """Its bytes, as long as it waits."""


class Courier:
    """Sends what it is given: of one space and vendor one after the other and in order, of several side by side."""

    def __init__(self, hosts: Collection[str] = (), limits: Limits = DEFAULTS, *, deferred: bool = False) -> None:
        """One that is `deferred` sends nothing until it is told `post`: of several processes one does that."""
        self._limits = limits
        self._deferred = deferred
        self._hosts = frozenset(host.lower() for host in hosts)
        self._lanes: dict[tuple[str, str], deque[_Job]] = {}
        self._ready: deque[tuple[str, str]] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._threads: list[Thread] = []
        self._posted: set[tuple[str, int]] = set()
        self.done: Callable[[str], object] = lambda state: None
        """Is told what has become of each delivery."""
        self._changed = Condition()

    def send(self, space: Space, delivery: Delivery, sending: Sending) -> None:
        """Queues the delivery and returns at once."""
        if not self._deferred:
            self.post(space, delivery, sending)

    def post(self, space: Space, delivery: Delivery, sending: Sending) -> None:
        """As `send`, now."""
        with self._changed:
            if (space.name, delivery.number) in self._posted:
                return
            if self._deferred and self._waiting >= self._limits.waiting_deliveries // 2:
                return  # It stays where it is, and will be posted again.
            most, most_bytes = self._limits.waiting_deliveries, self._limits.waiting_delivery_bytes
            job = _Job(space, delivery, sending, size_of(delivery))
            if self._waiting >= most:
                delivery.state, delivery.reason = DROPPED, f"{most} deliveries were waiting already"
                return
            if self._waiting_bytes + job.size > most_bytes:
                delivery.state, delivery.reason = DROPPED, f"{most_bytes} bytes of deliveries were waiting already"
                return
            key = (space.name, delivery.provider)
            lane = self._lanes.get(key)
            if lane is None:
                # A lane that exists is being emptied, or about to be: only a new one has to be announced.
                lane = self._lanes[key] = deque()
                self._ready.append(key)
            lane.append(job)
            if self._deferred:
                self._posted.add((space.name, delivery.number))
            self._waiting += 1
            self._waiting_bytes += job.size
            if len(self._threads) < min(THREADS, len(self._lanes)):
                thread = Thread(target=self._work, name=f"courier-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def refuses(self, url: str) -> str | None:
        """Why the address would not be called, as far as it alone tells; None when it would be."""
        try:
            place_of(url, self._hosts, lambda host, port: ["127.0.0.1"])
        except Refused as refused:
            return str(refused)
        return None

    def settled(self, space: Space, seconds: float) -> bool:
        """Waits until nothing of the space is on its way, at most so many seconds; says whether that is so."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while any(name == space.name for name, _ in self._lanes):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
        return True

    def now(self, space: Space, delivery: Delivery, sending: Sending) -> bytes | None:
        """Sends the delivery while the caller waits; the receiver's answer when it is a 2xx, else None."""
        answer = self._deliver(_Job(space, delivery, sending))
        space.deliveries.keep(delivery)
        self.done(delivery.state)
        return answer

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ready:
                    self._changed.wait()
                key = self._ready.popleft()
                job = self._lanes[key].popleft()
            try:
                self._deliver(job)
            except Exception:
                log.exception("delivery %d of %s failed", job.delivery.number, job.space.name)
                job.delivery.state, job.delivery.reason = FAILED, "a fault of Ringback's own; its log says which"
            try:
                job.space.deliveries.keep(job.delivery)
            except StoreFailed:
                log.error("what became of delivery %d of %s is not kept", job.delivery.number, job.space.name)
            with self._changed:
                self.done(job.delivery.state)
                self._posted.discard((job.space.name, job.delivery.number))
                self._waiting -= 1
                self._waiting_bytes -= job.size
                if self._lanes[key]:
                    self._ready.append(key)
                else:
                    del self._lanes[key]
                self._changed.notify_all()

    def _deliver(self, job: _Job) -> bytes | None:
        """Tries until the receiver says 2xx, as often as the vendor does."""
        delivery = job.delivery
        try:
            place = place_of(delivery.url, self._hosts)
        except Refused as refused:
            delivery.state, delivery.reason = REFUSED, str(refused)
            return None
        for _ in range(1 + job.sending.retries):
            answer, attempt = self._attempt(job, place)
            job.space.deliveries.tried(delivery, attempt)
            if attempt.status is not None and 200 <= attempt.status < 300:
                delivery.state, delivery.reason = DELIVERED, None
                return answer
        last = delivery.attempts[-1]
        told = last.error or f"the receiver answered {last.status}"
        delivery.reason = f"{len(delivery.attempts)} of {1 + job.sending.retries} attempts: {told}"
        delivery.state = FAILED
        return None

    def _attempt(self, job: _Job, place: Place) -> tuple[bytes, Attempt]:
        # Receivers compare the time of a signature with their own clock, so it is the real one.
        began, wall = time.perf_counter(), datetime.now(UTC)
        # Ours come last: who delivers is told by no record.
        headers = {**job.delivery.more, "Host": place.host, "Content-Type": "application/json"}
        headers["User-Agent"] = DELIVERING
        if job.sending.signature is not None and job.delivery.secret:
            milliseconds = int(wall.timestamp() * 1000)
            name, value = signed(job.sending.signature, job.delivery.body, job.delivery.secret, milliseconds)
            headers = {other: text for other, text in headers.items() if other.lower() != name.lower()}
            headers[name] = value
        job.delivery.headers = headers
        forced = job.space.deliveries.failure(job.delivery.provider)
        status, error, answer = None, None, b""
        if forced is not None:
            status, error = forced or None, None if forced else "no answer, as was told in advance"
        else:
            try:
                seconds = job.delivery.seconds or job.sending.timeout_seconds
                status, answer = _post(place, headers, job.delivery.body.encode(), seconds)
            except (OSError, HTTPException, ValueError) as failed:
                error = f"{type(failed).__name__}: {failed}"
        passed = round((time.perf_counter() - began) * 1000, 3)
        text = answer[:2000].decode("utf-8", "replace")
        return answer, Attempt(wall.isoformat(timespec="milliseconds"), status, error, text, passed)


def _post(place: Place, headers: dict[str, str], body: bytes, seconds: float) -> tuple[int, bytes]:
    """One request to exactly this address; redirects are answers like others."""
    plain = socket.create_connection((place.address, place.port), timeout=seconds)
    # The timeout is that of each read: who says a byte now and then would keep a thread, of which there are few.
    handle = plain.dup()
    passed = Event()
    late = Timer(seconds, _end, (handle, passed))
    late.daemon = True
    late.start()
    try:
        if place.secure:
            name = place.host.rpartition("@")[2].partition(":")[0]
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=name)
        connection = HTTPConnection(place.address, place.port, timeout=seconds)
        connection.sock = plain
        connection.request("POST", place.target, body, headers)
        answer = connection.getresponse()
        status, said = answer.status, answer.read(_READ_BYTES)
        if passed.is_set():
            # What was cut off looks like a short answer.
            raise TimeoutError(f"no whole answer within {seconds:g} seconds")
        return status, said
    finally:
        late.cancel()
        handle.close()
        plain.close()


def _end(connection: socket.socket, passed: Event) -> None:
    passed.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
