"""What a relay is told to do with a request, and what it tells when the exchange is over: plain data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from contract_tests.endpoint.relay.heads import Headers, ReplyHead, RequestHead
from contract_tests.endpoint.relay.line import NoAnswer
from contract_tests.endpoint.relay.upstream import Upstream

TARGET, MERGED, MOCK, REFUSED, UNANSWERED = "target", "merged", "mock", "refused", "unanswered"
"""Whose the answer is: the target's, the target's with the mock's records in it, the mock's, our own (twice)."""


class Said(NamedTuple):
    """An answer of the relay's own."""

    status: int
    headers: Headers
    body: bytes


Rewrite = Callable[[ReplyHead, bytes], Awaitable[tuple[Headers, bytes] | None]]


class Decision(NamedTuple):
    """Where a request goes with which target and headers, or what is `said` to it.

    `marks` are put on the answer. `rewrite` sees a whole answer before the application does; None leaves it. `careful`
    says that it must not be sent twice. `burst` tells, when the exchange is over, with which others it overlapped.
    `space` tells the keys of applications apart.
    """

    how: str
    upstream: Upstream | None = None
    target: bytes = b""
    headers: Headers = []  # noqa: RUF012 - is never changed
    said: Said | None = None
    marks: Headers = []  # noqa: RUF012 - is never changed
    rewrite: Rewrite | None = None
    careful: bool = True
    burst: Callable[[], int] = lambda: 0
    space: int = 0


class Passed(NamedTuple):
    """One exchange that is over. Bodies are cut where they are too large to be judged (`cut`).

    `reply_headers` and `reply_body` are the answerer's own, before anything was merged into them. `at` is in seconds
    since 1970; `flaws` say what is wrong with the answer as HTTP.
    """

    how: str
    method: str
    target: bytes
    headers: Headers
    body: bytes
    status: int
    reply_headers: Headers
    reply_body: bytes
    reply_bytes: int
    cut: bool
    flaws: tuple[str, ...]
    why: str
    at: float
    seconds: float
    burst: int
    space: int


class Policy(Protocol):
    """Who decides, and hears what came of it."""

    def needs_body(self, head: RequestHead) -> bool:
        """Whether only the whole body tells what the request is."""

    async def decide(self, head: RequestHead, body: bytes | None) -> Decision:
        """What is done with a request; `body` is None where it does not matter, and may still be on its way."""

    def unanswered(self, why: NoAnswer) -> Said:
        """What the application is told in place of an answer that did not come."""

    def refused(self, status: int, why: str) -> Said:
        """What is said to a request that cannot be taken."""

    async def over(self, passed: Passed) -> None:
        """An exchange is over; who cannot take more of them waits here."""
