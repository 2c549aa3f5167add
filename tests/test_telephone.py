"""Numbers of a space ring: who picks up and why, what is said, how a call ends, all by the space's clock and chance."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from math import fsum
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from mock_server.catalogue import open_services
from mock_server.messages import Request
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.spaces import Space
from mock_server.telephone import CallLimit, Switchboard
from mock_server.telephone.campaigning.playing import Agenda, play
from mock_server.telephone.line.calls import Dialled, book_of, place, stamp
from mock_server.telephone.line.fates import fate
from mock_server.telephone.line.picking import Picked
from tests.conftest import RINGBACK, ROOT, Client, Server
from tests.desk import Desk, desk_of, problem

TELI, AGENT = "+14155551234", "agent_abc123"
VOGENT, VOGENT_ID, VOGENT_AGENT = (
    "+18001234567",
    "1caec78c-4bba-477d-82cf-bcfce2b73856",
    "61ccefdf-ea02-4f49-811b-1241f8e20d26",
)
UPONAI = "+12137771235"
DESK, DESK_B = "agent_d3c2df14e163c7ca8ac5b1bf38", "agent_1f864a29b7c2ab407103c88335"
ACCOUNT = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}
NOW = "2026-01-01T09:00:00+00:00"


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


@pytest.fixture
def desk(server: Server, teli: Client) -> Desk:
    """A space whose clock stands still and whose chance is known."""
    found = desk_of(server, teli.key)
    assert found.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    assert found.put("/seed", {"seed": 7}).status_code == 200
    return found


def dial(desk: Desk, to: str, **more: Any) -> dict[str, Any]:
    answer = desk.call("POST", "/calls", json={"space": desk.space, "to": to, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def advance(desk: Desk, seconds: float) -> int:
    answer = desk.post("/clock/advance", {"seconds": seconds})
    assert answer.status_code == 200, answer.text
    played: int = answer.json()["played"]
    return played


def call(desk: Desk, id: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.get(f"/calls/{id}")
    return found


def link(teli: Client, agent: str | None = AGENT) -> None:
    answer = teli.post(f"/v1/voice/phone-numbers/{TELI}/update-agent", json={"inbound_agent_id": agent})
    assert answer.status_code == 200, answer.text


def test_a_number_without_an_agent_says_what_is_missing(desk: Desk) -> None:
    rung = dial(desk, TELI)
    assert rung["agent"] is None
    assert rung["why"] == (
        f"nobody picks up: no inbound agent is linked to {TELI};"
        f" POST /v1/voice/phone-numbers/{TELI}/update-agent (updatePhoneAgent) sets it"
    )
    advance(desk, 1)
    over = call(desk, rung["id"])
    assert (over["state"], over["outcome"], over["reason"]) == ("ended", "failed", "nobody-picks-up")
    assert (over["duration_seconds"], over["transcript"]) == (0, [])


def test_a_call_goes_through_its_life_by_the_clock_alone(teli: Client, desk: Desk) -> None:
    link(teli)
    rung = dial(desk, TELI, **{"from": "+14155550199"})
    assert (rung["state"], rung["from"], rung["direction"]) == ("queued", "+14155550199", "inbound")
    assert rung["agent"] == {"id": AGENT, "version": None, "name": "Sales Agent"}
    assert rung["why"] == f"{AGENT} (Sales Agent) picks up: it is the inbound_agent_id of {TELI}"
    time.sleep(0.4)
    assert call(desk, rung["id"])["state"] == "queued"
    assert advance(desk, 0.5) == 1
    ringing = call(desk, rung["id"])
    assert (ringing["state"], ringing["ringing_at"]) == ("ringing", "2026-01-01T09:00:00.200000+00:00")
    while (now := call(desk, rung["id"]))["state"] == "ringing":
        advance(desk, 1)
    assert (now["state"], now["ended_at"]) == ("in-progress", None)
    advance(desk, 4)
    part = call(desk, rung["id"])["transcript"]
    assert [line["speaker"] for line in part] == ["agent"]
    advance(desk, 300)
    over = call(desk, rung["id"])
    assert (over["state"], over["reason"], over["due_at"]) == ("ended", "caller-hangup", None)
    assert [line["speaker"] for line in over["transcript"]] == ["agent", "caller", "agent", "caller"]
    assert over["transcript"][:1] == part
    answered, ended = (datetime.fromisoformat(over[name]) for name in ("answered_at", "ended_at"))
    assert over["duration_seconds"] == pytest.approx((ended - answered).total_seconds(), abs=0.001)
    assert over["duration_seconds"] > 5
    assert advance(desk, 1000) == 0


def test_a_clock_that_runs_moves_calls_by_itself(teli: Client, server: Server) -> None:
    link(teli)
    desk = desk_of(server, teli.key)
    rung = dial(desk, TELI)
    advance(desk, 300)
    assert call(desk, rung["id"])["state"] == "ended"
    again = dial(desk, TELI)
    deadline = time.monotonic() + 10
    while call(desk, again["id"])["state"] == "queued":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("seconds", [[600], [1] * 60 + [540], [0.3, 2.2, 5, 592.5]])
def test_the_story_is_the_same_in_however_many_moves(teli: Client, desk: Desk, seconds: list[float]) -> None:
    link(teli)
    for outcome in ("answered", "busy", "voicemail", "no-answer", "failed", None):
        dial(desk, TELI, **({"outcome": outcome} if outcome else {}))
    for move in seconds:
        advance(desk, move)
    calls = desk.get("/calls")["calls"]
    told = [{name: value for name, value in one.items() if name not in ("id", "space")} for one in calls]
    digest = json.dumps(told, sort_keys=True)
    _STORIES.setdefault("story", digest)
    assert digest == _STORIES["story"]
    assert [one["reason"] for one in calls][:5] == ["caller-hangup", "busy", "voicemail", "no-answer", "failed"]


_STORIES: dict[str, str] = {}


@pytest.mark.parametrize(
    ("digits", "outcome"),
    [("200", "answered"), ("480", "no-answer"), ("486", "busy"), ("086", "voicemail"), ("404", "failed")],
)
def test_a_magic_number_decides_unless_an_outcome_is_asked_for(
    teli: Client, desk: Desk, digits: str, outcome: str
) -> None:
    link(teli)
    magic = dial(desk, TELI, **{"from": f"+15005552{digits}"})
    assert (magic["outcome"], magic["chosen_by"]) == (outcome, "magic-number")
    asked = dial(desk, TELI, outcome="busy", **{"from": f"+15005552{digits}"})
    assert (asked["outcome"], asked["chosen_by"]) == ("busy", "asked")


def test_outbound_calls_of_chance_end_in_every_way_and_repeat_with_the_seed() -> None:
    def story() -> list[str]:
        chance = Random(3)
        return [fate(None, "+14155550199", "outbound", chance).outcome for _ in range(2000)]

    counts = Counter(story())
    assert counts["answered"] == max(counts.values())
    assert set(counts) == {"answered", "no-answer", "busy", "voicemail", "failed"}
    assert story() == story()


def test_what_is_to_be_said_is_what_the_transcript_has(teli: Client, desk: Desk) -> None:
    link(teli)
    say = [{"text": "Is it open?"}, {"speaker": "agent", "text": "It is."}, {"text": "Fine."}]
    rung = dial(desk, TELI, say=say)
    advance(desk, 120)
    over = call(desk, rung["id"])
    assert [(line["speaker"], line["text"]) for line in over["transcript"][1:]] == [
        ("caller", "Is it open?"),
        ("agent", "It is."),
        ("caller", "Fine."),
    ]
    starts = [line["at_seconds"] for line in over["transcript"]]
    assert starts == sorted(starts)


def test_hanging_up_ends_a_call_where_it_is(teli: Client, desk: Desk) -> None:
    link(teli)
    early, late = dial(desk, TELI), dial(desk, TELI)
    assert desk.post(f"/calls/{early['id']}/hangup").json()["reason"] == "cancelled"
    while call(desk, late["id"])["state"] != "in-progress":
        advance(desk, 1)
    over = desk.post(f"/calls/{late['id']}/hangup").json()
    assert (over["state"], over["reason"]) == ("ended", "hung-up")
    assert len(over["transcript"]) < 4
    assert "is over since" in problem(desk.post(f"/calls/{late['id']}/hangup"), 409)["detail"]
    assert advance(desk, 600) == 0


def test_a_number_that_was_released_does_not_ring(teli: Client, desk: Desk) -> None:
    link(teli)
    dial(desk, TELI)
    assert teli.delete(f"/v1/voice/phone-numbers/{TELI}").status_code == 200
    answer = desk.call("POST", "/calls", json={"space": desk.space, "to": TELI})
    assert "there are" in problem(answer, 404)["detail"]


def test_vogent_and_interactly_numbers_ring_their_agents(api: Callable[..., Client], desk: Desk) -> None:
    assert "(updatePhoneNumber) sets it" in dial(desk, VOGENT)["why"]
    linked = api("vogent").put(f"/api/phone_numbers/{VOGENT_ID}", json={"agentId": VOGENT_AGENT})
    assert linked.status_code == 200
    assert dial(desk, VOGENT)["agent"]["name"] == "Receptionist"
    assert dial(desk, "+1234567890")["agent"]["name"] == "Receptionist"
    id = "a12f9c88-c155-461f-9771-4d240cdc9a04"
    assert api("interactly").put(f"/assistants/v1/numbers/{id}", json={"inboundEnabled": False}).status_code == 200
    assert "inboundEnabled of +1234567890 is false" in dial(desk, "+1234567890")["why"]


def test_an_agent_that_is_gone_does_not_pick_up(teli: Client, desk: Desk) -> None:
    link(teli)
    state = desk.get("/state")
    records = state["providers"]["teli"]["records"]
    records["numbers"] = [{**row, "inbound_agent_id": None} for row in records["numbers"]]
    assert desk.put("/state", state).status_code == 200
    assert dial(desk, TELI)["agent"] is None


def test_a_number_of_two_vendors_asks_which(teli: Client, desk: Desk, api: Callable[..., Client]) -> None:
    sip = {
        "type": "sip_import",
        "sipImport": {"phoneNumber": TELI, "terminationUri": "sip.example.org", "username": "u", "password": "p"},
    }
    made = api("vogent").post("/api/phone_numbers", json=sip)
    assert made.status_code == 200, made.text
    answer = desk.call("POST", "/calls", json={"space": desk.space, "to": TELI})
    assert "teli and vogent" in problem(answer, 409)["detail"]
    assert dial(desk, TELI, provider="vogent")["provider"] == "vogent"


# UponAI's weighted, versioned agents


def assign(uponai: Client, **body: Any) -> None:
    answer = uponai.put(f"/api/numbers/{UPONAI}/agent", json={**ACCOUNT, **body})
    assert answer.status_code == 200, answer.text


def test_versions_are_heeded_and_time_routing_is_told_of(api: Callable[..., Client], desk: Desk) -> None:
    uponai = api("uponai")
    assign(uponai, inboundAgents=[{"agent_id": DESK, "weight": 1}])
    newest = dial(desk, UPONAI)
    assert (newest["agent"]["version"], "(the newest)" in newest["why"]) == (0, True)
    assert uponai.patch(f"/api/agents/{DESK}", json={"workspaceId": 1, "responsiveness": "0.5"}).status_code == 200
    assert dial(desk, UPONAI)["agent"]["version"] == 1
    assign(uponai, inboundAgents=[{"agent_id": DESK, "agent_version": 0, "weight": 1}], isTimeRoutingEnabled=True)
    pinned = dial(desk, UPONAI)
    assert (pinned["agent"]["version"], "(pinned)" in pinned["why"]) == (0, True)
    assert "time routing is on" in pinned["why"]


def _ringing(seed: int, limits: Limits = DEFAULTS) -> tuple[Switchboard, Space]:
    """A server's parts without a wire, and a space of it in which the number has two agents, 0.7 and 0.3."""
    services = open_services(seed=seed, limits=limits)
    service = services["uponai"]
    agents = [{"agent_id": DESK, "weight": 0.7}, {"agent_id": DESK_B, "weight": 0.3}]
    body = {**ACCOUNT, "inboundAgents": agents, "inboundWebhookUrl": None}
    request = Request(
        "PUT", f"/api/numbers/{UPONAI}/agent", "", {"authorization": "Bearer test_weights"}, json.dumps(body).encode()
    )
    assert service.exchange(request).status == 200
    space = service.spaces.open("test_weights")
    return Switchboard(service.spaces, {name: one.spec for name, one in services.items()}), space


