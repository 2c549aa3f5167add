"""What a property is, and the recorder that collects what its check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from contract_tests.endpoint.guard import cost_of
from contract_tests.judging.lawful import Draw
from contract_tests.properties.tools import generation
from contract_tests.properties.tools.generation import Requests
from contract_tests.words.findings import FAIL_ON, ContractBroken, Difference, Finding, NotCovered
from contract_tests.world.later import notice
from contract_tests.world.looks import fair
from contract_tests.world.world import World
from mock_server.spec import Evidence, NamedRequest, Operation, Spec, WireRequest


@dataclass
class Recorder:
    """Collects the findings of one property of one operation; the breaking ones end it."""

    world: World
    operation: Operation
    property: str
    fail_on: str
    draws: int
    seed: int
    parallel: int = 8
    """So many requests are sent at the same time, where that is what a property is about."""
    broken: list[Finding] = field(default_factory=list)
    notes: dict[tuple[str, str], Finding] = field(default_factory=dict)
    uncovered: list[str] = field(default_factory=list)
    """Which requests could not be made, and why, though others could."""

    def add(
        self,
        request: str,
        evidence: Evidence,
        differences: Iterable[Difference],
        wire: WireRequest,
        *,
        at_once: bool = False,
    ) -> None:
        """Keeps the differences as findings; `at_once` raises for the first breaking one, so that it shrinks."""
        broken = []
        differences = fair(self.world, differences)
        for difference in differences:
            finding = self.world.finding(self.property, self.operation, request, evidence, difference, wire)
            if finding.grade in FAIL_ON[self.fail_on]:
                broken.append(finding)
            else:
                self.notes.setdefault((finding.at, finding.message), finding)
        if broken:
            notice(self.world, differences)
        if broken and at_once:
            raise ContractBroken(broken)
        self.broken += broken

    def finish(self) -> None:
        if self.broken:
            raise ContractBroken(self.broken)

    def generate(self, requests: Requests, check: Callable[[Draw], None], *, share: int = 1) -> None:
        """Lets `check` see the run's number of generated requests, or one in `share` of them."""
        draws = -(-self.draws // share)
        if draws:
            shrink = not self.world.transport.guard.real
            generation.run(requests, check, draws=draws, of=self.draws, seed=self.seed, shrink=shrink)

    def each(self, requests: Iterable[NamedRequest], check: Callable[[World, NamedRequest], None]) -> None:
        """Runs the check for each request in a fresh world; it is not covered when none could be made.

        Requests that only look and need nothing before them share a world.
        """
        reasons: dict[str, list[str]] = {}
        done = 0
        shared = self.world.fresh()
        for request in requests:
            looks = cost_of(self.operation) == "read" and not request.after
            try:
                check(shared if looks else self.world.fresh(), request)
                done += 1
            except NotCovered as why:
                reasons.setdefault(str(why), []).append(request.name)
        self.uncovered += reasons
        if not done and not self.broken:
            raise NotCovered(_summary(reasons) or "the documentation has no such request")


def _summary(reasons: dict[str, list[str]]) -> str:
    """The reasons, each with the requests that it holds for; alone when it is the same for all of them."""
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


class Property(NamedTuple):
    """One property: its name, what it promises, for which operations of a spec it is, and how it is checked."""

    name: str
    sentence: str
    applies: Callable[[Spec, Operation], bool]
    check: Callable[[Recorder], None]
