"""The report as one HTML file: dark and light, no network, no script, expected and actual side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from contract_tests.properties.table import PROPERTIES
from contract_tests.reports import report
from contract_tests.reports.sides import Piece, sides
from contract_tests.run import Run
from contract_tests.words.findings import FAIL_ON, Finding, Outcome
from mock_server import __version__

_PAGE = re.compile(r"(?P<page>(?:[a-z0-9-]+\.){2,}[a-z]{2,}(?:/[A-Za-z0-9._~/%#-]*)?)(?P<rest>| .*)")
"""A source that names a page: a host and a path, and in words what to look for there."""


def write(run: Run, file: Path) -> None:
    """Writes the page; half a surrogate pair, which no encoding knows, becomes a question mark."""
    file.write_text(page(run), encoding="utf-8", errors="replace")


def page(run: Run) -> str:
    """The page: a summary, operation by property, every finding, every note, what was not covered."""
    return "\n".join(_Page(run).lines())


class _Entry(NamedTuple):
    """An article of the page: the findings of an outcome that differ in their request only, or a bare failure."""

    anchor: str
    outcome: Outcome
    findings: list[Finding]


def _entries(kind: str, found: Iterable[tuple[Outcome, list[Finding]]]) -> list[_Entry]:
    entries: list[_Entry] = []
    for outcome, findings in found:
        alike: dict[tuple[str, ...], list[Finding]] = {}
        for one in findings:
            what = (one.at, one.message, repr(one.expected), repr(one.actual), one.grade, one.source)
            alike.setdefault(what, []).append(one)
        for group in alike.values() or [[]]:
            entries.append(_Entry(f"{kind}-{len(entries) + 1}", outcome, group))
    return entries


class _Page:
    """One page in the making; findings, notes and reasons are numbered, so that cells can link to them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.counts = report.counts(run)
        self.broken = _entries("finding", [(one, one.findings) for one in run.outcomes if one.verdict == "failed"])
        self.notes = _entries("note", [(one, one.notes) for one in run.outcomes if one.notes])
        self.uncovered = report.uncovered(run)
        self.rows: dict[tuple[str, str], dict[str, Outcome]] = {}
        for outcome in run.outcomes:
            self.rows.setdefault((outcome.provider, outcome.operation), {})[outcome.property] = outcome
        self._row_numbers = {key: number for number, key in enumerate(self.rows, 1)}
        self._reason_numbers = {reason: number for number, reason in enumerate(self.uncovered, 1)}
        self._first = {id(one.outcome): one.anchor for one in reversed([*self.broken, *self.notes])}
        """The anchor of an outcome's first entry; what breaks the contract comes before notes."""

    def lines(self) -> Iterator[str]:
        verdict = "is broken" if self.counts["failed"] else "holds"
        style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
        yield "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>"
        yield "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        yield f"<title>The contract {verdict}: {escape(', '.join(self.run.providers))}</title>"
        yield f"<style>\n{style}</style>\n</head>\n<body>\n<main id='top'>"
        yield from self._summary(verdict)
        yield from self._table()
        yield from self._findings()
        yield from self._notes()
        yield from self._uncovered()
        yield from self._left_behind()
        yield from _properties()
        yield "<a class='top' href='#top'>Top</a>\n</main>\n</body>\n</html>\n"

    # --- what it comes to -----------------------------------------------------------------------------------

    def _summary(self, verdict: str) -> Iterator[str]:
        run, counts = self.run, self.counts
        sign = "failed" if counts["failed"] else "passed"
        open_ends = ", as far as it could be tested" if counts["not_covered"] and sign == "passed" else ""
        yield f"<header>\n<h1>The contract <span class='{sign}'>{verdict}</span>{open_ends}</h1>"
        for provider in run.providers:
            yield f"<p><b>{escape(provider)}</b> on {escape(run.target(provider) or 'a mock of its own')}</p>"
        if run.unreachable:
            yield f"<p class='failed'><b>The run ended early:</b> {escape(run.unreachable)}</p>"
        grades = " or ".join(FAIL_ON[run.settings.fail_on])
        yield (
            f"<p class='run'>{run.started:%Y-%m-%d %H:%M:%S} UTC, {run.seconds:,.1f} s, Ringback {__version__},"
            f" seed {run.settings.seed}. What is known by {grades} must hold; the rest gets a note.</p>"
        )
        tiles = (
            ("passed", "hold", "good" if counts["passed"] else "", "operations"),
            ("failed", "fail", "bad" if counts["failed"] else "", "broken"),
            ("not_covered", "not covered", "", "uncovered"),
            ("findings", "findings", "bad" if counts["findings"] else "", "broken"),
            ("notes", "notes", "warn" if counts["notes"] else "", "notes"),
            ("requests", "requests", "", ""),
        )
        yield "<ul class='tiles'>"
        for name, label, kind, target in tiles:
            shown = f"<a href='#{target}'>{label}</a>" if target and counts[name] else label
            yield f"<li class='{kind}'><b>{counts[name]:,}</b>{shown}</li>"
        yield "</ul>\n</header>"

    # --- operation by property ------------------------------------------------------------------------------

    def _table(self) -> Iterator[str]:
        names = [one.name for one in PROPERTIES if any(one.name in row for row in self.rows.values())]
        yield "<section>\n<h2 id='operations'>Operations and their properties</h2>"
        if not self.rows:
            yield "<p>Nothing was checked.</p>\n</section>"
            return
        fine = {
            key: all(one.verdict == "passed" and not one.notes for one in row.values())
            for key, row in self.rows.items()
        }
        if True in fine.values() and False in fine.values():
            yield "<label class='only'><input type='checkbox' id='only'> Hide operations that hold</label>"
        yield "<div class='scroll' tabindex='0' role='region' aria-labelledby='operations'>\n<table>"
        yield "<caption><span>Evidence: how the operation is known. &mdash;: not covered. Empty: does not apply.</span>"
        yield "</caption>"
        yield "<thead>\n<tr>"
        yield "<th scope='col'>operation</th><th scope='col'>evidence</th>"
        yield "".join(f"<th scope='col'><a href='#property-{escape(name)}'>{escape(name)}</a></th>" for name in names)
        yield "</tr>\n</thead>"
        vendor = None
        for (provider, operation), row in self.rows.items():
            if provider != vendor:
                yield f"{'</tbody>' if vendor else ''}<tbody>\n<tr><th scope='rowgroup'>{escape(provider)}</th>"
                yield f"<td colspan='{len(names) + 1}'></td></tr>"
                vendor = provider
            first = next(iter(row.values()))
            title = escape(f"{first.method} {first.path}".strip())
            cells = "".join(self._cell(row.get(name)) for name in names)
            yield (
                f"<tr id='row-{self._row_numbers[provider, operation]}'"
                f"{' class=fine' if fine[provider, operation] else ''}><th scope='row' title='{title}'>"
                f"{_breakable(escape(operation))}</th><td>{escape(first.grade)}</td>{cells}</tr>"
            )
        yield "</tbody>\n</table>\n</div>\n</section>"

    def _cell(self, outcome: Outcome | None) -> str:
        if outcome is None:
            return "<td></td>"
        if outcome.verdict == "failed":
            often = f" {len(outcome.findings)}" if outcome.findings else ""
            return f"<td class='failed'><a href='#{self._first[id(outcome)]}'>fails{often}</a></td>"
        if outcome.verdict == "not covered":
            link = f"<a href='#reason-{self._reason_numbers[outcome.reason]}' title='{escape(outcome.reason)}'>"
            return f"<td class='uncovered'>{link}<span class='hidden'>not covered</span>&mdash;</a></td>"
        if outcome.notes:
            return f"<td class='note'><a href='#{self._first[id(outcome)]}'>note {len(outcome.notes)}</a></td>"
        return "<td class='passed'>holds</td>"

    # --- what was found -------------------------------------------------------------------------------------

    def _findings(self) -> Iterator[str]:
        if self.broken:
            yield "<section>\n<h2 id='broken'>What breaks the contract</h2>"
            yield from (self._article(one, "failed", "fails") for one in self.broken)
            yield "</section>"

    def _notes(self) -> Iterator[str]:
        if self.notes:
            yield "<section>\n<h2 id='notes'>Notes: differences from what need not hold</h2>"
            yield from (self._article(one, "note", "notes") for one in self.notes)
            yield "</section>"

    def _article(self, entry: _Entry, kind: str, word: str) -> str:
        anchor, outcome, findings = entry
        row = self._row_numbers[outcome.provider, outcome.operation]
        head = (
            f"<article id='{anchor}' class='{word}'>\n<h3><span class='kind {kind}'>{word}</span>"
            f" <a href='#row-{row}'>{escape(outcome.provider)} {escape(outcome.operation)}</a>"
            f" [{escape(outcome.property)}]"
            f" <span class='plain'>{escape(', '.join(dict.fromkeys(one.request for one in findings)))}</span></h3>"
        )
        if not findings:
            return f"{head}\n<p class='message'>{escape(outcome.reason or 'no reason is known')}</p>\n</article>"
        finding, *others = findings
        expected, actual = sides(finding.expected, finding.actual)
        more = "".join(_pre([Piece(one.curl, False)], "command", "curl") for one in others)
        if more:
            more = f"\n<details><summary>{len(others)} more that found the same</summary>{more}</details>"
        return (
            f"{head}\n<p class='message'><code>{escape(finding.at or 'body')}</code>: {escape(finding.message)}</p>\n"
            f"<div class='sides'><div><p class='name'>expected</p>{_pre(expected, 'expected')}</div>\n"
            f"<div><p class='name'>found</p>{_pre(actual, 'found')}</div></div>\n"
            f"<p><span class='grade'>{escape(finding.grade)}</span> {_source(finding.source)}</p>\n"
            f"<p class='name'>repeat it</p>{_pre([Piece(finding.curl, False)], 'command', 'curl')}{more}"
            f"{_steps(finding.steps[:-1])}\n</article>"
        )

    # --- what is still to be told ---------------------------------------------------------------------------

    def _uncovered(self) -> Iterator[str]:
        if not self.uncovered:
            return
        yield "<section>\n<h2 id='uncovered'>Not covered: neither passed nor failed</h2>"
        reasons = [one.reason for one in self.run.outcomes if one.verdict == "not covered"]
        for reason, vendors in self.uncovered.items():
            yield f"<details id='reason-{self._reason_numbers[reason]}' open>"
            yield f"<summary>{escape(reason)} <span class='muted'>({reasons.count(reason)})</span></summary>\n<ul>"
            for provider, operations in vendors.items():
                yield f"<li><b>{escape(provider)}</b>: {escape(', '.join(operations))}</li>"
            yield "</ul>\n</details>"
        yield "</section>"

    def _left_behind(self) -> Iterator[str]:
        if self.run.left_behind:
            yield "<section>\n<h2>Left behind, because it could not be removed</h2>\n<details>"
            yield f"<summary>{len(self.run.left_behind):,} records</summary>\n<ul>"
            yield from (f"<li>{escape(what)}</li>" for what in self.run.left_behind)
            yield "</ul>\n</details>\n</section>"


