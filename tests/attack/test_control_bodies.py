"""Control bodies and states of any kind are taken or refused in a sentence: never a 500, never a word in the log."""

from __future__ import annotations

import copy
import json
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.app import create_app
from tests.attack.fuzzing import changed
from tests.attack.times import SEED, seconds_for

KEY = "test_fuzz"
AT = "/_ringback"
SPACE = f"?space={KEY}"
BEGUN: list[tuple[str, str, Any]] = [
    ("POST", "/spaces", {"name": "test_other", "fork": KEY, "seed": 3}),
    ("POST", "/spaces", {"name": "test_another", "snapshot": "kept"}),
    ("POST", "/snapshots", {"name": "kept", "space": KEY}),
    ("POST", f"/snapshots/kept/restore{SPACE}", None),
    ("PUT", f"/clock{SPACE}", {"now": "2026-01-01T09:00:00+00:00", "frozen": True}),
    ("POST", f"/clock/advance{SPACE}", {"seconds": 5}),
    ("PUT", f"/seed{SPACE}", {"seed": 7}),
    ("POST", "/faults", {"space": KEY, "provider": "teli", "operation": "*", "match": {"body.a.b": 1, "$.list.0": "x"},
                         "answer": {"status": 429, "body": {"a": 1}, "headers": {"Retry-After": "1"}},
                         "delay_ms": {"p50": 1, "p99": 2}, "after": 1, "every": 2, "times": 3, "probability": 0.5}),
    ("POST", "/stubs", {"space": KEY, "provider": "vogent", "method": "GET", "path": "/api/x/{id}", "status": 201,
                        "body": {"id": "{{path.id}}", "all": "{{body}}"}, "headers": {"X-A": "b"}}),
    ("POST", "/calls", {"space": KEY, "to": "+14155551234", "from": "+15005550200", "provider": "teli",
                        "outcome": "answered", "say": [{"text": "Hello?"}, {"speaker": "agent", "text": "Yes."}]}),
    ("PUT", f"/webhooks/vogent{SPACE}", {"url": "http://127.0.0.1:9/x", "secret": "s", "events": ["dial.updated"],
                                         "failures": [500, 0]}),
    ("POST", "/deliveries", {"space": KEY, "provider": "vogent", "event": "dial.updated", "to": "http://127.0.0.1:9/x",
                             "secret": "s"}),
    ("POST", "/deliveries/verify", {"space": KEY, "provider": "vogent", "body": {"payload": {"a": [1]}},
                                    "times": "at least 1"}),
    ("POST", "/requests/verify", {"space": KEY, "operation": "updatePhoneAgent", "status": 200, "times": "exactly 1",
                                  "body": {"nickname": "x"}, "since": "2026-01-01T09:00:00Z"}),
    ("POST", "/requests/find", {"space": KEY, "path": "/v1/organizations", "body": {"a": {"b": [1, 2]}}}),
]  # fmt: skip
"""Method, path and body of control requests that are understood as they stand, or nearly."""


@pytest.fixture(scope="module")
def control() -> FlaskClient:
    return create_app().test_client()


@pytest.fixture(autouse=True)
def nothing_said(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def _send(control: FlaskClient, method: str, path: str, body: Any) -> int:
    data = b"" if body is None else json.dumps(body).encode()
    answer = control.open(AT + path, method=method, data=data, content_type="application/json")
    assert answer.status_code < 500, (method, path, data, answer.text)
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json", (method, path, data)
        assert answer.json["detail"].isprintable(), (method, path, data)
    return answer.status_code


def test_every_body_that_is_begun_with_is_understood(control: FlaskClient) -> None:
    # Spaces begin as copies of others, which must be there.
    rows = [BEGUN[8], *BEGUN[2:], *BEGUN[:2]]
    statuses = {f"{method} {path}": _send(control, method, path, body) for method, path, body in rows}
    refused = {what: status for what, status in statuses.items() if status >= 400}
    assert refused == {}


def test_control_bodies_of_any_kind_are_taken_or_refused(control: FlaskClient) -> None:
    chance, until, tried = random.Random(SEED), time.monotonic() + seconds_for("control bodies"), 0
    while tried < 50 or time.monotonic() < until:
        method, path, body = chance.choice(BEGUN)
        made = changed(copy.deepcopy(body), chance) if chance.random() < 0.95 else chance.choice([[], {}, 1, "x", None])
        _send(control, method, path, made)
        tried += 1
        if tried % 500 == 0:
            # Else what was taken fills the space, and nothing more is.
            _send(control, "POST", "/reset", None)
    print(f"\n{tried} control bodies")


def test_states_of_any_kind_are_taken_or_refused(control: FlaskClient) -> None:
    _send(control, "POST", "/reset", None)
    for method, path, body in (BEGUN[8], BEGUN[9]):
        _send(control, method, path, body)
    whole = control.get(f"{AT}/state{SPACE}").json
    # Small enough that most changes hit what matters.
    for content in whole["providers"].values():
        content["records"] = {kind: rows[:2] for kind, rows in content["records"].items()}
    begun = [whole, *({**whole, "providers": {name: content}} for name, content in whole["providers"].items())]
    chance, until, taken, tried = random.Random(SEED), time.monotonic() + seconds_for("states"), 0, 0
    while tried < 20 or time.monotonic() < until:
        made = changed(copy.deepcopy(chance.choice(begun)), chance)
        taken += _send(control, "PUT", f"/state{SPACE}", made) == 200
        if chance.random() < 0.2:
            # What was taken is used, and can be had again.
            exported = control.get(f"{AT}/state{SPACE}")
            assert exported.status_code == 200
            assert _send(control, "PUT", f"/state{SPACE}", exported.json) == 200, made
            for path, headers in USES:
                assert control.get(path, headers=headers).status_code < 500, (path, made)
        tried += 1
    assert taken
    print(f"\n{tried} states, {taken} of them taken")


BEARER = {"Authorization": f"Bearer {KEY}"}
USES = [
    ("/teli/v1/organizations", {"X-API-Key": KEY}),
    ("/vogent/api/phone_numbers?limit=3", BEARER),
    ("/vogent/api/agents", BEARER),
    ("/interactly/assistants/v1/numbers", BEARER),
    (f"{AT}/calls{SPACE}", {}),
]
