"""Makes requests of what was drawn from the specs; our own schemas decide which are valid.

Nothing is sent here: the transport does that. What only an account knows (`x-variable`) is filled in from the records
that were found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure

from contract_tests.endpoint.transport import Unreachable
from contract_tests.judging.lawful import Draw, violations_of
from contract_tests.properties.tools import drawing
from contract_tests.properties.tools.drawing import INVALID, VALID, Drawn, Mode
from contract_tests.words.findings import ContractBroken, Finding, NotCovered
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation


class Requests(NamedTuple):
    """The requests of one operation that can be drawn: what is drawn, and how a request is made of it.

    `made` gives None for a draw that is no request to send, and raises NotCovered where no record that it needs is
    known.
    """

    strategy: Callable[[], st.SearchStrategy[Any]]
    drawn: Callable[[int, int], list[Any]]
    """So many draws with that seed, always the same."""
    made: Callable[[Any], Draw | None]


def valid_requests(world: World, operation: Operation) -> Requests:
    """Requests that the schema allows, with known records wherever one is meant."""
    return _requests(world, operation, VALID)


def invalid_requests(world: World, operation: Operation) -> Requests:
    """Requests whose body or query the schema forbids, addressed to known records."""
    return _requests(world, operation, INVALID)


def _requests(world: World, operation: Operation, mode: Mode) -> Requests:
    where = world.spec.file, operation.path[len(world.spec.base_path) :], operation.method.lower(), mode
    return Requests(
        lambda: drawing.strategy(*where),
        lambda draws, seed: drawing.drawn(*where, draws=draws, seed=seed),
        partial(_made, world, operation, mode),
    )


def _made(world: World, operation: Operation, mode: Mode, drawn: Drawn) -> Draw | None:
    """The request of a draw; None for one with which our mock stages an answer."""
    turn = count()

    def pick(variable: str) -> Json:
        known = _some(world, variable)
        return known[drawn.picks[next(turn) % len(drawn.picks)] % len(known)]

    if drawn.raw is not None:
        return Draw(_request(world, operation, drawn, pick, body=None), (), drawn.raw)
    body = drawn.body
    if mode == VALID:
        body = _with_variables(operation.body_schema or {}, body, pick, operation.contract.get("clears") or {})
    request = _request(world, operation, drawn, pick, body=body)
    return None if _is_magic(world, operation, request) else Draw(request, violations_of(world, operation, request))


def _some(world: World, variable: str) -> list[Json]:
    """The values of a variable, at least one."""
    known = world.values(variable)
    if not known:
        raise NotCovered(f"needs a {variable!r}; none was found (--var {variable}=A,B,... gives some)")
    return known


def documented_variants(world: World, operation: Operation) -> Iterator[NamedRequest]:
    """The first documented success with one field at a time left out, null, or another of its listed values."""
    plain = world.plain_request(operation)
    properties = (operation.body_schema or {}).get("properties") or {}
    if not isinstance(plain.body, dict):
        return
    bodies = [{key: value for key, value in plain.body.items() if key != name} for name in plain.body]
    for name, schema in properties.items():
        kinds = schema.get("type", ()) if isinstance(schema, Mapping) else ()
        values = [*(schema.get("enum") or ()), *([True, False] if kinds == "boolean" else ())]
        values += [None] if isinstance(kinds, list) and "null" in kinds and None not in values else []
        bodies += [
            {**plain.body, name: value} for value in values if name not in plain.body or plain.body[name] != value
        ]
    for body in bodies:
        request = plain.with_values(plain.path, plain.query, body)
        if not violations_of(world, operation, request):
            yield request


def without_required(world: World, operation: Operation) -> Iterator[Draw]:
    """The first documented success without each of the things that it must have, one at a time."""
    plain = world.plain_request(operation)
    for one in operation.parameters_in("query"):
        if one.required and one.name in plain.query:
            query = {name: value for name, value in plain.query.items() if name != one.name}
            request = plain.with_values(plain.path, query, plain.body)
            yield Draw(request, violations_of(world, operation, request))
    for body in _without(operation.body_schema, plain.body):
        request = plain.with_values(plain.path, plain.query, body)
        yield Draw(request, violations_of(world, operation, request))


def _without(schema: Any, value: Json) -> Iterator[Json]:
    """A value without each of its required fields, however deep; of a list the first element stands for all."""
    if not isinstance(schema, Mapping):
        return
    if isinstance(value, list) and value:
        yield from ([less, *value[1:]] for less in _without(schema.get("items"), value[0]))
    if not isinstance(value, dict):
        return
    for name in schema.get("required") or ():
        if name in value:
            yield {key: child for key, child in value.items() if key != name}
    for name, child in value.items():
        inner = (schema.get("properties") or {}).get(name)
        yield from ({**value, name: less} for less in _without(inner, child))


def _request(
    world: World, operation: Operation, drawn: Drawn, pick: Callable[[str], Json], *, body: Json
) -> NamedRequest:
    path = {
        p.name: pick(p.variable) if p.variable else drawn.path.get(p.name) or drawing.plain_text(p.example)
        for p in operation.parameters_in("path")
    }
    query = {
        p.name: pick(p.variable) if p.variable and drawn.query[p.name] not in ("", None) else drawn.query[p.name]
        for p in operation.parameters_in("query")
        if p.name in drawn.query
    }
    return NamedRequest(
        name="generated",
        answer="",
        path=path,
        query={name: value for name, value in query.items() if isinstance(value, str | int | float | bool)},
        headers={},
        body=body,
        has_body=operation.body_schema is not None,
        raw_body=None,
        after=(),
        evidence=operation.evidence,
    )


def _is_magic(world: World, operation: Operation, request: NamedRequest) -> bool:
    """Whether it holds one of the values with which our mock stages an answer or a broken connection.

    That has nothing to do with the contract, and three digits that mean it are drawn by chance.
    """
    places = {"path": request.path, "query": request.query, "body": request.body}
    for magic in world.spec.magic:
        if operation.id in magic.operations:
            place, *names = magic.at.split(".")
            value: Json = places.get(place)
            for name in names:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str) and value in magic.values:
                return True
    return False


def _with_variables(schema: Any, value: Json, pick: Callable[[str], Json], keep: Mapping[str, Any]) -> Json:
    """The generated value with a known record's id wherever the schema says that one is meant."""
    if not isinstance(schema, Mapping) or not isinstance(value, dict):
        return value
    filled = {}
    for name, child in value.items():
        inner = (schema.get("properties") or {}).get(name)
        variable = inner.get("x-variable") if isinstance(inner, Mapping) else None
        if variable is not None and child not in keep.get(name, ()) and not isinstance(child, list | dict):
            filled[name] = pick(variable)
        elif isinstance(child, list) and isinstance(inner, Mapping):
            filled[name] = [_with_variables(inner.get("items"), item, pick, {}) for item in child]
        else:
            filled[name] = _with_variables(inner, child, pick, {})
    return filled


def run(requests: Requests, check: Callable[[Draw], None], *, draws: int, of: int, seed: int, shrink: bool) -> None:
    """Lets `check` see so many of the draws; the same seed gives the same ones. A failure is shrunk if allowed.

    Raises NotCovered where no such request can be drawn.
    """

    def sent(drawn: Any) -> None:
        draw = requests.made(drawn)
        if draw is not None:
            check(draw)

    drawn = requests.drawn(of, seed)
    if not drawn:
        raise NotCovered("no such request could be generated")
    for one in drawn[:draws]:
        try:
            sent(one)
        except ContractBroken as broken:
            # A budget that ends with the second sending takes nothing from what the first one found.
            with suppress(FlakyFailure, Unreachable, NotCovered):
                if shrink:
                    drawing.explored(requests.strategy(), sent, draws=of, seed=seed, shrink=True)
                else:
                    sent(one)
            # The server answered the same request otherwise the second time; what it did the first time counts.
            raise ContractBroken(map(once, broken.findings)) from None


def once(finding: Finding) -> Finding:
    """The finding, with the words that it did not come a second time."""
    return replace(finding, message=f"{finding.message} (once; not when the same was sent again)")