def _answering(seed: int, dials: int) -> list[str]:
    switchboard, space = _ringing(seed)
    return [str(switchboard.dial(space, UPONAI)["agent"]["id"]) for _ in range(dials)]


@pytest.mark.timeout(120)
def test_ten_thousand_calls_split_by_the_weights_and_repeat_with_the_seed() -> None:
    picked = _answering(11, 10_000)
    counts = Counter(picked)
    expected = {DESK: 7_000, DESK_B: 3_000}
    chi_squared = fsum((counts[agent] - wanted) ** 2 / wanted for agent, wanted in expected.items())
    assert chi_squared < 6.63, counts  # one degree of freedom, 1 %
    assert _answering(11, 300) == picked[:300]
    assert _answering(12, 300) != picked[:300]


def test_calls_are_bounded_and_the_oldest_that_are_over_make_room() -> None:
    most = 500
    switchboard, space = _ringing(5, Limits(calls_per_space=most))
    spaces = switchboard._spaces
    with spaces.locked(space), spaces.store.transaction(space.name) as transaction:
        book, now, chance = book_of(transaction), space.now(), Random(1)
        dialled = Dialled("uponai", "inbound", "+12025550143", UPONAI, UPONAI, "Hello.", "Desk")
        for _ in range(most):
            place(book, dialled, Picked({}, DESK, 0, ""), fate("busy", "x", "inbound", chance), now, chance, most)
        first = next(book.all("calls"))["id"]
    with pytest.raises(CallLimit, match=f"{most} calls"):
        switchboard.dial(space, UPONAI)
    assert switchboard.advance(space, 60) == 3 * most
    switchboard.dial(space, UPONAI)
    with spaces.locked(space), spaces.store.transaction(space.name) as transaction:
        assert book_of(transaction).get("calls", first) is None
        assert book_of(transaction).count("calls") == most


