"""The pages of a list, as its contract says: how many rows one has, and how the next one is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from contract_tests.words.pointers import ABSENT, pointed
from mock_server.messages import Json
from mock_server.spec import Operation

_WORDS = ("size", "parameter", "number", "offset", "after")


def parameters(operation: Operation) -> set[str]:
    """The parameters that say which page of a list is asked for, and how long it may be."""
    page = operation.contract.get("page") or {}
    return {page[word] for word in _WORDS if word in page}


def turns(operation: Operation) -> bool:
    """Whether the pages of a list can be turned: by what its answer or its last row says, or by counting."""
    page = operation.contract.get("page") or {}
    return "size" in page and bool({"next", "offset", "number", "after"} & set(page))


def turned_by(page: Mapping[str, str]) -> str:
    """The parameter that is sent what an answer shows for the next page."""
    return page.get("parameter") or page["after"]


def usual_size(operation: Operation) -> int | None:
    """So many rows has a page of a list that was asked for no other number, where the documents say it."""
    name = (operation.contract.get("page") or {}).get("size")
    usual = next((one.schema.get("default") for one in operation.parameters_in("query") if one.name == name), None)
    return usual if isinstance(usual, int) else None


def full(operation: Operation, query: Mapping[str, Json], rows: int) -> bool:
    """Whether a page has as many rows as a page may have, so that there may be more of them."""
    name = (operation.contract.get("page") or {}).get("size", "")
    size = query.get(name, usual_size(operation))
    return size is not None and str(size).isdecimal() and rows >= int(size)


def following(
    operation: Operation, query: Mapping[str, Json], before: int, rows: list[Json], body: Json
) -> tuple[str, Json]:
    """The parameter for the page after these rows, and its value; ABSENT where this was the last one.

    `before` is how many rows the pages before it had.
    """
    page = operation.contract.get("page") or {}
    if "next" in page:
        found = pointed(body, page["next"])
        return turned_by(page), ABSENT if found in (None, "") else found
    if not turns(operation) or not rows or not full(operation, query, len(rows)):
        return "", ABSENT
    if "offset" in page:
        return page["offset"], before + len(rows)
    if "number" in page:
        number = query.get(page["number"], 1)
        return page["number"], int(number) + 1 if str(number).isdecimal() else ABSENT
    last = rows[-1]
    return page["after"], last.get(operation.contract["key"]["name"], ABSENT) if isinstance(last, dict) else ABSENT
