"""What is wrong with the rows of one answer of a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import ceil

from contract_tests.words.findings import Difference, show
from contract_tests.words.paging import usual_size
from contract_tests.words.pointers import ABSENT, pointed
from contract_tests.words.schemas import declared, grade_of
from mock_server.messages import Json
from mock_server.spec import Operation
from mock_server.spec.terms.moments import moment

BOUNDS = ("since", "until")
"""The words of a contract that name a moment before, or after, which no row may lie."""


def complaints(
    operation: Operation, query: Json, body: Json, rows: list[Json]
) -> Iterable[tuple[str, Iterable[Difference]]]:
    """What is wrong with the rows of one answer, by the key of the contract that says so."""
    yield "at", _twice(operation, rows)
    yield "count", _miscounted(operation, body, rows)
    yield "total", _wrong_total(operation, query, body, rows)
    yield "pages", _wrong_pages(operation, query, body)
    yield "where", _not_so(operation, rows)
    yield "page", _too_many(operation, query, rows)
    yield "filters", _unasked(operation, query, rows)
    # That a list below somebody's name shows what is theirs is what the list is; who is not there is another statement.
    yield "effect", elsewhere(operation, query, rows)
    yield "order", _out_of_order(operation, rows)
    for word in BOUNDS:
        yield word, _outside(operation, word, query, rows)


def apart(key: str, before: Iterable[Json], after: Iterable[Json]) -> Iterator[tuple[str, Json, Json, str]]:
    """How two sets of rows differ: place, what was there, what is there, and that in words.

    Rows are told apart by their key; of one key there may be several, a version each.
    """
    old, new = [[row for row in rows if isinstance(row, dict)] for rows in (before, after)]
    gone = [row for row in old if row not in new]
    come = [row for row in new if row not in old]
    for row in gone:
        same = next((one for one in come if one.get(key) == row.get(key)), None)
        if same is None:
            yield "", row, "gone", f"the record {row.get(key)} is gone"
            continue
        come.remove(same)
        for name in [*row, *(one for one in same if one not in row)]:
            was, now = row.get(name, "absent"), same.get(name, "absent")
            if was != now:
                told = f"the record {row.get(key)} changed (its {name} is {show(now)}, and was {show(was)})"
                yield f"/{name}", was, now, told
    yield from (("", "absent", row, f"the record {row.get(key)} is new") for row in come)


def _twice(operation: Operation, rows: list[Json]) -> Iterable[Difference]:
    """Rows that are there a second time: by their key where they are records, else as a whole."""
    name = operation.contract["key"]["name"]
    known = set()
    for index, row in enumerate(rows):
        recorded = "record" in operation.contract and isinstance(row, dict)
        key = json.dumps(row.get(name) if recorded else row, sort_keys=True)
        if key in known:
            yield Difference(f"/{index}", "each record once", row, "the list shows a record twice")
        known.add(key)


def _miscounted(operation: Operation, body: Json, rows: list[Json]) -> Iterable[Difference]:
    count = operation.contract.get("count")
    if count is not None and pointed(body, count) != len(rows):
        found = pointed(body, count)
        yield Difference(count, len(rows), found, f"the list has {len(rows)} rows and counts {show(found)}")


def _wrong_total(operation: Operation, query: Json, body: Json, rows: list[Json]) -> Iterable[Difference]:
    """A total of fewer than the page has, or of more than there can be where the first page is not full.

    A server may have a most of its own for the rows of a page, but hardly one below the documented usual.
    """
    total, page = operation.contract.get("total"), operation.contract.get("page") or {}
    found = pointed(body, total) if total is not None else ABSENT
    if total is None or found is ABSENT:
        return
    usual = usual_size(operation)
    sizes = [size for size in (query.get(page.get("size"), usual), usual) if isinstance(size, int)]
    first = str(query.get(page.get("number"), 1)) == "1" and not {"offset", "after", "parameter"} & page.keys()
    whole = first and bool(sizes) and len(rows) < min(sizes)
    if not isinstance(found, int) or found < len(rows) or (whole and found > len(rows)):
        yield Difference(total, len(rows), found, f"the page has {len(rows)} rows, and all of them are {show(found)}")


def _not_so(operation: Operation, rows: list[Json]) -> Iterable[Difference]:
    """Rows that show another value than every row of the list has."""
    for name, value in (operation.contract.get("where") or {}).items():
        for index, row in enumerate(rows):
            found = row.get(name, ABSENT) if isinstance(row, dict) else ABSENT
            if found is not ABSENT and found != value:
                yield Difference(f"/{index}/{name}", value, found, f"{show(value)} is what every row has")


def _wrong_pages(operation: Operation, query: Json, body: Json) -> Iterable[Difference]:
    """As many pages as the rows that the same answer counts do not fill, in pages of the size that was asked for."""
    contract = operation.contract
    if "pages" not in contract or "total" not in contract:
        return
    found, total = pointed(body, contract["pages"]), pointed(body, contract["total"])
    size = query.get((contract.get("page") or {}).get("size"), usual_size(operation))
    if found is ABSENT or not isinstance(total, int) or not isinstance(size, int) or size < 1:
        return
    if found != ceil(total / size):
        message = f"{total} rows fill {ceil(total / size)} pages of {size}, and {show(found)} are told of"
        yield Difference(contract["pages"], ceil(total / size), found, message)


def _too_many(operation: Operation, query: Json, rows: list[Json]) -> Iterable[Difference]:
    size = query.get((operation.contract.get("page") or {}).get("size"))
    # What no page asks for, none at all or fewer, may be taken for the usual.
    if isinstance(size, int) and len(rows) > size > 0:
        yield Difference("", size, len(rows), f"{size} rows at most were asked for, and {len(rows)} came")


def _out_of_order(operation: Operation, rows: list[Json]) -> Iterable[Difference]:
    """Rows whose key is a number, a version say, which stand in another order than the contract says."""
    order, name = operation.contract.get("order"), operation.contract["key"]["name"]
    shown = [row.get(name) for row in rows if isinstance(row, dict)]
    numbers: list[int] = [one for one in shown if type(one) is int]
    if order is None or numbers != shown:
        return
    wanted = sorted(numbers, reverse=order == "newest")
    if numbers != wanted:
        yield Difference("", wanted, numbers, f"{show(wanted)} is the {order} first, and {show(numbers)} came")


def active_filters(operation: Operation, asked: Mapping[str, Json]) -> dict[str, Json]:
    """The fields of a row that these parameters determine, with their values: some lift filters (`lifts`)."""
    lifts = (operation.contract.get("lifts") or {}).items()
    lifted = {name for flag, names in lifts if str(asked.get(flag)).lower() == "true" for name in names}
    return {
        name: asked[parameter]
        for parameter, name in (operation.contract.get("filters") or {}).items()
        if asked.get(parameter) is not None and parameter not in lifted
    }


def beyond(operation: Operation, word: str, asked: Mapping[str, Json], row: Mapping[str, Json]) -> str | None:
    """The field of a row that lies before `since`, or after `until`, what these parameters say; None if none does."""
    for parameter, field in (operation.contract.get(word) or {}).items():
        bound, found = moment(asked.get(parameter)), moment(pointed(row, field if field[:1] == "/" else f"/{field}"))
        if bound is not None and found is not None and (found < bound if word == "since" else found > bound):
            return str(field)
    return None


def _outside(operation: Operation, word: str, query: Json, rows: list[Json]) -> Iterable[Difference]:
    """Rows that a bound of the query should have kept out."""
    for index, row in enumerate(rows):
        field = beyond(operation, word, query, row) if isinstance(row, dict) else None
        if field is not None:
            asked = {name: query[name] for name in operation.contract[word] if name in query}
            message = f"a row of {field} {show(row.get(field))} where {show(asked)} was asked for"
            yield Difference(f"/{index}/{field}", asked, row.get(field), message)


def _unasked(operation: Operation, query: Json, rows: list[Json]) -> Iterable[Difference]:
    """Rows that a filter of the query should have kept out."""
    for name, value in active_filters(operation, query).items():
        for index, row in enumerate(rows):
            if isinstance(row, dict) and name in row and row[name] != value:
                message = f"a row of {name} {show(row[name])} where {show(value)} was asked for"
                yield Difference(f"/{index}/{name}", value, row[name], message)


def elsewhere(operation: Operation, asked: Mapping[str, Json], rows: list[Json]) -> Iterator[Difference]:
    """Rows that belong to another owner than the one that was asked for.

    A field of that name says it only where the pages show it in the rows.
    """
    answered = next((one for status, one in operation.responses.items() if status < 300), None)
    for parameter, parent in (operation.contract.get("within") or {}).items():
        name = parent["field"]
        place = ".".join([*(operation.contract.get("at") or "").strip("/").split("/"), "0", name]).lstrip(".")
        if asked.get(parameter) is None or answered is None or not declared(answered.schema, place):
            continue
        for index, row in enumerate(rows):
            if isinstance(row, dict) and name in row and str(row[name]) != str(asked[parameter]):
                message = f"a row of {show(row[name])} where {parameter} {show(asked[parameter])} was asked for"
                grade = grade_of(answered.schema, place)
                yield Difference(f"/{index}/{name}", asked[parameter], row[name], message, grade)
