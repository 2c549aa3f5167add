"""One run in which everything happens, as each kind of report shows it: table, JSON, HTML."""

from __future__ import annotations

import io
import json
import re
import subprocess
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from contract_tests.plugin import Run, Settings
from contract_tests.properties.table import PROPERTIES
from contract_tests.reports import document, html, junit, sarif, text
from contract_tests.reports.sides import sides
from contract_tests.reports.style import Style, style_for
from contract_tests.reports.table import table
from contract_tests.words.faults import faults, shortened
from contract_tests.words.findings import Finding, Outcome, show
from contract_tests.words.kinds import how
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
    junit: ElementTree.Element
    sarif: dict[str, Any]


def _changed(seen: Seen, said: Said) -> Said:
    body = said.body.replace(b"Agent not found or invalid", b"No such agent or invalid")
    # A server that is known for a Ringback is checked in a space of its own, where nothing is left behind.
    headers = {name: value for name, value in said.headers.items() if not name.lower().startswith("x-ringback-")}
    return said._replace(body=body.replace(b'"error":"', b'"hint":"none","error":"'), headers=headers)


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
        *(word for kind in ("json", "html", "junit", "sarif") for word in ("--report", f"{kind}={folder / kind}")),
    )
    spy.stop()
    server.stop()
    return Reported(
        done,
        json.loads((folder / "json").read_text(encoding="utf-8")),
        (folder / "html").read_text(encoding="utf-8"),
        ElementTree.parse(folder / "junit").getroot(),
        json.loads((folder / "sarif").read_text(encoding="utf-8")),
    )


# --- table -----------------------------------------------------------------------------------------------


def test_the_table_shows_the_grade_of_each_operation_in_80_columns() -> None:
    run = Run(Settings())
    for number, (spec, operation, property) in enumerate(run.cases()):
        verdict = ("passed", "failed", "not covered")[number % 3]
        run.outcomes.append(
            Outcome(spec.provider, operation.id, property.name, grade=operation.evidence.grade, verdict=verdict)
        )
    lines = table(run.results())
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("interactly createAssistant"))
    assert row.split()[2] == "assumed"
    assert lines[0].split() == ["evidence", "ok", "--", "FAIL"]
    assert [line for line in lines if line.startswith("    FAIL  ")]


def test_every_sign_of_the_table_is_explained(reported: Reported) -> None:
    told = reported.done.stdout.partition("\n\nFAIL ")[0]
    assert [line for line in told.splitlines() if line.startswith("teli updatePhoneAgent ")]
    assert " ".join(told.split()).endswith(
        "note: differs from what need not hold; --: could not be tested here; FAIL: breaks the contract"
    )


def test_colours_are_for_terminals_that_want_them() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    painted = style_for(Terminal(), {"TERM": "xterm"}).paint("FAIL", "bad")
    assert painted == "\x1b[1;31mFAIL\x1b[0m"
    for stream, environment in ((io.StringIO(), {}), (Terminal(), {"NO_COLOR": "1"}), (Terminal(), {"TERM": "dumb"})):
        assert style_for(stream, environment).paint("FAIL", "bad") == "FAIL"
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "errors", "failed", "because"))
    plain, coloured = table(run.results()), table(run.results(), Style(coloured=True))
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == plain
    assert coloured != plain


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
    assert text.findings(run.results()) == ["", "not covered: because", "  teli: a (all but keys), b (keys)"]


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
    made = document.document(Run(Settings(providers=["teli"])).results())
    jsonschema.validate(made, SCHEMA)
    assert made["targets"] == {"teli": "own mock"}
    assert list(made["properties"]) == [one.name for one in PROPERTIES]


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


FOUND = Finding("errors", "teli", "a", "one", "doc", "page", "/x", "m", 1, 2, "curl 1")


def test_differences_of_one_exchange_are_one_finding_everywhere() -> None:
    answer = '{"x": 2, "rows": [{"id": 1}], "y": "wrong"}'
    one = replace(FOUND, status=404, answer=answer, documented='404 {"x": 1}', place="openapi/teli.yaml:7")
    other = replace(one, at="/y", message="n")
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "errors", "failed", findings=[one, other]))
    results = run.results()
    shown = "\n".join(text.findings(results))
    assert shown.count("FAIL ") == 1
    for line in ("  /x: m", "  /y: n", "  answered  404", '>   "x": 2,', '>   "y": "wrong"', "  page      page (doc)"):
        assert line in shown.replace("          >", ">"), line
    assert '"rows"' in shown
    assert "expected  " not in shown
    page = html.page(results)
    assert page.count("<article") == 1
    assert "<mark>&quot;x&quot;: 2,</mark>" in page
    failure = ElementTree.fromstring(junit.text(results)).find(".//failure")
    assert failure is not None
    assert "/x: m" in (failure.text or "")
    assert len(json.loads(sarif.text(results))["runs"][0]["results"]) == 1


def test_findings_of_one_cause_are_folded() -> None:
    run = Run(Settings(providers=["teli"]))
    for name in ("a", "b", "c", "d", "e", "f"):
        found = replace(FOUND, operation=name, curl=f"curl {name}", message=f"took {len(run.outcomes)} s")
        run.outcomes.append(Outcome("teli", name, "errors", "failed", findings=[found]))
    run.outcomes.append(Outcome("teli", "g", "errors", "failed", findings=[replace(FOUND, message="another")]))
    assert [len(one.alike) for one in faults(run.results().outcomes)] == [5, 0]
    shown = "\n".join(text.findings(run.results()))
    assert shown.count("FAIL ") == 2
    assert "and 5 more like it: b [errors], c [errors], d [errors], e [errors], ..." in shown
    assert "<summary>and 5 more like it</summary>" in html.page(run.results())
    # A machine wants each of them.
    assert len(ElementTree.fromstring(junit.text(run.results())).findall(".//failure")) == 7
    assert len(json.loads(sarif.text(run.results()))["runs"][0]["results"]) == 7