def test_what_falls_due_is_played_in_order_whoever_was_placed_first() -> None:
    switchboard, space = _ringing(5)
    spaces = switchboard._spaces
    with spaces.locked(space), spaces.store.transaction(space.name) as transaction:
        book, chance = book_of(transaction), Random(2)
        dialled = Dialled("uponai", "inbound", "+12025550143", UPONAI, UPONAI, "Hello.", "Desk")
        for _ in range(50):
            place(book, dialled, Picked({}, DESK, 0, ""), fate(None, "x", "outbound", chance), space.now(), chance)
        moments, agenda = [], Agenda()
        while (played := play(book, datetime(2100, 1, 1, tzinfo=UTC), 1, agenda)).steps:
            assert played.last is not None
            moments.append(stamp(played.last))
        assert moments == sorted(moments)
        assert len(moments) > 100
        assert book.count("agenda") == 0


# Around calls: state, lists, bounds, shell


def test_calls_travel_in_the_state_and_go_on_where_they_were(teli: Client, desk: Desk) -> None:
    link(teli)
    rung = dial(desk, TELI)
    advance(desk, 0.5)
    state = desk.get("/state")
    assert desk.post("/reset").status_code == 200
    assert desk.get("/calls")["calls"] == []
    # With the real time what is due would be played before the next request.
    assert desk.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    assert desk.put("/state", state).status_code == 200
    assert call(desk, rung["id"])["state"] == "ringing"
    advance(desk, 300)
    assert call(desk, rung["id"])["state"] == "ended"


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "asleep"), ("due_at", None), ("due_at", "soon"), ("script", []), ("outcome", 1), ("from", None)],
)
def test_a_state_with_a_wrong_call_is_refused_with_its_place(teli: Client, desk: Desk, field: str, value: Any) -> None:
    link(teli)
    dial(desk, TELI)
    state = desk.get("/state")
    state["calls"][0][field] = value
    reasons = problem(desk.put("/state", state), 422)["reasons"]
    assert reasons[0].startswith(f"calls[0].{field}")
    assert desk.get("/calls")["calls"][0]["state"] == "queued"


