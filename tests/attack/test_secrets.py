"""A key that the server accepts, and what a spec marks as secret, is kept nowhere, wherever a client put it."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from mock_server.desk.happened.masking import masks, without
from tests.conftest import RINGBACK, ROOT, Server

KEY = 'sk-live/7+"secret" key'
Serve = Callable[..., Server]


def everything_kept(server: Server, **headers: str) -> str:
    """Journal, events, unmatched, states and spaces of a server, as one text."""
    spaces = requests.get(f"{server.control}/spaces", headers=headers, timeout=5)
    kept = [spaces.text]
    for space in spaces.json()["spaces"]:
        for path in ("requests", "requests/unmatched", "state"):
            where = {"space": space["name"]}
            kept.append(requests.get(f"{server.control}/{path}", params=where, headers=headers, timeout=5).text)
    with requests.get(f"{server.control}/events?after=0", headers=headers, stream=True, timeout=5) as stream:
        for line in stream.iter_lines(decode_unicode=True):
            kept.append(line)
            if f'"number":{count_of(kept)}' in line:
                break
    return "\n".join(kept)


def count_of(kept: list[str]) -> int:
    return max((int(line.removeprefix("id: ")) for line in kept if line.startswith("id: ")), default=0)


def test_a_key_is_kept_nowhere_wherever_it_was_put(serve: Serve) -> None:
    running = serve("--accept-key", KEY)
    origin = running.origin("teli")
    mine = {"X-API-Key": KEY}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/v1/agents/{quote(KEY, safe='')}", {"headers": mine}),
        ("GET", f"/v1/organizations?key={quote(KEY)}&other={quote(KEY, safe='')}", {"headers": mine}),
        ("GET", "/v1/organizations", {"headers": {**mine, "X-Odd": KEY, "User-Agent": f"client {KEY}"}}),
        ("POST", "/v1/voice/phone-numbers/+14155551234/update-agent", {"headers": mine, "json": {"nickname": KEY}}),
        ("POST", "/v1/voice/phone-numbers/create", {"headers": mine, "json": {"area_code": KEY, "a": [{KEY: KEY}]}}),
        ("POST", "/v1/nowhere", {"headers": mine, "data": f"not json {KEY}"}),
        ("GET", "/v1/organizations", {"headers": {"X-API-Key": "test_other", "X-Odd": KEY}}),
    ]
    for method, path, arguments in asked:
        requests.request(method, origin + path, timeout=5, **arguments)
    kept = everything_kept(running)
    assert kept.count("[redacted]") > len(asked)
    for form in ("sk-live", quote(KEY), quote(KEY, safe="")):
        # The state holds what the client stored under a name of its own; the journal must not.
        journal = "\n".join(part for part in kept.split("\n") if '"providers"' not in part)
        assert form not in journal


def test_with_any_key_accepted_every_key_is_a_secret(serve: Serve) -> None:
    running = serve("--accept-key", "any")
    headers = {"Authorization": "Bearer my-real-key-123", "X-Request": "my-real-key-123"}
    assert requests.get(f"{running.origin('vogent')}/api/phone_numbers", headers=headers, timeout=5).status_code == 200
    assert "my-real-key-123" not in everything_kept(running)


def test_the_keys_of_somebody_s_own_fixtures_are_secrets_and_public_placeholders_are_not(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "teli.yaml").write_text("keys: [my-own-key-1234, YOUR_API_KEY]\n")
    running = serve("--fixtures", str(tmp_path))
    for key in ("my-own-key-1234", "YOUR_API_KEY"):
        headers = {"X-API-Key": "my-own-key-1234", "X-Odd": key}
        assert requests.get(f"{running.origin('teli')}/v1/organizations", headers=headers, timeout=5).status_code == 200
    kept = everything_kept(running)
    assert "my-own-key-1234" not in kept
    assert "YOUR_API_KEY" in kept


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("interactly", {"number": "+14155550199", "authToken": "s3cret-value"}),
        ("interactly", {"list": [{"deep": {"authToken": "s3cret-value"}}], "label": "s3cret-value"}),
        ("interactly", {"credentials": {"accountSid": "AC1", "authToken": "s3cret-value"}, "s3cret-value": 1}),
        ("interactly", {"credentials": "s3cret-value"}),
        ("vogent", {"a": {"password": "s3cret-value"}}),
        ("vogent", {"sipImport": {"terminationUri": "sip:me:s3cret-value@pbx.example"}}),
    ],
)
@pytest.mark.parametrize("path", ["/assistants/v1/numbers/import", "/api/phone_numbers", "/nowhere"])
def test_what_a_spec_marks_as_secret_is_kept_nowhere(
    server: Server, provider: str, body: dict[str, Any], path: str
) -> None:
    space = f"test_secret_{time.monotonic_ns()}"
    headers = {"Authorization": f"Bearer {space}", "X-Copy": "s3cret-value"}
    if "sipImport" in body:
        del headers["X-Copy"]
    requests.post(server.origin(provider) + path, json=body, headers=headers, timeout=5)
    found = requests.get(f"{server.control}/requests", params={"space": space}, timeout=5)
    assert len(found.json()["requests"]) == 1
    assert "s3cret" not in found.text


def test_a_name_written_with_escapes_hides_nothing() -> None:
    secret = masks(("credentials.authToken",), ("authToken",))
    body, values = secret.body(b'{"a":[{"auth\\u0054oken":"s3cret-value"}]}')
    assert b"s3cret" not in body
    assert values == {"s3cret-value"}
    assert without(b'"x s3cret-value y"', values) == b'"x [redacted] y"'


def test_a_body_without_secrets_is_kept_as_it_came() -> None:
    secret = masks(("credentials.authToken",), ("authToken",))
    for body in (b'{ "number" : "+14155550100" }', b'{"broken', b""):
        assert secret.body(body) == (body, set())


# The control token


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_control_token_is_refused_at_the_start(token: str) -> None:
    command = [*RINGBACK, "serve", "--port", "0", "--host", "0.0.0.0", "--control-token", token]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert done.returncode == 2
    assert "--control-token is empty" in done.stderr


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "Bearer x", "bearer secret-token-x", "Basic secret-token", "\xff"]
)
def test_nothing_but_the_token_opens_the_control_api(serve: Serve, authorization: str) -> None:
    running = serve("--control-token", "secret-token")
    headers = {"Authorization": authorization.encode("latin-1")}
    assert requests.get(f"{running.control}/health", headers=headers, timeout=5).status_code == 401
    right = {"Authorization": "Bearer secret-token"}
    assert requests.get(f"{running.control}/health", headers=right, timeout=5).status_code == 200


def test_the_remote_commands_carry_no_token_elsewhere() -> None:
    seen: list[str | None] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Redirecting(Elsewhere):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{elsewhere.server_port}/_ringback/faults")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere, HTTPServer(("127.0.0.1", 0), Redirecting) as first:
        for server in (elsewhere, first):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{first.server_port}"
        command = [*RINGBACK, "faults", "list", "--url", url, "--control-token", "secret-token"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
        for server in (elsewhere, first):
            server.shutdown()
    assert done.returncode != 0
    assert seen == []
    assert "302" in done.stderr


# What is said to a terminal


def test_the_log_and_the_commands_speak_only_printable_characters() -> None:
    done = subprocess.run([*RINGBACK, "serve", "--port", "\x1b[31m7\nx"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert done.stderr.count("\n") == 1
