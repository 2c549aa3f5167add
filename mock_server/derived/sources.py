"""Turns the sources that a spec names into functions that make a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from operator import attrgetter
from typing import Any

from mock_server.derived.counting import counted
from mock_server.derived.issued import issued
from mock_server.derived.scene import ABSENT, Make, Scene, fits, reader
from mock_server.messages import Json
from mock_server.spec.terms.model import RecordSpec
from mock_server.text.jsontext import dumps
from mock_server.values.numbering import pretty

_TRANSFORMS: Mapping[str, Callable[[Any], Json]] = {
    "pretty": pretty,
    "area-code": lambda value: value[2:5] if value.startswith("+1") else "",
    "digits": lambda value: "".join(one for one in value if one.isdigit()),
    "lower": str.lower,
    "any": bool,
    "count": len,
    "integer": int,
}


def source(node: Any, shape: RecordSpec) -> Make:
    """What makes the value that a source names, in a record of that shape."""
    if not isinstance(node, Mapping):
        return _literal(node)
    if "value" in node:
        return _literal(node["value"])
    if "issued" in node:
        return issued(node, shape, source(node["area"], shape) if "area" in node else None)
    if "sent" in node:
        names = frozenset(node["sent"])
        return lambda scene: scene.call is not None and not names.isdisjoint(scene.call.body)
    if "next" in node:
        read = reader(node["next"])
        return lambda scene: (read(scene.record) or 0) + 1
    if "join" in node:
        return _joined(node["join"], shape)
    if "plus" in node:
        added = [source(part, shape) for part in node["plus"]]
        return lambda scene: sum(part(scene) or 0 for part in added)
    if "counted" in node:
        return counted(node, *(source(node[word], shape) if word in node else None for word in ("since", "until")))
    if "each" in node:
        return _each(node, shape)
    if "appended" in node:
        return _appended(node, shape)
    if "if" in node:
        wanted, then, other = fits(node["if"]), source(node["then"], shape), source(node.get("else", ABSENT), shape)
        return lambda scene: then(scene) if wanted(scene.record) else other(scene)
    return _read(node, shape)


def _joined(parts: list[Any], shape: RecordSpec) -> Make:
    """The parts as one text; those that are texts themselves stand in it from the start."""
    form = "".join(part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts)
    made = [source(part, shape) for part in parts if not isinstance(part, str)]
    return lambda scene: form % tuple([part(scene) for part in made])


def _each(node: Mapping[str, Any], shape: RecordSpec) -> Make:
    """A list with an object for every record of a kind."""
    kind, shows = node["each"], [(name, source(child, shape)) for name, child in node["show"].items()]

    def make(scene: Scene) -> Json:
        rows = scene.state.all(kind, look=True) if scene.state is not None else ()
        scenes = [scene._replace(record=record) for record in rows]
        return [{name: value(one) for name, value in shows} for one in scenes]

    return make


def _appended(node: Mapping[str, Any], shape: RecordSpec) -> Make:
    """The list that a field is, with further objects at its end."""
    read = reader(node["appended"])
    items = [{name: source(child, shape) for name, child in item.items()} for item in node["items"]]

    def make(scene: Scene) -> Json:
        before = read(scene.record)
        made = [{name: value(scene) for name, value in item.items()} for item in items]
        return [*(before or ()), *made]

    return make


def _literal(value: Json) -> Make:
    if value in ([], {}):
        empty = type(value)
        return lambda scene: empty()
    if isinstance(value, dict | list):
        return lambda scene: deepcopy(value)
    return lambda scene: value


def _read(node: Mapping[str, Any], shape: RecordSpec) -> Make:
    """A field of the record, of the body, or a parameter."""
    place = next(word for word in ("field", "body", "path", "query") if word in node)
    name, become = node[place], _TRANSFORMS.get(node.get("as", ""))
    other = source(node["else"], shape) if "else" in node else None
    simple, read, of = not name.startswith("/"), reader(name), attrgetter(place)
    besides, called = node.get("with"), node.get("map")

    def of_record(scene: Scene) -> Json:
        found = scene.record.get(name, ABSENT) if simple else read(scene.record)
        if found is ABSENT:
            return other(scene) if other is not None else ABSENT
        if besides is not None and isinstance(found, dict):
            return {**besides, **found}
        return found if become is None or found is None else become(found)

    def of_call(scene: Scene) -> Json:
        values = of(scene.call) if scene.call is not None else None
        found = read(values) if values else ABSENT
        if called is not None and found is not ABSENT:
            found = called.get(dumps(found).decode(), ABSENT)
        if found is ABSENT:
            return other(scene) if other is not None else ABSENT
        return found if become is None or found is None else become(found)

    return of_record if place == "field" else of_call
