"""One exchange over HTTP/1.1, bounded as a whole: one deadline and one size, whatever the server does in between."""

from __future__ import annotations

import http.client
import io
import re
import select
import socket
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

from contract_tests.endpoint.opening import Opening, bracketed, remaining

LARGEST_ANSWER_BYTES = 16 << 20
"""As JSON of nothing but brackets this is some half a gigabyte of Python's lists."""
LARGEST_HEAD_BYTES = 256 << 10
MOST_INTERIM = 32
"""So many answers of the kind 1xx may come before the answer."""

_AT_ONCE = getattr(socket, "TCP_QUICKACK", None)
"""A server that writes head and body apart keeps the body back until the head is acknowledged, which a kernel delays
by some 40 ms to spare a packet; of a check of thousands of requests that would be most of the time."""

_TARGET = "!#$%&'()*+,/:;=?@[]~-._|^`{}\\\"<>"
_WITH_BODY = ("POST", "PUT", "PATCH")


class Silent(Exception):
    """The connection was closed before the first byte of an answer."""


class Broken(Exception):
    """There is no whole answer; the text says why."""


class Late(Broken):
    """There was no whole answer in time."""


class Raw(NamedTuple):
    """An answer as it came, decompressed; `flaws` say what is wrong with it as HTTP."""

    status: int
    headers: dict[str, str]
    content: bytes
    flaws: tuple[str, ...]


class _Stream(io.RawIOBase):
    """What comes over a socket until a time, up to a size."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until
        self.got = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.got > LARGEST_ANSWER_BYTES + LARGEST_HEAD_BYTES:
            raise Broken(_TOO_LARGE)
        self._connection.settimeout(remaining(self._until))
        if _AT_ONCE is not None:
            self._connection.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
        count = self._connection.recv_into(buffer)
        self.got += count
        return count


class _Head(io.RawIOBase):
    """A head that was read already, and what follows it; what `http.client` takes for a socket."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        self._head = head
        self._rest = rest

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._head:
            part, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:
            part = self._rest.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)


_TOO_LARGE = f"its answer is larger than {LARGEST_ANSWER_BYTES >> 20} MiB"


class Connection:
    """One connection at a time to one origin, kept open between exchanges while the server keeps it open."""

    def __init__(self, opening: Opening, timeout: float) -> None:
        self._opening = opening
        self._timeout = timeout
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether a connection is open that the server has not closed meanwhile."""
        if self._socket is None:
            return False
        # What can be read before anything was asked is an end, or nothing that could be trusted.
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        if waiting.poll(0):
            self.close()
        return self._socket is not None

    def close(self) -> None:
        """Closes what is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Raw:
        """Sends a request and reads its answer; raises CannotOpen, Silent or Broken, and is closed then."""
        until = time.monotonic() + self._timeout
        raw = None
        try:
            raw = self._exchange(method, target, headers, body, until)
            return raw
        except TimeoutError:
            raise Late(f"no whole answer within {self._timeout:g} seconds; --timeout SECONDS waits longer") from None
        except http.client.HTTPException as error:
            raise Broken(f"its answer is no HTTP: {str(error) or type(error).__name__}"[:300]) from None
        except OSError as error:
            raise Broken(f"the connection broke: {error.strerror or error}") from None
        finally:
            if raw is None:
                self.close()

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, until: float) -> Raw:
        if not self.is_open:
            self._socket = self._opening.open(until)
        connection = self._socket
        assert connection is not None
        stream = _Stream(connection, until)
        reader: io.BufferedReader = io.BufferedReader(stream)
        # A server may answer before it has taken everything, and close.
        with suppress(ConnectionError):
            connection.settimeout(remaining(until))
            connection.sendall(self._head(method, target, headers, body) + (body or b""))
        try:
            head = _final_head(reader)
        except ConnectionError:
            if stream.got:
                raise Broken("the connection was closed in the middle of its headers") from None
            raise Silent from None
        flaws: list[str] = []
        usual = _usual(head, method)
        if usual is not None:
            status, lines, length = usual
            content, last = _sized(reader, length, flaws), False
        else:
            response = http.client.HTTPResponse(_Head(head, reader), method=method)  # type: ignore[arg-type]  # makefile
            response.begin()
            content, last = _content(response, flaws), response.will_close
            status, lines = response.status, response.headers.items()
        if last or flaws:
            self.close()
        shown: dict[str, str] = {}
        for name, value in lines:
            known = shown.get(name.lower())
            shown[name.lower()] = value if known is None else f"{known}, {value}"
        content = decompressed(shown.get("content-encoding", ""), content, flaws)
        return Raw(status, shown, content, tuple(flaws))

    def _head(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        opening = self._opening
        default = 443 if opening.trust else 80
        host = bracketed(opening.host) + ("" if opening.port == default else f":{opening.port}")
        lines = {"Host": host, "Accept-Encoding": "identity"}
        if body is not None or method in _WITH_BODY:
            lines["Content-Length"] = str(len(body or b""))
        if opening.proxy and not opening.trust:
            target = f"http://{host}{target}"
            lines |= opening.proxy.header
        given = {name.lower() for name in headers}
        every = {**{name: value for name, value in lines.items() if name.lower() not in given}, **headers}
        for name, value in every.items():
            if not name.isascii() or not name.isprintable() or any(char in f"{name}{value}" for char in "\r\n\0"):
                raise Broken(f"not sent: no header {name!r} can have that value")
        target = quote(target, safe=_TARGET, errors="surrogatepass")
        text = "".join(f"{name}: {value}\r\n" for name, value in every.items())
        return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("utf-8", "surrogateescape")


def _final_head(reader: io.BufferedReader) -> bytes:
    """The status line and the headers of the answer; what only says that it will come is skipped."""
    for _ in range(MOST_INTERIM + 1):
        head, first = bytearray(), b""
        while True:
            line = reader.readline(LARGEST_HEAD_BYTES)
            if not line:
                raise ConnectionResetError
            head += line
            first = first or line
            if line in (b"\r\n", b"\n"):
                break
            if len(head) >= LARGEST_HEAD_BYTES:
                raise Broken(f"its headers are larger than {LARGEST_HEAD_BYTES >> 10} KiB")
        words = first.split(None, 2)
        interim = len(words) > 1 and words[0].startswith(b"HTTP/1") and words[1][:1] == b"1" and words[1] != b"101"
        if not interim:
            return bytes(head)
    raise Broken(f"more than {MOST_INTERIM} times it says only that an answer will come (1xx)")


_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\x20-\x7e]*)?")
_HEADER_LINE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?)[ \t]*"
)


