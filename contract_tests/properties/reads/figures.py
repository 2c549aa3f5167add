"""Figures of records: one that counts a kind grows with each record of it that is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from contract_tests.endpoint.transport import Reply
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.pointers import ABSENT, pointed
from contract_tests.words.statements import contract_evidence
from contract_tests.world.world import Sent, World, successes
from mock_server.messages import Json
from mock_server.spec import Operation, Spec


class Figure(NamedTuple):
    """Where an answer counts the records of a kind; with a `*` in each of its rows, which all of them make up."""

    place: str
    kind: str


def figures(operation: Operation) -> list[Figure]:
    """The figures that count every record of a kind, or every one of a row's."""
    shows: Mapping[str, Any] = operation.contract.get("shows") or {}
    mappings = [(place, node) for place, node in shows.items() if isinstance(node, Mapping)]
    rows = [(place, node["show"]) for place, node in mappings if "each" in node]
    mappings += [(f"{at}/*/{name}", one) for at, show in rows for name, one in show.items() if isinstance(one, Mapping)]
    counted = [(place, node) for place, node in mappings if "counted" in node]
    return [
        Figure(place, node["counted"])
        for place, node in counted
        if not {"where", "adding", "at"} & set(node) and ("*" in place or "of" not in node)
    ]


def counts(spec: Spec, operation: Operation) -> bool:
    """Whether an answer counts records that a documented operation makes."""
    return any(_maker(spec, figure.kind) is not None for figure in figures(operation))


def grows_with_each(recorder: Recorder) -> None:
    """Asks for the figures, makes one record of each kind that they count, and asks again."""
    operation, reasons = recorder.operation, []
    for figure in figures(operation):
        maker = _maker(recorder.world.spec, figure.kind)
        if maker is None:
            continue
        world = recorder.world.fresh()
        before = _found(figure, _asked(world, operation)[1])
        if not _made(world, maker):
            reasons.append(f"{maker.id} made nothing")
            continue
        sent, reply = _asked(world, operation)
        after = _found(figure, reply)
        if before is None or after is None:
            reasons.append(f"{figure.place} shows no number")
        elif after != before + 1:
            message = f"{figure.place}: {before} before {maker.id} made one of {figure.kind}, {after} after it"
            found = [Difference(figure.place.replace("/*", ""), before + 1, after, message)]
            recorder.add(f"{figure.place} after {maker.id}", contract_evidence(operation, "shows"), found, sent.wire)
        else:
            recorder.add(f"{figure.place} after {maker.id}", contract_evidence(operation, "shows"), [], sent.wire)
    recorder.finish()
    if reasons:
        raise NotCovered("; ".join(reasons))


def _maker(spec: Spec, kind: str) -> Operation | None:
    makers = [one for one in spec.operations.values() if one.contract.get("record") == kind]
    makers = [one for one in makers if one.contract.get("effect") == "create" and "upsert" not in one.contract]
    return next((one for one in makers if one.contract.get("cost") != "purchase"), None)


def _asked(world: World, operation: Operation) -> tuple[Sent, Reply]:
    return world.send(operation, replace(world.plain_request(operation), name="figures", answer=""))


def _made(world: World, maker: Operation) -> bool:
    request = next(iter(successes(world, maker)), None)
    if request is None:
        return False
    return bool(world.send(maker, world.prepared(maker, world.named(maker, request.name)))[1].status < 300)


def _found(figure: Figure, reply: Reply) -> int | None:
    numbers = list(_numbers(reply.json, figure.place))
    known = [one for one in numbers if isinstance(one, int) and not isinstance(one, bool)]
    return sum(known) if known and len(known) == len(numbers) else None


def _numbers(body: Json, place: str) -> Iterator[Json]:
    above, star, below = place.partition("/*")
    if not star:
        yield pointed(body, place if place.startswith("/") else f"/{place}")
        return
    rows = pointed(body, above)
    for row in rows if isinstance(rows, list) else ():
        found = pointed(row, below)
        yield None if found is ABSENT else found