def _properties() -> Iterator[str]:
    yield "<section>\n<h2>The properties</h2>\n<dl>"
    for one in PROPERTIES:
        yield f"<dt id='property-{escape(one.name)}'>{escape(one.name)}</dt><dd>{escape(one.sentence)}</dd>"
    yield "</dl>\n</section>"


def _steps(steps: Sequence[str]) -> str:
    """What has to be sent before."""
    if not steps:
        return ""
    return f"\n<p class='name'>after</p>{''.join(_pre([Piece(step, False)], 'command', 'curl') for step in steps)}"


def _pre(pieces: list[Piece], label: str, kind: str = "") -> str:
    """A block that can be scrolled by keyboard too; what differs is marked by more than a colour."""
    text = "".join(f"<mark>{escape(one.text)}</mark>" if one.differs else escape(one.text) for one in pieces)
    return f"<pre class='{kind}' tabindex='0' role='group' aria-label='{label}'>{text}</pre>"


def _breakable(name: str) -> str:
    """A name in camel case that may be broken over lines where a word of it ends."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", name)


def _source(source: str) -> str:
    """The page as a link where it is one."""
    found = _PAGE.fullmatch(source)
    if found is None:
        return escape(source)
    host = escape(found["page"])
    return f"<a href='https://{host}' rel='noreferrer'>{host}</a>{escape(found['rest'])}"
