"""What a run found as text: faults with their answers, notes, what was not covered, what was left behind."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from contract_tests.reports.style import PLAIN, Style
from contract_tests.words.faults import Fault, faults, notes, shortened
from contract_tests.words.findings import Outcome, printable
from contract_tests.words.results import Results

COLUMNS = 80
LONGEST_FLAT = 160
"""An answer of so many characters, with nothing in it marked, is shown as it came."""
MOST_LINES = 16
"""So many lines of an answer are shown; of a longer one those that are wrong."""


def findings(results: Results, style: Style = PLAIN, *, with_notes: bool = False) -> list[str]:
    """Everything that was found, what breaks the contract first; notes are counted unless they are asked for."""
    lines: list[str] = []
    for fault in faults(results.outcomes):
        lines += ["", *told(fault, "FAIL", results, style)]
    folded = notes(results.outcomes)
    if with_notes:
        for fault in folded:
            lines += ["", *told(fault, "note", results, style)]
    elif folded:
        count = results.counts["notes"]
        kinds = f"{count} note{'s' if count > 1 else ''} of {len(folded)} kind{'s' if len(folded) > 1 else ''}"
        lines += ["", f"{kinds}: differences from what need not hold; --notes tells them"]
    lines += _flaky(results)
    lines += _uncovered(results)
    lines += _left_behind(results)
    return lines


def told(fault: Fault, word: str, results: Results, style: Style = PLAIN) -> Iterator[str]:
    """A fault for a person to read: what was asked, answered and documented, and how to see it again."""
    kind = "bad" if word == "FAIL" else "note"
    yield f"{style.paint(word, kind)} {style.paint(printable(fault.title), 'bold')}"
    if not fault.findings:
        yield f"  {printable(fault.outcome.reason or 'no reason is known')}"
    else:
        yield from _differences(fault, style)
        first = fault.first
        says = first.documented or results.properties.get(first.property, "")
        yield from _labelled("page", f"{first.source} ({first.grade})")
        if says:
            yield from _labelled("says", says)
        yield from _answer(fault, style)
        if first.place:
            yield from _labelled("spec", first.place)
        yield from _labelled("repeat", first.curl, wrap=False)
        if first.look:
            yield from _labelled("then", first.look, wrap=False)
        for step in first.steps[:-1]:
            yield from _labelled("after", step, wrap=False)
    if fault.alike:
        yield f"  {printable(fault.more)}"


def _differences(fault: Fault, style: Style) -> Iterator[str]:
    seen = set()
    for one in fault.findings:
        text = f"{printable(one.at or 'body')}: {printable(one.message)}"
        if text not in seen:
            yield f"  {style.paint(text, 'bad' if fault.outcome.verdict == 'failed' else 'note')}"
        seen.add(text)


def _answer(fault: Fault, style: Style) -> Iterator[str]:
    """The whole answer, its wrong lines with a mark in the margin."""
    first = fault.first
    if first.status is None:
        return
    lines = fault.answer
    short = len(first.answer) <= LONGEST_FLAT or len(lines) == 1
    if short and not any(one.wrong for one in lines):
        yield from _labelled("answered", f"{first.status} {first.answer.strip()[:1000]}".strip())
        return
    yield f"  answered  {first.status}"
    for one in shortened(lines, MOST_LINES):
        text = f"{'>' if one.wrong else ' '} {printable(one.text)}"
        yield f"          {style.paint(text, 'bad') if one.wrong else text}"


def _labelled(label: str, text: str, *, wrap: bool = True) -> Iterator[str]:
    """A line with a word in front; a long text goes on below, but for what is to be copied."""
    clean = printable(text)
    lines = textwrap.wrap(clean, COLUMNS - 12, break_on_hyphens=False) if wrap and len(clean) <= 2000 else [clean]
    for index, line in enumerate(lines or [""]):
        yield f"  {label if index == 0 else '':<8}  {line}".rstrip()


def _flaky(results: Results) -> Iterator[str]:
    if results.flaky:
        yield from ("", "flaky: server errors that did not come again when the same was asked again:")
        yield from (f"  {printable(str(one))}" for one in results.flaky)
    for provider, seconds in results.late.items():
        later = f"late: {provider} showed only {seconds:g} seconds later what was written; --settle {_whole(seconds)}"
        yield ""
        yield from _wrapped("", f"{later} waits for it, and judges what is shown then".split(" "), between=" ")


def _whole(seconds: float) -> int:
    """Seconds that are enough where it took so many once."""
    return max(2, int(2 * seconds + 0.99))


def _uncovered(results: Results) -> Iterator[str]:
    for reason, vendors in uncovered(results).items():
        yield ""
        yield from _wrapped("not covered: ", printable(reason).split(" "), between=" ")
        for provider, operations in vendors.items():
            yield from _wrapped(f"  {provider}: ", operations)


def _left_behind(results: Results) -> Iterator[str]:
    left: dict[str, list[str]] = {}
    for what in results.left_behind:
        record, _, why = printable(what).partition(": ")
        kind, _, key = record.rpartition(" ")
        left.setdefault(f"{kind}: {why}", []).append(key)
    if left:
        yield from ("", "left behind, because it could not be removed:")
    for why, keys in left.items():
        yield from _wrapped("  ", why.split(" "), between=" ")
        yield from _wrapped("    ", keys)


def uncovered(results: Results) -> dict[str, dict[str, list[str]]]:
    """What was not covered, by reason and vendor: operations, each with the properties meant."""
    checked: dict[tuple[str, str], list[str]] = {}
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for outcome in results.outcomes:
        key = _key(outcome)
        checked.setdefault(key, []).append(outcome.property)
        if outcome.verdict == "not covered":
            found.setdefault(outcome.reason, {}).setdefault(key, []).append(outcome.property)
    named: dict[str, dict[str, list[str]]] = {}
    for reason, places in found.items():
        for key, names in places.items():
            named.setdefault(reason, {}).setdefault(key[0], []).append(f"{key[1]} ({_of(names, checked[key])})")
    return named


def _key(outcome: Outcome) -> tuple[str, str]:
    return (outcome.provider, outcome.operation)


def _of(names: list[str], everything: list[str]) -> str:
    """Some of the properties of an operation, by those that are missing where they are fewer."""
    rest = [name for name in everything if name not in names]
    if not rest:
        return "all"
    return f"all but {', '.join(rest)}" if len(rest) < len(names) else ", ".join(names)


def _wrapped(first: str, words: list[str], between: str = ", ") -> list[str]:
    """A list over as many lines as it takes, below the beginning of the first."""
    return textwrap.wrap(
        printable(between.join(words)),
        COLUMNS,
        initial_indent=first,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
