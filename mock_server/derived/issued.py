"""What a server makes up: ids in the shapes that vendors use, times as they write them, counters, telephone numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mock_server.derived.scene import Make, Scene
from mock_server.messages import Json, Refusal
from mock_server.spec.terms.model import RecordSpec
from mock_server.stores.state import State
from mock_server.values.identifiers import epoch_x_digits, hexadecimal, object_id, uuid4
from mock_server.values.numbering import LINES_PER_AREA, fictitious_line, is_north_american_area

_FORMS: Mapping[str, Callable[[datetime], Json]] = {
    "day": lambda now: now.date().isoformat(),
    "seconds": lambda now: now.replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
    "milliseconds": lambda now: now.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
    "microseconds": lambda now: now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
    "naive-microseconds": lambda now: now.replace(tzinfo=None).isoformat(timespec="microseconds"),
    "offset-microseconds": lambda now: now.astimezone(UTC).isoformat(timespec="microseconds"),
    "epoch": lambda now: int(now.timestamp()),
    "epoch-ms": lambda now: int(now.timestamp() * 1000),
}


def issued(node: Mapping[str, Any], shape: RecordSpec, area: Make | None) -> Make:
    """What makes up one value of that kind for each new record; null where what is to be `given` is not."""
    if "given" in node:
        name, always = node["given"], issued({word: node[word] for word in node if word != "given"}, shape, area)
        return lambda scene: always(scene) if scene.call is not None and scene.call.body.get(name) else None
    what, prefix = node["issued"], node.get("prefix", "")
    if what == "time":
        form = _FORMS[node.get("form", "milliseconds")]
        days = timedelta(days=node.get("days", 0))
        return lambda scene: form(scene.now + days if days else scene.now)
    if what == "number":
        assert area is not None
        return _numbers(shape, area, tuple(node.get("besides") or ()), node["none"])
    if what == "counter":
        return _counter(shape.kind, prefix)
    low, high, digits = int(node.get("from", 1_000)), int(node.get("to", 999_999)), int(node.get("digits", 24))
    makers: dict[str, Make] = {
        "uuid": lambda scene: uuid4(scene.random),
        "epoch-x-digits": lambda scene: epoch_x_digits(scene.now, scene.random),
        "object-id": lambda scene: object_id(scene.now, scene.random),
        "hex": lambda scene: hexadecimal(scene.random, digits),
        "integer": lambda scene: scene.random.randrange(low, high + 1),
    }
    make = makers[what]
    return (lambda scene: f"{prefix}{make(scene)}") if prefix else make


def _counter(kind: str, prefix: str) -> Make:
    """1, 2, 3, ... for the records of a kind in a space; a fixture's own number is as good."""

    def next_one(scene: Scene) -> Json:
        state = _state(scene)
        last = state.note(f"count {kind}")
        count = (last or 0) + 1
        state.keep_note(f"count {kind}", count, known=last is not None)
        return f"{prefix}{count}" if prefix else count

    return next_one


def _numbers(shape: RecordSpec, area: Make, besides: tuple[str, ...], none: str) -> Make:
    """A number of the area's 555 exchange that the space has not yet seen, nor any of the kinds `besides`."""
    # Where a number is the key, its alias needs no look-up; the kinds besides are those that are kept by number.
    kinds, by_key = (shape.kind, *besides), shape.key in shape.new and shape.new[shape.key].get("issued") == "number"

    def next_free(scene: Scene) -> Json:
        state, code = _state(scene), area(scene)
        look_up = state.get if by_key else state.find
        last = state.note(f"lines {code}")
        # Lines were counted only of an area that has some.
        index = last or (0 if is_north_american_area(code) else LINES_PER_AREA)
        while index < LINES_PER_AREA:
            number = fictitious_line(code, index)
            index += 1
            if number is None:
                continue
            for one in kinds:
                if look_up(one, number) is not None:
                    break
            else:
                state.keep_note(f"lines {code}", index, known=last is not None)
                return number
        raise Refusal(none, values=scene.said())

    return next_free


def _state(scene: Scene) -> State:
    """The records of the space; a fixture is made before there are any, and has to name such a value itself."""
    if scene.state is None:
        raise ValueError("a fixture must give the counters and telephone numbers that a server issues")
    return scene.state


def wrong_note(name: str, value: Json, kinds: Collection[str]) -> str | None:
    """What is wrong with a note that somebody wants the counters to go on with; None for one that they might have made.

    `kinds` are the kinds of record.
    """
    what, _, of = name.partition(" ")
    if (what, of in kinds) != ("count", True) and not (what == "lines" and is_north_american_area(of)):
        return "unknown; there are `lines AREA` and `count KIND`"
    bound = LINES_PER_AREA if what == "lines" else 10**9
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= bound:
        return f"a whole number from 0 to {bound} is needed"
    return None
