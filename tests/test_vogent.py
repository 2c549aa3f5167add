"""Vogent's numbers and agents, as a client sees them; what is for sale; and what must never be kept of a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import pytest

from mock_server.catalogue import load_vendor, open_services
from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call, Refusal, Request
from mock_server.stores import MemoryStore, Row, State
from mock_server.values.numbering import fictitious_blocks

NUMBERS = "/api/phone_numbers"
SEARCH = f"{NUMBERS}/search"
PURCHASE = f"{NUMBERS}/purchase"
AGENTS = "/api/agents"
NUMBER_ID = "1caec78c-4bba-477d-82cf-bcfce2b73856"
SIP_ID = "7d0a3c52-93f1-4d0e-8a6b-5e1f20c4b9d7"
RECEPTIONIST_ID = "61ccefdf-ea02-4f49-811b-1241f8e20d26"
SALES_ID = "b0e5a7f4-2c68-4f7b-9d13-6a8c4e2f1b05"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
NUMBER = f"{NUMBERS}/{NUMBER_ID}"
DOCUMENTED = {"id": NUMBER_ID, "number": "+18001234567", "type": "PSTN", "agentId": None}
SIP = {"id": SIP_ID, "number": "acme-support", "type": "SIP_USERNAME", "agentId": None}
PROMPT = {"aiModelId": "model", "agentType": "STANDARD", "name": "v1"}
AGENT = {"name": "Night desk", "defaultVoiceId": "voice", "defaultVersionedPrompt": PROMPT}
TRUNK = {"terminationUri": "fra.eu.out.didww.com", "username": "u", "password": "p"}
SIP_USER = {"username": "acmeuser", "password": "secret1"}
HUNTER = {"username": "hunter2", "password": "hunter2"}
INVALID_INPUT = (400, {"message": "Invalid input"})
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def client(api: Callable[..., Any]) -> Any:
    return api("vogent")


def said(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def refused(response: Any) -> list[dict[str, str]]:
    """The errors of a 422."""
    body = response.json()
    assert (response.status_code, body["message"], list(body)) == (422, "Validation exception", ["message", "errors"])
    assert all(list(error) == ["field", "message"] for error in body["errors"])
    errors: list[dict[str, str]] = body["errors"]
    return errors


def buy(client: Any, number: str) -> dict[str, Any]:
    response = client.post(NUMBERS, json={"type": "purchase", "purchase": {"number": number}})
    assert response.status_code == 200, response.text
    bought: dict[str, Any] = response.json()
    return bought


def found(client: Any, prefix: str, **more: Any) -> list[str]:
    response = client.post(SEARCH, json={"prefix": prefix, **more})
    assert response.status_code == 200, response.text
    return [row["number"] for row in response.json()]


def numbers(client: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(NUMBERS).json()["data"]
    return rows


# Keys, paths, bodies


def test_a_new_space_has_the_pages_number_a_sip_username_and_two_agents_all_unlinked(client: Any) -> None:
    assert said(client.get(NUMBERS)) == (200, {"data": [DOCUMENTED, SIP], "cursor": None})
    agents = client.get(AGENTS).json()
    assert [agent["id"] for agent in agents["data"]] == [RECEPTIONIST_ID, SALES_ID]
    assert agents["cursor"] is None


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer no-such-key", "Basic YOUR_API_KEY", "YOUR_API_KEY"]
)
def test_a_missing_or_wrong_bearer_token_is_unauthorized(client: Any, authorization: str | None) -> None:
    assert said(client.get(AGENTS, headers={"Authorization": authorization})) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize("path", ["/api/phone-numbers", "/phone_numbers", f"{NUMBER}/agent", "/api/dialers"])
def test_only_the_documented_paths_exist(client: Any, path: str) -> None:
    assert said(client.get(path)) == (404, {"message": "Not found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", NUMBER, {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
        ("DELETE", NUMBERS, {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PATCH", f"{AGENTS}/{RECEPTIONIST_ID}", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ],
)
def test_another_method_is_answered_with_those_allowed(client: Any, method: str, path: str, allowed: set[str]) -> None:
    answer = client.request(method, path)
    assert said(answer) == (405, {"message": "Method not allowed"})
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', "7", '{"agentId": "",}'])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", NUMBERS), ("PUT", NUMBER), ("POST", SEARCH), ("POST", PURCHASE), ("POST", AGENTS)],
)
def test_a_body_that_is_no_json_object_is_invalid_input(client: Any, method: str, path: str, body: str) -> None:
    answer = client.request(method, path, data=body, headers={"Content-Type": "application/json"})
    assert said(answer) == INVALID_INPUT


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{NUMBERS}/{UNKNOWN_ID}", None),
        ("PUT", f"{NUMBERS}/{UNKNOWN_ID}", {"agentId": ""}),
        ("PUT", f"{NUMBERS}/{UNKNOWN_ID}", {"agentId": UNKNOWN_ID}),
        ("DELETE", f"{NUMBERS}/{UNKNOWN_ID}", None),
        ("GET", f"{NUMBERS}/+18001234567", None),
        ("GET", f"{NUMBERS}/{RECEPTIONIST_ID}", None),
        ("GET", PURCHASE, None),
        ("PUT", f"{AGENTS}/{UNKNOWN_ID}", {}),
        ("DELETE", f"{AGENTS}/{UNKNOWN_ID}", None),
        ("DELETE", f"{AGENTS}/{NUMBER_ID}", None),
    ],
)
def test_an_unknown_id_in_the_path_is_invalid_input(client: Any, method: str, path: str, body: Any) -> None:
    assert said(client.request(method, path, json=body)) == INVALID_INPUT


# Reading and linking a number


def test_a_number_is_read_by_its_id(client: Any) -> None:
    assert said(client.get(NUMBER)) == (200, DOCUMENTED)
    assert said(client.get(f"{NUMBERS}/{SIP_ID}")) == (200, SIP)


def test_a_linked_number_shows_its_agent_everywhere(client: Any) -> None:
    linked = {**DOCUMENTED, "agentId": RECEPTIONIST_ID}
    assert said(client.put(NUMBER, json={"agentId": RECEPTIONIST_ID})) == (200, linked)
    assert client.get(NUMBER).json() == linked
    assert numbers(client) == [linked, SIP]


def test_a_number_is_linked_to_the_agent_sent_last(client: Any) -> None:
    client.put(NUMBER, json={"agentId": RECEPTIONIST_ID})
    assert client.put(NUMBER, json={"agentId": SALES_ID}).json()["agentId"] == SALES_ID
    assert client.get(NUMBER).json()["agentId"] == SALES_ID


def test_an_empty_agent_id_unlinks_and_the_number_shows_null_everywhere(client: Any) -> None:
    client.put(NUMBER, json={"agentId": RECEPTIONIST_ID})
    assert said(client.put(NUMBER, json={"agentId": ""})) == (200, DOCUMENTED)
    assert client.get(NUMBER).json() == DOCUMENTED
    assert numbers(client) == [DOCUMENTED, SIP]


@pytest.mark.parametrize("body", [{}, {"number": "+15105550100", "type": "SIP_USERNAME", "id": "x"}])
def test_a_body_without_agent_id_changes_nothing(client: Any, body: dict[str, str]) -> None:
    client.put(NUMBER, json={"agentId": RECEPTIONIST_ID})
    assert said(client.put(NUMBER, json=body)) == (200, {**DOCUMENTED, "agentId": RECEPTIONIST_ID})


@pytest.mark.parametrize(
    ("agent_id", "message"),
    [
        (UNKNOWN_ID, f"there is no agent {UNKNOWN_ID}"),
        (NUMBER_ID, f"there is no agent {NUMBER_ID}"),
        ("agentId", "there is no agent agentId"),
        (7, "agentId: a number found, string is required"),
        (None, "agentId: null found, string is required"),
        (["a"], "agentId: an array found, string is required"),
    ],
)
def test_an_agent_id_that_is_none_is_a_validation_exception_and_changes_nothing(
    client: Any, agent_id: Any, message: str
) -> None:
    client.put(NUMBER, json={"agentId": RECEPTIONIST_ID})
    assert refused(client.put(NUMBER, json={"agentId": agent_id})) == [{"field": "agentId", "message": message}]
    assert client.get(NUMBER).json()["agentId"] == RECEPTIONIST_ID


# Pages


def pages(client: Any, path: str, limit: int) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = client.get(path, params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        yield page.json()
        cursor = page.json()["cursor"]
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 1000])
def test_pages_hold_every_number_once_in_the_order_of_creation_and_no_cursor_repeats(client: Any, limit: int) -> None:
    bought = [buy(client, number)["number"] for number in found(client, "510")]
    seen = list(pages(client, NUMBERS, limit))
    assert [row["number"] for page in seen for row in page["data"]] == ["+18001234567", "acme-support", *bought]
    assert all(len(page["data"]) == limit for page in seen[:-1])
    assert 0 < len(seen[-1]["data"]) <= limit
    cursors = [page["cursor"] for page in seen]
    assert cursors[-1] is None
    assert len(set(cursors)) == len(cursors)


def test_a_page_holds_a_hundred_numbers_by_default(client: Any) -> None:
    for line in range(100):
        buy(client, f"+15105550{line:03d}")
    page = client.get(NUMBERS).json()
    assert len(page["data"]) == 100
    assert len(client.get(NUMBERS, params={"cursor": page["cursor"]}).json()["data"]) == 2


def test_numbers_that_come_and_go_between_pages_are_neither_repeated_nor_hide_others(client: Any) -> None:
    bought = [buy(client, number) for number in found(client, "510")]
    first = client.get(NUMBERS, params={"limit": 4}).json()
    assert [row["id"] for row in first["data"]] == [NUMBER_ID, SIP_ID, bought[0]["id"], bought[1]["id"]]
    client.delete(NUMBER)
    client.delete(f"{NUMBERS}/{bought[1]['id']}")
    client.delete(f"{NUMBERS}/{bought[2]['id']}")
    again = buy(client, bought[1]["number"])
    client.put(f"{NUMBERS}/{bought[0]['id']}", json={"agentId": SALES_ID})
    second = client.get(NUMBERS, params={"limit": 4, "cursor": first["cursor"]}).json()
    assert second == {"data": [bought[3], bought[4], again], "cursor": None}


def test_a_cursor_whose_followers_are_gone_leads_to_an_empty_last_page(client: Any) -> None:
    first = client.get(NUMBERS, params={"limit": 1}).json()
    client.delete(f"{NUMBERS}/{SIP_ID}")
    assert client.get(NUMBERS, params={"cursor": first["cursor"]}).json() == {"data": [], "cursor": None}


def test_agents_come_in_pages_too(client: Any) -> None:
    created = [client.post(AGENTS, json=AGENT).json()["id"] for _ in range(3)]
    ids = [row["id"] for page in pages(client, AGENTS, 2) for row in page["data"]]
    assert ids == [RECEPTIONIST_ID, SALES_ID, *created]


@pytest.mark.parametrize("path", [NUMBERS, AGENTS])
@pytest.mark.parametrize("limit", ["0", "-1", "1001", "ten", "", "1.5", "1e2", "9" * 30])
def test_a_limit_that_cannot_be_used_is_invalid_input(client: Any, path: str, limit: str) -> None:
    assert said(client.get(path, params={"limit": limit})) == INVALID_INPUT


def test_a_cursor_that_was_never_handed_out_is_invalid_input(client: Any) -> None:
    cursor = client.get(NUMBERS, params={"limit": 1}).json()["cursor"]
    zeroth, padded, boundless = "bnVtYmVyczow", "bnVtYmVyczowMQ", "bnVtYmVyczo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"
    for bad in ("", "null", "1", "%%%", "é", cursor[:-1], cursor + "=", cursor + "\n", zeroth, padded, boundless):
        assert said(client.get(NUMBERS, params={"cursor": bad})) == INVALID_INPUT, bad
    assert said(client.get(AGENTS, params={"cursor": cursor})) == INVALID_INPUT


# Creating a number


@pytest.mark.parametrize(
    ("body", "number", "type"),
    [
        ({"type": "purchase", "purchase": {"number": "+15105550100"}}, "+15105550100", "PSTN"),
        ({"type": "sip_import", "sipImport": {"phoneNumber": "+33144556677", **TRUNK}}, "+33144556677", "PSTN"),
        ({"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", **SIP_USER}}, "acme", "SIP_USERNAME"),
        (
            {"type": "purchase", "purchase": {"number": "+447700900123"}, "sipImport": None, "vogentSip": None},
            "+447700900123",
            "PSTN",
        ),
    ],
)
def test_a_number_of_each_kind_is_created_unlinked(client: Any, body: Any, number: str, type: str) -> None:
    answer = client.post(NUMBERS, json=body)
    created = answer.json()
    assert (answer.status_code, {**created, "id": ""}) == (
        200,
        {"id": "", "number": number, "type": type, "agentId": None},
    )
    assert list(created) == ["id", "number", "type", "agentId"]
    assert UUID.fullmatch(created["id"])
    assert client.get(f"{NUMBERS}/{created['id']}").json() == created
    assert numbers(client) == [DOCUMENTED, SIP, created]


def test_the_deprecated_path_purchases_too(client: Any) -> None:
    bought = client.post(PURCHASE, json={"number": "+15105550100"}).json()
    assert (
        numbers(client)[-1] == bought == {"id": bought["id"], "number": "+15105550100", "type": "PSTN", "agentId": None}
    )


@pytest.mark.parametrize(
    "number",
    [
        "+18001234567",
        "+18005550100",
        "+15105551212",
        "+15105560100",
        "+19995550100",
        "+1510555010",
        "+151055501000",
        "15105550100",
        "+33144556677",
        "+442079461000",
        "+44207946000",
        "+15105550100\n",
        "+1510555\u0660100",
        "",
    ],
)
def test_a_number_that_nobody_sells_cannot_be_purchased(client: Any, number: str) -> None:
    error = {"message": f"{number} cannot be purchased"}
    response = client.post(NUMBERS, json={"type": "purchase", "purchase": {"number": number}})
    assert refused(response) == [{"field": "purchase.number", **error}]
    assert refused(client.post(PURCHASE, json={"number": number})) == [{"field": "number", **error}]
    assert numbers(client) == [DOCUMENTED, SIP]


def test_a_number_is_purchased_only_once_by_either_path_and_is_for_sale_again_once_deleted(client: Any) -> None:
    bought = buy(client, "+15105550100")
    errors = refused(client.post(NUMBERS, json={"type": "purchase", "purchase": {"number": "+15105550100"}}))
    assert errors == [{"field": "purchase.number", "message": "+15105550100 cannot be purchased"}]
    refused(client.post(PURCHASE, json={"number": "+15105550100"}))
    client.delete(f"{NUMBERS}/{bought['id']}")
    assert buy(client, "+15105550100")["id"] != bought["id"]


def test_a_number_or_sip_username_that_is_held_cannot_be_created_again(client: Any) -> None:
    imported = client.post(NUMBERS, json={"type": "sip_import", "sipImport": {"phoneNumber": "+18001234567", **TRUNK}})
    assert refused(imported) == [{"field": "sipImport.phoneNumber", "message": "+18001234567 is held already"}]
    opened = client.post(NUMBERS, json={"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme-support", **SIP_USER}})
    assert refused(opened) == [{"field": "vogentSip.sipPrefix", "message": "acme-support is held already"}]
    assert numbers(client) == [DOCUMENTED, SIP]


def test_an_imported_number_cannot_be_purchased_and_is_not_found(client: Any) -> None:
    body = {"type": "sip_import", "sipImport": {"phoneNumber": "+15105550000", **TRUNK}}
    assert client.post(NUMBERS, json=body).status_code == 200
    refused(client.post(PURCHASE, json={"number": "+15105550000"}))
    assert found(client, "5105550", limit=1) == ["+15105550001"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "lease"}, "type"),
        ({"type": None, "purchase": {"number": "+15105550100"}}, "type"),
        ({"type": "purchase"}, "purchase"),
        ({"type": "purchase", "purchase": None}, "purchase"),
        ({"type": "purchase", "purchase": {}}, "purchase.number"),
        ({"type": "purchase", "purchase": {"number": 15105550100}}, "purchase.number"),
        (
            {
                "type": "purchase",
                "purchase": {"number": "+15105550100"},
                "sipImport": {"phoneNumber": "+33144556677", **TRUNK},
            },
            "sipImport",
        ),
        ({"type": "sip_import", "purchase": {"number": "+15105550100"}}, "sipImport"),
        ({"type": "sip_import", "sipImport": TRUNK}, "sipImport.phoneNumber"),
        ({"type": "sip_import", "sipImport": {"phoneNumber": "0144556677", **TRUNK}}, "sipImport.phoneNumber"),
        ({"type": "sip_import", "sipImport": {"phoneNumber": "+33144556677\n", **TRUNK}}, "sipImport.phoneNumber"),
        (
            {"type": "sip_import", "sipImport": {"phoneNumber": "+33144556677", "username": "u", "password": "p"}},
            "sipImport.terminationUri",
        ),
        ({"type": "vogent_sip", "vogentSip": SIP_USER}, "vogentSip.sipPrefix"),
        ({"type": "vogent_sip", "vogentSip": {"sipPrefix": "", **SIP_USER}}, "vogentSip.sipPrefix"),
        (
            {"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", **SIP_USER, "username": "four"}},
            "vogentSip.username",
        ),
        (
            {"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", **SIP_USER, "password": "four"}},
            "vogentSip.password",
        ),
    ],
)
def test_a_number_needs_exactly_the_object_that_its_type_names(client: Any, body: dict[str, Any], field: str) -> None:
    errors = refused(client.post(NUMBERS, json=body))
    assert errors[0]["field"] == field
    assert field.split(".")[-1] in errors[0]["message"]
    assert numbers(client) == [DOCUMENTED, SIP]


# Searching


def test_a_search_names_free_numbers_of_the_prefix_and_the_same_ones_again(client: Any) -> None:
    answer = client.post(SEARCH, json={"prefix": "510"})
    assert said(answer) == (200, [{"number": f"+1510555000{line}"} for line in range(5)])
    assert client.post(SEARCH, json={"prefix": "510", "country": "US", "limit": 5}).content == answer.content


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"prefix": "5105551", "limit": 2}, ["+15105551000", "+15105551001"]),
        ({"prefix": "5105550100", "limit": 2}, ["+15105550100"]),
        ({"prefix": "51055501000"}, []),
        ({"prefix": "5105551212"}, []),
        ({"prefix": "5105560"}, []),
        ({"prefix": "510555x"}, []),
        ({"prefix": "800"}, []),
        ({"prefix": "999"}, []),
        ({"prefix": "+1510"}, []),
        ({"prefix": "416", "limit": 1}, ["+14165550000"]),
        ({"prefix": "416", "country": "CA", "limit": 1}, ["+14165550000"]),
        ({"prefix": "510", "country": "CA"}, []),
        ({"prefix": "510", "country": "us", "limit": 1}, ["+15105550000"]),
        ({"prefix": "", "limit": 1}, ["+12015550000"]),
        ({"prefix": "5", "limit": 1}, ["+15015550000"]),
        ({"prefix": "510", "limit": 1.0}, ["+15105550000"]),
        ({"prefix": "20", "country": "GB", "limit": 1}, ["+442079460000"]),
        ({"prefix": "7700900", "country": "GB", "limit": 1}, ["+447700900000"]),
        ({"prefix": "7700900999", "country": "GB"}, ["+447700900999"]),
        ({"prefix": "", "country": "FR"}, []),
    ],
)
def test_a_search_finds_fictitious_numbers_only(client: Any, search: dict[str, Any], expected: list[str]) -> None:
    limit = search.pop("limit", 5)
    assert found(client, search.pop("prefix"), limit=limit, **search) == expected


def test_every_number_that_a_search_finds_can_be_purchased_and_is_not_found_again(client: Any) -> None:
    seen: set[str] = set()
    for country, prefix in [("US", "510"), ("CA", "4"), ("GB", "")] * 2:
        for number in found(client, prefix, country=country, limit=10):
            assert number not in seen
            seen.add(buy(client, number)["number"])
    assert len(seen) == 60


def test_a_deleted_number_is_found_again(client: Any) -> None:
    bought = [buy(client, number) for number in found(client, "510")]
    client.delete(f"{NUMBERS}/{bought[2]['id']}")
    assert found(client, "510", limit=2) == ["+15105550002", "+15105550005"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prefix"),
        ({"prefix": 510}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"prefix": "510", "limit": 0}, "limit"),
        ({"prefix": "510", "limit": 11}, "limit"),
        ({"prefix": "510", "limit": "5"}, "limit"),
        ({"prefix": "510", "country": "USA"}, "country"),
    ],
)
def test_a_search_that_breaks_the_schema_is_a_validation_exception(client: Any, body: Any, field: str) -> None:
    assert refused(client.post(SEARCH, json=body))[0]["field"] == field


# Deleting a number


def test_a_deleted_number_is_answered_once_more_and_then_unknown(client: Any) -> None:
    client.put(NUMBER, json={"agentId": SALES_ID})
    assert said(client.delete(NUMBER)) == (200, {**DOCUMENTED, "agentId": SALES_ID})
    assert said(client.get(NUMBER)) == INVALID_INPUT
    assert said(client.put(NUMBER, json={"agentId": ""})) == INVALID_INPUT
    assert said(client.delete(NUMBER)) == INVALID_INPUT
    assert numbers(client) == [SIP]


# Agents


def test_an_agent_is_created_with_the_documented_defaults(client: Any) -> None:
    answer = client.post(AGENTS, json=AGENT)
    created = answer.json()
    assert answer.status_code == 200
    assert UUID.fullmatch(created["id"])
    assert UUID.fullmatch(created["defaultVersionedPromptId"])
    assert created == {
        "id": created["id"],
        "name": "Night desk",
        "language": "en",
        "endpointDetectorConfig": {"type": "SEMANTIC", "mode": "DEFAULT"},
        "maxDurationSeconds": 10800,
        "defaultVoiceId": "voice",
        "defaultVersionedPromptId": created["defaultVersionedPromptId"],
        "defaultExtractorId": None,
        "linkedFunctionDefinitions": [],
    }
    assert client.get(AGENTS).json()["data"][-1] == created


def test_an_agent_shows_every_setting_that_the_page_shows_and_no_other(client: Any, specs: Any) -> None:
    everything = specs["vogent"].operations["createAgent"].requests["everything"].body
    created = client.post(AGENTS, json=everything).json()
    shown = set(specs["vogent"].operations["getAgent"].responses[200].schema["properties"])
    assert set(created) == shown
    issued = {"id", "defaultVersionedPromptId", "defaultExtractorId", "linkedFunctionDefinitions"}
    assert {name: created[name] for name in shown - issued} == {name: everything[name] for name in shown - issued}
    assert UUID.fullmatch(created["defaultExtractorId"])
    assert created["linkedFunctionDefinitions"] == [
        {"functionDefinitionId": "transfer", "lifecycleMessagesOverride": {"started": ["One moment."]}},
        {"functionDefinitionId": "book"},
    ]


def test_a_setting_sent_as_null_is_as_if_not_sent(client: Any) -> None:
    nulls = dict.fromkeys(
        [
            "defaultExtractor",
            "openingLine",
            "voiceVolumeLevel",
            "transcriberParams",
            "endpointDetectorConfig",
            "ivrConfiguration",
            "fillEmptyStringVariables",
            "silenceHangupConfiguration",
        ]
    )
    plain, created = client.post(AGENTS, json=AGENT).json(), client.post(AGENTS, json={**AGENT, **nulls}).json()
    assert {**created, "id": "", "defaultVersionedPromptId": ""} == {**plain, "id": "", "defaultVersionedPromptId": ""}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"defaultVoiceId": 7}, "defaultVoiceId"),
        ({"defaultVersionedPrompt": "v1"}, "defaultVersionedPrompt"),
        ({"defaultVersionedPrompt": {**PROMPT, "agentType": "FLOW"}}, "defaultVersionedPrompt.agentType"),
        (
            {"defaultVersionedPrompt": {**PROMPT, "modelOptionValues": [{"optionId": "a"}]}},
            "defaultVersionedPrompt.modelOptionValues.0.value",
        ),
        ({"defaultExtractor": {"name": "Outcome"}}, "defaultExtractor.extractorFieldsJsonSchema"),
        ({"openingLine": {"lineType": "ALWAYS", "content": "Hi"}}, "openingLine.lineType"),
        ({"backgroundNoiseType": "street"}, "backgroundNoiseType"),
        ({"transcriberParams": {"type": "whisper"}}, "transcriberParams.type"),
        (
            {"idleMessageConfig": {"enabled": True, "idleDurationMilliseconds": 4999}},
            "idleMessageConfig.idleDurationMilliseconds",
        ),
        ({"idleMessageConfig": {"enabled": True, "maxIdleMessages": 0}}, "idleMessageConfig.maxIdleMessages"),
        ({"utteranceDetectorConfig": {"sensitivity": "SLOWEST"}}, "utteranceDetectorConfig.sensitivity"),
        ({"endpointDetectorConfig": {"type": "SEMANTIC", "mode": "EAGER"}}, "endpointDetectorConfig.mode"),
        ({"ivrConfiguration": {"detectionType": "FULL"}}, "ivrConfiguration.detectionType"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_an_agent_that_breaks_the_schema_is_a_validation_exception(client: Any, change: Any, field: str) -> None:
    before = client.get(AGENTS).json()
    assert refused(client.post(AGENTS, json={**AGENT, **change}))[0]["field"] == field
    if "defaultVersionedPrompt" not in change and "defaultExtractor" not in change:
        assert refused(client.put(f"{AGENTS}/{SALES_ID}", json=change))[0]["field"] == field
    assert client.get(AGENTS).json() == before


def test_an_update_changes_what_was_sent_and_keeps_the_rest(client: Any) -> None:
    created = client.post(AGENTS, json={**AGENT, "metadata": {"a": 1}, "transcriberParams": {"type": "openai"}}).json()
    path = f"{AGENTS}/{created['id']}"
    assert said(client.put(path, json={})) == (200, created)
    changed = {"name": "Day desk", "language": "fr", "metadata": {"b": 2}, "endpointDetectorConfig": {"type": "SIMPLE"}}
    expected = {**created, **changed}
    assert said(client.put(path, json={**changed, "voiceVolumeLevel": 5})) == (200, expected)
    assert client.get(AGENTS).json()["data"][-1] == expected
    del expected["transcriberParams"]
    expected["endpointDetectorConfig"] = created["endpointDetectorConfig"]
    assert client.put(path, json={"transcriberParams": None, "endpointDetectorConfig": None}).json() == expected


def test_an_update_sets_the_prompt_and_the_extractor_and_an_empty_one_disables_it(client: Any) -> None:
    path = f"{AGENTS}/{SALES_ID}"
    both = client.put(path, json={"defaultVersionedPromptId": "prompt", "callAgentExtractorId": "extractor"}).json()
    assert (both["defaultVersionedPromptId"], both["defaultExtractorId"]) == ("prompt", "extractor")
    disabled = client.put(path, json={"callAgentExtractorId": ""}).json()
    assert (disabled["defaultVersionedPromptId"], disabled["defaultExtractorId"]) == ("prompt", None)


def test_an_update_replaces_the_linked_functions(client: Any) -> None:
    path = f"{AGENTS}/{SALES_ID}"
    client.put(path, json={"linkedFunctionDefinitionIds": ["a", "b", "a"]})
    linked = client.put(path, json={}).json()["linkedFunctionDefinitions"]
    assert linked == [{"functionDefinitionId": "a"}, {"functionDefinitionId": "b"}]
    assert client.put(path, json={"linkedFunctionDefinitionInputs": []}).json()["linkedFunctionDefinitions"] == []


def test_a_deleted_agent_is_answered_once_more_unlinked_everywhere_and_then_unknown(client: Any) -> None:
    client.put(NUMBER, json={"agentId": SALES_ID})
    client.put(f"{NUMBERS}/{SIP_ID}", json={"agentId": RECEPTIONIST_ID})
    sales = client.get(AGENTS).json()["data"][1]
    path = f"{AGENTS}/{SALES_ID}"
    assert said(client.delete(path)) == (200, sales)
    assert client.get(NUMBER).json() == DOCUMENTED
    assert numbers(client) == [DOCUMENTED, {**SIP, "agentId": RECEPTIONIST_ID}]
    assert [agent["id"] for agent in client.get(AGENTS).json()["data"]] == [RECEPTIONIST_ID]
    assert said(client.delete(path)) == INVALID_INPUT
    assert said(client.put(path, json={"name": "Back"})) == INVALID_INPUT
    assert refused(client.put(NUMBER, json={"agentId": SALES_ID}))[0]["field"] == "agentId"


# What must not be


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NUMBERS, json.dumps({"type": "sip_import", "sipImport": {"phoneNumber": "+33144556677", **TRUNK, **HUNTER}})),
        (NUMBERS, json.dumps({"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", **HUNTER}})),
        (NUMBERS, json.dumps({"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme-support", **HUNTER}})),
        (NUMBERS, '{"type": "vogent_sip", "vogentSip": {"username": ["hunter2"], "password": {"a": "hunter2"}}}'),
        (NUMBERS, '{"type": "purchase", "sipImport": {"password": "hunter2"}, "purchase": {"number": "+15105550100"}}'),
        (NUMBERS, '{"type": "sip_import", "sipImport": "hunter2"}'),
        (NUMBERS, '{"type": "sip_import", "sipImport": [{"password": "hunter2"}]}'),
        (NUMBERS, '{"type": "vogent_sip", "vogentSip": {"password": "hunter2"}'),
        (NUMBERS, '[{"vogentSip": {"password": "hunter2"}}]'),
        ("/api/phone-numbers", '{"type": "vogent_sip", "vogentSip": {"password": "hunter2"}}'),
        (SEARCH, '{"prefix": "510", "sipImport": {"password": "hunter2"}}'),
    ],
)
def test_a_sip_credential_is_neither_stored_nor_answered_nor_journalled(path: str, body: str) -> None:
    service = open_services(["vogent"])["vogent"]
    headers = {"authorization": "Bearer ringback", "content-type": "application/json"}
    response = service.exchange(Request("POST", path, "", headers, body.encode()))
    assert b"hunter2" not in response.body
    space = service.spaces.open("default")
    assert len(space.journal) == 1
    assert "hunter2" not in repr(list(space.journal))
    with service.spaces.store.transaction("default") as transaction:
        for kind in transaction.kinds():
            assert "hunter2" not in repr(list(transaction.all(kind)))


def test_a_credential_that_is_too_short_is_not_repeated(client: Any) -> None:
    body = {"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", "username": "acmeuser", "password": "zyxw"}}
    response = client.post(NUMBERS, json=body)
    assert refused(response)[0]["field"] == "vogentSip.password"
    assert "zyxw" not in response.text


class Counted(State):
    """A state that counts how often a record was asked for, and whose records cannot be walked through."""

    lookups = 0

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        self.lookups += 1
        return super().get(kind, key)

    def rows(self, kind: str, after: int = 0) -> Iterator[Row]:
        raise AssertionError(f"all {kind} were walked through")


@pytest.fixture
def full() -> Iterator[Counted]:
    """A state in which every number of area 510 but +15105559999 is held."""
    vendor = load_vendor("vogent")
    with MemoryStore().transaction("space") as transaction:
        vendor.fixtures.fill(transaction, vendor.spec)
        state = Counted(transaction, "vogent", vendor.spec.records)
        chance = Random(2)
        for line in range(9_999):
            if line != 1212:
                do("purchasePhoneNumber", state, chance, body={"number": f"+1510555{line:04d}"})
        state.lookups = 0
        yield state


@cache
def behaviours() -> Mapping[str, Behaviour]:
    return load_vendor("vogent").behaviours


def do(operation: str, state: State, chance: Random, *, path: dict[str, str] | None = None, body: Any = None) -> Answer:
    call = Call(operation, path or {}, {}, body, datetime(2026, 1, 1, tzinfo=UTC), chance)
    return behaviours()[operation](call, state)


@pytest.mark.long
@pytest.mark.parametrize(
    ("operation", "path", "body"),
    [
        ("getPhoneNumber", {"id": NUMBER_ID}, None),
        ("updatePhoneNumber", {"id": NUMBER_ID}, {"agentId": SALES_ID}),
        ("deletePhoneNumber", {"id": NUMBER_ID}, None),
        ("purchasePhoneNumber", {}, {"number": "+15105559999"}),
        ("createPhoneNumber", {}, {"type": "sip_import", "sipImport": {"phoneNumber": "+33144556677"}}),
        ("createPhoneNumber", {}, {"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme"}}),
        ("searchPhoneNumbers", {}, {"prefix": "510"}),
        ("searchPhoneNumbers", {}, {"prefix": "51"}),
        ("searchPhoneNumbers", {}, {"prefix": "5105550"}),
    ],
)
def test_nothing_but_a_list_takes_longer_when_there_are_many_numbers(
    full: Counted, operation: str, path: dict[str, str], body: Any
) -> None:
    do(operation, full, Random(1), path=path, body=body)
    assert full.lookups <= 10


def test_the_last_free_number_of_an_area_is_found_and_then_none(full: Counted) -> None:
    search = {"prefix": "510", "limit": 10}
    assert do("searchPhoneNumbers", full, Random(1), body=search).body == [{"number": "+15105559999"}]
    do("purchasePhoneNumber", full, Random(1), body={"number": "+15105559999"})
    assert do("searchPhoneNumbers", full, Random(1), body=search) == Answer("none-found", [])


def test_a_generator_that_repeats_itself_overwrites_no_number_and_no_agent() -> None:
    vendor = load_vendor("vogent")
    with MemoryStore().transaction("space") as transaction:
        state = State(transaction, "vogent", vendor.spec.records)
        for number in ("+15105550100", "+15105550101"):
            do("purchasePhoneNumber", state, Random(1), body={"number": number})
            do("createAgent", state, Random(1), body=AGENT)
        assert (state.count("numbers"), state.count("agents")) == (2, 2)


def test_a_number_of_the_fixtures_is_held_though_no_search_marked_it() -> None:
    vendor = load_vendor("vogent")
    with MemoryStore().transaction("space") as transaction:
        state = State(transaction, "vogent", vendor.spec.records)
        state.put("numbers", vendor.completions["numbers"]({"number": "+15105550000"}, datetime.now(UTC), Random(1)))
        search = do("searchPhoneNumbers", state, Random(1), body={"prefix": "510", "limit": 1})
        assert search.body == [{"number": "+15105550001"}]
        with pytest.raises(Refusal, match="number-unavailable"):
            do("purchasePhoneNumber", state, Random(1), body={"number": "+15105550000"})


def test_every_block_for_sale_has_numbers_of_e164_form() -> None:
    for country in ("US", "CA", "GB"):
        for block in fictitious_blocks(country):
            assert re.fullmatch(r"\+[1-9][0-9]{10,11}", block.number(0))
    assert json.dumps(fictitious_blocks("FR")) == "[]"
