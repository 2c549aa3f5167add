"""What is wrong with one exchange as one thing to be told, and others like it with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from contract_tests.words.findings import Finding, Outcome, show
from contract_tests.words.kinds import kind
from mock_server.messages import Json


@dataclass(frozen=True)
class Fault:
    """The differences of one exchange, or the reason of a failure without any; `alike` are others of one cause."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    alike: tuple[Fault, ...] = ()
    kinds: tuple[tuple[object, ...], ...] = ()
    """The kinds of difference that are told here first."""

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def title(self) -> str:
        """Vendor, operation, property and request."""
        request = f" {self.first.request}" if self.findings else ""
        return f"{self.outcome.provider} {self.outcome.operation} [{self.outcome.property}]{request}"

    @property
    def cause(self) -> tuple[object, ...]:
        """All of what may be wrong, as one thing."""
        return tuple(sorted(self.causes, key=str))

    @property
    def causes(self) -> set[tuple[object, ...]]:
        """What may be wrong: the vendor and each kind of difference, whatever the values and ids."""
        if not self.findings:
            return {(self.outcome.provider, self.outcome.reason)}
        return {(self.outcome.provider, *kind(one)) for one in self.findings}

    @property
    def answer(self) -> list[Line]:
        """The whole answer line by line, the wrong places marked."""
        try:
            return list(_marked(self.first.answer, self.findings))
        except RecursionError:
            return [Line(self.first.answer, False)]

    @property
    def more(self) -> str:
        """The others in one line: how many, and where the first of them are."""
        named = list(dict.fromkeys(f"{one.outcome.operation} [{one.outcome.property}]" for one in self.alike))
        shown = ", ".join(named[:4]) + (", ..." if len(named) > 4 else "")
        return f"and {len(self.alike)} more like it: {shown}" if self.alike else ""


def faults(outcomes: Iterable[Outcome]) -> list[Fault]:
    """What breaks the contract: one for each exchange, those of one cause folded into the first."""
    found = []
    for outcome in outcomes:
        if outcome.verdict == "failed":
            found += list(_exchanges(outcome, outcome.findings)) or [Fault(outcome, ())]
    return _folded(found)


def notes(outcomes: Iterable[Outcome]) -> list[Fault]:
    """What differs from statements that need not hold, told in the same way."""
    return _folded([one for outcome in outcomes for one in _exchanges(outcome, outcome.notes)])


def _exchanges(outcome: Outcome, findings: Iterable[Finding]) -> Iterator[Fault]:
    grouped: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        grouped.setdefault((one.request, one.curl, one.look), []).append(one)
    yield from (Fault(outcome, tuple(group)) for group in grouped.values())


def _folded(found: list[Fault]) -> list[Fault]:
    """Each cause once, by the exchange that shows least besides; an exchange that shows no other is like it."""
    told: dict[tuple[object, ...], int] = {}
    alike: dict[int, list[int]] = {}
    new: dict[int, tuple[tuple[object, ...], ...]] = {}
    causes = [one.causes for one in found]
    for index in sorted(range(len(found)), key=lambda one: len(causes[one])):
        first = min((told[one] for one in causes[index] if one in told), default=index)
        fresh = [one for one in causes[index] if one not in told]
        if fresh:
            told.update(dict.fromkeys(fresh, index))
            alike[index], new[index] = [], tuple(sorted(fresh, key=str))
        else:
            alike[first].append(index)
    return [
        Fault(found[at].outcome, found[at].findings, tuple(found[one] for one in sorted(alike[at])), new[at])
        for at in sorted(alike)
    ]


# --- an answer, marked -----------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of an answer, and whether something in it is wrong."""

    text: str
    wrong: bool


def _marked(answer: str, findings: Iterable[Finding]) -> Iterator[Line]:
    try:
        body: Any = json.loads(answer)
    except (ValueError, RecursionError):
        yield from (Line(line, False) for line in answer.splitlines())
        return
    places = {one.at for one in findings if one.at.startswith("/")}
    tails = {(one.at, show(one.actual)) for one in findings if one.at.startswith("/")}

    def wrong(pointer: str, value: Json) -> bool:
        # In a list the place is told within the row: the value says which row is meant.
        return pointer in places or any(pointer.endswith(at) and show(value) == text for at, text in tails)

    yield from _lines(body, "", "", "", wrong, inside=False)


def _lines(node: Json, pointer: str, before: str, after: str, wrong: Any, *, inside: bool) -> Iterator[Line]:
    """A value over as many lines as it has parts; `before` stands in front of it, `after` behind."""
    inside = inside or wrong(pointer, node)
    indent = before[: len(before) - len(before.lstrip())]
    if isinstance(node, dict | list) and node:
        brackets = "{}" if isinstance(node, dict) else "[]"
        pairs = list(node.items()) if isinstance(node, dict) else [(str(at), child) for at, child in enumerate(node)]
        yield Line(f"{before}{brackets[0]}", inside)
        for index, (name, child) in enumerate(pairs):
            key = f"{json.dumps(name, ensure_ascii=False)}: " if isinstance(node, dict) else ""
            comma = "," if index < len(pairs) - 1 else ""
            below = f"{pointer}/{name}"
            yield from _lines(child, below, f"{indent}  {key}", comma, wrong, inside=inside)
        yield Line(f"{indent}{brackets[1]}{after}", inside)
        return
    yield Line(f"{before}{json.dumps(node, ensure_ascii=False)}{after}", inside)


def shortened(lines: list[Line], most: int, around: int = 1) -> list[Line]:
    """The lines, only those that are wrong with some around them where there are more than `most`."""
    if len(lines) <= most:
        return lines
    near = {
        at for index, one in enumerate(lines) if one.wrong for at in range(index - around, index + around + 1)
    } or set(range(most // 2))
    near = set(sorted(near)[:most])
    found: list[Line] = []
    for index, one in enumerate(lines):
        if index in near:
            found.append(one)
        elif not found or found[-1].text != "...":
            found.append(Line("...", False))
    return found
