"""Each statement of a spec counts with the evidence of the nearest place that speaks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.words.schemas import grade_of
from mock_server.messages import Violation
from mock_server.spec import Operation, SpecError, load, refused_in_some_form, stated
from tests.conftest import ROOT

SEED = {"grade": "seed", "source": "the page"}
DOC = {"grade": "doc", "source": "another page"}
OURS = {"grade": "assumed", "source": "us"}

NUMBER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "pretty", "label"],
    "x-evidence": {"*": SEED, "null": OURS},
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "pretty": {"type": "string", "pattern": "^x", "x-evidence": {"pattern": OURS}},
        "label": {"type": "string", "x-evidence": {"required": OURS, "empty": DOC}, "minLength": 1},
        "rows": {"type": "array", "items": {"type": "object", "x-evidence": DOC, "properties": {"a": {}}}},
    },
}


@pytest.mark.parametrize(
    ("field", "kind", "grade"),
    [
        ("", "type", "seed"),
        ("id", "type", "seed"),
        ("id", "required", "seed"),
        ("id", "null", "assumed"),  # what is said of null above holds for everything inside
        ("pretty", "pattern", "assumed"),
        ("pretty", "type", "seed"),
        ("label", "required", "assumed"),
        ("label", "empty", "doc"),
        ("rows.0", "type", "doc"),
        ("rows.3.a", "null", "doc"),  # the nearer statement wins
        ("unknown.field", "type", "seed"),
    ],
)
def test_a_keyword_is_known_by_the_nearest_statement_that_speaks_of_it(field: str, kind: str, grade: str) -> None:
    said = stated(NUMBER, field, kind)
    assert said is not None
    assert said.grade == grade


def test_a_schema_that_says_nothing_leaves_it_to_the_operation() -> None:
    assert stated({"type": "object", "properties": {"a": {"type": "string"}}}, "a", "type") is None


def test_a_member_is_found_in_each_part_that_a_schema_is_made_of() -> None:
    one = {"properties": {"a": {"type": "string", "x-evidence": DOC}}}
    for schema in ({"allOf": [one]}, {"oneOf": [{}, one]}, {"if": {}, "then": one}, {"else": one}):
        said = stated(schema, "a", "type")
        assert said is not None
        assert said.grade == "doc", schema


Load = Callable[[Callable[[dict[str, Any]], object]], dict[str, Operation]]


@pytest.fixture
def acme(tmp_path: Path) -> Load:
    """The operations of the small fifth vendor with a change in its spec."""

    def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Operation]:
        document = yaml.safe_load((ROOT / "tests" / "fifth_vendor" / "openapi.yaml").read_text(encoding="utf-8"))
        change(document)
        file = tmp_path / "acme.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        return dict(load(file).operations)

    return changed


def _success(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/numbers"]["get"]["responses"]["200"]
    return found


def test_a_component_counts_with_the_documents_evidence_and_not_with_that_of_who_refers_to_it(acme: Load) -> None:
    operation = acme(lambda document: document["paths"]["/numbers"]["get"].update({"x-evidence": SEED}))["listNumbers"]
    schema = operation.responses[200].schema
    assert grade_of(schema, "numbers.0.number") == "doc"
    assert grade_of(schema, "numbers") is None


def test_a_component_counts_with_its_own_evidence(acme: Load) -> None:
    def change(document: dict[str, Any]) -> None:
        document["components"]["schemas"]["Number"]["x-evidence"] = OURS

    assert grade_of(acme(change)["listNumbers"].responses[200].schema, "numbers.0.number") == "assumed"


def test_the_status_and_the_body_of_an_answer_are_known_each_by_itself(acme: Load) -> None:
    operation = acme(lambda document: _success(document).update({"x-evidence": {"status": OURS}}))["listNumbers"]
    response = operation.responses[200]
    assert response.evidence.grade == "doc"
    assert response.status_evidence is not None
    assert response.status_evidence.grade == "assumed"
    assert operation.response(201) is response
    assert operation.response(300) is None


def test_a_documented_status_is_no_other_one(acme: Load) -> None:
    assert acme(lambda document: None)["listNumbers"].response(201) is None


def test_evidence_of_a_keyword_that_the_schema_has_not_is_named_with_those_it_has(acme: Load) -> None:
    def change(document: dict[str, Any]) -> None:
        document["components"]["schemas"]["Number"]["x-evidence"] = {"patern": OURS}

    with pytest.raises(SpecError, match=r"no 'patern' to speak of; there are .*required, type"):
        acme(change)


def test_evidence_of_another_part_of_a_response_is_named(acme: Load) -> None:
    with pytest.raises(SpecError, match="a response evidence has no 'state'; understood are body, status"):
        acme(lambda document: _success(document).update({"x-evidence": {"state": OURS}}))


def test_what_a_request_breaks_says_that_it_is_refused_in_some_form(acme: Load) -> None:
    """The strongest of what it breaks, whatever the rule says of the answer."""

    def change(document: dict[str, Any]) -> None:
        update = document["paths"]["/numbers/{id}"]["patch"]
        schema = update["requestBody"]["content"]["application/json"]["schema"]
        schema["required"] = ["agent_id", "name"]
        schema["x-evidence"] = {"required": SEED, "type": OURS}
        update["x-refusals"] = [{"kinds": ["required"], "answer": "invalid-request", "evidence": OURS}]

    operation = acme(change)["updateNumber"]
    missing = Violation("body", "agent_id", "required", "agent_id is required")
    mistyped = Violation("body", "agent_id", "type", "a number found, string is required", 7)
    for violations, grade in (([missing], "seed"), ([mistyped], "assumed"), ([mistyped, missing], "seed")):
        said = refused_in_some_form(operation, violations)
        assert said is not None
        assert said.grade == grade
    assert refused_in_some_form(operation, []) is None


def test_that_a_query_is_read_generously_or_an_empty_text_taken_is_against_no_page(acme: Load) -> None:
    """Unless a page says so: what may be asked for is not yet what is refused."""
    operation = acme(lambda document: None)["updateNumber"]
    grades = {"query": "assumed", "body": operation.evidence.grade}
    for place, grade in grades.items():
        said = refused_in_some_form(operation, [Violation(place, "agent_id", "enum", "is not one of them", "x")])
        assert said is not None
        assert said.grade == grade
    empty = refused_in_some_form(operation, [Violation("body", "agent_id", "empty", "an empty string found", "")])
    assert empty is not None
    assert empty.grade == "assumed"
    missing = refused_in_some_form(operation, [Violation("query", "limit", "required", "limit is required")])
    assert missing == operation.evidence
