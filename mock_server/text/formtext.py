"""Bodies as forms write them (`application/x-www-form-urlencoded`): names with brackets, lists by repeating a name.

A form knows texts only: what a text stands for is said by the schema, as it is in a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from mock_server.messages import Json

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 4_000
"""As many as a query may have."""

_DEEPEST = 20


class BadForm(ValueError):
    """The text is no form, or one with too many fields."""


def written(value: Mapping[str, Json]) -> bytes:
    """The form that says this: `a[b]=c` for what is inside, `a[]=x` for each item; nothing for null."""
    return urlencode([pair for name, one in value.items() for pair in _pairs(str(name), one)]).encode()


def _pairs(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _pairs(f"{name}[{inner}]", one)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _pairs(f"{name}[{index}]" if isinstance(one, dict | list) else f"{name}[]", one)
    elif value is not None:
        yield name, ("true" if value else "false") if isinstance(value, bool) else str(value)


def read(text: bytes, schema: Mapping[str, Any]) -> dict[str, Json]:
    """What a form says, each text as the type that the schema has for it; raises BadForm."""
    try:
        pairs = parse_qsl(
            text.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict", separator="&"
        )
    except ValueError as error:
        raise BadForm(str(error)) from None
    whole: dict[str, Any] = {}
    for name, value in pairs:
        first, *inner = name.replace("]", "").split("[")
        if len(inner) > _DEEPEST:
            raise BadForm(f"names with more than {_DEEPEST} brackets")
        _put(whole, [first, *inner], value)
    typed = _typed(whole, schema)
    return typed if isinstance(typed, dict) else {}


def _put(node: dict[str, Any], steps: list[str], text: str) -> None:
    """Puts a text at its place; what has the same name twice is a list, kept under `None` until types are known."""
    *above, last = steps
    for step in above:
        inner = node.get(step)
        if not isinstance(inner, dict):
            inner = node[step] = {}
        node = inner
    known = node.get(last)
    node[last] = [*known, text] if isinstance(known, list) else [text]


def _typed(value: Any, schema: Any) -> Json:
    """A part of a form as its schema has it."""
    kinds = _kinds(schema)
    if isinstance(value, dict):
        if "array" in kinds or (value and all(name == "" or name.isdigit() for name in value)):
            items = [one for inner in value.values() for one in (inner if isinstance(inner, list) else [inner])]
            return [_typed([one] if isinstance(one, str) else one, _items(schema)) for one in items]
        named = _properties(schema)
        return {name: _typed(one, named.get(name)) for name, one in value.items()}
    if "array" in kinds:
        return [_scalar(text, _kinds(_items(schema))) for text in value]
    return _scalar(value[-1], kinds)


def _scalar(text: str, kinds: set[str]) -> Json:
    if "string" not in kinds:
        if "integer" in kinds and text.lstrip("-").isdigit() and text.isascii() and len(text) < 100:
            return int(text)
        if "number" in kinds:
            try:
                return float(text)
            except ValueError:
                pass
        if "boolean" in kinds and text in ("true", "false"):
            return text == "true"
        if "null" in kinds and text == "":
            return None
    return text


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word) or ():
                yield from _parts(part)


def _kinds(schema: Any) -> set[str]:
    found: set[str] = set()
    for part in _parts(schema):
        said = part.get("type", [])
        found |= set(said) if isinstance(said, list) else {said}
        found |= {"array"} if "items" in part else set()
    return found


def _properties(schema: Any) -> dict[str, Any]:
    return {name: child for part in _parts(schema) for name, child in (part.get("properties") or {}).items()}


def _items(schema: Any) -> Any:
    return next((part["items"] for part in _parts(schema) if "items" in part), None)
