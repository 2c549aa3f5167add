"""What kind of value a value is, when it is one that a server makes anew each time."""

from __future__ import annotations

import re

from mock_server.messages import Json

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OBJECT_ID = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")


def shape(value: Json) -> str:
    """The kind of a value in a few letters; values of one kind have the same."""
    if not isinstance(value, str):
        return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    for name, pattern in (("uuid", _UUID), ("object id", _OBJECT_ID), ("e164", _E164)):
        if pattern.fullmatch(value):
            return name
    if _TIME.fullmatch(value):
        return re.sub("[0-9]", "9", value)
    return re.sub(r"[A-Za-z0-9]+", lambda found: "9" if found.group().isdigit() else "w", value)


def same_kind(issued: str, one: Json, other: Json) -> bool:
    """Whether two values could be the same issued value of two servers; of a text no more is known than that it is."""
    if issued == "text":
        return type(one) is type(other)
    return shape(one) == shape(other)
