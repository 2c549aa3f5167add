"""UponAI's assignments and agents, as a client sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from mock_server.catalogue import load_vendor
from mock_server.messages import Call
from mock_server.stores import MemoryStore, State

ACCOUNT = "29e90072-fb58-4c6c-870a-43005115131e"
OTHER_ACCOUNT = "6b1f2a3c-5d4e-4f60-8a7b-9c0d1e2f3a4b"
NUMBER = "+12137771235"
OTHER_ACCOUNTS_NUMBER = "+14155550134"
FIRST = "agent_d3c2df14e163c7ca8ac5b1bf38"
SECOND = "agent_1f864a29b7c2ab407103c88335"
OTHER_WORKSPACES_AGENT = "agent_8e5d0c4b3a29187f6e5d4c3b2a"
UNKNOWN_AGENT = "agent_00000000000000000000000000"
WEBHOOK = "https://app.uponai.com/inbound-dynamic-vars/1/uponaiworkspace-913"
BOTH = [{"agent_id": FIRST, "agent_version": 0, "weight": 0.5}, {"agent_id": SECOND, "agent_version": 0, "weight": 0.5}]
DOCUMENTED = {
    "accountSid": ACCOUNT,
    "workspaceId": 1,
    "outboundAgentId": FIRST,
    "outboundAgentVersion": 0,
    "inboundAgents": BOTH,
    "inboundWebhookUrl": WEBHOOK,
    "isTimeRoutingEnabled": False,
}
OUTBOUND = [{"agent_id": FIRST, "agent_version": 0, "weight": 1}]
ASSIGNMENT = {
    "account_sid": ACCOUNT,
    "workspace_id": 1,
    "agent_id": FIRST,
    "inbound_agent_id": FIRST,
    "outbound_agents": OUTBOUND,
    "inbound_agents": BOTH,
    "is_time_routing_enabled": False,
    "platform_import_error": False,
}
ROW = {
    "id": 123,
    "number": NUMBER,
    "base_number": "12137771235",
    "default_agent_id": FIRST,
    "inbound_agent_version": 0,
    "outbound_agent_version": 0,
    "application_sid": "0f4c1d2e-3b5a-4c6d-8e7f-90a1b2c3d4e5",
    "phone_number_sid": "7d8e9fa0-b1c2-4d3e-8f4a-5b6c7d8e9fa0",
    "inbound_webhook_url": WEBHOOK,
    **ASSIGNMENT,
}
NEW_AGENT = {
    "workspaceId": 1,
    "agent_name": "Night Desk",
    "voice_id": "11labs-Adrian",
    "response_engine": {"type": "retell-llm", "llm_id": "llm_0c1d2e3f4a5b6c7d8e9f0a1b2c3d"},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def client(api: Callable[..., Any]) -> Any:
    return api("uponai")


def assign(client: Any, number: str = NUMBER, **fields: Any) -> Any:
    body = {"accountSid": ACCOUNT, "workspaceId": 1, **fields}
    return client.put(f"/api/numbers/{number}/agent", json=body)


def numbers(client: Any, account: str = ACCOUNT) -> Any:
    return client.get(f"/api/numbers/{account}").json()["numbers"]


def agent(client: Any, agent_id: str = FIRST, **query: Any) -> Any:
    return client.get(f"/api/agents/{agent_id}", params={"workspaceId": 1, **query})


def agents(client: Any, **query: Any) -> Any:
    return client.get("/api/agents", params={"workspaceId": 1, **query})


def update(client: Any, agent_id: str = FIRST, version: int | None = None, **fields: Any) -> Any:
    return client.patch(f"/api/agents/{agent_id}", params={"version": version}, json={"workspaceId": 1, **fields})


def refused(response: Any, status: int, message: str) -> None:
    assert (response.status_code, response.json()) == (status, {"success": False, "message": message})


# Assignment


def test_the_documented_request_gets_the_documented_shape(client: Any) -> None:
    response = client.put(f"/api/numbers/{NUMBER}/agent", json=DOCUMENTED)
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "message": "Phone number assignment updated",
        "numbers": [ROW],
        "assignment": ASSIGNMENT,
    }
    assert response.headers["X-Ringback-Evidence"] == "seed"


@pytest.mark.parametrize("spelling", [NUMBER, "%2B12137771235", "12137771235"])
def test_a_number_is_found_with_a_plus_an_encoded_plus_and_by_its_base_number(client: Any, spelling: str) -> None:
    response = client.put(f"/api/numbers/{spelling}/agent", json=DOCUMENTED)
    assert response.json()["numbers"] == [ROW]


def test_an_extension_is_its_own_base_number(client: Any) -> None:
    row = client.put("/api/numbers/334/agent", json=DOCUMENTED).json()["numbers"][0]
    assert (row["number"], row["base_number"], row["inbound_agents"]) == ("334", "334", BOTH)


def test_an_assignment_shows_in_the_accounts_list_and_changes_no_other_number(client: Any) -> None:
    before = numbers(client)
    client.put(f"/api/numbers/{NUMBER}/agent", json=DOCUMENTED)
    assert numbers(client) == [ROW, before[1]]


def test_a_new_space_has_a_number_with_the_webhook_and_an_extension_both_bound_to_nobody(client: Any) -> None:
    first, extension = numbers(client)
    bound_fields = {"agent_id", "default_agent_id", "inbound_agent_id", "inbound_agent_version"}
    assert not (bound_fields | {"outbound_agent_version"}) & {*first, *extension}
    assert first["inbound_agents"] == first["outbound_agents"] == extension["inbound_agents"] == []
    assert first["inbound_webhook_url"] == WEBHOOK
    assert "inbound_webhook_url" not in extension


def test_what_is_not_sent_keeps_its_value(client: Any) -> None:
    client.put(f"/api/numbers/{NUMBER}/agent", json=DOCUMENTED)
    assert assign(client).json()["numbers"] == [ROW]
    assert assign(client, isTimeRoutingEnabled=True).json()["numbers"] == [{**ROW, "is_time_routing_enabled": True}]


def test_null_removes_the_outbound_agent_and_its_version(client: Any) -> None:
    client.put(f"/api/numbers/{NUMBER}/agent", json=DOCUMENTED)
    row = assign(client, outboundAgentId=None).json()["numbers"][0]
    assert row["outbound_agents"] == []
    assert "outbound_agent_version" not in row
    assert row["inbound_agents"] == BOTH


def test_an_empty_list_removes_the_inbound_agents(client: Any) -> None:
    client.put(f"/api/numbers/{NUMBER}/agent", json=DOCUMENTED)
    assert assign(client, inboundAgents=[]).json()["assignment"] == {
        "account_sid": ACCOUNT,
        "workspace_id": 1,
        "outbound_agents": OUTBOUND,
        "inbound_agents": [],
        "is_time_routing_enabled": False,
        "platform_import_error": False,
    }


def test_null_removes_the_webhook(client: Any) -> None:
    assert "inbound_webhook_url" not in assign(client, inboundWebhookUrl=None).json()["numbers"][0]


def test_removing_what_is_not_there_is_no_error(client: Any) -> None:
    before = numbers(client)
    assert assign(client, "334", outboundAgentId=None, inboundAgents=[], inboundWebhookUrl=None).status_code == 200
    assert numbers(client) == before


def test_the_first_inbound_agent_is_the_numbers_agent(client: Any) -> None:
    inbound = [{"agent_id": SECOND, "weight": 0.75}, {"agent_id": FIRST, "agent_version": 0, "weight": 0.25}]
    row = assign(client, inboundAgents=inbound).json()["numbers"][0]
    assert row["inbound_agents"] == inbound
    assert row["agent_id"] == row["default_agent_id"] == row["inbound_agent_id"] == SECOND
    assert "inbound_agent_version" not in row


def test_an_agent_without_a_version_is_not_pinned(client: Any) -> None:
    assert assign(client, outboundAgentId=SECOND).json()["assignment"]["outbound_agents"] == [
        {"agent_id": SECOND, "weight": 1}
    ]


def test_a_version_sent_alone_pins_the_bound_agent(client: Any) -> None:
    assign(client, outboundAgentId=FIRST)
    assert assign(client, outboundAgentVersion=0).json()["assignment"]["outbound_agents"] == OUTBOUND
    assert assign(client, outboundAgentId=FIRST).json()["assignment"]["outbound_agents"] == OUTBOUND


def test_another_outbound_agent_does_not_inherit_the_version(client: Any) -> None:
    assign(client, outboundAgentId=FIRST, outboundAgentVersion=0)
    row = assign(client, outboundAgentId=SECOND).json()["numbers"][0]
    assert row["outbound_agents"] == [{"agent_id": SECOND, "weight": 1}]
    assert "outbound_agent_version" not in row


@pytest.mark.parametrize("fields", [{}, {"outboundAgentId": None}])
def test_a_version_without_an_agent_is_refused(client: Any, fields: dict[str, Any]) -> None:
    message = "outboundAgentVersion: there is no outbound agent whose version it could be"
    refused(assign(client, outboundAgentVersion=0, **fields), 400, message)


@pytest.mark.parametrize("missing", ["accountSid", "workspaceId"])
def test_account_and_workspace_are_required(client: Any, missing: str) -> None:
    body = {name: value for name, value in DOCUMENTED.items() if name != missing}
    refused(client.put(f"/api/numbers/{NUMBER}/agent", json=body), 400, f"{missing} is required")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("accountSid", 1, "accountSid: a number found, string is required"),
        ("workspaceId", "1", "workspaceId: a string found, integer is required"),
        ("outboundAgentVersion", None, "outboundAgentVersion: null found, integer is required"),
        ("inboundAgents", None, "inboundAgents: null found, array is required"),
        ("inboundAgents", [{"weight": 1}], "inboundAgents.0.agent_id is required"),
        ("inboundAgents", [{"agent_id": FIRST}], "inboundAgents.0.weight is required"),
        ("isTimeRoutingEnabled", "no", "isTimeRoutingEnabled: a string found, boolean is required"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(client: Any, field: str, value: Any, message: str) -> None:
    refused(assign(client, **{field: value}), 400, message)


@pytest.mark.parametrize("url", ["", "/inbound", "app.uponai.com", "ftp://app.uponai.com/", "https://", "http://a b/"])
def test_a_webhook_is_an_absolute_http_url(client: Any, url: str) -> None:
    refused(assign(client, inboundWebhookUrl=url), 400, "inboundWebhookUrl must be an absolute http or https URL")


@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.5, 0.6), (0.5, 0.50001), (1, 1)])
def test_weights_add_up_to_one(client: Any, weights: tuple[float, float]) -> None:
    inbound = [{"agent_id": id, "weight": weight} for id, weight in zip((FIRST, SECOND), weights, strict=True)]
    refused(assign(client, inboundAgents=inbound), 400, "inboundAgents: the weights must add up to 1")


def test_weights_may_be_a_millionth_off(client: Any) -> None:
    inbound = [{"agent_id": FIRST, "weight": 0.3333333}, {"agent_id": SECOND, "weight": 0.6666666}]
    assert assign(client, inboundAgents=inbound).status_code == 200


@pytest.mark.parametrize("weight", [0, -0.5, 1.5, 100])
def test_a_weight_is_above_zero_and_at_most_one(client: Any, weight: float) -> None:
    response = assign(client, inboundAgents=[{"agent_id": FIRST, "weight": weight}])
    assert response.status_code == 400
    assert response.json()["message"].startswith("inboundAgents.0.weight: ")


def test_no_agent_is_listed_twice(client: Any) -> None:
    inbound = [{"agent_id": FIRST, "agent_version": 0, "weight": 0.5}, {"agent_id": FIRST, "weight": 0.5}]
    refused(assign(client, inboundAgents=inbound), 400, f"inboundAgents: agent {FIRST} is listed twice")


@pytest.mark.parametrize("agent_id", [UNKNOWN_AGENT, OTHER_WORKSPACES_AGENT, ""])
def test_agents_are_of_the_workspace(client: Any, agent_id: str) -> None:
    refused(assign(client, outboundAgentId=agent_id), 400, f"outboundAgentId: agent {agent_id} not found")
    inbound = [{"agent_id": FIRST, "weight": 0.5}, {"agent_id": agent_id, "weight": 0.5}]
    refused(assign(client, inboundAgents=inbound), 400, f"inboundAgents.1.agent_id: agent {agent_id} not found")


@pytest.mark.parametrize("version", [-1, 1, 10**20])
def test_a_version_is_one_of_the_agents_own(client: Any, version: int) -> None:
    response = assign(client, outboundAgentId=FIRST, outboundAgentVersion=version)
    refused(response, 400, f"outboundAgentVersion: agent {FIRST} has no version {version}")
    response = assign(client, inboundAgents=[{"agent_id": FIRST, "agent_version": version, "weight": 1}])
    refused(response, 400, f"inboundAgents.0.agent_version: agent {FIRST} has no version {version}")


@pytest.mark.parametrize("number", ["+12135550000", "335", OTHER_ACCOUNTS_NUMBER])
def test_an_unknown_number_and_one_of_another_account_are_not_found(client: Any, number: str) -> None:
    refused(assign(client, number), 404, f"Number {number} not found")


def test_another_account_is_a_world_of_its_own(client: Any) -> None:
    theirs = {"accountSid": OTHER_ACCOUNT, "workspaceId": 2, "outboundAgentId": OTHER_WORKSPACES_AGENT}
    assert client.put(f"/api/numbers/{OTHER_ACCOUNTS_NUMBER}/agent", json=theirs).status_code == 200
    assert [row["number"] for row in numbers(client, OTHER_ACCOUNT)] == [OTHER_ACCOUNTS_NUMBER]
    refused(assign(client, accountSid=OTHER_ACCOUNT), 404, "Workspace 1 not found")
    refused(assign(client, workspaceId=2), 404, "Workspace 2 not found")


def test_body_account_workspace_number_and_agents_are_checked_in_that_order(client: Any) -> None:
    wrong = {
        "inboundAgents": [{"agent_id": FIRST, "weight": 0.9}],
        "accountSid": "nobody",
        "workspaceId": 9,
        "outboundAgentId": UNKNOWN_AGENT,
    }
    refused(assign(client, "335", **wrong), 400, "inboundAgents: the weights must add up to 1")
    del wrong["inboundAgents"]
    refused(assign(client, "335", **wrong), 404, "Account nobody not found")
    del wrong["accountSid"]
    refused(assign(client, "335", **wrong), 404, "Workspace 9 not found")
    del wrong["workspaceId"]
    refused(assign(client, "335", **wrong), 404, "Number 335 not found")
    refused(assign(client, **wrong), 400, f"outboundAgentId: agent {UNKNOWN_AGENT} not found")


def test_a_refused_assignment_changes_nothing(client: Any) -> None:
    before = numbers(client)
    assert assign(client, inboundAgents=BOTH, outboundAgentId=UNKNOWN_AGENT).status_code == 400
    assert numbers(client) == before


def test_the_numbers_of_an_unknown_account_are_not_found(client: Any) -> None:
    refused(client.get("/api/numbers/nobody"), 404, "Account nobody not found")


def test_a_missing_and_a_wrong_token_are_refused(client: Any, api: Callable[..., Any]) -> None:
    response = client.get(f"/api/numbers/{ACCOUNT}", headers={"Authorization": None})
    refused(response, 401, "A bearer token is required")
    refused(api("uponai", "nobody").get(f"/api/numbers/{ACCOUNT}"), 401, "The bearer token is invalid")


def test_the_path_of_an_assignment_takes_put_only(client: Any) -> None:
    response = client.get(f"/api/numbers/{NUMBER}/agent")
    refused(response, 405, "Method not allowed")
    assert response.headers["Allow"] == "PUT, OPTIONS"


class ScanForbidden(State):
    """A state in which nobody may walk over all records of a kind."""

    def all(self, kind: str, *, look: bool = False) -> Iterator[dict[str, Any]]:
        raise AssertionError(f"all {kind} were read")


def test_an_assignment_reads_no_more_records_when_there_are_more_numbers() -> None:
    vendor, store = load_vendor("uponai"), MemoryStore()
    now = datetime(2025, 11, 20, tzinfo=UTC)
    with store.transaction("test") as transaction:
        vendor.fixtures.fill(transaction, vendor.spec)
        state = ScanForbidden(transaction, "uponai", vendor.spec.records)
        for number in (NUMBER, NUMBER[1:], "334"):
            call = Call("updatePhoneNumberAssignment", {"number": number}, {}, DOCUMENTED, now, Random(1))
            assert vendor.behaviours[call.operation](call, state).name == "updated"


# Agents


def test_a_new_agent_is_in_version_0_and_can_be_bound_at_once(client: Any) -> None:
    response = client.post("/api/agents", json={**NEW_AGENT, "response_threshold": 0.4})
    made = response.json()
    assert response.status_code == 201
    assert re.fullmatch(r"agent_[0-9a-f]{26}", made["agent_id"])
    assert TIME.fullmatch(made["created_at"])
    assert made == {
        "agent_id": made["agent_id"],
        "version": 0,
        "agent_name": "Night Desk",
        "voice_id": "11labs-Adrian",
        "response_engine": NEW_AGENT["response_engine"],
        "response_threshold": 0.4,
        "interruption_sensitivity": None,
        "ambient_sound": None,
        "responsiveness": None,
        "max_call_duration_ms": None,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert agent(client, made["agent_id"]).json() == made
    assert assign(client, outboundAgentId=made["agent_id"], outboundAgentVersion=0).status_code == 200


@pytest.mark.parametrize("missing", NEW_AGENT)
def test_an_agent_needs_workspace_name_voice_and_engine(client: Any, missing: str) -> None:
    body = {name: value for name, value in NEW_AGENT.items() if name != missing}
    refused(client.post("/api/agents", json=body), 400, f"{missing} is required")


def test_the_first_update_makes_a_draft_and_leaves_the_published_version_alone(client: Any) -> None:
    published = agent(client).json()
    draft = update(client, responsiveness="0.5").json()
    assert draft == {**published, "version": 1, "responsiveness": "0.5", "updated_at": draft["updated_at"]}
    assert agent(client).json() == agent(client, version=1).json() == draft
    versions = client.get(f"/api/agents/{FIRST}/versions", params={"workspaceId": 1}).json()
    assert versions == [
        {"agent_id": FIRST, "version": 0, "updated_at": published["updated_at"]},
        {"agent_id": FIRST, "version": 1, "updated_at": draft["updated_at"]},
    ]


def test_later_updates_change_the_draft_and_keep_what_is_not_sent(client: Any) -> None:
    update(client, responsiveness="0.5")
    draft = update(client, version=1, max_call_duration_ms=1800000).json()
    assert (draft["version"], draft["responsiveness"], draft["max_call_duration_ms"]) == (1, "0.5", 1800000)


def test_a_number_may_be_pinned_to_the_draft_or_to_the_published_version(client: Any) -> None:
    update(client, responsiveness="0.5")
    for version in (0, 1):
        row = assign(client, outboundAgentId=FIRST, outboundAgentVersion=version).json()["numbers"][0]
        assert row["outbound_agent_version"] == version


def test_only_the_draft_can_be_named_in_an_update(client: Any) -> None:
    refused(update(client, version=1), 404, f"Agent {FIRST} has no draft of version 1")
    refused(update(client, version=0), 400, "version: 0 is less than the minimum of 1")
    assert agent(client).json()["version"] == 0


def test_a_version_is_read_from_1_on(client: Any) -> None:
    refused(agent(client, version=0), 400, "version: 0 is less than the minimum of 1")
    refused(agent(client, version=1), 404, f"Agent {FIRST} has no version 1")


def test_an_agent_of_another_workspace_is_not_found(client: Any) -> None:
    message = f"Agent {OTHER_WORKSPACES_AGENT} not found"
    refused(agent(client, OTHER_WORKSPACES_AGENT), 404, message)
    refused(update(client, OTHER_WORKSPACES_AGENT), 404, message)
    path = f"/api/agents/{OTHER_WORKSPACES_AGENT}/versions"
    refused(client.get(path, params={"workspaceId": 1}), 404, message)
    assert agent(client, OTHER_WORKSPACES_AGENT, workspaceId=2).status_code == 200


def test_agents_are_a_bare_array_of_the_workspaces_versions(client: Any) -> None:
    update(client)
    assert agents(client).json() == [
        {"agent_id": FIRST, "version": 0, "agent_name": "Front Desk"},
        {"agent_id": FIRST, "version": 1, "agent_name": "Front Desk"},
        {"agent_id": SECOND, "version": 0, "agent_name": "Front Desk B"},
    ]
    assert [row["agent_id"] for row in agents(client, workspaceId=2).json()] == [OTHER_WORKSPACES_AGENT]


def test_pages_of_one_give_the_whole_list(client: Any) -> None:
    update(client)
    client.post("/api/agents", json=NEW_AGENT)
    page, seen = agents(client, limit=1).json(), []
    while page:
        seen += page
        key = {"paginationKey": page[-1]["agent_id"], "paginationKeyVersion": page[-1]["version"]}
        page = agents(client, limit=1, **key).json()
    assert seen == agents(client).json()
    assert len(seen) == 4


def test_without_a_version_the_page_begins_after_the_whole_agent(client: Any) -> None:
    update(client)
    assert [row["agent_id"] for row in agents(client, paginationKey=FIRST).json()] == [SECOND]
    assert agents(client, paginationKey=SECOND).json() == []


@pytest.mark.parametrize("key", [UNKNOWN_AGENT, OTHER_WORKSPACES_AGENT])
def test_an_unknown_pagination_key_is_refused(client: Any, key: str) -> None:
    refused(agents(client, paginationKey=key), 400, f"paginationKey: agent {key} not found")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (0, "limit: 0 is less than the minimum of 1"),
        (1001, "limit: 1001 is greater than the maximum of 1000"),
        ("all", "limit: a string found, integer is required"),
    ],
)
def test_a_page_has_1_to_1000_rows(client: Any, limit: Any, message: str) -> None:
    refused(agents(client, limit=limit), 400, message)


@pytest.mark.parametrize("path", ["/api/agents", f"/api/agents/{FIRST}", f"/api/agents/{FIRST}/versions"])
def test_reading_agents_needs_a_known_workspace(client: Any, path: str) -> None:
    refused(client.get(path), 400, "workspaceId is required")
    refused(client.get(path, params={"workspaceId": 9}), 404, "Workspace 9 not found")


def test_an_integer_of_any_length_is_answered(client: Any) -> None:
    assert agents(client, workspaceId="9" * 5000).status_code == 400
