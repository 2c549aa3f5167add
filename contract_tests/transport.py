"""The one way out: every request of the harness is sent here, to one origin, with the key put in last."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import urllib3

from contract_tests.guard import Guard
from mock_server import __version__
from mock_server.messages import Json
from mock_server.spec import WireRequest

TIMEOUT_SECONDS = 30
MASK = "***"
_OURS = {"User-Agent": f"ringback-check/{__version__}", "Accept": "*/*"}


class Unreachable(Exception):
    """The target does not answer."""


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


def reply_of(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """The reply with its body read as JSON where it is JSON."""
    try:
        return Reply(status, headers, body, json.loads(body), True)
    except ValueError:
        return Reply(status, headers, body, None, False)


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

    Every request passes the guard first, a second attempt too. `secrets` maps what stands for a key in the requests to
    the key: it is put in when a request is sent and taken out of what comes back, so that nothing above the transport
    ever holds a key. `rate` is the most requests a second; a 429 or 503 with `Retry-After` is waited for and tried once
    more. `watch` sees every exchange.
    """

    def __init__(
        self,
        origin: str,
        guard: Guard,
        *,
        secrets: Mapping[str, str] | None = None,
        rate: float | None = None,
        watch: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.origin = origin.rstrip("/")
        self.guard = guard
        self.rate = rate
        self.watch = watch
        self._next = 0.0
        self._wire = _Wire(self.origin, dict(secrets or {}))

    @property
    def sent(self) -> int:
        """The requests sent so far."""
        return self.guard.sent

    def send(self, request: WireRequest) -> Reply:
        """The answer; raises NotCovered where the request is not allowed, Unreachable where nobody answers."""
        for again in (False, True):
            cost = self.guard.admit(request)
            self._pace()
            started = time.time()
            reply = self._wire.transfer(request)
            if self.watch is not None:
                self.watch(Exchange(self.origin, request, reply, cost, started, time.time() - started))
            pause = _retry_after(reply)
            if again or pause is None:
                break
            time.sleep(pause)
        self.guard.learn(request, reply.status, reply.json)
        return reply

    def _pace(self) -> None:
        if self.rate:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + 1 / self.rate


class _Wire:
    """The connection; the only place where a key is known."""

    def __init__(self, origin: str, secrets: Mapping[str, str]) -> None:
        parts = urlsplit(origin)
        self._origin = origin
        self._prefix = parts.path
        self._secrets = secrets
        # The longest name first: one may be the beginning of another.
        self._names = re.compile("|".join(re.escape(name) for name in sorted(secrets, key=len, reverse=True)) or "(?!)")
        self._masks = sorted(
            {
                form.encode(): MASK.encode()
                for key in secrets.values()
                for form in (key, json.dumps(key)[1:-1], quote(key, safe=""))
            }.items(),
            key=lambda mask: -len(mask[0]),
        )
        pool = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
        self._pool = pool(parts.hostname or "", parts.port, maxsize=1, timeout=TIMEOUT_SECONDS, retries=False)

    def __repr__(self) -> str:
        return f"<connection to {self._origin}>"

    def transfer(self, request: WireRequest) -> Reply:
        failure = ""
        try:
            response = self._pool.urlopen(
                request.method,
                self._prefix + request.target,
                body=request.body,
                headers={**_OURS, **{name: self._with_keys(value) for name, value in request.headers.items()}},
                redirect=False,
                assert_same_host=False,
            )
        except urllib3.exceptions.HTTPError as error:
            failure = type(error).__name__
        if failure:
            # Raised here, so that no exception of the connection, whose frames hold the key, hangs on it.
            raise Unreachable(f"{self._origin} does not answer: {failure}")
        headers = {name.lower(): self._masked(value.encode()).decode() for name, value in response.headers.items()}
        return reply_of(response.status, headers, self._masked(response.data))

    def _with_keys(self, text: str) -> str:
        return self._names.sub(lambda found: self._secrets[found.group()], text)

    def _masked(self, content: bytes) -> bytes:
        for secret, mask in self._masks:
            content = content.replace(secret, mask)
        return content


def _retry_after(reply: Reply) -> float | None:
    """The seconds that a busy server asks to be left alone, at most a minute."""
    text = reply.headers.get("retry-after", "")
    if reply.status not in (429, 503) or not text.isdigit():
        return None
    return min(float(text), 60.0)
