"""What a list shows: each record once, as many as it counts, what its filters ask for, whose they are, all pages."""

from __future__ import annotations

from contract_tests.judging.rows import complaints
from contract_tests.properties.reads import owners, pages
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import make_some
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.listed import name_of, names, rows_in
from contract_tests.words.paging import turns
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.turning import turn
from contract_tests.world.world import World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, WireRequest

MAX_OWNERS = 5


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
    owners.show_their_own(recorder)
    if turns(operation):
        pages.turn_the_pages(recorder)
        pages.turn_while_rows_come_and_go(recorder)
    elif "size" in (operation.contract.get("page") or {}):
        pages.keep_to_the_limit(recorder)
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
                missing = [row for row in some if name_of(operation, row) not in names(operation, whole)]
                found = [
                    Difference(
                        "",
                        name_of(operation, row),
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
    turned = turn(world, operation, request)
    return turned.rows, turned.wire


def _look_at_the_order(recorder: Recorder) -> None:
    """Makes records, and looks whether they stand in the list as the contract orders them."""
    operation, world = recorder.operation, recorder.world.fresh()
    before = names(operation, reading.rows_of(world, operation, {})[0])
    make_some(world, operation)
    rows, wire, status = reading.rows_of(world, operation, {})
    listed = names(operation, rows)
    made = [name for name in listed if name not in before]
    newest = operation.contract["order"] == "newest"
    expected = made + before if newest else before + made
    if not made:
        recorder.uncovered.append("no documented request makes a record to look for in the order")
        return
    found = []
    if listed != expected:
        message = f"the {operation.contract['order']} rows do not come first"
        found.append(Difference("", expected, listed, message))
    seen = reading.Reading(operation, None, (), wire, status)
    recorder.add("in order", weakest(contract_evidence(operation, "order"), seen.evidence), found, wire)
