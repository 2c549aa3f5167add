"""What passes through `ringback proxy` is the same on both sides, whatever the endpoint does, and nothing hurts it."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.proxies import Proxy, proxying
from tests.test_hostile_transport import Hostile

BODY = b'{"data": [], "cursor": null}'
LENGTH = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
PIECES = 300
"""A hostile endpoint says so many pieces at most."""
LARGE_BYTES = 48 << 20
TIMEOUT_SECONDS = 2

Case = Callable[[socket.socket, bytes], None]
CASES: dict[str, Case] = {}
go_on = threading.Event()


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


@case
def plain(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 Fine\r\nX-Case: A\r\nx-case: b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n")
    connection.sendall(LENGTH % (len(BODY), BODY))


@case
def compressed(connection: socket.socket, request: bytes) -> None:
    content = gzip.compress(BODY)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + LENGTH % (len(content), content))


@case
def streamed(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n5\r\nfirst\r\n")
    assert go_on.wait(10)
    connection.sendall(b"6;note=x\r\nsecond\r\n0\r\nX-End: yes\r\n\r\n")


@case
def slow(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
    for _ in range(20):
        time.sleep(0.02)
        connection.sendall(b"x")


@case
def large(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE_BYTES)
    for _ in range(LARGE_BYTES >> 20):
        connection.sendall(b"y" * (1 << 20))


@case
def until_the_end(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY)
    connection.shutdown(socket.SHUT_WR)


@case
def hints(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    plain(connection, request)


@case
def nothing(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 204 No Content\r\nX-Case: none\r\n\r\n")


@case
def unchanged(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 99\r\n\r\n')


@case
def elsewhere(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


@case
def echo(connection: socket.socket, request: bytes) -> None:
    head, _, body = request.partition(b"\r\n\r\n")
    if b"100-continue" in head.lower():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while (len(body) < int(length[1])) if length else (b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n")):
        body += connection.recv(65536)
    content = json.dumps({"head": head.decode(), "body": body.decode()}).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + LENGTH % (len(content), content))


# --- hostile ------------------------------------------------------------------------------------------------


@case
def closes(connection: socket.socket, request: bytes) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@case
def resets(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@case
def no_http(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"220 mail.example.com ESMTP ready\r\n")


@case
def silent(connection: socket.socket, request: bytes) -> None:
    time.sleep(TIMEOUT_SECONDS + 1.5)


@case
def endless_headers(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(PIECES):
        connection.sendall(b"X-%d: " % number + b"z" * 4096 + b"\r\n")


@case
def endless_promises(connection: socket.socket, request: bytes) -> None:
    for _ in range(PIECES):
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


@case
def two_lengths(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@case
def another_protocol(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")


@case
def broken_chunks(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\nwhat")


@case
def too_short(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + BODY)
    connection.shutdown(socket.SHUT_RDWR)


@case
def too_long(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + LENGTH % (len(BODY), BODY) + b"HTTP/1.1 200 OK\r\nX-Smuggled: yes")


def behave(connection: socket.socket, request: bytes, number: int) -> None:
    found = re.search(rb"case=(\w+)", request)
    CASES[found[1].decode() if found else "plain"](connection, request)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Hostile]:
    server = Hostile(behave)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(endpoint: Hostile) -> Iterator[Proxy]:
    with proxying("vogent", endpoint.origin, "--timeout", str(TIMEOUT_SECONDS)) as running:
        yield running
        # Whatever came, the proxy is the one that was started, and every exchange was told.
        assert running.process.poll() is None
        assert running.stop() in (0, 1)
        assert running.of("broken") == []


class Client:
    """A plain connection to the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.socket = socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port), timeout=15)

    def ask(self, name: str, method: str = "GET", more: str = "Connection: close\r\n", body: bytes = b"") -> None:
        key = "Authorization: Bearer a-key\r\n"
        head = f"{method} /api/phone_numbers?case={name} HTTP/1.1\r\nHost: app.example\r\n{key}{more}\r\n"
        self.socket.sendall(head.encode() + body)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        found = b""
        with suppress(ConnectionResetError):
            while got := self.socket.recv(1 << 20):
                found += got
        return found

    def until(self, mark: bytes) -> bytes:
        found = b""
        while mark not in found:
            got = self.socket.recv(65536)
            assert got, found
            found += got
        return found


def said(proxy: Proxy, name: str, method: str = "GET", **more: Any) -> bytes:
    client = Client(proxy)
    client.ask(name, method, **more)
    with client.socket:
        return client.rest()


