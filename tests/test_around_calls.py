"""What stands around calls: their history and cost, who takes part in a browser, figures of what records there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Client, Server
from tests.desk import Desk, desk_of
from tests.test_telephone import NOW, advance

AGENT = "agent_d3c2df14e163c7ca8ac5b1bf38"
CHAT_AGENT = "chat_agent_01hzk4q6dr3n0d4qzpw9z6gth6"
ORGANIZATION = "1762896364768x389173798861431550"


@pytest.fixture
def uponai(api: Callable[..., Client]) -> Client:
    return api("uponai")


@pytest.fixture
def desk(server: Server, uponai: Client) -> Desk:
    found = desk_of(server, uponai.key)
    assert found.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    return found


def said(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def history(uponai: Client, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = said(uponai.get("/api/v1/calls/history", params={"workspaceId": 1, **query}))
    return found


def ongoing(uponai: Client) -> int:
    used: dict[str, int] = said(uponai.get("/api/concurrency", params={"workspaceId": 1}))
    assert used.keys() == {"maxConcurrent", "currentUsage", "purchasedConcurrency", "concurrencyPurchaseLimit"}
    return used["currentUsage"]


def test_a_web_call_is_answered_by_its_browser_and_counts_while_it_goes_on(uponai: Client, desk: Desk) -> None:
    before = ongoing(uponai)
    made = said(uponai.post("/api/v2/calls/web", json={"agentId": AGENT, "metadata": {"page": "pricing"}}))
    assert made["callType"] == "web_call"
    assert len(made["accessToken"]) == 64
    for _ in range(60):
        if said(uponai.get(f"/api/v1/calls/{made['callId']}"))["call"]["status"] == "ongoing":
            break
        advance(desk, 1)
    assert ongoing(uponai) == before + 1
    advance(desk, 600)
    assert ongoing(uponai) == before
    row = next(one for one in history(uponai)["calls"] if one["callSid"] == made["callId"])
    assert (row["callStatus"], row["fromNumber"], row["agentName"]) == ("ended", "browser", "Front Desk")
    assert row["duration"] > 0


def test_the_history_tells_how_many_pages_its_calls_fill(uponai: Client, desk: Desk) -> None:
    said(
        uponai.post("/api/v1/calls/initiate", json={"agentId": AGENT, "fromNumber": "334", "toNumber": "+15005550200"})
    )
    said(
        uponai.post("/api/v1/calls/initiate", json={"agentId": AGENT, "fromNumber": "334", "toNumber": "+15005550200"})
    )
    assert history(uponai, limit=2, page=2)["pagination"] == {"page": 2, "limit": 2, "total": 3, "pages": 2}
    assert [len(history(uponai, limit=2, page=page)["calls"]) for page in (1, 2, 3)] == [2, 1, 0]


def test_a_page_of_chats_names_its_last_one_for_as_long_as_others_follow(uponai: Client) -> None:
    made = said(uponai.post("/api/chats", json={"workspaceId": 1, "agent_id": CHAT_AGENT}), 201)
    first = said(uponai.get("/api/chats", params={"workspaceId": 1, "limit": 1}))
    assert first["pagination_key"] == first["data"][0]["chatId"]
    query = {"workspaceId": 1, "limit": 1, "paginationKey": first["pagination_key"]}
    assert said(uponai.get("/api/chats", params=query)) == {"data": [made], "pagination_key": None}


def test_a_chat_keeps_all_that_was_said(uponai: Client) -> None:
    chat = (
        "/api/chats/" + said(uponai.post("/api/chats", json={"workspaceId": 1, "agent_id": CHAT_AGENT}), 201)["chatId"]
    )
    for text in ("Are you open?", "And on Sunday?"):
        messages = said(uponai.post(f"{chat}/completions", json={"workspaceId": 1, "content": text}), 201)["messages"]
    assert [one["content"] for one in messages if one["name"] == "user"] == ["Are you open?", "And on Sunday?"]
    assert said(uponai.get(chat, params={"workspaceId": 1}))["messages"] == messages


def test_a_call_is_connected_over_the_number_and_its_assistant(api: Callable[..., Client]) -> None:
    interactly = api("interactly")
    number = said(interactly.get("/assistants/v1/numbers"))[0]
    body = {"direction": "inbound", "phoneNumberId": number["_id"], "customer": {"number": "+15005550200"}}
    made = said(interactly.post("/calls/v1/conversations/connect", json=body))
    assert made["id"].startswith("CC-")
    assert (made["assistantId"], made["phoneNumberId"]) == (number["assistantId"], number["_id"])
    shown = said(interactly.get(f"/calls/v1/conversations/{made['id']}"))
    assert (shown["direction"], shown["userNumber"]) == ("inbound", "+15005550200")


def test_a_new_knowledge_base_is_answered_without_a_body(api: Callable[..., Client]) -> None:
    answer = api("interactly").post("/kb/v1/knowledge-bases", json={"title": "Prices"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert "Content-Type" not in answer.headers


def test_usage_is_that_of_the_one_who_is_named_and_of_the_days(api: Callable[..., Client]) -> None:
    teli = api("teli")
    whole = said(teli.get("/v1/analytics/usage", params={"organization_id": ORGANIZATION}))["usage"]
    assert (whole["sms"], whole["period"]) == ({"outbound": 150, "inbound": 45, "total": 195}, "all_time")
    seconds = whole["voice"]["total_seconds"]
    assert seconds > 0
    for days, expected in (({"start_date": "2099-01-01"}, 0), ({"start_date": "2000-01-01"}, seconds)):
        query = {"organization_id": ORGANIZATION, **days}
        assert said(teli.get("/v1/analytics/usage", params=query))["usage"]["voice"]["seconds"] == expected
    assert said(teli.get("/v1/analytics/usage"), 400)["error"] == "organization_id or user_id is required"


def test_the_overview_begins_thirty_days_ago(api: Callable[..., Client], server: Server) -> None:
    teli = api("teli")
    assert desk_of(server, teli.key).put("/clock", {"now": "2025-12-05T12:00:00Z", "frozen": True}).status_code == 200
    found = said(teli.get("/v1/analytics/overview"))
    assert found["period"] == {"start": "2025-11-05", "end": "2025-12-05"}
    assert found["total_voice_calls"] > 0
    later = {"start_date": "2025-11-21", "end_date": "2025-11-30"}
    assert said(teli.get("/v1/analytics/overview", params=later))["total_voice_calls"] == 0


def test_only_contacts_that_are_there_are_deleted(api: Callable[..., Client]) -> None:
    teli = api("teli")
    group = "1763072372500x777103986713560785"
    body = {"list_id": group, "phone_number": "+15550001111"}
    made = said(teli.post("/v1/contacts", json=body), 201)["contact_id"]
    gone = {"lead_ids": [made, made, "contact_1x1"]}
    other = said(teli.post("/v1/contacts/leads/delete", json={**gone, "group_id": "another"}))
    assert (other["deleted_count"], other["message"]) == (0, "0 contacts deleted")
    done = said(teli.post("/v1/contacts/leads/delete", json=gone))
    assert (done["deleted_count"], done["requested_count"], done["message"]) == (1, 3, "1 contacts deleted")
    rows = said(teli.get(f"/v1/contacts/lists/{group}/contacts"))["contacts"]
    assert made not in [row["lead_id"] for row in rows]
