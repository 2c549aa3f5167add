"""What only a socket can say: smuggled requests, floods of headers and frames, odd upgrades, paths that climb."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from tests.attack.sockets import connection_to
from tests.conftest import Server, start_server

KEY = b"X-API-Key: test_wire\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /teli/v1/organizations HTTP/1.1\r\n" + KEY
POST = b"POST /teli/v1/voice/phone-numbers/+14155551234/update-agent HTTP/1.1\r\n" + KEY
BODY = b'{"nickname":"smuggled"}'
CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that has nothing to say on stderr, whatever is done to it."""
    running = start_server()
    yield running
    assert running.stop() == ("", "")


def told(server: Server, data: bytes, seconds: float = 5) -> bytes:
    """All that comes back until the server ends the connection, or has been silent for so long."""
    received = b""
    with suppress(OSError), connection_to(server, seconds) as connection:
        with suppress(OSError):
            connection.sendall(data)
        while part := connection.recv(65536):
            received += part
    return received


def statuses(answers: bytes) -> list[int]:
    return [int(one[:3]) for one in answers.split(b"HTTP/1.1 ")[1:]]


REQUESTS = {
    # what is sent, the statuses that come
    "two lengths": (POST + b"Content-Length: 23\r\nContent-Length: 5\r\n\r\n" + BODY, [400]),
    "a length with a sign": (POST + b"Content-Length: +23\r\n\r\n" + BODY, [400]),
    "a length beyond counting": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY, [400]),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [400]),
    "a length and chunks": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET + CLOSE + b"\r\n",
        [400],
    ),
    "a negative chunk": (POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY + b"\r\n0\r\n\r\n", [400]),
    "a chunk with a long extension": (
        POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n17;" + b"a" * 60_000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
        [400],
    ),
    "a folded header": (GET + b"X-A: a\r\n b\r\n" + CLOSE + b"\r\n", [400]),
    "a blank before the colon": (GET + b"Content-Length : 5\r\n" + CLOSE + b"\r\nhello", [400]),
    "a header with NUL": (GET + b"X-A: a\x00b\r\n" + CLOSE + b"\r\n", [400]),
    "a thousand headers": (GET + b"".join(b"X-%d: a\r\n" % n for n in range(1_000)) + CLOSE + b"\r\n", [431]),
    "a header of a megabyte": (GET + b"X-A: " + b"a" * 1_000_000 + b"\r\n" + CLOSE + b"\r\n", [431]),
    "fifty at once": ((GET + b"\r\n") * 49 + GET + CLOSE + b"\r\n", [200] * 50),
    "no version": (b"GET /teli/v1/organizations\r\n\r\n", [400]),
    "another version": (b"GET / HTTP/3.0\r\n\r\n", [400]),
    "an upgrade to a web socket": (
        GET + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n",
        [200],
    ),
    "an expectation": (POST + CLOSE + b"Expect: 100-continue\r\nContent-Length: 23\r\n\r\n" + BODY, [100, 200]),
    "another host's control API": (
        b"GET http://api.vogent.ai/_ringback/health HTTP/1.1\r\nHost: localhost\r\n" + CLOSE + b"\r\n", [404],
    ),
    "TRACE": (b"TRACE /teli/v1/organizations HTTP/1.1\r\n" + KEY + b"Cookie: s=1\r\n" + CLOSE + b"\r\n", [405]),
    "a method of 60,000 letters": (b"A" * 60_000 + b" / HTTP/1.1\r\n" + KEY + CLOSE + b"\r\n", [405]),
    "a zipped body": (POST + CLOSE + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08\x00\x00", [400]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "wanted"), REQUESTS.values(), ids=REQUESTS)
def test_what_is_no_plain_request_is_answered_and_smuggles_nothing(
    quiet: Server, data: bytes, wanted: list[int]
) -> None:
    assert statuses(told(quiet, data)) == wanted
    assert requests.get(f"{quiet.control}/health", timeout=5).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/_ringback/console/../../../etc/passwd",
        "/_ringback/console/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/_ringback/console/assets/..%2f..%2f..%2fpyproject.toml",
        "/_ringback/specs/%2e%2e%2fteli.yaml",
        "/_ringback/specs/../../etc/passwd",
        "/_ringback/specs/teli.yaml%00.txt",
    ],
)
def test_no_path_climbs_out(quiet: Server, path: str) -> None:
    answer = told(quiet, b"GET %s HTTP/1.1\r\n" % path.encode() + KEY + CLOSE + b"\r\n")
    assert statuses(answer) == [404]
    assert b"root:" not in answer
    assert b"hatchling" not in answer


