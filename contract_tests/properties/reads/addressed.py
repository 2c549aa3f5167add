"""Who is meant: an answer is about the record whose name was sent, whichever of its names that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from contract_tests.endpoint.guard import BudgetSpent
from contract_tests.endpoint.transport import Reply
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.listed import addressed_in
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import Operation, RecordSpec, Spec

SOME = 3


def answers_about_a_record(spec: Spec, operation: Operation) -> bool:
    """Whether the path names a record, and the answer shows it or repeats its name."""
    contract = operation.contract
    named = (contract.get("key") or {}).get("in") == "path" and contract.get("record") in spec.records
    shows = (
        contract.get("effect") == "read" or "at" in contract or contract.get("key", {}).get("name") in _echo(operation)
    )
    return named and shows and contract.get("effect") in ("read", "update")


def _echo(operation: Operation) -> Iterable[str]:
    return operation.contract.get("echo") or ()


class Named(NamedTuple):
    """A record: what it goes by, and those of its names that no other record has."""

    names: list[Json]
    own: list[Json]


def the_one_that_was_named(recorder: Recorder) -> None:
    """Addresses several records by every name of theirs, and looks whose record is answered."""
    operation, world = recorder.operation, recorder.world.fresh()
    plain, place = world.plain_request(operation), operation.contract["key"]["name"]
    done = 0
    for known in _records(world, operation):
        for name in known.own:
            request = plain.with_values({**plain.path, place: name}, plain.query, plain.body)
            try:
                sent, reply = world.send(operation, request)
            except BudgetSpent:
                raise
            except NotCovered:
                continue  # A record that this run may not write.
            response = operation.responses.get(reply.status)
            if reply.status >= 300 or response is None:
                continue
            done += 1
            found = list(_another(world, operation, name, known.names, reply))
            recorder.add(f"{place} {name}", weakest(operation.evidence, response.evidence), found, sent.wire)
    if not done:
        raise NotCovered("no record could be addressed")
    recorder.finish()


def _records(world: World, operation: Operation) -> Iterator[Named]:
    """A few records of the kind, the path's own variable first, with the names that lists show besides."""
    kind = world.spec.records[operation.contract["record"]]
    place = operation.contract["key"]["name"]
    variable = next((p.variable for p in operation.parameters_in("path") if p.name == place), None)
    rows = [
        row
        for reader in world.readers(kind.kind)
        if reader.contract["effect"] == "list"
        for row in reading.rows_of(world, reader, {})[0]
        if isinstance(row, dict)
    ]
    every = [_names(kind, row) for row in rows]
    for value in world.values(variable)[:SOME] if variable is not None else ():
        names = next((names for names in every if value in names), [value])
        shared = [name for name in names if sum(name in other for other in every) > 1]
        yield Named(names, [value, *(name for name in names if name != value and name not in shared)])


def _names(kind: RecordSpec, record: dict[str, Json]) -> list[Json]:
    return [record[name] for name in (kind.key, *kind.aliases) if record.get(name) not in (None, "")]


def _another(world: World, operation: Operation, name: Json, names: list[Json], reply: Reply) -> Iterable[Difference]:
    """Where the answer names another record than the one that goes by these names."""
    kind, place = world.spec.records[operation.contract["record"]], operation.contract["key"]["name"]
    if place in _echo(operation) and isinstance(reply.json, dict) and place in reply.json:
        told = reply.json[place]
        if told not in names:
            yield Difference(f"/{place}", name, told, f"{name} was addressed, and {told!r} is answered")
    if "at" not in operation.contract and operation.contract["effect"] != "read":
        return
    record = addressed_in(operation, reply.json, name)
    if not isinstance(record, dict):
        return
    answered = _names(kind, record)
    strange = [told for told in answered if told not in names]
    # Where no list tells the other names of the record, one that fits is enough.
    if strange and (len(names) > 1 or name not in answered):
        message = f"{name} was addressed, and the record of {strange[0]!r} is answered"
        yield Difference(operation.contract.get("at") or "", name, strange[0], message)
