"""Where a value comes from that a spec names: a literal, the request, the record, or the server's own making.

A source is a literal, or a mapping with one of `HEADS`: `{issued: uuid}`, `{body: name}`, `{field: x, as: pretty}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.reading.document import Checker

HEADS: dict[str, tuple[str, ...]] = {
    "value": (),
    "issued": ("form", "days", "prefix", "digits", "from", "to", "area", "besides", "none", "given"),
    "field": ("as", "else", "with"),
    "body": ("as", "else", "map"),
    "path": ("as", "else"),
    "query": ("as", "else"),
    "sent": (),
    "next": (),
    "join": (),
    "plus": (),
    "counted": ("where", "of", "adding", "per", "at", "since", "until"),
    "each": ("show",),
    "appended": ("items",),
    "if": ("then", "else"),
}
"""The words that say where a value comes from, each with those that may stand beside it."""

ISSUED = ("uuid", "epoch-x-digits", "object-id", "hex", "integer", "counter", "time", "number")
"""The kinds of value that a server makes up."""

FORMS = (
    "day",
    "seconds",
    "milliseconds",
    "microseconds",
    "naive-microseconds",
    "offset-microseconds",
    "epoch",
    "epoch-ms",
)
"""How an issued time is written; `milliseconds` is `2025-11-20T17:41:24.234Z`."""

TRANSFORMS = ("pretty", "area-code", "digits", "lower", "any", "count", "integer")
"""What may become of a value on its way: `{field: phone_number, as: pretty}`."""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15


def check_source(checker: Checker, node: Any, place: str) -> None:
    """Raises SpecError for a source that is not understood."""
    if not checker.checks or not isinstance(node, Mapping):
        return
    heads = [word for word in node if word in HEADS]
    if len(heads) != 1:
        known = ", ".join(HEADS)
        raise checker.fail(place, f"a source has one of {known}, not {dict(node)!r}; a mapping is {{value: ...}}")
    head = heads[0]
    for word in node:
        if word != head and word not in HEADS[head]:
            allowed = ", ".join(HEADS[head]) or "nothing"
            raise checker.fail(f"{place}/{word}", f"beside {head} may stand {allowed}, not {word!r}")
    for word, allowed_values in (("issued", ISSUED), ("form", FORMS), ("as", TRANSFORMS)):
        if word in node and node[word] not in allowed_values:
            raise checker.fail(f"{place}/{word}", f"must be one of {', '.join(allowed_values)}, not {node[word]!r}")
    for word in ("field", "body", "path", "query", "next"):
        if word in node and not (isinstance(node[word], str) and node[word]):
            raise checker.fail(f"{place}/{word}", f"must be a name or a JSON pointer, not {node[word]!r}")
    for word in ("digits", "from", "to"):
        if not _is_count(node.get(word, 0)):
            raise checker.fail(f"{place}/{word}", f"must be a whole number, not {node[word]!r}")
    if node.get("from", 0) > node.get("to", node.get("from", 0)):
        raise checker.fail(f"{place}/to", f"must not be less than from, {node['from']}, and is {node['to']!r}")
    for word in ("prefix", "given", "none"):
        if not isinstance(node.get(word, ""), str):
            raise checker.fail(f"{place}/{word}", f"must be a text, not {node[word]!r}")
    for word in ("with", "map"):
        if not isinstance(node.get(word, {}), Mapping):
            raise checker.fail(f"{place}/{word}", f"must be an object, not {node[word]!r}")
    if head == "issued" and node["issued"] == "number" and not {"area", "none"} <= set(node):
        raise checker.fail(place, "an issued number needs area, where it is issued, and none, the answer if all are")
    for word in ("sent", "join", "plus"):
        if word in node and not (isinstance(node[word], list) and node[word]):
            raise checker.fail(f"{place}/{word}", f"must be a list, not {node[word]!r}")
    if head == "if" and not (isinstance(node["if"], Mapping) and node["if"] and "then" in node):
        raise checker.fail(place, "needs if: {FIELD: VALUE} and then: SOURCE")
    for name, value in (node.get("if") or {}).items():
        if isinstance(value, Mapping) and set(value) != {"matches"}:
            raise checker.fail(f"{place}/if/{name}", f"must be a value or {{matches: PATTERN}}, not {dict(value)!r}")
    for word in ("join", "plus"):
        for index, child in enumerate(node.get(word) or ()):
            check_source(checker, child, f"{place}/{word}/{index}")
    if head == "each":
        if not (isinstance(node.get("show"), Mapping) and node["show"]):
            raise checker.fail(place, "needs show: {NAME: SOURCE}")
        for name, child in node["show"].items():
            check_source(checker, child, f"{place}/show/{name}")
    if head == "appended":
        items = node.get("items")
        if not (isinstance(items, list) and items and all(isinstance(item, Mapping) for item in items)):
            raise checker.fail(place, "needs items: a list of {NAME: SOURCE}")
        for index, item in enumerate(items):
            for name, child in item.items():
                check_source(checker, child, f"{place}/items/{index}/{name}")
    if head == "counted":
        for word in ("where", "of"):
            if not isinstance(node.get(word, {}), Mapping):
                raise checker.fail(f"{place}/{word}", f"must be a mapping, not {node[word]!r}")
        if ("at" in node) != bool({"since", "until"} & set(node)):
            raise checker.fail(place, "at needs since or until, and these need at")
    for word in ("then", "else", "area", "since", "until"):
        if word in node:
            check_source(checker, node[word], f"{place}/{word}")
