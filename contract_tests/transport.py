"""The one way out: every request of the harness is counted here, and refused before it is sent if need be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import requests

from contract_tests.findings import NotCovered
from mock_server.messages import Json
from mock_server.spec import WireRequest

TIMEOUT_SECONDS = 30
COSTS = ("read", "write", "purchase")


class Unreachable(Exception):
    """The target does not answer."""


class BudgetSpent(NotCovered):
    """As many requests as were allowed have been sent."""


class Reply(NamedTuple):
    """A server's answer; `json` is None where the body is no JSON (`is_json` tells)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Json
    is_json: bool

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")


class Exchange(NamedTuple):
    """A request that was sent, what came back, when (epoch seconds) and how long it took."""

    origin: str
    request: WireRequest
    reply: Reply
    cost: str
    at: float
    seconds: float


class Transport:
    """Sends to one origin, never elsewhere: redirects are not followed, proxies of the environment not used.

    `rate` is the most requests a second; a 429 or 503 with `Retry-After` is waited for and tried once more.
    `watch` sees every exchange.
    """

    def __init__(
        self,
        origin: str,
        allowed: frozenset[str],
        max_requests: int | None = None,
        *,
        max_purchases: int | None = None,
        rate: float | None = None,
        watch: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.origin = origin.rstrip("/")
        self.allowed = allowed
        self.max_requests = max_requests
        self.max_purchases = max_purchases
        self.rate = rate
        self.watch = watch
        self.sent = 0
        self.purchases = 0
        self._next = 0.0
        self._session = requests.Session()
        self._session.trust_env = False

    def send(self, request: WireRequest, cost: str) -> Reply:
        """The answer; raises NotCovered where the request is not allowed, Unreachable where nobody answers."""
        if cost not in self.allowed:
            raise NotCovered(f"{cost} is not allowed here; --allow {cost} allows it")
        for again in (False, True):
            self._account(cost)
            started = time.time()
            reply = self._transfer(request)
            if self.watch is not None:
                self.watch(Exchange(self.origin, request, reply, cost, started, time.time() - started))
            pause = _retry_after(reply)
            if again or pause is None:
                break
            time.sleep(pause)
        return reply

    def _account(self, cost: str) -> None:
        """Counts a request before it is sent, keeps the rate, and refuses what is beyond a budget."""
        if self.max_requests is not None and self.sent >= self.max_requests:
            raise BudgetSpent(f"the budget of {self.max_requests} requests is spent; --max-requests N allows more")
        if cost == "purchase" and self.max_purchases is not None and self.purchases >= self.max_purchases:
            raise BudgetSpent(f"the budget of {self.max_purchases} purchases is spent; --max-purchases N allows more")
        self.sent += 1
        self.purchases += cost == "purchase"
        if self.rate:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + 1 / self.rate

    def _transfer(self, request: WireRequest) -> Reply:
        # requests would rewrite the path; a prepared URL is sent as it is.
        prepared = self._session.prepare_request(
            requests.Request(request.method, self.origin, headers=dict(request.headers), data=request.body)
        )
        prepared.url = self.origin + request.target
        try:
            response = self._session.send(prepared, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Unreachable(f"{self.origin} does not answer: {type(error).__name__}") from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            document, is_json = json.loads(response.content), True
        except ValueError:
            document, is_json = None, False
        return Reply(response.status_code, headers, response.content, document, is_json)


def _retry_after(reply: Reply) -> float | None:
    """The seconds that a busy server asks to be left alone, at most a minute."""
    text = reply.headers.get("retry-after", "")
    if reply.status not in (429, 503) or not text.isdigit():
        return None
    return min(float(text), 60.0)


def is_loopback(origin: str) -> bool:
    host = (urlsplit(origin).hostname or "").lower()
    return host in ("localhost", "::1") or host.startswith("127.")