ODD_JSON = {
    "NaN": (b'{"nickname":NaN}', 400),
    "infinity": (b'{"nickname":1e999}', 400),
    "half a surrogate pair": (b'{"nickname":"\\ud800"}', 400),
    "UTF-16": ('{"nickname":"a"}'.encode("utf-16"), 400),
    "a mark of its byte order": (b'\xef\xbb\xbf{"nickname":"a"}', 400),
    "no UTF-8": (b'{"nickname":"\xff"}', 400),
    "a number of 5,000 digits": (b'{"nickname":' + b"9" * 5_000 + b"}", 400),
    "NUL": (b'{"nickname":"\\u0000"}', 200),
    "a name twice": (b'{"nickname":"a","nickname":"b"}', 200),
    "a prototype": (b'{"__proto__":{"a":1},"nickname":"x"}', 200),
}


@pytest.mark.parametrize(("body", "status"), ODD_JSON.values(), ids=ODD_JSON)
def test_odd_json_is_read_as_json_or_refused(quiet: Server, body: bytes, status: int) -> None:
    url = f"{quiet.url}/teli/v1/voice/phone-numbers/+14155551234/update-agent"
    headers = {"X-API-Key": "test_wire", "Content-Type": "application/json"}
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == status


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """One header that nobody has seen before, as HPACK writes it."""
    return b"\x00" + b"".join(bytes((len(text),)) + text for text in (name, value))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
HEADERS = b"".join(
    literal(name, value)
    for name, value in (
        (b":method", b"GET"),
        (b":path", b"/teli/v1/organizations"),
        (b":scheme", b"http"),
        (b":authority", b"localhost"),
        (b"x-api-key", b"test_wire"),
    )
)
FLOODS = {
    "streams that are reset at once": b"".join(
        frame(1, 5, 2 * n + 1, HEADERS) + frame(3, 0, 2 * n + 1, b"\x00\x00\x00\x08") for n in range(3_000)
    ),
    "headers without an end": frame(1, 1, 1, HEADERS)
    + b"".join(frame(9, 0, 1, literal(b"x-%d" % n, b"a" * 100)) for n in range(10_000)),
    "settings": frame(4, 0, 0) * 50_000,
    "pings": frame(6, 0, 0, b"ringback") * 50_000,
    "a window of nothing": frame(4, 0, 0, struct.pack(">HI", 4, 0))
    + b"".join(frame(1, 5, 2 * n + 1, HEADERS) for n in range(90)),
    "priorities in a circle": b"".join(frame(2, 0, 2 * n + 1, struct.pack(">IB", 2 * n + 3, 1)) for n in range(20_000)),
    "frames of unknown kinds": b"".join(frame(200, 255, n, b"x" * 50) for n in range(1, 5_000)),
    "a frame that is longer than frames may be": frame(0, 0, 1, b"x" * 100_000),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_frames_keeps_nobody_waiting(quiet: Server, flood: bytes) -> None:
    with connection_to(quiet, 2) as connection:
        with suppress(OSError):
            connection.sendall(PREFACE + flood)
        started = time.monotonic()
        answer = requests.get(f"{quiet.url}/teli/v1/organizations", headers={"X-API-Key": "test_ordinary"}, timeout=10)
        assert answer.status_code == 200
        assert time.monotonic() - started < 2
