"""`/_ringback/clock` and `/_ringback/seed`: a space's time and chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, request

from mock_server.control.asking.inputs import body, gateway, known_space, only, open_space
from mock_server.control.asking.problems import Problem
from mock_server.spaces import Space

blueprint = Blueprint("clock", __name__)


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _as_json(space: Space) -> dict[str, Any]:
    return {"space": space.name, "now": space.now().isoformat(), "frozen": space.clock.frozen}


@blueprint.get("/clock")
def shown() -> dict[str, Any]:
    only("space")
    return _as_json(known_space(request.args.get("space")))


@blueprint.put("/clock")
def moved() -> dict[str, Any]:
    """Sets the time (`now`), lets it stand still or run (`frozen`), or puts real time back (`{"now": null}`)."""
    only("space")
    wanted = body("ClockSetting")
    space = open_space(request.args.get("space"))
    if "now" in wanted and wanted["now"] is None:
        with gateway().spaces.locked(space) as space:
            space.clock.reset()
            if wanted.get("frozen"):
                space.clock.set(None, frozen=True)
        gateway().switchboard.wake(space)
        return _as_json(space)
    moment = None
    if "now" in wanted:
        try:
            moment = datetime.fromisoformat(wanted["now"])
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Problem(400, "Invalid time", f"now={wanted['now']!r}: ISO 8601 is needed.") from None
        _check(moment)
    with gateway().spaces.locked(space) as space:
        space.clock.set(moment, frozen=wanted.get("frozen", space.clock.frozen))
    gateway().switchboard.wake(space)
    return _as_json(space)


@blueprint.post("/clock/advance")
def advanced() -> dict[str, Any]:
    """Moves the clock and plays what falls due on the way, in order, before it answers; `played` counts the steps."""
    only("space")
    seconds = body("ClockAdvance")["seconds"]
    space = open_space(request.args.get("space"))
    try:
        _check(space.now() + timedelta(seconds=seconds))
    except OverflowError:
        raise Problem(400, "Invalid time", f"{seconds} seconds lead out of the calendar.") from None
    played = gateway().switchboard.advance(space, seconds)
    return {**_as_json(space), "played": played}


def _check(moment: datetime) -> None:
    """Vendors' ids hold the time in so many digits, so it stays where these suffice."""
    if not _EARLIEST <= moment < _LATEST:
        raise Problem(400, "Invalid time", f"{moment.isoformat()}: a time from 1970 to 2099 is needed.")


@blueprint.put("/seed")
def reseeded() -> dict[str, Any]:
    """Chance begins anew: the same seed and requests give the same bodies."""
    only("space")
    seed = body("Seed")["seed"]
    space = open_space(request.args.get("space"))
    with gateway().spaces.locked(space) as space:
        space.reseed(seed)
    return {"space": space.name, "seed": space.seed}
