"""HTTP as vendors' clients meet it: routing, methods, bodies of every kind, and what must not block or break."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import requests

from mock_server.app import create_app
from mock_server.spec import Operation, Spec, build
from tests.conftest import Server, start_server

ALL = ["interactly", "teli", "uponai", "vogent"]
MEBIBYTE = 1024 * 1024
E164 = "+14155551234"
NUMBERS = "/v1/voice/phone-numbers"
UPDATE = f"/teli{NUMBERS}/{E164}/update-agent"
OWN = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
LIST = {**OWN, "is_admin": "true"}
LISTING = f"/teli{NUMBERS}?" + "&".join(f"{name}={value}" for name, value in LIST.items())
MALFORMED = b'{"error":"Invalid JSON body","success":false,"powered_by":"Teli"}'


def short(value: object) -> str:
    """The name of a case whose value is too long to be one."""
    return repr(value)[:40]


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that must have nothing to say on stderr, whatever is done to it."""
    running = start_server()
    yield running
    assert running.stop() == ("", "")


@pytest.fixture
def key() -> str:
    return f"test_{uuid4().hex}"


class Raw(NamedTuple):
    """An answer as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def connected(server: Server, seconds: float = 5) -> Iterator[socket.socket]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        yield connection


def answer(connection: socket.socket, method: str = "GET") -> Raw:
    """Reads one answer."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Raw(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def sent(server: Server, data: bytes, method: str = "GET") -> Raw:
    """Sends these bytes on a connection of their own and reads one answer."""
    with connected(server) as connection:
        connection.sendall(data)
        return answer(connection, method)


