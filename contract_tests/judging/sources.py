"""What a value must be that the spec says the server makes by itself; agreement is None, a difference a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from contract_tests.words.pointers import ABSENT, pointed
from mock_server.messages import Json

_TIMES = {
    "seconds": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "milliseconds": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "microseconds": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "naive-microseconds": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}",
    "offset-microseconds": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00",
    "epoch": r"\d{9,11}",
    "epoch-ms": r"\d{12,14}",
}
_ISSUED = {
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "epoch-x-digits": r"\d{13}x\d{18}",
    "object-id": r"[0-9a-f]{24}",
    "hex": r"[0-9a-f]+",
    "integer": r"\d+",
    "counter": r"\d+",
    "number": r"\+[1-9]\d{6,14}",
}
UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "UNKNOWN"})()
"""Stands for a value that what is shown does not determine."""


def differs(
    node: Any, found: Json, record: Mapping[str, Json], before: Mapping[str, Json], sent: Json = None
) -> str | None:
    """How a value differs from its source; `record` is what is shown, `before` what was shown before the write.

    `sent` is the body of the write.
    """
    if isinstance(node, Mapping) and "issued" in node:
        if "given" in node and found is None:
            return None
        form = _TIMES[node.get("form", "milliseconds")] if node["issued"] == "time" else _ISSUED[node["issued"]]
        wanted = re.escape(node.get("prefix", "")) + form
        return None if re.fullmatch(wanted, str(found)) else f"{found!r} is not issued as {node['issued']}"
    if isinstance(node, Mapping) and "appended" in node:
        return _not_appended(node, found, before, sent)
    expected = _of_body(node, sent) if isinstance(node, Mapping) and "body" in node else value_of(node, record, before)
    if expected is UNKNOWN or expected == found or (expected is ABSENT and found is None):
        return None
    return f"{found!r} found, {expected!r} is what the spec says"


def value_of(node: Any, record: Mapping[str, Json], before: Mapping[str, Json]) -> Json:
    """The value of a source that follows from what is shown; UNKNOWN where it follows from anything else."""
    if not isinstance(node, Mapping):
        return node
    if "value" in node:
        return node["value"]
    if "next" in node:
        last = before.get(node["next"], ABSENT)
        return last + 1 if isinstance(last, int) else UNKNOWN
    if "join" in node:
        parts = [value_of(part, record, before) for part in node["join"]]
        return UNKNOWN if any(part is UNKNOWN or part is ABSENT for part in parts) else "".join(map(str, parts))
    if "if" in node:
        shown = [record.get(name, ABSENT) for name in node["if"]]
        if ABSENT in shown:
            return UNKNOWN
        holds = all(_meets(record[name], value) for name, value in node["if"].items())
        return value_of(node["then"] if holds else node.get("else", ABSENT), record, before)
    if "field" in node:
        return _field(node, record, before)
    return UNKNOWN


def _not_appended(node: Mapping[str, Any], found: Json, before: Mapping[str, Json], sent: Json) -> str | None:
    """How a list differs from what it was with further objects at its end, of which what was sent is known."""
    if not isinstance(found, list):
        return f"{found!r} is no list"
    items, body = node["items"], sent if isinstance(sent, Mapping) else {}
    was = before.get(node["appended"], ABSENT)
    if isinstance(was, list) and len(found) != len(was) + len(items):
        return f"{len(found)} items found, {len(was) + len(items)} are what the spec says"
    for item, one in zip(items, found[-len(items) :], strict=False):
        for name, source in item.items():
            said = body.get(source["body"], UNKNOWN) if isinstance(source, Mapping) and "body" in source else UNKNOWN
            if said is not UNKNOWN and (not isinstance(one, Mapping) or one.get(name) != said):
                return f"{one!r} found, whose {name} is {said!r} in the request"
    return None


def _of_body(node: Mapping[str, Any], sent: Json) -> Json:
    """What a field of the body stands for, where that is said; anything else of a body is the server's to make."""
    name = node["body"]
    if "map" not in node or not isinstance(sent, Mapping) or name not in sent:
        return UNKNOWN
    return node["map"].get(json.dumps(sent[name]), UNKNOWN)


def _meets(found: Json, value: Json) -> bool:
    if isinstance(value, Mapping):
        return isinstance(found, str) and re.search(value["matches"], found) is not None
    return bool(found == value)


def _field(node: Mapping[str, Any], record: Mapping[str, Json], before: Mapping[str, Json]) -> Json:
    name = node["field"]
    found = pointed(record, name) if name.startswith("/") else record.get(name, ABSENT)
    if found is ABSENT:
        top = name.strip("/").partition("/")[0]
        return value_of(node["else"], record, before) if "else" in node else (ABSENT if top in record else UNKNOWN)
    if "with" in node and isinstance(found, Mapping):
        return {**node["with"], **found}
    become = node.get("as")
    if become is None or found is None:
        return found
    if become == "pretty":
        return f"+1 {found[2:5]}-{found[5:8]}-{found[8:]}" if re.fullmatch(r"\+1\d{10}", found) else found
    if become == "area-code":
        return found[2:5] if found.startswith("+1") else ""
    made = {"digits": re.sub(r"\D", "", str(found)), "lower": str(found).lower(), "any": bool(found)}
    return made[become] if become in made else len(found) if become == "count" else int(found)
