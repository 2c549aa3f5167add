"""The specs against the five pages: the mock and the check read the same spec, so neither notices a mistyped sentence.

Everything under `PAGES` was copied by hand from a page. What a page shows must stand in the spec to the letter, and
whatever the spec grades as `seed` must stand on a page. The specs are read as plain YAML, without Ringback's loader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import openapi_spec_validator
import pytest
import schemathesis
import yaml

SPECS = {file.stem: file for file in sorted((Path(__file__).parents[1] / "openapi").glob("*.yaml"))}
TYPES = {
    bool: "boolean",
    str: "string",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Page:
    """What a page says of an operation.

    `requests` and `answers` are its JSON examples. `outline` is the generated box of the success, or the page's list of
    its fields written like one: "<string>", 123 and true stand for any value of their type. Where the outline is all
    that a page shows of its success, `answers` is empty. `fields` are those of the request body with their JSON types,
    `required` the ones that the page marks so, `always` the fields of the success that it marks so.
    """

    provider: str
    requests: list[Any]
    answers: list[tuple[int, Any]]
    outline: Any
    fields: dict[str, set[str]]
    required: set[str] = field(default_factory=set)
    always: set[str] | None = None
    statuses: set[int] = field(default_factory=lambda: {200})


STRING = {"string"}

TELI_UPDATE_AGENT = Page(
    provider="teli",
    requests=[
        # Example Requests
        {"inbound_agent_id": "agent_abc123"},
        {"inbound_agent_id": "agent_abc123", "outbound_agent_id": "agent_xyz789", "nickname": "Main Sales Line"},
        # Clear an Agent Assignment
        {"inbound_agent_id": ""},
        # Use Cases
        {"inbound_agent_id": "agent_receptionist_001"},
        {"outbound_agent_id": "agent_sales_dialer_001"},
        {
            "inbound_agent_id": "agent_support_001",
            "outbound_agent_id": "agent_sales_001",
            "nickname": "Customer Success Line",
        },
        # Agent Linking, on the page of create
        {
            "outbound_agent_id": "74014854-b110-46c8-b037-18f0149baae6",
            "inbound_agent_id": "c43fc766-9e49-46aa-9a46-325c8c894a58",
        },
    ],
    answers=[
        (
            200,
            {
                "success": True,
                "phone_number": "+14155551234",
                "message": "Phone number updated successfully",
                "inbound_agent_id": "agent_abc123",
                "outbound_agent_id": "agent_xyz789",
                "nickname": "Main Sales Line",
                "powered_by": "Teli",
            },
        ),
        (
            400,
            {
                "error": "At least one of inbound_agent_id, outbound_agent_id, or nickname required",
                "success": False,
                "powered_by": "Teli",
            },
        ),
        (500, {"error": "Agent not found or invalid agent ID", "success": False, "powered_by": "Teli"}),
        (500, {"error": "Phone number not found or invalid", "success": False, "powered_by": "Teli"}),
    ],
    outline={
        "success": True,
        "phone_number": "<string>",
        "message": "<string>",
        "inbound_agent_id": "<string>",
        "outbound_agent_id": "<string>",
        "nickname": "<string>",
        "powered_by": "<string>",
    },
    # "Set to empty string "" or null to clear the assignment"
    fields={
        "inbound_agent_id": {"string", "null"},
        "outbound_agent_id": {"string", "null"},
        "nickname": STRING,
    },
    statuses={200, 400, 500},
)

TELI_CREATE = Page(
    provider="teli",
    requests=[
        {
            "area_code": "313",
            "user_id": "1762896366429x599348279945132448",
            "organization_id": "1762896364768x389173798861431550",
            "tenant_id": "your_tenant",
        },
    ],
    answers=[
        (
            200,
            {
                "success": True,
                "phone_number": "+13137316433",
                "phone_number_pretty": "+1 313-731-6433",
                "area_code": "313",
                "phone_number_type": "teli-voice-twilio",
                "powered_by": "Teli",
            },
        ),
        (400, {"error": "area_code and user_id required", "success": False, "powered_by": "Teli"}),
        (
            500,
            {
                "error": "Failed to provision phone number",
                "message": "No numbers available in area code 999",
                "success": False,
                "powered_by": "Teli",
            },
        ),
    ],
    outline={
        "success": True,
        "phone_number": "<string>",
        "phone_number_pretty": "<string>",
        "area_code": "<string>",
        "phone_number_type": "<string>",
        "powered_by": "<string>",
    },
    fields={
        "area_code": STRING,
        "user_id": STRING,
        "organization_id": STRING,
        "tenant_id": STRING,
        "nickname": STRING,
    },
    required={"area_code", "user_id", "organization_id", "tenant_id"},
    statuses={200, 400, 500},
)

VOGENT_UPDATE = Page(
    provider="vogent",
    requests=[{"agentId": "<string>"}],
    answers=[(200, {"id": "<string>", "number": "+18001234567", "type": "PSTN", "agentId": "<string>"})],
    outline={"id": "<string>", "number": "<string>", "type": "<string>", "agentId": "<string>"},
    fields={"agentId": STRING},
    always={"id", "number", "type", "agentId"},
    statuses={200, 400, 422},
)

INTERACTLY_UPDATE = Page(
    provider="interactly",
    requests=[
        {"assistantId": "a12f9c88-c155-461f-9771-4d240cdc9a04", "inboundEnabled": True, "outboundEnabled": True},
        # "To detach assistant, give empty string."
        {"assistantId": ""},
    ],
    answers=[
        (
            200,
            {
                "_id": "a12f9c88-c155-461f-9771-4d240cdc9a04",
                "teamId": "1f7b1b1b1b1b1b1b1b1b1b1b",
                "number": "+1234567890",
                "provider": {"name": "twilio"},
                "assistantId": "a12f9c88-c155-461f-9771-4d240cdc9a04",
                "inboundEnabled": True,
                "outboundEnabled": True,
                "label": "friendly-name-1",
            },
        ),
    ],
    outline={
        "_id": "<string>",
        "teamId": "<string>",
        "number": "<string>",
        "provider": {"name": "<string>"},
        "assistantId": "<string>",
        "inboundEnabled": True,
        "outboundEnabled": True,
        "label": "<string>",
    },
    fields={"assistantId": STRING, "inboundEnabled": {"boolean"}, "outboundEnabled": {"boolean"}},
    always={"_id", "teamId", "number", "provider"},
)

UPONAI_AGENT = {"agent_id": "<string>", "agent_version": 123, "weight": 123}
UPONAI_UPDATE = Page(
    provider="uponai",
    requests=[
        {
            "accountSid": "29e90072-fb58-4c6c-870a-43005115131e",
            "workspaceId": 1,
            "outboundAgentId": "agent_d3c2df14e163c7ca8ac5b1bf38",
            "outboundAgentVersion": 0,
            "inboundAgents": [
                {"agent_id": "agent_d3c2df14e163c7ca8ac5b1bf38", "agent_version": 0, "weight": 0.5},
                {"agent_id": "agent_1f864a29b7c2ab407103c88335", "agent_version": 0, "weight": 0.5},
            ],
            "inboundWebhookUrl": "https://app.uponai.com/inbound-dynamic-vars/1/uponaiworkspace-913",
            "isTimeRoutingEnabled": False,
        },
    ],
    answers=[],
    outline={
        "success": True,
        "message": "<string>",
        "numbers": [
            {
                "id": 123,
                "number": "<string>",
                "base_number": "<string>",
                "account_sid": "<string>",
                "workspace_id": 123,
                "agent_id": "<string>",
                "default_agent_id": "<string>",
                "inbound_agent_id": "<string>",
                "inbound_agents": [UPONAI_AGENT],
                "outbound_agents": [UPONAI_AGENT],
                "inbound_agent_version": 123,
                "outbound_agent_version": 123,
                "application_sid": "<string>",
                "phone_number_sid": "<string>",
                "inbound_webhook_url": "<string>",
                "is_time_routing_enabled": True,
                "platform_import_error": True,
                "platform_import_error_message": "<string>",
            }
        ],
        "assignment": {
            "account_sid": "<string>",
            "workspace_id": 123,
            "agent_id": "<string>",
            "inbound_agent_id": "<string>",
            "outbound_agents": [UPONAI_AGENT],
            "inbound_agents": [UPONAI_AGENT],
            "is_time_routing_enabled": True,
            "platform_import_error": True,
            "platform_import_error_message": "<string>",
        },
    },
    fields={
        "accountSid": STRING,
        "workspaceId": {"integer"},
        "outboundAgentId": {"string", "null"},
        "outboundAgentVersion": {"integer"},
        "inboundAgents": {"array"},
        "inboundWebhookUrl": {"string", "null"},
        "isTimeRoutingEnabled": {"boolean"},
    },
    required={"accountSid", "workspaceId"},
)

TELI = "https://api.teli.ai/v1/voice/phone-numbers"
PAGES = {
    # "Both methods supported: POST and PATCH are both accepted"
    f"POST {TELI}/{{phone_number}}/update-agent": TELI_UPDATE_AGENT,
    f"PATCH {TELI}/{{phone_number}}/update-agent": TELI_UPDATE_AGENT,
    f"POST {TELI}/create": TELI_CREATE,
    "PUT https://api.vogent.ai/api/phone_numbers/{id}": VOGENT_UPDATE,
    "PUT https://api-prod.interactly.ai/assistants/v1/numbers/{id}": INTERACTLY_UPDATE,
    "PUT https://api.upon-ai.com/api/numbers/{number}/agent": UPONAI_UPDATE,
}
every_page = pytest.mark.parametrize("operation", PAGES)


# How the specs are read


@cache
def spec_of(provider: str) -> Any:
    return yaml.safe_load(SPECS[provider].read_text())


def resolved(provider: str, node: Any) -> Any:
    """The node, or what its local `$ref` points to, with whatever stands beside the `$ref` in place of its own."""
    while "$ref" in node:
        target = spec_of(provider)
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def operations(provider: str) -> dict[str, Any]:
    """The operations of a spec by method and whole address, as `PAGES` names them."""
    spec = spec_of(provider)
    base = spec["servers"][0]["url"].rstrip("/")
    return {
        f"{method.upper()} {base}{path}": item[method]
        for path, item in spec["paths"].items()
        for method in METHODS
        if method in item
    }


class Example(NamedTuple):
    """A named example of a spec; `status` is None for that of a request, `grade` is its own or inherited."""

    operation: str
    status: int | None
    name: str
    value: Any
    grade: str


def examples(provider: str) -> Iterator[Example]:
    """All named examples of a spec, the answers that its operations share included."""
    for operation, node in operations(provider).items():
        parts = [(None, node.get("requestBody", {}))]
        parts += [(int(status), answer) for status, answer in node["responses"].items()]
        for status, part in parts:
            yield from examples_of(provider, operation, status, resolved(provider, part), node["x-evidence"])
    for name, answer in spec_of(provider)["x-answers"].items():
        example = resolved(provider, answer["example"])
        yield Example("every operation", answer["status"], name, example["value"], example["x-evidence"]["grade"])


def examples_of(
    provider: str, operation: str, status: int | None, part: Any, evidence: dict[str, str]
) -> Iterator[Example]:
    for media in part.get("content", {}).values():
        for name, reference in media.get("examples", {}).items():
            example = resolved(provider, reference)
            said = part.get("x-evidence", evidence)
            # A response may say it of its status and of its body, each by itself.
            said = said if "grade" in said else said.get("body", evidence)
            grade = example.get("x-evidence", said)["grade"]
            yield Example(operation, status, name, example["value"], grade)


def fits(copied: Any, value: Any) -> bool:
    """Whether the value is what the page shows, where "<string>" stands for any string; true is not 1, 1 is not 1.0."""
    if copied == "<string>":
        return isinstance(value, str)
    if isinstance(copied, dict) and isinstance(value, dict):
        return copied.keys() == value.keys() and all(fits(copied[key], value[key]) for key in copied)
    if isinstance(copied, list) and isinstance(value, list):
        return len(copied) == len(value) and all(map(fits, copied, value))
    return type(copied) is type(value) and bool(copied == value)


def fills(outline: Any, value: Any) -> bool:
    """Whether the value is of the outline's shape; a field may be missing, as an outline requires none."""
    if isinstance(outline, dict):
        return isinstance(value, dict) and all(key in outline and fills(outline[key], value[key]) for key in value)
    if isinstance(outline, list):
        return isinstance(value, list) and all(fills(outline[0], item) for item in value)
    return type_of(value) in types_like(outline)


