"""What the parts of a schema say together: its properties, and what it requires."""

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


def with_own_properties(schema: dict[str, Any]) -> dict[str, Any]:
    """An object that is put together of parts, all of which it has, names the properties of the parts itself too."""
    parts = schema.get("allOf") or ()
    if not parts or any(word in part for part in (schema, *parts) for word in ("oneOf", "anyOf")):
        return schema
    return {**schema, "type": "object", "properties": merged(schema)["properties"]}


def with_property(schema: Mapping[str, Any], name: str, child: Any) -> dict[str, Any]:
    """An object's schema in which that property is another one, or a narrower one where a part says it too."""
    return {**schema, "properties": {**(schema.get("properties") or {}), name: child}}
