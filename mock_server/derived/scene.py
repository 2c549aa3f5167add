"""What a value may be made of: the call, the vendor's records, and the record that is being made or shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from mock_server.messages import Call, Json
from mock_server.stores.state import State

Record = dict[str, Any]

ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT", "__bool__": lambda self: False})()
"""Stands for a value that is not there; null is one that is."""


class Scene(NamedTuple):
    """A fixture is made without a call and without records to look at."""

    call: Call | None
    state: State | None
    record: Record
    now: datetime
    random: Random

    def said(self) -> dict[str, Json]:
        """What a refusal's sentence may quote."""
        return said(self.call) if self.call is not None else {}


Make = Callable[[Scene], Json]
"""Makes one value; ABSENT leaves its field out."""


def said(call: Call) -> dict[str, Json]:
    """The call's parameters and the plain values of its body by name, as a refusal's sentence may quote them."""
    body = call.body if isinstance(call.body, dict) else {}
    plain = {name: value for name, value in body.items() if not isinstance(value, dict | list)}
    return {**plain, **call.query, **call.path}


def asked(call: Call, name: str) -> Json:
    """What a call says under that name, in its path, its query or its body."""
    if name in call.path:
        return call.path[name]
    if name in call.query:
        return call.query[name]
    return call.body.get(name, ABSENT) if isinstance(call.body, dict) else ABSENT


def reader(name: str) -> Callable[[Mapping[str, Any]], Json]:
    """Reads a field by its name, or by JSON pointer where the name begins with a slash."""
    if not name.startswith("/"):
        return lambda record: record.get(name, ABSENT)
    steps = [step.replace("~1", "/").replace("~0", "~") for step in name[1:].split("/")]

    def read(record: Mapping[str, Any]) -> Json:
        node: Any = record
        for step in steps:
            if isinstance(node, Mapping):
                node = node.get(step, ABSENT)
            elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
                node = node[int(step)]
            else:
                return ABSENT
        return node

    return read


def fits(where: Mapping[str, Json]) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a record's fields have those values; null stands for a field that is not there, too."""
    wanted = [(reader(name), _meets(value)) for name, value in where.items()]
    return lambda record: all(meets(None if (found := read(record)) is ABSENT else found) for read, meets in wanted)


def _meets(value: Json) -> Callable[[Json], bool]:
    """Whether a field is that value, or for `{matches: PATTERN}` a text of that form."""
    if isinstance(value, Mapping):
        form = re.compile(value["matches"])
        return lambda found: isinstance(found, str) and form.search(found) is not None
    return lambda found: bool(found == value)