def _usual(head: bytes, method: str) -> tuple[int, list[tuple[str, str]], int] | None:
    """The status, headers and length of an answer such as most are; None of one that `http.client` is to understand.

    That takes ten times as long, which would be an eighth of the processor time of a check.
    """
    first, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    begun = _STATUS_LINE.fullmatch(first)
    if begun is None or not head.endswith(b"\r\n\r\n"):
        return None
    lines, length = [], None
    for line in rest:
        found = _HEADER_LINE.fullmatch(line)
        if found is None:
            return None
        name, value = found[1].decode(), found[2].decode()
        lower = name.lower()
        if lower in ("transfer-encoding", "connection", "keep-alive", "upgrade"):
            return None
        if lower == "content-length":
            if length is not None or not value.isdigit() or len(value) > 9:
                return None
            length = int(value)
        lines.append((name, value))
    if length is None:
        return None
    status = int(begun[1])
    return status, lines, 0 if method == "HEAD" or status in (204, 304) else length


def _sized(reader: io.BufferedReader, length: int, flaws: list[str]) -> bytes:
    if length > LARGEST_ANSWER_BYTES:
        raise Broken(_TOO_LARGE)
    content = bytearray()
    try:
        while len(content) < length and (chunk := reader.read1(min(length - len(content), 1 << 16))):
            content += chunk
    except ConnectionError:
        flaws.append(f"its body breaks off after {len(content):,} bytes")
        return bytes(content)
    if len(content) < length:
        flaws.append(_short(length - len(content)))
    return bytes(content)


def _short(missing: int) -> str:
    return f"its body ends {missing:,} bytes before its Content-Length"


def _content(response: http.client.HTTPResponse, flaws: list[str]) -> bytes:
    content = bytearray()
    try:
        while chunk := response.read1(1 << 16):
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES:
                raise Broken(_TOO_LARGE)
    except (http.client.IncompleteRead, ConnectionError, ValueError):
        flaws.append(f"its body breaks off after {len(content):,} bytes")
        return bytes(content)
    missing = response.length
    if missing:
        flaws.append(_short(missing))
    return bytes(content)


def decompressed(coding: str, content: bytes, flaws: list[str]) -> bytes:
    """The content without its compression, never more of it than may be; what is no such compression stays."""
    for name in reversed([part.strip().lower() for part in coding.split(",") if part.strip()]):
        if name == "identity" or not content:
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            flaws.append(f"its body is said to be compressed with {name}, which was not asked for")
            return content
        try:
            content = _inflated(content, zlib.MAX_WBITS | 32)
        except zlib.error:
            try:
                content = _inflated(content, -zlib.MAX_WBITS if name == "deflate" else zlib.MAX_WBITS)
            except zlib.error:
                flaws.append(f"its body is said to be {name}, and is not")
                return content
    return content


def _inflated(content: bytes, window: int) -> bytes:
    found = bytearray()
    while content:
        inflater = zlib.decompressobj(window)
        found += inflater.decompress(content, LARGEST_ANSWER_BYTES + 1 - len(found))
        if len(found) > LARGEST_ANSWER_BYTES:
            raise Broken(f"{_TOO_LARGE} when it is decompressed")
        if not inflater.eof:
            raise zlib.error
        content = inflater.unused_data
    return bytes(found)
