"""An exchange is bounded as a whole, whatever the server does in between, and says what was wrong in one sentence."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contract_tests.endpoint import wire
from contract_tests.endpoint.guard import Guard
from contract_tests.endpoint.transport import Busy, Route, Transport, Unanswered, Unreachable
from mock_server.spec import WireRequest, load_all
from tests.conftest import ROOT
from tests.test_check import check

READ = WireRequest("GET", "/assistants/v1/numbers", "", {}, None)
BUY = WireRequest("POST", "/assistants/v1/numbers/purchase", "", {}, b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
PIECES = 400
"""A hostile server says so many pieces at most: enough for every bound, and an end for every test."""

Behaviour = Callable[[socket.socket, bytes, int], None]
"""Answers a request: the connection, the request, and how many requests there were before."""


class Hostile:
    """A server on a real port that does to each request what it is told; it counts connections and requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listening.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with connection, suppress(OSError):
            while True:
                request = b""
                while b"\r\n\r\n" not in request:
                    got = connection.recv(65536)
                    if not got:
                        return
                    request += got
                self.requests.append(request)
                self._behaviour(connection, request, len(self.requests) - 1)

    def stop(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def hostile() -> Iterator[Callable[[Behaviour], Hostile]]:
    started: list[Hostile] = []

    def start(behaviour: Behaviour) -> Hostile:
        started.append(Hostile(behaviour))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def sender(origin: str, timeout: float = 1.0, *, real: bool = False) -> Transport:
    guard = Guard(load_all()["interactly"], ["read", "write", "purchase"], real=real)
    return Transport(origin, guard, route=Route(timeout))


def saying(*pieces: bytes, pause: float = 0.0, close: bool = False) -> Behaviour:
    def behave(connection: socket.socket, request: bytes, before: int) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return behave


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(saying(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * PIECES, pause=0.1), id="slow interim answers"),
        pytest.param(saying(HEAD, *[b"X-A: b\r\n"] * PIECES, pause=0.1), id="dripped headers"),
        pytest.param(saying(HEAD + b"Content-Length: 1000\r\n\r\n", *[b" "] * PIECES, pause=0.1), id="dripped body"),
        pytest.param(saying(b"", pause=20), id="nothing"),
    ],
)
def test_one_deadline_holds_for_the_whole_exchange(
    hostile: Callable[[Behaviour], Hostile], behaviour: Behaviour
) -> None:
    started = time.monotonic()
    with pytest.raises(Unanswered, match=r"GET http://127\S+/assistants/v1/numbers: no whole answer within 1 seconds"):
        sender(hostile(behaviour).origin).send(READ)
    # Forty seconds of pieces would have come, and twenty of nothing.
    assert time.monotonic() - started < 15


BOMB = gzip.compress(b" " * (wire.LARGEST_ANSWER_BYTES + 1))
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        pytest.param(saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "more than 32 times", id="interim answers"),
        pytest.param(saying(HEAD, b"X-A: b\r\n" * 100_000), "headers are larger than 256 KiB", id="headers"),
        pytest.param(saying(HEAD, b"X-A: " + b"b" * 600_000), "headers are larger than 256 KiB", id="one header"),
        pytest.param(saying(HEAD, b"\r\n", *[b" " * 65536] * 600, close=True), "larger than 16 MiB", id="body"),
        pytest.param(
            saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[CHUNK] * 600), "larger than 16 MiB", id="chunks"
        ),
        pytest.param(
            saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
            "larger than 16 MiB when it is decompressed",
            id="gzip bomb",
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "is no HTTP", id="another protocol"),
        pytest.param(saying(HEAD[:-10], close=True), "in the middle of its headers", id="half a head"),
    ],
)
def test_what_never_ends_or_is_no_http_is_one_sentence_about_the_request(
    hostile: Callable[[Behaviour], Hostile], behaviour: Behaviour, says: str
) -> None:
    with pytest.raises(Unanswered, match=says) as raised:
        sender(hostile(behaviour).origin, 20).send(READ)
    assert str(raised.value).startswith("GET http://127.0.0.1:")
    assert "\n" not in str(raised.value)


def test_a_large_answer_is_read_in_time_in_proportion_to_its_size(hostile: Callable[[Behaviour], Hostile]) -> None:
    body = b"[" + b"0," * (4 << 20) + b"0]"
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
    started = time.monotonic()
    reply = sender(hostile(saying(head, body)).origin, 20).send(READ)
    assert len(reply.json) == (4 << 20) + 1
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        (HEAD + b"Content-Length: 9\r\n\r\n{}", "ends 7 bytes before its Content-Length"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "breaks off after 2 bytes"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "said to be gzip, and is not"),
        (HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "compressed with br"),
    ],
)
def test_an_answer_that_breaks_http_is_an_answer_with_a_flaw(
    hostile: Callable[[Behaviour], Hostile], answer: bytes, flaw: str
) -> None:
    reply = sender(hostile(saying(answer, close=True)).origin).send(READ)
    assert reply.status == 200
    assert flaw in reply.flaws[0]


