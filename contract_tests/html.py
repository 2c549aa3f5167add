"""The report as one HTML file: dark and light, no network, expected and actual side by side."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from contract_tests import report
from contract_tests.findings import Finding, Outcome
from contract_tests.plugin import Run
from contract_tests.properties import PROPERTIES
from mock_server.messages import Json

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bad: #c62828; --good: #2e7d32; --note: #b26a00; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #81c784; --note: #ffb74d; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem }
.summary { margin: .3rem 0 1.5rem } .scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem } th, td { border: 1px solid var(--line); padding: .25rem .5rem }
thead th { text-align: center; font-weight: 600 } tbody th { text-align: left; font-weight: 500; white-space: nowrap }
td { text-align: center } td a { color: inherit } .failed { color: var(--bad); font-weight: 700 }
.passed { color: var(--good) } .note { color: var(--note) } .uncovered { opacity: .6 }
article { border: 1px solid var(--line); border-left: .35rem solid var(--bad); border-radius: .3rem; margin: 1rem 0;
  padding: .7rem 1rem } article.note { border-left-color: var(--note); color: inherit }
article h3 { font-size: 1rem; margin: 0 0 .3rem } .sides { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem }
@media (max-width: 45rem) { .sides { grid-template-columns: 1fr } }
pre { background: var(--soft); border-radius: .3rem; margin: .2rem 0; overflow-x: auto; padding: .5rem;
  white-space: pre-wrap; word-break: break-word } dt { font-weight: 600; margin-top: .5rem } dd { margin: 0 }
"""


def write(run: Run, file: Path) -> None:
    """Writes the page."""
    file.write_text(page(run), encoding="utf-8")


def page(run: Run) -> str:
    """The page: a summary, operation by property, every finding, every note, what was not covered."""
    counts = report.counts(run.outcomes)
    where = ", ".join(sorted({run.target(name) or "a mock of its own" for name in run.providers}))
    verdict = "broken" if counts["failed"] else "holds"
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Contract {verdict}: {escape(where)}</title><style>{_STYLE}</style>",
        f"<h1>The contract <span class='{'failed' if counts['failed'] else 'passed'}'>{verdict}</span></h1>",
        f"<p class='summary'>{escape(', '.join(run.providers))} on {escape(where)}: {counts['passed']} passed,"
        f" {counts['failed']} failed, {counts['not_covered']} not covered, {counts['notes']} notes;"
        f" {counts['requests']} requests, seed {run.settings.seed}.</p>",
        _table(run),
    ]
    broken = [(outcome, finding) for outcome in run.outcomes for finding in outcome.findings]
    notes = [(outcome, note) for outcome in run.outcomes for note in outcome.notes]
    if broken:
        parts.append("<h2>What breaks the contract</h2>")
        parts += [_finding(outcome, finding, "failed") for outcome, finding in broken]
    if notes:
        parts.append("<h2>Notes: where the pages are silent</h2>")
        parts += [_finding(outcome, note, "note") for outcome, note in notes]
    uncovered = [outcome for outcome in run.outcomes if outcome.verdict == "not covered"]
    if uncovered:
        parts.append("<h2>Not covered</h2><ul>")
        parts += [f"<li>{escape(_label(outcome))}: {escape(outcome.reason)}</li>" for outcome in uncovered]
        parts.append("</ul>")
    parts.append("<h2>The properties</h2><dl>")
    parts += [f"<dt>{escape(one.name)}</dt><dd>{escape(one.sentence)}</dd>" for one in PROPERTIES]
    return "\n".join([*parts, "</dl></html>\n"])


def _table(run: Run) -> str:
    names = [one.name for one in PROPERTIES]
    rows: dict[str, dict[str, Outcome]] = {}
    for outcome in run.outcomes:
        rows.setdefault(f"{outcome.provider} {outcome.operation}", {})[outcome.property] = outcome
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th scope='row'>{escape(label)}</th>{''.join(_cell(row.get(name)) for name in names)}</tr>"
        for label, row in rows.items()
    )
    return f"<div class='scroll'><table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "<td></td>"
    if outcome.verdict == "failed":
        return f"<td class='failed'><a href='#{_anchor(outcome)}'>fails</a></td>"
    if outcome.verdict == "not covered":
        return f"<td class='uncovered' title='{escape(outcome.reason, quote=True)}'>not covered</td>"
    if outcome.notes:
        return f"<td class='note'><a href='#{_anchor(outcome)}'>note</a></td>"
    return "<td class='passed'>holds</td>"


def _anchor(outcome: Outcome) -> str:
    return escape(f"{outcome.provider}-{outcome.operation}-{outcome.property}", quote=True)


def _label(outcome: Outcome) -> str:
    return f"{outcome.provider} {outcome.operation} [{outcome.property}]"


def _finding(outcome: Outcome, finding: Finding, kind: str) -> str:
    return (
        f"<article class='{kind}' id='{_anchor(outcome)}'><h3>{escape(_label(outcome))} {escape(finding.request)}</h3>"
        f"<p><code>{escape(finding.at or 'body')}</code>: {escape(finding.message)}</p>"
        f"<div class='sides'><div>expected<pre>{_pretty(finding.expected)}</pre></div>"
        f"<div>found<pre>{_pretty(finding.actual)}</pre></div></div>"
        f"<dl><dt>evidence</dt><dd>{escape(finding.grade)}: {escape(finding.source)}</dd>"
        f"<dt>repeat</dt><dd><pre>{escape(finding.curl)}</pre></dd></dl></article>"
    )


def _pretty(value: Json) -> str:
    return escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))
