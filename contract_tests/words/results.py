"""What a run found, as everything reads it that tells of it: plain data, without a secret, when the run is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from contract_tests.words.findings import Outcome


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
    unreachable: str | None = None

    @property
    def providers(self) -> list[str]:
        return list(self.targets)

    @property
    def counts(self) -> dict[str, int]:
        """How many outcomes passed, failed or were not covered, and how many findings and notes there are."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return {
            "passed": verdicts.count("passed"),
            "failed": verdicts.count("failed"),
            "not_covered": verdicts.count("not covered"),
            "findings": sum(len(outcome.findings) for outcome in self.outcomes),
            "notes": sum(len(outcome.notes) for outcome in self.outcomes),
            # What was sent to find out where a server serves, or to undo what was done, is no outcome's.
            "requests": max(self.requests, sum(outcome.requests for outcome in self.outcomes)),
        }
