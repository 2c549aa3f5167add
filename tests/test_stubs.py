"""Stubs answer what a vendor's spec does not have, and what is documented but not served says so."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests

from mock_server.desk.stub_texts import BadStub, read_stub
from mock_server.process.limits import DEFAULTS
from mock_server.spec import Spec
from tests.conftest import RINGBACK, ROOT, Client, Server
from tests.desk import Desk, desk_of, problem

WHATEVER = "/v1/whatever/{id}"


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


@pytest.fixture
def desk(server: Server, teli: Client) -> Desk:
    return desk_of(server, teli.key)


def stub(desk: Desk, method: str = "GET", path: str = WHATEVER, **more: Any) -> dict[str, Any]:
    wanted = {"space": desk.space, "provider": "teli", "method": method, "path": path, **more}
    answer = desk.call("POST", "/stubs", json=wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(desk: Desk, **wanted: Any) -> str:
    row = {"space": desk.space, "provider": "teli", "method": "GET", "path": WHATEVER, **wanted}
    text: str = problem(desk.call("POST", "/stubs", json=row), 400)["detail"]
    return text


def test_a_stub_answers_with_what_the_request_says(teli: Client, desk: Desk) -> None:
    body = {
        "id": "{{path.id}}",
        "said": "lead {{ body.lead.name }} of {{query.list}}",
        "age": "{{body.lead.age}}",
        "rows": ["{{body.lead.tags.0}}"],
        "none": "{{query.nothing}}",
        "gap": "<{{body.nothing}}>",
        "all": "{{body}}",
    }
    stub(desk, "POST", status=201, body=body, headers={"X-Lead": "{{body.lead.name}}"})
    sent = {"lead": {"name": "Ann", "age": 41, "tags": [{"a": 1}]}}
    answer = teli.post("/v1/whatever/a%20b", params={"list": "new"}, json=sent)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": "a b",
        "said": "lead Ann of new",
        "age": 41,
        "rows": [{"a": 1}],
        "none": None,
        "gap": "<>",
        "all": sent,
    }
    assert answer.headers["X-Lead"] == "Ann"
    assert answer.headers["X-Ringback-Fault"] == "stub-1"
    assert answer.headers["X-Ringback-Evidence"] == "assumed"
    assert desk.get("/stubs")["stubs"][0]["hits"] == 1


def test_what_a_client_sends_never_adds_a_header(teli: Client, desk: Desk) -> None:
    stub(desk, "POST", body={}, headers={"X-Name": "{{body.name}}"})
    answer = teli.post("/v1/whatever/1", json={"name": "a\r\nSet-Cookie: b=1"})
    assert answer.headers["X-Name"] == "aSet-Cookie: b=1"
    assert "Set-Cookie" not in answer.headers


def test_a_stub_is_of_one_space_and_one_vendor_and_wants_a_key(
    api: Callable[..., Client], teli: Client, desk: Desk
) -> None:
    stub(desk, body={"mine": True})
    assert teli.get("/v1/whatever/1").json() == {"mine": True}
    assert teli.request("HEAD", "/v1/whatever/1").status_code == 200
    assert teli.post("/v1/whatever/1").status_code == 404
    assert teli.get("/v1/whatever/1/more").status_code == 404
    assert api("teli", "test_somebody_else").get("/v1/whatever/1").status_code == 404
    assert api("vogent").get("/v1/whatever/1").status_code == 404


def test_a_key_is_asked_for_where_the_default_space_has_the_stub(server: Server, teli: Client) -> None:
    desk = desk_of(server, "default")
    made = stub(desk, path="/v1/of-the-default-space")
    try:
        assert requests.get(server.origin("teli") + "/v1/of-the-default-space", timeout=20).status_code == 401
        assert teli.get("/v1/of-the-default-space").status_code == 404
    finally:
        desk.call("DELETE", f"/stubs/{made['id']}")


def test_served_operations_come_first_and_take_no_stub(teli: Client, desk: Desk) -> None:
    assert "listAgents" in refused(desk, path="/v1/agents")
    stub(desk, "GET", "/v1/{any}", body={"stub": True})
    assert "agents" in teli.get("/v1/agents", params={"organization_id": "1", "user_id": "1"}).json()
    assert teli.get("/v1/agent").json() == {"stub": True}


def test_a_method_that_a_path_does_not_have_can_be_stubbed(teli: Client, desk: Desk) -> None:
    assert teli.put("/v1/agents").status_code == 405
    stub(desk, "PUT", "/v1/agents", status=204)
    answer = teli.put("/v1/agents")
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_stub_with_more_literal_segments_answers(teli: Client, desk: Desk) -> None:
    stub(desk, body={"by": "name"})
    stub(desk, path="/v1/whatever/all", body={"by": "all"})
    assert teli.get("/v1/whatever/all").json() == {"by": "all"}
    assert teli.get("/v1/whatever/one").json() == {"by": "name"}


def test_a_stub_written_again_takes_the_place_of_the_first(teli: Client, desk: Desk) -> None:
    stub(desk, body=1)
    assert stub(desk, path="/v1/whatever/{key}", body=2)["id"] == "stub-1"
    assert teli.get("/v1/whatever/x").json() == 2
    assert len(desk.get("/stubs")["stubs"]) == 1


def test_the_journal_shows_that_a_stub_answered(teli: Client, desk: Desk) -> None:
    stub(desk, body={})
    teli.get("/v1/whatever/1")
    entry = desk.requests()[-1]
    assert (entry["operation"], entry["answer"], entry["fault"], entry["status"]) == (None, "stub", "stub-1", 200)
    assert desk.get("/requests/unmatched")["requests"] == []


def test_stubs_travel_in_the_state_and_end_with_a_reset(teli: Client, desk: Desk) -> None:
    stub(desk, body={"at": "{{path.id}}"}, headers={"X-A": "b"})
    teli.get("/v1/whatever/1")
    state = desk.get("/state")
    assert desk.post("/reset").status_code == 200
    assert teli.get("/v1/whatever/1").status_code == 404
    assert desk.put("/state", state).status_code == 200
    assert teli.get("/v1/whatever/7").json() == {"at": "7"}
    assert desk.get("/stubs")["stubs"] == [{**state["stubs"][0], "space": desk.space, "hits": 2}]


def test_stubs_of_every_space_are_listed_together(teli: Client, desk: Desk) -> None:
    teli.get("/v1/organizations")
    made = stub(desk, body={})
    everywhere = desk.call("GET", "/stubs", params={"space": "*"}).json()["stubs"]
    assert [one["id"] for one in everywhere if one["space"] == desk.space] == [made["id"]]


def test_a_state_with_a_wrong_stub_changes_nothing(teli: Client, desk: Desk) -> None:
    stub(desk, body=1)
    state = desk.get("/state")
    rows = [{"provider": "nobody", "method": "GET", "path": "/x"}, {"provider": "teli", "method": "GET", "path": "x"}]
    reasons = problem(desk.put("/state", {**state, "stubs": rows}), 422)["reasons"]
    assert [reason.partition(":")[0] for reason in reasons] == ["stubs[0]", "stubs[1]"]
    assert teli.get("/v1/whatever/1").json() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"provider": "nobody"}, "there are"),
        ({"path": "/v1/a{b}"}, "whole segment"),
        ({"status": 204, "body": 1}, "has no body"),
        ({"headers": {"Content-Length": "1"}}, "server's business"),
    ],
)
def test_a_stub_that_cannot_be_is_refused_with_the_reason(desk: Desk, wrong: dict[str, Any], said: str) -> None:
    assert said in refused(desk, **wrong)


def test_a_body_that_no_answer_could_have_is_refused(specs: dict[str, Spec]) -> None:
    with pytest.raises(BadStub, match="cannot be sent"):
        read_stub({"provider": "teli", "method": "GET", "path": WHATEVER, "body": "half of a pair: \ud83d"}, specs)


def test_stubs_are_bounded(desk: Desk) -> None:
    for number in range(DEFAULTS.stubs_per_space):
        stub(desk, path=f"/v1/bound/{number}")
    row = {"space": desk.space, "provider": "teli", "method": "GET", "path": "/v1/bound/more"}
    assert "200" in problem(desk.call("POST", "/stubs", json=row), 409)["detail"]


def test_stubs_are_removed_by_id_and_all_at_once(teli: Client, desk: Desk) -> None:
    stub(desk, path="/v1/a")
    stub(desk, path="/v1/b")
    assert desk.call("DELETE", "/stubs/stub-1", params={"space": desk.space}).status_code == 204
    assert problem(desk.call("GET", "/stubs/stub-1", params={"space": desk.space}), 404)
    assert (teli.get("/v1/a").status_code, teli.get("/v1/b").status_code) == (404, 200)
    assert desk.call("DELETE", "/stubs", params={"space": desk.space}).status_code == 204
    assert teli.get("/v1/b").status_code == 404


def test_the_command_line_adds_lists_and_removes_stubs(server: Server, teli: Client, tmp_path: Any) -> None:
    def run(*arguments: str) -> tuple[int, Any]:
        command = [*RINGBACK, "stubs", *arguments, "--json", "--url", server.url, "--space", teli.key]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    (tmp_path / "answer.json").write_text('{"id": "{{path.id}}"}', encoding="utf-8")
    body = f"@{tmp_path / 'answer.json'}"
    assert run("add", "teli", "get", WHATEVER, "--status", "202", "--body", body)[1]["id"] == "stub-1"
    answer = teli.get("/v1/whatever/9")
    assert (answer.status_code, answer.json()) == (202, {"id": "9"})
    assert run("list")[1]["stubs"][0]["hits"] == 1
    assert run("remove", "stub-1") == (0, None)
    assert run("remove", "stub-1")[0] == 2
    assert run("add", "teli", "GET", WHATEVER, "--body", "@nowhere.json")[0] == 2


def test_what_is_documented_and_not_served_says_so(
    api: Callable[..., Client], server: Server, specs: dict[str, Spec]
) -> None:
    for name, spec in specs.items():
        client = api(name)
        for missing in spec.missing:
            path = missing.path.replace("{", "").replace("}", "")
            answer = client.request(missing.method, path)
            assert answer.status_code == spec.answers["path-not-found"].status == 404
            assert answer.json() == spec.answers["path-not-found"].value
            said = answer.headers["X-Ringback-Hint"]
            assert missing.evidence.source in said
            assert f"ringback stubs add {name} {missing.method} '{missing.path}'" in said
        if not spec.missing:
            continue
        entries = desk_of(server, client.key).get("/requests/unmatched", limit=1000)["requests"]
        hints = [entry["hints"][0] for entry in entries if entry["provider"] == name]
        assert len(hints) == len(spec.missing)
        assert all("is not served" in hint for hint in hints)


def test_a_stub_stands_in_for_what_is_not_served(api: Callable[..., Client], server: Server) -> None:
    vogent = api("vogent")
    stub(desk_of(server, vogent.key), "POST", "/api/tts", provider="vogent", body={"stub": 1})
    answer = vogent.post("/api/tts", json={})
    assert answer.json() == {"stub": 1}
    assert "X-Ringback-Hint" not in answer.headers


def test_the_command_line_lists_what_is_missing(server: Server, specs: dict[str, Spec]) -> None:
    def run(*arguments: str) -> str:
        command = [*RINGBACK, "operations", "--missing", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True).stdout

    assert run("vogent").startswith("vogent ")
    assert "not served: it is a websocket" in run("vogent")
    rows = json.loads(run("--json"))
    assert len(rows) == sum(len(spec.missing) for spec in specs.values())
    assert rows == requests.get(f"{server.control}/operations", params={"missing": "true"}, timeout=20).json()
