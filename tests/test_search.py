"""The words in which exchanges are looked for: what fits, and what is told of words that nobody understands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
import requests

from mock_server.desk.happened.journal import Entry
from mock_server.desk.happened.search import FIELDS, MAX_LENGTH, MAX_TERMS, BadQuery, Query
from tests.conftest import RINGBACK, ROOT, Client, Server
from tests.desk import Desk, desk_of, events, problem, read_until

VENDORS = {"teli": ("updatePhoneAgent", "createPhoneNumber"), "vogent": ("listPhoneNumbers",)}
ENTRY = Entry(
    number=12,
    at="2026-01-01T10:00:00+00:00",
    provider="teli",
    operation="updatePhoneAgent",
    method="POST",
    path="/v1/voice/phone-numbers/+14155551234/update-agent",
    query="dry=1",
    request_headers={"user-agent": "curl/8.1", "x-api-key": "[redacted]"},
    request_body='{"area_code": "415", "n": 7, "deep": {"list": [{"x": true}]}, "none": null}',
    status=500,
    answer="agent-not-found",
    fault=None,
    response_body='{"error": "Agent not found or invalid agent ID", "success": false}',
    milliseconds=3.5,
)


def fits(text: str, entry: Entry = ENTRY) -> bool:
    return Query(text, VENDORS).fits(entry, "test_me")


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "teli", "TELI", "vendor:teli", "provider:Teli", "op:updatephoneagent", "operation:update*",
        "op:*Agent", "op:*Phone*", "status:500", "status:5xx", "status:5*", "status:400-599", "status:>=500",
        "status:*", "method:post", "path:14155551234", "path:/v1/*/update-agent", "query:dry",
        "answer:agent-not-found", "answer:*not*",
        "-fault:*", "!fault:*", "space:test_me", "space:test_*", "number:12", "number:10..20",
        "number:>11", "ms:>3", "ms:<=3.5", "body:area_code", "body.area_code:415", "body.n:7",
        "body.deep.list.0.x:true", "body.deep:*", "response:invalid", "response.success:false",
        'response.error:"Agent not found or invalid agent ID"', "response.error:agent*id", "header.user-agent:curl",
        "header.User-Agent:*", '"not found"', "-vogent", "-status:2xx", "invalid", "UPDATE-agent", '-"no such text"',
        "teli status:500 op:updatePhoneAgent -fault:* body.area_code:415",
    ],
)  # fmt: skip
def test_what_fits(text: str) -> None:
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "vogent", "-teli", "op:createPhoneNumber", "status:2xx", "status:501-599", "status:>500", "method:GET",
        "path:/v2/", "query:wet", "answer:agent", "fault:*", "-op:*", "space:test", "number:>12", "ms:<3.5",
        "body.area_code:41", "body.area_code:416", "body.none:*", "body.deep.list.1:*", "body.error:*",
        "response.success:true", "header.accept:*", '"found not"', "-agent", "teli status:200", "zzz", '"status:200"',
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str) -> None:
    assert not fits(text)


def test_what_no_operation_understood_is_found() -> None:
    assert fits("-op:*", ENTRY._replace(operation=None))
    assert not fits("body.x:1", ENTRY._replace(request_body="no json"))
    assert not fits("body:*", ENTRY._replace(request_body=""))
    assert fits("status:0", ENTRY._replace(status=0))
    assert not fits("status:*", ENTRY._replace(status=0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stauts:500", "did you mean status:"),
        ("http://x", "quotation marks"),
        ("vendor:tely", "did you mean teli"),
        ("op:updatePhoneAgents", "did you mean updatePhoneAgent"),
        ("status:abc", "400-499"),
        ("status:", "needs a value"),
        ("header:curl", "needs a name"),
        ("status.x:5", "only body, response, header"),
        ('"half', "quotation mark"),
        ('a"b', "quotation mark"),
        ("x " * (MAX_TERMS + 1), "terms"),
        ("x" * (MAX_LENGTH + 1), "characters"),
    ],
)
def test_what_is_not_understood_is_told_with_what_would_be(text: str, said: str) -> None:
    with pytest.raises(BadQuery, match=said.replace(".", r"\.")):
        Query(text, VENDORS)


def test_no_pattern_takes_long() -> None:
    long = ENTRY._replace(path="/" + "a" * 60_000)
    query = Query("path:" + "a*" * 400 + "b", VENDORS)
    begun = perf_counter()
    assert not query.fits(long, "s")
    assert perf_counter() - begun < 0.5


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


@pytest.fixture
def desk(server: Server, teli: Client) -> Desk:
    return desk_of(server, teli.key)


def _ask(teli: Client) -> None:
    teli.get("/v1/organizations")
    teli.post("/v1/voice/phone-numbers/create", json={"area_code": "415"}, headers={"Prefer": "code=429"})
    teli.post("/v1/voice/phone-numbers/create", json={"area_code": "999"})
    teli.post("/v1/voice/phone-number/create", json={})


def test_api_and_command_line_and_stream_understand_the_same(server: Server, teli: Client, desk: Desk) -> None:
    _ask(teli)
    for query, statuses in {
        "teli -op:*": [404],
        "fault:prefer": [429],
        "body.area_code:999": [400],
        "op:createPhoneNumber -fault:*": [400],
        "vogent": [],
    }.items():
        listed = requests.get(f"{server.control}/requests", params={"space": teli.key, "q": query}, timeout=20).json()
        assert [row["status"] for row in listed["requests"]] == statuses, query
        counted = requests.get(f"{server.control}/requests/count", params={"space": teli.key, "q": query}, timeout=20)
        assert counted.json() == {"count": len(statuses)}
        command = [*RINGBACK, "requests", "list", *query.split(), "--json", "--url", server.url, "--space", teli.key]
        said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert [row["status"] for row in json.loads(said.stdout)["requests"]] == statuses, said.stderr
    found = requests.post(f"{server.control}/requests/find", json={"space": teli.key, "q": "status:4xx"}, timeout=20)
    assert [row["status"] for row in found.json()["requests"]] == [429, 400, 404]
    wrong = requests.get(f"{server.control}/requests", params={"q": "stauts:1"}, timeout=20)
    assert "did you mean status:" in problem(wrong, 400)["detail"]


def test_words_behind_flags_belong_to_the_query_too(server: Server, teli: Client) -> None:
    _ask(teli)
    command = [*RINGBACK, "requests", "list", "--limit", "5", "--space", teli.key, "-status:2xx", "teli", "-fault:*"]
    said = subprocess.run([*command, "--url", server.url], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert [line.split()[2] for line in said.stdout.splitlines()[1:]] == ["404", "400"], said.stderr


def test_a_stream_brings_what_is_looked_for_in_brief(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    with events(server, f"?space={teli.key}&q=-status:2xx&brief=true&after=0") as stream:
        _ask(teli)
        text = read_until(stream, b'"status":404').decode()
    rows = [row for line in text.splitlines() if line.startswith("data: [") for row in json.loads(line[6:])]
    assert [row["status"] for row in rows] == [429, 400, 404]
    assert {row["space"] for row in rows} == {teli.key}
    assert not any("request_body" in row or "request_headers" in row for row in rows)


def test_whoever_is_slower_than_the_requests_gets_the_newest_and_a_count(server: Server, teli: Client) -> None:
    for _ in range(230):
        teli.get("/v1/organizations")
    with events(server, f"?space={teli.key}&brief=true&after=0") as stream:
        text = read_until(stream, b"}]").decode()
    (skipped,) = [line for line in text.splitlines() if line.startswith('data: {"count"')]
    rows = [row for line in text.splitlines() if line.startswith("data: [") for row in json.loads(line[6:])]
    assert json.loads(skipped[6:])["count"] == 30
    assert len(rows) == 200


def test_the_fields_are_told_with_the_server_s_other_facts(server: Server) -> None:
    told: dict[str, Any] = requests.get(f"{server.control}/info", timeout=20).json()
    assert told["search"] == dict(FIELDS)
