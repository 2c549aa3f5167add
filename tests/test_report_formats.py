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
