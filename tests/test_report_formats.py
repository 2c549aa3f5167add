"""One run in which everything happens, as each kind of report shows it: table, JSON, HTML."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import jsonschema
import pytest

from contract_tests.plugin import Run, Settings
from contract_tests.properties.table import PROPERTIES
from contract_tests.reports import html, report
from contract_tests.reports.sides import sides
from contract_tests.words.findings import Finding, Outcome
from tests.conftest import ROOT, start_server
from tests.spy import Said, Seen, Spy
from tests.test_check import check
from tests.test_check_reports import Tags

SCHEMA = json.loads((ROOT / "contract_tests" / "reports" / "report.schema.json").read_text(encoding="utf-8"))


@dataclass
class Reported:
    """What a run with findings, notes, uncovered properties and records left behind wrote."""

    done: subprocess.CompletedProcess[str]
    document: dict[str, Any]
    page: str


def _changed(seen: Seen, said: Said) -> Said:
    body = said.body.replace(b"Agent not found or invalid", b"No such agent or invalid")
    return said._replace(body=body.replace(b'"error":"', b'"hint":"none","error":"'))


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
    assert lines[0].split() == ["evidence", *(one.name for one in PROPERTIES[:8])]
    assert lines[-1] == "--: could not be tested here"


def test_every_sign_of_the_table_is_explained(reported: Reported) -> None:
    table = reported.done.stdout.partition("\n\nFAIL ")[0]
    assert [line for line in table.splitlines() if line.startswith("teli updatePhoneAgent ")]
    assert table.splitlines()[-1].startswith("FAIL: breaks the contract; ")
    assert table.splitlines()[-1].endswith("--: could not be tested here")


def test_what_was_not_covered_is_told_once_for_each_reason(reported: Reported) -> None:
    told = [line for line in reported.done.stdout.splitlines() if line.startswith("not covered: ")]
    assert sorted(told) == [
        "not covered: --other-api-key-env names a key of another account; none was given",
        "not covered: purchase is not allowed here; --allow purchase allows it",
    ]
    assert "  teli: createPhoneNumber (all but methods)" in reported.done.stdout
    left = reported.done.stdout.partition("left behind, because it could not be removed:\n")[2]
    assert "  teli organizations: no documented operation removes it" in left.splitlines()


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


# --- HTML ------------------------------------------------------------------------------------------------


def test_every_link_of_the_page_leads_to_one_place_on_it(reported: Reported) -> None:
    found = Tags(reported.page).found
    names = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(names) == len(set(names))
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(names)
    pages = [attributes for tag, attributes in found if tag == "a" and not attributes["href"].startswith("#")]
    assert {attributes["href"] for attributes in pages} >= {
        "https://docs.teli.ai/partner-api/phone-numbers/update-agent"
    }
    assert {attributes.get("rel") for attributes in pages} == {"noreferrer"}
    kinds = {name.split("-")[0] for name in names}
    assert kinds >= {"finding", "note", "reason", "row", "property"}


def test_the_page_can_be_read_without_eyes(reported: Reported) -> None:
    """Headings in order, headers of the table with their scope, and a name for what can be scrolled."""
    found = Tags(reported.page).found
    assert found[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag, _ in found if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") for tag, attributes in found if tag == "th")
    for _, attributes in found:
        assert "tabindex" not in attributes or {"aria-label", "aria-labelledby"} & set(attributes)


def test_colours_can_be_told_from_what_is_behind_them_in_both_schemes() -> None:
    """A contrast of 4.5 at least, as WCAG 2 asks for text."""
    style = (ROOT / "contract_tests" / "reports" / "report.css").read_text(encoding="utf-8")
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    pattern = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})")
    fore = ("text", "muted", "link", "bad", "good", "note")
    for scheme in (light, dark):
        colours = dict(pattern.findall(scheme))
        pairs = [(one, behind) for one in fore for behind in ("page", "soft")]
        pairs += [(one, f"{one}-soft") for one in ("bad", "good", "note")]
        pairs += [("link", f"{one}-soft") for one in ("bad", "good", "note")]
        pairs += [("mark-text", "mark")]
        for one, behind in pairs:
            assert _contrast(colours[one], colours[behind]) >= 4.5, (one, behind)


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_requests_that_found_the_same_share_an_entry() -> None:
    finding = Finding("errors", "teli", "a", "one", "doc", "page", "/x", "m", 1, 2, "curl 1")
    others = [replace(finding, request="two", curl="curl 2"), replace(finding, actual=3, curl="curl 3")]
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "errors", "failed", findings=[finding, *others]))
    page = html.page(run)
    assert page.count("<article") == 2
    assert "one, two</span></h3>" in page
    assert "<summary>1 more that found the same</summary>" in page
    assert ">fails 3</a>" in page


def test_a_failure_without_a_finding_is_told_with_its_reason() -> None:
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "errors", "failed", "nobody answers"))
    assert "<p class='message'>nobody answers</p>" in html.page(run)


@pytest.mark.parametrize(
    ("expected", "actual", "left", "right"),
    [
        ("Agent not found", "Agent not there", '"Agent not [found]"', '"Agent not [there]"'),
        ("Back office", "Back  office", '"Back[ ]office"', '"Back[  ]office"'),
        ({"a": 1, "b": 2}, {"b": 3, "a": 1}, '{\n  "a": 1,\n  "b": [2]\n}', '{\n  "a": 1,\n  "b": [3]\n}'),
        ({"a": 1}, {"a": 1}, '{\n  "a": 1\n}', '{\n  "a": 1\n}'),
        ([], [{"id": 7}], "[[]]", '[[]\n  [{]\n    ["id": 7]\n  [}]\n[]]'),
        (3, 4, "3", "4"),
        ("absent", 4, '"absent"', "4"),
    ],
)
def test_what_differs_is_marked_where_both_sides_can_be_compared(
    expected: Any, actual: Any, left: str, right: str
) -> None:
    found = ["".join(f"[{one.text}]" if one.differs else one.text for one in side) for side in sides(expected, actual)]
    assert found == [left, right]


@pytest.mark.parametrize("words", [", ".join("ab" * 9000), [*range(4000)], {str(number): 0 for number in range(4000)}])
def test_sides_of_any_length_are_compared_in_time(words: Any) -> None:
    other = words[::-1] if isinstance(words, str | list) else {**words, "1": 1}
    started = perf_counter()
    left, right = sides(words, other)
    assert perf_counter() - started < 3
    assert "characters more" in left[-1].text + right[-1].text
