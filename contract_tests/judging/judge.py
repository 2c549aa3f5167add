"""Judges exchanges one after another, whoever sends them: each answer by the spec, each record by the model."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare, lawful
from contract_tests.judging.lawful import Draw, must_be_refused, violations_of
from contract_tests.judging.model import Model
from contract_tests.words.facts import Verdict
from contract_tests.words.findings import FAIL_ON, NOTHING, Difference, Finding, NotCovered, Outcome
from contract_tests.words.secrets.keys import WRONG_KEY
from contract_tests.words.statements import outcome_of, weakest
from contract_tests.world.later import notice
from contract_tests.world.looks import fair
from contract_tests.world.world import Sent, World
from mock_server.spec import NamedAnswer, NamedRequest, Operation


class Judge:
    """Sees every exchange of a world and keeps what each says of each property.

    A request with a name of the spec must get its documented answer. Any other request is judged by its schema: what
    the schema allows must be answered as some page says, what it forbids must be refused.
    """

    def __init__(self, world: World, *, alone: bool) -> None:
        # What an answer shows of earlier calls is the model's affair, not to be compared with a page's example.
        self._world = copy.copy(world)
        self._world.own = False
        self.model = Model(world.spec, alone=alone)
        self.verdicts: list[Verdict] = []

    def see(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, key: str | None, burst: int = 0
    ) -> None:
        """Judges one exchange; `key` is the one it was sent with, None for none.

        Those of one `burst` overlap in time, 0 for one that does not: which of them the server did first is not known.
        """
        new = list(self._judge(operation, request, sent, reply, key, burst))
        notice(self._world, [difference for verdict in new for difference in verdict.differences])
        self.verdicts += new

    def _judge(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, key: str | None, burst: int
    ) -> Iterator[Verdict]:
        if operation.secured and key in (None, WRONG_KEY):
            yield self._key(operation, "missing-key" if key is None else "wrong-key", sent, reply)
            return
        if key != self._world.key:
            return
        yield from self._answer(operation, request, sent, reply)
        yield from self.model.see(operation, request, sent, reply, burst)

    def _key(self, operation: Operation, name: str, sent: Sent, reply: Reply) -> Verdict:
        answer = self._world.spec.answer(operation, name)
        if reply.status < 400:
            accepted = Difference("status", answer.status, reply.status, f"a {name.replace('-', ' ')} was accepted")
            return Verdict("keys", operation, name, self._world.spec.security.evidence, [accepted], sent.wire)
        found = list(compare.error(self._world, operation, answer, sent, reply))
        return Verdict("keys", operation, name, answer.evidence, found, sent.wire)

    def _answer(self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        world = self._world
        if request.answer:
            answer = world.spec.answer(operation, request.answer)
            evidence = weakest(answer.evidence, request.evidence)
            if answer.status < 300:
                if world.may_not_know(operation, request, reply):
                    return  # What the page names is perhaps not there.
                found = list(compare.documented(world, operation, answer, sent, reply))
                yield Verdict("examples", operation, request.name, evidence, found, sent.wire)
            elif not (reply.status >= 400 and world.guesses(operation, sent.path)):
                for evidence, found in lawful.documented_refusal(world, operation, request, sent, reply):
                    yield Verdict("errors", operation, request.name, evidence, found, sent.wire)
            return
        if request.raw_body is not None:
            draw = Draw(request, (), request.raw_body.encode())
        else:
            draw = Draw(request, violations_of(world, operation, request))
        if draw.raw is None and not draw.violations:
            evidence, found = lawful.answer_evidence(operation, reply), lawful.lawful(world, operation, reply)
            answers = [one for one in operation.answers.values() if one.status == reply.status and reply.status < 300]
            if len(answers) == 1:
                found = list(compare.documented(world, operation, answers[0], sent, reply))
                evidence = weakest(evidence, answers[0].evidence)
            yield Verdict("valid", operation, request.name, evidence, found, sent.wire)
            if reply.status in operation.responses and reply.status >= 400:
                yield from self._some_error(operation, request, sent, reply)
        elif must_be_refused(operation, draw):
            evidence, found = lawful.refusal(world, operation, draw, sent, reply)
            yield Verdict("invalid", operation, request.name, evidence, found, sent.wire)

    def _some_error(self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        """That a refusal which depends on what is there has the words of some answer of that status, if pages give any.

        Ours are as good as the pages' here: the request does not tell which of them it must be.
        """
        world = self._world
        # Some that every operation shares have no words of their own: they say whatever the server says.
        shared = {name: one for name, one in world.spec.answers.items() if not _is_open(one)}
        known = {**shared, **operation.answers}
        answers = [answer for answer in known.values() if answer.status == reply.status]
        documented_ones = [one for one in operation.answers.values() if one.evidence.grade in ("seed", "doc")]
        if not any(answer in documented_ones for answer in answers):
            return
        found = {answer.name: list(compare.error(world, operation, answer, sent, reply)) for answer in answers}
        nearest = min((one for one in answers if one in documented_ones), key=lambda one: len(found[one.name]))
        # A further key does not make it another answer.
        other = all(any(one.expected != NOTHING for one in differences) for differences in found.values())
        differences = found[nearest.name] if other else []
        evidence = weakest(nearest.evidence, operation.evidence)
        yield Verdict("errors", operation, request.name, evidence, differences, sent.wire)


def _is_open(answer: NamedAnswer) -> bool:
    """Whether a whole sentence of an answer stands for something else."""
    texts = answer.value.values() if isinstance(answer.value, dict) else ()
    return any(text in answer.placeholders.values() for text in texts if isinstance(text, str))


@dataclass
class Tally:
    """The outcomes that verdicts add up to: one for each operation and property that something was said of."""

    world: World
    fail_on: str
    requests: Counter[str] = field(default_factory=Counter)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, verdicts: Iterable[Verdict]) -> list[Finding]:
        """Counts verdicts in; returns the findings that break the contract."""
        broken = []
        for verdict in verdicts:
            outcome = self._outcome(verdict.operation, verdict.property)
            for difference in fair(self.world, verdict.differences):
                finding = self.world.finding(
                    verdict.property,
                    verdict.operation,
                    verdict.request,
                    verdict.evidence,
                    difference,
                    verdict.wire,
                )
                kept = outcome.findings if finding.grade in FAIL_ON[self.fail_on] else outcome.notes
                if (finding.at, finding.message) not in [(one.at, one.message) for one in kept]:
                    kept.append(finding)
                if kept is outcome.findings:
                    outcome.verdict = "failed"
                    broken.append(finding)
        return broken

    def breaking(self, verdicts: Iterable[Verdict]) -> list[Finding]:
        """Counts verdicts in, all but those that break the contract, which are returned."""
        found = []
        for verdict in verdicts:
            broken = Tally(self.world, self.fail_on).add([verdict]) if verdict.differences else []
            if broken:
                found += broken
            else:
                self.add([verdict])
        return found

    def uncovered(self, operation: Operation, property: str, why: NotCovered) -> None:
        """Says that something could not be looked at, unless something is said of it."""
        self.reasons.setdefault((operation.id, property), str(why))

    def count(self, operation: Operation, *exchange: object) -> None:
        """Counts a request to an operation."""
        self.requests[operation.id] += 1

    def keep(self, broken: Iterable[Finding]) -> None:
        """Keeps findings that break the contract."""
        for finding in broken:
            outcome = self._outcome(self.world.spec.operations[finding.operation], finding.property)
            outcome.verdict = "failed"
            outcome.findings.append(finding)

    def close(self) -> list[Outcome]:
        """All outcomes; the requests to an operation stand in its first one."""
        for (name, property), reason in self.reasons.items():
            if (name, property) not in self.outcomes:
                outcome = self._outcome(self.world.spec.operations[name], property)
                outcome.verdict, outcome.reason = "not covered", reason
        for name, requests in self.requests.items():
            mine = [outcome for outcome in self.outcomes.values() if outcome.operation == name]
            first = mine[0] if mine else self._outcome(self.world.spec.operations[name], "examples")
            first.requests += requests
        self.requests.clear()
        return list(self.outcomes.values())

    def _outcome(self, operation: Operation, property: str) -> Outcome:
        return self.outcomes.setdefault((operation.id, property), outcome_of(operation, property))
