"""Teli as its clients see it: what is stored shows, what is wrong is refused in the vendor's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mock_server.spec import Spec

OWNER = {
    "user_id": "1762896366429x599348279945132448",
    "organization_id": "1762896364768x389173798861431550",
}
NUMBER = "+14155551234"
NUMBERS = "/v1/voice/phone-numbers"
ORGANIZATION = f"/v1/organizations/{OWNER['organization_id']}"
USER = f"{ORGANIZATION}/users/{OWNER['user_id']}"
VOICE_IDS = ("agent_id", "unique_id", "voice_agent_id", "id")

Client = Any


@pytest.fixture
def client(api: Callable[..., Client]) -> Client:
    return api("teli")


def refusal(sentence: str, **more: str) -> dict[str, Any]:
    return {"error": sentence, **more, "success": False, "powered_by": "Teli"}


def answer(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def create_number(client: Client, **more: str) -> str:
    wanted = {"area_code": "313", "tenant_id": "your_tenant", **OWNER, **more}
    return client.post(f"{NUMBERS}/create", json=wanted).json()["phone_number"]


def numbers(client: Client, **query: str) -> list[dict[str, Any]]:
    return client.get(NUMBERS, params={**OWNER, **query}).json()["phone_numbers"]


def row_of(client: Client, number: str) -> dict[str, Any]:
    return next(row for row in numbers(client) if row["phone_number"] == number)


def voice_agent(**more: Any) -> dict[str, Any]:
    told = {"agent_name": "Sales Agent", "starting_message": "Hi {{first_name}}!", "prompt": "Sell."}
    return {"agent_type": "voice", "voice_id": "11labs-Adrian", **told, **OWNER, **more}


def sms_agent(**more: Any) -> dict[str, Any]:
    told = {"agent_name": "Lead Qualifier", "starting_message": "Hi!", "prompt": "Ask."}
    return {"agent_type": "sms", **told, **OWNER, **more}


def create_agent(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """The ids of a new agent, its internal `id` from the list among them."""
    created = client.post("/v1/agents", json=body).json()
    return {**created, "id": agent(client, created["agent_id"])["id"]}


def agent(client: Client, id: str) -> dict[str, Any]:
    return client.get(f"/v1/agents/{id}").json()["agent"]


def agents(client: Client, **query: str) -> list[dict[str, Any]]:
    return client.get("/v1/agents", params={"organization_id": OWNER["organization_id"], **query}).json()["agents"]


class TestCreatingNumbers:
    def test_a_new_number_agrees_with_its_pretty_form_and_its_area_code(self, client: Client) -> None:
        response = client.post(f"{NUMBERS}/create", json={"area_code": "313", "tenant_id": "t", **OWNER})

        status, body = answer(response)
        number = body["phone_number"]
        assert re.fullmatch(r"\+1313555\d{4}", number)
        assert (status, body) == (
            200,
            {
                "success": True,
                "phone_number": number,
                "phone_number_pretty": f"+1 313-555-{number[-4:]}",
                "area_code": "313",
                "phone_number_type": "teli-voice-twilio",
                "powered_by": "Teli",
            },
        )

    def test_the_list_shows_what_create_was_told_under_the_lists_own_names(self, client: Client) -> None:
        number = create_number(client, nickname="Main Sales Line")

        row = row_of(client, number)
        assert row["pretty_phone_number"].replace(" ", "").replace("-", "") == number
        assert (row["nickname"], row["user_id"], row["area_code"]) == ("Main Sales Line", OWNER["user_id"], "313")
        assert (row["phone_type"], row["provider"]) == ("voice", "teli_voice")

    @pytest.mark.parametrize("left_out", ["area_code", "user_id"])
    def test_a_missing_area_code_or_user_gets_the_documented_sentence(self, client: Client, left_out: str) -> None:
        body = {"area_code": "313", "tenant_id": "t", **OWNER}
        del body[left_out]

        response = client.post(f"{NUMBERS}/create", json=body)

        assert answer(response) == (400, refusal("area_code and user_id required"))

    @pytest.mark.parametrize("code", ["999", "800", "876", "12"])
    def test_an_area_code_without_numbers_is_named_in_the_refusal(self, client: Client, code: str) -> None:
        response = client.post(f"{NUMBERS}/create", json={"area_code": code, "tenant_id": "t", **OWNER})

        reason = f"No numbers available in area code {code}"
        assert answer(response) == (500, refusal("Failed to provision phone number", message=reason))


class TestListingNumbers:
    def test_a_user_sees_own_numbers_and_an_admin_those_of_the_organization(self, client: Client) -> None:
        create_number(client)
        others = create_number(client, user_id="1700000000000x111111111111111111")

        assert others not in [row["phone_number"] for row in numbers(client)]
        assert others in [row["phone_number"] for row in numbers(client, is_admin="true")]

    def test_another_organization_sees_none_of_them(self, client: Client) -> None:
        body = client.get(NUMBERS, params={**OWNER, "organization_id": "x", "is_admin": "true"}).json()

        assert body == {"success": True, "count": 0, "phone_numbers": [], "powered_by": "Teli"}

    def test_voice_numbers_are_listed_unless_sms_numbers_are_asked_for(self, client: Client) -> None:
        assert {row["phone_type"] for row in numbers(client)} == {"voice"}
        assert [row["phone_number"] for row in numbers(client, phone_type="sms")] == ["+13135559999"]


class TestLinkingAgents:
    @pytest.mark.parametrize("method", ["post", "patch"])
    @pytest.mark.parametrize("path", [NUMBER, NUMBER.replace("+", "%2B")])
    def test_what_was_sent_comes_back_and_nothing_else(self, client: Client, method: str, path: str) -> None:
        response = getattr(client, method)(f"{NUMBERS}/{path}/update-agent", json={"inbound_agent_id": "agent_abc123"})

        said = {"phone_number": NUMBER, "message": "Phone number updated successfully"}
        linked = {"inbound_agent_id": "agent_abc123"}
        assert answer(response) == (200, {"success": True, **said, **linked, "powered_by": "Teli"})

    @pytest.mark.parametrize("name", VOICE_IDS)
    def test_an_agent_is_linked_by_any_of_its_ids(self, client: Client, name: str) -> None:
        ids = create_agent(client, voice_agent())

        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json={"outbound_agent_id": ids[name]})

        assert response.status_code == 200
        assert row_of(client, NUMBER)["outbound_agent_id"] == ids[name]

    @pytest.mark.parametrize("nothing", ["", None])
    def test_an_empty_or_null_agent_clears_the_link(self, client: Client, nothing: str | None) -> None:
        client.post(f"{NUMBERS}/{NUMBER}/update-agent", json={"inbound_agent_id": "agent_abc123"})

        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json={"inbound_agent_id": nothing})

        assert response.json()["inbound_agent_id"] == nothing
        assert row_of(client, NUMBER)["inbound_agent_id"] is None

    @pytest.mark.parametrize("body", [{}, {"agent_id": "agent_abc123"}])
    def test_one_of_the_three_fields_is_needed(self, client: Client, body: dict[str, str]) -> None:
        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json=body)

        sentence = "At least one of inbound_agent_id, outbound_agent_id, or nickname required"
        assert answer(response) == (400, refusal(sentence))

    def test_nothing_is_stored_when_one_of_two_agents_is_unknown(self, client: Client) -> None:
        body = {"inbound_agent_id": "agent_abc123", "outbound_agent_id": "agent_nobody", "nickname": "New"}

        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json=body)

        assert answer(response) == (500, refusal("Agent not found or invalid agent ID"))
        row = row_of(client, NUMBER)
        assert (row["inbound_agent_id"], row["nickname"]) == (None, None)

    @pytest.mark.parametrize("id", [[], [None], ["agent_abc123"], {}, 7], ids=str)
    def test_what_is_no_id_is_no_agent(self, client: Client, id: Any) -> None:
        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json={"inbound_agent_id": id})

        assert answer(response) == (500, refusal("Agent not found or invalid agent ID"))
        assert row_of(client, NUMBER)["inbound_agent_id"] is None

    def test_an_sms_agent_answers_no_calls(self, client: Client) -> None:
        ids = create_agent(client, sms_agent())

        response = client.post(f"{NUMBERS}/{NUMBER}/update-agent", json={"inbound_agent_id": ids["agent_id"]})

        assert answer(response) == (500, refusal("Agent not found or invalid agent ID"))

    @pytest.mark.parametrize("number", ["+14155550000", "main-line", "+13135559999"])
    def test_an_unknown_or_sms_number_is_not_found_with_500(self, client: Client, number: str) -> None:
        response = client.post(f"{NUMBERS}/{number}/update-agent", json={"nickname": "Main"})

        assert answer(response) == (500, refusal("Phone number not found or invalid"))


class TestReleasingNumbers:
    def test_the_first_answer_says_when_and_the_second_repeats_it(self, client: Client) -> None:
        number = create_number(client)

        first = client.delete(f"{NUMBERS}/{number}")
        second = client.delete(f"{NUMBERS}/{number.replace('+', '%2B')}")

        released_at = first.json()["released_at"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", released_at)
        expected = {
            "success": True,
            "phone_number": number,
            "released_at": released_at,
            "billing_stopped": True,
            "message": "Phone number released. You will not be billed in the next cycle.",
            "powered_by": "Teli",
        }
        assert answer(first) == (200, expected)
        assert answer(second) == (200, {"already_released": True, **expected})

    def test_a_released_number_is_gone_from_the_list_and_cannot_be_linked(self, client: Client) -> None:
        number = create_number(client)
        client.delete(f"{NUMBERS}/{number}")

        response = client.post(f"{NUMBERS}/{number}/update-agent", json={"inbound_agent_id": "agent_abc123"})

        assert number not in [row["phone_number"] for row in numbers(client)]
        assert answer(response) == (500, refusal("Phone number not found or invalid"))

    def test_a_released_number_is_never_handed_out_again(self, client: Client) -> None:
        number = create_number(client)
        client.delete(f"{NUMBERS}/{number}")

        assert number not in {create_number(client) for _ in range(20)}

    def test_a_number_of_another_space_is_not_found(self, client: Client, api: Callable[..., Client]) -> None:
        number = create_number(client)

        response = api("teli", f"{client.key}_other").delete(f"{NUMBERS}/{number}")

        assert answer(response) == (404, refusal("Phone number not found"))
        assert row_of(client, number)["phone_number"] == number

    def test_an_sms_number_is_refused(self, client: Client) -> None:
        response = client.delete(f"{NUMBERS}/+13135559999")

        assert answer(response) == (400, refusal("Not a voice phone number"))

    @pytest.mark.parametrize("part", ["voice_provider", "voice_carrier"])
    def test_a_forced_partial_failure_leaves_the_number(self, client: Client, part: str) -> None:
        name = part.replace("_", "-") + "-failed"

        response = client.delete(f"{NUMBERS}/{NUMBER}", headers={"Prefer": f"example={name}"})

        assert answer(response) == (502, refusal("Failed to release phone number", failed=part))
        assert client.delete(f"{NUMBERS}/{NUMBER}").json()["billing_stopped"] is True


class TestCreatingAgents:
    def test_a_voice_agent_has_three_ids_in_the_answer_and_a_fourth_in_the_list(self, client: Client) -> None:
        response = client.post("/v1/agents", json=voice_agent())

        status, body = answer(response)
        assert status == 201
        assert re.fullmatch(r"\d{13}x\d{18}", body.pop("agent_id"))
        assert re.fullmatch(r"\d{13}x\d{18}", body.pop("unique_id"))
        assert re.fullmatch(r"agent_[0-9a-f]{26}", body.pop("voice_agent_id"))
        assert re.fullmatch(r"llm_[0-9a-f]{28}", body.pop("voice_llm_id"))
        assert body == {
            "success": True,
            "agent_type": "voice",
            "agent_name": "Sales Agent",
            "voice_id": "11labs-Adrian",
            **OWNER,
            "message": "Voice agent created successfully",
            "powered_by": "Teli",
        }

    def test_an_sms_agent_has_one_id_and_created_by_in_the_answer(self, client: Client) -> None:
        extras = {"extraction_fields": ["credit_score"], "drip_schedule": [{"day": 1, "message": "Hello?"}]}

        status, body = answer(client.post("/v1/agents", json=sms_agent(**extras)))

        assert status == 201
        assert re.fullmatch(r"\d{13}x\d{18}", body.pop("agent_id"))
        assert body == {
            "success": True,
            "agent_type": "sms",
            "agent_name": "Lead Qualifier",
            "has_drip_schedule": True,
            "has_extraction_fields": True,
            "extraction_fields": ["credit_score"],
            "organization_id": OWNER["organization_id"],
            "created_by": OWNER["user_id"],
            "message": "SMS agent created successfully",
            "powered_by": "Teli",
        }

    @pytest.mark.parametrize("left_out", ["agent_name", "organization_id", "user_id"])
    def test_the_three_fields_of_the_documented_sentence_are_needed(self, client: Client, left_out: str) -> None:
        body = voice_agent()
        del body[left_out]

        response = client.post("/v1/agents", json=body)

        assert answer(response) == (400, refusal("agent_name, organization_id, and user_id are required"))

    @pytest.mark.parametrize("kind", ["chat", "", None, 7])
    def test_only_two_types_exist(self, client: Client, kind: object) -> None:
        response = client.post("/v1/agents", json=voice_agent(agent_type=kind))

        assert answer(response) == (400, refusal("agent_type must be 'sms' or 'voice'"))

    @pytest.mark.parametrize("voice_id", ["", None])
    def test_a_voice_agent_needs_a_voice(self, client: Client, voice_id: str | None) -> None:
        response = client.post("/v1/agents", json=voice_agent(voice_id=voice_id))

        assert answer(response) == (400, refusal("voice_id is required for voice agents"))

    @pytest.mark.parametrize("field", ["starting_message", "prompt"])
    def test_a_required_field_that_no_sentence_names_is_named(self, client: Client, field: str) -> None:
        body = voice_agent()
        del body[field]

        assert answer(client.post("/v1/agents", json=body)) == (400, refusal(f"{field} required"))

    @pytest.mark.parametrize(
        "setting",
        [
            {"voice_speed": 0.4},
            {"voice_temperature": 2.1},
            {"responsiveness": -0.1},
            {"voicemail_detection_timeout_ms": 4999},
            {"kb_config": {"top_k": 11}},
            {"language": "tlh"},
            {"ambient_sound": "disco"},
            {"extraction_fields": [7]},
            {"boosted_keywords": "one"},
        ],
    )
    def test_a_setting_outside_its_documented_range_is_refused(self, client: Client, setting: dict[str, Any]) -> None:
        response = client.post("/v1/agents", json=voice_agent(**setting))

        assert response.status_code == 400
        assert response.json()["error"].startswith(next(iter(setting)))
        assert response.headers["X-Ringback-Evidence"] == "assumed"

    def test_unknown_owners_are_accepted(self, client: Client) -> None:
        response = client.post("/v1/agents", json=voice_agent(organization_id="org_nobody", user_id="user_nobody"))

        assert response.status_code == 201


class TestReadingAgents:
    def test_the_row_has_the_lists_names_for_what_the_request_said(self, client: Client) -> None:
        settings = {"enable_backchannel": True, "voicemail_message": "Call back.", "volume": 1.5}
        ids = create_agent(client, voice_agent(begin_message_delay_ms=500, **settings))

        row = agent(client, ids["agent_id"])
        assert row in agents(client)
        assert row["general_prompt"] == "Sell."
        assert row["greeting_prompt"] == row["first_sentence"] == "Hi {{first_name}}!"
        assert (row["backchannel"], row["voicemail_content"], row["first_message_delay"]) == (True, "Call back.", 500)
        assert row["created_by_user_id"] == OWNER["user_id"]
        assert "settings" not in row
        assert "volume" not in row

    @pytest.mark.parametrize("name", VOICE_IDS)
    def test_a_voice_agent_is_found_by_any_of_its_ids(self, client: Client, name: str) -> None:
        ids = create_agent(client, voice_agent())

        assert agent(client, ids[name])["agent_id"] == ids["agent_id"]

    @pytest.mark.parametrize("name", ["agent_id", "id"])
    def test_an_sms_agent_is_found_by_its_two_ids(self, client: Client, name: str) -> None:
        ids = create_agent(client, sms_agent())

        row = agent(client, ids[name])
        assert (row["unique_id"], row["voice_agent_id"], row["is_sms_agent"]) == (None, None, True)

    def test_an_unknown_agent_is_not_found(self, client: Client) -> None:
        assert answer(client.get("/v1/agents/agent_nobody")) == (404, refusal("Agent not found"))

    def test_the_list_is_filtered_by_type_and_owner(self, client: Client) -> None:
        sms = create_agent(client, sms_agent())["agent_id"]
        others = create_agent(client, voice_agent(user_id="user_other"))["agent_id"]

        of_sms = agents(client, agent_type="sms")
        assert (of_sms[-1]["agent_id"], {row["agent_type"] for row in of_sms}) == (sms, {"sms"})
        assert {sms, others} <= {row["agent_id"] for row in agents(client)}
        assert others not in [row["agent_id"] for row in agents(client, user_id=OWNER["user_id"])]
        assert others in [row["agent_id"] for row in agents(client, user_id=OWNER["user_id"], is_admin="true")]

    def test_the_list_needs_an_organization(self, client: Client) -> None:
        assert answer(client.get("/v1/agents")) == (400, refusal("organization_id required"))


class TestUpdatingAgents:
    @pytest.mark.parametrize("name", VOICE_IDS)
    def test_a_voice_agent_is_updated_by_any_of_its_ids(self, client: Client, name: str) -> None:
        ids = create_agent(client, voice_agent())

        response = client.patch(f"/v1/agents/{ids[name]}", json={"prompt": "Listen.", "voice_speed": 1.5})

        assert answer(response) == (
            200,
            {
                "success": True,
                "agent_id": ids[name],
                "message": "Agent updated successfully",
                "updated": {"voice_settings": True, "ai_behavior": True, "agent_info": False},
                "powered_by": "Teli",
            },
        )
        row = agent(client, ids["agent_id"])
        assert (row["general_prompt"], row["voice_speed"], row["agent_name"]) == ("Listen.", 1.5, "Sales Agent")
        assert row["modified_at"] > row["created_at"]

    def test_an_sms_agent_reports_no_groups(self, client: Client) -> None:
        id = create_agent(client, sms_agent())["agent_id"]

        response = client.patch(f"/v1/agents/{id}", json={"drip_schedule": [{"delay_hours": 24, "type": "ai"}]})

        said = {"success": True, "agent_id": id, "message": "Agent updated successfully", "powered_by": "Teli"}
        assert answer(response) == (200, said)
        assert agent(client, id)["drip_schedule"] == [{"delay_hours": 24, "type": "ai"}]

    def test_owner_and_type_never_change(self, client: Client) -> None:
        before = agent(client, "agent_abc123")

        client.patch("/v1/agents/agent_abc123", json={"organization_id": "x", "user_id": "y", "agent_type": "sms"})

        after = agent(client, "agent_abc123")
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"modified_at", "last_modification_timestamp"}

    def test_an_unknown_agent_is_not_found(self, client: Client) -> None:
        response = client.patch("/v1/agents/agent_nobody", json={"prompt": "Listen."})

        assert answer(response) == (404, refusal("Agent not found"))

    @pytest.mark.parametrize("operation", ["createAgent", "updateAgent"])
    def test_every_setting_of_the_page_is_kept_somewhere(self, specs: dict[str, Spec], operation: str) -> None:
        described = specs["teli"].operations[operation]
        assert described.body_schema is not None
        kept = {*described.contract["fields"], *described.contract["keeps"]}

        assert set(described.body_schema["properties"]) == kept


class TestAgentTools:
    def test_the_tools_are_counted(self, client: Client) -> None:
        tools = [{"type": "end_call", "name": "end_call"}, {"type": "custom", "name": "look_up", "url": "https://x.y"}]

        response = client.patch("/v1/agents/agent_abc123/tools", json={"tools": tools})

        assert answer(response) == (
            200,
            {
                "success": True,
                "agent_id": "agent_abc123",
                "tools_count": 2,
                "message": "Agent tools updated successfully",
                "powered_by": "Teli",
            },
        )

    @pytest.mark.parametrize(
        ("tools", "sentence"),
        [
            (None, "tools required"),
            ([{"type": "end_call", "name": "bye"}] * 2, "Tool names must be unique: bye"),
        ],
    )
    def test_missing_tools_and_equal_names_are_refused(self, client: Client, tools: Any, sentence: str) -> None:
        response = client.patch("/v1/agents/agent_abc123/tools", json={"tools": tools})

        assert answer(response) == (400, refusal(sentence))

    def test_a_name_is_written_in_snake_case(self, client: Client) -> None:
        response = client.patch("/v1/agents/agent_abc123/tools", json={"tools": [{"type": "end_call", "name": "End"}]})

        assert response.status_code == 400

    def test_an_sms_agent_has_no_tools(self, client: Client) -> None:
        id = create_agent(client, sms_agent())["agent_id"]

        response = client.patch(f"/v1/agents/{id}/tools", json={"tools": []})

        assert answer(response) == (400, refusal("Tools are only available for voice agents"))

    def test_an_unknown_agent_is_not_found(self, client: Client) -> None:
        response = client.patch("/v1/agents/agent_nobody/tools", json={"tools": []})

        assert answer(response) == (404, refusal("Agent not found"))


class TestDeletingAgents:
    @pytest.mark.parametrize("name", VOICE_IDS)
    def test_a_deleted_agent_is_gone_by_all_its_ids(self, client: Client, name: str) -> None:
        ids = create_agent(client, voice_agent())

        response = client.delete(f"/v1/agents/{ids[name]}")

        said = {"success": True, "message": "Agent deleted successfully", "agent_id": ids[name], "powered_by": "Teli"}
        assert answer(response) == (200, said)
        assert ids["agent_id"] not in [row["agent_id"] for row in agents(client)]
        for other in VOICE_IDS:
            assert answer(client.delete(f"/v1/agents/{ids[other]}")) == (404, refusal("Agent not found"))

    def test_its_links_are_cleared_by_whichever_id_they_were_made(self, client: Client) -> None:
        ids = create_agent(client, voice_agent())
        links = {"inbound_agent_id": ids["voice_agent_id"], "outbound_agent_id": ids["id"]}
        client.post(f"{NUMBERS}/{NUMBER}/update-agent", json=links)
        other = create_number(client)
        client.post(f"{NUMBERS}/{other}/update-agent", json={"inbound_agent_id": "agent_xyz789"})

        client.delete(f"/v1/agents/{ids['agent_id']}")

        row = row_of(client, NUMBER)
        assert (row["inbound_agent_id"], row["outbound_agent_id"]) == (None, None)
        assert row_of(client, other)["inbound_agent_id"] == "agent_xyz789"


class TestOrganizations:
    def test_a_new_organization_is_listed_and_found_by_its_unique_id(self, client: Client) -> None:
        response = client.post("/v1/organizations", json={"name": "Acme", "contact_email": "a@example.com"})

        status, body = answer(response)
        id = body["organization"]["unique_id"]
        shown = {"unique_id": id, "name": "Acme", "sms_active": False, "teli_sms_number": None}
        shown["sms_registration_status"] = "not_started"
        assert (status, body) == (201, {"success": True, "organization": shown, "powered_by": "Teli"})
        totals = {"total_sms_outbound": 0, "total_sms_inbound": 0}
        found = client.get(f"/v1/organizations/{id}")
        assert answer(found) == (200, {"organization": {**shown, **totals}, "powered_by": "Teli"})
        listed = client.get("/v1/organizations").json()
        assert listed["count"] == len(listed["organizations"])
        assert listed["organizations"][-1]["contact_email"] == "a@example.com"

    @pytest.mark.parametrize("field", ["name", "contact_email"])
    def test_a_missing_field_is_named(self, client: Client, field: str) -> None:
        body = {"name": "Acme", "contact_email": "a@example.com"}
        del body[field]

        assert answer(client.post("/v1/organizations", json=body)) == (400, refusal(f"{field} is required"))

    @pytest.mark.parametrize("id", ["nobody", "4d051118-c116-4923-8ff4-1a9761115fec"])
    def test_an_unknown_id_and_the_uuid_are_not_found(self, client: Client, id: str) -> None:
        assert answer(client.get(f"/v1/organizations/{id}")) == (404, refusal("Organization not found"))


class TestUsers:
    def test_a_new_user_is_listed_with_the_uuid_of_the_organization(self, client: Client) -> None:
        wanted = {"name": "John Smith", "email": "john@example.com", "permission": "admin", "phone": "+15551234567"}

        status, body = answer(client.post(f"{ORGANIZATION}/users", json=wanted))

        id = body["user"]["unique_id"]
        shown = {"unique_id": id, "name": "John Smith", "email": "john@example.com", "permission": "admin"}
        counts = {"total_campaigns": 0, "total_agents": 0}
        assert (status, body) == (201, {"success": True, "user": {**shown, **counts}, "powered_by": "Teli"})
        listed = client.get(f"{ORGANIZATION}/users").json()
        row = listed["users"][-1]
        assert (listed["count"], row["unique_id"], row["phone"]) == (3, id, "+15551234567")
        assert row["organization_id"] == "4d051118-c116-4923-8ff4-1a9761115fec"
        assert {"address", "organization_unique_id"}.isdisjoint(row)

    @pytest.mark.parametrize("field", ["name", "email"])
    def test_a_missing_field_is_named(self, client: Client, field: str) -> None:
        body = {"name": "John Smith", "email": "john@example.com"}
        del body[field]

        assert answer(client.post(f"{ORGANIZATION}/users", json=body)) == (400, refusal(f"{field} is required"))

    def test_an_email_address_is_taken_once_in_an_organization(self, client: Client) -> None:
        body = {"name": "Ann", "email": "ann@example.com"}
        client.post(f"{ORGANIZATION}/users", json=body)

        again = client.post(f"{ORGANIZATION}/users", json=body)
        elsewhere = client.post("/v1/organizations/1763070568417x631086913669115287/users", json=body)

        sentence = "A user with email ann@example.com already exists in this organization"
        assert answer(again) == (400, refusal(sentence))
        assert elsewhere.status_code == 201

    def test_a_changed_address_is_free_again(self, client: Client) -> None:
        body = {"name": "Ann", "email": "ann@example.com"}
        id = client.post(f"{ORGANIZATION}/users", json=body).json()["user"]["unique_id"]

        client.patch(f"{ORGANIZATION}/users/{id}", json={"email": "ann@example.org"})

        assert client.post(f"{ORGANIZATION}/users", json=body).status_code == 201
        taken = client.post(f"{ORGANIZATION}/users", json={"name": "Ann", "email": "ann@example.org"})
        assert taken.status_code == 400

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_an_unknown_organization_has_no_users(self, client: Client, method: str) -> None:
        body = {"json": {"name": "Ann", "email": "ann@example.com"}} if method == "post" else {}

        response = getattr(client, method)("/v1/organizations/nobody/users", **body)

        assert answer(response) == (404, refusal("Organization not found"))

    def test_an_update_shows_the_whole_user(self, client: Client) -> None:
        wanted = {"name": "Jane Smith", "email": "jane@company.com", "phone": "+15551234567", "status": "inactive"}

        response = client.patch(USER, json=wanted)

        user = {"unique_id": OWNER["user_id"], "permission": "admin", **wanted}
        said = {"success": True, "message": "User updated successfully", "user": user, "powered_by": "Teli"}
        assert answer(response) == (200, said)
        assert client.get(f"{ORGANIZATION}/users").json()["users"][0]["status"] == "inactive"

    def test_an_update_needs_a_known_field(self, client: Client) -> None:
        sentence = "No valid fields to update. Allowed: name, email, permission, phone, status"

        assert answer(client.patch(USER, json={"nickname": "Jane"})) == (400, refusal(sentence))

    def test_an_address_of_another_user_changes_nothing(self, client: Client) -> None:
        client.post(f"{ORGANIZATION}/users", json={"name": "Ann", "email": "ann@example.com"})

        response = client.patch(USER, json={"name": "Zoe", "email": "Ann@Example.com"})

        sentence = "A user with email Ann@Example.com already exists in this organization"
        assert answer(response) == (400, refusal(sentence))
        assert client.get(f"{ORGANIZATION}/users").json()["users"][0]["name"] == "Example Owner"

    @pytest.mark.parametrize(
        "path",
        [
            f"{ORGANIZATION}/users/nobody",
            f"/v1/organizations/1763070568417x631086913669115287/users/{OWNER['user_id']}",
        ],
    )
    def test_an_unknown_user_or_one_of_another_organization_is_not_found(self, client: Client, path: str) -> None:
        assert answer(client.patch(path, json={"name": "Jane"})) == (404, refusal("User not found"))
