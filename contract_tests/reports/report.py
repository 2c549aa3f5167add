"""Reports of a run: a table and findings for a terminal, JSON for machines. (JUnit is pytest's own.)"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract_tests.properties.table import PROPERTIES
from contract_tests.run import Run
from contract_tests.words.findings import Outcome, printable
from mock_server import __version__

JSON_VERSION = 1
TABLE_COLUMNS = 120
_SIGNS = {"passed": "ok", "failed": "FAIL", "not covered": "--"}
_LEGEND = {
    "FAIL": "breaks the contract",
    "note": "differs from what need not hold",
    "--": "could not be tested here",
}
_REQUEST_PROPERTIES = 8
"""So many properties are about requests and answers; those after them are about records."""


@dataclass
class _Row:
    """A line of the table: an operation, how it is known, and a sign for each of its properties."""

    name: str
    grade: str
    signs: dict[str, str] = field(default_factory=dict)


def announcement(run: Run) -> list[str]:
    """What is about to be checked, and what may be done there: a line for each target."""
    found: dict[str, list[str]] = {}
    for provider in run.providers:
        settings, origin = run.settings, run.target(provider)
        if origin is None:
            where = f"on a mock of its own: depth {settings.depth_for(origin)}"
        else:
            allowed = settings.allowed_for(origin)
            may = "only reading is allowed" if allowed == ["read"] else f"allowed are {', '.join(allowed)}"
            if settings.numbers and "write" in allowed:
                may += f"; written is {', '.join(settings.numbers)} only, and put back"
            elif settings.is_real(origin) and "write" in allowed:
                may += "; written is only what this run makes"
            budget = settings.budget_for(origin)
            most = f"; at most {budget} requests" if budget is not None else ""
            purchases = settings.purchases_for(origin)
            if "purchase" in allowed and purchases is not None:
                most += f"{' and' if most else '; at most'} {purchases} purchase{'' if purchases == 1 else 's'}"
            most += " to each" if most and len(run.providers) > 1 else ""
            where = f"at {origin}: depth {settings.depth_for(origin)}; {may}{most}"
        found.setdefault(where, []).append(provider)
    return [f"Checking {', '.join(providers)} {where}" for where, providers in found.items()]


def table(run: Run) -> list[str]:
    """Operation by property, one word each; what concerns records is in a table of its own, to fit a terminal."""
    found: dict[tuple[str, str], _Row] = {}
    for outcome in run.outcomes:
        key = (outcome.provider, outcome.operation)
        row = found.setdefault(key, _Row(" ".join(key), outcome.grade))
        row.signs[outcome.property] = _sign(outcome)
    rows = list(found.values())
    names = [property.name for property in PROPERTIES if any(property.name in row.signs for row in rows)]
    requests = {property.name for property in PROPERTIES[:_REQUEST_PROPERTIES]}
    width = max((len(row.name) for row in rows), default=10)
    lines: list[str] = []
    for half in ([name for name in names if name in requests], [name for name in names if name not in requests]):
        for columns in _fitting(half, TABLE_COLUMNS - width - len("  evidence")):
            lines += [*([""] if lines else []), *_part(rows, columns, width)]
    used = {sign for row in rows for sign in row.signs.values()}
    legend = [f"{sign}: {meaning}" for sign, meaning in _LEGEND.items() if sign in used]
    return [*lines, *(["", "; ".join(legend)] if legend else [])]


def _sign(outcome: Outcome) -> str:
    return "note" if outcome.notes and outcome.verdict == "passed" else _SIGNS[outcome.verdict]


def _fitting(names: list[str], room: int) -> list[list[str]]:
    """The columns in groups that are no wider than the room, each group a table of its own."""
    groups: list[list[str]] = []
    used = room
    for name in names:
        wanted = 2 + max(4, len(name))
        if used + wanted > room:
            groups.append([])
            used = 0
        groups[-1].append(name)
        used += wanted
    return groups


def _part(rows: list[_Row], names: list[str], width: int) -> list[str]:
    """The columns of those names, and the rows that have something in them."""
    lines = [f"{'':<{width}}  evidence" + "".join(f"  {name:>4}" for name in names)]
    for row in rows:
        if any(name in row.signs for name in names):
            words = "".join(f"  {row.signs.get(name, ''):>{max(4, len(name))}}" for name in names)
            lines.append(f"{row.name:<{width}}  {row.grade:<8}{words}".rstrip())
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
    for reason, vendors in uncovered(run).items():
        lines += ["", f"not covered: {reason}"]
        for provider, operations in vendors.items():
            lines += _wrapped(f"  {provider}: ", operations)
    left: dict[str, list[str]] = {}
    for what in run.left_behind:
        record, _, why = what.partition(": ")
        kind, _, key = record.rpartition(" ")
        left.setdefault(f"{kind}: {why}", []).append(key)
    if left:
        lines += ["", "left behind, because it could not be removed:"]
    for why, keys in left.items():
        lines += [f"  {why}", *_wrapped("    ", keys)]
    # A server may put into its answers what would move the cursor, or rename the window.
    return [printable(line, keep="\n") for line in lines]


def uncovered(run: Run) -> dict[str, dict[str, list[str]]]:
    """What was not covered, by reason and vendor: operations, each with the properties meant."""
    checked: dict[tuple[str, str], list[str]] = {}
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for outcome in run.outcomes:
        key = (outcome.provider, outcome.operation)
        checked.setdefault(key, []).append(outcome.property)
        if outcome.verdict == "not covered":
            found.setdefault(outcome.reason, {}).setdefault(key, []).append(outcome.property)
    named: dict[str, dict[str, list[str]]] = {}
    for reason, places in found.items():
        for (provider, operation), names in places.items():
            what = f"{operation} ({_of(names, checked[provider, operation])})"
            named.setdefault(reason, {}).setdefault(provider, []).append(what)
    return named


def _of(names: list[str], everything: list[str]) -> str:
    """Some of the properties of an operation, by those that are missing where they are fewer."""
    rest = [name for name in everything if name not in names]
    if not rest:
        return "all"
    return f"all but {', '.join(rest)}" if len(rest) < len(names) else ", ".join(names)


def _wrapped(first: str, words: list[str]) -> list[str]:
    """A list over as many lines as it takes, below the beginning of the first."""
    return textwrap.wrap(
        ", ".join(words),
        TABLE_COLUMNS,
        initial_indent=first,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def counts(run: Run) -> dict[str, int]:
    """How many outcomes passed, failed or were not covered, and how many findings and notes there are."""
    outcomes = run.outcomes
    verdicts = [outcome.verdict for outcome in outcomes]
    return {
        "passed": verdicts.count("passed"),
        "failed": verdicts.count("failed"),
        "not_covered": verdicts.count("not covered"),
        "findings": sum(len(outcome.findings) for outcome in outcomes),
        "notes": sum(len(outcome.notes) for outcome in outcomes),
        # What was sent to find out where a server serves, or to undo what was done, is no outcome's.
        "requests": max(sum(run.sent.values()), sum(outcome.requests for outcome in outcomes)),
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
        "depth": ", ".join(dict.fromkeys(run.settings.depth_for(run.target(name)) for name in run.providers)),
        "seed": run.settings.seed,
        "fail_on": run.settings.fail_on,
        "properties": {property.name: property.sentence for property in PROPERTIES},
        "counts": counts(run),
        "left_behind": run.left_behind,
        "outcomes": [outcome.as_json() for outcome in run.outcomes],
    }


def write_json(run: Run, file: Path) -> None:
    text = json.dumps(as_json(run), indent=2, ensure_ascii=False, default=str) + "\n"
    # Half a surrogate pair, which no encoding knows, becomes its escape, which JSON knows.
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
