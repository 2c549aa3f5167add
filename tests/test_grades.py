"""How single statements of the specs are known, each held against what its page really shows.

A box of placeholders shows names and JSON kinds, an "e.g." shows one value, a sentence without a number no status.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mock_server.spec import Spec, stated
from tests.conftest import ROOT

NO_PAGE = "assumed"

ANSWERED = [
    # One "e.g." is no format; that it is a number of the US or Canada is said.
    ("teli", "createPhoneNumber", 200, "phone_number_pretty", "pattern", NO_PAGE),
    ("teli", "createPhoneNumber", 200, "phone_number_pretty", "type", None),
    ("teli", "createPhoneNumber", 200, "phone_number", "pattern", "seed"),
    # Fields that a page shows are there; that they are always there is said nowhere.
    ("teli", "listPhoneNumbers", 200, "phone_numbers.0.provider", "type", "doc"),
    ("teli", "listPhoneNumbers", 200, "phone_numbers.0.provider", "required", NO_PAGE),
    ("teli", "listPhoneNumbers", 200, "phone_numbers.0.nickname", "type", "doc"),
    ("teli", "listAgents", 200, "agents.0.agent_name", "required", NO_PAGE),
    ("teli", "listOrganizations", 200, "organizations.0.id", "required", NO_PAGE),
    ("teli", "listUsers", 200, "users.0.status", "required", NO_PAGE),
    ("teli", "createAgent", 201, "voice_agent_id", "pattern", NO_PAGE),
    ("teli", "createAgent", 201, "voice_llm_id", "pattern", NO_PAGE),
    ("teli", "createAgent", 201, "voice_llm_id", "type", "doc"),
    # A box with placeholders does not show whether a value may be null.
    ("uponai", "updatePhoneNumberAssignment", 200, "numbers.0.inbound_webhook_url", "null", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", 200, "numbers.0.inbound_agents.0.weight", "null", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", 200, "assignment.agent_id", "null", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", 200, "numbers.0.inbound_webhook_url", "type", "seed"),
    # No page shows the body of an error.
    ("vogent", "updatePhoneNumber", 400, "message", "required", NO_PAGE),
    ("vogent", "updatePhoneNumber", 422, "errors", "required", NO_PAGE),
    ("vogent", "updatePhoneNumber", 200, "agentId", "required", "seed"),
    ("interactly", "updateNumber", 404, "message", "type", NO_PAGE),
    ("interactly", "updateNumber", 200, "teamId", "required", "seed"),
]

ASKED = [
    ("uponai", "updatePhoneNumberAssignment", "accountSid", "required", None),
    ("uponai", "updatePhoneNumberAssignment", "workspaceId", "required", None),
    ("uponai", "updatePhoneNumberAssignment", "inboundAgents.0.weight", "required", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", "inboundAgents.0.weight", "maximum", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", "inboundAgents.0.weight", "exclusiveMinimum", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", "inboundAgents.0.weight", "type", None),
    ("uponai", "updatePhoneNumberAssignment", "inboundWebhookUrl", "pattern", NO_PAGE),
    ("uponai", "updatePhoneNumberAssignment", "inboundWebhookUrl", "format", None),
    ("vogent", "createPhoneNumber", "sipImport.phoneNumber", "pattern", "doc"),
    ("vogent", "createPhoneNumber", "vogentSip.sipPrefix", "empty", NO_PAGE),
    ("vogent", "createPhoneNumber", "purchase", "const", NO_PAGE),
    ("vogent", "searchPhoneNumbers", "limit", "minimum", NO_PAGE),
    ("vogent", "searchPhoneNumbers", "limit", "maximum", "doc"),
    ("vogent", "updatePhoneNumber", "agentId", "null", NO_PAGE),
    ("vogent", "createAgent", "voiceOptionValues", "type", "doc"),
    ("teli", "createAgent", "voice_id", "required", NO_PAGE),
    ("teli", "createPhoneNumber", "tenant_id", "required", None),
]


def _grade(schema: Any, field: str, kind: str) -> str | None:
    said = stated(schema, field, kind)
    return said.grade if said is not None else None


@pytest.mark.parametrize(("provider", "operation", "status", "field", "kind", "grade"), ANSWERED)
def test_a_statement_about_an_answer_has_the_grade_of_what_its_page_shows(
    specs: dict[str, Spec], provider: str, operation: str, status: int, field: str, kind: str, grade: str | None
) -> None:
    """None: as sure as the operation, whose page shows that very thing."""
    schema = specs[provider].operations[operation].responses[status].schema
    assert _grade(schema, field, kind) == grade


@pytest.mark.parametrize(("provider", "operation", "field", "kind", "grade"), ASKED)
def test_a_statement_about_a_request_has_the_grade_of_what_its_page_shows(
    specs: dict[str, Spec], provider: str, operation: str, field: str, kind: str, grade: str | None
) -> None:
    assert _grade(specs[provider].operations[operation].body_schema, field, kind) == grade


@pytest.mark.parametrize(
    ("provider", "operation"),
    [
        ("interactly", "updateNumber"),
        ("interactly", "listNumbers"),
        ("interactly", "importNumber"),
        ("interactly", "purchaseNumber"),
        ("uponai", "updatePhoneNumberAssignment"),
    ],
)
def test_a_sentence_without_a_number_shows_no_status(specs: dict[str, Spec], provider: str, operation: str) -> None:
    response = specs[provider].operations[operation].responses[200]
    assert response.status_evidence is not None
    assert response.status_evidence.grade == "assumed"
    assert response.evidence.grade in ("seed", "doc")


@pytest.mark.parametrize(
    ("provider", "operation", "request_name", "grade"),
    [
        ("uponai", "updatePhoneNumberAssignment", "uneven-weights", "seed"),
        ("uponai", "updatePhoneNumberAssignment", "time-routing", "seed"),
        ("interactly", "updateNumber", "attach-another", "seed"),
        ("interactly", "updateNumber", "disable-inbound", "seed"),
        ("interactly", "updateNumber", "disable-outbound", "seed"),
        ("interactly", "updateNumber", "detach", "seed"),
        ("teli", "listPhoneNumbers", "own", "doc"),
        ("teli", "listPhoneNumbers", "organization", "doc"),
    ],
)
def test_what_a_page_says_in_words_is_not_graded_below_it(
    specs: dict[str, Spec], provider: str, operation: str, request_name: str, grade: str
) -> None:
    assert specs[provider].operations[operation].requests[request_name].evidence.grade == grade


def test_an_area_code_that_is_none_is_refused_in_some_form_and_the_form_is_ours(specs: dict[str, Spec]) -> None:
    """ "Area codes must be valid US/Canada area codes"."""
    request = specs["teli"].operations["createPhoneNumber"].requests["no-area-of-the-us-or-canada"]
    assert request.refused is not None
    assert (request.refused.grade, request.evidence.grade) == ("seed", "assumed")


def test_the_ownership_parameter_is_on_the_page_of_create(specs: dict[str, Spec]) -> None:
    """ "Admin users can see all organization phone numbers; regular users see only their own phone numbers"."""
    operation = specs["teli"].operations["listPhoneNumbers"]
    (parameter,) = [one for one in operation.parameters_in("query") if one.name == "is_admin"]
    assert _grade(parameter.schema, "", "type") == "seed"


def test_the_answer_to_any_failure_of_a_server_is_ours(specs: dict[str, Spec]) -> None:
    """Teli's page gives the meaning of 500, and no body."""
    assert {name: spec.answers["error"].evidence.grade for name, spec in specs.items()} == dict.fromkeys(specs, NO_PAGE)


def test_every_component_says_how_it_is_known(specs: dict[str, Spec]) -> None:
    silent = []
    for provider in specs:
        components = yaml.safe_load((ROOT / "openapi" / f"{provider}.yaml").read_text(encoding="utf-8"))["components"]
        silent += [f"{provider} {name}" for name, one in components["schemas"].items() if "x-evidence" not in one]
    assert silent == []


def test_the_first_server_of_every_vendor_stands_on_the_first_pages() -> None:
    for file in sorted((ROOT / "openapi").glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert document["servers"][0]["x-evidence"]["grade"] == "seed", file
