"""A spec that the loader does not understand is an error that names the file and the place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_server.spec import SpecError, load
from mock_server.spec.reading.parsed import parsed
from tests.conftest import ROOT

POST = "/v1/voice/phone-numbers/create"


@cache
def _teli() -> dict[str, Any]:
    document: dict[str, Any] = parsed((ROOT / "openapi" / "teli.yaml").read_text(encoding="utf-8"))
    return document


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], str]:
    """Changes a copy of Teli's spec and returns what the loader says of it."""

    def load_changed(change: Callable[[dict[str, Any]], object]) -> str:
        document = deepcopy(_teli())
        change(document)
        file = tmp_path / "teli.yaml"
        # JSON is YAML too, and is written in no time.
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        with pytest.raises(SpecError) as caught:
            load(file)
        assert str(file) in str(caught.value)
        return str(caught.value)

    return load_changed


Broken = Callable[[Callable[[dict[str, Any]], object]], str]


def _operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][POST]["post"]
    return found


def test_an_unknown_extension_is_named_with_its_place(broken: Broken) -> None:
    said = broken(lambda document: _operation(document).update({"x-evidense": {}}))
    assert "/paths/~1v1~1voice~1phone-numbers~1create/post/x-evidense" in said


def test_an_unknown_schema_keyword_is_named_with_its_place(broken: Broken) -> None:
    def change(document: dict[str, Any]) -> None:
        _operation(document)["requestBody"]["content"]["application/json"]["schema"]["properties"]["area_code"][
            "nullable"
        ] = True

    said = broken(change)
    assert "properties/area_code/nullable" in said


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("type", "strnig", "is no JSON Schema"),
        ("minLength", "a", "is no JSON Schema"),
        ("required", "area_code", "is no JSON Schema"),
        ("pattern", "[", "'[' is no regular expression"),
    ],
)
def test_a_schema_that_is_none_is_named_with_its_place(broken: Broken, word: str, value: str, says: str) -> None:
    def change(document: dict[str, Any]) -> None:
        schema = _operation(document)["requestBody"]["content"]["application/json"]["schema"]
        schema["properties"]["area_code"][word] = value

    said = broken(change)
    assert f"properties/area_code/{word}: " in said
    assert says in said


def test_an_unknown_keyword_of_an_answer_is_named(broken: Broken) -> None:
    def change(document: dict[str, Any]) -> None:
        examples = _operation(document)["responses"]["400"]["content"]["application/json"]["examples"]
        examples["missing-fields"]["x-placeholder"] = {}

    assert "x-placeholder" in broken(change)


def test_a_missing_operation_id_is_named(broken: Broken) -> None:
    assert "operationId is missing" in broken(lambda document: _operation(document).pop("operationId"))


def test_a_grade_that_is_none_is_named(broken: Broken) -> None:
    said = broken(lambda document: _operation(document)["x-evidence"].update(grade="surely"))
    assert "'surely' is none of seed, doc, observed, assumed" in said


def test_a_reference_to_nothing_is_named(broken: Broken) -> None:
    said = broken(
        lambda document: _operation(document)["responses"].update({"401": {"$ref": "#/components/responses/No"}})
    )
    assert "#/components/responses/No points to nothing" in said


def test_a_request_that_expects_an_unknown_answer_is_named(broken: Broken) -> None:
    said = broken(lambda document: _operation(document)["x-requests"]["example"].update(answer="creatde"))
    assert "'creatde' names no answer of this operation" in said


def test_a_placeholder_that_does_not_stand_in_the_example_is_named(broken: Broken) -> None:
    def change(document: dict[str, Any]) -> None:
        examples = _operation(document)["responses"]["500"]["content"]["application/json"]["examples"]
        examples["no-numbers"]["x-placeholders"] = {"area_code": "998"}

    assert "'998' does not stand in the example" in broken(change)


