"""`/_ringback/calls`: numbers of a space are rung here, and its calls told of."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for

from mock_server.control.inputs import body, gateway, integer, known_space, only, open_space, unknown_name
from mock_server.control.problems import Problem
from mock_server.telephone import DEFAULT_CALLER, STATES, AmbiguousNumber, CallLimit, NoSuchCall, NoSuchNumber, NotLive

blueprint = Blueprint("calls", __name__)


@blueprint.get("/calls")
def listed() -> dict[str, Any]:
    """Oldest first, at most `limit` (100); `cursor` of one answer asks for the next. `{"calls", "cursor"}`."""
    only("space", "provider", "state", "limit", "cursor")
    provider, state = request.args.get("provider"), request.args.get("state")
    _check_vendor(provider)
    if state not in (None, *STATES):
        raise Problem(400, "Invalid parameter", unknown_name(str(state), list(STATES)))
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    space = known_space(request.args.get("space"))
    found, cursor = gateway().switchboard.calls(space, after=after, limit=limit, provider=provider, state=state)
    return {"calls": found, "cursor": cursor}


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
    return call, 201, {"Location": url_for("calls.one", id=call["id"], space=space.name)}


@blueprint.get("/calls/<id>")
def one(id: str) -> dict[str, Any]:
    only("space")
    try:
        return gateway().switchboard.call(known_space(request.args.get("space")), id)
    except NoSuchCall as error:
        raise Problem(404, "No such call", f"{error}.") from None


@blueprint.post("/calls/<id>/hangup")
def hung_up(id: str) -> dict[str, Any]:
    only("space")
    try:
        return gateway().switchboard.hang_up(known_space(request.args.get("space")), id)
    except NoSuchCall as error:
        raise Problem(404, "No such call", f"{error}.") from None
    except NotLive as error:
        raise Problem(409, "Call is over", f"{error}.") from None


def _check_vendor(name: str | None) -> None:
    specs = gateway().specs
    if name is not None and name not in specs:
        raise Problem(400, "No such vendor", unknown_name(name, list(specs)))
