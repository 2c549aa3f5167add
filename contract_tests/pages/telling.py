"""What became of the pages, for a terminal, for an issue, and for a machine."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from contract_tests.pages.citing import Statement
from contract_tests.pages.comparing import CHANGED, GONE, NEW, UNCHANGED, Result
from contract_tests.words.findings import printable
from mock_server import __version__

JSON_VERSION = 1
LONGEST_ISSUE = 60_000
"""So many characters of an issue are written; GitHub takes 65,536."""
_LONGEST_SENTENCE = 600
_MOST_STATEMENTS = 25


def lines(results: Sequence[Result]) -> Iterator[str]:
    """The pages that are not as they were, each with its sentences and what rests on it."""
    for one in results:
        if one.state == UNCHANGED:
            continue
        if one.state not in (CHANGED, GONE):
            why = f": {one.why}" if one.why else f" ({one.came_from})" if one.came_from else ""
            yield printable(f"{one.state}  {one.source}{why}")
            continue
        yield ""
        yield printable(f"{one.state}  {one.source}  ({one.came_from or 'nowhere'})")
        for pair in one.pairs:
            yield printable(f"  before  {_cut(pair.before) or '(nothing)'}")
            yield printable(f"  now     {_cut(pair.now) or '(nothing)'}")
        yield from (printable(f"  {line}") for line in _resting(one))
    yield printable(summary(results))


def _resting(result: Result) -> Iterator[str]:
    """The statements that rest on a page: those that speak of what changed first."""
    touched = {id(one) for one in result.touched}
    order = sorted(result.statements, key=lambda one: id(one) not in touched)
    for one in order[:_MOST_STATEMENTS]:
        yield f"{_line(one)}{'  << speaks of it' if id(one) in touched else ''}"
    if len(order) > _MOST_STATEMENTS:
        yield f"and {len(order) - _MOST_STATEMENTS} more statements rest on it"


def _line(one: Statement) -> str:
    return f"{one.place}  {one.provider} {one.what} ({one.grade})"


def summary(results: Iterable[Result]) -> str:
    """How many pages are how."""
    results = list(results)
    counts = Counter(one.state for one in results)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    resting = sum(len(one.statements) for one in results if one.state in (CHANGED, GONE))
    pages, statements = _many(len(results), "page"), _many(resting, "statement")
    return f"{pages}: {told or 'none'}" + (f"; {statements} to look at" if resting else "")


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def markdown(results: Sequence[Result]) -> str:
    """The text of an issue: each page that changed, its sentences side by side, its statements to tick off."""
    changed = [one for one in results if one.state in (CHANGED, GONE)]
    parts = [f"{summary(results)}.\n"]
    for number, one in enumerate(changed):
        part = "\n".join(_section(one)) + "\n"
        if sum(map(len, parts)) + len(part) > LONGEST_ISSUE:
            parts.append(f"\n{len(changed) - number} more pages have changed; the JSON report has them all.\n")
            break
        parts.append(part)
    return "\n".join(parts)


def _section(one: Result) -> Iterator[str]:
    yield f"## {_plain(one.source)}"
    yield ""
    if one.state == GONE:
        yield f"The page is gone: {_plain(one.why)}."
    if one.pairs:
        yield "| before | now |"
        yield "|---|---|"
        yield from (f"| {_plain(_cut(pair.before))} | {_plain(_cut(pair.now))} |" for pair in one.pairs)
    yield ""
    touched = {id(each) for each in one.touched}
    for each in sorted(one.statements, key=lambda each: id(each) not in touched):
        mark = " **speaks of it**" if id(each) in touched else ""
        yield f"- [ ] `{each.place}` {_plain(f'{each.provider} {each.what} ({each.grade})')}{mark}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SENTENCE else f"{text[: _LONGEST_SENTENCE - 3]}..."


def _plain(text: str) -> str:
    """Text that means nothing to Markdown, and calls nobody: a page is somebody else's words."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()|~])", r"\\\1", " ".join(text.split()))
    # A name or a number of an issue would be told of it, and an address become a link.
    return re.sub(r"([@#])(?=\w)", "\\1\u200b", text).replace("://", ":\u200b//")


def document(results: Sequence[Result]) -> str:
    """All of it as JSON."""
    counts = Counter(one.state for one in results)
    told = {
        "version": JSON_VERSION,
        "tool": "ringback pages",
        "tool_version": __version__,
        "counts": {**dict.fromkeys((UNCHANGED, CHANGED, GONE, NEW), 0), **counts},
        "pages": [one.as_json() for one in results],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
