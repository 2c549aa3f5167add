"""Draws requests from the specs: schemathesis generates, our own schemas decide what is valid.

The generators never send anything: they make values, and the transport sends them. What only an
account knows (`x-variable`) is filled in from the records that were found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis import GenerationMode

from contract_tests.judging.lawful import Draw, violations_of
from contract_tests.words.findings import ContractBroken, Finding, NotCovered
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation
from mock_server.spec.document import read_yaml

_NO_CONSTANTS = Constants()
_HTTP_METHODS = ("get", "put", "post", "delete", "patch")


@lru_cache(maxsize=16)
def _schema(file: str) -> Any:
    document = read_yaml(Path(file))
    # Keys are the transport's business; left in, half of the negative draws would only lack the key.
    document.pop("security", None)
    for item in document["paths"].values():
        for method in _HTTP_METHODS:
            if method in item:
                item[method].pop("security", None)
    document["servers"] = [{"url": "http://127.0.0.1"}]
    return schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict({}))


@lru_cache(maxsize=256)
def _strategy(file: str, path: str, method: str, mode: GenerationMode) -> st.SearchStrategy[Any]:
    """What draws requests of one operation; Hypothesis looks every new strategy through once, which takes a while."""
    strategy: st.SearchStrategy[Any] = _schema(file)[path][method].as_strategy(generation_mode=mode)
    return strategy


def _cases(world: World, operation: Operation, mode: GenerationMode) -> st.SearchStrategy[Any]:
    path = operation.path[len(world.spec.base_path) :]
    return _strategy(world.spec.file, path, operation.method, mode)


def _some(world: World, variable: str) -> list[Json]:
    """The values of a variable, at least one."""
    known = world.values(variable)
    if not known:
        raise NotCovered(f"needs a {variable!r}; none was found (--var {variable}=A,B,... gives some)")
    return known


@st.composite
def valid_requests(draw: st.DrawFn, world: World, operation: Operation) -> Draw:
    """Requests that the schema allows, with known records wherever one is meant."""
    case = draw(_cases(world, operation, GenerationMode.POSITIVE))

    def pick(variable: str) -> Json:
        return draw(st.sampled_from(_some(world, variable)))

    request = _request(world, operation, case, pick, keep=operation.contract.get("clears") or {})
    assume(interoperable(request.body) and not _is_magic(world, operation, request))
    return Draw(request, violations_of(world, operation, request))


@st.composite
def invalid_requests(draw: st.DrawFn, world: World, operation: Operation) -> Draw:
    """Requests whose body or query the schema forbids, addressed to known records."""
    case = draw(_cases(world, operation, GenerationMode.NEGATIVE))

    def pick(variable: str) -> Json:
        return draw(st.sampled_from(_some(world, variable)))

    if isinstance(case.body, bytes):
        return Draw(_request(world, operation, case, pick, body=None), (), case.body)
    request = _request(world, operation, case, pick, body=_sendable(case.body))
    assume(not _is_magic(world, operation, request))
    return Draw(request, violations_of(world, operation, request))


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


def _request(
    world: World,
    operation: Operation,
    case: Any,
    pick: Callable[[str], Json],
    *,
    keep: Mapping[str, Any] | None = None,
    body: Json = ...,
) -> NamedRequest:
    path = {
        p.name: pick(p.variable) if p.variable else _plain_text((case.path_parameters or {}).get(p.name, p.example))
        for p in operation.parameters_in("path")
    }
    generated = dict(case.query or {})
    query = {}
    for parameter in operation.parameters_in("query"):
        if parameter.name in generated:
            value = generated[parameter.name]
            query[parameter.name] = (
                pick(parameter.variable) if parameter.variable and value not in ("", None) else value
            )
    if body is ...:
        body = _with_variables(operation.body_schema or {}, _sendable(case.body), pick, keep or {})
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


def _plain_text(value: Json) -> str:
    """A path segment that survives every client: letters and digits."""
    return re.sub(r"[^A-Za-z0-9]", "", str(value)) or "x"


def _sendable(value: Json) -> Json:
    """The generated body as JSON; schemathesis marks an absent one with an object of its own."""
    return value if isinstance(value, dict | list | str | int | float | bool) or value is None else {}


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


def interoperable(value: Json) -> bool:
    """Whether every whole number in a value is one that JSON carries unharmed everywhere (RFC 8259, section 6)."""
    if isinstance(value, dict):
        return all(map(interoperable, value.values()))
    if isinstance(value, list):
        return all(map(interoperable, value))
    return not isinstance(value, int) or abs(value) < 2**53


def run(
    strategy: st.SearchStrategy[Draw],
    check: Callable[[Draw], None],
    *,
    draws: int,
    seed: int,
    shrink: bool,
) -> None:
    """Lets `check` see that many draws; the same seed gives the same draws. A failure is shrunk if allowed."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @seeded(seed)
    @settings(
        max_examples=draws,
        phases=phases,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def each(draw: Draw) -> None:
        check(draw)

    with no_local_constants():
        try:
            each()
        except FlakyFailure as flaky:
            # The server answered the same request otherwise the second time; what it did the first time counts.
            for broken in flaky.exceptions:
                if isinstance(broken, ContractBroken):
                    raise ContractBroken(map(once, broken.findings)) from None
            # Something else happened, once: that tells more than that it did not happen again.
            raise flaky.exceptions[0] from None


@contextmanager
def no_local_constants() -> Iterator[None]:
    """Within it Hypothesis draws no constants of the modules that it finds in the folder it runs in.

    With another folder, or after another test in the same process, the same seed would send other requests.
    """
    providers.CONSTANTS_CACHE.cache.clear()
    with patch.object(providers, "_get_local_constants", lambda: _NO_CONSTANTS):
        yield
    providers.CONSTANTS_CACHE.cache.clear()


def once(finding: Finding) -> Finding:
    """The finding, with the words that it did not come a second time."""
    return replace(finding, message=f"{finding.message} (once; not when the same was sent again)")
