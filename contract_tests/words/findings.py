"""What a check found: differences between a server and the documentation, graded by how we know."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from contract_tests.words.pointers import ABSENT
from mock_server.messages import Json
from mock_server.spec import WireRequest

VERDICTS = ("not covered", "passed", "flaky", "failed")
"""From what says least to what says most; what is flaky was right but for server errors that did not come again."""
GRADES = ("seed", "doc", "observed", "assumed")
FAIL_ON = {"documented": ("seed", "doc"), "observed": ("seed", "doc", "observed"), "assumed": GRADES}


def weaker(*grades: str) -> str:
    """The grade that claims least: a statement is as sure as its weakest part."""
    return max(grades, key=GRADES.index)


NOTHING = "absent"
"""What stands in a difference for what is not there."""


class Difference:
    """One way in which an answer is not what was expected; `at` is a JSON pointer or `status`.

    `look` is the request whose answer shows it, where it is another one than the request that is judged. `beside` says
    that it is about records that this run has not written, which somebody else may have.
    """

    def __init__(
        self,
        at: str,
        expected: Json,
        actual: Json,
        message: str = "",
        grade: str | None = None,
        look: WireRequest | None = None,
        *,
        beside: bool = False,
    ) -> None:
        self.at = at
        self.expected = expected
        self.actual = actual
        self.message = message or f"expected {show(expected)}, found {show(actual)}"
        self.grade = grade
        self.look = look
        self.beside = beside

    def __str__(self) -> str:
        return f"{self.at or 'body'}: {self.message}"


def show(value: Json) -> str:
    """A value as short text: as JSON, or `nothing` for what is not there."""
    if value is ABSENT or value == NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:197] + "..."


def entry_of(entry: int, file: str = "") -> str:
    """How an exchange of a recording is called; the file where there are several."""
    return f"entry {entry} of {file}" if file else f"entry {entry}"


def printable(text: str, keep: str = "") -> str:
    """The text with everything escaped that a terminal would obey instead of showing it, but for what is kept.

    The escapes are those of JSON, so that a body in a curl line means what it meant.
    """
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


@dataclass(frozen=True)
class Finding:
    """A difference, what it breaks, the page that says so, and a curl line that repeats it."""

    property: str
    provider: str
    operation: str
    request: str
    grade: str
    source: str
    at: str
    message: str
    expected: Json
    actual: Json
    curl: str
    steps: tuple[str, ...] = ()
    """What was sent before, where the request alone does not bring it about."""
    status: int | None = None
    """The status of the answer that shows it, and in `answer` its body, cut where it is long."""
    answer: str = ""
    look: str = ""
    """A curl line that shows it after the request, where the request's own answer does not."""
    documented: str = ""
    """What the pages show or say there."""
    place: str = ""
    """The line of the spec that says so: `file:line`."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """The finding for a person to read, by itself."""
        return "\n".join(
            [
                f"{self.provider} {self.operation} [{self.property}] {self.request}",
                f"  {printable(self.at or 'body')}: {printable(self.message)}",
                f"  page      {printable(self.source)} ({self.grade})",
                f"  repeat    {printable(self.curl)}",
                *([f"  look      {printable(self.look)}"] if self.look else []),
                *(f"  after     {printable(step)}" for step in self.steps[:-1]),
            ]
        )


class ContractBroken(AssertionError):
    """At least one finding breaks the contract at the grade that the run fails on."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("\n\n".join(finding.text() for finding in self.findings))


class NotCovered(Exception):
    """This cannot be tested here; the text says why. It neither passes nor fails."""


@dataclass
class Outcome:
    """The result of one property of one operation; `grade` and `source` say how the operation itself is known."""

    provider: str
    operation: str
    property: str
    verdict: str = "passed"
    reason: str = ""
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    method: str = ""
    path: str = ""
    grade: str = "assumed"
    source: str = ""

    def join(self, other: Outcome) -> None:
        """Takes in what else was found out about the same property: the worst of both counts."""
        if VERDICTS.index(other.verdict) > VERDICTS.index(self.verdict):
            self.verdict, self.reason = other.verdict, other.reason
        for mine, theirs in ((self.findings, other.findings), (self.notes, other.notes)):
            known = {(one.at, one.message) for one in mine}
            mine += [one for one in theirs if (one.at, one.message) not in known]
        self.requests += other.requests
        self.seconds = round(self.seconds + other.seconds, 3)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