def type_of(value: Any) -> str:
    return TYPES[type(value)]


def types_like(outlined: Any) -> set[str]:
    """The JSON types that an outline's placeholder stands for: 123 is any number."""
    return {"integer", "number"} if type_of(outlined) == "integer" else {type_of(outlined)}


def types_of(schema: Any) -> set[str]:
    said = schema.get("type", type_of(schema["const"]) if "const" in schema else [])
    return {said} if isinstance(said, str) else set(said)


def schema_differences(provider: str, outline: Any, schema: Any, place: str = "") -> list[str]:
    """Where field names or types of a schema are others than those of a page's outline."""
    schema = resolved(provider, schema)
    if isinstance(outline, dict):
        fields = schema.get("properties", {})
        found = [f"{place}/{name}: in one of the two only" for name in outline.keys() ^ fields.keys()]
        for name in outline.keys() & fields.keys():
            found += schema_differences(provider, outline[name], fields[name], f"{place}/{name}")
        return found
    if isinstance(outline, list):
        return schema_differences(provider, outline[0], schema.get("items", {}), f"{place}/*")
    said = types_of(schema)
    return [] if said & types_like(outline) else [f"{place}: {sorted(said)} instead of {type_of(outline)}"]


def on_page(page: Page, example: Example) -> bool:
    """Whether the page shows the example: to the letter, or as an outline where it shows no more."""
    if example.status is None:
        return any(fits(request, example.value) for request in page.requests)
    if example.status == 200 and not page.answers:
        return fills(page.outline, example.value)
    return any(status == example.status and fits(answer, example.value) for status, answer in page.answers)


