"""Who may use the control API, and how it says no."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.conftest import Server, start_server

HEALTH = "/_ringback/health"
RESET = "/_ringback/reset"


def short(value: object) -> str:
    """The name of a case whose value is too long to be one."""
    return repr(value)[:40]


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that must have nothing to say on stderr, whatever is done to it."""
    running = start_server("--allowed-host", "ring.example", "--allowed-host", "Desk.Example")
    yield running
    assert running.stop() == ("", "")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that listens on all addresses and has a token."""
    running = start_server("--only", "teli", "--host", "0.0.0.0", "--control-token", "open sesame")
    yield running
    assert running.stop() == ("", "")


def ask(
    server: Server, method: str, path: str, *headers: tuple[str, str], body: bytes | None = None
) -> tuple[int, Any]:
    """Status and decoded body; with a Host header of one's own it is the only one."""
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.putrequest(method, path, skip_host=any(name == "Host" for name, _ in headers))
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 400 and method != "HEAD":
        assert_problem(answer.status, answer.getheader("Content-Type", ""), text)
    return answer.status, json.loads(text) if text else None


def assert_problem(status: int, media_type: str, text: bytes) -> None:
    assert media_type == "application/problem+json"
    problem = json.loads(text)
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= set(problem)
    assert "Traceback" not in problem["detail"]


# Host


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost",
        "LocalHost:4010",
        "[::1]",
        "[::1]:4010",
        "ring.example",
        "RING.example:1",
        "desk.example",
    ],
)
def test_loopback_names_and_allowed_hosts_are_served(quiet: Server, host: str) -> None:
    assert ask(quiet, "GET", HEALTH, ("Host", host))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#localhost",
        "127.0.0.1@evil.example",
        "xn--localhost",
        "",
        ":",
        ":4010",
        "[::1",
        "[",
        "localhost.",
        "127.0.0.2",
        "0.0.0.0",
        "ring.example.evil",
        "a b",
        "localhost, evil.example",
        "example",
    ],
)
@pytest.mark.parametrize("path", [HEALTH, "/", "/_ringback/nowhere", "/nowhere"])
def test_other_hosts_are_not_and_are_told_what_to_do(quiet: Server, host: str, path: str) -> None:
    status, problem = ask(quiet, "GET", path, ("Host", host))
    assert status == 403
    assert "--allowed-host" in problem["detail"]


def test_two_hosts_are_none(quiet: Server) -> None:
    assert ask(quiet, "GET", HEALTH, ("Host", "localhost"), ("Host", "evil.example"))[0] in (400, 403)


def test_a_rebound_name_cannot_reset_anything(quiet: Server) -> None:
    key = f"test_{uuid4().hex}"
    mine = {"X-API-Key": key}
    requests.get(f"{quiet.origin('teli')}/v1/organizations", headers=mine, timeout=5)
    for method in ("POST", "GET", "DELETE"):
        ask(quiet, method, RESET, ("Host", "evil.example"))
    names = [one["name"] for one in requests.get(f"{quiet.control}/spaces", timeout=5).json()["spaces"]]
    assert key in names


# Origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:1",
        "http://127.0.0.1",
        "file://",
        "http://[",
        "http://[::1",
        "",
        "http://localhost:4010@evil.example",
        "http://localhost:4010.evil.example",
        "//",
        "a" * 10000,
    ],
    ids=short,
)
def test_a_page_of_another_site_is_refused(quiet: Server, origin: str) -> None:
    for method, path in (("GET", HEALTH), ("POST", RESET), ("OPTIONS", RESET)):
        status, problem = ask(quiet, method, path, ("Host", "localhost:4010"), ("Origin", origin))
        assert (status, problem["title"]) == (403, "Cross-site request")


def test_the_server_s_own_pages_are_served(quiet: Server) -> None:
    for origin in ("http://localhost:4010", "http://LOCALHOST:4010"):
        assert ask(quiet, "GET", HEALTH, ("Host", "localhost:4010"), ("Origin", origin))[0] == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_a_browser_that_says_where_it_comes_from_is_believed(quiet: Server, site: str, status: int) -> None:
    assert ask(quiet, "GET", HEALTH, ("Sec-Fetch-Site", site))[0] == status


def test_no_answer_of_the_control_api_may_be_read_by_another_site(quiet: Server) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": quiet.url}):
        answer = requests.get(quiet.control + "/health", headers=headers, timeout=5)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


# JSON only


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "", "json"],
)
def test_other_bodies_than_json_are_refused(quiet: Server, media_type: str) -> None:
    body = b'{"now":null}'
    for method, path in (("POST", RESET), ("PUT", "/_ringback/clock")):
        assert ask(quiet, method, path, ("Content-Type", media_type), body=body)[0] == 415
    # A form without a field is a body too: it is what a page of another site could send.
    if media_type:
        assert ask(quiet, "POST", RESET, ("Content-Type", media_type), body=b"")[0] == 415


def test_a_body_without_a_type_is_refused_however_it_comes(quiet: Server) -> None:
    assert ask(quiet, "PUT", "/_ringback/clock", body=b'{"now":null}')[0] == 415
    chunked = requests.put(f"{quiet.control}/clock", data=iter([b'{"now":null}']), timeout=5)
    assert chunked.status_code == 415


