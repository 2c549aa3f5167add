"""What an experiment needs to see a difference: two values for each field, and more than one record of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from contract_tests.judging.battery import trials
from contract_tests.judging.lawful import violations_of
from contract_tests.world import reading
from contract_tests.world.world import World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

ENOUGH = 3


def choices(world: World, operation: Operation) -> dict[str, list[Json]]:
    """The values by the name in the body: those of the pages first, then made-up ones; what clears is left out."""
    documented = reading.documented_values(world, operation)
    properties: Mapping[str, Any] = (operation.body_schema or {}).get("properties") or {}
    clearing = operation.contract.get("clears") or {}
    base = reading.base_body(world, operation)
    found: dict[str, list[Json]] = {}
    for name in operation.contract.get("fields") or ():
        if name in base and "x-variable" in properties.get(name, {}):
            continue  # What is required and only the account knows stays as it is.
        known: list[Json] = []
        for value in _values(world, name, properties.get(name) or {}, documented.get(name) or []):
            usual = value not in (None, "", []) and value not in clearing.get(name, ())
            if usual and value not in known and _valid(world, operation, {**base, name: value}):
                known.append(value)
        if known:
            found[name] = known[:ENOUGH]
    return found


def _values(world: World, name: str, schema: Mapping[str, Any], documented: list[Json]) -> Iterator[Json]:
    variable = schema.get("x-variable")
    if variable is None:
        yield from islice(documented, 2)
        yield from (trial.value for trial in trials(schema, documented[0] if documented else None))
    elif world.own or variable in world.given or world.spec.variables[variable].found_operation:
        yield from world.values(variable)[:ENOUGH]


def _valid(world: World, operation: Operation, body: dict[str, Json]) -> bool:
    return not violations_of(world, operation, with_body(world, operation, body))


def with_body(world: World, operation: Operation, body: Json) -> NamedRequest:
    """The operation's documented request with another body."""
    plain = world.plain_request(operation)
    return plain.with_values(plain.path, plain.query, body)


def make_some(world: World, operation: Operation) -> None:
    """Two more records on a server of our own, so that there is something to tell apart."""
    kind, key = operation.contract.get("record"), (operation.contract.get("key") or {}).get("name")
    makers = [one for one in world.spec.operations.values() if one.contract.get("record") == kind]
    if kind is None:
        # A list that shows too little of its records to be read back: they are known by the name of their key.
        makers = [one for one in world.spec.operations.values() if (one.contract.get("key") or {}).get("name") == key]
    for maker in makers if world.own else ():
        if maker.contract.get("effect") == "create":
            for request in successes(world, maker)[:4]:
                world.send(maker, world.named(maker, request.name))
