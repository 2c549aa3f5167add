"""Interactly's numbers and assistants, as a client sees them, and what must never be kept of a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from mock_server.catalogue import load_vendor, open_services
from mock_server.messages import Call, Request
from mock_server.stores import MemoryStore, Row, State

NUMBERS = "/assistants/v1/numbers"
ASSISTANTS = "/assistants/v1/assistants"
DOCUMENTED_ID = "a12f9c88-c155-461f-9771-4d240cdc9a04"
SECOND_NUMBER_ID = "5f7b1b1b1b1b1b1b1b1b1b1b"
SECOND_ASSISTANT_ID = "678a253ca6d866573043502e"
TEAM_ID = "1f7b1b1b1b1b1b1b1b1b1b1b"
DOCUMENTED = {
    "_id": DOCUMENTED_ID,
    "teamId": TEAM_ID,
    "number": "+1234567890",
    "provider": {"name": "twilio"},
    "assistantId": DOCUMENTED_ID,
    "inboundEnabled": True,
    "outboundEnabled": True,
    "label": "friendly-name-1",
}
SECOND = {
    "_id": SECOND_NUMBER_ID,
    "teamId": TEAM_ID,
    "number": "+14155550100",
    "provider": {"name": "twilio"},
    "assistantId": SECOND_ASSISTANT_ID,
    "inboundEnabled": True,
    "outboundEnabled": False,
    "label": "friendly-name-2",
}
OBJECT_ID = re.compile(r"[0-9a-f]{24}")


@pytest.fixture
def client(api: Callable[..., Any]) -> Any:
    return api("interactly")


def without(document: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in fields}


# List


def test_a_new_space_has_the_pages_number_and_one_whose_ids_all_differ(client: Any) -> None:
    answer = client.get(NUMBERS)
    assert answer.status_code == 200
    assert answer.json() == [DOCUMENTED, SECOND]
    assert len({DOCUMENTED_ID, TEAM_ID, SECOND_NUMBER_ID, SECOND_ASSISTANT_ID}) == 4


@pytest.mark.parametrize(("label", "found"), [("friendly-name-2", [SECOND]), ("friendly-name", []), ("", [])])
def test_the_label_filter_wants_the_whole_label(client: Any, label: str, found: list[Any]) -> None:
    answer = client.get(NUMBERS, params={"label": label})
    assert (answer.status_code, answer.json()) == (200, found)


# Import


def test_the_documented_import_gives_the_documented_number(client: Any) -> None:
    body = {
        "number": "+1234567890",
        "label": "friendly-name-1",
        "credentials": {"accountSid": "AC1234567890", "authToken": "1234567890"},
    }
    answer = client.post(f"{NUMBERS}/twilio", json=body)
    assert (answer.status_code, answer.json()) == (200, DOCUMENTED)
    assert len(client.get(NUMBERS).json()) == 2


def test_an_imported_number_is_open_in_both_directions_and_has_no_assistant(client: Any) -> None:
    answer = client.post(f"{NUMBERS}/twilio", json={"number": "+14155550143", "label": "front-desk"})
    assert answer.status_code == 200
    number = answer.json()
    assert OBJECT_ID.fullmatch(number["_id"])
    assert without(number, "_id") == {
        "teamId": TEAM_ID,
        "number": "+14155550143",
        "provider": {"name": "twilio"},
        "inboundEnabled": True,
        "outboundEnabled": True,
        "label": "front-desk",
    }
    assert client.get(NUMBERS, params={"label": "front-desk"}).json() == [number]


def test_importing_a_held_number_again_sets_its_label_and_adds_nothing(client: Any) -> None:
    relabelled = client.post(f"{NUMBERS}/twilio", json={"number": SECOND["number"], "label": "reception"})
    assert (relabelled.status_code, relabelled.json()) == (200, {**SECOND, "label": "reception"})
    unlabelled = client.post(f"{NUMBERS}/twilio", json={"number": SECOND["number"]})
    assert (unlabelled.status_code, unlabelled.json()) == (200, {**SECOND, "label": "reception"})
    assert len(client.get(NUMBERS).json()) == 2


def test_only_twilio_is_a_provider(client: Any) -> None:
    answer = client.post(f"{NUMBERS}/telnyx", json={"number": "+14155550143"})
    assert (answer.status_code, answer.json()) == (400, {"message": "Provider telnyx is not supported"})
    assert len(client.get(NUMBERS).json()) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "number is required"),
        ({"label": "front-desk"}, "number is required"),
        ({"number": ""}, "number must be in E.164 format, such as +1234567890"),
        ({"number": "14155550143"}, "number must be in E.164 format, such as +1234567890"),
        ({"number": "+0155550143"}, "number must be in E.164 format, such as +1234567890"),
        ({"number": "+123456"}, "number must be in E.164 format, such as +1234567890"),
        ({"number": "+1234567890123456"}, "number must be in E.164 format, such as +1234567890"),
        ({"number": "+14155550143\n"}, "number must be in E.164 format, such as +1234567890"),
        ({"number": None}, "number: null found, string is required"),
        ({"number": "+14155550143", "label": 7}, "label: a number found, string is required"),
        ({"number": "+14155550143", "credentials": "AC1"}, "credentials: a string found, object is required"),
    ],
)
def test_an_import_says_what_is_wrong_with_its_body(client: Any, body: Any, message: str) -> None:
    answer = client.post(f"{NUMBERS}/twilio", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


# Purchase


def test_purchase_is_never_taken_for_a_provider(client: Any) -> None:
    answer = client.post(f"{NUMBERS}/purchase", json={"number": "+14155550142"})
    assert answer.status_code == 200
    assert answer.headers["X-Ringback-Operation"] == "purchaseNumber"
    number = answer.json()
    assert OBJECT_ID.fullmatch(number["_id"])
    assert without(number, "_id") == {
        "teamId": TEAM_ID,
        "number": "+14155550142",
        "provider": {"name": "twilio"},
        "inboundEnabled": True,
        "outboundEnabled": True,
    }
    assert client.get(NUMBERS).json() == [DOCUMENTED, SECOND, number]


def test_purchasing_a_held_number_gives_that_number_unchanged(client: Any) -> None:
    answer = client.post(f"{NUMBERS}/purchase", json={"number": "+1234567890", "label": "ignored"})
    assert (answer.status_code, answer.json()) == (200, DOCUMENTED)
    assert client.get(NUMBERS).json() == [DOCUMENTED, SECOND]


def test_a_number_is_one_whether_imported_or_purchased(client: Any) -> None:
    purchased = client.post(f"{NUMBERS}/purchase", json={"number": "+14155550142"}).json()
    imported = client.post(f"{NUMBERS}/twilio", json={"number": "+14155550142"}).json()
    assert imported == purchased


@pytest.mark.parametrize("arguments", [{}, {"json": {}}, {"json": {"label": "front-desk"}}])
def test_a_purchase_needs_a_number(client: Any, arguments: dict[str, Any]) -> None:
    answer = client.post(f"{NUMBERS}/purchase", **arguments)
    assert (answer.status_code, answer.json()) == (400, {"message": "number is required"})


# Update


def test_the_documented_update_gives_the_documented_answer_to_the_letter(client: Any) -> None:
    body = {"assistantId": DOCUMENTED_ID, "inboundEnabled": True, "outboundEnabled": True}
    answer = client.put(f"{NUMBERS}/{DOCUMENTED_ID}", json=body)
    assert answer.status_code == 200
    assert json.dumps(answer.json()) == json.dumps(DOCUMENTED), "the order of the keys is the page's too"
    assert answer.headers["X-Ringback-Evidence"] == "seed"


def test_an_empty_assistant_id_detaches_and_an_id_attaches_again(client: Any) -> None:
    detached = client.put(f"{NUMBERS}/{DOCUMENTED_ID}", json={"assistantId": ""})
    assert (detached.status_code, detached.json()) == (200, without(DOCUMENTED, "assistantId"))
    assert client.get(NUMBERS).json() == [without(DOCUMENTED, "assistantId"), SECOND]
    assert client.put(f"{NUMBERS}/{DOCUMENTED_ID}", json={"assistantId": ""}).json() == detached.json()
    attached = client.put(f"{NUMBERS}/{DOCUMENTED_ID}", json={"assistantId": DOCUMENTED_ID})
    assert json.dumps(attached.json()) == json.dumps(DOCUMENTED)


@pytest.mark.parametrize("field", ["inboundEnabled", "outboundEnabled"])
@pytest.mark.parametrize("value", [True, False])
def test_an_update_changes_what_was_sent_and_keeps_the_rest(client: Any, field: str, value: bool) -> None:
    answer = client.put(f"{NUMBERS}/{SECOND_NUMBER_ID}", json={field: value})
    assert (answer.status_code, answer.json()) == (200, {**SECOND, field: value})
    assert client.get(NUMBERS).json() == [DOCUMENTED, {**SECOND, field: value}]


@pytest.mark.parametrize(
    "arguments", [{}, {"json": {}}, {"json": {"label": "x", "number": "+14155550199", "_id": "x"}}]
)
def test_an_update_ignores_what_is_not_documented(client: Any, arguments: dict[str, Any]) -> None:
    answer = client.put(f"{NUMBERS}/{SECOND_NUMBER_ID}", **arguments)
    assert (answer.status_code, answer.json()) == (200, SECOND)


@pytest.mark.parametrize("id", [TEAM_ID, SECOND_ASSISTANT_ID, "+1234567890", "purchase"])
def test_only_a_numbers_own_id_names_it(client: Any, id: str) -> None:
    answer = client.put(f"{NUMBERS}/{id}", json={"inboundEnabled": False})
    assert (answer.status_code, answer.json()) == (404, {"message": "Number not found"})


@pytest.mark.parametrize("id", ["no-such-assistant", SECOND_NUMBER_ID, TEAM_ID])
def test_an_unknown_assistant_is_refused_and_nothing_changes(client: Any, id: str) -> None:
    answer = client.put(f"{NUMBERS}/{SECOND_NUMBER_ID}", json={"assistantId": id, "inboundEnabled": False})
    assert (answer.status_code, answer.json()) == (400, {"message": "Assistant not found"})
    assert client.get(NUMBERS).json() == [DOCUMENTED, SECOND]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inboundEnabled": "true"}, "inboundEnabled: a string found, boolean is required"),
        ({"outboundEnabled": 1}, "outboundEnabled: a number found, boolean is required"),
        ({"assistantId": None}, "assistantId: null found, string is required"),
    ],
)
def test_an_update_refuses_wrong_types(client: Any, body: Any, message: str) -> None:
    answer = client.put(f"{NUMBERS}/{DOCUMENTED_ID}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_a_body_that_is_no_json_object_is_refused(client: Any) -> None:
    for data in ("{", "[]", '"text"'):
        answer = client.put(f"{NUMBERS}/{DOCUMENTED_ID}", data=data, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (400, {"message": "The request body is not a JSON object"})


# Assistants


def test_a_new_assistant_can_be_read_renamed_and_attached(client: Any) -> None:
    created = client.post(ASSISTANTS, json={"name": "Night Shift"})
    assert created.status_code == 200
    assistant = created.json()
    assert OBJECT_ID.fullmatch(assistant["_id"])
    assert without(assistant, "_id") == {"teamId": TEAM_ID, "name": "Night Shift"}
    path = f"{ASSISTANTS}/{assistant['_id']}"
    renamed = client.patch(path, json={"name": "Day Shift", "welcomeMessage": "Hello", "_id": "ignored"})
    assert (renamed.status_code, renamed.json()) == (
        200,
        {**assistant, "name": "Day Shift", "welcomeMessage": "Hello"},
    )
    assert client.get(path).json() == renamed.json()
    attached = client.put(f"{NUMBERS}/{SECOND_NUMBER_ID}", json={"assistantId": assistant["_id"]})
    assert (attached.status_code, attached.json()) == (200, {**SECOND, "assistantId": assistant["_id"]})


def test_the_pages_id_is_an_assistants_too(client: Any) -> None:
    answer = client.get(f"{ASSISTANTS}/{DOCUMENTED_ID}")
    assert (answer.status_code, answer.json()["_id"]) == (200, DOCUMENTED_ID)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_unknown_assistant_is_not_found(client: Any, method: str) -> None:
    answer = client.request(method, f"{ASSISTANTS}/{SECOND_NUMBER_ID}", **({"json": {}} if method == "PATCH" else {}))
    assert (answer.status_code, answer.json()) == (404, {"message": "Assistant not found"})


def test_a_new_assistant_needs_a_name(client: Any) -> None:
    answer = client.post(ASSISTANTS, json={})
    assert (answer.status_code, answer.json()) == (400, {"message": "name is required"})


# Every path


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", "Basic dGVzdDp0ZXN0", "test_without_scheme"])
def test_a_missing_or_wrong_token_is_unauthorized(client: Any, authorization: str | None) -> None:
    answer = client.get(NUMBERS, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"{NUMBERS}/{DOCUMENTED_ID}", {"PUT", "POST", "OPTIONS"}),
        ("GET", f"{NUMBERS}/purchase", {"PUT", "POST", "OPTIONS"}),
        ("POST", NUMBERS, {"GET", "HEAD", "OPTIONS"}),
        ("PUT", f"{ASSISTANTS}/{DOCUMENTED_ID}", {"GET", "HEAD", "PATCH", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_answered_with_the_right_ones(client: Any, method: str, path: str, allowed: set[str]) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"message": "Method Not Allowed"})
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_an_unknown_path_is_not_found(client: Any) -> None:
    answer = client.get("/assistants/v1/numbers/a/b")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_a_success_can_be_asked_for_with_the_other_status(client: Any) -> None:
    answer = client.post(f"{NUMBERS}/twilio", json={"number": "+1234567890"}, headers={"Prefer": "code=201"})
    assert (answer.status_code, answer.json()) == (201, DOCUMENTED)


# What must not be


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{NUMBERS}/twilio", '{"number": "+14155550143", "credentials": {"authToken": "hunter2"}}'),
        (f"{NUMBERS}/twilio", '{"number": "+14155550143", "credentials": {"apiKeySid": "a", "apiSecret": "hunter2"}}'),
        (f"{NUMBERS}/twilio", '{"number": "+14155550143", "credentials": "hunter2"}'),
        (f"{NUMBERS}/twilio", '{"number": 7, "credentials": {"authToken": ["hunter2"]}}'),
        (f"{NUMBERS}/twilio", '{"credentials": {"authToken": "hunter2"}'),
        (f"{NUMBERS}/twilio", '[{"credentials": {"authToken": "hunter2"}}]'),
        (f"{NUMBERS}/telnyx", '{"number": "+14155550143", "credentials": {"authToken": "hunter2"}}'),
        (f"{NUMBERS}/purchase", '{"number": "+14155550143", "credentials": {"authToken": "hunter2"}}'),
        (NUMBERS, '{"number": "+14155550143", "credentials": {"authToken": "hunter2"}}'),
    ],
)
def test_a_secret_is_neither_stored_nor_answered_nor_journalled(path: str, body: str) -> None:
    service = open_services(["interactly"])["interactly"]
    headers = {"authorization": "Bearer ringback", "content-type": "application/json"}
    response = service.exchange(Request("POST", path, "", headers, body.encode()))
    assert b"hunter2" not in response.body
    space = service.spaces.open("default")
    assert len(space.journal) == 1
    assert "hunter2" not in repr(list(space.journal))
    with service.spaces.store.transaction("default") as transaction:
        for kind in transaction.kinds():
            assert "hunter2" not in repr(list(transaction.all(kind)))


class Unlisted(State):
    """A state whose records cannot be walked through, only found."""

    def rows(self, kind: str, after: int = 0) -> Iterator[Row]:
        raise AssertionError(f"all {kind} were walked through")


@pytest.mark.parametrize(
    ("operation", "path", "body"),
    [
        ("importNumber", {"provider": "twilio"}, {"number": "+14155550143"}),
        ("importNumber", {"provider": "twilio"}, {"number": "+1234567890"}),
        ("purchaseNumber", {}, {"number": "+14155550142"}),
        ("purchaseNumber", {}, {"number": "+1234567890"}),
        ("updateNumber", {"id": DOCUMENTED_ID}, {"assistantId": SECOND_ASSISTANT_ID}),
    ],
)
def test_changing_one_number_takes_no_longer_when_there_are_many(
    operation: str, path: dict[str, str], body: dict[str, Any]
) -> None:
    vendor = load_vendor("interactly")
    call = Call("", path, {}, body, datetime(2026, 1, 1, tzinfo=UTC), Random(1))
    with MemoryStore().transaction("space") as transaction:
        vendor.fixtures.fill(transaction, vendor.spec)
        vendor.behaviours[operation](call, Unlisted(transaction, "interactly", vendor.spec.records))