# --- the same on both sides ---------------------------------------------------------------------------------


def test_status_headers_and_body_are_the_endpoints_to_the_letter(proxy: Proxy) -> None:
    head, _, body = said(proxy, "plain").partition(b"\r\n\r\n")
    assert body == BODY
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 Fine",
        b"X-Case: A",
        b"x-case: b",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(BODY),
        b"Connection: close",
    ]


def judged(proxy: Proxy, case: str, before: int) -> dict[str, Any]:
    """The exchange of that case, told after so many; those that were asked before it may be told later still."""

    def told() -> list[dict[str, Any]]:
        return [one for one in proxy.of("exchange")[before:] if one["target"].endswith(f"case={case}")]

    proxy.wait_until(lambda: bool(told()))
    return told()[0]


def test_what_is_compressed_stays_compressed_and_is_judged_all_the_same(proxy: Proxy) -> None:
    before = len(proxy.of("exchange"))
    head, _, body = said(proxy, "compressed").partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == BODY
    assert judged(proxy, "compressed", before)["findings"] == 0


def test_a_stream_passes_piece_by_piece_with_its_trailers(proxy: Proxy) -> None:
    go_on.clear()
    client = Client(proxy)
    client.ask("streamed")
    first = client.until(b"first\r\n")
    assert b"second" not in first
    go_on.set()
    assert client.rest() == b"6\r\nsecond\r\n0\r\nX-End: yes\r\n\r\n"


def test_slow_bodies_and_those_that_end_with_the_connection_pass(proxy: Proxy) -> None:
    assert said(proxy, "slow").endswith(b"\r\n\r\n" + b"x" * 20)
    head, _, body = said(proxy, "until_the_end").partition(b"\r\n\r\n")
    assert body == BODY
    assert b"content-length" not in head.lower()


