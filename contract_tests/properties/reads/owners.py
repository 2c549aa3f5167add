"""Whose rows a list shows: those of whoever its path names, of each of them, and no row of two of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contract_tests.judging.rows import elsewhere
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.listed import names
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.turning import Turned, turn
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Operation

MOST = 3
"""So many owners are asked after."""


def show_their_own(recorder: Recorder) -> None:
    """Lists what belongs to each of several owners whom the path may name."""
    operation, world = recorder.operation, recorder.world.fresh()
    path = {one.name: one.variable for one in operation.parameters_in("path") if one.variable}
    for parameter, owner in (operation.contract.get("within") or {}).items():
        if parameter not in path:
            continue
        seen: dict[str, Turned] = {}
        for value in [*world.values(path[parameter])[:MOST], *_made(world, owner["record"])]:
            _make_one(world, operation, parameter, value)
            plain = reading.plain_reading(world, operation)
            turned = turn(
                world, operation, plain.with_values({**plain.path, parameter: value}, plain.query, plain.body)
            )
            if turned.status >= 300:
                continue
            shown = reading.Reading(operation, None, (), turned.wire, turned.status)
            found = list(elsewhere(operation, {parameter: value}, turned.rows))
            found += _shared(world, operation, turned, seen) if len(seen) else []
            recorder.add(f"{parameter} {value}", weakest(operation.evidence, shown.evidence), found, turned.wire)
            seen[str(value)] = turned


def _shared(world: World, operation: Operation, turned: Turned, seen: dict[str, Turned]) -> Iterator[Difference]:
    """The records that are another owner's already; only of those that are known to have a key of their own."""
    kind, key = operation.contract.get("record"), operation.contract["key"]["name"]
    makers = [one.contract for one in world.spec.operations.values() if one.contract.get("record") == kind]
    if kind is None or not any(key in (one.get("unique") or ()) for one in makers):
        return
    for other, theirs in seen.items():
        both = [name for name in names(operation, turned.rows) if name in names(operation, theirs.rows)]
        if both:
            yield Difference("", "absent", both[0], f"{both[0]!r} stands in the list of {other} too", beside=True)


def _made(world: World, kind: str) -> Iterator[Json]:
    """A further owner, on a server of our own."""
    for maker in world.spec.operations.values() if world.own else ():
        if maker.contract.get("record") == kind and maker.contract.get("effect") == "create":
            for request in successes(world, maker)[:1]:
                sent, reply = world.send(maker, world.named(maker, request.name))
                key = reading.key_of(maker, sent, reply) if reply.status < 300 else ABSENT
                if key is not ABSENT:
                    yield key
                    return


def _make_one(world: World, operation: Operation, parameter: str, value: Json) -> None:
    """A record of that owner, on a server of our own."""
    for maker in world.spec.operations.values() if world.own else ():
        mine = maker.contract.get("record") == operation.contract.get("record", "")
        if mine and maker.contract.get("effect") == "create" and parameter in (maker.contract.get("within") or {}):
            for request in successes(world, maker)[:1]:
                try:
                    named = world.prepared(maker, world.named(maker, request.name))
                except NotCovered:
                    continue
                path = {**named.path, parameter: value} if parameter in named.path else named.path
                body = {**named.body, parameter: value} if parameter in (named.body or {}) else named.body
                world.send(maker, replace(named.with_values(path, named.query, body), name="making", answer=""))
