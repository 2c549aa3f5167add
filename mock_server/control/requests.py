"""`/_ringback/requests` and `/events`: what happened, to be listed, counted, searched, verified and followed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mock_server.control.inputs import body, gateway, integer, known_space, only
from mock_server.control.problems import Problem
from mock_server.journal import Entry
from mock_server.live import HEADER, event
from mock_server.messages import Json
from mock_server.nearby import hints
from mock_server.spaces import Space

blueprint = Blueprint("requests", __name__)

FILTERS = ("space", "provider", "operation", "status", "method", "path", "since")
_TIMES = re.compile(r"^(exactly|at least|at most) (\d+)$")


def as_json(entry: Entry) -> dict[str, Any]:
    """An exchange, its bodies as JSON where they are JSON, else as text."""
    shown = entry._asdict()
    shown["request_body"] = _decoded(entry.request_body)
    shown["response_body"] = _decoded(entry.response_body)
    shown["milliseconds"] = round(entry.milliseconds, 3)
    return shown


def _decoded(text: str) -> Json:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text or None


def _filtered(space: Space, wanted: Mapping[str, Any]) -> list[Entry]:
    """The entries that fit: equal provider, operation, status, method and path; `since` a number or a time."""
    since = str(wanted.get("since", ""))
    return [
        entry
        for entry in space.journal
        if all(
            str(getattr(entry, name)) == str(wanted[name])
            for name in ("provider", "operation", "status", "method", "path")
            if name in wanted
        )
        and (not since or (entry.number > int(since) if since.isdigit() else entry.at >= since))
    ]


@blueprint.get("/requests")
def listed() -> dict[str, Any]:
    """Newest last, at most `limit` (100); `cursor` of one answer asks for the next. `{"requests", "cursor"}`."""
    only(*FILTERS, "limit", "cursor")
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    entries = [entry for entry in _filtered(_space(), request.args) if entry.number > after]
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
    return {"count": len(_filtered(_space(), request.args))}


@blueprint.post("/requests/find")
def found() -> dict[str, Any]:
    """The exchanges that fit the filters and whose JSON body contains `body`."""
    only()
    wanted = body("RequestQuery")
    entries = [entry for entry in _filtered(_wanted_space(wanted), wanted) if not _missing(entry, wanted)]
    return {"requests": [as_json(entry) for entry in entries]}


@blueprint.post("/requests/verify")
def verified() -> dict[str, Any]:
    """`{"passed", "count", "times", "differences"}`: the differences of the nearest exchanges that did not fit."""
    only()
    wanted = body("Verification")
    kind, number = _times(wanted.get("times", "at least 1"))
    candidates = _filtered(_wanted_space(wanted), wanted)
    fitting = [entry for entry in candidates if not _missing(entry, wanted)]
    passed = {
        "exactly": len(fitting) == number,
        "at least": len(fitting) >= number,
        "at most": len(fitting) <= number,
    }[kind]
    others = [(entry, _missing(entry, wanted)) for entry in candidates if entry not in fitting]
    nearest = sorted(others, key=lambda pair: len(pair[1]))[:5]
    return {
        "passed": passed,
        "count": len(fitting),
        "times": f"{kind} {number}",
        "differences": []
        if passed
        else [{"request": entry.number, "at": entry.at, "differences": missing} for entry, missing in nearest],
    }


@blueprint.get("/requests/unmatched")
def unmatched() -> dict[str, Any]:
    """Requests that no operation understood, with what they may have meant."""
    only("space")
    services = gateway().services
    rows = []
    for entry in _space().journal:
        near = hints(services[entry.provider].spec, entry)
        if near is not None:
            rows.append({**as_json(entry), "hints": near})
    return {"requests": rows}


@blueprint.get("/events")
def events() -> Response:
    """The journal as it grows, as server-sent events; `Last-Event-ID` (or `?after=`) goes on where a reader stopped."""
    only("space", "after")
    name = request.args.get("space")
    if name is not None:
        known_space(name)
    newest = gateway().spaces.budget.last_number
    given = request.headers.get("Last-Event-ID", "")
    after = int(given) if given.isdigit() else integer("after", newest, 0, 2**53)
    spaces = gateway().spaces
    names = [name] if name else spaces.names()
    journals = [space.journal for space in map(spaces.get, names) if space is not None]
    backlog = sorted(entry for journal in journals for entry in journal.newer(after))
    response = Response(b"".join(event(entry) for entry in backlog), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers[HEADER] = f"{after} {name or ''}"
    return response


def _space() -> Space:
    return known_space(request.args.get("space"))


def _wanted_space(wanted: Mapping[str, Any]) -> Space:
    name = wanted.get("space")
    return known_space(name)


def _times(wanted: Json) -> tuple[str, int]:
    if isinstance(wanted, int):
        return "exactly", wanted
    match = _TIMES.match(wanted)
    if match is None:
        raise Problem(
            400, "Invalid times", f"{wanted!r}: `exactly N`, `at least N`, `at most N` or a number is needed."
        )
    return match.group(1), int(match.group(2))


def _missing(entry: Entry, wanted: Mapping[str, Any]) -> list[str]:
    """What the wanted body has and the request's does not."""
    if "body" not in wanted:
        return []
    return _differences(wanted["body"], _decoded(entry.request_body), "body")


def _differences(wanted: Json, found: Json, place: str) -> list[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            text
            for name, value in wanted.items()
            for text in (
                _differences(value, found[name], f"{place}.{name}")
                if name in found
                else [f"{place}.{name}: expected {value!r}, not sent"]
            )
        ]
    return [] if wanted == found else [f"{place}: expected {wanted!r}, found {found!r}"]
