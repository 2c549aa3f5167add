"""The headers that say that an answer is not the endpoint's, and why."""

from __future__ import annotations

from contract_tests.endpoint.relay.heads import Headers

MARK, REASON = b"X-Ringback-Proxy", b"X-Ringback-Reason"


def marks(mark: str, why: str) -> Headers:
    """Whose an answer is, and why."""
    plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in why)
    return [(MARK, mark.encode()), (REASON, plain[:500].encode())]
