"""What schemas show: where an answer has its record or its rows, and what the parts of a schema say together."""

from __future__ import annotations

from typing import Any

from mock_server.adopting.forms.merging import merged
from mock_server.adopting.forms.samples import kind_of
from mock_server.adopting.forms.words import ENVELOPES, ROWS, plain

_IDS = ("id", "uuid", "gid", "sid")
_OWN_FIELDS = 4
"""An envelope has fewer fields than that, all told."""


def record_in(shown: dict[str, Any], parameter: str) -> tuple[str, dict[str, Any]] | None:
    """Where an answer shows one record, and its schema: the whole answer, or the one object in an envelope."""
    whole = merged(shown)["properties"]
    objects = {
        name: child for name, child in whole.items() if kind_of(child) == "object" and merged(child)["properties"]
    }
    if kind_of(shown) != "object" or not whole:
        return None
    has_name = any(plain(name) in (*_IDS, plain(parameter)) for name in whole)
    if has_name or not objects:
        return "", shown
    named = [name for name in objects if name.lower() in ENVELOPES]
    if len(named) == 1:
        return f"/{named[0]}", objects[named[0]]
    if len(objects) == 1:
        # Beside fields of its own it is a part of the record, unless it has a name, which these have not.
        ((name, only),) = objects.items()
        if len(whole) < _OWN_FIELDS or any(
            plain(one) in (*_IDS, plain(parameter)) for one in merged(only)["properties"]
        ):
            return f"/{name}", only
    return "", shown


def rows_in(shown: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Where an answer lists rows, and the schema of one."""
    if kind_of(shown) == "array":
        return ("", shown["items"]) if kind_of(shown.get("items", {})) == "object" else None
    lists = {
        name: child["items"]
        for name, child in merged(shown)["properties"].items()
        if kind_of(child) == "array" and kind_of(child.get("items", {})) == "object"
    }
    name = next((one for one in ROWS if one in lists), None) or (next(iter(lists)) if len(lists) == 1 else None)
    return (f"/{name}", lists[name]) if name is not None else None


def choices(schema: Any) -> list[str]:
    """The texts that a schema enumerates, in itself or in one of its parts."""
    if not isinstance(schema, dict):
        return []
    found = [value for value in schema.get("enum") or () if isinstance(value, str)]
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word) or ():
            found += [value for value in choices(part) if value not in found]
    return found
