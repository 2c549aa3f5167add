"""An answer before it is encoded: which one it is, how we know it, and what is to happen to it on the wire."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from mock_server.answering.batches import Encoded
from mock_server.messages import Json, Response
from mock_server.spec import Operation
from mock_server.text.jsontext import dumps


class Outcome(NamedTuple):
    """One answer. `name` is that in the spec, `grade` its evidence; `fault` says who chose it, if anybody did.

    It waits for `delay_seconds`; `wire` breaks the connection, for `wire_seconds` where that takes time; `release`
    gives back the connection that this holds.
    """

    name: str | None
    status: int
    body: Json
    grade: str
    headers: tuple[tuple[str, str], ...] = ()
    fault: str | None = None
    delay_seconds: float = 0.0
    media_type: str = "application/json"
    wire: str | None = None
    wire_seconds: float = 0.0
    release: Callable[[], None] | None = None

    def encoded(self, operation: Operation | None) -> Response:
        """The answer as it goes over the wire, with the headers that tell where it comes from."""
        bodiless = self.status in (0, 204, 304) or (self.body is None and self._shows_nothing(operation))
        if self.fault is None and not self.headers and operation is not None and not bodiless:
            body = self.body.text if isinstance(self.body, Encoded) else dumps(self.body)
            # Nobody chose it, so that nothing delays or breaks it.
            return Response(self.status, body, _usual_headers(self.grade, operation.id, self.media_type))
        headers = [("x-ringback-evidence", self.grade), *self.headers]
        if operation is not None:
            headers.append(("x-ringback-operation", operation.id))
        if self.fault is not None:
            headers.append(("x-ringback-fault", self.fault))
        body = b""
        if not bodiless:
            media_type = next((value for name, value in self.headers if name.lower() == "content-type"), None)
            if media_type is None:
                headers.append(("content-type", self.media_type))
            if isinstance(self.body, str) and media_type is not None and "json" not in media_type:
                body = self.body.encode()
            else:
                body = self.body.text if isinstance(self.body, Encoded) else dumps(self.body)
        wire = self.wire
        if wire == "malformed-json":
            body, wire = _malformed(body), None
        return Response(self.status, body, tuple(headers), self.delay_seconds, wire, self.wire_seconds, self.release)

    def _shows_nothing(self, operation: Operation | None) -> bool:
        """Whether the page shows this answer, which has no body, without one."""
        documented = operation.responses.get(self.status) if operation is not None else None
        return documented is not None and documented.media_type is None


@lru_cache(maxsize=10_000)
def _usual_headers(grade: str, operation: str, media_type: str) -> tuple[tuple[str, str], ...]:
    return (("x-ringback-evidence", grade), ("x-ringback-operation", operation), ("content-type", media_type))


def problem(title: str, detail: str) -> Outcome:
    """A refusal in Ringback's own words, for what no vendor has any for."""
    body = {"type": "about:blank", "title": title, "status": 400, "detail": detail}
    return Outcome(None, 400, body, "assumed", media_type="application/problem+json", fault="prefer")


def _malformed(body: bytes) -> bytes:
    """The first half of a JSON text: no JSON, whatever it was."""
    half = body[: len(body) // 2]
    return half if half[:1] in (b"{", b"[", b'"') else half + b"}"
