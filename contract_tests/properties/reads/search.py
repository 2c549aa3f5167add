"""What a search finds: what begins as it was asked for, as many at most, each once, and nothing that is taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from contract_tests.endpoint.guard import cost_of
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world.world import World, pointed, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, Spec


def searches(spec: Spec, operation: Operation) -> bool:
    """Whether the operation finds rows that begin with what is asked for."""
    return operation.contract.get("effect") == "search" and "begins" in operation.contract


def finds_what_was_asked(recorder: Recorder) -> None:
    """Makes each documented search with every small limit and a longer beginning, then takes one and looks again."""
    operation, world = recorder.operation, recorder.world.fresh()
    size = (operation.contract.get("page") or {}).get("size")
    found: list[Json] = []
    for request in successes(world, operation):
        named = world.named(operation, request.name)
        shown = _search(recorder, world, named, request)
        found = found or shown
        for limit in (1, 2, 3) if isinstance(size, str) else ():
            _search(recorder, world, _changed(named, {str(size): limit}), request)
        for longer in _longer_beginnings(operation, named, shown):
            _search(recorder, world, _changed(named, longer), request)
    if not found:
        raise NotCovered("no documented search finds anything")
    _take_one(recorder, world, found[0])
    recorder.finish()


def _changed(request: NamedRequest, values: dict[str, Json]) -> NamedRequest:
    return request.with_values(request.path, request.query, {**request.body, **values})


def _longer_beginnings(operation: Operation, request: NamedRequest, shown: list[Json]) -> Iterator[dict[str, Json]]:
    """The search with three more digits of the last thing that it found, and with all of them."""
    for parameter, field in operation.contract["begins"].items():
        asked = request.body.get(parameter) if isinstance(request.body, dict) else None
        if isinstance(asked, str) and shown and isinstance(shown[-1], dict):
            digits = _digits(shown[-1].get(field))
            place = digits.find(asked)
            if place >= 0:
                yield {parameter: digits[place : place + len(asked) + 3]}
                yield {parameter: digits[place:]}


def _search(recorder: Recorder, world: World, named: NamedRequest, request: NamedRequest) -> list[Json]:
    operation = recorder.operation
    sent, reply = world.send(operation, named)
    rows = pointed(reply.json, operation.contract.get("at") or "")
    if reply.status >= 300 or not isinstance(rows, list):
        return []
    asked = sent.body if isinstance(sent.body, dict) else {}
    rules = {"begins": _otherwise(operation, asked, rows), "page": _too_many(operation, asked, rows)}
    for word, differences in rules.items():
        evidence = weakest(contract_evidence(operation, word), request.evidence)
        recorder.add(f"{request.name} with {asked}", evidence, list(differences), sent.wire)
    return rows


def _otherwise(operation: Operation, asked: dict[str, Json], rows: list[Json]) -> Iterable[Difference]:
    """Rows that do not begin as asked, behind a country code of up to three digits, or that are there twice."""
    for parameter, field in operation.contract["begins"].items():
        beginning = _digits(asked.get(parameter))
        for index, row in enumerate(rows):
            value = row.get(field) if isinstance(row, dict) else None
            if not any(_digits(value)[skipped:].startswith(beginning) for skipped in range(1, 4)):
                message = f"{value!r} does not begin with {beginning!r}, which was asked for"
                yield Difference(f"/{index}/{field}", beginning, value, message)
            if row in rows[:index]:
                yield Difference(f"/{index}", "each once", row, f"{value!r} is found twice")


def _too_many(operation: Operation, asked: dict[str, Json], rows: list[Json]) -> Iterable[Difference]:
    limit = asked.get((operation.contract.get("page") or {}).get("size", ""))
    if isinstance(limit, int) and len(rows) > limit:
        yield Difference("", limit, len(rows), f"{limit} at most were asked for, and {len(rows)} came")


def _take_one(recorder: Recorder, world: World, row: Json) -> None:
    """Buys what was found, and looks whether a search still offers it."""
    operation = recorder.operation
    kind, field = operation.contract["key"], next(iter(operation.contract["begins"].values()))
    for maker in world.spec.operations.values():
        fields = maker.contract.get("fields") or {}
        if cost_of(maker) != "purchase" or field not in fields.values() or not isinstance(row, dict):
            continue
        value = row.get(kind["name"])
        body = {source: value for source, target in fields.items() if target == field}
        plain = world.plain_request(maker)
        bought, reply = world.send(maker, plain.with_values(plain.path, plain.query, {**(plain.body or {}), **body}))
        evidence = weakest(maker.evidence, contract_evidence(operation, "begins"))
        if reply.status >= 300:
            message = f"{value!r} was found for sale, and buying it is answered with {reply.status}"
            recorder.add(
                "taking one", evidence, [Difference("status", "a success", reply.status, message)], bought.wire
            )
            return
        sent, again = world.send(operation, world.plain_request(operation))
        rows = pointed(again.json, operation.contract.get("at") or "")
        if isinstance(rows, list) and value in [one.get(field) for one in rows if isinstance(one, dict)]:
            message = f"{value!r} was bought, and the search still offers it"
            recorder.add("taking one", evidence, [Difference("", "absent", value, message)], sent.wire)
        return


def _digits(value: Json) -> str:
    return re.sub(r"\D", "", str(value))
