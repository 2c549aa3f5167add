"""Where an answer has its rows and its record: where the contract says, else where they are all the same."""

from __future__ import annotations

from collections.abc import Iterator

from contract_tests.words.pointers import pointed
from mock_server.messages import Json
from mock_server.spec import Operation

_DEEPEST = 4
"""So many envelopes are opened to look for rows that are not where the contract says."""


def rows_in(operation: Operation, body: Json) -> list[Json] | None:
    """The rows of a list's answer, in whatever envelope they came; None where there are none.

    Where they are is a statement of its own, which is judged by the schema of the answer; what is said of the rows
    does not depend on it.
    """
    found = pointed(body, operation.contract.get("at") or "")
    if isinstance(found, list):
        return found
    name = (operation.contract.get("key") or {}).get("name")
    lists = list(_lists(body, _DEEPEST))
    keyed = [one for one in lists if one and all(isinstance(row, dict) and name in row for row in one)]
    if keyed:
        return keyed[0]
    return lists[0] if len(lists) == 1 and not lists[0] else None


def record_in(operation: Operation, body: Json, key: str) -> Json:
    """The record of an answer, known by the field that is its key, in whatever envelope it came; else what is there."""
    found = pointed(body, operation.contract.get("at") or "")
    if not isinstance(body, dict) or (isinstance(found, dict) and key in found):
        return found
    inside = [body, *(child for child in body.values() if isinstance(child, dict))]
    return next((one for one in inside if key in one), found)


def addressed_in(operation: Operation, body: Json, key: Json) -> Json:
    """The record of the answer to a call that addressed one by `key`.

    Where the contract says that it is the first of several, and one row alone has that key in any of its fields, it is
    that one: which rows stand beside it, and in which order, is the server's own affair.
    """
    at = operation.contract.get("at") or ""
    found = pointed(body, at)
    above, _, place = at.rpartition("/")
    rows = pointed(body, above) if place.isdigit() else None
    mine = [row for row in rows if isinstance(row, dict) and key in row.values()] if isinstance(rows, list) else []
    return mine[0] if len(mine) == 1 else found


def name_of(operation: Operation, row: Json) -> Json:
    """What a row of a list goes by: its key, or itself where it is no record."""
    return row.get(operation.contract["key"]["name"]) if isinstance(row, dict) else row


def names(operation: Operation, rows: list[Json]) -> list[Json]:
    """What the rows of a list go by."""
    return [name_of(operation, row) for row in rows]


def _lists(node: Json, depth: int) -> Iterator[list[Json]]:
    if isinstance(node, list):
        yield node
    elif isinstance(node, dict) and depth:
        for child in node.values():
            yield from _lists(child, depth - 1)
