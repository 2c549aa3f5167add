"""The report as JUnit XML: a case for each property of each operation, at every depth."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from contract_tests.reports.text import told
from contract_tests.words.faults import faults
from contract_tests.words.findings import printable
from contract_tests.words.results import Results

_SKIPPED = ("not covered", "flaky")


def text(results: Results) -> str:
    """The suite: what was not covered or is flaky is skipped with its reason; a failure says what the terminal says.

    A run that ended early is an error beside them: a suite of nothing would pass.
    """
    counts = results.counts
    outcomes = [*results.outcomes, *results.unasked]
    numbers = {
        "tests": len(outcomes) + (results.ended is not None),
        "errors": int(results.ended is not None),
        "failures": counts["failed"],
        "skipped": sum(one.verdict in _SKIPPED for one in outcomes),
    }
    totals = {**{name: str(value) for name, value in numbers.items()}, "time": f"{results.seconds:.3f}"}
    suites = ET.Element("testsuites", {"name": "ringback check", **totals})
    suite = ET.SubElement(suites, "testsuite", {"name": "ringback check", **totals})
    for outcome in outcomes:
        name = f"{outcome.provider}-{outcome.operation}-{outcome.property}".rstrip("-")
        attributes = {"classname": f"ringback.{outcome.provider}", "name": name, "time": f"{outcome.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", attributes)
        if outcome.verdict == "failed":
            mine = faults([outcome])
            whole = "\n\n".join("\n".join(told(one, "FAIL", results)) for one in mine)
            first = mine[0].first.message if mine[0].findings else outcome.reason
            ET.SubElement(case, "failure", {"message": _clean(first)}).text = _clean(whole)
        elif outcome.verdict in _SKIPPED:
            ET.SubElement(case, "skipped", {"message": _clean(outcome.reason)})
    if results.ended is not None:
        case = ET.SubElement(suite, "testcase", {"classname": "ringback", "name": "the run", "time": "0.000"})
        ET.SubElement(case, "error", {"message": _clean(f"the run ended early: {results.ended}")})
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """The text without the characters that XML cannot hold, which a server may well have sent."""
    return printable(text, keep="\t\n")