@pytest.mark.parametrize("wrapped", [gzip.compress, zlib.compress, lambda data: zlib.compress(data)[2:-4]])
def test_a_compressed_answer_is_read(
    hostile: Callable[[Behaviour], Hostile], wrapped: Callable[[bytes], bytes]
) -> None:
    body = wrapped(b'{"a": 1}')
    coding = b"gzip" if body[:2] == b"\x1f\x8b" else b"deflate"
    answer = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body
    reply = sender(hostile(saying(answer)).origin).send(READ)
    assert (reply.json, reply.flaws) == ({"a": 1}, ())


def test_early_hints_are_not_the_answer(hostile: Callable[[Behaviour], Hostile]) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert sender(hostile(saying(hints, hints, OK)).origin).send(READ).status == 200


def test_a_connection_that_was_closed_between_requests_is_opened_again(
    hostile: Callable[[Behaviour], Hostile],
) -> None:
    server = hostile(saying(OK, close=True))
    one = sender(server.origin)
    assert [one.send(READ).status for _ in range(5)] == [200] * 5
    assert server.connections == 5
    # Reading may be asked for again: a connection may take a request in the moment in which it is closed.
    assert 5 <= len(server.requests) <= 10


def test_a_connection_that_is_kept_is_used_again(hostile: Callable[[Behaviour], Hostile]) -> None:
    server = hostile(saying(OK))
    one = sender(server.origin)
    assert [one.send(READ).status for _ in range(5)] == [200] * 5
    assert server.connections == 1


def _second_time(connection: socket.socket, request: bytes, before: int) -> None:
    saying(*([OK] if before else []), close=not before)(connection, request, before)


def test_a_connection_that_was_closed_in_silence_gets_one_new_one(hostile: Callable[[Behaviour], Hostile]) -> None:
    server = hostile(_second_time)
    assert sender(server.origin).send(READ).status == 200
    assert len(server.requests) == 2


def test_what_costs_is_never_sent_twice(hostile: Callable[[Behaviour], Hostile]) -> None:
    server = hostile(_second_time)
    one = sender(server.origin, real=True)
    with pytest.raises(Unanswered, match="closed without an answer"):
        one.send(BUY)
    assert len(server.requests) == 1
    assert one.sent == 1


def test_a_request_that_is_dropped_says_which_and_others_go_on(hostile: Callable[[Behaviour], Hostile]) -> None:
    def drops_posts(connection: socket.socket, request: bytes, before: int) -> None:
        saying(*([OK] if request.startswith(b"GET") else []), close=True)(connection, request, before)

    one = sender(hostile(drops_posts).origin)
    for _ in range(5):
        with pytest.raises(Unanswered, match=r"POST \S+/purchase: the connection was closed without an answer"):
            one.send(BUY)
        assert one.send(READ).status == 200


def test_an_operation_that_takes_too_long_is_asked_twice_and_then_left_alone(
    hostile: Callable[[Behaviour], Hostile],
) -> None:
    def slow_posts(connection: socket.socket, request: bytes, before: int) -> None:
        if request.startswith(b"POST"):
            time.sleep(2)
        connection.sendall(OK)

    server = hostile(slow_posts)
    one = sender(server.origin, 0.3)
    for _ in range(2):
        with pytest.raises(Unanswered, match=r"within 0\.3 seconds"):
            one.send(BUY)
        assert one.send(READ).status == 200
    with pytest.raises(Busy, match="purchaseNumber gave no answer in time, 2 times, and is not asked again"):
        one.send(BUY)
    assert one.send(READ).status == 200
    assert len([one for one in server.requests if one.startswith(b"POST")]) == 2


def test_a_server_that_goes_away_is_asked_once_more_and_never_again() -> None:
    server = Hostile(saying(OK, close=True))
    one = sender(server.origin)
    assert one.send(READ).status == 200
    server.stop()
    with pytest.raises(Unreachable, match="cannot be reached: Connection refused"):
        one.send(READ)
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(Unreachable):
            one.send(READ)
    assert time.monotonic() - started < 0.5


def test_a_server_that_answers_nothing_any_more_counts_as_gone(hostile: Callable[[Behaviour], Hostile]) -> None:
    server = hostile(saying(b"", pause=5))
    one = sender(server.origin, 0.2)
    for request in (READ, READ):
        with pytest.raises(Unanswered):
            one.send(request)
    for _ in range(3):
        with pytest.raises(Unreachable, match=r"within 0\.2 seconds; .*; so it was 3 times in a row"):
            one.send(BUY)
    assert len(server.requests) == 3


