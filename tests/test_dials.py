"""Vogent's dials: calls that the API places, told by the same telephone that rings the numbers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Client, Server
from tests.desk import Desk, desk_of
from tests.receiver import SIGNED, Receiver
from tests.test_deliveries import deliveries
from tests.test_telephone import NOW, VOGENT, VOGENT_AGENT, VOGENT_ID, advance, dial

TO = "+12025550123"


@pytest.fixture
def vogent(api: Callable[..., Client]) -> Client:
    return api("vogent")


@pytest.fixture
def desk(server: Server, vogent: Client) -> Desk:
    found = desk_of(server, vogent.key)
    assert found.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    return found


def place(vogent: Client, to: str = TO, **more: Any) -> dict[str, Any]:
    body = {"callAgentId": VOGENT_AGENT, "toNumber": to, "fromNumberId": VOGENT_ID, **more}
    answer = vogent.post("/api/dials", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(vogent: Client, id: str) -> dict[str, Any]:
    answer = vogent.get(f"/api/dials/{id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_dial_goes_from_queued_to_completed_by_the_clock(vogent: Client, desk: Desk) -> None:
    placed = place(vogent, "+15005550200", callAgentInput={"name": "John"}, aiVoiceId="voice-1")
    assert set(placed) == {"dialToken", "sessionId", "dialId"}
    seen = read(vogent, placed["dialId"])
    assert (seen["status"], seen["systemResultType"], seen["transcript"]) == ("queued", None, [])
    assert (seen["toNumber"], seen["fromNumberId"]) == ("+15005550200", VOGENT_ID)
    assert (seen["inputs"], seen["voiceId"], seen["agent"]["id"]) == ({"name": "John"}, "voice-1", VOGENT_AGENT)
    statuses = [seen["status"]]
    for _ in range(60):
        advance(desk, 1)
        statuses.append(read(vogent, placed["dialId"])["status"])
    assert list(dict.fromkeys(statuses)) == ["queued", "ringing", "in-progress", "completed"]
    over = read(vogent, placed["dialId"])
    assert over["systemResultType"] == "COUNTERPARTY_HANGUP"
    assert {line["speaker"] for line in over["transcript"]} == {"AI", "HUMAN"}
    assert over["durationSeconds"] > 5
    assert over["startedAt"] < over["endedAt"] == over["updatedAt"]
    assert over["recordings"][0]["url"].startswith("https://api.getelto.com/api/recordings/")


@pytest.mark.parametrize(
    ("digits", "status", "result"),
    [
        ("480", "no-answer", "NO_ANSWER"),
        ("486", "busy", "BUSY"),
        ("404", "failed", "FAILED"),
        ("086", "completed", "VOICEMAIL_DETECTED_HANGUP"),
    ],
)
def test_a_magic_number_decides_how_a_dial_ends(
    vogent: Client, desk: Desk, digits: str, status: str, result: str
) -> None:
    placed = place(vogent, f"+15005551{digits}")
    advance(desk, 300)
    over = read(vogent, placed["dialId"])
    assert (over["status"], over["systemResultType"]) == (status, result)


def test_a_dial_is_hung_up_once(vogent: Client, desk: Desk) -> None:
    early, late = place(vogent)["dialId"], place(vogent, "+15005550200")["dialId"]
    assert vogent.post(f"/api/dials/{early}/hangup").json() == {"success": True}
    assert (read(vogent, early)["status"], read(vogent, early)["systemResultType"]) == ("canceled", "CANCELLED")
    while read(vogent, late)["status"] != "in-progress":
        advance(desk, 1)
    assert vogent.post(f"/api/dials/{late}/hangup").status_code == 200
    assert (read(vogent, late)["status"], read(vogent, late)["systemResultType"]) == ("completed", "USER_HANGUP")
    assert vogent.post(f"/api/dials/{late}/hangup").status_code == 400


def test_the_token_of_a_dial_is_the_one_it_was_placed_with(vogent: Client) -> None:
    placed = place(vogent)
    assert vogent.post(f"/api/dials/{placed['dialId']}/token").json() == {"dialToken": placed["dialToken"]}


def test_a_browser_dial_needs_no_number(vogent: Client, desk: Desk) -> None:
    answer = vogent.post("/api/dials", json={"callAgentId": VOGENT_AGENT, "browserCall": True})
    assert answer.status_code == 200
    advance(desk, 20)
    assert read(vogent, answer.json()["dialId"])["status"] in ("in-progress", "completed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"callAgentId": "nobody"}, "callAgentId"),
        ({"fromNumberId": "nothing"}, "fromNumberId"),
        ({"fromNumberId": None}, "fromNumberId"),
        ({"toNumber": None}, "toNumber"),
    ],
)
def test_a_dial_that_cannot_be_placed_names_the_field_and_leaves_no_call(
    vogent: Client, desk: Desk, change: dict[str, Any], field: str
) -> None:
    body = {"callAgentId": VOGENT_AGENT, "toNumber": TO, "fromNumberId": VOGENT_ID, **change}
    answer = vogent.post("/api/dials", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert desk.get("/calls")["calls"] == []


def test_an_inbound_call_is_a_dial_too_and_another_vendor_s_is_none(vogent: Client, desk: Desk) -> None:
    assert vogent.put(f"/api/phone_numbers/{VOGENT_ID}", json={"agentId": VOGENT_AGENT}).status_code == 200
    rung = dial(desk, VOGENT)
    assert read(vogent, rung["id"])["toNumber"] == VOGENT
    foreign = dial(desk, "+1234567890")
    assert vogent.get(f"/api/dials/{foreign['id']}").status_code == 400


def test_a_dial_s_own_webhook_gets_its_whole_story_signed(vogent: Client, desk: Desk, receiver: Receiver) -> None:
    placed = place(vogent, "+15005550200", webhookUrl=f"{receiver.url}/mine")
    advance(desk, 300)
    received = receiver.wait(6)
    assert [one.json["event"] for one in received] == [
        "dial.created",
        "dial.updated",
        "dial.updated",
        "dial.updated",
        "dial.transcript",
        "dial.recording_created",
    ]
    assert all(one.path == "mine" and SIGNED["vogent"](one, vogent.key) for one in received)
    assert {one.json["payload"]["dial_id"] for one in received} == {placed["dialId"]}


def test_hanging_up_is_told_of(vogent: Client, desk: Desk, receiver: Receiver) -> None:
    placed = place(vogent, webhookUrl=f"{receiver.url}/mine")
    vogent.post(f"/api/dials/{placed['dialId']}/hangup")
    assert receiver.wait(2)[-1].json["payload"]["status"] == "canceled"


def test_with_a_running_clock_events_come_by_themselves(api: Callable[..., Client], server: Server) -> None:
    vogent = api("vogent")
    placed = place(vogent, "+15005550486", webhookUrl="http://127.0.0.1:9/nobody")
    desk = desk_of(server, vogent.key)
    found = deliveries(desk, 3, call=placed["dialId"])
    assert [one["event"] for one in found] == ["dial.created", "dial.updated", "dial.updated"]


def test_a_story_of_dials_repeats_with_the_seed(api: Callable[..., Client], server: Server) -> None:
    told = []
    for key in ("test_dials_of_a_seed_1", "test_dials_of_a_seed_2"):
        vogent, desk = api("vogent", key), desk_of(server, key)
        assert desk.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
        assert desk.put("/seed", {"seed": 9}).status_code == 200
        ids = [place(vogent)["dialId"] for _ in range(12)]
        advance(desk, 600)
        told.append([read(vogent, id) for id in ids])
    assert told[0] == told[1]
    assert len({one["systemResultType"] for one in told[0]}) > 1


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_thousand_dials_are_played_by_one_move_of_the_clock(vogent: Client, desk: Desk) -> None:
    ids = [place(vogent, TO)["dialId"] for _ in range(1000)]
    began = time.perf_counter()
    steps = advance(desk, 3600)
    passed = time.perf_counter() - began
    assert steps > 2500
    assert {read(vogent, id)["status"] for id in ids} <= {"completed", "busy", "no-answer", "failed"}
    # Two seconds of a machine of our own; others may be at work on this one.
    assert passed < 10


# Batch jobs

JOB = "/api/batch_dial_jobs/8a3e6d51-27c9-4f08-b4e2-91d7c05fa368"


def test_the_job_of_a_new_space_calls_nobody_before_it_is_started_and_then_its_row(vogent: Client, desk: Desk) -> None:
    (row,) = vogent.get(f"{JOB}/queue").json()["data"]
    advance(desk, 7 * 24 * 3600)
    assert (vogent.get(JOB).json()["status"], desk.get("/calls")["calls"]) == ("INIT", [])
    assert vogent.post(f"{JOB}/paused", json={"paused": False}).json()["status"] == "ACTIVE"
    advance(desk, 7 * 24 * 3600)
    assert vogent.get(JOB).json()["status"] == "COMPLETE"
    (dial,) = vogent.get(f"{JOB}/dials").json()["data"]
    assert (dial["toNumber"], dial["inputs"]) == (row["toNumber"], row["inputs"])
    assert "batchDialJobId" not in dial
    assert read(vogent, dial["id"]) == dial
    # A Monday from nine to five in New York.
    assert dial["createdAt"] == "2026-01-12T14:00:00.000Z"


def test_a_job_without_numbers_of_its_own_calls_from_any_and_one_whose_agent_is_gone_pauses(
    vogent: Client, desk: Desk
) -> None:
    rows = [{"toNumber": "+15005550200"}] * 3
    body = {"name": "Survey", "callAgentId": VOGENT_AGENT, "maxConcurrentDials": 1, "rows": rows}
    path = f"/api/batch_dial_jobs/{vogent.post('/api/batch_dial_jobs', json=body).json()['id']}"
    vogent.post(f"{path}/paused", json={"paused": False})
    advance(desk, 1)
    assert len(vogent.get(f"{path}/queue").json()["data"]) == 2
    assert vogent.delete(f"/api/agents/{VOGENT_AGENT}").status_code == 200
    advance(desk, 3600)
    assert vogent.get(path).json()["status"] == "PAUSED"
    (dial,) = vogent.get(f"{path}/dials").json()["data"]
    assert (dial["status"], dial["fromNumberId"]) == ("completed", VOGENT_ID)
    unknown = {**body, "fromPhoneNumberIds": ["none"], "callAgentId": "b0e5a7f4-2c68-4f7b-9d13-6a8c4e2f1b05"}
    refused = vogent.post("/api/batch_dial_jobs", json=unknown)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "fromPhoneNumberIds")


def test_rows_that_cannot_be_called_now_are_called_when_a_new_schedule_says_so(vogent: Client, desk: Desk) -> None:
    never = {"days": [], "timezone": "UTC"}
    rows = [{"toNumber": "+15005550200"}]
    body = {"name": "Survey", "callAgentId": VOGENT_AGENT, "maxConcurrentDials": 1, "rows": rows, "schedule": never}
    path = f"/api/batch_dial_jobs/{vogent.post('/api/batch_dial_jobs', json=body).json()['id']}"
    vogent.post(f"{path}/paused", json={"paused": False})
    advance(desk, 30 * 24 * 3600)
    assert vogent.get(path).json()["status"] == "ACTIVE"
    assert vogent.put(path, json={"schedule": {**never, "disableSchedule": True}}).status_code == 200
    advance(desk, 600)
    assert vogent.get(path).json()["status"] == "COMPLETE"
