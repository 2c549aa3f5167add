"""A spec that the loader does not understand is an error that names the file and the place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_server.spec import SpecError, load
from tests.conftest import ROOT

POST = "/v1/voice/phone-numbers/create"


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], str]:
    """Changes a copy of Teli's spec and returns what the loader says of it."""

    def load_changed(change: Callable[[dict[str, Any]], object]) -> str:
        document = yaml.safe_load((ROOT / "openapi" / "teli.yaml").read_text(encoding="utf-8"))
        change(document)
        file = tmp_path / "teli.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
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


def test_another_version_of_openapi_is_refused(broken: Broken) -> None:
    assert "OpenAPI 3.1" in broken(lambda document: document.update(openapi="3.0.3"))


def test_yaml_that_is_broken_is_named_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "teli.yaml"
    file.write_text("openapi: 3.1.0\npaths: {a: [}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="line 2"):
        load(file)


def test_the_command_says_it_in_one_line_and_exits_with_2(tmp_path: Path) -> None:
    """The packages are copied, so that a spec beside them can be broken."""
    for name in ("mock_server", "contract_tests", "fixtures", "openapi"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path / name)], check=True)
    spec = tmp_path / "openapi" / "vogent.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("operationId:", "operationid:", 1), encoding="utf-8")
    for command in (["serve", "--port", "0"], ["operations"], ["check", "vogent"]):
        done = subprocess.run(
            [sys.executable, "-m", "mock_server.cli", *command],
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
