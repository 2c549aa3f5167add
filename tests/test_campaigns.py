"""Teli's calls and voice campaigns: what the telephone does stands in every documented list, count and figure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contract_tests.endpoint.mock import OwnMock
from mock_server.spec import Spec
from tests.conftest import Client, Server
from tests.desk import Desk, desk_of
from tests.test_telephone import NOW, advance, dial

OWN = "+14155551234"
AGENT = "agent_abc123"
ORGANIZATION = "1762896364768x389173798861431550"
USER = "1762896366429x599348279945132448"
SOMEBODY = "+12025550123"
BUSY, NOBODY, VOICEMAIL, ANSWERS = "+15005550486", "+15005550480", "+15005550086", "+15005550200"
CAMPAIGNS = "/v1/voice/campaigns"


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


@pytest.fixture
def desk(server: Server, teli: Client) -> Desk:
    found = desk_of(server, teli.key)
    assert found.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    return found


def create(teli: Client, *numbers: str, **more: Any) -> str:
    body = {
        "leads": [{"phone_number": number, "first_name": "Ann"} for number in numbers],
        "voice_agent_id": AGENT,
        "agent_outbound_number": OWN,
        "organization_id": ORGANIZATION,
        "tenant_id": "your_tenant",
        "user_id": USER,
        **more,
    }
    answer = teli.post(CAMPAIGNS, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["campaign_id"])


def read(teli: Client, path: str, **query: Any) -> dict[str, Any]:
    answer = teli.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def move(teli: Client, id: str, how: str) -> dict[str, Any]:
    answer = teli.post(f"{CAMPAIGNS}/{id}/{how}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def agree(teli: Client, id: str) -> dict[str, Any]:
    """The analytics of a campaign, after all that tells of it was compared."""
    progress = read(teli, f"{CAMPAIGNS}/{id}")["progress"]
    told = read(teli, f"{CAMPAIGNS}/{id}/analytics")
    calls = read(teli, f"{CAMPAIGNS}/{id}/calls")
    failed = read(teli, f"{CAMPAIGNS}/{id}/failed-numbers", format="detailed", include_not_called=True)
    assert calls["count"] == len(calls["calls"])
    assert {call["from_number"] for call in calls["calls"]} <= {OWN}
    assert progress["total"] == progress["completed"] + progress["pending"] == told["total_contacts"]
    assert told["total_calls"] == len({call["to_number"] for call in calls["calls"]})
    assert told["total_calls"] + told["not_called"] == told["total_contacts"]
    over = [call for call in calls["calls"] if call["call_status"] != "ongoing"]
    last = {call["to_number"]: call for call in over}
    ended = {one: call for one, call in last.items() if call["call_id"] not in _live(calls["calls"], one)}
    assert told["connected_calls"] == sum(1 for call in ended.values() if call["duration_ms"] > 0)
    assert told["voicemail_calls"] == sum(1 for call in ended.values() if call["in_voicemail"])
    assert told["failed_calls"] == sum(1 for call in ended.values() if call["duration_ms"] == 0)
    assert sum(told["sentiment_breakdown"].values()) == len(ended)
    reasons = [row["failure_reason"] for row in failed["failed_numbers"]]
    assert reasons.count("not_called") == told["not_called"]
    assert failed["count"] == told["failed_calls"] + told["voicemail_calls"] + told["not_called"]
    row = next(one for one in _listed(teli) if one["campaign_id"] == id)
    assert (row["contacts_count"], row["status"]) == (progress["total"], read(teli, f"{CAMPAIGNS}/{id}")["status"])
    return told


def _live(calls: list[dict[str, Any]], number: str) -> set[str]:
    """The last call of a number that is being called again does not count."""
    its = [call for call in calls if call["to_number"] == number]
    return {call["call_id"] for call in its} if its[-1]["call_status"] == "ongoing" else set()


def _listed(teli: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(teli, CAMPAIGNS, organization_id=ORGANIZATION, tenant_id="your_tenant")[
        "campaigns"
    ]
    return found


def test_an_inbound_call_is_in_every_documented_list(teli: Client, desk: Desk) -> None:
    assert teli.post(f"/v1/voice/phone-numbers/{OWN}/update-agent", json={"inbound_agent_id": AGENT}).status_code == 200
    rung = dial(desk, OWN, **{"from": SOMEBODY})
    assert rung["id"].startswith("call_")
    assert len(rung["id"]) == 32
    scope = {"organization_id": ORGANIZATION, "is_admin": True}
    assert [one["call_id"] for one in read(teli, "/v1/voice/calls", call_status="ongoing", **scope)["calls"]] == [
        rung["id"]
    ]
    advance(desk, 300)
    newest = read(teli, "/v1/voice/calls", limit=1, **scope)["calls"][0]
    assert (newest["call_id"], newest["from_number"], newest["to_number"]) == (rung["id"], SOMEBODY, OWN)
    assert newest["duration_ms"] == newest["end_timestamp"] - _milliseconds(newest["call_started_at"])
    whole = read(teli, f"/v1/voice/calls/{rung['id']}")["call"]
    assert whole["transcript"].startswith("Agent: ")
    assert whole["transcript"].count("\n") + 1 == len(whole["transcript_object"])
    assert whole["recording_url"].endswith(f"/recordings/{rung['id']}.wav")
    assert read(teli, f"/v1/voice/calls/{rung['id']}/extractions")["extraction_config"] == []
    by_phone = read(teli, f"/v1/voice/extractions/phone/{SOMEBODY}", organization_id=ORGANIZATION)
    assert [one["call_id"] for one in by_phone["extractions"]] == [rung["id"]]


def _milliseconds(naive: str) -> int:
    return int(datetime.fromisoformat(naive).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_campaign_calls_its_leads_and_everything_that_tells_of_it_agrees(teli: Client, desk: Desk) -> None:
    id = create(teli, ANSWERS, BUSY, NOBODY, VOICEMAIL)
    agree(teli, id)
    for _ in range(8):
        advance(desk, 7)
        agree(teli, id)
    advance(desk, 300)
    told = agree(teli, id)
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "completed"
    figures = ("total_calls", "connected_calls", "failed_calls", "voicemail_calls", "not_called", "success_rate")
    assert [told[name] for name in figures] == [4, 2, 2, 1, 0, 50.0]
    assert set(read(teli, f"{CAMPAIGNS}/{id}/failed-numbers")["failed_numbers"]) == {BUSY, NOBODY, VOICEMAIL}
    without = read(teli, f"{CAMPAIGNS}/{id}/failed-numbers", include_voicemail=False)["failed_numbers"]
    assert set(without) == {BUSY, NOBODY}


def test_what_was_to_be_found_out_is_read_from_the_lead(teli: Client, desk: Desk) -> None:
    made = teli.post(
        "/v1/agents",
        json={
            "agent_type": "voice",
            "agent_name": "Asker",
            "starting_message": "Hi {{first_name}}",
            "prompt": "Ask.",
            "voice_id": "11labs-Adrian",
            "organization_id": ORGANIZATION,
            "user_id": USER,
            "extraction_fields": ["loan_amount", {"name": "urgent"}],
        },
    ).json()["voice_agent_id"]
    lead = {"phone_number": ANSWERS, "first_name": "Zoe", "loan_amount": "$5"}
    id = create(teli, voice_agent_id=made, leads=[lead])
    advance(desk, 300)
    call = read(teli, f"{CAMPAIGNS}/{id}/calls")["calls"][0]
    found = read(teli, f"/v1/voice/calls/{call['call_id']}/extractions")
    assert found["extraction_config"] == ["loan_amount", "urgent"]
    assert found["extracted_fields"] == {"loan_amount": "$5", "urgent": None}
    assert "Hi Zoe" in call["transcript"]


def test_a_paused_campaign_starts_none_and_goes_on_where_it_was(teli: Client, desk: Desk) -> None:
    id = create(teli, *[ANSWERS] * 25)
    advance(desk, 1)
    assert move(teli, id, "pause")["message"] == "Campaign paused"
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}")["progress"] == {"total": 25, "completed": 10, "pending": 15}
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 10
    assert move(teli, id, "resume")["message"] == "Campaign resumed"
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 25
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "completed"


def test_an_ended_campaign_stays_ended(teli: Client, desk: Desk) -> None:
    id = create(teli, *[ANSWERS] * 25)
    assert move(teli, id, "end")["message"] == "Campaign ended"
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "ended"
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 10
    assert teli.post(f"{CAMPAIGNS}/{id}/resume").status_code == 400


def test_nobody_is_called_before_the_beginning_or_after_the_end(teli: Client, desk: Desk) -> None:
    times = {"campaign_begin_time": "2026-01-02T09:00:00", "campaign_end_time": "2026-01-02T09:00:05"}
    assert desk.put("/clock", {"now": "2026-01-02T08:00:00+00:00", "frozen": True}).status_code == 200
    id = create(teli, *[ANSWERS] * 12, **times)
    advance(desk, 3599)
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 0
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 10
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "completed"
    assert read(teli, f"{CAMPAIGNS}/{id}/analytics")["not_called"] == 2


def test_who_was_not_reached_is_called_again_after_the_days_as_often_as_said(teli: Client, desk: Desk) -> None:
    redials = {"redial_enabled": True, "redial_config": {"retry_limit": 2, "call_interval_days": 1}}
    id = create(teli, BUSY, VOICEMAIL, **redials)
    counts = []
    for _ in range(5):
        advance(desk, 86_400)
        counts.append(read(teli, f"{CAMPAIGNS}/{id}/calls")["count"])
    assert counts == [2, 3, 4, 4, 4]
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "completed"
    assert agree(teli, id)["total_calls"] == 2


def test_without_its_number_a_campaign_rings_nobody(teli: Client, desk: Desk) -> None:
    id = create(teli, *[ANSWERS] * 15)
    assert teli.delete(f"/v1/voice/phone-numbers/{OWN}").status_code == 200
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}")["status"] == "paused"
    calls = read(teli, f"{CAMPAIGNS}/{id}/calls")["calls"]
    assert len(calls) == 10
    assert {call["from_number"] for call in calls} == {OWN}


def test_a_campaign_goes_on_after_its_state_was_taken_out_and_in(teli: Client, desk: Desk) -> None:
    id = create(teli, *[ANSWERS] * 25)
    advance(desk, 3)
    state = desk.get("/state")
    assert desk.put("/state", state).status_code == 200
    advance(desk, 3600)
    assert read(teli, f"{CAMPAIGNS}/{id}/calls")["count"] == 25


def test_a_campaign_that_nobody_could_go_on_with_is_not_taken_in(teli: Client, desk: Desk) -> None:
    create(teli, *[ANSWERS] * 25)
    advance(desk, 3)
    state = desk.get("/state")
    run = state["providers"]["teli"]["records"]["voice_campaigns"][-1]["run"]
    del run["due_at"]
    run["again"] = [["soon", 1]]
    refused = desk.put("/state", state)
    assert refused.status_code == 422
    reasons = "\n".join(refused.json()["reasons"])
    assert "run.due_at: due_at is required" in reasons
    assert "run.again.0.0: " in reasons


@pytest.mark.timeout(120)
def test_a_thousand_leads_are_one_move_of_the_clock_and_the_same_story_each_time(
    api: Callable[..., Client], server: Server
) -> None:
    told = []
    for key in ("test_campaign_of_a_seed_1", "test_campaign_of_a_seed_2"):
        teli, desk = api("teli", key), desk_of(server, key)
        assert desk.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
        assert desk.put("/seed", {"seed": 9}).status_code == 200
        id = create(teli, *[f"+1202555{index:04d}" for index in range(1000)])
        # How long that takes is told by benchmarks/campaign.py.
        assert advance(desk, 7200) > 3000
        told.append((read(teli, f"{CAMPAIGNS}/{id}/analytics"), read(teli, f"{CAMPAIGNS}/{id}/calls")))
    assert told[0] == told[1]
    assert told[0][1]["count"] == 1000


def test_a_campaign_of_a_fixture_that_says_not_how_far_it_is_has_nobody_to_call(
    tmp_path: Path, specs: dict[str, Spec]
) -> None:
    (tmp_path / "teli.yaml").write_text("voice_campaigns: [{campaign_id: c1, status: active, contacts_count: 0}]\n")
    mock = OwnMock(fixtures=tmp_path)
    try:
        teli = Client(mock.origin("teli"), specs["teli"], "test_a_campaign_without_a_run")
        assert read(teli, "/v1/voice/campaigns/c1")["progress"] == {"total": 0, "completed": 0, "pending": 0}
        assert read(teli, "/v1/voice/campaigns/c1/analytics")["total_calls"] == 0
        assert read(teli, "/v1/voice/campaigns/c1/failed-numbers")["failed_numbers"] == []
    finally:
        mock.stop()
