"""How many records of a kind there are, or how much all of them have in a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from mock_server.derived.scene import ABSENT, Make, Record, Scene, fits, reader
from mock_server.messages import Json, Refusal
from mock_server.spec.terms.moments import moment

_DAY_LENGTH = len("2025-11-20")


def counted(node: Mapping[str, Any], first: Make | None, last: Make | None) -> Make:
    """Counts the records that a source names, or adds up one of their fields.

    Those `of` the record at hand have its values in these fields, as far as it has any; `first` and `last` are days,
    or moments, between which they lie.
    """
    kind, per = node["counted"], node.get("per", 1)
    wanted = fits(node.get("where") or {})
    own = [(reader(name), reader(of)) for name, of in (node.get("of") or {}).items()]
    adding = reader(node["adding"]) if "adding" in node else None
    at = reader(node["at"]) if "at" in node else None

    def make(scene: Scene) -> Json:
        if scene.state is None:
            return 0
        mine = [(read, value) for read, of in own if (value := of(scene.record)) is not ABSENT]
        inside = _between(at, _moment(first, scene), _moment(last, scene, over=True)) if at is not None else None
        total = 0
        for record in scene.state.all(kind, look=True):
            if not wanted(record) or any(read(record) != value for read, value in mine):
                continue
            if inside is None or inside(record):
                total += 1 if adding is None else _number(adding(record))
        return total if per == 1 else total // per

    return make


def _moment(bound: Make | None, scene: Scene, *, over: bool = False) -> datetime | None:
    """The moment that a bound is; with `over` the end of a day."""
    value = bound(scene) if bound is not None else ABSENT
    if value is ABSENT:
        return None
    found = moment(value)
    if found is None:
        raise Refusal("invalid-request", message=f"{value!r} is no day")
    return found + timedelta(days=1) if over and len(str(value)) == _DAY_LENGTH else found


def _between(
    read: Callable[[Mapping[str, Any]], Json], first: datetime | None, last: datetime | None
) -> Callable[[Record], bool]:
    def inside(record: Record) -> bool:
        found = moment(read(record))
        if found is None:
            return first is None and last is None
        return (first is None or found >= first) and (last is None or found < last)

    return inside


def _number(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0