def request(path: str | bytes, *headers: str, method: str = "GET", host: str = "127.0.0.1", body: bytes = b"") -> bytes:
    """The bytes of a request; `path` goes as it is."""
    target = path.encode() if isinstance(path, str) else path
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target), b"Host: " + host.encode()]
    lines += [header.encode() for header in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def post(body: bytes, key: str, path: str = UPDATE, media_type: str | None = "application/json") -> bytes:
    """A POST with a body and its length."""
    headers = [f"X-API-Key: {key}", f"Content-Length: {len(body)}"]
    if media_type is not None:
        headers.append(f"Content-Type: {media_type}")
    return request(path, *headers, method="POST", body=body)


def world(server: Server, key: str) -> Any:
    """Everything that the key's space holds."""
    space = requests.post(f"{server.control}/spaces", json={"name": key}, timeout=5)
    assert space.status_code in (201, 409)
    return requests.get(f"{server.control}/state", params={"space": key}, timeout=5).json()["providers"]


def a_listing(spec: Spec) -> Operation:
    return next(one for one in spec.operations.values() if one.contract.get("effect") == "list" and one.requests)


def an_update(spec: Spec) -> Operation:
    """A documented operation with a JSON body."""
    return next(one for one in spec.operations.values() if one.contract.get("effect") == "update" and one.body_schema)


# Who is asked


@pytest.mark.parametrize("provider", ALL)
def test_a_vendor_is_found_by_prefix_and_by_its_own_host(
    quiet: Server, specs: dict[str, Spec], key: str, provider: str
) -> None:
    spec = specs[provider]
    operation = a_listing(spec)
    wire = build(spec, operation, next(iter(operation.requests.values())), key)
    headers = [f"{name}: {value}" for name, value in wire.headers.items()]
    by_prefix = sent(quiet, request(f"/{provider}{wire.target}", *headers))
    assert by_prefix.status == 200
    assert by_prefix.headers["x-ringback-operation"] == operation.id
    for host in (spec.host, f"{spec.host.upper()}:443"):
        by_host = sent(quiet, request(wire.target, *headers, host=host))
        assert (by_host.status, by_host.body) == (200, by_prefix.body)
        assert by_host.headers["x-ringback-operation"] == operation.id


def test_the_documented_hosts_are_known(specs: dict[str, Spec]) -> None:
    hosts = {"api.teli.ai", "api.vogent.ai", "api-prod.interactly.ai", "api.upon-ai.com"}
    assert {spec.host for spec in specs.values()} == hosts


@pytest.mark.parametrize(
    "path", ["/_ringback/health", "/_ringback/reset", "/", f"/teli{NUMBERS}", "//_ringback/health"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_vendor_s_host_reaches_nothing_but_that_vendor(quiet: Server, method: str, path: str) -> None:
    for host in ("api.teli.ai", "API.Teli.AI:80", "api.teli.ai:4010"):
        found = sent(quiet, request(path, method=method, host=host))
        assert found.status == 404
        assert json.loads(found.body)["powered_by"] == "Teli"


def test_a_vendor_s_host_in_the_request_line_counts(quiet: Server) -> None:
    found = sent(quiet, request("http://api.teli.ai/_ringback/health"))
    assert (found.status, json.loads(found.body)["powered_by"]) == (404, "Teli")


def test_a_foreign_host_is_still_served_by_prefix(quiet: Server, key: str) -> None:
    assert sent(quiet, request(LISTING, f"X-API-Key: {key}", host="ci.example:8080")).status == 200


def test_old_clients_without_a_host_are_served_by_prefix(quiet: Server, key: str) -> None:
    found = sent(quiet, f"GET {LISTING} HTTP/1.0\r\nX-API-Key: {key}\r\n\r\n".encode())
    assert found.status == 200


# What is in the path and the query


@pytest.mark.parametrize("written", ["+14155551234", "%2B14155551234", "%2b14155551234", "%2B%31%34155551234"])
def test_a_plus_sign_in_a_path_is_a_plus_sign_escaped_or_not(quiet: Server, key: str, written: str) -> None:
    path = f"/teli{NUMBERS}/{written}/update-agent"
    found = sent(quiet, post(b'{"nickname":"front desk"}', key, path))
    assert (found.status, json.loads(found.body)["phone_number"]) == (200, E164)
    rows = json.loads(sent(quiet, request(LISTING, f"X-API-Key: {key}")).body)["phone_numbers"]
    assert [row["phone_number"] for row in rows if row["nickname"] == "front desk"] == [E164]


def test_a_space_is_no_plus_sign(quiet: Server, key: str) -> None:
    found = sent(quiet, post(b'{"nickname":"x"}', key, f"/teli{NUMBERS}/%2014155551234/update-agent"))
    assert json.loads(found.body)["success"] is False


@pytest.mark.parametrize(
    "segment",
    [
        b"%FF",
        b"%ED%A0%80",
        b"%00",
        b"%zz",
        b"%",
        b"%2",
        b"..",
        b"%2e%2e",
        b"caf\xc3\xa9",
        b"%E2%98%83",
        b"a%0d%0aX:%20y",
    ],
)
def test_odd_escapes_in_a_path_are_just_an_id_that_nobody_has(quiet: Server, key: str, segment: bytes) -> None:
    found = sent(quiet, request(b"/teli/v1/agents/" + segment, f"X-API-Key: {key}"))
    assert (found.status, json.loads(found.body)["error"]) == (404, "Agent not found")


@pytest.mark.parametrize(
    "query", ["a=%FF", "a=%ED%A0%80", "a=%00", "a=%zz", "&&&==&", "a;b", "?" * 50, "a=1&" * 3000], ids=short
)
def test_odd_queries_change_nothing_about_an_answer(quiet: Server, key: str, query: str) -> None:
    plain = sent(quiet, request(LISTING, f"X-API-Key: {key}"))
    assert sent(quiet, request(f"{LISTING}&{query}", f"X-API-Key: {key}")).body == plain.body


@pytest.mark.parametrize("limit", ["9" * 5000, "%C2%B2", "nan", "1e3", "-1", "+5", "0x10", ""], ids=short)
def test_a_number_in_a_query_that_is_none_is_refused(quiet: Server, key: str, limit: str) -> None:
    found = sent(quiet, request(f"/uponai/api/agents?workspaceId=1&limit={limit}", f"Authorization: Bearer {key}"))
    assert found.status == 400
    assert json.loads(found.body)["success"] is False


# Methods


@pytest.mark.parametrize("path", [LISTING, f"/teli{NUMBERS}", "/teli/v1/nowhere"])
@pytest.mark.parametrize("with_key", [True, False])
def test_head_is_get_without_the_body(quiet: Server, key: str, path: str, with_key: bool) -> None:
    headers = [f"X-API-Key: {key}"] if with_key else []
    whole = sent(quiet, request(path, *headers))
    with connected(quiet) as connection:
        connection.sendall(request(path, *headers, method="HEAD"))
        head = answer(connection, "HEAD")
        # Had a body followed, it would be taken for the next answer.
        connection.sendall(request(path, *headers))
        assert answer(connection).body == whole.body
    assert head.status == whole.status
    assert head.body == b""
    del head.headers["date"], whole.headers["date"]
    assert head.headers == whole.headers
    assert int(head.headers["content-length"]) == len(whole.body)


def test_options_tells_the_methods_without_a_key(quiet: Server) -> None:
    found = sent(quiet, request(f"/teli{NUMBERS}", method="OPTIONS"))
    assert (found.status, found.body, found.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert sent(quiet, request("/teli/v1/nowhere", method="OPTIONS")).status == 404


@pytest.mark.parametrize("provider", ALL)
def test_a_wrong_method_is_told_with_the_right_ones_in_the_vendor_s_words(
    quiet: Server, specs: dict[str, Spec], provider: str
) -> None:
    spec = specs[provider]
    operation = a_listing(spec)
    known = {one.method for one in spec.operations.values() if one.path == operation.path}
    for method in {"POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"} - known:
        found = sent(quiet, request(f"/{provider}{operation.path}", method=method), method)
        documented = spec.answers["method-not-allowed"]
        assert (found.status, json.loads(found.body)) == (documented.status, documented.value)
        assert set(found.headers["allow"].split(", ")) == known | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("path", ["", "/", "/v1", "/nowhere", "//", "/%2e%2e/_ringback/health", "/../_ringback/health"])
def test_an_unknown_path_is_told_in_the_vendor_s_words(
    quiet: Server, specs: dict[str, Spec], provider: str, path: str
) -> None:
    documented = specs[provider].answers["path-not-found"]
    found = sent(quiet, request(f"/{provider}{path}"))
    assert (found.status, json.loads(found.body)) == (documented.status, documented.value)


# Browsers


def test_a_browser_may_read_every_answer_of_a_vendor(quiet: Server, key: str) -> None:
    origin = "Origin: https://app.example"
    for data, status in (
        (request(LISTING, origin, f"X-API-Key: {key}"), 200),
        (request(LISTING, origin), 401),
        (request("/teli/v1/nowhere", origin), 404),
        (request(f"/teli{NUMBERS}", origin, method="DELETE"), 405),
        (request(UPDATE, origin, f"X-API-Key: {key}", "Content-Length: 2000000", method="POST"), 413),
    ):
        found = sent(quiet, data)
        assert found.status == status
        assert found.headers["access-control-allow-origin"] == "*"
        assert "X-Ringback-Operation" in found.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in sent(quiet, request(LISTING, f"X-API-Key: {key}")).headers


def test_a_preflight_allows_what_the_browser_asks_for(quiet: Server) -> None:
    found = sent(
        quiet,
        request(
            f"/teli{NUMBERS}/create",
            "Origin: https://app.example",
            "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: x-api-key, content-type",
            method="OPTIONS",
        ),
    )
    assert (found.status, found.body) == (204, b"")
    assert found.headers["access-control-allow-origin"] == "*"
    assert "POST" in found.headers["access-control-allow-methods"].split(", ")
    assert found.headers["access-control-allow-headers"] == "x-api-key, content-type"


def test_no_cors_means_no_cors(serve: Callable[..., Server], key: str) -> None:
    running = serve("--no-cors")
    origin = "Origin: https://app.example"
    plain = sent(running, request(LISTING, origin, f"X-API-Key: {key}"))
    asked = sent(running, request(LISTING, origin, "Access-Control-Request-Method: GET", method="OPTIONS"))
    for found in (plain, asked):
        assert not [name for name in found.headers if name.startswith("access-control-")]
    assert (plain.status, asked.status, asked.headers["allow"]) == (200, 204, "GET, HEAD, OPTIONS")


# Bodies


BROKEN_BODIES = {
    "nothing": b"",
    "cut short": b'{"nickname":',
    "100,000 objects deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 lists deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "150 lists deep": b'{"nickname":"x","a":' + b"[" * 150 + b"]" * 150 + b"}",
    "no UTF-8": b'{"nickname":"\xff"}',
    "UTF-16": '{"nickname":"x"}'.encode("utf-16"),
    "NaN": b'{"nickname":"x","a":NaN}',
    "Infinity": b'{"nickname":"x","a":-Infinity}',
    "1e400": b'{"nickname":"x","a":1e400}',
    "5,000 digits": b'{"nickname":"x","a":' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"nickname":"\\ud800"}',
    "a control character": b'{"nickname":"a\x00b"}',
    "an array": b'[{"nickname":"x"}]',
    "a string": b'"nickname"',
    "a number": b"7",
    "null": b"null",
    "single quotes": b"{'nickname':'x'}",
    "a trailing comma": b'{"nickname":"x",}',
    "more behind it": b'{"nickname":"x"} and more',
    "a form": b"nickname=x",
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_is_no_json_object_is_refused_and_changes_nothing(quiet: Server, key: str, body: bytes) -> None:
    before = world(quiet, key)
    found = sent(quiet, post(body, key))
    assert (found.status, found.body) == (400, MALFORMED)
    assert world(quiet, key) == before


@pytest.mark.parametrize("provider", ALL)
def test_every_vendor_refuses_broken_bodies_in_its_own_words(
    quiet: Server, specs: dict[str, Spec], key: str, provider: str
) -> None:
    spec = specs[provider]
    operation = an_update(spec)
    wire = build(spec, operation, next(iter(operation.requests.values())), key)
    secret = [f"{name}: {value}" for name, value in wire.headers.items() if name.lower() != "content-type"]
    before = world(quiet, key)
    for name, media_type, body in (
        ("malformed-json", "application/json", b'{"a":'),
        ("malformed-json", "application/json", b"[]"),
        ("body-too-large", "application/json", b'{"a":"' + b"x" * MEBIBYTE + b'"}'),
    ):
        headers = [*secret, f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
        found = sent(quiet, request(f"/{provider}{wire.target}", *headers, method=operation.method, body=body))
        documented = spec.answer(operation, name)
        assert (found.status, json.loads(found.body)) == (documented.status, documented.value)
    headers = [*secret, "Content-Type: text/plain", "Content-Length: 2"]
    found = sent(quiet, request(f"/{provider}{wire.target}", *headers, method=operation.method, body=b"{}"))
    documented = spec.answer(operation, "wrong-media-type")
    assert found.status == documented.status
    assert json.loads(found.body).keys() == documented.value.keys()
    assert world(quiet, key) == before


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("application/merge-patch+json", 200),
        (None, 200),
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("multipart/form-data; boundary=x", 400),
        ("", 400),
        (";", 400),
    ],
)
def test_the_content_type_is_json_or_left_out(quiet: Server, key: str, media_type: str | None, status: int) -> None:
    found = sent(quiet, post(b'{"nickname":"x"}', key, media_type=media_type))
    assert (found.status, json.loads(found.body)["powered_by"]) == (status, "Teli")


def test_of_a_key_that_is_there_twice_the_last_counts(quiet: Server, key: str) -> None:
    found = sent(quiet, post(b'{"nickname":"first","nickname":"second"}', key))
    assert (found.status, json.loads(found.body)["nickname"]) == (200, "second")


@pytest.mark.parametrize(
    "nickname", ["", "\u0000", "\U0001f600", "\u202e", "'; DROP TABLE numbers;--", "x" * 10_000], ids=short
)
def test_any_text_comes_back_as_it_was_sent(quiet: Server, key: str, nickname: str) -> None:
    assert sent(quiet, post(json.dumps({"nickname": nickname}).encode(), key)).status == 200
    rows = json.loads(sent(quiet, request(LISTING, f"X-API-Key: {key}")).body)["phone_numbers"]
    assert [row["nickname"] for row in rows if row["phone_number"] == E164] == [nickname]


def test_a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_not(quiet: Server, key: str) -> None:
    frame = b'{"nickname":""}'
    fits = frame.replace(b'""', b'"' + b"x" * (MEBIBYTE - len(frame)) + b'"')
    assert sent(quiet, post(fits, key)).status == 200
    before = world(quiet, key)
    found = sent(quiet, post(fits + b" ", key))
    assert (found.status, json.loads(found.body)["powered_by"]) == (413, "Teli")
    assert world(quiet, key) == before


def _chunks(*sizes: int) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (size, b" " * size) for size in sizes)


def test_the_limit_holds_for_chunked_bodies_too(quiet: Server, key: str) -> None:
    head = request(UPDATE, f"X-API-Key: {key}", "Transfer-Encoding: chunked", method="POST")
    body = b'{"nickname":"x"}'
    end = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert sent(quiet, head + _chunks(1000, 1) + end).status == 200
    assert sent(quiet, head + _chunks(MEBIBYTE - len(body)) + end).status == 200
    assert sent(quiet, head + _chunks(MEBIBYTE // 2, MEBIBYTE // 2, 1)).status == 413


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_without_end_is_refused_without_being_read(quiet: Server, key: str, is_chunked: bool) -> None:
    length = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 100000000000"
    data = _chunks(65536) if is_chunked else b" " * 65536
    taken = 0
    with connected(quiet) as connection:
        connection.sendall(request(UPDATE, f"X-API-Key: {key}", length, method="POST"))
        try:
            while taken < 64 * MEBIBYTE:
                connection.sendall(data)
                taken += len(data)
        except OSError:
            pass
        assert answer(connection).status == 413
    assert taken < 64 * MEBIBYTE


def test_a_too_large_body_is_refused_before_it_is_sent(quiet: Server, key: str) -> None:
    headers = [f"X-API-Key: {key}", "Content-Type: application/json", "Content-Length: 2000000", "Expect: 100-continue"]
    assert sent(quiet, request(UPDATE, *headers, method="POST")).status == 413


@pytest.mark.parametrize("size", [2, 20])
def test_common_clients_read_the_413_although_they_are_still_sending(quiet: Server, key: str, size: int) -> None:
    body = b"x" * (size * MEBIBYTE)
    for data in (body, iter([body[:MEBIBYTE]] * size)):
        found = requests.post(quiet.url + UPDATE, data=data, headers={"X-API-Key": key}, timeout=20)
        assert found.status_code == 413


def test_every_error_of_teli_is_powered_by_teli(quiet: Server, key: str) -> None:
    mine = f"X-API-Key: {key}"
    requests_and_statuses = [
        (request(LISTING), 401),
        (request(LISTING, "X-API-Key: sk-unknown"), 401),
        (request(LISTING, "X-API-Key: "), 401),
        (request(f"/teli{NUMBERS}", mine), 400),
        (request("/teli/v2/agents", mine), 404),
        (request("/teli/v1/agents/agent_nobody", mine), 404),
        (request(f"/teli{NUMBERS}", mine, method="PATCH"), 405),
        (request(UPDATE, mine, "Content-Length: 3000000", method="POST"), 413),
        (post(b"{", key), 400),
        (post(b"{}", key), 400),
        (post(b'{"nickname":7}', key), 400),
        (post(b'{"nickname":"x"}', key, media_type="text/plain"), 400),
        (post(b'{"area_code":"999"}', key, f"/teli{NUMBERS}/create"), 400),
        (request(LISTING, mine, "Prefer: code=418"), 418),
        (request(LISTING, mine, "Prefer: code=503"), 503),
    ]
    for data, status in requests_and_statuses:
        found = sent(quiet, data)
        body = json.loads(found.body)
        assert (found.status, body["success"], body["powered_by"]) == (status, False, "Teli")


# Requests that are no requests


@pytest.mark.parametrize(
    "data",
    [
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\xc3\x89T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /teli/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /teli/a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /teli/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"\x00" * 1000 + b"\r\n\r\n",
    ],
    ids=short,
)
def test_what_is_no_http_ends_the_connection_and_nothing_else(quiet: Server, data: bytes) -> None:
    with connected(quiet, 2) as connection:
        connection.sendall(data)
        received = connection.recv(65536)
    assert received == b"" or re.match(rb"HTTP/1\.[01] 4\d\d ", received)
    assert b"Traceback" not in received
    assert sent(quiet, request("/teli/v1/nowhere")).status == 404


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/teli/v1/agents/" + "a" * 60_000, "X-API-Key: test_long"), 404),
        (request("/teli/v1/agents/" + "a" * 400_000, "X-API-Key: test_long"), 414),
        (request("/teli/v1/agents/x", "X-API-Key: test_long", "X-Long: " + "a" * 100_000), 404),
        (request("/teli/v1/agents/x", "X-API-Key: test_long", "X-Long: " + "a" * 1_000_000), 431),
        (request("/teli/v1/agents/x", *(f"X-{index}: a" for index in range(1000))), 431),
        (request("/teli/v1/agents/x", "X-API-Key: test_" + "a" * 50_000), 401),
    ],
    ids=short,
)
def test_long_addresses_and_headers_get_an_answer(quiet: Server, data: bytes, status: int) -> None:
    with connected(quiet) as connection:
        with suppress(OSError):
            connection.sendall(data)
        assert answer(connection).status == status


def test_headers_of_any_bytes_are_survived(quiet: Server, key: str) -> None:
    for header in (b"X-Odd: \xff\xfe", b"X-Odd: caf\xc3\xa9", b"Prefer: \xff", b"Content-Type: \xff", b"Origin: \xff"):
        data = request(LISTING, f"X-API-Key: {key}", "X-Here: y").replace(b"X-Here: y", header)
        assert sent(quiet, data).status == 200
    odd = request(LISTING, "X-Here: y").replace(b"X-Here: y", b"X-API-Key: \xff")
    assert sent(quiet, odd).status == 401


@pytest.mark.parametrize("target", [b"*", b"teli", b"example.org:443"])
@pytest.mark.parametrize("method", ["OPTIONS", "CONNECT", "GET"])
def test_a_target_that_is_no_path_never_reaches_a_vendor(quiet: Server, method: str, target: bytes) -> None:
    with connected(quiet, 2) as connection:
        connection.sendall(request(target, method=method))
        received = connection.recv(65536)
    assert re.match(rb"HTTP/1\.1 [24]\d\d ", received)
    assert b"x-ringback-operation" not in received


# Connections


def test_two_requests_in_one_packet_get_two_answers_in_order(quiet: Server, key: str) -> None:
    with connected(quiet) as connection:
        connection.sendall(request(LISTING, f"X-API-Key: {key}") + request("/teli/v1/nowhere", "Connection: close"))
        received = b""
        while part := connection.recv(65536):
            received += part
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"404"]