def test_calls_are_listed_by_state_and_page_by_page(teli: Client, desk: Desk) -> None:
    link(teli)
    ids = [dial(desk, TELI)["id"] for _ in range(5)]
    desk.post(f"/calls/{ids[1]}/hangup")
    assert [one["id"] for one in desk.get("/calls", state="ended")["calls"]] == [ids[1]]
    assert desk.get("/calls", provider="vogent")["calls"] == []
    seen, cursor = [], 0
    while cursor is not None:
        page = desk.get("/calls", limit=2, cursor=cursor)
        seen += [one["id"] for one in page["calls"]]
        cursor = page["cursor"]
    assert seen == ids
    assert [one["id"] for one in desk.get("/calls", limit=3, order="newest")["calls"]] == ids[:1:-1]
    assert {one["space"] for one in desk.get("/calls")["calls"]} == {desk.space}


def test_calls_of_every_space_are_listed_with_their_spaces(teli: Client, desk: Desk) -> None:
    link(teli)
    mine = dial(desk, TELI)
    other = desk.call("POST", "/calls", json={"space": "test_of_another", "to": TELI}).json()
    everywhere = desk.get("/calls", space="*", limit=1000)
    spaces = {one["id"]: one["space"] for one in everywhere["calls"]}
    assert (spaces[mine["id"]], spaces[other["id"]]) == (desk.space, "test_of_another")
    assert everywhere["cursor"] is None
    began = [one["created_at"] for one in everywhere["calls"]]
    assert began == sorted(began, reverse=True)
    for what in ({"cursor": 1}, {"order": "oldest"}):
        assert problem(desk.call("GET", "/calls", params={"space": "*", **what}), 400)


