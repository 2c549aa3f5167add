"""Records changed by hand, exchanges explained, and documented answers brought about, by HTTP."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests

from tests.conftest import Client, Server
from tests.desk import problem

NUMBER = "+14155551234"


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


def _url(server: Server, *parts: str) -> str:
    return "/".join([f"{server.control}/records", *(quote(part, safe="") for part in parts)])


def test_every_kind_is_told_with_what_it_refers_to(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    kinds = requests.get(_url(server), params={"space": teli.key}, timeout=20).json()["kinds"]
    (numbers,) = [kind for kind in kinds if (kind["provider"], kind["kind"]) == ("teli", "numbers")]
    assert numbers["key"] == "phone_number"
    assert numbers["references"]["inbound_agent_id"] == "agents"
    assert numbers["count"] == 4
    assert {kind["provider"] for kind in kinds} == {"teli", "vogent", "interactly", "uponai"}


def test_a_record_that_was_changed_by_hand_is_what_clients_see(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    one = {"params": {"space": teli.key}, "timeout": 20}
    record = requests.get(_url(server, "teli", "numbers", NUMBER), **one).json()
    assert requests.get(_url(server, "teli", "numbers", record["id"]), **one).json() == record
    changed = requests.put(_url(server, "teli", "numbers", NUMBER), json={**record, "nickname": "by hand"}, **one)
    assert changed.status_code == 200
    assert (
        "by hand"
        in teli.get(
            "/v1/voice/phone-numbers", params={name: record[name] for name in ("user_id", "organization_id")}
        ).text
    )
    added = {**record, "phone_number": "+14155550000", "id": "id-of-its-own"}
    assert requests.put(_url(server, "teli", "numbers", "+14155550000"), json=added, **one).status_code == 201
    found = requests.get(
        _url(server, "teli", "numbers"), **{**one, "params": {"space": teli.key, "text": "of-its-OWN"}}
    )
    assert [row["phone_number"] for row in found.json()["records"]] == ["+14155550000"]
    assert requests.delete(_url(server, "teli", "numbers", "+14155550000"), **one).status_code == 204
    problem(requests.delete(_url(server, "teli", "numbers", "+14155550000"), **one), 404)


def test_lists_go_on_where_they_stopped(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    seen, cursor = [], 0
    for _ in range(4):
        params = {"space": teli.key, "limit": 1, "cursor": cursor}
        page = requests.get(_url(server, "teli", "numbers"), params=params, timeout=20).json()
        seen += [row["phone_number"] for row in page["records"]]
        if page["cursor"] is None:
            break
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == 4


def test_what_the_spec_forbids_is_refused_whole_with_every_reason(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    one = {"params": {"space": teli.key}, "timeout": 20}
    before = requests.get(_url(server, "teli", "numbers"), **one).json()
    record, other = before["records"][0], before["records"][1]
    for change, said in [
        ({"inbound_agent_id": "agent_nobody"}, "there is no agents 'agent_nobody'"),
        ({"phone_number": "+1"}, "names the record"),
        ({"id": other["id"]}, "already"),
        ({"nickname": 5}, "nickname"),
    ]:
        answer = requests.put(_url(server, "teli", "numbers", NUMBER), json={**record, **change}, **one)
        assert said in problem(answer, 422)["detail"]
    assert requests.get(_url(server, "teli", "numbers"), **one).json() == before
    linked = requests.get(_url(server, "teli", "agents", record["inbound_agent_id"] or "agent_abc123"), **one).json()
    requests.put(
        _url(server, "teli", "numbers", NUMBER), json={**record, "inbound_agent_id": linked["agent_id"]}, **one
    )
    answer = requests.delete(_url(server, "teli", "agents", linked["agent_id"]), **one)
    assert "numbers '+14155551234' by inbound_agent_id refers to it" in problem(answer, 409)["detail"]
    problem(requests.get(_url(server, "tely", "numbers"), **one), 404)
    assert "numbers" in problem(requests.get(_url(server, "teli", "number"), **one), 404)["detail"]


def _last(server: Server, key: str) -> dict[str, Any]:
    query = {"space": key, "order": "newest", "limit": 1}
    number = requests.get(f"{server.control}/requests", params=query, timeout=20).json()["requests"][0]["number"]
    found: dict[str, Any] = requests.get(f"{server.control}/requests/{number}", timeout=20).json()
    return found


def test_an_exchange_is_explained(server: Server, teli: Client) -> None:
    teli.post(f"/v1/voice/phone-numbers/{NUMBER}/update-agent", json={"inbound_agent_id": "agent_nobody", "x": 1})
    told = _last(server, teli.key)["explained"]
    assert told["evidence"] == "seed"
    assert "docs.teli.ai" in told["source"]
    assert told["unread"] == ["x"]
    assert "reads inbound_agent_id" in told["hints"][0]
    assert "agent-not-found" in told["why"][0]
    assert told["rule"]["answer"] == {"example": "agent-not-found"}
    teli.post("/v1/voice/phone-number/create", json={})
    told = _last(server, teli.key)["explained"]
    assert "did you mean /v1/voice/phone-numbers/create?" in told["hints"][0]
    assert told["rule"] is None
    assert told["evidence"] == "assumed"
    problem(requests.get(f"{server.control}/requests/999999999", timeout=20), 404)
    problem(requests.get(f"{server.control}/requests/x", timeout=20), 404)


def test_what_was_copied_asks_again_and_answers_so_again(server: Server, teli: Client) -> None:
    teli.post("/v1/voice/phone-numbers/create", json={"area_code": "415", "q": "it's"}, headers={"Prefer": "code=429"})
    first = _last(server, teli.key)
    subprocess.run([*shlex.split(first["explained"]["curl"]), "-s"], check=True, capture_output=True, timeout=20)
    again = _last(server, teli.key)
    assert again["number"] > first["number"]
    for same in ("method", "path", "query", "request_body", "status", "response_body", "space"):
        assert again[same] == first[same]
    assert requests.post(f"{server.control}/faults", json=first["explained"]["rule"], timeout=20).status_code == 201
    answer = teli.post("/v1/voice/phone-numbers/create", json={"area_code": "415"})
    assert (answer.status_code, answer.json()) == (429, first["response_body"])
    assert "chose it in advance" in _last(server, teli.key)["explained"]["why"][0]
    assert teli.post("/v1/voice/phone-numbers/create", json={"area_code": "415"}).status_code != 429


def test_every_documented_answer_comes_in_its_way_in_a_new_space(server: Server) -> None:
    """Each answer of each operation, naturally where there is an input for it, else by force."""
    wrong = []
    with requests.Session() as session:
        for one in session.get(f"{server.control}/operations", timeout=60).json():
            for answer in one["answers"]:
                body = {"provider": one["provider"], "operation": one["operation"], "answer": answer["name"]}
                body |= {"way": answer["how"], "space": f"test_{uuid4().hex[:12]}"}
                came = session.post(f"{server.control}/provoke", json=body, timeout=20).json()
                if came.get("status") != answer["status"]:
                    wrong.append((one["provider"], one["operation"], answer["name"], came))
                session.delete(f"{server.control}/spaces/{body['space']}", timeout=20)
    assert wrong == []


def test_what_has_no_way_is_told(server: Server) -> None:
    operations = requests.get(f"{server.control}/operations", timeout=20).json()
    one, answer = next((o, a) for o in operations for a in o["answers"] if a["how"] == "forced")
    body = {"provider": one["provider"], "operation": one["operation"], "answer": answer["name"], "space": "test_way"}
    assert "force it" in problem(requests.post(f"{server.control}/provoke", json=body, timeout=20), 409)["detail"]
    forced = requests.post(f"{server.control}/provoke", json={**body, "way": "forced"}, timeout=20).json()
    assert forced["status"] == forced["expected"] == answer["status"]
    number = requests.get(f"{server.control}/requests/{forced['number']}", timeout=20).json()
    assert number["space"] == "test_way"
    for name, value in (("provider", "tely"), ("operation", "x"), ("answer", "x")):
        problem(requests.post(f"{server.control}/provoke", json={**body, name: value}, timeout=20), 400)