def test_busy_without_end_is_given_up_and_not_covered(
    hostile: Callable[[Behaviour], Hostile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contract_tests.endpoint.transport.FIRST_PAUSE_SECONDS", 0.01)
    server = hostile(saying(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"))
    one = sender(server.origin)
    for _ in range(3):
        with pytest.raises(Busy, match="listNumbers is answered 429, 6 times in a row"):
            one.send(READ)
    assert len(server.requests) == 6


# --- the way there ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    return cert, key


def test_a_certificate_that_nobody_vouches_for_is_one_line_and_a_file_helps(
    serve: Callable[..., object], certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    server = serve("--tls-cert", str(cert), "--tls-key", str(key))
    target = server.origin("teli")  # type: ignore[attr-defined]
    assert target.startswith("https://")
    words = ["teli", "--target", target, "--operation", "listAgents"]
    refused = check(*words)
    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
    assert "is not trusted: self-signed certificate; --ca-file F names the authority" in refused.stderr
    assert check(*words, "--ca-file", str(cert)).returncode == 0
    assert check(*words, env={"REQUESTS_CA_BUNDLE": str(cert)}).returncode == 0


def test_the_wrong_scheme_is_told(serve: Callable[..., object]) -> None:
    target = serve().origin("teli").replace("http:", "https:")  # type: ignore[attr-defined]
    done = check("teli", "--target", target)
    assert done.returncode == 3
    assert "does not speak TLS" in done.stderr
    assert "is it http:// in place of https://?" in done.stderr


def test_a_proxy_is_used_when_it_is_named_and_never_those_of_the_environment(
    serve: Callable[..., object], hostile: Callable[[Behaviour], Hostile]
) -> None:
    target = serve().origin("teli")  # type: ignore[attr-defined]
    words = ["teli", "--target", target, "--operation", "listAgents"]

    def passing(connection: socket.socket, request: bytes, before: int) -> None:
        line, rest = request.split(b"\r\n", 1)
        method, address, version = line.split(b" ")
        where = address.removeprefix(b"http://").split(b"/", 1)
        host, port = where[0].split(b":")
        with socket.create_connection((host, int(port)), timeout=10) as further:
            further.sendall(method + b" /" + where[1] + b" " + version + b"\r\nConnection: close\r\n" + rest)
            while got := further.recv(65536):
                connection.sendall(got)
        connection.shutdown(socket.SHUT_RDWR)

    proxy = hostile(passing)
    address = proxy.origin.replace("http://", "http://user:pa%3Ass@")
    done = check(*words, "--proxy", address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.requests
    assert b"Proxy-Authorization: Basic dXNlcjpwYTpzcw==" in proxy.requests[0]
    assert "pa:ss" not in done.stdout + done.stderr
    before = len(proxy.requests)
    assert check(*words, env={"http_proxy": proxy.origin, "HTTP_PROXY": proxy.origin}).returncode == 0
    assert len(proxy.requests) == before


def test_a_proxy_that_refuses_is_told(hostile: Callable[[Behaviour], Hostile]) -> None:
    proxy = hostile(saying(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", close=True))
    done = check(
        *("teli", "--target", "https://127.0.0.1:9", "--proxy", proxy.origin, "--api-key-env", "K"),
        env={"K": "test_a_key"},
    )
    assert done.returncode == 3
    assert "does not connect to 127.0.0.1:9: it answers 407 Proxy Authentication Required" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--timeout", "0"], "--timeout 0: seconds"),
        (["--timeout", "nan"], "--timeout nan: seconds"),
        (["--proxy", "socks5://user:secret@127.0.0.1:9"], "--proxy: http://HOST:PORT is needed"),
        (["--ca-file", "/nowhere"], "--ca-file /nowhere: No such file or directory"),
        (["--ca-file", str(ROOT / "README.md")], "has no certificate (PEM) in it"),
    ],
)
def test_a_way_that_cannot_be_meant_is_wrong_usage(words: list[str], says: str) -> None:
    done = check("teli", "--target", "http://127.0.0.1:9", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "secret" not in done.stderr


def test_a_request_without_an_answer_is_a_finding_that_names_it(
    serve: Callable[..., object], hostile: Callable[[Behaviour], Hostile]
) -> None:
    def drops(connection: socket.socket, request: bytes, before: int) -> None:
        saying(*([OK] if b"/agents" not in request else []), close=True)(connection, request, before)

    server = hostile(drops)
    done = check("vogent", "--target", server.origin, "--operation", "listAgents", "--timeout", "2")
    assert done.returncode == 1, done.stderr
    assert "the connection was closed without an answer" in done.stdout


# --- a mock of its own -----------------------------------------------------------------------------------


def test_a_mock_of_its_own_ends_with_its_parent_however_that_ends() -> None:
    """Killed without a chance to say goodbye, the parent leaves nothing behind."""
    script = (
        "from contract_tests.endpoint.mock import OwnMock; import time;"
        "mock = OwnMock(); print(mock.origin('teli'), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().split(":")[2].split("/")[0])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(timeout=5)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the mock outlived its parent")
