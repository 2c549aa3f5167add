"""The one way out: every request of the harness is sent here, to one origin, with the key put in last."""

from __future__ import annotations

import copy
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from contract_tests.endpoint.guard import Guard
from contract_tests.endpoint.mask import SHORTEST_SECRET, Mask
from contract_tests.endpoint.opening import CannotOpen, Opening, Proxy, authorities
from contract_tests.endpoint.wire import Broken, Connection, Late, Raw, Silent
from contract_tests.words.findings import NotCovered, printable
from contract_tests.words.replies import Reply, reply_of
from contract_tests.words.secrets.discretion import MASK
from contract_tests.words.secrets.mutations import forms
from mock_server import __version__
from mock_server.spec import Spec, WireRequest

__all__ = [
    "MASK",
    "SHORTEST_SECRET",
    "TIMEOUT_SECONDS",
    "Busy",
    "Exchange",
    "Reply",
    "Route",
    "Transport",
    "Unanswered",
    "Unreachable",
    "reach",
    "reply_of",
]

TIMEOUT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 60
BUSY_TRIES = 6
"""So often a request is sent to a server that says that it is busy; without Retry-After the pauses double."""
FIRST_PAUSE_SECONDS = 0.5
TRIES_AFTER_AN_ERROR = 2
"""So often a request is sent again to a server that answered it with an error of its own."""
MOST_WAITS = 2
"""So often an operation may take longer than anybody waits; after that it is not asked again."""
MOST_KEPT, LONGEST_KEPT_BYTES = 500, 1 << 16
"""So many answers are kept for findings to show, and so much of each."""
MOST_IN_A_ROW = 3
"""So many requests without an answer in time, one after another, and the server counts as gone."""
_FIGURES = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+")
_OURS = {"User-Agent": f"ringback-check/{__version__}", "Accept": "*/*"}


class Busy(NotCovered):
    """The target asks to be left alone, or leaves an operation without an answer, for longer than anybody waits."""


class Unreachable(Exception):
    """Nobody is at the target, or no longer; nothing that is sent from now on would be answered."""


class Unanswered(Unreachable):
    """One request had no whole answer, though the server is there: `wire` is the request, the text says what came."""

    def __init__(self, message: str, wire: WireRequest) -> None:
        super().__init__(message)
        self.wire = wire


class Exchange(NamedTuple):
    """A request that was sent, what came back, when (epoch seconds) and how long it took."""

    origin: str
    request: WireRequest
    reply: Reply
    cost: str
    at: float
    seconds: float


class Route(NamedTuple):
    """How a target is reached: the seconds that an exchange may take, a proxy, a file of authorities to trust."""

    timeout: float = TIMEOUT_SECONDS
    proxy: Proxy | None = None
    ca_file: str | None = None


