"""One run in which everything happens, as each kind of report shows it: table, JSON, HTML."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contract_tests import report
from contract_tests.findings import Outcome
from contract_tests.plugin import Run, Settings
from contract_tests.properties import PROPERTIES
from tests.conftest import ROOT, start_server
from tests.test_check import Spy, check

SCHEMA = json.loads((ROOT / "contract_tests" / "report.schema.json").read_text(encoding="utf-8"))


@dataclass
class Reported:
    """What a run with findings, notes, uncovered properties and records left behind wrote."""

    done: subprocess.CompletedProcess[str]
    document: dict[str, Any]
    page: str


def _changed(path: str, body: bytes) -> bytes:
    body = body.replace(b"Agent not found or invalid", b"No such agent or invalid")
    return body.replace(b'"error":"', b'"hint":"none","error":"')


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    folder: Path = tmp_path_factory.mktemp("reports")
    server = start_server()
    spy = Spy(server.origin("teli"), _changed)
    words = [
        word
        for name in ("createPhoneNumber", "updatePhoneAgent", "createOrganization")
        for word in ("--operation", name)
    ]
    done = check(
        *("teli", *words, "--target", spy.origin, "--allow", "read,write", "--draws", "2"),
        *("--report", f"json={folder / 'report.json'}", "--report", f"html={folder / 'report.html'}"),
    )
    spy.stop()
    server.stop()
    return Reported(
        done,
        json.loads((folder / "report.json").read_text(encoding="utf-8")),
        (folder / "report.html").read_text(encoding="utf-8"),
    )


# --- table -----------------------------------------------------------------------------------------------


def test_the_table_shows_the_grade_of_each_operation_in_120_columns() -> None:
    run = Run(Settings())
    for spec, operation, property in run.cases():
        run.outcomes.append(
            Outcome(spec.provider, operation.id, property.name, grade=operation.evidence.grade, verdict="not covered")
        )
    lines = report.table(run)
    assert max(map(len, lines)) <= 120
    row = next(line for line in lines if line.startswith("interactly createAssistant"))
    assert row.split()[:4] == ["interactly", "createAssistant", "assumed", "--"]
    assert lines[0].split() == ["evidence", *(one.name for one in PROPERTIES[:7])]
    assert lines[-1] == "--: could not be tested here"


def test_every_sign_of_the_table_is_explained(reported: Reported) -> None:
    table = reported.done.stdout.partition("\n\nFAIL ")[0]
    assert [line for line in table.splitlines() if line.startswith("teli updatePhoneAgent ")]
    assert table.splitlines()[-1].startswith("FAIL: breaks the contract; ")
    assert table.splitlines()[-1].endswith("--: could not be tested here")


def test_what_was_not_covered_is_told_once_for_each_reason(reported: Reported) -> None:
    told = [line for line in reported.done.stdout.splitlines() if line.startswith("not covered: ")]
    assert told == ["not covered: purchase is not allowed here; --allow purchase allows it"]
    assert "  teli: createPhoneNumber (all)" in reported.done.stdout
    left = reported.done.stdout.partition("left behind, because it could not be removed:\n")[2]
    assert left.splitlines()[0] == "  teli organizations: no documented operation removes it"


def test_operations_are_named_with_what_is_missing_where_that_is_shorter() -> None:
    run = Run(Settings(providers=["teli"]))
    for name in ("examples", "errors", "keys", "valid"):
        verdict = "passed" if name == "keys" else "not covered"
        run.outcomes.append(Outcome("teli", "a", name, verdict, "because"))
        run.outcomes.append(Outcome("teli", "b", name, "not covered" if name == "keys" else "passed", "because"))
    assert report.findings(run) == ["", "not covered: because", "  teli: a (all but keys), b (keys)"]


# --- JSON ------------------------------------------------------------------------------------------------


def test_the_json_report_is_as_its_schema_says(reported: Reported) -> None:
    assert reported.done.returncode == 1, reported.done.stdout + reported.done.stderr
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    checker = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(reported.document)] == []
    counts = reported.document["counts"]
    assert min(counts[name] for name in ("passed", "failed", "not_covered", "findings", "notes", "requests")) > 0
    assert reported.document["left_behind"]


def test_the_schema_describes_everything_that_a_report_may_hold() -> None:
    """Nothing may come that the schema does not list, so it cannot lag behind the report."""
    objects = [SCHEMA, SCHEMA["properties"]["counts"], SCHEMA["$defs"]["outcome"], SCHEMA["$defs"]["finding"]]
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["description"]
        assert set(node["properties"]) - set(node["required"]) <= {"depth"}
        for name, child in node["properties"].items():
            assert child.get("description", "").endswith("."), name


def test_a_run_that_checked_nothing_is_a_report_too() -> None:
    document = report.as_json(Run(Settings(providers=["teli"])))
    jsonschema.validate(document, SCHEMA)
    assert document["targets"] == {"teli": "own mock"}
    assert list(document["properties"]) == [one.name for one in PROPERTIES]
