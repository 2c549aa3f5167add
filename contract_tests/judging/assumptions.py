"""Statements of grade `assumed` that exchanges speak about: what speaks for each, what against, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare
from contract_tests.judging.lawful import violation_values, violations_of
from contract_tests.words.facts import Verdict
from contract_tests.words.findings import show
from contract_tests.words.keys import WRONG_KEY
from contract_tests.words.pointers import pointed_all
from contract_tests.words.spec_lines import Place, SpecLines
from contract_tests.world.world import Sent, World
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedAnswer, NamedRequest, Operation, SchemaCheck, refuse, whole

_KEYS_OF = {
    "read-back": ("fields",),
    "clear": ("clears",),
    "partial": ("partial", "immutable"),
    "idempotent": ("idempotent",),
    "unique": ("unique",),
    "list": ("at", "count", "page", "filters", "within", "lifts", "order"),
    "refusals": ("missing", "unknown", "requires", "accepts", "distinct", "conflict", "within", "page"),
    "made": ("sets",),
    "shown": ("shows", "answers"),
    "names": ("key",),
    "transition": ("transition",),
}
"""What of a contract the verdicts on a property rest on."""


@dataclass
class Assumption:
    """One assumed statement, how often it was met, and the first exchange that contradicts it (else supports it)."""

    provider: str
    operation: str
    statement: str
    source: str
    place: Place
    assumed: Json
    recorded: Json = None
    entry: int = 0
    supported: int = 0
    contradicted: int = 0

    @property
    def verdict(self) -> str:
        """Contradicted, where a single exchange does; else supported."""
        return "contradicted" if self.contradicted else "supported"

    @property
    def line(self) -> str:
        """The line to change: the statement's where it is wrong, its evidence's where it is right."""
        return self.place.statement if self.contradicted else self.place.evidence

    def count(self, holds: bool, recorded: Json, entry: int) -> None:
        """Counts one exchange."""
        if (holds and not self.supported + self.contradicted) or (not holds and not self.contradicted):
            self.recorded, self.entry = recorded, entry
        self.supported += holds
        self.contradicted += not holds

    def as_json(self) -> dict[str, Any]:
        """The statement for a machine."""
        counts = {"supported": self.supported, "contradicted": self.contradicted, "entry": self.entry}
        lines = {"line": self.line, "statement_line": self.place.statement, "evidence_line": self.place.evidence}
        told = {"assumed": self.assumed, "recorded": self.recorded, **lines}
        names = {"provider": self.provider, "operation": self.operation, "statement": self.statement}
        return {**names, "source": self.source, "verdict": self.verdict, **counts, **told}


class Assumptions:
    """Collects what the exchanges of one vendor say about its assumed statements."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lines = SpecLines(world.spec)
        self._known: dict[tuple[str, str], Assumption] = {}
        self._fields: dict[tuple[str, int], list[tuple[str, Evidence, SchemaCheck]]] = {}

    def __iter__(self) -> Iterator[Assumption]:
        """The statements that were met, contradicted ones first, in the order of the spec."""
        order = list(self._world.spec.operations)
        found = sorted(self._known.values(), key=lambda one: (not one.contradicted, order.index(one.operation)))
        return iter(found)

    def see(
        self,
        operation: Operation,
        request: NamedRequest,
        sent: Sent,
        reply: Reply,
        key: str | None,
        verdicts: Iterable[Verdict],
        entry: int,
    ) -> None:
        """Counts what one exchange says: by itself, and by the verdicts of the judge on it."""
        recorded = {"status": reply.status, "body": reply.json}
        if operation.secured and key in (None, WRONG_KEY):
            answer = self._world.spec.answer(operation, "missing-key" if key is None else "wrong-key")
            self._answer(operation, answer, not list(self._error(operation, answer, sent, reply)), recorded, entry)
            return
        verdicts = list(verdicts)
        response = operation.response(reply.status)
        if response is not None:
            place = partial(self._lines.response, operation, response.status)
            evidence, holds = response.status_evidence or response.evidence, response.status == reply.status
            self._count(
                operation, f"status {response.status}", evidence, place, response.status, holds, reply.status, entry
            )
        if request.answer:
            self._named(operation, request, reply, verdicts, recorded, entry)
        elif _is_malformed(operation, request):
            answer = self._world.spec.answer(operation, "malformed-json")
            self._answer(operation, answer, not list(self._error(operation, answer, sent, reply)), recorded, entry)
        self._refusal(operation, request, sent, reply, recorded, entry)
        self._contract(verdicts, entry)
        self._shown(operation, reply, entry)

    def _error(self, operation: Operation, answer: NamedAnswer, sent: Sent, reply: Reply) -> Iterator[Any]:
        values = violation_values(self._world, operation, sent)
        return compare.error(self._world, operation, answer, sent, reply, values)

    def _named(
        self,
        operation: Operation,
        request: NamedRequest,
        reply: Reply,
        verdicts: list[Verdict],
        recorded: Json,
        entry: int,
    ) -> None:
        """A documented request: its answer, and that it gets this one."""
        answer = self._world.spec.answer(operation, request.answer)
        found = [verdict for verdict in verdicts if verdict.property in ("examples", "errors")]
        holds = not any(verdict.differences for verdict in found)
        self._answer(operation, answer, holds, recorded, entry)
        name = request.name.rpartition(" (")[0]
        place = partial(self._lines.request, operation, name)
        taken = (answer.status < 300) == (reply.status < 300)
        if taken and not holds and answer.evidence.grade == "assumed":
            return  # Refused as assumed, in other words than assumed: of that the answer tells.
        expected, holds = {"status": answer.status, "body": answer.value}, holds or (taken and reply.status < 300)
        self._count(operation, f"request {name}", request.evidence, place, expected, holds, recorded, entry)

    def _refusal(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, recorded: Json, entry: int
    ) -> None:
        """A request that breaks the schema: the rule for it, and the words of the refusal."""
        if _is_malformed(operation, request):
            return
        violations = violations_of(self._world, operation, request)
        found = {(one.answer, one.rule) for one in (refuse(operation, [violation]) for violation in violations) if one}
        if len(found) != 1:
            return
        name, rule = found.pop()
        answer = self._world.spec.answer(operation, name)
        holds = not list(self._error(operation, answer, sent, reply))
        answer_is_ours = answer.evidence.grade == "assumed"
        if rule is not None and rule.evidence is not None and (holds or reply.status < 400 or not answer_is_ours):
            index = operation.refusals.index(rule)
            place = partial(self._lines.refusal, operation, index)
            expected = {"status": answer.status, "body": answer.value}
            self._count(operation, f"refusal {index}", rule.evidence, place, expected, holds, recorded, entry)
        if not request.answer:
            self._answer(operation, answer, holds, recorded, entry)

    def _contract(self, verdicts: Iterable[Verdict], entry: int) -> None:
        for verdict in verdicts:
            contract = verdict.operation.contract
            declared: Mapping[str, Any] = contract.get("evidence") or {}
            for key in _KEYS_OF.get(verdict.property, ()):
                told = declared if "grade" in declared else declared.get(key)
                if key not in contract or told is None or verdict.evidence[:2] != (told["grade"], told["source"]):
                    continue
                if key == "filters" and not set(contract[key]) & set(
                    dict(parse_qsl(verdict.wire.query, keep_blank_values=True))
                ):
                    continue  # A list that was not filtered says nothing of its filters.
                place = partial(self._lines.contract, verdict.operation, key)
                shown = "; ".join(str(difference) for difference in verdict.differences) or None
                holds, expected = not verdict.differences, {key: contract[key]}
                self._count(
                    verdict.operation, f"contract {key}", verdict.evidence, place, expected, holds, shown, entry
                )

    def _shown(self, operation: Operation, reply: Reply, entry: int) -> None:
        """The fields of an answer that only we say are there, or so."""
        which = (operation.id, reply.status)
        if which not in self._fields:
            response = operation.response(reply.status)
            self._fields[which] = list(_assumed_fields(response.schema if response else None, ""))
        for pointer, evidence, check in self._fields[which]:
            for value in pointed_all(reply.json, pointer):
                place = partial(self._lines.field, operation, reply.status, pointer)
                wrong = check.differences(value)
                expected = wrong[0].message if wrong else "there"
                self._count(operation, f"field {pointer}", evidence, place, expected, not wrong, value, entry)

    def _answer(self, operation: Operation, answer: NamedAnswer, holds: bool, recorded: Json, entry: int) -> None:
        place = partial(self._lines.answer, operation, answer.name)
        expected = {"status": answer.status, "body": answer.value}
        self._count(operation, f"answer {answer.name}", answer.evidence, place, expected, holds, recorded, entry)

    def _count(
        self,
        operation: Operation,
        statement: str,
        evidence: Evidence,
        place: Callable[[], Place | None],
        assumed: Json,
        holds: bool,
        recorded: Json,
        entry: int,
    ) -> None:
        if evidence.grade != "assumed":
            return
        which = (operation.id, statement)
        if which not in self._known:
            found = place()
            if found is None:
                return
            provider = self._world.spec.provider
            self._known[which] = Assumption(provider, operation.id, statement, evidence.source, found, assumed)
        self._known[which].count(holds, recorded, entry)


