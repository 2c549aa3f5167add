"""`/_ringback/calls`: numbers of a space are rung here, and its calls told of."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for

from mock_server.control.asking.inputs import (
    body,
    gateway,
    integer,
    known_space,
    known_spaces,
    newest_first,
    only,
    open_space,
    unknown_name,
)
from mock_server.control.asking.problems import Problem
from mock_server.spaces import Space
from mock_server.telephone import DEFAULT_CALLER, STATES, AmbiguousNumber, CallLimit, NoSuchCall, NoSuchNumber, NotLive

blueprint = Blueprint("calls", __name__)


def as_json(call: dict[str, Any], space: Space) -> dict[str, Any]:
    """A call and whose it is."""
    return {**call, "space": space.name}


@blueprint.get("/calls")
def listed() -> dict[str, Any]:
    """At most `limit` (100), oldest first; `cursor` of one answer asks for the next. `{"calls", "cursor"}`.

    With `order=newest`, as for every space (`*`), the newest come first and there is no cursor.
    """
    newest = newest_first()
    only("space", "provider", "state", "limit", "order", *([] if newest else ["cursor"]))
    provider, state = request.args.get("provider"), request.args.get("state")
    _check_vendor(provider)
    if state not in (None, *STATES):
        raise Problem(400, "Invalid parameter", unknown_name(str(state), list(STATES)))
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    switchboard = gateway().switchboard
    if newest:
        spaces = known_spaces(request.args.get("space"))
        rows = [
            as_json(call, space)
            for space in spaces
            for call in switchboard.newest_calls(space, limit, provider=provider, state=state)
        ]
        if len(spaces) > 1:
            rows.sort(key=lambda call: str(call["created_at"]), reverse=True)
        return {"calls": rows[:limit], "cursor": None}
    space = known_space(request.args.get("space"))
    found, cursor = switchboard.calls(space, after=after, limit=limit, provider=provider, state=state)
    return {"calls": [as_json(call, space) for call in found], "cursor": cursor}


@blueprint.post("/calls")
def dialled() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Rings a number of the space; the call's `why` says who picks up, or what is missing."""
    only()
    wanted = body("NewCall")
    _check_vendor(wanted.get("provider"))
    space = open_space(wanted.get("space"))
    said = wanted.get("say")
    try:
        call = gateway().switchboard.dial(
            space,
            wanted["to"],
            caller=wanted.get("from", DEFAULT_CALLER),
            provider=wanted.get("provider"),
            outcome=wanted.get("outcome"),
            said=None if said is None else [{"speaker": "caller", **line} for line in said],
        )
    except NoSuchNumber as error:
        raise Problem(404, "No such number", f"{error}.") from None
    except AmbiguousNumber as error:
        raise Problem(409, "Several vendors", f"{error}.") from None
    except CallLimit as limit:
        raise Problem(409, "Too many calls", f"{limit}.") from None
    return as_json(call, space), 201, {"Location": url_for("calls.one", id=call["id"], space=space.name)}


@blueprint.get("/calls/<id>")
def one(id: str) -> dict[str, Any]:
    only("space")
    space = known_space(request.args.get("space"))
    try:
        return as_json(gateway().switchboard.call(space, id), space)
    except NoSuchCall as error:
        raise Problem(404, "No such call", f"{error}.") from None


@blueprint.post("/calls/<id>/hangup")
def hung_up(id: str) -> dict[str, Any]:
    only("space")
    space = known_space(request.args.get("space"))
    try:
        return as_json(gateway().switchboard.hang_up(space, id), space)
    except NoSuchCall as error:
        raise Problem(404, "No such call", f"{error}.") from None
    except NotLive as error:
        raise Problem(409, "Call is over", f"{error}.") from None


def _check_vendor(name: str | None) -> None:
    specs = gateway().specs
    if name is not None and name not in specs:
        raise Problem(400, "No such vendor", unknown_name(name, list(specs)))
