"""How a statement of a schema is known: by the nearest place that speaks of it.

`x-evidence` of a schema is one statement for all of it, or a statement for each keyword (`{pattern: {grade, source}}`)
and under `*` one for the rest. Keywords are named by what breaks them, as in `x-refusals`: `required` (at the object,
or at the member that need not be there), `null` (that a value is never null), `empty`, `pattern`, `enum` and so on.
What a place says holds for everything inside it, unless something nearer says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.spec.terms.model import Evidence

WHOLE = "*"
GRADES = ("seed", "doc", "observed", "assumed")

_ALSO = {"null": ("null", "type"), "empty": ("empty", "minLength")}
"""The keywords that a kind of violation breaks, where it goes by another name than its keyword."""


def statement(node: Mapping[str, Any]) -> Evidence:
    """What `{grade, source, note}` says."""
    return Evidence(node["grade"], node["source"], node.get("note", ""))


def statements(node: Any) -> dict[str, Evidence]:
    """What `x-evidence` says, by keyword; a single statement stands under `*`."""
    if not isinstance(node, Mapping):
        return {}
    if "grade" in node:
        return {WHOLE: statement(node)}
    return {str(word): statement(one) for word, one in node.items()}


def whole(schema: Any) -> Evidence | None:
    """What a schema says of itself as a whole."""
    return statements(schema.get("x-evidence")).get(WHOLE) if isinstance(schema, Mapping) else None


def stated(schema: Any, field: str, kind: str = "", *, by_name: bool = False) -> Evidence | None:
    """How we know what a schema says of a dotted field, or of it what a violation of that kind breaks.

    None where the schema says nothing: then it is as sure as the operation. `by_name` asks for a statement about that
    very kind alone.
    """
    nodes = list(_way(schema, field))
    said = [statements(node.get("x-evidence")) for node in nodes]
    if kind == "required" and len(nodes) > 1:
        for place in (said[-1], said[-2]):
            if kind in place:
                return place[kind]
    # A page that shows a field, or says that it is needed, says nothing about an empty text in it.
    rest = () if kind == "empty" or by_name else (WHOLE,)
    for place in reversed(said):
        for word in (*_ALSO.get(kind, (kind,)), *rest):
            if word in place:
                return place[word]
    return None


def _way(schema: Any, field: str) -> Iterator[Mapping[str, Any]]:
    """The schemas from the root to a dotted field, as far as they are named."""
    node = schema
    if isinstance(node, Mapping):
        yield node
    for part in field.split(".") if field else []:
        node = child(node, part)
        if not isinstance(node, Mapping):
            return
        yield node


def child(schema: Any, name: str) -> Any:
    """The schema of a member, or of an item where the name is a number, in any part that a schema is made of."""
    if not isinstance(schema, Mapping):
        return None
    found = schema.get("items") if name.isdigit() else (schema.get("properties") or {}).get(name)
    if found is not None:
        return found
    parts = [one for word in ("allOf", "anyOf", "oneOf") for one in schema.get(word) or ()]
    for one in (*parts, schema.get("then"), schema.get("else")):
        found = child(one, name)
        if found is not None:
            return found
    return None


def strongest(*said: Evidence) -> Evidence:
    """The statement of the best grade."""
    return min(said, key=lambda one: GRADES.index(one.grade))
