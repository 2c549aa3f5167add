"""Which exchanges a question is about, and how a body differs from the one that was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mock_server.control.asking.inputs import INTEGER, gateway, unknown_name
from mock_server.control.asking.problems import Problem
from mock_server.desk.happened.journal import Entry
from mock_server.desk.happened.search import BadQuery, Query
from mock_server.messages import Json
from mock_server.spaces import Space

_TIMES = re.compile(r"^(exactly|at least|at most) ([0-9]{1,9})$")
FILTERS = ("space", "provider", "operation", "status", "method", "path", "since", "q")


def filtered(space: Space, wanted: Mapping[str, Any]) -> list[Entry]:
    """The space's exchanges of that provider, operation, status, method and path, `since` a number or a time, and `q`.

    A Problem names a provider or operation that does not exist: a mistyped one must not seem never called.
    """
    _check_names(wanted)
    since = _since(str(wanted["since"])) if "since" in wanted else None
    query = searched(str(wanted.get("q", "")))
    equal = [
        (name, str(wanted[name])) for name in ("provider", "operation", "status", "method", "path") if name in wanted
    ]
    return [
        entry
        for entry in space.journal
        if all(str(getattr(entry, name)) == value for name, value in equal)
        and (since is None or since(entry))
        and (query is None or query.fits(entry, space.name))
    ]


def searched(text: str) -> Query | None:
    """What the words look for, None if nothing; a Problem says what is not understood."""
    try:
        return Query(text, gateway().operations) if text.strip() else None
    except BadQuery as bad:
        raise Problem(400, "Invalid query", f"{bad}.") from None


def _check_names(wanted: Mapping[str, Any]) -> None:
    specs = gateway().specs
    provider, operation = wanted.get("provider"), wanted.get("operation")
    if provider is not None and provider not in specs:
        raise Problem(400, "No such vendor", unknown_name(provider, list(specs)))
    among = [specs[provider]] if provider is not None else specs.values()
    if operation is not None and not any(operation in spec.operations for spec in among):
        known = sorted({name for spec in among for name in spec.operations})
        raise Problem(400, "No such operation", unknown_name(operation, known))
    if not INTEGER.fullmatch(str(wanted.get("status", 0))):
        raise Problem(400, "Invalid parameter", f"status={wanted['status']!r}: a whole number is needed.")


def _since(text: str) -> Callable[[Entry], bool]:
    if INTEGER.fullmatch(text):
        number = int(text)
        return lambda entry: entry.number > number
    try:
        # In a query an unescaped plus sign before the zone's hours has become a space.
        moment = datetime.fromisoformat(re.sub(r"(T.*) (\d\d:?\d\d)$", r"\1+\2", text))
    except ValueError:
        detail = f"since={text!r}: an entry's number or a time in ISO 8601 is needed."
        raise Problem(400, "Invalid parameter", detail) from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return lambda entry: datetime.fromisoformat(entry.at) >= moment


def differences(wanted: Json, found: Json, place: str) -> list[str]:
    """What the wanted document has and the found one does not; an object may have more than is wanted."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            text
            for name, value in wanted.items()
            for text in (
                differences(value, found[name], f"{place}.{name}")
                if name in found
                else [f"{place}.{name}: expected {value!r}, not sent"]
            )
        ]
    same = isinstance(wanted, bool) is isinstance(found, bool) and wanted == found
    return [] if same else [f"{place}: expected {wanted!r}, found {found!r}"]


def times(wanted: Json) -> tuple[str, int]:
    """How many are wanted: `exactly`, `at least` or `at most`, and the number."""
    if isinstance(wanted, int | float):
        # To the schema 3.0 is a whole number too.
        return "exactly", int(wanted)
    match = _TIMES.match(wanted)
    if match is None:
        raise Problem(
            400, "Invalid times", f"{wanted!r}: `exactly N`, `at least N`, `at most N` or a number is needed."
        )
    return match.group(1), int(match.group(2))
