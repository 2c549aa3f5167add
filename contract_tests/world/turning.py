"""Turns the pages of a list, and tells whether there was a last one."""

from __future__ import annotations

from typing import NamedTuple

from contract_tests.words.listed import rows_in
from contract_tests.words.paging import following
from contract_tests.world.world import ABSENT, World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, WireRequest

MAX_PAGES = 50
"""Of a list; one that has more is looked at no further than `FEW_PAGES` from then on."""
FEW_PAGES = 3
_ALIKE, _EMPTY = 3, 10
"""So many pages in a row that show the same rows, or none, are all that there is."""


class Turned(NamedTuple):
    """The pages that were turned, the first request and its status.

    `ended` says that the last one was reached; a list that is not `endless` either has more than anybody looks at.
    """

    pages: list[list[Json]]
    wire: WireRequest
    status: int
    ended: bool
    endless: bool

    @property
    def rows(self) -> list[Json]:
        """The rows of all pages."""
        return [row for page in self.pages for row in page]


def turn(world: World, operation: Operation, request: NamedRequest, *, key: Json = ABSENT) -> Turned:
    """The pages of a list from that request on, `MAX_PAGES` at most; `key` as in `World.send`."""
    query = dict(request.query)
    found: list[list[Json]] = []
    wire, status, motion, turned, ended, endless = None, 200, world.motion, [], False, False
    while len(found) < (FEW_PAGES if operation.id in motion.long else MAX_PAGES):
        sent, reply = world.send(operation, request.with_values(request.path, query, request.body), key=key)
        if wire is None:
            wire, status = sent.wire, reply.status
        rows, before = rows_in(operation, reply.json) or [], sum(map(len, found))
        found.append(rows)
        parameter, next_page = following(operation, query, before, rows, reply.json)
        if next_page is ABSENT:
            ended = True
            break
        enough = _ALIKE if rows else _EMPTY
        last = found[-enough:]
        if next_page in turned or (len(last) == enough and all(rows == last[0] for rows in last)):
            endless = True
            if rows:
                # Where pages come again, those behind them may never have been shown.
                motion.long.add(operation.id)
            break
        turned.append(next_page)
        query[parameter] = next_page
    else:
        motion.long.add(operation.id)
    assert wire is not None
    return Turned(found, wire, status, ended, endless)
