"""What a schema says of a place in a document: its grade, whether it is named, and what of a value lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract_tests.words.pointers import ABSENT
from mock_server.messages import Json
from mock_server.spec import child, stated

CLEARED = ("", None, ABSENT)
"""How a cleared field may read back where the page does not say which: empty, null, or not there."""


def grade_of(schema: Mapping[str, Any] | None, field: str, kind: str = "") -> str | None:
    """The evidence grade that the schema gives for a dotted field, or None where it says nothing special.

    `kind` asks for what a violation of that kind breaks: a form or a `required` may be known otherwise than the field.
    """
    said = stated(schema, field, kind)
    return said.grade if said is not None else None


def declared(schema: Mapping[str, Any] | None, field: str) -> bool:
    """Whether a schema of an answer names a dotted field; one that is only ever sent (`writeOnly`) is named for whoever
    sends it.
    """
    node: Any = schema
    for part in field.split("."):
        node = child(node, part)
    return node is not None and not sent_only(node)


def sent_only(schema: Any) -> bool:
    """Whether a field of that schema is only ever sent, and stands in no answer."""
    return isinstance(schema, Mapping) and bool(schema.get("writeOnly"))


def shows(sent: Json, found: Json) -> bool:
    """Whether what is shown has everything that was sent: keys may have been added, nothing changed or left out."""
    if isinstance(sent, dict):
        return isinstance(found, dict) and all(name in found and shows(sent[name], found[name]) for name in sent)
    if isinstance(sent, list):
        return isinstance(found, list) and len(found) == len(sent) and all(map(shows, sent, found))
    return isinstance(sent, bool) == isinstance(found, bool) and same(sent, found)


def same(one: Json, other: Json) -> bool:
    """Whether two values are the same; a number that is none (NaN) is the same as another such."""
    return bool(one == other) or (one != one and other != other)


def lasting(schema: Any, value: Json, *, issued: tuple[str, ...] = ("time",)) -> Json:
    """The part of a value that the spec names, without what the server issues anew (`x-issued` of these kinds).

    What a server shows beyond the pages is its own affair, a revision or the time of the last access, say.
    """
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, dict):
        named = {name: child(schema, name) for name in value}
        if schema.get("properties") or any(one is not None for one in named.values()):
            return {
                name: lasting(inner, value[name], issued=issued)
                for name, inner in named.items()
                if inner is not None and inner.get("x-issued") not in issued
            }
    if isinstance(value, list):
        return [lasting(schema.get("items"), child, issued=issued) for child in value]
    return value