def test_wrong_questions_are_told_what_would_be_right(desk: Desk) -> None:
    for params, said in (({"state": "asleep"}, "There are queued"), ({"provider": "telly"}, "Did you mean teli")):
        answer = desk.call("GET", "/calls", params={"space": desk.space, **params})
        assert said in problem(answer, 400)["detail"]
    body = {"space": desk.space, "to": TELI, "outcome": "eaten"}
    assert '"busy", "voicemail", "failed"' in problem(desk.call("POST", "/calls", json=body), 400)["detail"]
    assert problem(desk.call("GET", "/calls/none", params={"space": desk.space}), 404)


def test_while_calls_are_played_others_are_answered(teli: Client, desk: Desk, server: Server) -> None:
    link(teli)
    for _ in range(200):
        dial(desk, TELI)
    began = time.perf_counter()
    assert advance(desk, 600) == 600
    assert time.perf_counter() - began < 5
    assert requests.get(f"{server.control}/health", timeout=5).status_code == 200


def test_the_command_line_dials_lists_and_hangs_up(server: Server, teli: Client, desk: Desk, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, Any, str]:
        command = [*RINGBACK, *arguments, "--json", "--url", server.url, "--space", teli.key]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    link(teli)
    talk = tmp_path / "talk.txt"
    talk.write_text("Hello?\nagent: Sales, good morning.\n\nNever mind: it is nothing.\n", encoding="utf-8")
    code, rung, _ = run("dial", TELI, "--from", "+14155550199", "--outcome", "answered", "--say", str(talk))
    assert (code, rung["agent"]["id"], rung["from"]) == (0, AGENT, "+14155550199")
    advance(desk, 60)
    said = call(desk, rung["id"])["transcript"][1:]
    assert [(line["speaker"], line["text"]) for line in said] == [
        ("caller", "Hello?"),
        ("agent", "Sales, good morning."),
        ("caller", "Never mind: it is nothing."),
    ]
    assert run("calls", "list", "--state", "ended")[1]["calls"][0]["id"] == rung["id"]
    code, _, errors = run("calls", "hangup", rung["id"])
    assert (code, "is over since" in errors) == (2, True)
    code, _, errors = run("dial", "+19995550000")
    assert (code, "there are" in errors) == (2, True)
    assert run("dial", TELI, "--say", "nowhere.txt")[0] == 2
