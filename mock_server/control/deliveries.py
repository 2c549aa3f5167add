"""`/_ringback/deliveries`: what was delivered, listed, verified, replayed; and one event at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request

from mock_server.control.asking.filters import differences, times
from mock_server.control.asking.inputs import (
    INTEGER,
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
from mock_server.control.webhooks import check_address, webhooks_of
from mock_server.deliveries import DELIVERY_STATES, Delivery
from mock_server.deliveries import as_json as without_body
from mock_server.spaces import Space
from mock_server.telephone import Destination, NoSuchCall, facts, written
from mock_server.text.jsontext import own

blueprint = Blueprint("deliveries", __name__)

_FILTERS = ("provider", "event", "state", "call")
_CONTAINS = "contains"


def as_json(delivery: Delivery, space: Space) -> dict[str, Any]:
    """A delivery with its body, and whose it is."""
    return {**without_body(delivery), "body": own(delivery.body.encode()), "space": space.name}


@blueprint.get("/deliveries")
def listed() -> dict[str, Any]:
    """At most `limit` (100), newest last; `cursor` of one answer asks for the next. `{"deliveries", "cursor"}`.

    With `order=newest`, as for every space (`*`), the newest come first and there is no cursor.
    """
    newest = newest_first()
    only("space", *_FILTERS, _CONTAINS, "limit", "order", *([] if newest else ["cursor"]))
    limit, after = integer("limit", 100, 1, 1000), integer("cursor", 0, 0, 2**53)
    if newest:
        spaces = known_spaces(request.args.get("space"))
        rows = [(one, space) for space in spaces for one in reversed(_fitting(space, request.args)[-limit:])]
        if len(spaces) > 1:
            rows.sort(key=lambda row: row[0].at, reverse=True)
        return {"deliveries": [as_json(*row) for row in rows[:limit]], "cursor": None}
    space = known_space(request.args.get("space"))
    found = [one for one in _fitting(space, request.args) if one.number > after]
    page = found[:limit]
    return {
        "deliveries": [as_json(one, space) for one in page],
        "cursor": page[-1].number if len(found) > limit else None,
    }


@blueprint.post("/deliveries")
def delivered() -> dict[str, Any]:
    """Sends one event and answers when it was tried as often as the vendor does."""
    only()
    wanted = body("NewDelivery")
    events = webhooks_of(wanted["provider"])
    if wanted["event"] not in events:
        raise Problem(400, "No such event", unknown_name(wanted["event"], events))
    check_address(wanted["to"])
    front = gateway()
    space, spec = open_space(wanted.get("space")), front.specs[wanted["provider"]]
    known: dict[str, Any] = {}
    if "call" in wanted:
        try:
            call, now = front.switchboard.told(space, wanted["call"])
        except NoSuchCall as error:
            raise Problem(404, "No such call", f"{error}.") from None
        known = facts(call, now)
    to = Destination(wanted["to"], wanted.get("secret") or None)
    delivery = written(space, spec, spec.webhooks[wanted["event"]], known, to, True)
    return _sent(space, delivery)


@blueprint.delete("/deliveries")
def cleared() -> tuple[str, int]:
    only("space")
    known_space(request.args.get("space")).deliveries.clear()
    return "", 204


@blueprint.post("/deliveries/verify")
def verified() -> dict[str, Any]:
    """`{"passed", "count", "times", "message", "deliveries", "differences"}`, as of requests."""
    only()
    wanted = body("DeliveryVerification")
    kind, number = times(wanted.get("times", "at least 1"))
    candidates = _fitting(known_space(wanted.get("space")), wanted)
    lacking = [
        (one, differences(wanted["body"], own(one.body.encode()), "body") if "body" in wanted else [])
        for one in candidates
    ]
    fitting = [one.number for one, missing in lacking if not missing]
    count = len(fitting)
    passed = {"exactly": count == number, "at least": count >= number, "at most": count <= number}[kind]
    nearest = sorted((pair for pair in lacking if pair[1]), key=lambda pair: len(pair[1]))[:5]
    return {
        "passed": passed,
        "count": count,
        "times": f"{kind} {number}",
        "message": f"expected {kind} {number}, found {count}",
        "deliveries": fitting[-100:],
        "differences": [] if passed else [{"delivery": one.number, "differences": missing} for one, missing in nearest],
    }


@blueprint.get("/deliveries/<number>")
def one(number: str) -> dict[str, Any]:
    only("space")
    space, delivery = _find(number)
    return as_json(delivery, space)


@blueprint.post("/deliveries/<number>/replay")
def replayed(number: str) -> dict[str, Any]:
    """Sends the same body to the same address, signed anew, as a new delivery."""
    only("space")
    space, old = _find(number)
    webhooks_of(old.provider)
    at = space.now().isoformat()
    new = space.deliveries.new(
        at,
        old.provider,
        old.event,
        old.call,
        old.url,
        old.body,
        old.secret,
        replay_of=old.number,
        awaited=True,
        more=old.more,
        seconds=old.seconds,
    )
    return _sent(space, new)


def _sent(space: Space, delivery: Delivery) -> dict[str, Any]:
    front = gateway()
    sending = front.specs[delivery.provider].sending_of(delivery.event)
    assert sending is not None
    front.switchboard.courier.now(space, delivery, sending)
    return as_json(delivery, space)


def _find(number: str) -> tuple[Space, Delivery]:
    space = known_space(request.args.get("space"))
    delivery = space.deliveries.get(int(number)) if INTEGER.fullmatch(number) else None
    if delivery is None:
        raise Problem(404, "No such delivery", f"The space {space.name!r} keeps no delivery {number!r}.")
    return space, delivery


def _fitting(space: Space, wanted: Mapping[str, Any]) -> list[Delivery]:
    """The space's deliveries of that provider, event, state and call, with that text; a mistyped name is a Problem."""
    specs = gateway().specs
    provider, event, state = (wanted.get(name) for name in ("provider", "event", "state"))
    if provider is not None and provider not in specs:
        raise Problem(400, "No such vendor", unknown_name(provider, list(specs)))
    known = [name for spec in specs.values() if provider in (None, spec.provider) for name in spec.webhooks]
    if event is not None and event not in known:
        raise Problem(400, "No such event", unknown_name(event, known))
    if state is not None and state not in DELIVERY_STATES:
        raise Problem(400, "Invalid parameter", unknown_name(state, list(DELIVERY_STATES)))
    asked = [(name, wanted[name]) for name in _FILTERS if name in wanted]
    text = str(wanted.get(_CONTAINS, "")).lower()
    return [
        one
        for one in space.deliveries
        if all(getattr(one, name) == value for name, value in asked) and text in f"{one.url}\n{one.body}".lower()
    ]