def test_a_large_body_passes_whole_in_little_memory(proxy: Proxy) -> None:
    def resident() -> int:
        return int(Path(f"/proc/{proxy.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    said(proxy, "plain")
    before = resident()
    client = Client(proxy)
    client.ask("large")
    got, most = 0, 0
    while piece := client.socket.recv(1 << 20):
        got += len(piece)
        most = max(most, resident())
    assert got > LARGE_BYTES
    assert most - before < 16 << 20


def test_interim_answers_and_answers_without_a_body_pass(proxy: Proxy) -> None:
    found = said(proxy, "hints")
    assert found.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\n")
    assert said(proxy, "nothing").endswith(b"X-Case: none\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 99\r\n" in said(proxy, "unchanged")
    head = said(proxy, "plain", "HEAD")
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(BODY) in head


def test_a_redirect_is_not_followed(proxy: Proxy) -> None:
    assert said(proxy, "elsewhere").startswith(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/")


def test_the_endpoint_sees_the_request_as_it_was_but_for_its_own_host(proxy: Proxy, endpoint: Hostile) -> None:
    more = "X-Mine: A\r\nx-mine: b\r\nTE: trailers\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nContent-Length: 2\r\n"
    answer = json.loads(said(proxy, "echo", "GET", more=more, body=b"{}").partition(b"\r\n\r\n")[2])
    assert answer["body"] == "{}"
    assert answer["head"].split("\r\n") == [
        "GET /api/phone_numbers?case=echo HTTP/1.1",
        f"Host: {urlsplit(endpoint.origin).netloc}",
        "Authorization: Bearer a-key",
        "X-Mine: A",
        "x-mine: b",
        "Content-Length: 2",
    ]


def test_a_request_in_chunks_and_one_that_waits_for_a_word_pass(proxy: Proxy) -> None:
    more = "Transfer-Encoding: chunked\r\nConnection: close\r\n"
    chunks = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    answer = json.loads(said(proxy, "echo", more=more, body=chunks).partition(b"\r\n\r\n")[2])
    # In other chunks, perhaps: they are of one connection.
    assert re.fullmatch(r"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n|5\r\nabcde\r\n0\r\n\r\n", answer["body"])
    client = Client(proxy)
    client.ask("echo", more="Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n")
    client.until(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.socket.sendall(b"hello")
    assert json.loads(client.rest().partition(b"\r\n\r\n")[2])["body"] == "hello"


def test_connections_are_kept_on_both_sides_and_requests_may_come_ahead(proxy: Proxy, endpoint: Hostile) -> None:
    client = Client(proxy)
    for _ in range(3):
        client.ask("plain", more="")
        client.until(BODY)
    opened = endpoint.connections
    for _ in range(3):
        client.ask("plain", more="")
        client.until(BODY)
    assert endpoint.connections == opened
    for more in ("", "", "Connection: close\r\n"):
        client.ask("plain", more=more)
    assert client.rest().count(BODY) == 3


# --- hostile ------------------------------------------------------------------------------------------------

UNANSWERED = {
    "closes": (502, "closed without an answer"),
    "resets": (502, "closed without an answer"),
    "no_http": (502, "is no HTTP"),
    "silent": (504, "nothing came for 2 seconds"),
    "endless_headers": (502, "headers are larger than"),
    "endless_promises": (502, "says only that an answer will come"),
    "two_lengths": (502, "is no HTTP"),
    "another_protocol": (502, "changes the protocol"),
}


@pytest.mark.parametrize("name", UNANSWERED)
def test_what_is_no_answer_is_told_in_the_vendors_words_and_marked(proxy: Proxy, name: str) -> None:
    status, why = UNANSWERED[name]
    # What came before it may be promises that an answer will come.
    head, _, body = said(proxy, name).rpartition(b"\r\n\r\n")
    first, *headers = head.rpartition(b"\r\n\r\n")[2].decode().split("\r\n")
    assert first.split()[1] == str(status)
    assert "X-Ringback-Proxy: unanswered" in headers
    [reason] = [one.partition(": ")[2] for one in headers if one.startswith("X-Ringback-Reason")]
    assert why in reason
    assert json.loads(body)["message"] == reason
    assert said(proxy, "plain").endswith(BODY)


def test_what_breaks_off_breaks_off_for_the_application_too_and_is_a_finding(proxy: Proxy) -> None:
    found = said(proxy, "broken_chunks")
    assert found.endswith(b"4\r\nabcd\r\n")
    assert said(proxy, "too_short").endswith(b"Content-Length: 100\r\nConnection: close\r\n\r\n" + BODY)
    for why in ("is no HTTP", "breaks off"):
        proxy.wait_until(lambda why=why: any(why in one["message"] for one in proxy.of("finding")))


def test_what_follows_an_answer_reaches_nobody(proxy: Proxy) -> None:
    client = Client(proxy)
    client.ask("too_long", more="")
    assert client.until(BODY).endswith(BODY)
    client.ask("plain")
    found = client.rest()
    assert found.startswith(b"HTTP/1.1 200 Fine")
    assert b"Smuggled" not in found


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET http://127.0.0.1:1/api/phone_numbers HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: %b\r\n" % (b"y" * 600_000), b"431"),
    ],
)
def test_what_is_no_request_to_this_endpoint_goes_nowhere(
    proxy: Proxy, endpoint: Hostile, sent: bytes, status: bytes
) -> None:
    count = len(endpoint.requests)
    client = Client(proxy)
    with suppress(ConnectionError):
        client.socket.sendall(sent)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest().startswith(b"HTTP/1.1 " + status)
    assert len(endpoint.requests) == count


def test_an_application_that_goes_away_harms_nobody_and_its_exchange_is_kept(proxy: Proxy) -> None:
    before = len(proxy.of("exchange"))
    client = Client(proxy)
    client.ask("slow")
    client.until(b"x")
    client.socket.close()
    assert judged(proxy, "slow", before)["status"] == 200
    assert said(proxy, "plain").endswith(BODY)


def test_an_endpoint_that_is_not_there_or_not_trusted_is_told_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with proxying("vogent", f"http://127.0.0.1:{port}") as proxy:
        answer = requests.get(f"{proxy.url}/api/phone_numbers", timeout=15)
        assert answer.status_code == 502
        assert "cannot be reached: Connection refused" in answer.headers["X-Ringback-Reason"]
        listening = _secure(tmp_path, port)
        plain_text = requests.get(f"{proxy.url}/api/phone_numbers", timeout=15)
        assert plain_text.headers["X-Ringback-Proxy"] == "unanswered"
    for flags, status in (([], 502), (["--ca-file", str(tmp_path / "cert.pem")], 200)):
        with proxying("vogent", f"https://127.0.0.1:{port}", *flags) as proxy:
            answer = requests.get(f"{proxy.url}/api/phone_numbers", timeout=15)
            assert answer.status_code == status, answer.headers
            assert status == 200 or "is not trusted" in answer.headers["X-Ringback-Reason"]
    listening.close()


def _secure(folder: Path, port: int) -> socket.socket:
    """A server that speaks TLS with a certificate of its own."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listening = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection = listening.accept()[0]
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(65536)
                    plain(secured, b"")

    threading.Thread(target=serve, daemon=True).start()
    return listening
