"""Fills the shape of a payload or a record with the facts of a call.

In a shape `{fact: agent/id}` stands for a fact; `as` says in which form, `map` what each value is called (a shape of
its own, maybe), `else` what stands there when there is none, `before` and `after` what stands around it; without `else`
the key is left out. `in` and `take` make of an id a field of the record that it names, `per` a percentage of another
fact. `{each: transcript, show: {...}}` is a list, `{join: [...]}` the texts of its parts, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mock_server.messages import Json
from mock_server.text.jsontext import loads

ABSENT: Any = type("Absent", (), {"__bool__": lambda self: False})()


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _headers(found: Any) -> dict[str, str]:
    """Headers by name, from a mapping or from a list of `{key, value}`; what is neither has none."""
    if isinstance(found, list):
        found = {one.get("key"): one.get("value") for one in found if isinstance(one, Mapping)}
    return {str(name): str(value) for name, value in found.items() if name} if isinstance(found, Mapping) else {}


def _properties(text: Any) -> list[Json]:
    """The names of the properties of an object's JSON schema, which comes as a text; none of what is no such schema."""
    try:
        schema = loads(str(text).encode())
    except ValueError:
        return []
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return list(properties) if isinstance(properties, Mapping) else []


FORMS: Mapping[str, Callable[[Any], Json]] = {
    "milliseconds": lambda value: int(_moment(value).timestamp() * 1000),
    "rfc3339": lambda value: _moment(value).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "seconds": lambda value: _moment(value).isoformat(timespec="seconds").replace("+00:00", "Z"),
    "naive": lambda value: _moment(value).replace(tzinfo=None).isoformat(timespec="microseconds"),
    "whole": int,
    "properties": _properties,
    "headers": _headers,
    "names": lambda value: [one if isinstance(one, str) else one.get("name") for one in value],
    "thousandths": lambda value: int(value * 1000),
    "text": str,
}
"""How a fact may be written: moments in four ways, seconds as a whole number or in milliseconds, anything as text."""


def filled(shape: Json, facts: Mapping[str, Json]) -> Json:
    """The shape with every fact in its place; ABSENT where the whole of it is a fact that is not there."""
    if isinstance(shape, list):
        return [made for made in (filled(child, facts) for child in shape) if made is not ABSENT]
    if not isinstance(shape, Mapping):
        return shape
    if "fact" in shape:
        return _fact(shape, facts)
    if "each" in shape:
        return [filled(shape["show"], row) for row in facts.get(shape["each"]) or ()]
    if "join" in shape:
        return "".join(str(filled(part, facts)) for part in shape["join"])
    made = {name: filled(child, facts) for name, child in shape.items()}
    return {name: child for name, child in made.items() if child is not ABSENT}


def _fact(node: Mapping[str, Any], facts: Mapping[str, Json]) -> Json:
    found: Any = facts
    for part in str(node["fact"]).split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is not None and "in" in node:
        record = facts["look"](node["in"], str(found))
        found = record.get(node["take"]) if record is not None else None
    if found is not None and "per" in node:
        whole = facts.get(node["per"])
        found = round(100 * found / whole, 2) if whole else 0
    if found is not None and "map" in node:
        found = node["map"].get(str(found))
        if isinstance(found, Mapping):
            found = filled(found, facts)
    if found is None:
        return filled(node["else"], facts) if "else" in node else ABSENT
    if "as" in node:
        found = FORMS[node["as"]](found)
    return f"{node.get('before', '')}{found}{node.get('after', '')}" if "before" in node or "after" in node else found