def test_a_missing_shared_answer_is_named(broken: Broken) -> None:
    assert "'path-not-found' is missing" in broken(lambda document: document["x-answers"].pop("path-not-found"))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"method": "GET", "path": "/v1/x"}, "needs a method, a path and x-evidence"),
        ({"method": "FETCH", "path": "/v1/x", "x-evidence": {"grade": "doc", "source": "x"}}, "needs a method"),
        ({"method": "GET", "path": "/v1/agents", "x-evidence": {"grade": "doc", "source": "x"}}, "is served"),
        ({"method": "GET", "path": "/v1/x", "x-evidence": {"grade": "told", "source": "x"}}, "'told' is none of"),
    ],
)
def test_what_cannot_be_missing_is_named(broken: Broken, row: dict[str, Any], says: str) -> None:
    assert says in broken(lambda document: document.setdefault("x-missing", []).append(row))


def test_another_version_of_openapi_is_refused(broken: Broken) -> None:
    assert "OpenAPI 3.1" in broken(lambda document: document.update(openapi="3.0.3"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("efect", "update", "a contract has no 'efect'; understood are accepts, along, answers, at, begins, clears"),
        (
            "effect",
            "upsert",
            "effect must be one of create, read, update, delete, list, search, transition, report, not 'upsert'",
        ),
        ("record", ["numbers"], "record must be a name, not ['numbers']"),
        ("record", "numberz", "'numberz' is not among x-records; there are agents, "),
        ("key", {"name": "phone_number"}, "key must be {in: path, body, answer or row, name: NAME}"),
        ("key", {"in": "header", "name": "x"}, "key must be {in: path, body, answer or row, name: NAME}"),
        ("key", {"in": "path", "name": "number"}, "'number' is no path parameter; there are phone_number"),
        ("key", {"in": "body", "name": "number"}, "'number' is no field of the request body; there are inbound_"),
        ("at", "data", "at must be a JSON pointer such as /data, or '' for the whole body, not 'data'"),
        ("fields", ["nickname"], "fields must be a mapping from names to names"),
        ("fields", {"nicknam": "nickname"}, "'nicknam' is no field of the request body; there are inbound_agent_id"),
        ("clears", {"nickname": ""}, "clears must be a mapping from names to lists of values"),
        ("clears", {"nicknam": [""]}, "'nicknam' is no field under fields"),
        ("partial", "yes", "partial must be true or false, not 'yes'"),
        ("idempotent", 1, "idempotent must be true or false, not 1"),
        ("immutable", "number", "immutable must be a list of names, not 'number'"),
        ("echo", ["nick"], "'nick' is no field or parameter of the request; there are"),
        ("once", ["email"], "'email' is no field of the request body"),
        ("consistent", [{"digits_of": "a", "equals": "b"}], "consistent must be a list of {digits_of: NAME, equal:"),
        ("count", 3, "count must be a JSON pointer"),
        ("filters", {"label": "label"}, "'label' is no parameter; there are phone_number"),
        ("page", {"next": "/cursor"}, "page must be {size: PARAMETER}, {parameter: PARAMETER, next: POINTER}, or both"),
        ("page", {"size": "limit"}, "'limit' is no query parameter; it has none"),
        ("twin", "listAgents", "'listAgents' is no other operation of the same path; there are updatePhoneAgentPatch"),
        ("cost", "free", "cost must be one of read, write, purchase, not 'free'"),
        ("evidence", "seed", "evidence must be a statement {grade, source}, or a mapping from keys of the contract"),
        ("evidence", {"grade": "sure", "source": "x"}, "'sure' is none of seed, doc, observed, assumed"),
        ("evidence", {"unique": {"grade": "doc", "source": "x"}}, "'unique' is no key of this contract"),
    ],
)
def test_what_a_contract_cannot_say_is_named_with_what_would_be_right(
    broken: Broken, key: str, value: Any, says: str
) -> None:
    path = "/v1/voice/phone-numbers/{phone_number}/update-agent"
    said = broken(lambda document: document["paths"][path]["post"]["x-contract"].update({key: value}))
    assert says in said
    assert "updatePhoneAgent" in said or "update-agent/post" in said
    assert f"/x-contract/{key}" in said


