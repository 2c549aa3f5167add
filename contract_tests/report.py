"""Reports of a run: a table and findings for a terminal, JSON for machines. (JUnit is pytest's own.)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract_tests.findings import Outcome
from contract_tests.plugin import Run
from contract_tests.properties import PROPERTIES
from mock_server import __version__

JSON_VERSION = 1
_SIGNS = {"passed": "ok", "failed": "FAIL", "not covered": "--", "": ""}
_REQUEST_PROPERTIES = 7
"""So many properties are about requests and answers; those after them are about records."""


def table(run: Run) -> list[str]:
    """Operation by property, one word each; what concerns records is in a table of its own, to fit a terminal."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for outcome in run.outcomes:
        sign = _SIGNS[outcome.verdict]
        if outcome.notes and outcome.verdict == "passed":
            sign = "note"
        cells.setdefault((outcome.provider, outcome.operation), {})[outcome.property] = sign
    width = max([len(f"{provider} {operation}") for provider, operation in cells], default=10)
    names = [property.name for property in PROPERTIES]
    requests, records = names[:_REQUEST_PROPERTIES], names[_REQUEST_PROPERTIES:]
    lines = _part(cells, requests, width)
    if any(name in row for row in cells.values() for name in records):
        lines += ["", *_part(cells, records, width)]
    return lines


def _part(cells: dict[tuple[str, str], dict[str, str]], names: list[str], width: int) -> list[str]:
    """The columns of those names, and the rows that have something in them."""
    lines = [" " * width + "".join(f"  {name:>8}" for name in names)]
    for (provider, operation), row in cells.items():
        if any(name in row for name in names):
            words = "".join(f"  {row.get(name, ''):>{max(8, len(name))}}" for name in names)
            lines.append(f"{f'{provider} {operation}':<{width}}{words}".rstrip())
    return lines


def findings(run: Run) -> list[str]:
    """Every finding and note as text, the breaking ones first."""
    lines: list[str] = []
    for outcome in run.outcomes:
        for finding in outcome.findings:
            lines += ["", "FAIL " + finding.text()]
        if outcome.verdict == "failed" and not outcome.findings:
            lines += ["", f"FAIL {outcome.provider} {outcome.operation} [{outcome.property}] {outcome.reason}"]
    for outcome in run.outcomes:
        for note in outcome.notes:
            lines += ["", "note " + note.text()]
    uncovered: dict[str, list[str]] = {}
    for outcome in run.outcomes:
        if outcome.verdict == "not covered":
            uncovered.setdefault(outcome.reason, []).append(
                f"{outcome.provider} {outcome.operation} [{outcome.property}]"
            )
    for reason, places in uncovered.items():
        lines += ["", f"not covered: {reason}", f"  {', '.join(places)}"]
    if run.left_behind:
        lines += ["", "left behind, because it could not be removed:", *(f"  {what}" for what in run.left_behind)]
    return lines


def counts(outcomes: list[Outcome]) -> dict[str, int]:
    """How many outcomes passed, failed or were not covered, and how many findings and notes there are."""
    verdicts = [outcome.verdict for outcome in outcomes]
    return {
        "passed": verdicts.count("passed"),
        "failed": verdicts.count("failed"),
        "not_covered": verdicts.count("not covered"),
        "findings": sum(len(outcome.findings) for outcome in outcomes),
        "notes": sum(len(outcome.notes) for outcome in outcomes),
        "requests": sum(outcome.requests for outcome in outcomes),
    }


def as_json(run: Run) -> dict[str, Any]:
    """The whole run as a JSON document, as `report.schema.json` describes it; `version` changes when its shape does."""
    return {
        "version": JSON_VERSION,
        "tool": "ringback check",
        "tool_version": __version__,
        "started": run.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": run.seconds,
        "targets": {name: run.target(name) or "own mock" for name in run.providers},
        "seed": run.settings.seed,
        "fail_on": run.settings.fail_on,
        "properties": {property.name: property.sentence for property in PROPERTIES},
        "counts": counts(run.outcomes),
        "left_behind": run.left_behind,
        "outcomes": [outcome.as_json() for outcome in run.outcomes],
    }


def write_json(run: Run, file: Path) -> None:
    file.write_text(json.dumps(as_json(run), indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
