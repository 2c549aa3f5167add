"""What a body may send that a record cannot hold: found by comparing two schemas, and taken out of the body's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mock_server.adopting.forms.samples import fits, sample

Schema = Any

_REMARKS = frozenset("title description default example examples deprecated readOnly writeOnly $comment".split())
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def narrowed(sent: Schema, shown: Iterable[Schema]) -> Schema | None:
    """The schema of what is sent, narrowed to what every one of the others allows; the same one where it was narrow
    enough, None where nothing would be left.
    """
    wide: list[Schema] = []
    for one in shown:
        if not contained(sent, one) and not any(_plain(one) == _plain(other) for other in wide):
            wide.append(one)
    if not wide:
        return sent
    values = next((one["enum"] for one in (sent, *wide) if isinstance(one, Mapping) and "enum" in one), None)
    if values is not None:
        left = [value for value in values if all(fits(one, value) for one in (sent, *wide))]
        return {"enum": left} if left else None
    every = {"allOf": [*([sent] if _plain(sent) else []), *wide]}
    made: Schema = wide[0] if len(every["allOf"]) == 1 else every
    return made if fits(made, sample(made)) else None


def without_null(schema: Schema) -> Schema:
    """The schema without what says that null is allowed."""
    if not isinstance(schema, Mapping):
        return schema
    less: dict[str, Any] = dict(schema)
    if isinstance(schema.get("type"), list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        less["type"] = kinds[0] if len(kinds) == 1 else kinds
    if isinstance(schema.get("enum"), list):
        less["enum"] = [value for value in schema["enum"] if value is not None]
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            less[word] = [part for part in schema[word] if _plain(part) != {"type": "null"}]
    return less


def contained(sent: Schema, shown: Schema) -> bool:
    """Whether it is plain that whatever the one schema allows the other one allows too."""
    if not isinstance(shown, Mapping) or not isinstance(sent, Mapping):
        return bool(shown is True or sent is False)
    one, other = _plain(sent), _plain(shown)
    if not other or one == other:
        return True
    if "const" in one or "enum" in one:
        return all(fits(shown, value) for value in ([one["const"]] if "const" in one else one["enum"]))
    for word in ("anyOf", "oneOf"):
        if word in one and all(contained(part, shown) for part in one[word]):
            return True
    if any(contained(part, shown) for part in one.get("allOf") or ()):
        return True
    return all(_holds(word, one, other) for word in other)


_BESIDE = {
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
    "then": ("if",),
    "else": ("if",),
}
"""What a word's meaning depends on beside its value."""


def _holds(word: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether what the one schema says makes true what the other says with this word."""
    wanted = other[word]
    if any(one.get(name) != other.get(name) for name in _BESIDE.get(word, ())):
        return False
    if word == "if" or (word in one and _plain(one[word]) == _plain(wanted)):
        return True
    if word == "type":
        return "type" in one and set(_types(one)) <= {
            *_types(other),
            *(["integer"] if "number" in _types(other) else []),
        }
    if word in _AT_LEAST:
        return word in one and one[word] >= wanted
    if word in _AT_MOST:
        return word in one and one[word] <= wanted
    if word == "items":
        return "items" in one and contained(one["items"], wanted)
    if word == "required":
        return set(wanted) <= set(one.get("required") or ())
    if word == "properties":
        closed = one.get("additionalProperties") is False
        mine = one.get("properties") or {}
        return all(contained(mine[name], wanted[name]) if name in mine else closed for name in wanted)
    if word == "anyOf":
        return any(contained(one, part) for part in wanted)
    return word == "allOf" and all(contained(one, part) for part in wanted)


def _types(schema: Mapping[str, Any]) -> list[str]:
    said = schema.get("type", [])
    return [said] if isinstance(said, str) else list(said)


def _plain(schema: Schema) -> Schema:
    """The schema without what is only said to people."""
    if not isinstance(schema, Mapping):
        return schema
    return {word: value for word, value in schema.items() if word not in _REMARKS}
