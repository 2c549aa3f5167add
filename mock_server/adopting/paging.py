"""How a list is cut into pages: what its parameters and its answer say together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.adopting.forms.merging import merged
from mock_server.adopting.forms.samples import kind_of
from mock_server.adopting.forms.words import AROUND_NEXT, MORE, NEXT, PAGING, is_one

_DEEPEST = 2


def paging(shown: Any, rows_at: str, query: list[dict[str, Any]], key: str) -> dict[str, str]:
    """The contract's `page`; empty where nothing says that there are pages."""
    size = _parameter(query, "size", ("integer", "number"))
    if size is None:
        return {}
    cursor, following = _parameter(query, "cursor", ("string",)), _next_in(shown)
    if cursor is not None and following is not None and following != rows_at:
        return {"size": size, "parameter": cursor, "next": following}
    after = _parameter(query, "after", ("string",))
    if after is not None and following is None and key:
        return {"size": size, "after": after}
    for word in ("offset", "number"):
        found = _parameter(query, word, ("integer", "number"))
        if found is not None and found != size:
            return {"size": size, word: found}
    return {"size": size}


def more_in(shown: Any) -> str | None:
    """The field that says whether further rows follow."""
    names = merged(shown)["properties"] if kind_of(shown) == "object" else {}
    return next((name for name, child in names.items() if is_one(name, MORE) and kind_of(child) == "boolean"), None)


def _parameter(query: list[dict[str, Any]], word: str, kinds: tuple[str, ...]) -> str | None:
    for known in PAGING[word].split():
        for one in query:
            if is_one(one["name"], known) and kind_of(one["schema"]) in kinds:
                return str(one["name"])
    return None


def _next_in(shown: Any) -> str | None:
    """Where an answer has the value for the next page: beside the rows, or in an object that is about pages."""
    found = list(_nexts(shown, "", 0))
    return min(found, key=lambda one: one.count("/")) if found else None


def _nexts(schema: Any, place: str, depth: int) -> Iterator[str]:
    if kind_of(schema) != "object" or depth > _DEEPEST:
        return
    names = merged(schema)["properties"]
    for known in NEXT.split():
        for name, child in names.items():
            if is_one(name, known) and kind_of(child) == "string" and child.get("format") not in ("uri", "url"):
                yield f"{place}/{name}"
    for name, child in names.items():
        if is_one(name, AROUND_NEXT):
            yield from _nexts(child, f"{place}/{name}", depth + 1)
