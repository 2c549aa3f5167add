"""The quick reading of a usual answer's head understands what `http.client` understands, or leaves it to that."""

from __future__ import annotations

import http.client
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.endpoint.wire import _Head, _usual

NAMES = st.sampled_from(
    ["Content-Type", "content-length", "X-A", "x-a", "Date", "Set-Cookie", "Connection", "X Y", "Ä"]
)
VALUES = st.one_of(
    st.sampled_from(["12", "0", " 7 ", "007", "-1", "1e3", "close", "keep-alive", "", "a, b", "a\tb", "é", "x\x00"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
)
FIRST = st.sampled_from(
    ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 204 ", "HTTP/1.1 304", "HTTP/1.0 200 OK"]
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(FIRST, st.lists(st.tuples(NAMES, VALUES), max_size=5), st.sampled_from(["GET", "HEAD", "POST"]))
def test_it_is_understood_alike(first: str, lines: list[tuple[str, str]], method: str) -> None:
    told = [first, *(f"{name}: {value}" for name, value in lines), "Content-Length: 5", "", ""]
    head = "\r\n".join(told).encode("latin-1")
    usual = _usual(head, method)
    if usual is None:
        return
    response = http.client.HTTPResponse(_Head(head, io.BufferedReader(io.BytesIO())), method=method)  # type: ignore[arg-type]
    response.begin()
    status, headers, length = usual
    assert (status, length) == (response.status, response.length)
    assert headers == [(name, value.strip()) for name, value in response.headers.items()]
    assert not response.will_close


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n folded: yes\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\n",
        b"HTTP/1.1 101 Switching\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_what_is_not_usual_is_left_alone(head: bytes) -> None:
    assert _usual(head, "GET") is None


def test_a_plain_one_is_usual() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 5\r\n\r\n"
    assert _usual(head, "GET") == (200, [("Content-Type", "application/json"), ("content-length", "5")], 5)
    assert _usual(head, "HEAD") == (200, [("Content-Type", "application/json"), ("content-length", "5")], 0)
