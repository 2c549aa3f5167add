"""What a control request says: its space, and a body checked against the API's own OpenAPI file."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import current_app, request

from mock_server.answering.bodies import MAX_BODY_BYTES
from mock_server.control.asking.problems import Problem
from mock_server.gateway import MAX_CONTROL_BYTES, Gateway
from mock_server.messages import Json
from mock_server.spaces import DEFAULT_SPACE, Space, SpaceLimit
from mock_server.spec import SchemaCheck
from mock_server.spec.reading.document import read_yaml, resolve
from mock_server.text.jsontext import BadJson, loads, loads_long

INTEGER = re.compile(r"-?[0-9]{1,18}")
"""An integer that int() reads whatever the text; str.isdigit() is also true of ², and int() refuses 5,000 digits."""

_SPACE_NAME = re.compile("test_[!-~]{0,195}")
"""What a header can carry, because a space is opened by its key."""

ALL_SPACES = "*"
"""Asks for every space; no key can have that name."""

OPENAPI = Path(__file__).parents[1] / "openapi.yaml"


def gateway() -> Gateway:
    found: Gateway = current_app.extensions["ringback"]
    return found


@lru_cache(maxsize=1)
def _schemas() -> dict[str, Any]:
    document = resolve(read_yaml(OPENAPI), str(OPENAPI))
    schemas: dict[str, Any] = document["components"]["schemas"]
    return schemas


@lru_cache(maxsize=50)
def _check(name: str) -> SchemaCheck:
    return SchemaCheck(_schemas()[name])


def body(schema: str) -> dict[str, Json]:
    """The JSON body, at most a mebibyte, checked against the schema of that name; a Problem says what is wrong."""
    document: dict[str, Json] = _parsed(MAX_BODY_BYTES, loads)
    _agrees(schema, document)
    return document


def state_body() -> dict[str, Json]:
    """The body that is a state, checked but for its rows, of which there may be many: they are checked one by one."""
    document: dict[str, Json] = _parsed(MAX_CONTROL_BYTES, loads_long)
    _agrees("State", _without_rows(document))
    return document


def _without_rows(node: Json, level: int = 0) -> Json:
    if isinstance(node, dict) and level < _ROWS_LEVEL:
        return {name: _without_rows(child, level + 1) for name, child in node.items()}
    many = isinstance(node, list) and level == _ROWS_LEVEL
    return [row for row in node if not isinstance(row, dict)][:1] if many else node


_ROWS_LEVEL = 4
"""Where the rows of a state stand: providers, vendor, records, kind."""


def _agrees(schema: str, document: Json) -> None:
    wrong = _check(schema).differences(document)
    if wrong:
        raise Problem(400, "Invalid body", "; ".join(f"{one.field or 'body'}: {one.message}" for one in wrong[:10]))


def _parsed(limit: int, parse: Callable[[bytes], Json]) -> Json:
    text = request.get_data(cache=False)
    if len(text) > limit:
        raise Problem(413, "Body too large", f"The body has {len(text)} bytes; at most {limit} are understood here.")
    try:
        return parse(text)
    except BadJson as error:
        detail = f"A JSON object is needed, sent with Content-Type: application/json ({error})."
        raise Problem(400, "Malformed body", detail) from None


def only(*names: str) -> None:
    """Refuses query parameters other than these: a mistyped one must not be ignored."""
    unknown = sorted(set(request.args) - set(names))
    if unknown:
        known = ", ".join(f"?{name}=" for name in names) or "none"
        raise Problem(400, "Unknown parameter", f"{', '.join(unknown)}: understood here: {known}.")


def integer(name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query."""
    text = request.args.get(name)
    if text is None:
        return default
    if not INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise Problem(400, "Invalid parameter", f"{name}={text!r}: a whole number from {low} to {high} is needed.")
    return int(text)


def switch(name: str) -> bool:
    """A true or false of the query; false if left out."""
    text = request.args.get(name, "false")
    if text not in ("true", "false"):
        raise Problem(400, "Invalid parameter", f"{name}={text!r}: true or false is needed.")
    return text == "true"


def unknown_name(name: str, known: list[str]) -> str:
    """Says that the name is none of the known ones, and which it may have meant."""
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    guess = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"{name!r} is unknown.{guess} There are {', '.join(known)}."


def newest_first() -> bool:
    """Whether the query asks for the newest, with `order=newest`; for every space (`*`) nothing else is answered."""
    order, everywhere = request.args.get("order"), request.args.get("space") == ALL_SPACES
    possible = ["newest"] if everywhere else ["oldest", "newest"]
    if order not in (None, *possible):
        raise Problem(400, "Invalid parameter", f"order={order!r}: {' or '.join(possible)} is needed.")
    return everywhere or order == "newest"


def open_space(name: str | None) -> Space:
    """The space of that name (`default` for None), opened if need be; names are those that keys open."""
    spaces, wanted = gateway().spaces, name or DEFAULT_SPACE
    found = spaces.get(wanted) or spaces.get(spaces.name_of(wanted) or "")
    if found is not None:
        found.touched = True
        return found
    if not _SPACE_NAME.fullmatch(wanted):
        raise Problem(
            404, "No such space", f"There is no space {wanted!r}. A space that is not open yet must be named test_..."
        )
    try:
        found = spaces.open(wanted)
    except SpaceLimit as limit:
        raise Problem(409, "Too many spaces", f"{limit}.") from None
    found.touched = True
    return found


def known_space(name: str | None) -> Space:
    """The open space of that name, or that a key of that name opens (`default` for None)."""
    spaces = gateway().spaces
    found = spaces.get(name or DEFAULT_SPACE) or spaces.get(spaces.name_of(name or "") or "")
    if found is None:
        raise Problem(404, "No such space", f"There is no space {name!r}. Open are: {', '.join(spaces.names()[:20])}.")
    return found


def known_spaces(name: str | None) -> list[Space]:
    """The open space of that name, or all of them for `*`."""
    if name != ALL_SPACES:
        return [known_space(name)]
    spaces = gateway().spaces
    found = [spaces.get(one) for one in spaces.names()]
    return [space for space in found if space is not None]
