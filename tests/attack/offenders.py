"""What once held a server's event loop, and what might: each a name, what it prepares, and one request of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import requests

from tests.conftest import Server

KEY = "test_offender"
TELI = {"X-API-Key": KEY}
BEARER = {"Authorization": f"Bearer {KEY}"}
JSON = {"Content-Type": "application/json"}
SPACE = {"space": KEY}
TOOLS = "/teli/v1/agents/agent_abc123/tools"
UPDATE = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"
ORGANIZATIONS = "/teli/v1/organizations"
VOGENT_NUMBER = "/vogent/api/phone_numbers/1caec78c-4bba-477d-82cf-bcfce2b73856"
CALLS = "/teli/v1/voice/calls"
ROWS = 10_000

Act = Callable[[Server], Any]


class Offender(NamedTuple):
    """`prepare` makes what it needs, once for all that need the same; `act` is sent again and again."""

    name: str
    act: Act
    prepare: Act | None = None


def _get(path: str, headers: dict[str, str], **more: Any) -> Act:
    return lambda server: requests.get(server.url + path, headers=headers, timeout=60, **more)


def _control(method: str, path: str, **more: Any) -> Act:
    return lambda server: requests.request(method, server.control + path, timeout=120, **more)


def _patched(body: bytes) -> Act:
    return lambda server: requests.patch(server.url + TOOLS, data=body, headers={**TELI, **JSON}, timeout=60)


def _nicknamed(server: Server) -> Any:
    return requests.post(server.url + UPDATE, json={"nickname": ["x" * 200] * 20}, headers=TELI, timeout=60)


def _without_agent(server: Server) -> Any:
    """Deletes the agent that many numbers of Vogent have."""
    state = requests.get(f"{server.control}/state", timeout=20).json()
    records = state["providers"]["vogent"]["records"]
    agent, number = records["agents"][0]["id"], records["numbers"][0]
    records["numbers"] += [
        {**number, "id": f"{ROWS:08x}-0000-4000-8000-{index:012x}", "number": f"+1312{index:07d}", "agentId": agent}
        for index in range(ROWS)
    ]
    requests.put(f"{server.control}/state", params=SPACE, json=state, timeout=120).raise_for_status()
    gone = requests.delete(f"{server.url}/vogent/api/agents/{agent}", headers=BEARER, timeout=60)
    assert gone.status_code < 300, gone.text


def _nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def many_rows(server: Server) -> None:
    """A space with many numbers at Interactly, and many calls at Teli."""
    state = requests.get(f"{server.control}/state", timeout=20).json()
    calls = state["providers"]["teli"]["records"]["calls"]
    calls += [{**calls[0], "call_id": f"call_{index:032x}"} for index in range(ROWS)]
    rows = state["providers"]["interactly"]["records"]["numbers"]
    if len(rows) < ROWS:
        rows += [{**rows[0], "number": f"+1000{index:07d}", "_id": f"{index:024x}"} for index in range(ROWS)]
    requests.put(f"{server.control}/state", params=SPACE, json=state, timeout=120).raise_for_status()


def _long_paths(server: Server) -> None:
    for index in range(100):
        requests.get(f"{server.url}/teli/{index}" + "/agents-and-numbers" * 400, headers=TELI, timeout=20)


def _rules(server: Server) -> None:
    requests.delete(f"{server.control}/faults", params=SPACE, timeout=20)
    match = {"body.nickname": ["x" * 200] * 20, "body.a.b.c": 1}
    rule = {**SPACE, "provider": "teli", "operation": "*", "match": match, "answer": {"status": 418}}
    for _ in range(190):
        requests.post(f"{server.control}/faults", json=rule, timeout=20).raise_for_status()


def _stubs(server: Server) -> None:
    for index in range(200):
        path = "/v9/{a}/{b}/{c}/{d}/{e}" + f"/{index}"
        stub = {**SPACE, "provider": "teli", "method": "GET", "path": path, "body": {"all": ["{{path.a}}"] * 100}}
        requests.post(f"{server.control}/stubs", json=stub, timeout=20)


def _journal(server: Server) -> None:
    session = requests.Session()
    body = {"nickname": "x" * 500, "list": [{"a": index} for index in range(100)]}
    for _ in range(600):
        session.post(server.url + UPDATE, json=body, headers=TELI, timeout=20)


def _due(server: Server) -> None:
    clock = {"now": "2026-01-01T09:00:00+00:00", "frozen": True}
    requests.put(f"{server.control}/clock", params=SPACE, json=clock, timeout=20).raise_for_status()
    dial = {"callAgentId": "61ccefdf-ea02-4f49-811b-1241f8e20d26", "toNumber": "+14155550123", "browserCall": True}
    session = requests.Session()
    for _ in range(300):
        session.post(f"{server.url}/vogent/api/dials", json=dial, headers=BEARER, timeout=20)


def _advance(server: Server) -> None:
    requests.post(f"{server.control}/clock/advance", params=SPACE, json={"seconds": 5}, timeout=60)
    requests.get(f"{server.url}/vogent/api/dials", headers=BEARER, timeout=60)


_STATE = json.dumps({"version": 1, "providers": {}}).encode()
_FIND = {**SPACE, "body": {"list": [{"a": index + 1} for index in range(100)]}}

OFFENDERS = [
    Offender("a long preference", _get(ORGANIZATIONS, {**TELI, "Prefer": '"' + '\\"' * 16_000})),
    Offender("a preference at the limit", _get(ORGANIZATIONS, {**TELI, "Prefer": '"' + '\\"' * 499})),
    Offender("350,000 lists", _patched(b'{"tools":[' + b"[]," * 349_000 + b"1]}")),
    Offender("19,000 lists", _patched(b'{"tools":[' + b"[]," * 19_000 + b"1]}")),
    Offender("an open text", _patched(b'{"tools":"' + b'\\"' * 500_000)),
    Offender("a mebibyte of text", _patched(json.dumps({"tools": "\u2603" * 170_000}).encode())),
    Offender("a long whole number", _patched(b'{"tools":[' + b"9" * 1_000_000 + b"]}")),
    Offender("many long whole numbers", _patched(b'{"tools":[' + b",".join([b"9" * 1_000] * 1_000) + b"]}")),
    Offender("a body nested too deeply", _patched(_nested(100_000))),
    Offender(
        "a deletion with a body nested deeply",
        lambda server: requests.delete(server.url + VOGENT_NUMBER, data=_nested(1_000), headers=BEARER, timeout=60),
    ),
    Offender("a query of many fields", _get(f"{ORGANIZATIONS}?{'a&' * 3_900}", TELI)),
    Offender("a query of too many fields", _get(f"{ORGANIZATIONS}?{'a&' * 30_000}", TELI)),
    Offender("a query of escapes", _get(f"{ORGANIZATIONS}?a={'%41' * 20_000}", TELI)),
    Offender("a long path", _get("/teli/v1" + "/numbers" * 4_000, TELI)),
    Offender("long paths, listed", _control("GET", "/requests/unmatched", params=SPACE), _long_paths),
    Offender("many rows, imported", many_rows),
    Offender("many rows, listed", _get("/interactly/assistants/v1/numbers", BEARER), many_rows),
    Offender("many rows, looked through", _get(f"{CALLS}?limit=1&is_admin=true&organization_id=none", TELI), many_rows),
    Offender("many rows, let go", _without_agent, many_rows),
    Offender("many rows, exported", _control("GET", "/state", params=SPACE), many_rows),
    Offender("many rows, kept", _control("POST", "/snapshots", json={**SPACE, "name": "x"}), many_rows),
    Offender("many rows, given up", _control("PUT", "/state", params=SPACE, data=_STATE, headers=JSON), many_rows),
    Offender("many rules", _nicknamed, _rules),
    Offender("many stubs", _get("/teli/v9/a/b/c/d/e/none", TELI), _stubs),
    Offender("a long journal, searched", _control("POST", "/requests/find", json=_FIND), _journal),
    Offender("a long journal, listed", _control("GET", "/requests", params={**SPACE, "limit": 1000}), _journal),
    Offender("many calls that fall due", _advance, _due),
]  # fmt: skip