def json_schema(part: Any) -> Any:
    return part["content"]["application/json"]["schema"]


# What the pages show is in the specs.


@every_page
def test_an_operation_of_the_pages_is_in_the_spec_with_its_method_and_address(operation: str) -> None:
    assert operation in operations(PAGES[operation].provider)


@every_page
def test_every_request_example_of_the_pages_is_in_the_spec(operation: str) -> None:
    page = PAGES[operation]
    known = [e.value for e in examples(page.provider) if e.operation == operation and e.status is None]
    missing = [copied for copied in page.requests if not any(fits(copied, value) for value in known)]
    assert missing == [], f"the spec has instead:\n{json.dumps(known, indent=1)}"


@every_page
def test_every_answer_of_the_pages_is_in_the_spec_under_its_status(operation: str) -> None:
    page = PAGES[operation]
    known = [(e.status, e.value) for e in examples(page.provider) if e.operation == operation]
    missing = [
        (status, copied)
        for status, copied in page.answers
        if not any(status == other and fits(copied, value) for other, value in known)
    ]
    assert missing == [], f"the spec has instead:\n{json.dumps(known, indent=1)}"


@every_page
def test_every_status_of_the_pages_is_in_the_spec(operation: str) -> None:
    page = PAGES[operation]
    documented = {int(status) for status in operations(page.provider)[operation]["responses"]}
    assert page.statuses <= documented