@pytest.mark.parametrize(
    ("missing", "says"), [("at", "effect list needs at too"), ("key", "effect list needs key too")]
)
def test_what_an_effect_needs_is_named(broken: Broken, missing: str, says: str) -> None:
    assert says in broken(lambda document: document["paths"]["/v1/agents"]["get"]["x-contract"].pop(missing))


def test_a_contract_that_is_no_mapping_is_named(broken: Broken) -> None:
    said = broken(lambda document: _operation(document).update({"x-contract": ["update"]}))
    assert "a contract must be a mapping, not list" in said


def test_yaml_that_is_broken_is_named_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "teli.yaml"
    file.write_text("openapi: 3.1.0\npaths: {a: [}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="line 2"):
        load(file)


def test_the_command_says_it_in_one_line_and_exits_with_2(tmp_path: Path) -> None:
    """The packages are copied, so that a spec beside them can be broken."""
    for name in ("ringback", "mock_server", "contract_tests", "fixtures", "openapi"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path / name)], check=True)
    spec = tmp_path / "openapi" / "vogent.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("operationId:", "operationid:", 1), encoding="utf-8")
    for command in (["serve", "--port", "0"], ["operations"], ["check", "vogent"]):
        done = subprocess.run(
            [sys.executable, "-m", "mock_server", *command],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, command
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "openapi/vogent.yaml" in done.stderr
        assert "operationid" in done.stderr


def test_a_value_of_a_variable_that_no_list_has_is_named_with_file_line_and_what_is_allowed(tmp_path: Path) -> None:
    """Sent to another server as it stands, it would name a record of nobody."""
    text = (ROOT / "openapi" / "teli.yaml").read_text(encoding="utf-8")
    wrong = text.replace("body: {inbound_agent_id: agent_does_not_exist}", "body: {inbound_agent_id: agent_of_nobody}")
    assert wrong != text
    file = tmp_path / "teli.yaml"
    file.write_text(wrong, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load(file)
    line = wrong[: wrong.index("agent_of_nobody")].count("\n") + 1
    said = str(caught.value)
    assert said.startswith(
        f"{file}:{line}: at operation updatePhoneAgent/x-requests/agent-not-found/body/inbound_agent"
    )
    assert "'agent_of_nobody' is none of the values of the variable agent_id: allowed are 'agent_abc123'" in said
    assert "'agent_does_not_exist'" in said
    assert "`unknown`" in said


@pytest.mark.parametrize("marked", ["others", "ours", "unknown"])
def test_a_value_of_a_variable_may_be_documented_of_the_start_state_or_unknown_on_purpose(
    tmp_path: Path, marked: str
) -> None:
    document = yaml.safe_load((ROOT / "openapi" / "vogent.yaml").read_text(encoding="utf-8"))
    requests = document["paths"]["/phone_numbers/{id}"]["put"]["x-requests"]
    requests["wrong-type"]["body"] = {"agentId": "another"}
    file = tmp_path / "vogent.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(SpecError, match="'another' is none of the values"):
        load(file)
    document["x-variables"]["agent_id"].setdefault(marked, []).append("another")
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert "another" in load(file).variables["agent_id"].known


def test_an_error_names_the_line_where_the_place_stands(tmp_path: Path) -> None:
    """References and anchors are followed to where the words stand."""
    text = (ROOT / "openapi" / "uponai.yaml").read_text(encoding="utf-8")
    wrong = text.replace("    BoundAgent:\n      type: object", "    BoundAgent:\n      typ: object")
    assert wrong != text
    file = tmp_path / "uponai.yaml"
    file.write_text(wrong, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert f"{file}:{wrong[: wrong.index('typ: object')].count(chr(10)) + 1}: " in str(caught.value)
