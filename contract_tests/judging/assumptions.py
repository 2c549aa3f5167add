"""Statements of grade `assumed` that exchanges speak about: what speaks for each, what against, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare
from contract_tests.judging.lawful import violation_values, violations_of
from contract_tests.words.facts import Verdict
from contract_tests.words.findings import entry_of, show
from contract_tests.words.pointers import pointed_all
from contract_tests.words.secrets.keys import WRONG_KEY
from contract_tests.words.spec_lines import Place, SpecLines
from contract_tests.world.world import Sent, World
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedAnswer, NamedRequest, Operation, SchemaCheck, refuse
from mock_server.spec.terms.evidence import WHOLE, statements

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
REQUIRED = "required"
KEYWORDS = (REQUIRED, "null", "type", "enum", "pattern")
"""What may be assumed of a field by itself, and every answer speaks about."""
EACH = (REQUIRED, "null")
"""What is assumed of each field of a record: of these the ones are told that are otherwise."""
_MOST_KEPT = 500
"""So many exchanges of one statement are kept; the others are counted."""


class Said(NamedTuple):
    """What one exchange said of a statement, and where: the entry, the file where there are several, and the day."""

    recorded: Json
    entry: int
    file: str
    day: str
    holds: bool


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
    grade: str = "assumed"
    status: int = 0
    """The status of the answers that it is about, where it is about a field."""
    said: list[Said] = field(default_factory=list)
    """What the exchanges said, as far as it is kept; the first of each kind always is."""

    @property
    def verdict(self) -> str:
        """Contradicted, where a single exchange does; else supported."""
        return "contradicted" if self.contradicted else "supported"

    @property
    def line(self) -> str:
        """The line to change: the statement's where it is wrong, its evidence's where it is right."""
        return self.place.statement if self.contradicted else self.place.evidence

    @property
    def file(self) -> str:
        """The recording in which the entry is, where there are several."""
        return next((one.file for one in self.said if one.entry == self.entry and one.recorded is self.recorded), "")

    def count(self, said: Said) -> None:
        """Counts one exchange."""
        first = not (self.supported + self.contradicted if said.holds else self.contradicted)
        if first:
            self.recorded, self.entry = said.recorded, said.entry
        self.supported += said.holds
        self.contradicted += not said.holds
        if first or len(self.said) < _MOST_KEPT:
            self.said.append(said)

    def join(self, other: Assumption) -> None:
        """Counts in what another recording says of the same statement."""
        if other.contradicted and not self.contradicted:
            self.recorded, self.entry = other.recorded, other.entry
        self.supported += other.supported
        self.contradicted += other.contradicted
        self.said += other.said

    def as_json(self) -> dict[str, Any]:
        """The statement for a machine."""
        counts: dict[str, Any] = {"supported": self.supported, "contradicted": self.contradicted, "entry": self.entry}
        counts |= {"file": self.file} if self.file else {}
        lines = {"line": self.line, "statement_line": self.place.statement, "evidence_line": self.place.evidence}
        told = {"assumed": self.assumed, "recorded": self.recorded, **lines}
        names = {"provider": self.provider, "operation": self.operation, "statement": self.statement}
        return {**names, "source": self.source, "verdict": self.verdict, **counts, **told}


class Assumptions:
    """Collects what the exchanges of one vendor say about its assumed statements."""

    def __init__(
        self, world: World, grades: Collection[str] = ("assumed",), but: Callable[[Reply], bool] | None = None
    ) -> None:
        """Statements of these `grades` are looked at; an answer of which `but` is true says nothing of any."""
        self.file = ""
        """The name of the recording, where there are several."""
        self._grades = grades
        self._but = but
        self._day = ""
        self._world = world
        self._lines = SpecLines(world.spec)
        self._known: dict[tuple[str, str], Assumption] = {}
        self._fields: dict[tuple[str, int], list[tuple[str, str, Evidence, SchemaCheck]]] = {}

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
        day: str = "",
    ) -> None:
        """Counts what one exchange says: by itself, and by the verdicts of the judge on it; `day` is when it was."""
        if self._but is not None and self._but(reply):
            return
        self._day = day
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
            self._fields[which] = list(_own_fields(response.schema if response else None, "", self._grades))
        for pointer, word, evidence, check in self._fields[which]:
            for value in pointed_all(reply.json, pointer):
                place = partial(self._lines.field, operation, reply.status, pointer, word)
                wrong = check.differences(value)
                if word != WHOLE:
                    wrong = [one for one in wrong if one.kind == word and "." not in one.field]
                    value = sorted(one.field for one in wrong) if word in EACH else value
                expected = wrong[0].message if wrong else "there"
                name = f"field {pointer}" if word == WHOLE else f"{word} {pointer or '/'}"
                self._count(operation, name, evidence, place, expected, not wrong, value, entry, reply.status)

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
        status: int = 0,
    ) -> None:
        if evidence.grade not in self._grades:
            return
        which = (operation.id, statement)
        if which not in self._known:
            found = place()
            if found is None:
                return
            provider = self._world.spec.provider
            known = Assumption(provider, operation.id, statement, evidence.source, found, assumed)
            known.grade, known.status = evidence.grade, status
            self._known[which] = known
        self._known[which].count(Said(recorded, entry, self.file, self._day, holds))


def _is_malformed(operation: Operation, request: NamedRequest) -> bool:
    """Whether the body is no JSON object, which every vendor's bodies are."""
    return operation.body_schema is not None and (request.raw_body is not None or not isinstance(request.body, dict))


def _own_fields(schema: Any, at: str, grades: Collection[str]) -> Iterator[tuple[str, str, Evidence, SchemaCheck]]:
    """The fields of an answer whose evidence is of one of these grades and their own, as a whole or of one keyword."""
    if not isinstance(schema, Mapping):
        return
    for word, told in statements(schema.get("x-evidence")).items():
        if told.grade in grades and (word in KEYWORDS or (word == WHOLE and at)):
            yield at, word, told, SchemaCheck(schema)
    for name, child in (schema.get("properties") or {}).items():
        yield from _own_fields(child, f"{at}/{name}", grades)
    yield from _own_fields(schema.get("items"), f"{at}/*", grades)
    for word in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(word) or ():
            yield from _own_fields(child, at, grades)
    for word in ("then", "else"):
        yield from _own_fields(schema.get(word), at, grades)


def together(several: Iterable[Assumptions]) -> list[Assumption]:
    """What several recordings of one vendor say of its statements, contradicted ones first."""
    found: dict[tuple[str, str, str], Assumption] = {}
    for assumptions in several:
        for one in assumptions:
            known = found.setdefault((one.provider, one.operation, one.statement), one)
            if known is not one:
                known.join(one)
    return sorted(found.values(), key=lambda one: not one.contradicted)


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
                f"    recorded  {show(first.recorded)} ({entry_of(first.entry, first.file)})",
            ]
    return text
