"""The corrections that recordings support: each statement that they speak about, as a change or as a reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from contract_tests.judging.assumptions import EACH, KEYWORDS, REQUIRED, Assumption, Said
from contract_tests.patching import places
from contract_tests.patching.changes import (
    Change,
    agreed,
    answered,
    field_widened,
    may_be_null,
    not_required,
    observed,
    raised,
    renamed,
)
from contract_tests.patching.yamltext import CannotEdit
from contract_tests.words.findings import show
from mock_server.spec import Spec

RAISE, REPLACE = "raise", "replace"


@dataclass
class Item:
    """One correction that can be taken alone: of which line, from what to what, and how many exchanges say so."""

    provider: str
    word: str
    line: str
    statement: str
    operations: list[str]
    change: Change
    file: Path
    assumed: Any = None
    recorded: Any = None
    supported: int = 0
    contradicted: int = 0
    source: str = ""
    number: int = 0
    diff: str = ""
    after: dict[str, int] = field(default_factory=dict)
    """How many exchanges speak for and against the statement once it is corrected."""

    @property
    def title(self) -> str:
        """What it is, in a line."""
        more = f" and {len(self.operations) - 1} more" if len(self.operations) > 1 else ""
        return f"{self.word}  {self.line}  {self.provider} {self.operations[0]}{more}: {self.statement}"

    def as_json(self) -> dict[str, Any]:
        """The item for a machine."""
        names = {"number": self.number, "provider": self.provider, "do": self.word, "line": self.line}
        counts = {"supported": self.supported, "contradicted": self.contradicted, "after": self.after}
        told = {"assumed": self.assumed, "recorded": self.recorded} if self.word == REPLACE else {}
        return {
            **names,
            "operations": self.operations,
            "statement": self.statement,
            "source": self.source,
            **counts,
            **told,
            "diff": self.diff,
        }


@dataclass
class Left:
    """A statement that is told and not changed: `why` says what speaks against a change."""

    provider: str
    operation: str
    statement: str
    line: str
    why: str

    def text(self) -> str:
        """The statement for a person to read."""
        return f"  {self.line}  {self.provider} {self.operation}: {self.statement}\n    {self.why}"

    def as_json(self) -> dict[str, str]:
        """The statement for a machine."""
        return dict(vars(self))


def items(spec: Spec, assumed: Iterable[Assumption], names: Sequence[str]) -> tuple[list[Item], list[Left]]:
    """What can be changed of a spec, and what is told only; `names` are the recordings, the source of what is said."""
    groups: dict[tuple[str, str], list[Assumption]] = {}
    for one in assumed:
        groups.setdefault((one.place.statement, one.statement.partition(" ")[0]), []).append(one)
    found, left = [], []
    for several in groups.values():
        try:
            found.append(_item(spec, several, names))
        except CannotEdit as why:
            left.append(_left(several, str(why)))
    return found, left


def _left(several: Sequence[Assumption], why: str) -> Left:
    first = several[0]
    return Left(first.provider, first.operation, first.statement, first.place.statement, why)


def _item(spec: Spec, several: Sequence[Assumption], names: Sequence[str]) -> Item:
    first = several[0]
    for_it, against = (sum(getattr(one, name) for one in several) for name in ("supported", "contradicted"))
    if for_it and against and first.statement.partition(" ")[0] not in EACH:
        raise CannotEdit(f"{for_it} exchanges speak for it and {against} against it: which is right nobody knows")
    speaking = [said for one in several for said in one.said if said.holds is not bool(against)]
    source = _source(speaking[0], names)
    said = observed(source)
    change = _replaced(spec, several, said) if against else _raised(first, said)
    return Item(
        first.provider,
        REPLACE if against else RAISE,
        first.place.statement,
        first.statement,
        [one.operation for one in several],
        change,
        Path(spec.file),
        first.assumed,
        _recorded(several) if against else None,
        for_it,
        against,
        source,
    )


def _source(said: Said, names: Sequence[str]) -> str:
    """What the evidence names: the recording, its day, and the entry."""
    day = f" of {said.day}" if said.day else ""
    return f"recording {said.file or names[0]}{day}, entry {said.entry}"


def _recorded(several: Sequence[Assumption]) -> Any:
    """What was recorded most often."""
    bodies = [said.recorded for one in several for said in one.said if not said.holds]
    return max(bodies, key=bodies.count)


def _find(one: Assumption) -> tuple[Any, str, str]:
    """Where a statement stands: how its node is found, under which word its evidence stands, and of which part."""
    kind, _, name = one.statement.partition(" ")
    if kind == "answer":
        return partial(places.answer, id=one.operation, name=name), "x-evidence", ""
    if kind == "status":
        return partial(places.response, id=one.operation, status=int(name)), "x-evidence", "status"
    if kind == "request":
        return partial(places.request, id=one.operation, name=name), "evidence", ""
    if kind == "refusal":
        return partial(places.refusal, id=one.operation, index=int(name)), "evidence", ""
    if kind == "contract":
        return partial(places.contract, id=one.operation), "evidence", name
    part = kind if kind in KEYWORDS else ""
    return partial(places.field, id=one.operation, status=one.status, pointer=name), "x-evidence", part


def _raised(one: Assumption, said: str) -> Change:
    find, word, part = _find(one)
    return raised(find, said, word, part)


def _replaced(spec: Spec, several: Sequence[Assumption], said: str) -> Change:
    first = several[0]
    kind, _, name = first.statement.partition(" ")
    told = [each for one in several for each in one.said if not each.holds]
    if kind == "answer":
        statuses: dict[str, int] = {}
        for one in several:
            mine = {each.recorded["status"] for each in one.said if not each.holds}
            if len(mine) > 1:
                told_ones = ", ".join(map(str, sorted(mine)))
                raise CannotEdit(f"{one.operation} answers it with {told_ones}: which is right nobody knows")
            statuses[one.operation] = mine.pop()
        before = first.assumed["status"]
        if any((before < 300) != (status < 300) for status in statuses.values()):
            raise CannotEdit(f"{show(told[0].recorded)} was recorded: what is done differs, and not how it is said")
        bodies = [each.recorded["body"] for each in told]
        agreed(bodies)
        return answered(Path(spec.file), name, statuses, bodies, said)
    if kind == "status":
        recorded = {each.recorded for each in told}
        if len(recorded) > 1 or len(several) > 1:
            raise CannotEdit(f"{', '.join(map(str, sorted(recorded)))} were recorded: which is right nobody knows")
        return renamed(first.operation, int(name), int(recorded.pop()), said)
    if kind == "field":
        values = [each.recorded for each in told]
        return field_widened(Path(spec.file), first.operation, first.status, name, values, said)
    if kind in EACH:
        fields = sorted({field for each in told for field in each.recorded})
        change = not_required if kind == REQUIRED else may_be_null
        return change(first.operation, first.status, name, fields, said)
    raise CannotEdit(f"{show(told[0].recorded)} was recorded: what is right then is written by hand")


def unified(before: str, after: str, name: str) -> str:
    """The change of a file as a unified diff."""
    sides = (name, name) if name.startswith("/") else (f"a/{name}", f"b/{name}")
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), *sides, n=2)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