def test_slow_and_idle_connections_hold_up_nobody(quiet: Server, key: str) -> None:
    open_ones: list[socket.socket] = []
    host, _, port = quiet.url.removeprefix("http://").partition(":")
    try:
        for index in range(300):
            connection = socket.create_connection((host, int(port)), timeout=5)
            open_ones.append(connection)
            if index % 3 == 0:
                connection.sendall(post(b"x" * 1000, key)[:-990])
            elif index % 3 == 1:
                connection.sendall(b"GET /teli/v1/agents HTTP/1.1\r\nHos")
        started = time.monotonic()
        for _ in range(20):
            assert sent(quiet, request(LISTING, f"X-API-Key: {key}")).status == 200
            for connection in open_ones[:30:3]:
                connection.sendall(b"x")
        assert time.monotonic() - started < 2
    finally:
        for connection in open_ones:
            connection.close()


def test_a_waiting_answer_holds_up_nobody(quiet: Server, key: str) -> None:
    with connected(quiet) as waiting:
        waiting.sendall(request(LISTING, f"X-API-Key: {key}", "Prefer: wait=1"))
        started = time.monotonic()
        assert sent(quiet, request(LISTING, f"X-API-Key: {key}")).status == 200
        assert time.monotonic() - started < 0.5
        assert answer(waiting).status == 200


