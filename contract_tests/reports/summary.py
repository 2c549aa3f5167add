"""The summary of a GitHub job: the verdict, and what breaks the contract, as Markdown."""

from __future__ import annotations

from html import escape

from contract_tests.words.faults import faults
from contract_tests.words.findings import printable
from contract_tests.words.results import Results

MOST = 30


def text(results: Results) -> str:
    """A heading, the counts, and a row for each fault; what a server said stays text."""
    counts = results.counts
    some = counts["passed"] or counts["flaky"]
    verdict = "is broken" if counts["failed"] else "holds" if some else "could not be checked"
    where = ", ".join(f"{name} on {origin or 'a mock of its own'}" for name, origin in results.targets.items())
    lines = [
        f"### The contract {verdict}: {_cell(where)}",
        "",
        f"{counts['passed']:,} passed, {counts['failed']:,} failed, {counts['not_covered']:,} not covered,"
        f" {counts['notes']:,} notes, {counts['requests']:,} requests",
        "",
    ]
    for flaky in results.flaky:
        lines += [f"Flaky: {_cell(str(flaky))}", ""]
    if results.ended:
        lines += [f"The run ended early: {_cell(results.ended)}", ""]
    found = faults(results.outcomes)
    if found:
        lines += ["| operation | property | what | page |", "|---|---|---|---|"]
    for fault in found[:MOST]:
        outcome = fault.outcome
        told = [f"{one.at or 'body'}: {one.message}" for one in fault.findings] or [outcome.reason]
        what = "<br>".join(_cell(one) for one in [*dict.fromkeys(told), fault.more] if one)
        page = _cell(fault.first.source) if fault.findings else ""
        lines.append(
            f"| {_cell(f'{outcome.provider} {outcome.operation}')} | {_cell(outcome.property)} | {what} | {page} |"
        )
    if len(found) > MOST:
        lines.append(f"\n{len(found) - MOST} more are in the log.")
    return "\n".join(lines) + "\n\n"


def _cell(text: str) -> str:
    """The text so that neither Markdown nor HTML is seen in it."""
    clean = escape(printable(text[:500]))
    return "".join(f"&#{ord(char)};" if char in "|`*_[]<>#~!\\@:" else char for char in clean)
