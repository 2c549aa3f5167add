"""What the parts of a schema say together: its properties, what it requires, and the forms that it may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(schema: Any) -> dict[str, Any]:
    """An object's properties and what it requires, those of its parts among them: `{"properties", "required"}`."""
    if not isinstance(schema, Mapping):
        return {"properties": {}, "required": set()}
    properties: dict[str, Any] = {}
    required: set[str] = set()
    for part in schema.get("allOf") or ():
        inner = merged(part)
        properties.update(inner["properties"])
        required |= inner["required"]
    for word in ("oneOf", "anyOf"):
        parts = [one for one in schema.get(word) or () if isinstance(one, Mapping) and one.get("type") != "null"]
        if parts:
            inner = merged(parts[0])
            properties.update(inner["properties"])
            required |= inner["required"]
    properties.update(schema.get("properties") or {})
    required |= set(schema.get("required") or ())
    return {"properties": properties, "required": required}


def forms(schema: Any) -> list[Any]:
    """The forms that an object may have: the parts of a `oneOf` or `anyOf`; none for an object of one form."""
    if not isinstance(schema, Mapping):
        return []
    for word in ("oneOf", "anyOf"):
        parts = [one for one in schema.get(word) or () if isinstance(one, Mapping) and one.get("type") != "null"]
        if len(parts) > 1:
            found = [form for one in parts for form in (forms(one) or [one])]
            named = all(merged(one)["properties"] for one in found)
            return [_together(schema, one) for one in found] if named else []
        if len(parts) == 1 and forms(parts[0]):
            return forms(parts[0])
    whole = [part for part in schema.get("allOf") or () if forms(part)]
    if len(whole) != 1:
        return []
    rest = [part for part in schema["allOf"] if part is not whole[0]]
    return [{"allOf": [*rest, one]} for one in forms(whole[0])]


def _together(schema: Mapping[str, Any], form: Any) -> Any:
    """A form with what its union says of all of them."""
    own = {word: schema[word] for word in ("properties", "required", "allOf") if word in schema}
    return {"allOf": [own, form]} if own else form


def spread(schema: Any) -> dict[str, Any]:
    """As `merged`, of every form: a property is what any form says of it, and required is what all of them require."""
    every = [merged(one) for one in forms(schema)]
    if not every:
        return merged(schema)
    said: dict[str, list[Any]] = {}
    for one in every:
        for name, child in one["properties"].items():
            children = said.setdefault(name, [])
            if child not in children:
                children.append(child)
    properties = {name: children[0] if len(children) == 1 else {"anyOf": children} for name, children in said.items()}
    return {"properties": properties, "required": set.intersection(*(one["required"] for one in every))}


def with_own_properties(schema: dict[str, Any]) -> dict[str, Any]:
    """An object that is put together of parts, all of which it has, names the properties of the parts itself too."""
    parts = schema.get("allOf") or ()
    if not parts or any(word in part for part in (schema, *parts) for word in ("oneOf", "anyOf")):
        return schema
    return {**schema, "type": "object", "properties": merged(schema)["properties"]}


def with_property(schema: Mapping[str, Any], name: str, child: Any) -> dict[str, Any]:
    """An object's schema in which that property is another one, or a narrower one where a part says it too."""
    return {**schema, "properties": {**(schema.get("properties") or {}), name: child}}
