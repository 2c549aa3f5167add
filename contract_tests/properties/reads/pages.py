"""What pages make: together the whole list, each row once, no more rows than asked for, and a last one that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.choices import make_some
from contract_tests.words.findings import Difference, show
from contract_tests.words.listed import names, rows_in
from contract_tests.words.paging import turned_by, usual_size
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.turning import MAX_PAGES, Turned, turn
from contract_tests.world.world import ABSENT, World, pointed
from mock_server.messages import Json
from mock_server.spec import Operation

SIZES = (1, 2, 3)
"""The sizes of pages that are turned: an error by one hides at one alone."""


def turn_the_pages(recorder: Recorder) -> None:
    """Compares the list read in one go with the same list read in small pages."""
    operation, world = recorder.operation, recorder.world.fresh()
    make_some(world, operation)
    whole = turn(world, operation, world.plain_request(operation))
    _judge(recorder, "all pages", whole, list(_endings(operation, whole, usual_size(operation))))
    if not whole.ended and not whole.endless:
        return  # What is longer than anybody reads is compared with nothing.
    for size in SIZES:
        if len(whole.rows) <= size * MAX_PAGES:
            _compare_pages(recorder, world, whole.rows, size)


def _judge(recorder: Recorder, title: str, turned: Turned, found: list[Difference]) -> None:
    seen = reading.Reading(recorder.operation, None, (), turned.wire, turned.status)
    evidence = weakest(contract_evidence(recorder.operation, "page"), seen.evidence)
    recorder.add(title, evidence, found, turned.wire)


def _endings(operation: Operation, turned: Turned, size: int | None) -> Iterator[Difference]:
    """What is wrong with the end of a list: there is none, or what leads on leads to nothing."""
    filled, page = [rows for rows in turned.pages if rows], operation.contract["page"]
    if turned.endless:
        message = (
            "the pages never end" if turned.pages[-1] else "page after page has no rows, and leads on all the same"
        )
        yield Difference("", f"{len(filled)} pages", "no end", message)
    elif turned.ended and "next" in page and not turned.pages[-1] and len(turned.pages) > 1:
        last = filled[-1] if filled else []
        # Whoever counts to a full page alone cannot know that it was the last one; no page of the vendor says so.
        full = bool(last) and (len(last) >= (size or 1) or [len(rows) for rows in filled[-2:-1]] == [len(last)])
        place, grade = page["next"], "assumed" if full else None
        message = f"the last page, of {len(last)} rows, leads on to a page without any"
        yield Difference(place, "nothing that leads on", "a next page", message, grade, beside=True)


def _compare_pages(recorder: Recorder, world: World, whole: list[Json], size: int) -> None:
    """Compares the rows of the list with those of its pages of that size."""
    operation = recorder.operation
    page, plain = operation.contract["page"], world.plain_request(operation)
    turned = turn(world, operation, plain.with_values(plain.path, {**plain.query, page["size"]: size}, plain.body))
    whole = [_standing(world, turned, operation, row) for row in whole]
    rows = [_standing(world, turned, operation, row) for row in turned.rows]
    found = list(_endings(operation, turned, size))
    short = turned.ended and (len(rows) != len(whole) or any(row not in rows for row in whole))
    if short or (not turned.endless and any(row not in whole for row in rows)):
        message = f"{len(whole)} rows in one go, {len(rows)} in pages of {size}, not the same ones"
        found.append(Difference("", names(operation, whole), names(operation, rows), message, beside=True))
    found += [
        Difference("", size, len(rows), f"{size} rows at most were asked for, and {len(rows)} came")
        for rows in turned.pages
        if len(rows) > size
    ]
    if not found and turned.ended and rows != whole:
        message = f"the pages of {size} have the rows in another order than the whole list"
        orders = names(operation, whole), names(operation, rows)
        found.append(Difference("", *orders, message, "assumed", beside=True))
    _judge(recorder, f"pages of {size}", turned, found)


def _standing(world: World, turned: Turned, operation: Operation, row: Json) -> Json:
    """What of a row is the same on every page, however long the turning takes."""
    schema = reading.Reading(operation, None, (), turned.wire, turned.status).record_schema
    kept = lasting(schema, row)
    if world.own or not isinstance(kept, dict):
        return kept
    moving = world.motion.fields
    return {
        name: value
        for name, value in kept.items()
        if (operation.id, name) not in moving and not world.spec.moves_by_itself(operation.id, name)
    }


def keep_to_the_limit(recorder: Recorder) -> None:
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


def turn_while_rows_come_and_go(recorder: Recorder) -> None:
    """Turns the pages one by one while a record is made, and removed again: what was there all the time comes once."""
    operation, world = recorder.operation, recorder.world.fresh()
    page, plain = operation.contract["page"], world.plain_request(operation)
    kind = operation.contract.get("record")
    makers = [one for one in world.spec.operations.values() if one.contract.get("record") == kind]
    makers = [one for one in makers if one.contract.get("effect") == "create" and "next" in page]
    if not world.own or not makers:
        return
    make_some(world, operation)
    whole = names(operation, reading.rows_of(world, operation, {})[0])
    for title, disturb in (("made", _make_one), ("removed", _remove_one)):
        query, wire = {**plain.query, page["size"]: 1}, None
        seen: list[Json] = []
        gone: set[str] = set()
        for _ in range(2 * len(whole) + 4):
            request = replace(plain.with_values(plain.path, query, plain.body), name="reading", answer="")
            sent, reply = world.send(operation, request)
            wire = wire or sent.wire
            seen += names(operation, rows_in(operation, reply.json) or [])
            following = pointed(reply.json, page["next"])
            if following in (None, "", ABSENT):
                break
            query[turned_by(page)] = following
            if len(seen) == 2:
                gone |= {str(one) for one in disturb(world, makers[0], seen)}
        stayed = [one for one in whole if str(one) not in gone]
        wrong = [one for one in stayed if seen.count(one) != 1]
        message = f"a record was {title} while the pages were turned, and {show(wrong)} came not once"
        found = [Difference("", stayed, seen, message, "assumed")] if wrong and wire else []
        if wire is not None:
            recorder.add(f"pages while one is {title}", contract_evidence(operation, "page"), found, wire)
        whole = names(operation, reading.rows_of(world, operation, {})[0])


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
