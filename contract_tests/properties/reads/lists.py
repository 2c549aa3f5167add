"""What a list shows: each record once, as many as it counts, what its filters ask for, and all pages together."""

from __future__ import annotations

from dataclasses import replace

from contract_tests.judging.rows import complaints
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import make_some
from contract_tests.words.findings import Difference, NotCovered, show
from contract_tests.words.listed import rows_in
from contract_tests.words.paging import turns
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, pointed, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, WireRequest

MAX_OWNERS = 5

SIZES = (1, 2, 3)
"""The sizes of pages that are turned: an error by one hides at one alone."""


def lists(operation: Operation) -> bool:
    """Whether the operation shows rows."""
    return operation.contract.get("effect") == "list"


def shows_all_once(recorder: Recorder) -> None:
    """Makes each documented request of the list, and turns its pages one by one."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        sent, reply = world.send(operation, world.named(operation, request.name))
        rows = rows_in(operation, reply.json)
        if reply.status >= 300 or rows is None:
            raise NotCovered(f"was answered with {reply.status} and no rows")
        asked = weakest(request.evidence, reading.Reading(operation, None, (), sent.wire, reply.status).evidence)
        for word, found in complaints(operation, {**sent.path, **sent.query}, reply.json, rows):
            recorder.add(request.name, weakest(asked, contract_evidence(operation, word)), found, sent.wire)

    recorder.each(successes(recorder.world, operation), check)
    if "lifts" in operation.contract:
        _lift_the_filters(recorder)
    if turns(operation):
        _turn_the_pages(recorder)
        _turn_while_rows_come_and_go(recorder)
    elif "size" in (operation.contract.get("page") or {}):
        _keep_to_the_limit(recorder)
    if "order" in operation.contract and "record" in operation.contract and recorder.world.own:
        _look_at_the_order(recorder)
    recorder.finish()


def _lift_the_filters(recorder: Recorder) -> None:
    """Compares what each value of a filter shows with what is shown where another parameter lifts that filter."""
    operation, world = recorder.operation, recorder.world.fresh()
    plain = world.plain_request(operation)
    variables = {one.name: one.variable for one in operation.parameters_in("query") if one.variable}
    for parameter, lifted in operation.contract["lifts"].items():
        whole, wire = _rows(world, operation, plain, {parameter: True})
        for name in lifted:
            for value in world.values(variables[name])[:MAX_OWNERS] if name in variables else ():
                some, _ = _rows(world, operation, plain, {parameter: False, name: value})
                missing = [row for row in some if _name(operation, row) not in [_name(operation, one) for one in whole]]
                found = [
                    Difference(
                        "",
                        _name(operation, row),
                        "absent",
                        f"{parameter} shows all, but not this row of {name} {value!r}",
                        beside=True,
                    )
                    for row in missing
                ]
                recorder.add(f"{parameter} beside {name} {value}", contract_evidence(operation, "lifts"), found, wire)


def _rows(
    world: World, operation: Operation, plain: NamedRequest, query: dict[str, Json]
) -> tuple[list[Json], WireRequest]:
    request = plain.with_values(plain.path, {**plain.query, **query}, plain.body)
    found, wire, _ = reading.pages(world, operation, request)
    return [row for rows in found for row in rows], wire


def _turn_the_pages(recorder: Recorder) -> None:
    """Compares the list read in one go with the same list read row by row."""
    operation, world = recorder.operation, recorder.world.fresh()
    make_some(world, operation)
    plain = world.plain_request(operation)
    whole = [row for rows in reading.pages(world, operation, plain)[0] for row in rows]
    for size in SIZES:
        if len(whole) <= size * reading.MAX_PAGES:
            _compare_pages(recorder, world, whole, size)


def _compare_pages(recorder: Recorder, world: World, whole: list[Json], size: int) -> None:
    """Compares the rows of the list with those of its pages of that size."""
    operation = recorder.operation
    page, plain = operation.contract["page"], world.plain_request(operation)
    small = plain.with_values(plain.path, {**plain.query, page["size"]: size}, plain.body)
    turned, wire, status = reading.pages(world, operation, small)
    schema = reading.Reading(operation, None, (), wire, status).record_schema
    whole = [lasting(schema, row) for row in whole]
    rows = [lasting(schema, row) for found in turned for row in found]
    found = []
    if operation.id in world.motion.circles or len(turned) == reading.MAX_PAGES > len(whole) + 1:
        found.append(Difference("", f"{len(whole)} pages", "no end", "the pages never end"))
    elif len(rows) != len(whole) or any(row not in rows for row in whole):
        message = f"{len(whole)} rows in one go, {len(rows)} in pages of {size}, not the same ones"
        found.append(Difference("", _names(operation, whole), _names(operation, rows), message, beside=True))
    evidence = weakest(
        contract_evidence(operation, "page"), reading.Reading(operation, None, (), wire, status).evidence
    )
    found += [
        Difference("", size, len(rows), f"{size} rows at most were asked for, and {len(rows)} came")
        for rows in turned
        if len(rows) > size
    ]
    if not found and rows != whole:
        message = f"the pages of {size} have the rows in another order than the whole list"
        names = _names(operation, whole), _names(operation, rows)
        found.append(Difference("", *names, message, "assumed", beside=True))
    recorder.add(f"pages of {size}", evidence, found, wire)


def _keep_to_the_limit(recorder: Recorder) -> None:
    """Asks a list whose pages cannot be turned for a few rows: so many come, and they are rows of the whole list."""
    operation, world = recorder.operation, recorder.world.fresh()
    make_some(world, operation)
    size, plain = operation.contract["page"]["size"], world.plain_request(operation)
    whole, _, _ = reading.rows_of(world, operation, {})
    evidence = contract_evidence(operation, "page")
    for limit in SIZES:
        small = plain.with_values(plain.path, {**plain.query, size: limit}, plain.body)
        sent, reply = world.send(operation, replace(small, name="limit", answer=""))
        rows = rows_in(operation, reply.json) or []
        found = []
        if reply.status < 300 and len(rows) > limit:
            message = f"{limit} rows at most were asked for, and {len(rows)} came"
            found.append(Difference("", limit, len(rows), message))
        elif reply.status < 300 and len(rows) < min(limit, len(whole)):
            message = f"{limit} rows were asked for, {len(whole)} are there, and {len(rows)} came"
            found.append(Difference("", min(limit, len(whole)), len(rows), message, "assumed", beside=True))
        recorder.add(f"{size} {limit}", evidence, found, sent.wire)


def _turn_while_rows_come_and_go(recorder: Recorder) -> None:
    """Turns the pages one by one while a record is made, and removed again: what was there all the time comes once."""
    operation, world = recorder.operation, recorder.world.fresh()
    page, plain = operation.contract["page"], world.plain_request(operation)
    kind = operation.contract.get("record")
    makers = [one for one in world.spec.operations.values() if one.contract.get("record") == kind]
    makers = [one for one in makers if one.contract.get("effect") == "create" and "next" in page]
    if not world.own or not makers:
        return
    make_some(world, operation)
    whole = _names(operation, reading.rows_of(world, operation, {})[0])
    for title, disturb in (("made", _make_one), ("removed", _remove_one)):
        query, wire = {**plain.query, page["size"]: 1}, None
        seen: list[Json] = []
        gone: set[str] = set()
        while len(seen) < 2 * len(whole) + 4:
            request = replace(plain.with_values(plain.path, query, plain.body), name="reading", answer="")
            sent, reply = world.send(operation, request)
            wire = wire or sent.wire
            seen += _names(operation, rows_in(operation, reply.json) or [])
            following = pointed(reply.json, page["next"])
            if following in (None, "", ABSENT):
                break
            query[page["parameter"]] = following
            if len(seen) == 2:
                gone |= {str(one) for one in disturb(world, makers[0], seen)}
        stayed = [one for one in whole if str(one) not in gone]
        wrong = [one for one in stayed if seen.count(one) != 1]
        message = f"a record was {title} while the pages were turned, and {show(wrong)} came not once"
        found = [Difference("", stayed, seen, message, "assumed")] if wrong and wire else []
        if wire is not None:
            recorder.add(f"pages while one is {title}", contract_evidence(operation, "page"), found, wire)
        whole = _names(operation, reading.rows_of(world, operation, {})[0])


def _make_one(world: World, maker: Operation, seen: list[Json]) -> list[Json]:
    """Makes a record; nothing that was there goes."""
    make_some(world, maker)
    return []


def _remove_one(world: World, maker: Operation, seen: list[Json]) -> list[Json]:
    """Removes the first record that was seen."""
    for remover in world.spec.operations.values():
        if remover.contract.get("record") == maker.contract["record"] and remover.contract.get("effect") == "delete":
            plain = world.plain_request(remover)
            path = {**plain.path, remover.contract["key"]["name"]: seen[0]}
            world.send(remover, replace(plain, path=path, after=(), name="removing", answer=""))
            return [seen[0]]
    return []


def _look_at_the_order(recorder: Recorder) -> None:
    """Makes records, and looks whether they stand in the list as the contract orders them."""
    operation, world = recorder.operation, recorder.world.fresh()
    before = [_name(operation, row) for row in reading.rows_of(world, operation, {})[0]]
    make_some(world, operation)
    rows, wire, status = reading.rows_of(world, operation, {})
    names = [_name(operation, row) for row in rows]
    made = [name for name in names if name not in before]
    newest = operation.contract["order"] == "newest"
    expected = made + before if newest else before + made
    if not made:
        raise NotCovered("no documented request makes a record")
    found = []
    if names != expected:
        message = f"the {operation.contract['order']} rows do not come first"
        found.append(Difference("", expected, names, message))
    seen = reading.Reading(operation, None, (), wire, status)
    recorder.add("in order", weakest(contract_evidence(operation, "order"), seen.evidence), found, wire)


def _names(operation: Operation, rows: list[Json]) -> list[Json]:
    return [_name(operation, row) for row in rows]


def _name(operation: Operation, row: Json) -> Json:
    return row.get(operation.contract["key"]["name"]) if isinstance(row, dict) else row
