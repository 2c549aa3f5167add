"""The calls of a space as a part of its state: out, checked, and in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mock_server.messages import Json
from mock_server.spec import SchemaCheck
from mock_server.stores import Transaction
from mock_server.telephone.line.calls import STATES, book_of, keep, note_due
from mock_server.telephone.line.fates import OUTCOMES

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$"}
_MAYBE_MOMENT = {"anyOf": [_MOMENT, {"type": "null"}]}
_LINE = {
    "type": "object",
    "required": ["speaker", "text", "at_seconds", "until_seconds"],
    "properties": {
        "speaker": {"enum": ["agent", "caller"]},
        "text": _TEXT,
        "at_seconds": {"type": "number"},
        "until_seconds": {"type": "number"},
    },
}
_FIELDS = {
    "id": _TEXT,
    "serial": {"type": "integer"},
    "session_id": _TEXT,
    "provider": _TEXT,
    "direction": {"enum": ["inbound", "outbound"]},
    "from": _TEXT,
    "to": _TEXT,
    "number": _TEXT,
    "agent": {"type": ["object", "null"], "required": ["id", "version", "name"]},
    "why": _TEXT,
    "outcome": {"enum": list(OUTCOMES)},
    "chosen_by": _TEXT,
    "state": {"enum": list(STATES)},
    "reason": {"type": ["string", "null"]},
    "created_at": _MOMENT,
    "ringing_at": _MAYBE_MOMENT,
    "answered_at": _MAYBE_MOMENT,
    "ended_at": _MAYBE_MOMENT,
    "due_at": _MAYBE_MOMENT,
    "ring_seconds": {"type": "number"},
    "told": {"type": "boolean"},
    "hung_up": {"type": "boolean"},
    "asked": {"type": "object"},
    "webhook_url": {"type": ["string", "null"]},
    "script": {"type": "array", "items": _LINE},
}
_SCHEMA = {
    "type": "object",
    "required": list(_FIELDS),
    "properties": {**_FIELDS, "lines": {"type": "integer", "minimum": 0}},
    # A call that is answered has something to say, and one that is over has nothing before it.
    "allOf": [
        {
            "if": {"properties": {"outcome": {"enum": ["answered", "voicemail"]}}},
            "then": {"properties": {"script": {"minItems": 1}}},
        },
        {
            "if": {"properties": {"state": {"enum": ["ended"]}}},
            "then": {"properties": {"due_at": {"type": "null"}, "ended_at": _MOMENT}},
            "else": {"properties": {"due_at": _MOMENT}},
        },
    ],
}


_COUNT = {"type": "integer", "minimum": 0}
_RUN = {
    "type": "object",
    "required": ["serial", "begins_at", "ends_at", "due_at", "total", "invalid", "next", "live", "over", "again"],
    "properties": {
        "begun_at": _MOMENT,
        "begins_at": _MOMENT,
        "ends_at": _MAYBE_MOMENT,
        "due_at": _MAYBE_MOMENT,
        **dict.fromkeys(("serial", "total", "invalid", "next", "live", "over", "done"), _COUNT),
        "again": {
            "type": "array",
            "items": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "prefixItems": [_MOMENT, _COUNT],
            },
        },
    },
}
"""How far a campaign is that was given leads to call."""


class BadCalls(Exception):
    """Calls that cannot be taken in; `reasons` says what is wrong, one place each."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons[:20]))
        self.reasons = reasons


def export_calls(transaction: Transaction) -> list[Json]:
    """Every call of the space, whole."""
    return list(book_of(transaction).all("calls"))


def read_calls(rows: Json, most: int) -> list[dict[str, Json]]:
    """The calls that a state holds, at most so many; raises BadCalls."""
    if not isinstance(rows, list) or len(rows) > most:
        raise BadCalls([f"calls: a list of at most {most} calls is needed"])
    check = SchemaCheck(_SCHEMA)
    reasons = [
        f"calls[{index}].{wrong.field}: {wrong.message}"
        for index, row in enumerate(rows)
        for wrong in check.differences(row)
    ]
    if reasons:
        raise BadCalls(reasons)
    return rows


def wrong_campaigns(rows: Sequence[Json]) -> Iterator[tuple[int, str, str]]:
    """Campaigns of a state that nobody could go on with: the place among the rows, the field, and what is wrong."""
    check = SchemaCheck({"type": "object", "properties": {"run": _RUN}})
    for index, row in enumerate(rows):
        for wrong in check.differences(row):
            yield index, wrong.field, wrong.message


def import_calls(transaction: Transaction, calls: Sequence[Mapping[str, Json]]) -> None:
    """Puts the calls in the place of those that the space has."""
    book = book_of(transaction)
    for kind in ("calls", "agenda"):
        for record in list(book.all(kind)):
            book.delete(kind, record["id"])
    note_due(book, None)
    book.keep_note("serial", max((int(call["serial"]) for call in calls), default=0))
    for call in calls:
        keep(book, dict(call))
