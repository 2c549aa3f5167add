"""A value that a schema allows, the same one every time: its own example first, else made of its words."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mock_server.adopting.forms.merging import forms, merged
from mock_server.adopting.forms.patterns import matching
from mock_server.messages import Json
from mock_server.spec import SchemaCheck

_FORMATS = {
    "date-time": "2025-11-20T17:41:24Z",
    "date": "2025-11-20",
    "time": "17:41:24Z",
    "email": "someone@example.com",
    "uuid": "4d051118-c116-4923-8ff4-1a9761115fec",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "bWFkZQ==",
}


_KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
}

_CHECKS: dict[int, tuple[Any, SchemaCheck | None]] = {}
_SAMPLES: dict[tuple[int, int], tuple[Any, Json]] = {}
"""By the identity of a schema, which stays alive beside what was made of it."""


def forget() -> None:
    """Lets go of what was kept of the schemas of one file."""
    _CHECKS.clear()
    _SAMPLES.clear()


def sample(schema: Any) -> Json:
    """A value of that schema; its required properties, and near the top all of them."""
    return deepcopy(_at(schema, 0))


def _at(schema: Any, depth: int) -> Json:
    known = _SAMPLES.get((id(schema), depth))
    if known is None:
        known = _SAMPLES[id(schema), depth] = (schema, _sample(schema, depth))
    return known[1]


def _sample(schema: Any, depth: int) -> Json:
    if not isinstance(schema, Mapping) or not schema or depth > 8:
        return {} if depth > 8 else None if schema is False else "text" if not schema else None
    for known in (
        *_examples(schema),
        *([schema["const"]] if "const" in schema else []),
        *(schema.get("enum") or ())[:1],
    ):
        if fits(schema, known):
            return known
    if "default" in schema and fits(schema, schema["default"]):
        return schema["default"]
    kind = kind_of(schema)
    if kind == "object":
        return _object(schema, depth)
    if kind == "array":
        count = max(int(schema.get("minItems", 1)), 1 if depth < 4 and schema.get("maxItems", 1) else 0)
        return [_at(schema.get("items", {}), depth + 1) for _ in range(min(count, 5))]
    for word in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(word) or ():
            value = _at(part, depth + 1)
            if fits(schema, value):
                return value
    return _plain(schema, kind)


def _object(schema: Mapping[str, Any], depth: int) -> Json:
    for form in forms(schema):
        value = _at(form, depth)
        if fits(schema, value):
            return value
    whole = merged(schema)
    value = {
        name: _at(child, depth + 1)
        for name, child in whole["properties"].items()
        if name in whole["required"] or depth < 2
    }
    for name in whole["required"] - set(value):
        value[name] = "text"
    if not fits(schema, value):
        least = {name: value[name] for name in value if name in whole["required"]}
        if fits(schema, least):
            return least
    return value


def _plain(schema: Mapping[str, Any], kind: str) -> Json:
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        value = max(1, low + (1 if "exclusiveMinimum" in schema else 0))
        high = schema.get("maximum")
        value = high if high is not None and value > high else value
        step = schema.get("multipleOf")
        return step if step and not fits(schema, value) else value
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    text = _FORMATS.get(str(schema.get("format")), "text")
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    text = text.ljust(least, "x") if len(text) < least else text
    text = text[: int(most)] if most is not None else text
    if "pattern" in schema and not fits(schema, text):
        text = _of_pattern(schema) or text
    return text


def _of_pattern(schema: Mapping[str, Any]) -> str | None:
    """One of a few texts that patterns are commonly for, or one made of the pattern."""
    tried = ("+14155550100", "2025-11-20", "text", "a1", "ABC", "123", "en-US")
    made = matching(str(schema["pattern"]))
    return next((one for one in (*tried, *([made] if made is not None else [])) if fits(schema, one)), None)


def _examples(schema: Mapping[str, Any]) -> list[Json]:
    found = schema.get("examples")
    return list(found) if isinstance(found, list) else []


def kind_of(schema: Any) -> str:
    """The JSON type that a schema is about; `string` where it does not say."""
    if not isinstance(schema, Mapping):
        return "string"
    said = schema.get("type")
    if isinstance(said, list):
        said = next((one for one in said if one != "null"), "null")
    if isinstance(said, str):
        return said
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    known = [schema["const"]] if "const" in schema else schema.get("enum") or ()
    kinds = {_KINDS.get(type(value), "any") for value in known if value is not None}
    if len(kinds) == 1:
        return kinds.pop()
    parts = [kind_of(part) for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word) or ()]
    parts = [part for part in parts if part != "null"]
    return parts[0] if parts else "any" if not {"format", "pattern", "minLength"} & set(schema) else "string"


def fits(schema: Any, value: Json) -> bool:
    """Whether the schema allows the value."""
    known = _CHECKS.get(id(schema))
    if known is None:
        known = _CHECKS[id(schema)] = (schema, _compiled(schema))
    try:
        return known[1] is not None and bool(known[1].is_valid(value))
    except (ValueError, TypeError):
        return False


def _compiled(schema: Any) -> SchemaCheck | None:
    try:
        return SchemaCheck(schema)
    except (ValueError, TypeError):
        return None