def test_a_client_that_goes_away_in_mid_body_changes_nothing(quiet: Server, key: str) -> None:
    before = world(quiet, key)
    data = post(b'{"nickname":"half"}', key)
    for part in (data[:-1], data[:-15], data[:-19]):
        with connected(quiet) as connection:
            connection.sendall(part)
    with connected(quiet) as connection:
        connection.sendall(data[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in connection.recv(65536)
    assert world(quiet, key) == before


def test_a_chunked_body_that_breaks_off_changes_nothing(quiet: Server, key: str) -> None:
    before = world(quiet, key)
    data = request(UPDATE, f"X-API-Key: {key}", "Transfer-Encoding: chunked", method="POST")
    with connected(quiet) as connection:
        connection.sendall(data + b'10\r\n{"nickname":"x"}\r\n')
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert world(quiet, key) == before


def test_a_body_with_thousands_of_faults_holds_up_nobody(quiet: Server, key: str) -> None:
    tools = json.dumps({"tools": [7] * 300_000}).encode()
    data = request(
        "/teli/v1/agents/agent_abc123/tools",
        f"X-API-Key: {key}",
        f"Content-Length: {len(tools)}",
        method="PATCH",
        body=tools,
    )
    started = time.monotonic()
    assert sent(quiet, data).status == 400
    assert time.monotonic() - started < 0.5


def test_twenty_clients_at_once_never_get_the_same_number(quiet: Server, key: str) -> None:
    bought: list[str] = []

    def buy() -> None:
        session = requests.Session()
        for _ in range(10):
            body = {**OWN, "area_code": "313", "tenant_id": "your_tenant"}
            made = session.post(f"{quiet.url}/teli{NUMBERS}/create", json=body, headers={"X-API-Key": key}, timeout=20)
            bought.append(made.json()["phone_number"])

    threads = [threading.Thread(target=buy) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bought) == len(set(bought)) == 200
    rows = requests.get(quiet.url + LISTING, headers={"X-API-Key": key}, timeout=5).json()["phone_numbers"]
    assert set(bought) <= {row["phone_number"] for row in rows}


# The other interface


def test_the_wsgi_application_answers_like_the_server(quiet: Server, key: str) -> None:
    client = create_app().test_client()
    for method, path, headers, body in (
        ("GET", LISTING, {"X-API-Key": key}, None),
        ("HEAD", LISTING, {"X-API-Key": key}, None),
        ("GET", LISTING, {}, None),
        ("GET", "/teli/v1/nowhere", {}, None),
        ("DELETE", f"/teli{NUMBERS}", {}, None),
        ("OPTIONS", f"/teli{NUMBERS}", {}, None),
        ("OPTIONS", f"/teli{NUMBERS}", {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}, None),
        ("POST", f"/teli{NUMBERS}/%2B14155551234/update-agent", {"X-API-Key": key}, b'{"nickname":"x"}'),
        ("POST", UPDATE, {"X-API-Key": key}, b"{"),
        ("POST", UPDATE, {"X-API-Key": key}, b" " * (MEBIBYTE + 1)),
        ("GET", LISTING, {"X-API-Key": key, "Prefer": "code=503"}, None),
    ):
        served = requests.request(method, quiet.url + path, headers=headers, data=body, timeout=5)
        asked = client.open(path, method=method, headers=headers, data=body)
        assert (asked.status_code, asked.data) == (served.status_code, served.content), (method, path)
        ours = {name.lower(): value for name, value in asked.headers.items()}
        theirs = {name.lower(): value for name, value in served.headers.items()}
        for name in ("date", "server", "connection"):
            theirs.pop(name, None)
        if served.status_code == 204:
            ours.pop("content-length", None)
        assert ours == theirs, (method, path)
