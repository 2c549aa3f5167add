"""What is being done in a space of a shared store and not yet kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mock_server.messages import Json
from mock_server.stores.backends import Change, Written
from mock_server.stores.memory import MemoryTransaction, Tables


class TurnTransaction(MemoryTransaction):
    """Remembers what it changed."""

    __slots__ = ("changed",)

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.changed: dict[tuple[str, str], None] = {}

    def put(self, kind: str, id: str, document: Json) -> None:
        super().put(kind, id, document)
        self.changed[kind, id] = None

    def delete(self, kind: str, id: str) -> bool:
        self.changed[kind, id] = None
        return super().delete(kind, id)


class Turn:
    """What is being done in a space and not yet kept."""

    __slots__ = ("depth", "entries", "gone", "leased", "replaced", "transactions")

    def __init__(self, leased: bool) -> None:
        self.leased = leased
        self.depth = 1
        self.transactions: list[TurnTransaction] = []
        self.entries: list[bytes] = []
        self.replaced: tuple[Tables, int] | None = None
        """The documents, and their size, in whose place others were put."""
        self.gone = False


class Attempt:
    """The turns of a piece of work that may have to be tried again, and what is to follow when it is kept, or is not.

    `loose` are the journal's entries of other spaces than those of the turns.
    """

    __slots__ = ("afterwards", "leased", "loose", "otherwise", "turns")

    def __init__(self, leased: bool) -> None:
        self.leased = leased
        self.turns: list[str] = []
        self.loose: dict[str, list[bytes]] = {}
        self.afterwards: list[Callable[[], object]] = []
        self.otherwise: list[Callable[[], object]] = []


def change_of(tables: Tables, turn: Turn, lasts: Mapping[str, int], world: bytes | None) -> Change:
    """What a turn did to a space: `lasts` are the sequence numbers that are kept, `world` what is beside the rows."""
    if turn.gone:
        return Change(gone=True)
    whole = turn.replaced is not None
    changed = {place: None for transaction in turn.transactions for place in transaction.changed}
    if whole:
        changed = {(kind, id): None for kind, table in tables.items() for id in table.rows}
    written: list[Written] = []
    deleted = []
    for kind, id in changed:
        row = tables[kind].rows.get(id) if kind in tables else None
        if row is None:
            deleted.append((kind, id))
        else:
            written.append((kind, id, *row))
    known = {} if whole else lasts
    given = {kind: table.last for kind, table in tables.items() if table.last != known.get(kind, 0)}
    return Change(written, deleted, given, world, turn.entries, whole)
