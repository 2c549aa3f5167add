"""The heads of requests and answers as they came: names, values and order stay; what is of one connection goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Headers = list[tuple[bytes, bytes]]

LARGEST_HEAD_BYTES = 256 << 10
_OF_ONE_CONNECTION = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Headers that speak of one connection only (RFC 9110, section 7.6.1)."""


class RequestHead(NamedTuple):
    """What an application asks: `target` is the path and query as they came, `version` that of HTTP."""

    method: str
    target: bytes
    headers: Headers
    version: str
    lasting: bool
    """Whether the connection goes on afterwards."""

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks, its length not known before."""
        return is_chunked(self.headers)

    @property
    def awaits(self) -> bool:
        """Whether the application waits for a word before it sends the body."""
        return b"100-continue" in value_of(self.headers, b"expect").lower()


class ReplyHead(NamedTuple):
    """What is answered, before its body."""

    status: int
    reason: bytes
    headers: Headers

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks, its length not known before."""
        return is_chunked(self.headers)

    @property
    def length(self) -> int | None:
        """How long the body is said to be; None where nothing is said."""
        text = value_of(self.headers, b"content-length")
        return int(text[:19]) if text.isdigit() else None


def value_of(headers: Headers, name: bytes) -> bytes:
    """The value of the header of that lower-cased name; empty where there is none."""
    return next((value for known, value in headers if known.lower() == name), b"")


def is_chunked(headers: Headers) -> bool:
    return b"chunked" in value_of(headers, b"transfer-encoding").lower()


def passed_on(headers: Headers, without: Iterable[bytes] = ()) -> Headers:
    """The headers that are for the other side: all but those of one connection, those it names, and `without`."""
    kept = [pair for pair in headers if pair[0].lower() not in _OF_ONE_CONNECTION]
    named = {name.strip().lower() for name in value_of(headers, b"connection").split(b",")} - {b"close", b"keep-alive"}
    gone = {*without, *named} - {b""}
    return [pair for pair in kept if pair[0].lower() not in gone] if gone else kept


def encoded(first: bytes, headers: Headers) -> bytes:
    """A head as it goes over the wire."""
    return b"".join(
        (first, b"\r\n", *(part for name, value in headers for part in (name, b": ", value, b"\r\n")), b"\r\n")
    )


def as_text(headers: Headers) -> dict[str, str]:
    """The headers as a mapping; several of one name are joined, as they may be anywhere."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("utf-8", "surrogateescape")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