@every_page
def test_the_success_has_the_fields_of_the_pages_outline(operation: str) -> None:
    """Neither a field more nor one less, under the page's names, with the page's types."""
    page = PAGES[operation]
    success = resolved(page.provider, operations(page.provider)[operation]["responses"]["200"])
    assert schema_differences(page.provider, page.outline, json_schema(success)) == []


@every_page
def test_the_success_must_have_the_fields_that_the_page_marks_required(operation: str) -> None:
    """Teli's pages mark none of a response; UponAI's marks none because all are optional."""
    page = PAGES[operation]
    success = resolved(page.provider, operations(page.provider)[operation]["responses"]["200"])
    if page.always is not None:
        assert set(resolved(page.provider, json_schema(success)).get("required", [])) == page.always


def test_vogents_number_has_one_of_the_two_types_of_the_page() -> None:
    """The page lists the available options."""
    (operation,) = [name for name, page in PAGES.items() if page is VOGENT_UPDATE]
    success = resolved("vogent", operations("vogent")[operation]["responses"]["200"])
    number = resolved("vogent", json_schema(success))
    assert resolved("vogent", number["properties"]["type"])["enum"] == ["PSTN", "SIP_USERNAME"]


@every_page
def test_the_request_has_the_fields_of_the_page(operation: str) -> None:
    page = PAGES[operation]
    schema = resolved(page.provider, json_schema(operations(page.provider)[operation]["requestBody"]))
    said = {name: types_of(resolved(page.provider, child)) for name, child in schema["properties"].items()}
    assert said == page.fields
    assert set(schema.get("required", [])) == page.required


# What the specs grade as seed is on the pages.


@pytest.mark.parametrize("provider", SPECS)
def test_an_example_that_claims_to_be_on_the_pages_is_there(provider: str) -> None:
    """A request of the spec must be one of the page's, an answer one of its answers under the same status."""
    invented = [
        f"{example.operation}: {example.status or 'request'} {example.name}: {example.value}"
        for example in examples(provider)
        if example.grade == "seed" and not (example.operation in PAGES and on_page(PAGES[example.operation], example))
    ]
    assert invented == []


@pytest.mark.parametrize("provider", SPECS)
def test_an_operation_that_claims_to_be_on_the_pages_is_one_of_theirs(provider: str) -> None:
    claiming = {name for name, node in operations(provider).items() if node["x-evidence"]["grade"] == "seed"}
    assert claiming == {name for name, page in PAGES.items() if page.provider == provider}


# Others read the specs too.


def test_there_is_a_spec_for_every_vendor_of_the_pages() -> None:
    assert {page.provider for page in PAGES.values()} <= SPECS.keys()


@pytest.mark.parametrize("provider", SPECS)
def test_openapi_spec_validator_accepts_the_spec(provider: str) -> None:
    openapi_spec_validator.validate(spec_of(provider))


@pytest.mark.parametrize("provider", SPECS)
def test_schemathesis_loads_every_operation_of_the_spec(provider: str) -> None:
    """As `schemathesis run openapi/teli.yaml` would."""
    loaded = [result.ok() for result in schemathesis.openapi.from_path(SPECS[provider]).get_all_operations()]
    base = spec_of(provider)["servers"][0]["url"].rstrip("/")
    assert {f"{one.method.upper()} {base}{one.path}" for one in loaded} == operations(provider).keys()
