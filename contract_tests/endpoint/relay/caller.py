"""An application's connection: its requests, one after the other, each with its body on its way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from time import monotonic
from typing import cast

import httptools

from contract_tests.endpoint.relay.flow import Flow
from contract_tests.endpoint.relay.heads import LARGEST_HEAD_BYTES, Headers, RequestHead, encoded, passed_on

MOST_WAITING = 16
"""So many requests may be sent before the first is answered."""
HEAD_SECONDS = 30.0
"""So long a request may take to arrive up to its body."""
LINGER_SECONDS = 1.0
_TOO_LARGE = f"the headers are larger than {LARGEST_HEAD_BYTES >> 10} KiB"


class Refusable(Exception):
    """What came cannot be taken; `status` is what is said to it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


Asked = tuple[RequestHead, Flow]
Answer = Callable[["Caller", RequestHead, Flow], Awaitable[bool]]
"""Answers a request; tells whether the connection goes on."""


class Caller(asyncio.Protocol):
    """One connection of an application."""

    def __init__(self, answer: Answer, refuse: Callable[[Caller, Refusable], None], callers: set[Caller]) -> None:
        self.transport: asyncio.Transport | None = None
        self.gone = False
        self.busy = False
        self.since: float | None = None
        """When the head that is coming began."""
        self._deaf = False
        self._answer = answer
        self._refuse = refuse
        self._callers = callers
        self._asked: deque[Asked | Refusable] = deque()
        self._more: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._body: Flow | None = None
        self._target = b""
        self._headers: Headers = []
        self._bytes = 0
        self._coming = 0

    # --- out --------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.gone:
            self.transport.write(data)

    async def drained(self) -> None:
        """Waits until the application has taken enough of what was written."""
        if not self._writable.is_set():
            await self._writable.wait()

    def interim(self, status: int, headers: Headers) -> None:
        """Says that an answer will come."""
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        self.write(encoded(b"HTTP/1.1 %d %s" % (status, phrase.encode()), passed_on(headers)))

    def close(self) -> None:
        """Ends the connection when what was written has been sent."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Ends the connection so that nobody takes what was sent for all of it."""
        if self.transport is not None:
            self.transport.abort()

    # --- what comes -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods alone.
        self.transport.set_write_buffer_limits(high=1 << 18)
        self._callers.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._callers.discard(self)
        self._writable.set()
        if self._body is not None:
            self._body.end(Refusable(400, "the request broke off"))
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return  # What follows cannot be understood; read it must be, or its sender would not hear why.
        if self.since is None and not self.busy:
            self.since, self._coming = monotonic(), 0
        self._coming += len(data)
        if self.since is not None and self._coming > 2 * LARGEST_HEAD_BYTES:
            self._give_up(Refusable(431, _TOO_LARGE))  # The parser would go on to collect one header for ever.
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # No other protocol is passed on: the request is taken as one of HTTP/1.1, which it may always be.
            self._parser = httptools.HttpRequestParser(self)
            rest = data[upgrade.args[0] :] if upgrade.args else b""
            if rest:
                self.data_received(rest)
        except httptools.HttpParserError as error:
            inner = error.__context__
            wrong = inner if isinstance(inner, Refusable) else Refusable(400, f"the request is no HTTP: {error}"[:300])
            self._give_up(wrong)

    def _give_up(self, why: Refusable) -> None:
        self._deaf = True
        if self._body is not None and not self._body.ended:
            self._body.end(why)
        else:
            self._asked.append(why)
            self._wake()

    def eof_received(self) -> bool:
        if self._deaf:
            return False
        # Who has said everything may still listen.
        if self._body is not None and not self._body.ended:
            self._body.end(Refusable(400, "the request broke off"))
        self._asked.append(Refusable(0, ""))
        self._wake()
        return True

    # --- what the parser tells --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._target, self._headers, self._bytes = b"", [], 0
        if len(self._asked) > MOST_WAITING:
            raise Refusable(503, f"more than {MOST_WAITING} requests wait on one connection")

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._grown(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is not None and not self._body.ended:
            self._body.trailers.append((name, value))
        else:
            self._headers.append((name, value))
        self._grown(len(name) + len(value))

    def _grown(self, size: int) -> None:
        self._bytes += size
        if self._bytes > LARGEST_HEAD_BYTES:
            raise Refusable(431, _TOO_LARGE)

    def on_headers_complete(self) -> None:
        parser = self._parser
        head = RequestHead(
            parser.get_method().decode("latin-1"),
            self._target,
            self._headers,
            parser.get_http_version(),
            parser.should_keep_alive() and parser.get_http_version() == "1.1",
        )
        self.since = None
        self._body = Flow(self.transport)
        self._asked.append((head, self._body))
        self._wake()

    def on_body(self, piece: bytes) -> None:
        if self._body is not None:
            self._body.put(piece)

    def on_message_complete(self) -> None:
        if self._body is not None:
            self._body.end()

    # --- one after the other ----------------------------------------------------------------------

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())
        elif self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def _lingered(self) -> None:
        """Waits until the application has heard the last word, for a moment."""
        if self.transport is not None and not self.gone:
            self.transport.write_eof()
        until = monotonic() + LINGER_SECONDS
        while not self.gone and monotonic() < until:
            await asyncio.sleep(0.01)

    async def _serve(self) -> None:
        goes_on = True
        while goes_on and not self.gone:
            if not self._asked:
                self._more = asyncio.get_running_loop().create_future()
                await self._more
                continue
            asked = self._asked.popleft()
            if isinstance(asked, Refusable):
                if asked.status:
                    self._refuse(self, asked)
                    await self._lingered()
                break
            self.busy = True
            try:
                goes_on = await self._answer(self, *asked)
            finally:
                self.busy = False
        self.close()
