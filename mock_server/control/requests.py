"""`/_ringback/requests` and `/events`: what happened, to be listed, counted, searched, verified and followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from mock_server.control.filters import FILTERS, differences, filtered, times
from mock_server.control.inputs import INTEGER, body, gateway, integer, known_space, only
from mock_server.desk.events import HEADER, event, newer
from mock_server.desk.journal import Entry
from mock_server.desk.nearby import hints
from mock_server.jsontext import BadJson, loads
from mock_server.messages import Json
from mock_server.spaces import Space

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
    """Newest last, at most `limit` (100); `cursor` of one answer asks for the next. `{"requests", "cursor"}`."""
    only(*FILTERS, "limit", "cursor")
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    entries = [entry for entry in filtered(_space(), request.args) if entry.number > after]
    page = entries[:limit]
    return {
        "requests": [as_json(entry) for entry in page],
        "cursor": page[-1].number if len(entries) > limit else None,
    }


@blueprint.delete("/requests")
def cleared() -> tuple[str, int]:
    only("space")
    _space().journal.clear()
    return "", 204


@blueprint.get("/requests/count")
def counted() -> dict[str, Any]:
    only(*FILTERS)
    return {"count": len(filtered(_space(), request.args))}


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
    for entry in reversed(list(_space().journal)):
        near = hints(specs[entry.provider], entry)
        if near is not None:
            rows.append({**as_json(entry), "hints": near})
        if len(rows) == limit:
            break
    return {"requests": rows[::-1]}


@blueprint.get("/events")
def events() -> Response:
    """The journal as it grows, as server-sent events; `Last-Event-ID` (or `?after=`) goes on where a reader stopped."""
    only("space", "after")
    name = request.args.get("space")
    if name is not None:
        known_space(name)
    newest = gateway().spaces.budget.last_number
    given = request.headers.get("Last-Event-ID", "")
    after = int(given) if INTEGER.fullmatch(given) else integer("after", newest, 0, 2**53)
    # Where the socket is hidden, the answer is what there is now; else the wire goes on with it.
    kept = (
        []
        if gateway().has_streams
        else newer(gateway().spaces, name, after, 1000, gateway().spaces.limits.journal_bytes_per_space)
    )
    response = Response(b"".join(event(entry) for entry in kept), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers[HEADER] = f"{after} {name or ''}"
    return response


def _space() -> Space:
    return known_space(request.args.get("space"))


def _wanted_space(wanted: Mapping[str, Any]) -> Space:
    name = wanted.get("space")
    return known_space(name)


def _missing(entry: Entry, wanted: Mapping[str, Any]) -> list[str]:
    """What the wanted body has and the request's does not."""
    if "body" not in wanted:
        return []
    return differences(wanted["body"], _decoded(entry.request_body), "body")