def _is_malformed(operation: Operation, request: NamedRequest) -> bool:
    """Whether the body is no JSON object, which every vendor's bodies are."""
    return operation.body_schema is not None and (request.raw_body is not None or not isinstance(request.body, dict))


def _assumed_fields(schema: Any, at: str) -> Iterator[tuple[str, Evidence, SchemaCheck]]:
    """The fields of an answer whose evidence is an assumption of their own."""
    if not isinstance(schema, Mapping):
        return
    told = whole(schema) if at else None
    if told is not None and told.grade == "assumed":
        yield at, told, SchemaCheck(schema)
    for name, child in (schema.get("properties") or {}).items():
        yield from _assumed_fields(child, f"{at}/{name}")
    yield from _assumed_fields(schema.get("items"), f"{at}/*")
    for word in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(word) or ():
            yield from _assumed_fields(child, at)
    for word in ("then", "else"):
        yield from _assumed_fields(schema.get(word), at)


def lines(assumptions: Iterable[Assumption]) -> list[str]:
    """The statements for a person to read, with the line to change; what stands in one line is told once."""
    at: dict[tuple[str, str], list[Assumption]] = {}
    for one in assumptions:
        at.setdefault((one.verdict, one.line), []).append(one)
    if not at:
        return []
    text = ["", "assumed statements that the recording speaks about, and the line to change:"]
    for (verdict, line), several in sorted(at.items(), key=lambda item: item[0][0]):
        against, speaking = sum(one.contradicted for one in several), sum(one.supported for one in several)
        counts = f"{against} against, {speaking} for" if against else f"{speaking} for"
        first = several[0]
        more = f" and {len(several) - 1} more" if len(several) > 1 else ""
        text.append(f"  {verdict}  {line}  {first.provider} {first.operation} {first.statement}{more} ({counts})")
        if against:
            text += [
                f"    assumed   {show(first.assumed)}",
                f"    recorded  {show(first.recorded)} (entry {first.entry})",
            ]
    return text
