"""Events of calls reach an application: documented payloads, signed, retried, told to fail; nobody else is called."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from mock_server.deliveries import Attempt, Deliveries, Room
from mock_server.process.limits import DEFAULTS
from mock_server.spec import SchemaCheck, Signature, Spec
from mock_server.telephone.telling.addresses import Refused, place_of
from mock_server.telephone.telling.destinations import MAX_SECONDS, destination
from mock_server.telephone.telling.signing import signed
from tests.conftest import RINGBACK, ROOT, Client, Server
from tests.desk import Desk, desk_of, problem
from tests.receiver import SIGNED, Received, Receiver
from tests.test_telephone import (
    DESK,
    DESK_B,
    NOW,
    TELI,
    UPONAI,
    VOGENT,
    VOGENT_AGENT,
    VOGENT_ID,
    advance,
    assign,
    call,
    dial,
)

SECRET = "whsec_of_the_test"
NUMBERS = {"vogent": VOGENT, "uponai": UPONAI, "interactly": "+1234567890"}


@pytest.fixture
def desk(server: Server, api: Callable[..., Client]) -> Desk:
    """A space with a clock that stands still, every number of `NUMBERS` linked, and no inbound webhook."""
    found = desk_of(server, api("vogent").key)
    assert found.put("/clock", {"now": NOW, "frozen": True}).status_code == 200
    assert api("vogent").put(f"/api/phone_numbers/{VOGENT_ID}", json={"agentId": VOGENT_AGENT}).status_code == 200
    agents = [{"agent_id": DESK, "weight": 1}]
    assign(api("uponai"), inboundAgents=agents, inboundWebhookUrl=None)
    return found


def direct(desk: Desk, provider: str, url: str, **more: Any) -> dict[str, Any]:
    answer = desk.put(f"/webhooks/{provider}", {"url": url, "secret": SECRET, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def events(received: list[Received]) -> list[str]:
    """The events by the name that each vendor gives them."""
    return [one.json.get("event") or one.json["message"]["type"] for one in received]


def deliveries(desk: Desk, count: int, **filters: Any) -> list[dict[str, Any]]:
    """The deliveries as soon as so many have been tried."""
    deadline = time.monotonic() + 10
    while True:
        found: list[dict[str, Any]] = desk.get("/deliveries", **filters)["deliveries"]
        if sum(one["state"] != "pending" for one in found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


STORIES = {
    "vogent": [
        "dial.created",
        "dial.inbound",
        "dial.updated",
        "dial.updated",
        "dial.updated",
        "dial.transcript",
        "dial.recording_created",
    ],
    "uponai": ["call_started", "call_ended", "call_analyzed"],
    "interactly": [
        *["status-update"] * 3,
        *["conversation-update"] * 2,
        "status-update",
        "end-of-call-report",
    ],
}


@pytest.mark.parametrize("provider", sorted(STORIES))
def test_an_application_receives_the_story_of_an_inbound_call_signed_and_in_order(
    desk: Desk, receiver: Receiver, specs: dict[str, Spec], provider: str
) -> None:
    direct(desk, provider, f"{receiver.url}/events")
    rung = dial(desk, NUMBERS[provider], outcome="answered", say=[{"text": "Hello?"}])
    advance(desk, 300)
    received = receiver.wait(len(STORIES[provider]))
    assert events(received) == STORIES[provider]
    for one, name in zip(received, STORIES[provider], strict=True):
        assert SchemaCheck(specs[provider].webhooks[name].schema).differences(one.json) == []
        assert SIGNED[provider](one, SECRET), one.headers
        assert not SIGNED[provider](one, SECRET + "x")
        assert one.headers["Content-Type"] == "application/json"
    told = b"\n".join(one.body for one in received)
    assert rung["id"].encode() in told
    assert b"Hello?" in told


def test_vogent_tells_the_status_and_what_was_said_as_its_page_shows(desk: Desk, receiver: Receiver) -> None:
    direct(desk, "vogent", f"{receiver.url}/events")
    rung = dial(desk, VOGENT, outcome="answered", say=[{"text": "Hello?"}], **{"from": "+18005550100"})
    advance(desk, 300)
    said = [one.json["payload"] for one in receiver.wait(7)]
    ids = {"dial_session_id": rung["session_id"], "dial_id": rung["id"]}
    assert said[0] == ids
    linked = {"dest_number_id": VOGENT_ID, "call_agent_id": VOGENT_AGENT, "source_number": "+18005550100"}
    assert said[1] == {**ids, **linked}
    assert [one["status"] for one in said[2:5]] == ["ringing", "in-progress", "completed"]
    assert said[5]["transcript"][1] == {"text": "Hello?", "speaker": "HUMAN"}
    assert said[6]["recording_url"].startswith("https://api.getelto.com/api/recordings/")


@pytest.mark.parametrize(("outcome", "status"), [("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")])
def test_a_call_that_nobody_answers_is_told_without_a_transcript(
    desk: Desk, receiver: Receiver, outcome: str, status: str
) -> None:
    direct(desk, "vogent", f"{receiver.url}/events", events=["dial.updated", "dial.transcript"])
    dial(desk, VOGENT, outcome=outcome)
    advance(desk, 300)
    wanted = 1 if outcome == "failed" else 2
    assert [one.json["payload"]["status"] for one in receiver.wait(wanted)][-1] == status
    assert set(events(receiver.received)) == {"dial.updated"}


def test_a_number_that_nobody_picks_up_sends_nothing(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    assert api("vogent").put(f"/api/phone_numbers/{VOGENT_ID}", json={"agentId": ""}).status_code == 200
    direct(desk, "vogent", f"{receiver.url}/events")
    dial(desk, VOGENT)
    advance(desk, 300)
    assert desk.get("/deliveries")["deliveries"] == []


# An assistant's own server

ASSISTANT = "a12f9c88-c155-461f-9771-4d240cdc9a04"


def own_server(api: Callable[..., Client], url: str, **more: Any) -> dict[str, Any]:
    server = {"enabled": True, "url": url, "messages": ["status-update", "conversation-update"], **more}
    change = {"welcomeMessage": "Welcome!", "assistantServer": server}
    answer = api("interactly").patch(f"/assistants/v1/assistants/{ASSISTANT}", json=change)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_interactly_s_assistant_has_its_events_told_where_it_says_and_no_others(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    direct(desk, "interactly", f"{receiver.url}/of-the-space")
    headers = {
        "Authorization": "Bearer mine",
        "user-agent": "me",
        "Host": "example.org",
        "X-Interactly-SECRET": "forged",
    }
    shown = own_server(api, f"{receiver.url}/own", secret="hush", headers=headers)
    assert "assistantServer" not in shown
    dial(desk, NUMBERS["interactly"], say=[{"text": "Hello."}], **{"from": "+14155550199"})
    advance(desk, 300)
    received = receiver.wait(6)
    story = ["status-update"] * 3 + ["conversation-update"] * 2 + ["status-update"]
    assert (events(received), {one.path for one in received}) == (story, {"own"})
    for one in received:
        assert (one.headers["X-Interactly-Secret"], one.headers["Authorization"]) == ("hush", "Bearer mine")
        # A page of anybody may name headers: what tells the control API that a delivery is one is none of them.
        assert (one.headers["User-Agent"], one.headers["Host"]) == ("Ringback", receiver.url.removeprefix("http://"))
    said = [one.json["message"] for one in received]
    assert [one["call"]["status"] for one in said] == ["initiated", "queued", *["ongoing"] * 3, "finished"]
    assert [len(one["messages"]) for one in said[3:5]] == [1, 2]
    assert [one["messageId"] for one in said[4]["messages"]] == ["welcome-1", "user-1"]
    assert said[5]["call"]["assistantCallDuration"] > 0
    assert (said[5]["call"]["userNumber"], said[5]["call"]["callEndTriggerBy"]) == ("+14155550199", "user")
    assert said[0]["assistant"]["welcomeMessage"] == "Welcome!"


def test_what_is_said_is_told_when_it_is_said(desk: Desk, receiver: Receiver, api: Callable[..., Client]) -> None:
    own_server(api, f"{receiver.url}/own", messages=["conversation-update"])
    said = [{"text": "One."}, {"speaker": "agent", "text": "Two."}, {"text": "Three."}]
    rung = dial(desk, NUMBERS["interactly"], say=said)
    lengths = []
    for _ in range(60):
        advance(desk, 0.25)
        now = call(desk, rung["id"])
        lengths.append(len(now["transcript"]))
        assert len(receiver.wait(lengths[-1])) == lengths[-1]
    assert sorted(set(lengths)) == [0, 1, 2, 3, 4]
    last = receiver.received[-1].json["message"]["messages"]
    assert last[2]["messageId"] == f"user-1-response-{last[2]['timestamp']}"
    assert now["state"] == "ended"


def test_an_assistant_s_server_without_a_secret_is_sent_none_and_one_that_is_off_nothing(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    own_server(api, f"{receiver.url}/own", messages=["end-of-call-report"])
    dial(desk, NUMBERS["interactly"], outcome="busy")
    advance(desk, 60)
    (report,) = receiver.wait(1)
    assert "X-Interactly-Secret" not in report.headers
    assert report.json["message"]["call"]["phoneCallStatus"] == "busy"
    own_server(api, f"{receiver.url}/own", enabled=False)
    dial(desk, NUMBERS["interactly"], outcome="busy")
    advance(desk, 60)
    assert len(desk.get("/deliveries")["deliveries"]) == 1


@pytest.mark.parametrize(
    ("said", "kept"), [(5, 5), (0.5, 0.5), (10**9, MAX_SECONDS), (0, None), (-1, None), (True, None), ("9", None)]
)
def test_an_own_server_waits_as_long_as_it_says_and_no_longer_than_is_good_for_others(
    said: Any, kept: float | None
) -> None:
    server = {"enabled": True, "url": "http://127.0.0.1/", "events": ["hang"], "seconds": said}
    to = destination(Deliveries(), "interactly", "hang", {"server": server})
    assert to is not None
    assert to.seconds == kept
    assert destination(Deliveries(), "interactly", "error", {"server": server}) is None


def test_who_was_called_is_the_user_of_an_outbound_call(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    own_server(api, f"{receiver.url}/own", messages=["status-update"], timeoutSeconds=5)
    numbers = {"userNumber": "+15005550486", "assistantNumber": NUMBERS["interactly"], "metadata": {"lead": "7"}}
    assert api("interactly").post("/calls/v1/conversations", json=numbers).status_code < 300
    advance(desk, 60)
    told = [one.json["message"] for one in receiver.wait(3)]
    assert {one["customer"]["number"] for one in told} == {"+15005550486"}
    assert {one["call"]["userNumber"] for one in told} == {"+15005550486"}
    assert {one["call"]["assistantNumber"] for one in told} == {NUMBERS["interactly"]}
    assert {one["call"]["direction"] for one in told} == {"outbound"}
    assert told[0]["call"]["metadata"] == {"lead": "7"}


# Asked before a call connects


def ask_first(api: Callable[..., Client], receiver: Receiver) -> None:
    agents = [{"agent_id": DESK, "agent_version": 0, "weight": 1}]
    assign(api("uponai"), inboundAgents=agents, inboundWebhookUrl=f"{receiver.url}/inbound")


def test_uponai_s_inbound_webhook_is_asked_first_and_chooses_the_agent(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_first(api, receiver)
    receiver.answer = {"call_inbound": {"override_agent_id": DESK_B, "override_agent_version": 0}}
    rung = dial(desk, UPONAI, **{"from": "+12137771234"})
    assert receiver.received[0].json == {
        "event": "call_inbound",
        "call_inbound": {"agent_id": DESK, "agent_version": 0, "from_number": "+12137771234", "to_number": UPONAI},
    }
    assert SIGNED["uponai"](receiver.received[0], desk.space)
    assert (rung["agent"]["id"], rung["agent"]["version"]) == (DESK_B, 0)
    assert rung["why"].endswith("/inbound was asked first and chose it")


def test_uponai_s_agent_has_its_own_webhook_whoever_was_asked_first(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_first(api, receiver)
    for agent, path in ((DESK, "first"), (DESK_B, "second")):
        change = {"workspaceId": 1, "webhook_url": f"{receiver.url}/{path}"}
        assert api("uponai").patch(f"/api/agents/{agent}", json=change).status_code == 200
    receiver.answer = {
        "call_inbound": {"override_agent_id": DESK_B, "dynamic_variables": {"name": "Ann"}, "metadata": {"lead": "7"}}
    }
    rung = dial(desk, UPONAI)
    advance(desk, 300)
    assert [one.path for one in receiver.wait(4)] == ["inbound", "second", "second", "second"]
    shown = api("uponai").get(f"/api/v1/calls/{rung['id']}").json()["call"]
    assert (shown["uponai_dynamic_variables"], shown["metadata"]) == ({"name": "Ann"}, {"lead": "7"})


def test_an_inbound_webhook_that_fails_is_asked_four_times_and_the_call_goes_on(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_first(api, receiver)
    receiver.statuses = [500, 503, 301, 404]
    rung = dial(desk, UPONAI)
    assert [one.path for one in receiver.received] == ["inbound"] * 4
    assert rung["agent"]["id"] == DESK
    assert "4 of 4 attempts: the receiver answered 404" in rung["why"]
    receiver.received.clear()
    receiver.statuses = [500]
    assert dial(desk, UPONAI)["why"].endswith("was asked first")
    assert len(receiver.received) == 2


def test_an_inbound_webhook_that_chooses_nobody_we_know_is_told_of(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_first(api, receiver)
    receiver.answer = {"call_inbound": {"override_agent_id": "agent_nobody"}}
    rung = dial(desk, UPONAI)
    assert rung["agent"]["id"] == DESK
    assert "agent_nobody, which is no agent here" in rung["why"]


def ask_the_agent(api: Callable[..., Client], receiver: Receiver, **more: Any) -> None:
    change = {"inboundWebhookUrl": f"{receiver.url}/inbound", **more}
    assert api("vogent").put(f"/api/agents/{VOGENT_AGENT}", json=change).status_code == 200


def test_vogent_s_agent_is_asked_first_at_its_own_address_and_what_it_gives_is_the_dial_s(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_the_agent(api, receiver, inboundWebhookResponse=True)
    direct(desk, "vogent", f"{receiver.url}/events", events=["dial.created", "dial.inbound"])
    receiver.answer = {"call_agent_input": {"name": "John Doe"}, "keywords": ["John", "Doe"]}
    rung = dial(desk, VOGENT, **{"from": "+12137771234"})
    asked = receiver.received[0]
    assert (asked.path, asked.json) == (
        "inbound",
        {
            "event": "dial.inbound",
            "payload": {
                "dial_session_id": rung["session_id"],
                "dial_id": rung["id"],
                "dest_number_id": VOGENT_ID,
                "call_agent_id": VOGENT_AGENT,
                "source_number": "+12137771234",
            },
        },
    )
    assert SIGNED["vogent"](asked, SECRET)
    assert rung["why"].endswith("/inbound was asked first")
    advance(desk, 300)
    assert [one.json["event"] for one in receiver.wait(2)] == ["dial.inbound", "dial.created"]
    assert api("vogent").get(f"/api/dials/{rung['id']}").json()["inputs"] == {"name": "John Doe"}


@pytest.mark.parametrize("answer", [{"call_agent_input": "John"}, {"call_agent_input": ["John"]}, ["John"], 7])
def test_an_answer_of_another_kind_gives_nothing(
    desk: Desk, receiver: Receiver, api: Callable[..., Client], answer: Any
) -> None:
    ask_the_agent(api, receiver, inboundWebhookResponse=True)
    receiver.answer = answer
    rung = dial(desk, VOGENT)
    shown = api("vogent").get(f"/api/dials/{rung['id']}")
    assert (shown.status_code, shown.json().get("inputs")) == (200, None)


def test_vogent_s_agent_that_expects_no_answer_is_told_at_its_own_address(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_the_agent(api, receiver)
    receiver.answer = {"call_agent_input": {"name": "John Doe"}}
    rung = dial(desk, VOGENT)
    assert f"{receiver.url}/inbound is told" in rung["why"]
    advance(desk, 300)
    assert [(one.path, one.json["payload"]["dial_id"]) for one in receiver.wait(1)] == [("inbound", rung["id"])]
    assert "inputs" not in api("vogent").get(f"/api/dials/{rung['id']}").json()


def test_vogent_s_call_goes_on_when_the_answer_does_not_come_in_time(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_the_agent(api, receiver, inboundWebhookResponse=True)
    receiver.statuses = [500]
    rung = dial(desk, VOGENT)
    assert rung["agent"]["id"] == VOGENT_AGENT
    assert "1 of 1 attempts: the receiver answered 500" in rung["why"]


def test_what_an_agent_is_sent_and_never_shows_is_in_no_answer_and_in_the_state(
    desk: Desk, receiver: Receiver, api: Callable[..., Client]
) -> None:
    ask_the_agent(api, receiver, openingLine={"lineType": "NONE", "content": "Hi"})
    rung = dial(desk, VOGENT)
    shown = api("vogent").get(f"/api/agents/{VOGENT_AGENT}").json()
    dialled = api("vogent").get(f"/api/dials/{rung['id']}").json()["agent"]
    assert shown == dialled == api("vogent").get("/api/agents").json()["data"][0]
    hidden = {"inboundWebhookUrl", "inboundWebhookResponse", "openingLine", "voiceVolumeLevel", "backgroundNoiseType"}
    assert not hidden & set(shown)
    kept = desk.get("/state")["providers"]["vogent"]["records"]["agents"][0]
    assert (kept["inboundWebhookUrl"], kept["openingLine"]["content"]) == (f"{receiver.url}/inbound", "Hi")


@pytest.mark.parametrize(
    ("kind", "said"), [("INBOUND_ONLY", True), ("INBOUND_OUTBOUND", True), ("NONE", False), (None, False)]
)
def test_an_agent_opens_an_inbound_call_with_its_opening_line_where_it_is_one_for_such_calls(
    desk: Desk, api: Callable[..., Client], kind: str | None, said: bool
) -> None:
    line = {"lineType": kind, "content": "Good evening."} if kind else None
    assert api("vogent").put(f"/api/agents/{VOGENT_AGENT}", json={"openingLine": line}).status_code == 200
    rung = dial(desk, VOGENT, outcome="answered")
    advance(desk, 300)
    assert (call(desk, rung["id"])["transcript"][0]["text"] == "Good evening.") is said


def test_a_vendor_s_real_address_is_not_called(desk: Desk, api: Callable[..., Client]) -> None:
    assign(api("uponai"), inboundWebhookUrl="https://app.uponai.com/inbound-dynamic-vars/1/x")
    rung = dial(desk, UPONAI)
    assert "app.uponai.com is not called" in rung["why"]
    assert desk.get("/deliveries")["deliveries"][0]["state"] == "refused"


# Failures, retries, replays


def test_attempts_fail_as_they_were_told_to_and_retries_are_made(desk: Desk, receiver: Receiver) -> None:
    direct(desk, "uponai", f"{receiver.url}/events", events=["call_ended"], failures=[500, 0])
    dial(desk, UPONAI, outcome="answered")
    advance(desk, 300)
    (one,) = deliveries(desk, 1)
    assert [(attempt["status"], attempt["error"]) for attempt in one["attempts"]] == [
        (500, None),
        (None, "no answer, as was told in advance"),
        (200, None),
    ]
    assert (one["state"], len(receiver.received)) == ("delivered", 1)


def test_a_vendor_that_does_not_try_again_does_not(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500]
    direct(desk, "interactly", f"{receiver.url}/events", events=["end-of-call-report"])
    dial(desk, NUMBERS["interactly"], outcome="answered")
    advance(desk, 300)
    (one,) = deliveries(desk, 1)
    assert (one["state"], one["reason"]) == ("failed", "1 of 1 attempts: the receiver answered 500")
    again = desk.post(f"/deliveries/{one['number']}/replay").json()
    assert (again["state"], again["replay_of"], again["body"]) == ("delivered", one["number"], one["body"])
    assert receiver.received[0].body == receiver.received[1].body


def test_redirects_are_not_followed(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [302]
    body = {"space": desk.space, "provider": "vogent", "event": "dial.created", "to": f"{receiver.url}/a"}
    one = desk.call("POST", "/deliveries", json=body).json()
    assert (one["state"], one["attempts"][0]["status"]) == ("failed", 302)
    assert [got.path for got in receiver.received] == ["a"]


def test_a_slow_receiver_slows_nobody(desk: Desk, receiver: Receiver, api: Callable[..., Client]) -> None:
    receiver.seconds = 0.4
    direct(desk, "vogent", f"{receiver.url}/events")
    began = time.perf_counter()
    for _ in range(5):
        dial(desk, VOGENT, outcome="answered")
    advance(desk, 300)
    assert api("vogent").get("/api/phone_numbers").status_code == 200
    passed = time.perf_counter() - began
    waiting = [one for one in desk.get("/deliveries")["deliveries"] if one["state"] == "pending"]
    assert len(waiting) > 5, "35 deliveries take 14 s; who waited for them?"
    assert passed < 10
    assert desk.post("/reset").status_code == 200


def test_a_receiver_that_is_not_there_is_told_of(desk: Desk) -> None:
    body = {"space": desk.space, "provider": "vogent", "event": "dial.created", "to": "http://127.0.0.1:9/a"}
    one = desk.call("POST", "/deliveries", json=body).json()
    assert one["state"] == "failed"
    assert "refused" in one["reason"]


# Whom the mock calls


@pytest.mark.parametrize(
    ("url", "addresses", "allowed", "reason"),
    [
        ("http://example.org/a", ["93.184.216.34"], (), "--webhook-host example.org"),
        ("http://app.test/a", ["10.0.0.5"], ("app.test",), "private or reserved"),
        ("http://app.test/a", ["93.184.216.34", "192.168.1.1"], ("app.test",), "192.168.1.1"),
        ("http://app.test/a", ["169.254.169.254"], ("app.test",), "private or reserved"),
        ("http://app.test/a", ["fd00:ec2::254"], ("app.test",), "private or reserved"),
        ("http://app.test/a", ["::ffff:10.0.0.5"], ("app.test",), "private or reserved"),
        ("http://app.test/a", ["fe80::1%eth0"], ("app.test",), "private or reserved"),
        ("http://app.test/a", ["0.0.0.0"], ("app.test",), "private or reserved"),
        ("http://10.0.0.5/a", ["10.0.0.5"], ("10.0.0.5",), "private or reserved"),
        ("http://169.254.169.254/latest", ["169.254.169.254"], (), "is not called"),
        ("http://localhost/a", ["10.1.2.3"], (), "private or reserved"),
        ("http://127.0.0.1.example.org/a", ["127.0.0.1"], (), "is not called"),
        ("http://me:you@127.0.0.1/a", ["127.0.0.1"], (), "without a name or a password"),
        ("file:///etc/passwd", [], (), "http://HOST"),
        ("gopher://127.0.0.1/", ["127.0.0.1"], (), "http://HOST"),
        ("http://[::1/a", [], (), "no address"),
        ("http://127.0.0.1:99999/a", [], (), "no address"),
        ("/relative", [], (), "http://HOST"),
        ("http://127.0.0.1:1/\r\nX-Smuggled: y", ["127.0.0.1"], (), "percent-encode"),
        ("http://127.0.0.1:1/a b", ["127.0.0.1"], (), "percent-encode"),
        ("http://127.0.0.1:1/\u00fc", ["127.0.0.1"], (), "percent-encode"),
        ("http://127.0.0.1:1/\x00\x1b", ["127.0.0.1"], (), "percent-encode"),
    ],
)
def test_only_loopback_and_allowed_names_are_called(
    url: str, addresses: list[str], allowed: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(Refused, match=reason.replace("(", r"\(")):
        place_of(url, allowed, lambda host, port: addresses)


@pytest.mark.parametrize(
    ("url", "addresses", "allowed"),
    [
        ("http://127.0.0.1:8000/a?b=1", ["127.0.0.1"], ()),
        ("http://LOCALHOST/a", ["127.0.0.1", "::1"], ()),
        ("http://[::1]:8000/a", ["::1"], ()),
        ("https://app.test/a", ["93.184.216.34"], ("app.test",)),
        ("http://app.test/a", ["127.0.0.1"], ("app.test",)),
    ],
)
def test_what_may_be_called_is_connected_to_at_the_address_that_was_judged(
    url: str, addresses: list[str], allowed: tuple[str, ...]
) -> None:
    place = place_of(url, allowed, lambda host, port: addresses)
    assert place.address == addresses[0]
    assert place.target.startswith("/a")


def test_a_name_that_serve_was_given_may_be_called(serve: Callable[..., Server]) -> None:
    desk = desk_of(serve("--webhook-host", "App.test"), "default")
    assert desk.put("/webhooks/vogent", {"url": "https://app.test/hook"}).status_code == 200
    assert problem(desk.put("/webhooks/vogent", {"url": "https://other.test/hook"}), 400)


@pytest.mark.parametrize("url", ["http://example.org/a", "ftp://127.0.0.1/", "http://10.0.0.1/"])
def test_an_address_that_would_not_be_called_is_refused_at_once(desk: Desk, url: str) -> None:
    assert problem(desk.put("/webhooks/vogent", {"url": url}), 400)["title"] == "Address not called"
    body = {"space": desk.space, "provider": "vogent", "event": "dial.created", "to": url}
    assert problem(desk.call("POST", "/deliveries", json=body), 400)


# The desk


def test_the_signatures_are_those_of_the_pages() -> None:
    """Computed by hand with openssl: printf BODY | openssl dgst -sha256 -hmac SECRET."""
    body, secret = '{"event":"dial.created"}', "shhh"
    name, value = signed(Signature("X-Elto-Signature", "{hmac}", "{body}"), body, secret, 5)
    assert name == "X-Elto-Signature"
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret], input=body.encode(), capture_output=True, check=True
    )
    assert value == done.stdout.decode().split()[-1]
    _, value = signed(Signature("x-retell-signature", "v={ms},d={hmac}", "{body}{ms}"), body, secret, 1762896364768)
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret],
        input=body.encode() + b"1762896364768",
        capture_output=True,
        check=True,
    )
    assert value == f"v=1762896364768,d={done.stdout.decode().split()[-1]}"
    assert signed(Signature("x", "{secret}", "{body}"), "{hmac}{ms}", secret, 5) == ("x", secret)


def test_every_documented_payload_fits_its_schema(specs: dict[str, Spec]) -> None:
    found = [(spec.provider, webhook) for spec in specs.values() for webhook in spec.webhooks.values()]
    assert {provider for provider, _ in found} == set(STORIES)
    for _, webhook in found:
        assert SchemaCheck(webhook.schema).differences(webhook.example) == []
        assert SchemaCheck(webhook.schema).differences({"event": "other", "message": {}}) != []


def test_the_addresses_are_shown_without_their_secrets_and_end(desk: Desk, receiver: Receiver) -> None:
    direct(desk, "vogent", f"{receiver.url}/events", events=["dial.created"], failures=[503])
    shown = desk.get("/webhooks")
    assert shown["webhooks"] == [
        {
            "provider": "vogent",
            "url": f"{receiver.url}/events",
            "events": ["dial.created"],
            "failures": [503],
            "space": desk.space,
        }
    ]
    assert shown["webhooks"][0] in desk.get("/webhooks", space="*")["webhooks"]
    assert SECRET not in json.dumps(shown)
    params = {"space": desk.space}
    assert desk.call("DELETE", "/webhooks/vogent", params=params).status_code == 204
    assert desk.get("/webhooks")["webhooks"] == []


def test_wrong_settings_are_told_what_would_be_right(desk: Desk) -> None:
    url = "http://127.0.0.1:9/"
    assert (
        "Did you mean dial.created"
        in problem(desk.put("/webhooks/vogent", {"url": url, "events": ["dial.create"]}), 400)["detail"]
    )
    assert "No page of teli names a webhook" in problem(desk.put("/webhooks/teli", {"url": url}), 400)["detail"]
    assert "0 for no answer" in problem(desk.put("/webhooks/vogent", {"url": url, "failures": [200]}), 400)["detail"]
    assert problem(desk.put("/webhooks/nobody", {"url": url}), 404)
    for params, said in (({"event": "dial.make"}, "dial.updated"), ({"state": "gone"}, "pending")):
        answer = desk.call("GET", "/deliveries", params={"space": desk.space, **params})
        assert said in problem(answer, 400)["detail"]
    assert problem(desk.call("GET", "/deliveries/7", params={"space": desk.space}), 404)
    assert problem(desk.call("GET", "/deliveries/x", params={"space": desk.space}), 404)


def test_deliveries_are_verified_by_what_they_contain(desk: Desk, receiver: Receiver) -> None:
    direct(desk, "vogent", f"{receiver.url}/events")
    rung = dial(desk, VOGENT, outcome="busy")
    advance(desk, 300)
    deliveries(desk, 4)
    wanted = {"space": desk.space, "event": "dial.updated", "state": "delivered", "call": rung["id"]}

    def verdict(**more: Any) -> Any:
        return desk.call("POST", "/deliveries/verify", json={**wanted, **more}).json()

    busy = {"payload": {"status": "busy"}}
    assert verdict(body=busy, times="exactly 1")["passed"] is True
    failed = verdict(body={"payload": {"status": "completed"}})
    assert (failed["passed"], failed["message"]) == (False, "expected at least 1, found 0")
    assert "expected 'completed', found 'busy'" in json.dumps(failed["differences"])
    assert verdict(times=2)["passed"] is True
    found = desk.get("/deliveries", contains='"STATUS":"busy"')["deliveries"]
    assert [one["event"] for one in found] == ["dial.updated"]
    assert len(desk.get("/deliveries", contains=receiver.url)["deliveries"]) == 4
    assert desk.get("/deliveries", contains="nobody said that")["deliveries"] == []


def test_deliveries_are_bounded() -> None:
    kept = Deliveries()
    for _ in range(DEFAULTS.deliveries_per_space + 5):
        kept.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "{}", "")
    assert len(kept) == DEFAULTS.deliveries_per_space
    assert next(iter(kept)).number == 6
    for _ in range(40):
        kept.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "x" * 1_000_000, "")
    assert len(kept) < 20


def test_deliveries_of_all_spaces_are_bounded_and_room_is_given_back() -> None:
    room = Room(5_000_000)
    quiet, loud = Deliveries(room), Deliveries(room)
    quiet.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "x" * 100_000, "")
    for _ in range(400):
        latest = loud.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "x" * 100_000, "")
        loud.tried(latest, Attempt(NOW, 500, None, "y" * 2_000, 1.0))
    assert len(quiet) == 1
    assert 40 < len(loud) < 50
    assert quiet.size + loud.size <= 5_000_000
    loud.close()
    loud.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "x" * 100_000, "")
    assert (len(loud), loud.size) == (0, 0)
    for _ in range(400):
        quiet.new(NOW, "vogent", "dial.created", None, "http://127.0.0.1/", "x" * 100_000, "")
    assert 40 < len(quiet) < 50


def test_the_command_line_sets_delivers_lists_verifies_and_replays(
    server: Server, desk: Desk, receiver: Receiver
) -> None:
    def run(*arguments: str) -> tuple[int, Any]:
        command = [*RINGBACK, *arguments, "--json", "--url", server.url, "--space", desk.space]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    to = f"{receiver.url}/hook"
    code, one = run("deliver", "vogent", "dial.transcript", "--to", to, "--secret", SECRET)
    assert (code, one["state"]) == (0, "delivered")
    assert receiver.received[0].json["payload"]["transcript"] == [{"text": "Hello?", "speaker": "HUMAN"}]
    assert SIGNED["vogent"](receiver.received[0], SECRET)
    receiver.statuses = [500]
    assert run("deliver", "vogent", "dial.transcript", "--to", to)[0] == 1
    assert [one["state"] for one in run("deliveries", "list")[1]["deliveries"]] == ["failed", "delivered"]
    assert run("deliveries", "verify", "--event", "dial.transcript", "--times", "exactly 2")[0] == 0
    assert run("deliveries", "verify", "--event", "dial.created")[0] == 1
    assert run("deliveries", "replay", "2")[1]["replay_of"] == 2
    code, shown = run("webhooks", "set", "vogent", to, "--secret", SECRET, "--event", "dial.created", "--fail", "500")
    assert (code, shown["failures"]) == (0, [500])
    assert run("webhooks", "clear", "vogent")[0] == 0


def test_an_event_of_a_call_is_delivered_with_its_facts(desk: Desk, receiver: Receiver) -> None:
    rung = dial(desk, VOGENT, outcome="answered")
    advance(desk, 300)
    body = {"provider": "vogent", "event": "dial.transcript", "to": f"{receiver.url}/a", "call": rung["id"]}
    one = desk.call("POST", "/deliveries", json={"space": desk.space, **body}).json()
    assert one["body"]["payload"]["dial_id"] == rung["id"]
    assert len(one["body"]["payload"]["transcript"]) == len(call(desk, rung["id"])["transcript"]) == 4
    assert problem(desk.call("POST", "/deliveries", json={"space": desk.space, **body, "call": "none"}), 404)


def test_teli_whose_pages_name_no_webhook_sends_none(desk: Desk, api: Callable[..., Client]) -> None:
    linked = {"inbound_agent_id": "agent_abc123"}
    assert api("teli").post(f"/v1/voice/phone-numbers/{TELI}/update-agent", json=linked).status_code == 200
    dial(desk, TELI)
    advance(desk, 300)
    assert desk.get("/deliveries")["deliveries"] == []
