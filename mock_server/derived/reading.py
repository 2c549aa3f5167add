"""Read, list and search, as the contracts say: rows filtered, ordered, cut into pages, shown as their schema says."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import ceil
from typing import Any

from mock_server.derived.addressing import finder, name_of, owners, owning_fields, refusal, typed
from mock_server.derived.answering import besides, first_success, place_at, saying, shape_at, shown_as
from mock_server.derived.making import Making
from mock_server.derived.refusing import refusals
from mock_server.derived.scene import ABSENT, Record, Scene, asked, reader
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.spec import SchemaCheck
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import Operation, RecordSpec, Spec
from mock_server.spec.terms.moments import moment
from mock_server.stores.protocols import Row
from mock_server.stores.state import State

Behaviour = Callable[[Call, State], Answer]

_BEYOND = 2**53
"""No list has as many rows, and everything can count so far."""
_CURSOR = re.compile(r"(\w+):([1-9][0-9]{0,14})")


def showing(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Shows one record."""
    find, say, refused = finder(spec, operation, making.shape), saying(operation, making.shape), refusals(operation)

    def show(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        return say(call, state, find(call, state))

    return show


def reporting(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Shows figures of records; to the sources, what the call names as their owners is the record at hand."""
    refused, belongs, name = refusals(operation), owners(spec, operation), first_success(operation).name
    shown = besides(operation, making.shape)

    def report(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        scene = Scene(call, state, belongs(call, state) if belongs is not None else {}, call.now, call.random)
        body: dict[str, Json] = {}
        for place, _, make in shown:
            value = make(scene)
            if value is not ABSENT:
                place_at(body, place, value)
        return Answer(name, body)

    return report


def listing(spec: Spec, operation: Operation, making: Making) -> Behaviour:
    """Shows the rows that the call asks for, a page of them where it has pages."""
    shape, contract = making.shape, operation.contract
    kind, default = shape.kind, first_success(operation).name
    at: str = contract["at"]
    show = shown_as(shape_at(operation, first_success(operation).status, f"{at}/0"), shape)
    keeping, belongs, refused = _filter(operation, shape), owners(spec, operation), refusals(operation)
    bounded = _bounds(operation)
    more = next((one["name"] for one in contract.get("answers") or () if one.get("when") == "more"), default)
    page, owning = _paging(operation, kind, tells_more=more != default), owning_fields(operation)
    newest = contract.get("order") == "newest"
    place, count = at.strip("/"), (contract.get("count") or "").strip("/")
    total, leaves = contract.get("total", ""), contract.get("pages", "")
    more_shown = besides(operation, shape)
    always = list((contract.get("where") or {}).items())

    def rows(call: Call, state: State, after: int) -> Iterator[Row]:
        owned = belongs(call, state) if belongs is not None else {}
        wanted = [*((field, value) for field, value in owned.items() if field in owning), *keeping(call), *always]
        found: Iterable[Row] = state.newest(kind, look=True) if newest else state.rows(kind, after, look=True)
        within = bounded(call) if bounded is not None else None
        for row in found:
            if (not wanted or any(_kept((row.document,), wanted))) and (within is None or within(row.document)):
                yield row

    def lists(call: Call, state: State) -> Answer:
        for refuse in refused:
            refuse(call)
        if page is None:
            wanted = [*keeping(call), *always]
            if belongs is not None:
                wanted += [(field, value) for field, value in belongs(call, state).items() if field in owning]
            newest_first = state.newest(kind, look=True) if newest else None
            plain: Iterable[Record] = state.all(kind, look=True)
            if newest_first is not None:
                plain = (row.document for row in newest_first)
            if wanted:
                plain = _kept(plain, wanted)
            if bounded is not None:
                plain = filter(bounded(call), plain)
            documents = plain if show is None else map(show, plain)
            return Answer(default, {place: documents} if place else documents)
        found, following, extra = page(call, state, rows)
        shown = (row.document if show is None else show(row.document) for row in found)
        if total or leaves:
            every = sum(1 for _ in rows(call, state, 0))
            if total:
                place_at(extra, total, every)
            if leaves:
                size = int(asked(call, contract["page"]["size"]) or every or 1)
                place_at(extra, leaves, ceil(every / size))
        for where, _, make in more_shown:
            value = make(Scene(call, state, {}, call.now, call.random))
            if value is not ABSENT:
                place_at(extra, where, value)
        body: Json = {place: shown, **extra} if place else shown
        return Answer(default if following is None else more, body)

    if count and page is not None:
        return _counted(lists, place, count)
    return lists


def _counted(lists: Behaviour, place: str, count: str) -> Behaviour:
    """A page counts its own rows."""

    def counted(call: Call, state: State) -> Answer:
        answer = lists(call, state)
        rows = list(answer.body[place])
        return Answer(answer.name, {**answer.body, place: rows, count: len(rows)})

    return counted


Wanted = list[tuple[str, Json]]
"""Fields, or pointers into the record, with the values that a call asks for."""


def _filter(operation: Operation, shape: RecordSpec) -> Callable[[Call], Wanted]:
    """Which records a call asks for."""
    lifts = operation.contract.get("lifts") or {}
    in_query = {one.name for one in operation.parameters_in("query")}
    filters = [
        (
            name,
            name in in_query,
            field,
            typed(shape, field),
            [parameter for parameter, names in lifts.items() if name in names],
        )
        for name, field in (operation.contract.get("filters") or {}).items()
    ]

    def wanted(call: Call) -> Wanted:
        found = []
        query = call.query
        for name, queried, field, converted, lifted in filters:
            value = query.get(name) if queried else asked(call, name)
            if value is None or value is ABSENT:
                continue
            for parameter in lifted:
                if query.get(parameter) is True:
                    break
            else:
                found.append((field, value if converted is None else converted(value)))
        return found

    return wanted


def _bounds(operation: Operation) -> Callable[[Call], Callable[[Record], bool]] | None:
    """Which records lie between the moments that a call names; None where it can name none."""
    contract = operation.contract
    ends = [(name, reader(field), True) for name, field in (contract.get("since") or {}).items()]
    ends += [(name, reader(field), False) for name, field in (contract.get("until") or {}).items()]
    if not ends:
        return None

    def bounds(call: Call) -> Callable[[Record], bool]:
        asked_for = []
        for name, read, first in ends:
            value = asked(call, name)
            if value is None or value is ABSENT:
                continue
            bound = moment(value)
            if bound is None:
                raise Refusal("invalid-request", field=name, message=f"{name}: {value!r} is no time")
            asked_for.append((read, first, bound))

        def within(record: Record) -> bool:
            for read, first, bound in asked_for:
                found = moment(read(record))
                if found is None or (found < bound if first else found > bound):
                    return False
            return True

        return within

    return bounds


def _kept(records: Iterable[Record], wanted: Wanted) -> Iterator[Record]:
    """The records that have those values; a loop over them for each record would take twice as long."""
    if [name for name, _ in wanted if name[0] == "/"]:
        readers = [(reader(name), value) for name, value in wanted]
        return (record for record in records if all(read(record) == value for read, value in readers))
    if len(wanted) == 1:
        ((name, value),) = wanted
        return (record for record in records if record.get(name) == value)
    if len(wanted) == 2:
        (name, value), (other, second) = wanted
        return (record for record in records if record.get(name) == value and record.get(other) == second)
    (name, value), (other, second), (last, third), *rest = wanted
    some = (
        record
        for record in records
        if record.get(name) == value and record.get(other) == second and record.get(last) == third
    )
    return _kept(some, rest) if rest else some


Paging = Callable[
    [Call, State, Callable[[Call, State, int], Iterator[Row]]], tuple[Iterable[Row], Any, dict[str, Json]]
]


def _paging(operation: Operation, kind: str, *, tells_more: bool) -> Paging | None:
    """Cuts rows into pages: by a cursor, an offset, a page's number, the key of the last row, or by size alone.

    With `tells_more` there is an answer of its own for a page that others follow.
    """
    page: Mapping[str, str] = operation.contract.get("page") or {}
    if not page:
        return None
    unknown = page.get("unknown", "invalid-request")
    key = operation.contract["key"]["name"]
    size, shown_next = page.get("size"), _showing_next(operation, page.get("next", ""))
    parameter = next((page[word] for word in ("parameter", "offset", "number", "after") if word in page), None)

    def pages(
        call: Call, state: State, rows: Callable[[Call, State, int], Iterator[Row]]
    ) -> tuple[Iterable[Row], Any, dict[str, Json]]:
        limit = asked(call, size) if size is not None else ABSENT
        limit = None if limit is ABSENT else _place_of(int(limit))
        given = asked(call, parameter) if parameter is not None else ABSENT
        after = _place(given, kind, unknown) if "parameter" in page and given is not ABSENT else 0
        found: Iterator[Row] = rows(call, state, after)
        if given is not ABSENT and "offset" in page:
            found = islice(found, _place_of(int(given)), None)
        elif given is not ABSENT and "number" in page:
            found = islice(found, _place_of((int(given) - 1) * (limit or 0)), None)
        elif given is not ABSENT and "after" in page:
            found = _following(found, key, given, refusal(operation, "page", unknown, call))
        if limit is None:
            return found, None, shown_next(None)
        if "next" not in page and not tells_more:
            return islice(found, limit), None, {}
        some = list(islice(found, limit + 1))
        shown = some[:limit]
        last = shown[-1] if len(some) > limit and shown else None
        if last is None:
            return shown, None, shown_next(None)
        cursor = name_of(last.document[key]) if "after" in page else _cursor(kind, last.sequence)
        return shown, cursor, shown_next(cursor)

    return pages


def _place_of(number: int) -> int:
    """How many rows a number stands for, whatever was sent as one."""
    return min(max(0, number), _BEYOND)


def _showing_next(operation: Operation, pointer: str) -> Callable[[str | None], dict[str, Json]]:
    """Puts the value for the next page where the answer shows it; null where there is none and the schema allows it.

    Else the field is left out, or empty where it has to be there.
    """
    if not pointer:
        return lambda cursor: {}
    status = first_success(operation).status
    *above, last = pointer[1:].split("/")
    whole = shape_at(operation, status, "/".join(above))
    schema = properties(whole).get(last, {})
    nothing: Json = None
    if isinstance(schema, Mapping) and schema and not SchemaCheck(schema).is_valid(None):
        nothing = "" if last in (whole.get("required") or ()) else ABSENT

    def shown(cursor: str | None) -> dict[str, Json]:
        value: Json = nothing if cursor is None else cursor
        body: Json = {} if value is ABSENT else {last: value}
        for step in reversed(above):
            body = {step: body}
        return dict(body)

    return shown


def _following(rows: Iterator[Row], key: str, last: Json, unknown: Refusal) -> Iterator[Row]:
    """The rows after the one that has that key; refused when there is none."""
    for row in rows:
        if name_of(row.document.get(key)) == name_of(last):
            return rows
    raise unknown


def _cursor(kind: str, sequence: int) -> str:
    """Names the last row of a page by its place in the order of creation, which nobody else ever gets.

    Whatever comes or goes in between, no record is shown twice or skipped.
    """
    return urlsafe_b64encode(f"{kind}:{sequence}".encode()).decode().rstrip("=")


def _place(cursor: Json, kind: str, unknown: str) -> int:
    """The place that a cursor of ours names; anything else is refused."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise Refusal(unknown) from None
    match = _CURSOR.fullmatch(text)
    # Base64 reads more than it writes (padding, stray characters): only what we wrote is ours.
    if match is None or cursor != _cursor(kind, int(match[2])):
        raise Refusal(unknown)
    return int(match[2])
