"""A request of the relay's own, to a server of its own."""

from __future__ import annotations

from typing import NamedTuple

from contract_tests.endpoint.relay.heads import Headers, encoded
from contract_tests.endpoint.relay.line import NoAnswer
from contract_tests.endpoint.relay.upstream import Upstream


class Answered(NamedTuple):
    """What came: status and body."""

    status: int
    body: bytes


async def ask(upstream: Upstream, method: str, target: bytes, headers: Headers, body: bytes = b"") -> Answered | None:
    """The answer; None where there is none."""
    head = [(b"Host", upstream.host), *headers]
    if body:
        head += [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(body))]
    try:
        line = await upstream.open(fresh=True)
    except NoAnswer:
        return None
    try:
        first = b"%s %s HTTP/1.1" % (method.encode(), target)
        reply = await line.begin(method, encoded(first, head) + body, None)
        flow, pieces = line.body, []
        assert flow is not None
        while piece := await flow.take():
            pieces.append(piece)
        return Answered(reply.status, b"".join(pieces))
    except NoAnswer:
        return None
    finally:
        upstream.done(line)
