"""The table of a run: a line for each operation with how it is known and how many of its properties hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from contract_tests.reports.style import PLAIN, Style
from contract_tests.words.findings import Outcome, printable
from contract_tests.words.results import Results

COLUMNS = 80
_COUNTED = (("passed", "ok"), ("note", "note"), ("flaky", "flaky"), ("not covered", "--"), ("failed", "FAIL"))
_LEGEND = {
    "note": "differs from what need not hold",
    "flaky": "a server error that did not come again",
    "not covered": "could not be tested here",
    "failed": "breaks the contract",
}
_KINDS = {"passed": "good", "note": "note", "flaky": "note", "not covered": "muted", "failed": "bad"}


@dataclass
class _Row:
    name: str
    grade: str
    properties: dict[str, list[str]] = field(default_factory=dict)

    def count(self, sign: str) -> int:
        return len(self.properties.get(sign, ()))


def table(results: Results, style: Style = PLAIN) -> list[str]:
    """Operation by verdict, as counts of properties; those that fail are named below their operation."""
    rows: dict[tuple[str, str], _Row] = {}
    for outcome in results.outcomes:
        key = (outcome.provider, outcome.operation)
        row = rows.setdefault(key, _Row(printable(" ".join(key)), outcome.grade))
        row.properties.setdefault(sign_of(outcome), []).append(outcome.property)
    if not rows:
        return []
    signs = [sign for sign, _ in _COUNTED if any(row.count(sign) for row in rows.values())]
    names = dict(_COUNTED)
    room = COLUMNS - len("  evidence") - 6 * len(signs)
    width = min(room, max(len(row.name) for row in rows.values()))
    lines = [f"{'':<{width}}  evidence" + "".join(f"{names[sign]:>6}" for sign in signs)]
    for row in rows.values():
        lines += _row(row, signs, width, style)
    legend = [f"{names[sign]}: {_LEGEND[sign]}" for sign in signs if sign in _LEGEND]
    return [*lines, *(["", *textwrap.wrap("; ".join(legend), COLUMNS)] if legend else [])]


def sign_of(outcome: Outcome) -> str:
    """The verdict of an outcome, `note` for one that passed with notes."""
    return "note" if outcome.notes and outcome.verdict == "passed" else outcome.verdict


def _row(row: _Row, signs: list[str], width: int, style: Style) -> Iterator[str]:
    name = row.name if len(row.name) <= width else f"{row.name[: width - 3]}..."
    cells = "".join(style.paint(f"{row.count(sign) or '':>6}", _KINDS[sign]) for sign in signs)
    yield f"{name:<{width}}  {row.grade:<8}{cells}".rstrip()
    failing = row.properties.get("failed", [])
    if any(failing):
        text = textwrap.wrap(printable(", ".join(failing)), COLUMNS - 10, break_on_hyphens=False)
        yield from (f"    {style.paint('FAIL', 'bad') if at == 0 else '    '}  {line}" for at, line in enumerate(text))
