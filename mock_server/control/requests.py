"""`/_ringback/requests` and `/events`: what happened, to be listed, counted, searched, verified and followed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from mock_server.control.asking.filters import FILTERS, differences, filtered, searched, times
from mock_server.control.asking.inputs import (
    ALL_SPACES,
    INTEGER,
    body,
    gateway,
    integer,
    known_space,
    known_spaces,
    only,
    open_space,
    switch,
    unknown_name,
)
from mock_server.control.asking.problems import Problem
from mock_server.desk.happened.events import HEADER, Feed, Marker, brief
from mock_server.desk.happened.explaining import explain
from mock_server.desk.happened.journal import Entry
from mock_server.desk.happened.nearby import hints
from mock_server.messages import Json, Request
from mock_server.messages import Response as Answered
from mock_server.spaces import Space
from mock_server.text.jsontext import BadJson, loads

blueprint = Blueprint("requests", __name__)


def as_json(entry: Entry) -> dict[str, Any]:
    """An exchange, its bodies as JSON where they are JSON, else as text."""
    shown = entry._asdict()
    shown["request_body"] = _decoded(entry.request_body)
    shown["response_body"] = _decoded(entry.response_body)
    shown["milliseconds"] = round(entry.milliseconds, 3)
    return shown


def _decoded(text: str) -> Json:
    try:
        return loads(text.encode())
    except BadJson:
        return text or None


@blueprint.get("/requests")
def listed() -> dict[str, Any]:
    """Newest last, or first for `order=newest`; at most `limit` (100); `cursor` of one answer asks for the next.

    `brief=true` leaves out headers and bodies; `newest` is the number of the last exchange of all.
    """
    only(*FILTERS, "limit", "cursor", "order", "brief")
    limit, order = integer("limit", 100, 1, 1000), request.args.get("order", "oldest")
    if order not in ("oldest", "newest"):
        raise Problem(400, "Invalid parameter", f"order={order!r}: oldest or newest is needed.")
    # Before they are read: whoever follows the events from there on misses none.
    asked = request.args.get("space")
    newest = gateway().spaces.last_number(known_space(asked).name if asked != ALL_SPACES else None)
    in_brief, rows = switch("brief"), _rows()
    if order == "newest":
        before = integer("cursor", 2**53, 0, 2**53)
        rows = [row for row in reversed(rows) if row[0].number < before]
    else:
        after = integer("cursor", 0, 0, 2**53)
        rows = [row for row in rows if row[0].number > after]
    page = _page(rows, limit)
    return {
        "requests": [
            brief(entry, space.name) if in_brief else {**as_json(entry), "space": space.name} for entry, space in page
        ],
        "cursor": page[-1][0].number if len(rows) > len(page) else None,
        "newest": newest,
    }


def _page(rows: list[tuple[Entry, Space]], limit: int) -> list[tuple[Entry, Space]]:
    """The first of them; what has the number of the last one belongs to it, or the cursor would pass it over."""
    end = limit
    while end < len(rows) and rows[end][0].number == rows[end - 1][0].number:
        end += 1
    return rows[:end]


def _rows() -> list[tuple[Entry, Space]]:
    """The exchanges that fit the query, oldest first, each with its space."""
    spaces = known_spaces(request.args.get("space"))
    found = [(entry, space) for space in spaces for entry in filtered(space, request.args)]
    return found if len(spaces) == 1 else sorted(found, key=lambda row: row[0].number)


@blueprint.post("/requests")
def witnessed() -> tuple[dict[str, Any], int]:
    """Keeps exchanges with an endpoint, as a proxy has seen and judged them, beside the mock's own."""
    only()
    told = body("Witnessed")
    space, specs = open_space(told.get("space")), gateway().specs
    for one in told["requests"]:
        if one["provider"] not in specs:
            raise Problem(404, "No such vendor", unknown_name(one["provider"], list(specs)))
    for one in told["requests"]:
        seen = {name.lower(): value for name, value in one.get("request_headers", {}).items()}
        space.journal.record(
            Request(one["method"], one["path"], one.get("query", ""), seen, one.get("request_body", "").encode()),
            Answered(one["status"], one.get("response_body", "").encode()),
            at=_time(one["at"]),
            provider=one["provider"],
            operation=one.get("operation"),
            answer=None,
            fault=None,
            milliseconds=one["milliseconds"],
            findings=one["findings"],
        )
    return {"kept": len(told["requests"])}, 201


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(400, "Invalid body", f"at: {text!r} is no time; ISO 8601 is needed.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@blueprint.delete("/requests")
def cleared() -> tuple[str, int]:
    only("space")
    for space in known_spaces(request.args.get("space")):
        space.journal.clear()
    return "", 204


@blueprint.get("/requests/count")
def counted() -> dict[str, Any]:
    only(*FILTERS)
    return {"count": len(_rows())}


@blueprint.post("/requests/find")
def found() -> dict[str, Any]:
    """The exchanges that fit the filters and whose JSON body contains `body`."""
    only()
    wanted = body("RequestQuery")
    entries = [entry for entry in filtered(_wanted_space(wanted), wanted) if not _missing(entry, wanted)]
    return {"requests": [as_json(entry) for entry in entries]}


@blueprint.post("/requests/verify")
def verified() -> dict[str, Any]:
    """`{"passed", "count", "times", "message", "requests", "differences"}`.

    `requests` are the numbers of those that fit, `differences` say what the nearest others lack.
    """
    only()
    wanted = body("Verification")
    kind, number = times(wanted.get("times", "at least 1"))
    candidates = filtered(_wanted_space(wanted), wanted)
    missing = [(entry, _missing(entry, wanted)) for entry in candidates]
    fitting = [entry.number for entry, lacking in missing if not lacking]
    passed = {
        "exactly": len(fitting) == number,
        "at least": len(fitting) >= number,
        "at most": len(fitting) <= number,
    }[kind]
    nearest = sorted((pair for pair in missing if pair[1]), key=lambda pair: len(pair[1]))[:5]
    return {
        "passed": passed,
        "count": len(fitting),
        "times": f"{kind} {number}",
        "message": f"expected {kind} {number}, found {len(fitting)}",
        "requests": fitting[-100:],
        "differences": []
        if passed
        else [{"request": entry.number, "at": entry.at, "differences": lacking} for entry, lacking in nearest],
    }


@blueprint.get("/requests/unmatched")
def unmatched() -> dict[str, Any]:
    """The last `limit` requests that no operation understood, newest last, with what they may have meant."""
    only("space", "limit")
    limit = integer("limit", 100, 1, 1000)
    specs = gateway().specs
    rows: list[dict[str, Any]] = []
    for entry, space in reversed(_rows()):
        near = hints(
            specs[entry.provider],
            entry.method,
            entry.path,
            entry.status,
            entry.operation,
            entry.fault,
            entry.request_body.encode(),
        )
        if near is not None:
            rows.append({**as_json(entry), "space": space.name, "hints": near})
        if len(rows) == limit:
            break
    return {"requests": rows[::-1]}


@blueprint.get("/requests/<number>")
def one(number: str) -> dict[str, Any]:
    """One exchange of `space`, or of whatever space, with why it ended so, how that is known, and how to ask again."""
    only("space")
    front = gateway()
    entry, space = _numbered(number, request.args.get("space", ALL_SPACES))
    root = request.host_url.rstrip("/")
    origin = root if entry.provider == front.only else f"{root}/{entry.provider}"
    spec = front.specs[entry.provider]
    explained = explain(spec, entry, space, origin, front.spaces.key_of(space))
    return {**as_json(entry), "space": space, "explained": explained}


def _numbered(number: str, asked: str) -> tuple[Entry, str]:
    """The exchange of that number, with the name of its space; several spaces of a shared store may have one each."""
    name = None if asked == ALL_SPACES else known_space(asked).name
    journals = gateway().spaces.journals(name, 0) if INTEGER.fullmatch(number) else []
    found = [(entry, one) for one, journal in journals if (entry := journal.find(int(number))) is not None]
    if not found:
        raise Problem(404, "No such exchange", f"No journal keeps an exchange {number!r}; the oldest are forgotten.")
    if len(found) > 1:
        spaces = " and ".join(one for _, one in found)
        raise Problem(409, "Several exchanges", f"{spaces} have an exchange {number} each; say which with ?space=.")
    return found[0]


@blueprint.get("/events")
def events() -> Response:
    """The journal as it grows, as server-sent events; `Last-Event-ID` (or `?after=`) goes on where a reader stopped.

    `q` is what is looked for. With `brief=true` many come together, without headers and bodies, and a reader who is
    slower than they are gets the newest and how many were left out.
    """
    only("space", "after", "q", "brief")
    name = request.args.get("space")
    if name is not None:
        name = known_space(name).name
    front = gateway()
    given = request.headers.get("Last-Event-ID", "")
    after = int(given) if INTEGER.fullmatch(given) else integer("after", front.spaces.last_number(), 0, 2**53)
    query = request.args.get("q", "")
    searched(query)
    wanted = Marker(after, name, query, switch("brief"))
    # Where the socket is hidden, the answer is what there is now; else the wire goes on with it.
    feed = Feed(front.spaces, wanted, front.operations)
    kept = [] if front.has_streams else feed.next(1000, front.spaces.limits.journal_bytes_per_space)
    response = Response(b"".join(kept), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers[HEADER] = wanted.as_text()
    return response


def _wanted_space(wanted: Mapping[str, Any]) -> Space:
    name = wanted.get("space")
    return known_space(name)


def _missing(entry: Entry, wanted: Mapping[str, Any]) -> list[str]:
    """What the wanted body has and the request's does not."""
    if "body" not in wanted:
        return []
    return differences(wanted["body"], _decoded(entry.request_body), "body")