class Transport:
    """Sends to one origin, never elsewhere: redirects are not followed, proxies of the environment not used.

    Every request passes the guard first, a second attempt too. `secrets` maps what stands for a key in the requests to
    the key: it is put in when a request is sent and taken out of what comes back, so that nothing above the transport
    ever holds a key. `rate` is the most requests a second; a server that says that it is busy (429, 503 with
    `Retry-After`) is waited for. `watch` sees every exchange.

    A target that cannot be reached is tried once: every later request fails at once, and so does everything after a
    server went away.
    """

    def __init__(
        self,
        origin: str,
        guard: Guard,
        *,
        secrets: Mapping[str, str] | None = None,
        rate: float | None = None,
        watch: Callable[[Exchange], None] | None = None,
        route: Route | None = None,
    ) -> None:
        self.origin = origin.rstrip("/")
        self.guard = guard
        self.rate = rate
        self.watch = watch
        self.gone: str | None = None
        """Why nobody is there any more, once that is known."""
        self._next = 0.0
        self._unanswered = 0
        self._waits: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}
        self._kept: dict[int, tuple[WireRequest, Reply]] = {}
        self.asked: Counter[str] = Counter()
        """The requests that were sent, by operation."""
        self.flaky: Counter[tuple[str, int]] = Counter()
        """Server errors that did not come again when the same was asked again, by operation and status."""
        self._steady: set[tuple[str, int, bytes]] = set()
        self._wire = _Wire(self.origin, dict(secrets or {}), route or Route())
        if secrets:
            self._wire.learn_words(said_by(guard.spec))

    @property
    def sent(self) -> int:
        """The requests sent so far."""
        return self.guard.sent

    def another(self) -> Transport:
        """The same way to the same place over a connection of its own, for requests at the same time."""
        other = copy.copy(self)
        other._wire = self._wire.another()
        return other

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()

    def send(self, request: WireRequest, *, expected: int = 0) -> Reply:
        """The answer; raises NotCovered where the request is not allowed, Unreachable where nobody answers.

        A server error that is not `expected` is asked for again, where that costs nothing: one that does not come
        again is counted in `flaky`, and the answer is what came then.
        """
        reply, cost = self._patiently(request)
        free = not self.guard.own and (cost == "read" or not self.guard.real)
        if reply.status >= 500 and reply.status not in (expected, 501) and free:
            reply = self._once_more(request, reply)
        self.guard.learn(request, reply.status, reply.json)
        return reply

    def _once_more(self, request: WireRequest, first: Reply) -> Reply:
        name = self.guard.operation_of(request)
        known = (name, first.status, _FIGURES.sub(b"0", first.body[:500]))
        reply = first
        for tried in range(1, TRIES_AFTER_AN_ERROR + 1):
            if known in self._steady:
                break
            reply = self._patiently(request)[0]
            if reply.status < 500:
                self.flaky[name, first.status] += tried
                if reply.status >= 400 and self.guard.once(request):
                    first_time = f"was answered {first.status}, and {reply.status} when it was asked again"
                    raise NotCovered(f"{name} {first_time}: whether it was done the first time is not known")
                return reply
        self._steady.add(known)
        return reply

    def _patiently(self, request: WireRequest) -> tuple[Reply, str]:
        """The answer and the cost of a request, which is sent again as long as the server says that it is busy."""
        for tried in range(1, BUSY_TRIES + 1):
            reply, cost = self._sent(request)
            pause = _pause(reply, tried)
            if pause is None:
                break
            self._next = max(self._next, time.monotonic() + pause)
            # A busy server may have done what it was asked to: only what changes nothing is asked again after a 503.
            if reply.status != 429 and (cost != "read" or tried > 1):
                break
            if tried == BUSY_TRIES:
                name = self.guard.operation_of(request)
                self._given_up[name] = f"{name} is answered 429, {tried} times in a row"
                raise Busy(self._given_up[name])
        return reply, cost

    def keep(self, request: WireRequest, reply: Reply) -> None:
        """Keeps an answer for a while, so that a finding can show it."""
        if len(reply.body) > LONGEST_KEPT_BYTES:
            reply = Reply(reply.status, reply.headers, reply.body[:LONGEST_KEPT_BYTES], None, reply.is_json)
        self._kept[id(request)] = (request, reply)
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def answered(self, request: WireRequest) -> Reply | None:
        """What was answered to this very request; None for one that was answered long ago, or not at all."""
        return self._kept.get(id(request), (request, None))[1]

    def _sent(self, request: WireRequest) -> tuple[Reply, str]:
        """What comes of sending a request once; a connection that was closed in silence gets one new one."""
        name = self.guard.operation_of(request)
        if self.gone is None and name in self._given_up:
            raise Busy(f"{self._given_up[name]}, and is not asked again")
        for again in (False, True):
            if self.gone is not None:
                raise Unreachable(self.gone)
            cost = self.guard.admit(request)
            self._pace()
            # What costs is not sent over a connection that the server may be about to close.
            careful = self.guard.real and cost != "read"
            started = time.time()
            outcome = self._wire.transfer(request, fresh=careful)
            if isinstance(outcome, Reply):
                self._unanswered = 0
                self.asked[name] += 1
                self.keep(request, outcome)
                if self.watch is not None:
                    self.watch(Exchange(self.origin, request, outcome, cost, started, time.time() - started))
                return outcome, cost
            if outcome.silent and not again and not careful:
                continue
            break
        assert not isinstance(outcome, Reply)
        self._unanswered += outcome.late
        self._waits[name] += outcome.late
        if self._waits[name] >= MOST_WAITS:
            self._given_up[name] = f"{name} gave no answer in time, {MOST_WAITS} times"
        where = f"{request.method} {self.origin}{request.target}"
        gone = outcome.text if outcome.closed else self._wire.gone()
        if gone is None and self._unanswered < MOST_IN_A_ROW:
            raise Unanswered(f"{where}: {outcome.text}", request)
        self.gone = gone or f"{where}: {outcome.text}; so it was {self._unanswered} times in a row"
        raise Unreachable(self.gone)

    def _pace(self) -> None:
        """Waits as long as the rate and the server ask for; raises Busy where that is too long."""
        wait = self._next - time.monotonic()
        if wait > LONGEST_PAUSE_SECONDS:
            raise Busy(f"the server asks to be left alone for another {wait:.0f} seconds")
        if wait > 0:
            time.sleep(wait)
        if self.rate:
            self._next = max(self._next, time.monotonic() + 1 / self.rate)


def said_by(spec: Spec) -> str:
    """What the pages themselves say in requests and answers."""
    operations = spec.operations.values()
    requests = [(one.path, one.query, one.body) for operation in operations for one in operation.requests.values()]
    answers = [one.value for table in (spec.answers, *(one.answers for one in operations)) for one in table.values()]
    schemas = [response.schema for one in operations for response in one.responses.values()]
    return json.dumps([requests, answers, schemas], default=_plain, ensure_ascii=False)


def _plain(node: object) -> object:
    return dict(node) if isinstance(node, Mapping) else str(node)


