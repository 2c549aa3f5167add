"""The one way out: every request of the harness is sent here, to one origin, with the key put in last."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from html import escape
from typing import NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

import urllib3

from contract_tests.endpoint.guard import Guard
from contract_tests.words.findings import NotCovered
from mock_server import __version__
from mock_server.messages import Json
from mock_server.spec import WireRequest

TIMEOUT_SECONDS = 30
LONGEST_ANSWER_SECONDS = 60
LARGEST_ANSWER_BYTES = 64 << 20
LONGEST_PAUSE_SECONDS = 60
SHORTEST_SECRET = 8
MASK = "***"
_OURS = {"User-Agent": f"ringback-check/{__version__}", "Accept": "*/*"}


class Busy(NotCovered):
    """The target asks to be left alone for longer than anybody would wait."""


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
    except (ValueError, RecursionError):
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
    ever holds a key. `rate` is the most requests a second; `Retry-After` of a 429 or 503 is waited for, and what may be
    is tried once more. `watch` sees every exchange.
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
            if pause is not None:
                self._next = max(self._next, time.monotonic() + pause)
            # A busy server may have done what it was asked to: only what changes nothing is asked again after a 503.
            if again or pause is None or (reply.status != 429 and cost != "read"):
                break
        self.guard.learn(request, reply.status, reply.json)
        return reply

    def _pace(self) -> None:
        """Waits as long as the rate and the server ask for; raises Busy where that is too long."""
        wait = self._next - time.monotonic()
        if wait > LONGEST_PAUSE_SECONDS:
            raise Busy(f"the server asks to be left alone for another {wait:.0f} seconds")
        if wait > 0:
            time.sleep(wait)
        if self.rate:
            self._next = max(self._next, time.monotonic() + 1 / self.rate)


class _Wire:
    """The connection; the only place where a key is known."""

    def __init__(self, origin: str, secrets: Mapping[str, str]) -> None:
        parts = urlsplit(origin)
        self._origin = origin
        self._prefix = parts.path
        self._secrets = secrets
        # The longest name first: one may be the beginning of another.
        self._names = re.compile("|".join(re.escape(name) for name in sorted(secrets, key=len, reverse=True)) or "(?!)")
        # A very short key is a part of many other words, and no secret.
        self._mask = _Mask([secret for secret in secrets.values() if len(secret) >= SHORTEST_SECRET])
        pool = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
        self._pool = pool(parts.hostname or "", parts.port, maxsize=1, timeout=TIMEOUT_SECONDS, retries=False)

    def __repr__(self) -> str:
        return f"<connection to {self._origin}>"

    def transfer(self, request: WireRequest) -> Reply:
        """Sends a request once; raises Unreachable, from here, so that nothing that knows a key hangs on it."""
        failure, interrupted = "", False
        try:
            status, headers, content = self._exchange(request)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            failure = str(error) if isinstance(error, _TooMuch) else type(error).__name__
        if interrupted:
            raise KeyboardInterrupt
        if failure:
            raise Unreachable(f"{self._origin} does not answer: {failure}")
        return self._mask.reply(status, headers, content)

    def _exchange(self, request: WireRequest) -> tuple[int, dict[str, str], bytes]:
        until = time.monotonic() + LONGEST_ANSWER_SECONDS
        body = request.body
        if body is not None and self._secrets:
            body = self._with_keys(body.decode("utf-8", "surrogateescape"), quoted=True).encode(
                "utf-8", "surrogateescape"
            )
        response = self._pool.urlopen(
            request.method,
            self._prefix + request.target,
            body=body,
            headers={**_OURS, **{name: self._with_keys(value) for name, value in request.headers.items()}},
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )
        content = b""
        while chunk := response.read1(1 << 16):
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES:
                raise _TooMuch(f"its answer is larger than {LARGEST_ANSWER_BYTES >> 20} MiB")
            if time.monotonic() > until:
                raise _TooMuch(f"its answer takes longer than {LONGEST_ANSWER_SECONDS} seconds")
        response.release_conn()
        return response.status, dict(response.headers.items()), content

    def _with_keys(self, text: str, *, quoted: bool = False) -> str:
        """The text with the secrets in place of their names; `quoted` for use inside a JSON string."""
        known = self._secrets
        return self._names.sub(
            lambda found: json.dumps(known[found.group()])[1:-1] if quoted else known[found.group()], text
        )


class _TooMuch(Exception):
    """An answer that never ends."""


class _Mask:
    """Takes secrets out of what a server answers, in whatever form it says them."""

    def __init__(self, secrets: list[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def reply(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        """The reply without any secret."""
        lower = {self._text(name.lower()): self._text(value) for name, value in headers.items()}
        if self._pattern is None:
            return reply_of(status, lower, content)
        # Escapes are undone before it is looked for, and only what held a secret is written anew.
        reply = reply_of(status, lower, content)
        if reply.is_json and (clean := self._node(reply.json)) != reply.json:
            content = json.dumps(clean, ensure_ascii=False).encode("utf-8", "surrogateescape")
        text = content.decode("utf-8", "surrogateescape")
        return reply_of(status, lower, self._text(text).encode("utf-8", "surrogateescape"))

    def _text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def _node(self, node: Json) -> Json:
        if isinstance(node, dict):
            return {self._text(name): self._node(child) for name, child in node.items()}
        if isinstance(node, list):
            return [self._node(child) for child in node]
        return self._text(node) if isinstance(node, str) else node


def _forms(secret: str) -> set[str]:
    """How a server may say a secret: as it is, escaped for JSON, a URL or HTML, or as Basic credentials."""
    data = secret.encode()
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        escape(secret),
    }
    return forms | {b64encode(one).decode().rstrip("=") for one in (data, data + b":", b":" + data)}


def _retry_after(reply: Reply) -> float | None:
    """The seconds that a busy server asks to be left alone: a number of them, or until a date."""
    text = reply.headers.get("retry-after", "").strip()
    if reply.status not in (429, 503) or not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
