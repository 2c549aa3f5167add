"""The report as JUnit XML, for runs that are not pytest's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from contract_tests.words.findings import Outcome


def write(outcomes: Iterable[Outcome], file: Path) -> None:
    """Writes one test case for each outcome."""
    outcomes = list(outcomes)
    failed = sum(outcome.verdict == "failed" for outcome in outcomes)
    skipped = sum(outcome.verdict == "not covered" for outcome in outcomes)
    counts = {"tests": str(len(outcomes)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
    suite = ET.Element("testsuite", {"name": "ringback check", **counts})
    for outcome in outcomes:
        name = f"{outcome.provider}-{outcome.operation}-{outcome.property}"
        case = ET.SubElement(suite, "testcase", {"classname": "ringback", "name": name, "time": str(outcome.seconds)})
        if outcome.verdict == "failed":
            text = "\n\n".join(finding.text() for finding in outcome.findings)
            ET.SubElement(case, "failure", {"message": _clean(text.partition("\n")[0])}).text = _clean(text)
        elif outcome.verdict == "not covered":
            ET.SubElement(case, "skipped", {"message": _clean(outcome.reason)})
    ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """The text without the characters that XML cannot hold, which a server may well have sent."""
    return "".join(character if character >= " " or character in "\t\n" else "?" for character in text)