def reach(origin: str, route: Route) -> None:
    """Raises Unreachable where no connection to an origin can be opened; sends nothing."""
    why = _Wire(origin, {}, route).gone()
    if why is not None:
        raise Unreachable(why)


class _Nothing(NamedTuple):
    """That no whole answer came: why, and whether the connection could not be opened, was closed, or took too long."""

    text: str
    closed: bool = False
    silent: bool = False
    late: bool = False


class _Wire:
    """The connection; the only place where a key is known."""

    def __init__(self, origin: str, secrets: Mapping[str, str], route: Route, words: set[str] | None = None) -> None:
        self._origin = origin
        self._prefix = urlsplit(origin).path
        self._given = secrets
        self._secrets = {
            **secrets,
            **{form: key for name in secrets for form, key in forms(name, secrets[name]).items()},
        }
        self._route = route
        # The longest name first: one may be the beginning of another.
        self._names = re.compile(
            "|".join(re.escape(name) for name in sorted(self._secrets, key=len, reverse=True)) or "(?!)"
        )
        self._words: set[str] = set() if words is None else words
        """The secrets that are words like others: in what is judged they stay, in what is written they do not."""
        self._masked, self._mask = 0, Mask(self._secrets.values())

    def learn_words(self, text: str) -> None:
        """Sees what is said openly: a secret in it is a word like others, which hides nothing."""
        lower = text.lower()
        self._words |= {one for one in self._secrets.values() if one not in self._words and one.lower() in lower}
        if self._masked != len(self._words):
            self._masked = len(self._words)
            self._mask = Mask(one for one in self._secrets.values() if one not in self._words)

    @cached_property
    def _opening(self) -> Opening:
        """The way there; made when something is sent, because whom to trust takes a while to read."""
        parts = urlsplit(self._origin)
        try:
            trust = authorities(self._route.ca_file) if parts.scheme == "https" else None
        except OSError as error:
            raise CannotOpen(f"the authorities to trust cannot be read: {error.strerror or error}") from None
        port = parts.port or (443 if trust else 80)
        return Opening(f"{parts.scheme}://{parts.netloc}", parts.hostname or "", port, self._route.proxy, trust)

    @cached_property
    def _connection(self) -> Connection:
        return Connection(self._opening, self._route.timeout)

    def __repr__(self) -> str:
        return f"<connection to {self._origin}>"

    def another(self) -> _Wire:
        """A further connection to the same place."""
        return _Wire(self._origin, self._given, self._route, self._words)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if "_connection" in self.__dict__:
            self._connection.close()

    def gone(self) -> str | None:
        """Why nobody can be reached there now; None where somebody can."""
        try:
            self._opening.open(time.monotonic() + min(10.0, self._route.timeout)).close()
        except CannotOpen as why:
            return str(why)
        return None

    def transfer(self, request: WireRequest, *, fresh: bool) -> Reply | _Nothing:
        """Sends a request once; nothing that is raised from here knows a key."""
        outcome: Raw | _Nothing = _Nothing("")
        interrupted = False
        try:
            if fresh:
                self._connection.close()
            outcome = self._exchange(request)
        except KeyboardInterrupt:
            interrupted = True
        except CannotOpen as why:
            outcome = _Nothing(str(why), closed=True)
        except Silent:
            outcome = _Nothing("the connection was closed without an answer", silent=True)
        except Broken as why:
            outcome = _Nothing(printable(self._mask.text(str(why))), late=isinstance(why, Late))
        except Exception as error:
            outcome = _Nothing(f"it could not be sent: {type(error).__name__}")
        if interrupted:
            self._connection.close()
            raise KeyboardInterrupt
        if isinstance(outcome, _Nothing):
            return outcome
        return self._mask.reply(outcome.status, outcome.headers, outcome.content, outcome.flaws)

    def _exchange(self, request: WireRequest) -> Raw:
        body = request.body
        if self._secrets:
            self.learn_words(f"{unquote(request.target)} {(body or b'').decode('utf-8', 'replace')}")
        if body is not None and self._secrets:
            body = self._with_keys(body.decode("utf-8", "surrogateescape"), quoted=True).encode(
                "utf-8", "surrogateescape"
            )
        headers = {**_OURS, **{name: self._with_keys(value) for name, value in request.headers.items()}}
        return self._connection.exchange(request.method, self._prefix + request.target, headers, body)

    def _with_keys(self, text: str, *, quoted: bool = False) -> str:
        """The text with the secrets in place of their names; `quoted` for use inside a JSON string."""
        known = self._secrets
        return self._names.sub(
            lambda found: json.dumps(known[found.group()])[1:-1] if quoted else known[found.group()], text
        )


def _pause(reply: Reply, tried: int) -> float | None:
    """The seconds that a busy server is to be left alone: as many as it asks for, or until a date, or ever more."""
    if reply.status not in (429, 503):
        return None
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError):
        return FIRST_PAUSE_SECONDS * 2 ** (tried - 1) if reply.status == 429 else None
