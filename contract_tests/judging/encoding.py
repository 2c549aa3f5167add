"""How an answer is written: as JSON that every client reads alike, and under the name of what it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contract_tests.words.findings import Difference
from mock_server.messages import Json

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def complaints(body: bytes, media_type: str, schema: Mapping[str, Any] | None) -> Iterable[Difference]:
    """What is wrong with the form of an answer that the pages show as JSON; an answer without a body is none."""
    if not body:
        return
    kind, _, parameters = media_type.partition(";")
    charset = _charset(parameters)
    if kind.strip().lower() != "application/json" and not kind.strip().lower().endswith("+json"):
        found = media_type or "no Content-Type"
        yield Difference("Content-Type", "application/json", found, f"the page shows JSON, and this is {found}")
    if charset not in (None, "utf-8", "utf8"):
        yield Difference(
            "Content-Type", "UTF-8", charset, f"JSON is UTF-8 (RFC 8259), and this is said to be {charset}"
        )
    if body.startswith(BYTE_ORDER_MARK):
        yield Difference(
            "", "JSON", "a byte order mark", "a byte order mark before the JSON, which many clients refuse"
        )
    try:
        text = body.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        yield Difference("", "UTF-8", f"byte {error.start}", f"the body is no UTF-8 from byte {error.start} on")
        return
    strange: list[Difference] = []
    try:
        value = json.loads(text, object_pairs_hook=_pairs(strange), parse_constant=_constants(strange))
    except (ValueError, RecursionError):
        yield Difference("", "JSON", text[:80], "the body is no JSON")
        return
    yield from strange
    yield from _whole(schema, value, "")


def _charset(parameters: str) -> str | None:
    for one in parameters.split(";"):
        name, _, value = one.strip().partition("=")
        if name.lower() == "charset":
            return value.strip('"').lower()
    return None


def _pairs(strange: list[Difference]) -> Any:
    """Reads an object, and keeps the names that it has twice: which of the two counts is every client's own affair."""

    def read(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        names = [name for name, _ in pairs]
        for name in {name for name in names if names.count(name) > 1}:
            strange.append(Difference(f"/{name}", "one", names.count(name), f"{name} stands in one object twice"))
        return dict(pairs)

    return read


def _constants(strange: list[Difference]) -> Any:
    def read(name: str) -> None:
        strange.append(Difference("", "a number", name, f"{name} is no JSON"))

    return read


def _whole(schema: Any, value: Json, at: str) -> Iterator[Difference]:
    """Whole numbers that are written with a fraction (1.0): typed clients refuse them."""
    if not isinstance(schema, Mapping):
        return
    if isinstance(value, float) and "integer" in (schema.get("type") or ()) and "number" not in schema["type"]:
        yield Difference(at, "a whole number", value, f"a whole number is written as {value!r}")
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _whole((schema.get("properties") or {}).get(name), child, f"{at}/{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _whole(schema.get("items"), child, f"{at}/{index}")
