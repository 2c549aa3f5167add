"""Events of campaigns reach an application: where the campaign says, in order, with the documented secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mock_server.spec import SchemaCheck, Spec
from tests.conftest import Client, Server
from tests.desk import Desk, desk_of
from tests.receiver import SIGNED, Received, Receiver
from tests.test_telephone import advance

MORNING = "2026-03-02T13:59:00Z"
"""A minute before nine in New York."""
NUMBER, NUMBER_ID = "+1234567890", "a12f9c88-c155-461f-9771-4d240cdc9a04"
ANSWERS, BUSY, FAILS = "+15005550200", "+15005550486", "+15005550404"
EVENTS = ["call_status", "campaign_report", "campaign_status"]


@pytest.fixture
def interactly(api: Callable[..., Client]) -> Client:
    return api("interactly")


@pytest.fixture
def desk(server: Server, interactly: Client) -> Desk:
    found = desk_of(server, interactly.key)
    assert found.put("/clock", {"now": MORNING, "frozen": True}).status_code == 200
    return found


def schedule(interactly: Client, *rows: Any, url: str | None = None, **config: Any) -> dict[str, Any]:
    webhook = {
        "enabled": url is not None,
        "url": url,
        "secret": "hush",
        "headers": [{"key": "Authorization", "value": "Bearer mine", "sensitive": True}],
        "events": EVENTS,
    }
    hours = {"timezone": "America/New_York", "startHours": 9, "endHours": 17}
    body = {"config": {"name": "Outreach", **hours, "webhook": webhook, **config}, "data": list(rows)}
    answer = interactly.post("/campaigns/v1/schedule/calls", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(received: list[Received], event: str) -> list[dict[str, Any]]:
    return [one.json for one in received if one.json["event"] == event]


def test_a_campaign_tells_its_whole_story_where_it_says(
    interactly: Client, desk: Desk, receiver: Receiver, specs: dict[str, Spec]
) -> None:
    row = {"phone_number": ANSWERS, "leadName": "Jane Doe"}
    rows = [row, {"phone_number": BUSY}, {"phone_number": FAILS}, {"leadName": "Nobody"}]
    id = schedule(interactly, *rows, url=f"{receiver.url}/campaign", maxParallelCalls=1, maxRetries=1)["id"]
    advance(desk, 59)
    assert [one.json["status"] for one in receiver.wait(1)] == ["processing"]
    advance(desk, 3600)
    received = receiver.wait(7)
    names = ["campaign_status", *["call_status"] * 5, "campaign_report"]
    assert [one.json["event"] for one in received] == names
    for one in received:
        assert SchemaCheck(specs["interactly"].webhooks[one.json["event"]].schema).differences(one.json) == []
        assert SIGNED["interactly"](one, "hush")
        assert (one.path, one.headers["Authorization"]) == ("campaign", "Bearer mine")
        assert one.json["campaign"]["id"] == id
    outcomes = Counter((one["call"]["phoneNumber"], one["call"]["outcome"]) for one in told(received, "call_status"))
    assert outcomes == {(ANSWERS, "answered"): 1, (BUSY, "busy"): 2, (FAILS, None): 2}
    first = told(received, "call_status")[0]["call"]
    assert first["collectedInformation"] == row
    shown = interactly.get(f"/calls/v1/conversations/{first['conversationId']}").json()
    assert (shown["userNumber"], shown["assistantNumber"], shown["direction"]) == (ANSWERS, NUMBER, "outbound")
    (report,) = told(received, "campaign_report")
    assert report["report"] == {"totalCalls": 4, "completedCalls": 2, "failedCalls": 2}
    assert report["campaign"]["processTimings"]["launchAt"] == "2026-03-02T13:59:00.000Z"
    assert report["campaign"]["processTimings"]["completedAt"] > "2026-03-02T14:00:00"


def test_a_campaign_that_cannot_call_any_more_says_so_and_calls_nobody(
    interactly: Client, desk: Desk, receiver: Receiver
) -> None:
    assert desk.put("/webhooks/interactly", {"url": f"{receiver.url}/all", "secret": "s"}).status_code == 200
    schedule(interactly, *[{"phone_number": ANSWERS}] * 3, events=[])
    change = {"assistantId": "", "inboundEnabled": True, "outboundEnabled": True}
    for number in interactly.get("/assistants/v1/numbers").json():
        assert interactly.put(f"/assistants/v1/numbers/{number['_id']}", json=change).status_code == 200
    advance(desk, 86_400)
    # Its own webhook is off, so what it tells goes where the space says.
    assert [one.json["status"] for one in receiver.wait(2)] == ["processing", "paused"]
    assert all(SIGNED["interactly"](one, "s") for one in receiver.received)
    assert desk.get("/calls")["calls"] == []


def test_a_campaign_wants_only_the_events_that_it_names(interactly: Client, desk: Desk, receiver: Receiver) -> None:
    webhook = {"enabled": True, "url": f"{receiver.url}/own", "events": ["campaign_report"]}
    schedule(interactly, {"phone_number": BUSY}, {"phone_number": ANSWERS}, webhook=webhook)
    advance(desk, 3600)
    (report,) = receiver.wait(1)
    assert report.json["report"]["totalCalls"] == 2
    # Without a secret there is nothing to prove.
    assert "X-Interactly-Secret" not in report.headers
    assert len(desk.get("/deliveries")["deliveries"]) == 1


def test_the_same_seed_tells_the_same_campaign_in_however_many_moves(
    api: Callable[..., Client], server: Server
) -> None:
    stories = []
    for key, moves in (("test_campaign_story_1", [7200]), ("test_campaign_story_2", [60, 1, 0.5, 300, 6838.5])):
        interactly, desk = api("interactly", key), desk_of(server, key)
        assert desk.put("/clock", {"now": MORNING, "frozen": True}).status_code == 200
        assert desk.put("/seed", {"seed": 5}).status_code == 200
        # Nobody is there: what is told is kept, attempt by attempt, all the same.
        assert desk.put("/webhooks/interactly", {"url": "http://127.0.0.1:9/x", "events": EVENTS}).status_code == 200
        schedule(interactly, *[{"phone_number": f"+1202555{index:04}"} for index in range(40)], maxParallelCalls=3)
        for seconds in moves:
            advance(desk, seconds)
        rows = desk.get("/deliveries", limit=1000)["deliveries"]
        stories.append([(row["at"], row["event"], row["body"]) for row in rows])
    assert stories[0] == stories[1]
    assert Counter(event for _, event, _ in stories[0]) == {
        "campaign_status": 1,
        "call_status": 40,
        "campaign_report": 1,
    }


def test_an_event_of_workflows_is_sent_with_its_bearer_token_and_tried_again(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    body = {"provider": "interactly", "event": "workflow_run_completed", "to": f"{receiver.url}/w", "secret": "token"}
    sent = desk.call("POST", "/deliveries", json={"space": desk.space, **body}).json()
    assert (sent["state"], [one["status"] for one in sent["attempts"]]) == ("delivered", [500, 503, 200])
    assert {one.headers["Authorization"] for one in receiver.received} == {"Bearer token"}
    assert receiver.received[-1].json["run"]["status"] == "completed"
    assert "X-Interactly-Secret" not in receiver.received[0].headers
