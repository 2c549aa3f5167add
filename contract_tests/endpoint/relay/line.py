"""One connection to an origin, with one exchange at a time on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import cast

import httptools

from contract_tests.endpoint.relay.flow import Flow
from contract_tests.endpoint.relay.heads import LARGEST_HEAD_BYTES, Headers, ReplyHead
from contract_tests.endpoint.wire import MOST_INTERIM


class NoAnswer(Exception):
    """No answer came: `unsent` says that the request never got there, `late` that it took too long."""

    def __init__(self, text: str, *, unsent: bool = False, late: bool = False, silent: bool = False) -> None:
        super().__init__(text)
        self.unsent = unsent
        self.late = late
        self.silent = silent


Interim = Callable[[int, Headers], None]


class Line(asyncio.Protocol):
    """One connection to the origin."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.used = self.touched = monotonic()
        self.reused = False
        self.busy = False
        self.gone = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._clear()

    def _clear(self) -> None:
        self._parser: httptools.HttpResponseParser | None = None
        self._head: asyncio.Future[ReplyHead] | None = None
        self._interim: Interim | None = None
        self._method = ""
        self._reason = b""
        self._headers: Headers = []
        self._bytes = 0
        self._count = 0
        self._began = False
        self._lasting = False
        self.body: Flow | None = None

    # --- an exchange ----------------------------------------------------------------------------

    def begin(self, method: str, head: bytes, interim: Interim | None) -> asyncio.Future[ReplyHead]:
        """Sends the head of a request, and perhaps some of its body; the head of the answer comes in the future."""
        self._clear()
        self.busy = True
        self.touched = monotonic()
        self._method, self._interim = method, interim
        self._parser = httptools.HttpResponseParser(self)
        self._head = asyncio.get_running_loop().create_future()
        self.body = Flow(self.transport)
        if self.gone or self.transport is None:
            self._fail(NoAnswer("the connection was closed", silent=True))
        else:
            self.transport.write(head)
        return self._head

    async def send(self, piece: bytes) -> None:
        """Sends a piece of the body, at the pace of the origin."""
        if self.transport is None or self.gone:
            return
        self.touched = monotonic()
        self.transport.write(piece)
        await self._writable.wait()

    @property
    def usable(self) -> bool:
        """Whether another exchange may follow on this connection."""
        over = self.body is None or (self.body.ended and self.body.failed is None)
        return not self.gone and over and self._lasting

    def close(self) -> None:
        """Ends the connection."""
        self.gone = True
        if self.transport is not None:
            self.transport.abort()

    def fail(self, why: NoAnswer) -> None:
        """Gives the exchange up."""
        self._fail(why)
        self.close()

    def _fail(self, why: NoAnswer) -> None:
        self._lasting = False
        if self._head is not None and not self._head.done():
            self._head.set_exception(why)
        if self.body is not None:
            self.body.end(why)

    # --- what comes -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods alone.

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.touched = monotonic()
        if self._parser is None or not self.busy:
            self.close()  # Nothing was asked: what comes now could not be trusted later.
            return
        self._began = True
        self._bytes += len(data)
        if self._head is not None and not self._head.done() and self._bytes > 2 * LARGEST_HEAD_BYTES:
            self.fail(NoAnswer(f"its headers are larger than {LARGEST_HEAD_BYTES >> 10} KiB"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            inner = error.__context__ if isinstance(error.__context__, NoAnswer) else None
            if self.body is not None and self.body.ended:
                self._lasting = False  # The answer was whole, and more came than belongs to it.
                self.close()
                return
            self.fail(inner or NoAnswer(f"its answer is no HTTP: {error}"[:300]))

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._writable.set()
        body, head = self.body, self._head
        if body is None or head is None or body.ended:
            return
        if not head.done():
            text = (
                "the connection was closed in the middle of its headers"
                if self._began
                else ("the connection was closed without an answer")
            )
            self._fail(NoAnswer(text, silent=not self._began))
            return
        answer = head.result() if head.exception() is None else None
        if error is None and answer is not None and not answer.chunked and answer.length is None:
            body.end()  # Its end is the end of the connection.
        else:
            body.end(NoAnswer(f"its body breaks off after {body.size:,} bytes"))

    # --- what the parser tells ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._reason, self._headers = b"", []
        if self.body is not None and self.body.ended:
            raise NoAnswer("more came than belongs to the answer")

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None and self._head.done():
            if self.body is not None:
                self.body.trailers.append((name, value))
            return
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        assert self._head is not None
        assert self.body is not None
        status = self._parser.get_status_code()
        if status == 101:
            raise NoAnswer("it changes the protocol, which nobody asked for")
        if status < 200:
            self._count += 1
            if self._count > MOST_INTERIM:
                raise NoAnswer(f"more than {MOST_INTERIM} times it says only that an answer will come (1xx)")
            if self._interim is not None:
                self._interim(status, self._headers)
            return
        head = ReplyHead(status, self._reason, self._headers)
        self._lasting = self._parser.should_keep_alive()
        if not self._head.done():
            self._head.set_result(head)
        if self._method == "HEAD":
            # The parser knows nothing of the method, and would wait for a body.
            self.body.end()

    def on_body(self, piece: bytes) -> None:
        if self.body is not None and not self.body.ended:
            self.body.put(piece)

    def on_message_complete(self) -> None:
        if self._head is not None and self._head.done() and self.body is not None:
            self.body.end()