def test_a_chunked_json_body_is_read(quiet: Server) -> None:
    key = f"test_{uuid4().hex}"
    answer = requests.put(
        f"{quiet.control}/clock",
        params={"space": key},
        data=iter([b'{"now":"2026-01-01T00:00', b':00Z","frozen":true}']),
        headers={"Content-Type": "application/json; charset=utf-8"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["frozen"]) == (200, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"seconds":NaN}',
        b'{"seconds":1e400}',
        b'{"seconds":"1"}',
        b"{}",
        b'{"seconds":' + b"[" * 100000 + b"]" * 100000 + b"}",
        b'{"seconds":' + b"9" * 5000 + b"}",
        b'{"seconds":1,"extra":1}',
        b'{"seconds":"\xff"}',
        b'{"seconds":"\\ud800"}',
        b'{"seconds":1e300}',
    ],
    ids=short,
)
def test_a_broken_body_is_told(quiet: Server, body: bytes) -> None:
    status, _ = ask(quiet, "POST", "/_ringback/clock/advance", ("Content-Type", "application/json"), body=body)
    assert status == 400


def test_a_body_without_end_is_refused_unread(quiet: Server) -> None:
    host, _, port = quiet.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"PUT /_ringback/state HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000000000\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


# Token


def test_beyond_loopback_nothing_is_served_without_a_token(serve: Callable[..., Server]) -> None:
    running = serve("--only", "teli", "--host", "0.0.0.0")
    for path in (HEALTH, "/_ringback/state", "/_ringback/nowhere"):
        status, problem = ask(running, "GET", path)
        assert status == 401
        assert "--control-token" in problem["detail"]
    assert ask(running, "POST", RESET, ("Authorization", "Bearer guess"))[0] == 401
    found = requests.get(f"{running.url}/v1/organizations", headers={"X-API-Key": "test_x"}, timeout=5)
    assert found.status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("open sesame", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer open", 401),
        ("Bearer open sesame ", 200),
        ("Bearer Open sesame", 401),
        ("Basic b3BlbjpzZXNhbWU=", 401),
        ("Bearer open sesame", 200),
        ("bearer open sesame", 200),
    ],
)
def test_the_token_is_asked_for_on_loopback_too(guarded: Server, authorization: str | None, status: int) -> None:
    headers = [] if authorization is None else [("Authorization", authorization)]
    assert ask(guarded, "GET", HEALTH, *headers)[0] == status
    assert ask(guarded, "POST", RESET, *headers)[0] == status


def test_a_401_says_how_to_send_the_token(guarded: Server) -> None:
    answer = requests.get(f"{guarded.control}/health", timeout=5)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "open sesame" not in answer.text


def test_the_token_does_not_stand_in_for_the_right_host_and_origin(guarded: Server) -> None:
    token = ("Authorization", "Bearer open sesame")
    assert ask(guarded, "GET", HEALTH, token, ("Host", "evil.example"))[0] == 403
    assert ask(guarded, "GET", HEALTH, token, ("Origin", "https://evil.example"))[0] == 403
    assert ask(guarded, "GET", HEALTH, token, ("Host", "0.0.0.0"))[0] == 200


# What is not there


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/else/", "/Teli", "/%00"])
def test_an_unknown_path_is_told_with_the_vendors_prefixes(quiet: Server, path: str) -> None:
    status, problem = ask(quiet, "GET", path)
    assert status == 404
    assert "/interactly, /teli, /uponai, /vogent" in problem["detail"]


@pytest.mark.parametrize(
    "path", ["//nowhere", "/_ringback/nowhere", "/_ringback//health", "/_ringback/health/", "/_ringback/..%2fteli"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_control_api_has_not_is_told_and_never_redirected(quiet: Server, method: str, path: str) -> None:
    assert ask(quiet, method, path)[0] == 404


@pytest.mark.parametrize(("method", "path"), [("POST", HEALTH), ("GET", RESET), ("DELETE", RESET), ("PURGE", HEALTH)])
def test_a_wrong_method_is_told(quiet: Server, method: str, path: str) -> None:
    assert ask(quiet, method, path)[0] in (404, 405)


@pytest.mark.parametrize(
    "query", ["space=%FF", "space=caf\u00e9", "space=%E2%98%83", "space=%00", "space=" + "x" * 5000], ids=short
)
def test_a_space_that_nobody_has_is_told(quiet: Server, query: str) -> None:
    host, _, port = quiet.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"POST {RESET}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert_problem(404, answer.getheader("Content-Type", ""), answer.read())
    assert answer.status == 404


@pytest.mark.parametrize("text", ["\u00b2", "--5", "9" * 5000, "1.5", "", "%00"], ids=short)
def test_a_number_that_is_none_is_told(quiet: Server, text: str) -> None:
    answer = requests.get(f"{quiet.control}/requests", params={"limit": text}, timeout=5)
    assert_problem(400, answer.headers["Content-Type"], answer.content)


def test_head_has_no_body(quiet: Server) -> None:
    assert ask(quiet, "HEAD", HEALTH) == (200, None)
    assert ask(quiet, "HEAD", HEALTH, ("Host", "evil.example")) == (403, None)


def test_the_root_says_where_the_vendors_are(quiet: Server) -> None:
    status, index = ask(quiet, "GET", "/")
    assert status == 200
    assert index == {"providers": quiet.where["providers"], "control": quiet.control}


@pytest.mark.parametrize("path", ["/", "/_ringback", "/_ringback/"])
def test_the_first_page_leads_somewhere_in_a_browser_too(quiet: Server, path: str) -> None:
    assert requests.get(quiet.url + path, timeout=10).json()["providers"] == quiet.where["providers"]
    page = requests.get(quiet.url + path, headers={"Accept": "text/html,*/*;q=0.8"}, timeout=10)
    policy = page.headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'self'; img-src 'self'"
    links = re.findall(r'href="([^"]+)"', page.text)
    assert len(links) > 5
    for link in links:
        assert requests.get(link, timeout=10).status_code == 200, link
    assert "https://api.teli.ai" in page.text