def test_of_a_long_answer_what_is_wrong_is_shown_with_what_is_around() -> None:
    rows = [{"id": number, "name": f"n{number}"} for number in range(100)]
    found = replace(FOUND, at="/rows/50/name", status=200, answer=json.dumps({"rows": rows}))
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "list", "failed", findings=[found]))
    lines = shortened(faults(run.results().outcomes)[0].answer, 16)
    assert [one.text.strip() for one in lines] == ["...", '"id": 50,', '"name": "n50"', "},", "..."]
    assert [one.wrong for one in lines] == [False, False, True, False, False]


def test_no_keyword_of_a_schema_is_told_as_a_value(reported: Reported) -> None:
    shown = reported.done.stdout
    assert not re.search(r"expected \"?(required|type|additionalProperties|enum)\"?,", shown)
    assert "'absent'" not in shown
    assert '"absent"' not in shown


def test_a_failure_without_a_finding_is_told_with_its_reason() -> None:
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "a", "errors", "failed", "nobody answers"))
    assert "<p class='message'>nobody answers</p>" in html.page(run.results())


# --- JUnit, SARIF ----------------------------------------------------------------------------------------


def test_every_property_of_every_operation_is_a_case(reported: Reported) -> None:
    cases = reported.junit.findall(".//testcase")
    outcomes = reported.document["outcomes"]
    assert [one.get("name") for one in cases] == [
        f"{one['provider']}-{one['operation']}-{one['property']}" for one in outcomes
    ]
    skipped = [one.get("message") for case in cases for one in case.findall("skipped")]
    assert skipped == [one["reason"] for one in outcomes if one["verdict"] == "not covered"]
    failures = reported.junit.findall(".//failure")
    assert len(failures) == reported.document["counts"]["failed"]
    assert "curl " in (failures[0].text or "")


def test_at_a_depth_of_dozens_of_calls_there_are_cases_too(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    assert check("vogent", "--depth", "scenario", "--report", f"junit={file}").returncode == 0
    names = [one.get("name") for one in ElementTree.parse(file).getroot().findall(".//testcase")]
    assert len(names) > 20
    assert "vogent-updatePhoneNumber-read-back" in names


def test_a_finding_has_a_place_and_a_fingerprint_that_stays(reported: Reported) -> None:
    log = reported.sarif
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {one.name for one in PROPERTIES}
    errors = [one for one in run["results"] if one["level"] == "error"]
    assert errors
    for one in run["results"]:
        where = one["locations"][0]["physicalLocation"]
        lines = (ROOT / where["artifactLocation"]["uri"]).read_text(encoding="utf-8").splitlines()
        assert 1 <= where["region"]["startLine"] <= len(lines)
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    one, other = FOUND, replace(FOUND, message='found "x7"', curl="curl 2")
    prints = []
    for found in (replace(one, message='found "x9"'), other, replace(other, at="/z")):
        run_of = Run(Settings(providers=["teli"]))
        run_of.outcomes.append(Outcome("teli", "a", "errors", "failed", findings=[found]))
        prints.append(json.loads(sarif.text(run_of.results()))["runs"][0]["results"][0]["partialFingerprints"])
    assert prints[0] == prints[1]
    assert prints[1] != prints[2]


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


@pytest.mark.parametrize(
    ("expected", "actual", "kind"),
    [
        (0.5, 50, "hundredfold"),
        (0.37, 0.4, "rounded"),
        ("  a ", "a", "trimmed"),
        ("a" * 70, "a" * 64, "cut"),
        ("Ab", "ab", "lower"),
        (True, False, "bool True bool False"),
        ([{"w": 0.5}, {"w": 0.25}], [{"w": 50}, {"w": 25}], "each w hundredfold"),
        ({"a": 1}, {}, "a gone"),
        ([1, 2], [1], "fewer"),
        ([1], [1], ""),
        ("a", 1, "str int"),
    ],
)
def test_how_a_value_came_back_is_told_without_the_value(expected: Any, actual: Any, kind: str) -> None:
    assert how(expected, actual) == kind


def test_one_fault_is_one_finding_whatever_was_sent_and_whatever_else_was_wrong_with_it() -> None:
    """Weights come back in per cent, and a switch stays on: two faults, seen in five exchanges."""

    def wrong(at: str, sent: Any, came: Any, number: int) -> Finding:
        message = f"{show(sent)} was written, {'the answer' if number % 2 else 'getAgent'} shows {show(came)}"
        return replace(FOUND, at=at, expected=sent, actual=came, message=message, request=f"{number}", curl=f"{number}")

    both = [wrong("/weights", [0.5, 0.25], [50, 25], 1), wrong("/on", False, True, 1)]
    alone = [wrong("/weights", [one / 8], [one / 8 * 100], one) for one in (2, 3, 4)]
    found = [*both, *alone, wrong("/on", False, True, 5)]
    prints = []
    for some in (found, found[::-1], found[:4]):
        run = Run(Settings(providers=["teli"]))
        run.outcomes.append(Outcome("teli", "a", "errors", "failed", findings=list(some)))
        told = faults(run.results().outcomes)
        results = json.loads(sarif.text(run.results()))["runs"][0]["results"]
        assert len(told) == len(results) == text.findings(run.results()).count("") == 2
        prints.append({one["partialFingerprints"]["ringback/v1"] for one in results})
        assert sum(one["occurrenceCount"] for one in results) == len({one.curl for one in some})
    assert prints[0] == prints[1] == prints[2]
    assert len(prints[0]) == 2
