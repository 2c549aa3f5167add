"""What a run found, as everything reads it that tells of it: plain data, without a secret, when the run is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from contract_tests.words.findings import Outcome


class Flaky(NamedTuple):
    """That an operation answered a server error so many times, of so many requests, which did not come again."""

    provider: str
    operation: str
    status: int
    times: int
    requests: int

    def __str__(self) -> str:
        return f"{self.provider} {self.operation}: {self.status} to {self.times} of {self.requests} requests"


@dataclass(frozen=True)
class Results:
    """The outcomes of a run, and what it was: `targets` maps each vendor to its origin, None for a mock of our own."""

    targets: Mapping[str, str | None] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    """What each property promises, by its name, in the order of the tables."""
    depth: str = "quick"
    seed: int = 1
    fail_on: str = "documented"
    started: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    seconds: float = 0.0
    requests: int = 0
    left_behind: tuple[str, ...] = ()
    flaky: tuple[Flaky, ...] = ()
    late: Mapping[str, float] = field(default_factory=dict)
    """The vendors whose servers showed only later what was written, and after how many seconds."""
    unasked: tuple[Outcome, ...] = ()
    """What is checked at another depth only: none of it was tried."""
    unreachable: str | None = None
    ended: str | None = None
    """Why the run ended before everything was checked, or anything."""

    @property
    def providers(self) -> list[str]:
        return list(self.targets)

    @property
    def counts(self) -> dict[str, int]:
        """How many outcomes passed, failed, were flaky or not covered, and how many findings and notes there are."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return {
            "passed": verdicts.count("passed"),
            "failed": verdicts.count("failed"),
            "not_covered": verdicts.count("not covered"),
            "flaky": verdicts.count("flaky"),
            "findings": sum(len(outcome.findings) for outcome in self.outcomes),
            "notes": sum(len(outcome.notes) for outcome in self.outcomes),
            # What was sent to find out where a server serves, or to undo what was done, is no outcome's.
            "requests": max(self.requests, sum(outcome.requests for outcome in self.outcomes)),
        }
