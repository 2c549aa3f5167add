"""One request and its answer on their way: asked as it came, answered as it comes, told when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter

from contract_tests.endpoint.relay.caller import Caller, Refusable
from contract_tests.endpoint.relay.flow import MOST_KEPT_BYTES, Flow
from contract_tests.endpoint.relay.heads import Headers, ReplyHead, RequestHead, encoded, passed_on
from contract_tests.endpoint.relay.line import Line, NoAnswer
from contract_tests.endpoint.relay.passed import REFUSED, UNANSWERED, Decision, Passed, Policy, Said

LARGEST_UNWANTED_BYTES = 16 << 20
UNWANTED_SECONDS = 5.0
"""So much, and so long, of a body is read that is for nobody, so that its sender hears why."""


class Passage:
    """One request and its answer."""

    def __init__(
        self, policy: Policy, caller: Caller, head: RequestHead, body: Flow, stopping: Callable[[], bool]
    ) -> None:
        self._policy = policy
        self._caller = caller
        self._head = head
        self._body = body
        self._stopping = stopping
        self._at, self._started = time.time(), perf_counter()
        self._lasting = head.lasting
        self._continued = False
        self._flaws: tuple[str, ...] = ()
        self._answer: tuple[int, Headers] = (0, [])
        self._reply = ReplyHead(0, b"", [])
        self._flow: Flow | None = None
        self._why = ""
        self._pumping: asyncio.Future[None] | None = None

    async def carried_out(self) -> bool:
        head = self._head
        content = await self._collected() if self._policy.needs_body(head) else None
        if isinstance(content, Said):
            return await self._tell(Decision(REFUSED, said=content), content)
        decision = await self._policy.decide(head, content)
        try:
            return await self._as_decided(decision, content)
        finally:
            decision.burst()

    async def _as_decided(self, decision: Decision, content: bytes | None) -> bool:
        if decision.said is not None:
            return await self._tell(decision, decision.said)
        try:
            line = await self._asked(decision, content)
        except NoAnswer as why:
            self._why = str(why)
            return await self._tell(decision._replace(how=UNANSWERED), self._policy.unanswered(why))
        upstream = decision.upstream
        assert upstream is not None
        try:
            if decision.rewrite is not None:
                await self._rewritten(decision, line)
            else:
                await self._passed(decision, line)
        finally:
            self._stop_pumping(line)
            upstream.done(line)
        await self._over(decision, decision.how)
        return self._lasting and not self._stopping()

    async def _collected(self) -> bytes | Said:
        """The whole body of the request, where it has to be known before."""
        if self._head.awaits and not self._body.ended:
            self._continued = True
            self._caller.interim(100, [])
        pieces, size = [], 0
        try:
            while piece := await self._body.take():
                pieces.append(piece)
                size += len(piece)
                if size > MOST_KEPT_BYTES:
                    self._lasting = False
                    return self._policy.refused(
                        413, f"a body of more than {MOST_KEPT_BYTES >> 20} MiB cannot be judged"
                    )
        except Refusable as why:
            self._lasting = False
            return self._policy.refused(why.status, str(why))
        return b"".join(pieces)

    async def _asked(self, decision: Decision, content: bytes | None) -> Line:
        """The connection on which the head of the answer has come; raises NoAnswer."""
        upstream = decision.upstream
        assert upstream is not None
        head, chunked = self._head, self._head.chunked
        headers = decision.headers
        if self._continued:
            headers = [pair for pair in headers if pair[0].lower() != b"expect"]
        if chunked:
            headers = [*headers, (b"Transfer-Encoding", b"chunked")]
        wire = encoded(b"%s %s HTTP/1.1" % (head.method.encode(), decision.target), headers)
        first = content if content is not None else self._body.ready()
        for again in (False, True):
            line = await upstream.open(fresh=decision.careful or again)
            complete = self._body.ended and self._body.held == 0
            begun = wire + _framed(first, chunked)
            if complete and chunked:
                begun += _end(self._body.trailers)
            future = line.begin(head.method, begun, self._interim if head.version == "1.1" else None)
            self._pumping = None if complete else asyncio.ensure_future(self._pump(line, chunked))
            try:
                reply = await future
            except NoAnswer as why:
                self._stop_pumping(line)
                upstream.done(line)
                # A connection that the other side had given up tells nothing of the request.
                if why.silent and line.reused and complete and not decision.careful and not again:
                    continue
                raise
            self._reply, self._flow = reply, line.body
            self._answer = (reply.status, reply.headers)
            return line
        raise NoAnswer("the connection was closed without an answer, twice")

    def _stop_pumping(self, line: Line) -> None:
        """The answer is there: what was not sent until now is not wanted any more."""
        if self._pumping is not None and not self._pumping.done():
            self._pumping.cancel()
            line.close()

    def _interim(self, status: int, headers: Headers) -> None:
        if status != 100 or not self._continued:
            self._caller.interim(status, headers)

    async def _pump(self, line: Line, chunked: bool) -> None:
        """Sends the body of the request as it comes."""
        try:
            while piece := await self._body.take():
                await line.send(_framed(piece, chunked))
            if chunked:
                await line.send(_end(self._body.trailers))
        except Refusable as why:
            self._lasting = False
            line.fail(NoAnswer(str(why)))

    async def _passed(self, decision: Decision, line: Line, before: bytes = b"") -> None:
        """Hands the answer back as it comes; `before` has been taken already."""
        caller, reply, flow = self._caller, self._reply, self._flow
        assert flow is not None
        bodiless = self._head.method == "HEAD" or reply.status in (204, 304)
        chunked = reply.chunked and not bodiless and self._head.version == "1.1"
        if not bodiless and not chunked and reply.length is None:
            self._lasting = False  # Its end is the end of the connection.
        data = self._headed(reply.status, reply.reason, reply.headers, decision.marks, chunked=chunked)
        data += _framed(before + flow.ready(), chunked)
        try:
            while not flow.ended or flow.held:
                caller.write(data)
                await caller.drained()
                if caller.gone and flow.size > MOST_KEPT_BYTES:
                    line.close()
                data = _framed(await flow.take(), chunked)
            if flow.failed is not None:
                raise flow.failed
        except NoAnswer as why:
            self._flaws = (str(why),)
            self._lasting = False
            caller.write(data)
            if chunked or reply.length is not None:
                caller.close()
            else:
                caller.abort()
            return
        caller.write(data + _end(flow.trailers) if chunked else data)
        if not self._body.ended:
            self._lasting = False  # It was answered before all was said.

    async def _rewritten(self, decision: Decision, line: Line) -> None:
        """Hands the answer back when all of it is there, as the policy wants it."""
        flow, reply = self._flow, self._reply
        assert flow is not None
        assert decision.rewrite is not None
        held: list[bytes] = []
        try:
            while flow.size <= MOST_KEPT_BYTES and (piece := await flow.take()):
                held.append(piece)
        except NoAnswer as why:
            self._flaws = (str(why),)
            self._lasting = False
            self._caller.write(own(self._policy.unanswered(why), [(b"Connection", b"close")]))
            return
        content = b"".join(held)
        made = await decision.rewrite(reply, content) if flow.size <= MOST_KEPT_BYTES else None
        if made is None:
            await self._passed(decision._replace(marks=[]), line, content)
            return
        headers, content = made
        headers = [*passed_on(headers, (b"content-length",)), (b"Content-Length", b"%d" % len(content))]
        self._caller.write(
            self._headed(reply.status, reply.reason, headers, decision.marks)
            + (b"" if self._head.method == "HEAD" else content)
        )

    def _headed(self, status: int, reason: bytes, headers: Headers, marks: Headers, *, chunked: bool = False) -> bytes:
        more = [*marks]
        if chunked:
            more.append((b"Transfer-Encoding", b"chunked"))
        if self._stopping():
            self._lasting = False
        if not self._lasting:
            more.append((b"Connection", b"close"))
        return encoded(b"HTTP/1.1 %d %s" % (status, reason), [*passed_on(headers), *more])

    # --- what is over -----------------------------------------------------------------------------

    async def _tell(self, decision: Decision, said: Said) -> bool:
        """Answers in our own words."""
        self._answer = (said.status, said.headers)
        if not self._body.ended:
            await self._unwanted()
        lasting = self._lasting and self._body.ended and not self._stopping()
        more = [] if lasting else [(b"Connection", b"close")]
        self._caller.write(own(said, more, bodiless=self._head.method == "HEAD"))
        await self._over(decision, decision.how, said)
        return lasting

    async def _unwanted(self) -> None:
        """Reads the rest of a body that is for nobody: who is still sending would not hear the answer."""
        if self._head.awaits:
            return
        size = 0
        with suppress(TimeoutError, Refusable):
            async with asyncio.timeout(UNWANTED_SECONDS):
                while size < LARGEST_UNWANTED_BYTES and (piece := await self._body.take()):
                    size += len(piece)

    async def _over(self, decision: Decision, how: str, said: Said | None = None) -> None:
        flow, body = self._flow, self._body
        status, headers = self._answer
        passed = Passed(
            how=how,
            method=self._head.method,
            target=self._head.target,
            headers=self._head.headers,
            body=b"".join(body.kept),
            status=status,
            reply_headers=headers,
            reply_body=said.body if said is not None else b"".join(flow.kept) if flow is not None else b"",
            reply_bytes=len(said.body) if said is not None else flow.size if flow is not None else 0,
            cut=not body.whole or (flow is not None and said is None and not flow.whole),
            flaws=self._flaws,
            why=self._why,
            at=self._at,
            seconds=perf_counter() - self._started,
            burst=decision.burst(),
            space=decision.space,
        )
        await self._policy.over(passed)


def _framed(piece: bytes, chunked: bool) -> bytes:
    if not chunked:
        return piece
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _end(trailers: Headers) -> bytes:
    return b"0\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in trailers) + b"\r\n"


def own(said: Said, more: Headers, *, bodiless: bool = False) -> bytes:
    """An answer of the relay's own as it goes over the wire."""
    phrase = HTTPStatus(said.status).phrase.encode()
    headers = [*said.headers, (b"Content-Length", b"%d" % len(said.body)), *more]
    return encoded(b"HTTP/1.1 %d %b" % (said.status, phrase), headers) + (b"" if bodiless else said.body)
