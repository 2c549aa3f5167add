"""What a contract refuses beyond the schema: each refusal comes as it says, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from contract_tests.judging import compare
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import NotCovered
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, Spec

WORDS = ("missing", "unknown", "requires", "requires-one", "accepts", "distinct", "conflict", "within", "page")
"""What of a contract is looked at here."""


_OTHER = dict(zip("0123456789abcdef", "7890123456cdefab", strict=True))


class Case(NamedTuple):
    """A request that the contract refuses: under which of its words, and with which answer."""

    word: str
    title: str
    answer: str
    request: NamedRequest


def refuses(spec: Spec, operation: Operation) -> bool:
    """Whether the contract names a refusal."""
    contract = operation.contract
    within = any("missing" in one for one in (contract.get("within") or {}).values())
    paging = "unknown" in (contract.get("page") or {})
    return within or paging or any(word in contract for word in WORDS if word not in ("within", "page"))


def refused_as_said(recorder: Recorder) -> None:
    """Makes a request for each refusal that the contract names, and compares the answer, and what is there after it."""
    operation = recorder.operation
    reasons = []
    done = 0
    for word in WORDS:
        world = recorder.world.fresh()
        try:
            for case in _cases(world, operation, word):
                _refuse(recorder, world, case)
                done += 1
        except NotCovered as why:
            reasons.append(f"{word}: {why}")
    recorder.finish()
    recorder.uncovered += reasons
    if not done:
        raise NotCovered("; ".join(reasons) or "no documented request to begin from")


def _refuse(recorder: Recorder, world: World, case: Case) -> None:
    operation, answer = recorder.operation, world.spec.answer(recorder.operation, case.answer)
    prepared = world.prepared(operation, case.request)
    untouched = Untouched(world, operation)
    sent, reply = world.send(operation, prepared)
    if reply.status >= 400 and world.guesses(operation, prepared.path):
        raise NotCovered("no operation shows that the record which it addresses is there")
    evidence = weakest(contract_evidence(operation, case.word), answer.evidence)
    found = [*compare.error(world, operation, answer, sent, reply), *untouched.changed("a refused request")]
    recorder.add(f"{case.word} {case.title}", evidence, found, sent.wire)


def _cases(world: World, operation: Operation, word: str) -> Iterator[Case]:
    contract = operation.contract
    if word not in contract:
        return
    declared = contract[word]
    plain = _plain(world, operation)
    if word == "missing" and contract["key"]["in"] == "path":
        name = contract["key"]["name"]
        path = {**plain.path, name: _documented(operation, declared, name) or _nobodys(plain.path[name])}
        yield Case(word, name, declared, plain.with_values(path, plain.query, plain.body))
    elif word == "missing" and contract["key"]["in"] == "body":
        name = contract["key"]["name"]
        yield Case(word, name, declared, _with(plain, name, _nobodys(_value(plain, name))))
    elif word == "unknown":
        links = world.spec.records[contract["record"]].references
        for name, target in (contract.get("fields") or {}).items():
            if target in links and not isinstance(_schema(operation, name).get("items"), dict):
                known = reading.documented_values(world, operation).get(name)
                if known:
                    yield Case(word, name, declared, _with(plain, name, _nobodys(known[0])))
    elif word == "requires":
        for name, answer in declared.items():
            yield Case(word, name, answer, _without(plain, name))
    elif word == "requires-one":
        bare = plain
        for name in declared["of"]:
            bare = _without(bare, name)
        yield Case(word, " or ".join(declared["of"]), declared["answer"], bare)
    elif word == "accepts":
        for name, one in declared.items():
            yield Case(word, name, one["answer"], _with(plain, name, "no-such-value"))
    elif word == "distinct":
        for name, one in declared.items():
            items = plain.body.get(name) if isinstance(plain.body, dict) else None
            if items:
                yield Case(word, name, one["answer"], _with(plain, name, [*items, items[0]]))
    elif word == "conflict" and contract["effect"] == "create":
        yield from _conflicts(world, operation, plain)
    elif word == "within":
        for name, one in declared.items():
            if "missing" in one and _value(plain, name) is not None:
                yield Case(word, name, one["missing"], _with(plain, name, _nobodys(_value(plain, name))))
    elif word == "page" and "unknown" in declared:
        name = next(declared[key] for key in ("parameter", "after") if key in declared)
        query = {**plain.query, name: "no-such-row"}
        yield Case(word, name, declared["unknown"], plain.with_values(plain.path, query, plain.body))


def _conflicts(world: World, operation: Operation, plain: NamedRequest) -> Iterator[Case]:
    """The same record a second time."""
    if not world.own and operation.contract.get("cost") == "purchase":
        raise NotCovered("a second purchase of the same is not tried on a real endpoint")
    for field, answer in operation.contract["conflict"].items():
        sent, reply = world.send(operation, plain)
        # Where a request may name what the server else makes up, the second one names what was made up for the first.
        names = [name for name, target in (operation.contract.get("fields") or {}).items() if target == field]
        unsaid = [name for name in names if isinstance(plain.body, dict) and name not in plain.body]
        made = reading.key_of(operation, sent, reply) if unsaid and reply.status < 300 else None
        again = plain if made is None else plain.with_values(plain.path, plain.query, {**plain.body, unsaid[0]: made})
        yield Case("conflict", field, answer, again)


def _plain(world: World, operation: Operation) -> NamedRequest:
    """A documented success, made ready, without a claim to its answer."""
    for request in successes(world, operation):
        return replace(world.prepared(operation, world.named(operation, request.name)), name="refused", answer="")
    raise NotCovered("no documented request succeeds")


def _documented(operation: Operation, answer: str, name: str) -> Json:
    """The value that a page asks with to get that answer, if one does."""
    for request in operation.requests.values():
        value = request.path.get(name)
        if request.answer == answer and isinstance(value, str) and not value.startswith("$") and not request.after:
            return value
    return None


def _schema(operation: Operation, name: str) -> Any:
    return ((operation.body_schema or {}).get("properties") or {}).get(name) or {}


def _value(request: NamedRequest, name: str) -> Json:
    body = request.body if isinstance(request.body, dict) else {}
    return {**body, **request.query, **request.path}.get(name)


def _with(request: NamedRequest, name: str, value: Json) -> NamedRequest:
    """The request with another value for a parameter or a field of its body."""
    if name in request.path:
        return request.with_values({**request.path, name: value}, request.query, request.body)
    if name in request.query:
        return request.with_values(request.path, {**request.query, name: value}, request.body)
    body = request.body if isinstance(request.body, dict) else {}
    return replace(request.with_values(request.path, request.query, {**body, name: value}), has_body=True)


def _without(request: NamedRequest, name: str) -> NamedRequest:
    query = {key: value for key, value in request.query.items() if key != name}
    body = (
        {key: value for key, value in request.body.items() if key != name} if isinstance(request.body, dict) else None
    )
    return request.with_values(request.path, query, body)


def _nobodys(known: Json) -> Json:
    """A value of the same form that names nothing: its last characters are others."""
    if isinstance(known, bool) or not isinstance(known, str | int | float):
        return "nobodys"
    if not isinstance(known, str):
        return 987_654_321
    tail = "".join(_OTHER.get(one, one) for one in known[-4:])
    return known[:-4] + (tail if tail != known[-4:] else "0000")
