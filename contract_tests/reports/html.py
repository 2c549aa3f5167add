"""The report as one HTML file: dark and light, no network, no script; every fault with its marked answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from contract_tests.reports.sides import Piece, sides
from contract_tests.reports.text import uncovered
from contract_tests.words.faults import Fault, faults, notes
from contract_tests.words.findings import FAIL_ON, Outcome
from contract_tests.words.results import Results
from mock_server import __version__

_PAGE = re.compile(r"(?P<page>(?:[a-z0-9-]+\.){2,}[a-z]{2,}(?:/[A-Za-z0-9._~/%#-]*)?)(?P<rest>| .*)")
"""A source that names a page: a host and a path, and in words what to look for there."""
MOST_ALIKE = 200
"""So many places of one cause are listed; the matrix shows all of them."""


def page(results: Results) -> str:
    """The page: a summary, operation by property, every fault, every note, what was not covered."""
    return "\n".join(_Page(results).lines())


class _Entry(NamedTuple):
    """An article of the page: a fault, and where it can be found."""

    anchor: str
    fault: Fault


class _Page:
    """One page in the making; faults, notes and reasons are numbered, so that cells can link to them."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.counts = results.counts
        self.broken = [_Entry(f"finding-{at}", one) for at, one in enumerate(faults(results.outcomes), 1)]
        self.notes = [_Entry(f"note-{at}", one) for at, one in enumerate(notes(results.outcomes), 1)]
        self.uncovered = uncovered(results)
        self.rows: dict[tuple[str, str], dict[str, Outcome]] = {}
        for outcome in results.outcomes:
            self.rows.setdefault((outcome.provider, outcome.operation), {})[outcome.property] = outcome
        self._row_numbers = {key: number for number, key in enumerate(self.rows, 1)}
        self._reason_numbers = {reason: number for number, reason in enumerate(self.uncovered, 1)}
        self._first: dict[int, str] = {}
        """The anchor of an outcome's first entry; what breaks the contract comes before notes."""
        for entry in [*self.broken, *self.notes]:
            for one in (entry.fault, *entry.fault.alike):
                self._first.setdefault(id(one.outcome), entry.anchor)

    def lines(self) -> Iterator[str]:
        verdict = "is broken" if self.counts["failed"] else "holds"
        style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
        yield "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>"
        yield "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        yield f"<title>The contract {verdict}: {escape(', '.join(self.results.providers))}</title>"
        yield f"<style>\n{style}</style>\n</head>\n<body>\n<main id='top'>"
        yield from self._summary(verdict)
        yield from self._findings()
        yield from self._table()
        yield from self._notes()
        yield from self._flaky()
        yield from self._uncovered()
        yield from self._left_behind()
        yield from self._properties()
        yield "<a class='top' href='#top'>Top</a>\n</main>\n</body>\n</html>\n"

    # --- what it comes to -----------------------------------------------------------------------------------

    def _summary(self, verdict: str) -> Iterator[str]:
        # What is folded below is one thing here too.
        results, counts = self.results, {**self.counts, "faults": len(self.broken)}
        sign = "failed" if counts["failed"] else "passed"
        open_ends = ", as far as it could be tested" if counts["not_covered"] and sign == "passed" else ""
        yield f"<header>\n<h1>The contract <span class='{sign}'>{verdict}</span>{open_ends}</h1>"
        for provider in results.providers:
            yield f"<p><b>{escape(provider)}</b> on {escape(results.targets[provider] or 'a mock of its own')}</p>"
        if results.ended:
            yield f"<p class='failed'><b>The run ended early:</b> {escape(results.ended)}</p>"
        grades = " or ".join(FAIL_ON[results.fail_on])
        yield (
            f"<p class='run'>{results.started:%Y-%m-%d %H:%M:%S} UTC, {results.seconds:,.1f} s, Ringback {__version__},"
            f" seed {results.seed}. What is known by {grades} must hold; the rest gets a note.</p>"
        )
        tiles = (
            ("passed", "hold", "good" if counts["passed"] else "", "operations"),
            ("failed", "fail", "bad" if counts["failed"] else "", "broken"),
            ("not_covered", "not covered", "", "uncovered"),
            ("faults", "findings", "bad" if self.broken else "", "broken"),
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
        names = [name for name in self.results.properties if any(name in row for row in self.rows.values())]
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
        yield "<caption><span>Evidence: how the operation is known."
        yield "&#10003; holds, &#10007; fails, ! note, ~ flaky, &mdash; not covered, empty: does not apply.</span>"
        yield "</caption>"
        yield "<thead>\n<tr>"
        yield "<th scope='col'>operation</th><th scope='col'>evidence</th>"
        yield "".join(
            f"<th scope='col' class='turned'><a href='#property-{escape(name)}'>{escape(name)}</a></th>"
            for name in names
        )
        yield "</tr>\n</thead>"
        vendor = None
        for (provider, operation), row in self.rows.items():
            if provider != vendor:
                yield f"{'</tbody>' if vendor else ''}<tbody>\n<tr><th scope='rowgroup'>{escape(provider)}</th>"
                yield f"<td colspan='{len(names) + 1}'></td></tr>"
                vendor = provider
            first = next(iter(row.values()))
            title = escape(f"{first.method} {first.path}".strip())
            cells = "".join(self._cell(row.get(name), name) for name in names)
            yield (
                f"<tr id='row-{self._row_numbers[provider, operation]}'"
                f"{' class=fine' if fine[provider, operation] else ''}><th scope='row' title='{title}'>"
                f"{_breakable(escape(operation))}</th><td class='how'>{escape(first.grade)}</td>{cells}</tr>"
            )
        yield "</tbody>\n</table>\n</div>\n</section>"

    def _cell(self, outcome: Outcome | None, name: str) -> str:
        """A sign for the eye, a word for the ear; on a narrow screen the property's name stands before it."""
        if outcome is None:
            return "<td class='empty'></td>"
        label = f"data-name='{escape(name)}'"
        anchor = self._first.get(id(outcome), "operations")
        if outcome.verdict == "failed":
            often = str(len(outcome.findings) or "")
            return (
                f"<td class='failed' {label}><a href='#{anchor}'><span class='hidden'>fails</span>"
                f"&#10007;{often}</a></td>"
            )
        if outcome.verdict == "not covered":
            link = f"<a href='#reason-{self._reason_numbers[outcome.reason]}' title='{escape(outcome.reason)}'>"
            return f"<td class='uncovered' {label}>{link}<span class='hidden'>not covered</span>&mdash;</a></td>"
        if outcome.verdict == "flaky":
            title = f"title='{escape(outcome.reason)}'"
            return f"<td class='note' {label} {title}><span class='hidden'>flaky</span>~</td>"
        if outcome.notes:
            return (
                f"<td class='note' {label}><a href='#{anchor}'><span class='hidden'>note</span>"
                f"!{len(outcome.notes)}</a></td>"
            )
        return f"<td class='passed' {label}><span class='hidden'>holds</span>&#10003;</td>"

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
        anchor, fault = entry
        outcome = fault.outcome
        row = self._row_numbers[outcome.provider, outcome.operation]
        request = fault.first.request if fault.findings else ""
        head = (
            f"<article id='{anchor}' class='{word}'>\n<h3><span class='kind {kind}'>{word}</span>"
            f" <a href='#row-{row}'>{escape(outcome.provider)} {escape(outcome.operation)}</a>"
            f" [{escape(outcome.property)}]"
            f" <span class='plain'>{escape(request)}</span></h3>"
        )
        alike = self._alike(fault)
        if not fault.findings:
            why = escape(outcome.reason or "no reason is known")
            return f"{head}\n<p class='message'>{why}</p>{alike}\n</article>"
        first = fault.first
        told = dict.fromkeys((one.at or "body", one.message) for one in fault.findings)
        differences = "".join(
            f"<li class='message'><code>{escape(at)}</code>: {escape(message)}</li>" for at, message in told
        )
        return (
            f"{head}\n<ul class='differences'>{differences}</ul>\n{self._sides(fault)}\n"
            f"<p><span class='grade'>{escape(first.grade)}</span> {_source(first.source)}"
            f"{f' <code>{escape(first.place)}</code>' if first.place else ''}</p>\n"
            f"<p class='name'>repeat it</p>{_pre([Piece(first.curl, False)], 'command', 'curl')}"
            f"{_commands('then look', [first.look] if first.look else [])}"
            f"{_commands('after', first.steps[:-1])}{alike}\n</article>"
        )

    def _sides(self, fault: Fault) -> str:
        """What the page says beside the whole answer; the two values where no answer is known."""
        first = fault.first
        if first.status is None:
            expected, actual = sides(first.expected, first.actual)
            left, right = _side("expected", _pre(expected, "expected")), _side("found", _pre(actual, "found"))
            return f"<div class='sides'>{left}\n{right}</div>"
        status, _, body = first.documented.partition(" ")
        says = f"<p>{escape(self.results.properties.get(first.property, ''))}</p>"
        if body:
            says = _pre([Piece(f"{status}\n{_indented(body)}", False)], "documented")
        answered = [Piece(f"{first.status}\n", any(one.at == "status" for one in fault.findings))]
        for line in fault.answer:
            indent = line.text[: len(line.text) - len(line.text.lstrip())]
            answered += [Piece(indent, False), Piece(line.text.lstrip(), line.wrong), Piece("\n", False)]
        left = _side("the page says", says)
        return f"<div class='sides'>{left}\n{_side('answered', _pre(answered, 'answered'))}</div>"

    def _alike(self, fault: Fault) -> str:
        """Where else the same was found, folded."""
        if not fault.alike:
            return ""
        where = [
            f"<li><b>{escape(one.outcome.operation)}</b> [{escape(one.outcome.property)}]"
            f"{_pre([Piece(one.first.curl, False)], 'command', 'curl') if one.findings else ''}</li>"
            for one in fault.alike[:MOST_ALIKE]
        ]
        summary = f"and {len(fault.alike):,} more like it"
        return f"\n<details><summary>{summary}</summary><ul>{''.join(where)}</ul></details>"

    def _flaky(self) -> Iterator[str]:
        if self.results.flaky:
            yield "<section>\n<h2>Flaky: server errors that did not come again</h2>\n<ul>"
            yield from (f"<li>{escape(str(one))}</li>" for one in self.results.flaky)
            yield "</ul>\n</section>"

    # --- what is still to be told ---------------------------------------------------------------------------

    def _uncovered(self) -> Iterator[str]:
        if not self.uncovered:
            return
        yield "<section>\n<h2 id='uncovered'>Not covered: neither passed nor failed</h2>"
        reasons = [one.reason for one in self.results.outcomes if one.verdict == "not covered"]
        for reason, vendors in self.uncovered.items():
            yield f"<details id='reason-{self._reason_numbers[reason]}' open>"
            yield f"<summary>{escape(reason)} <span class='muted'>({reasons.count(reason)})</span></summary>\n<ul>"
            for provider, operations in vendors.items():
                yield f"<li><b>{escape(provider)}</b>: {escape(', '.join(operations))}</li>"
            yield "</ul>\n</details>"
        yield "</section>"

    def _properties(self) -> Iterator[str]:
        yield "<section>\n<h2>The properties</h2>\n<dl>"
        for name, sentence in self.results.properties.items():
            yield f"<dt id='property-{escape(name)}'>{escape(name)}</dt><dd>{escape(sentence)}</dd>"
        yield "</dl>\n</section>"

    def _left_behind(self) -> Iterator[str]:
        if self.results.left_behind:
            yield "<section>\n<h2>Left behind, because it could not be removed</h2>\n<details>"
            yield f"<summary>{len(self.results.left_behind):,} records</summary>\n<ul>"
            yield from (f"<li>{escape(what)}</li>" for what in self.results.left_behind)
            yield "</ul>\n</details>\n</section>"


def _side(name: str, content: str) -> str:
    return f"<div><p class='name'>{name}</p>{content}</div>"


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _commands(name: str, lines: Sequence[str]) -> str:
    """Shell lines under a word that says when."""
    if not lines:
        return ""
    return f"\n<p class='name'>{name}</p>{''.join(_pre([Piece(line, False)], 'command', 'curl') for line in lines)}"


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
