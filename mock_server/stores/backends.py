"""What a shared store keeps its spaces in: a file or a service that several processes write to, change by change.

Of a space it keeps the documents, the world beside them, the journal and a version that moves with every change of the
first two. A process works on what it knows of a version, and its change is taken only while that is the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import orjson

Written = tuple[str, str, int, bytes]
"""A row: its kind, id, sequence number and document."""

KEPT, CHANGED, TAKEN = "kept", "changed", "taken"
ANY = -1
"""The version of somebody who does not mind which it is."""

REMEMBERED = 64
"""So many changes of a space are kept for those who have not seen them; who lacks more reads the space anew."""
REMEMBERED_BYTES = 64 * 1024
"""A longer change is not kept for them either."""


JOURNAL_STEP = 20
"""So many entries the longest journal forgets at a time where all together are too long."""


class Change(NamedTuple):
    """What one turn does to a space; `whole` puts it in the place of everything, `gone` removes everything.

    `lasts` are the last sequence numbers of the kinds that have given new ones; `entries` go to the journal.
    """

    written: Sequence[Written] = ()
    deleted: Sequence[tuple[str, str]] = ()
    lasts: Mapping[str, int] = {}
    world: bytes | None = None
    entries: Sequence[bytes] = ()
    whole: bool = False
    gone: bool = False

    @property
    def moves(self) -> bool:
        """Whether it changes what a process knows of the space; the journal nobody knows by heart."""
        return bool(self.written or self.deleted or self.lasts or self.world or self.whole or self.gone)

    def encoded(self) -> bytes:
        """As text, without the journal's entries."""
        rows = [[kind, id, sequence, document.decode()] for kind, id, sequence, document in self.written]
        world = None if self.world is None else self.world.decode()
        return orjson.dumps([rows, self.deleted, self.lasts, world])


def decoded(text: bytes) -> Change:
    """The change of such a text."""
    rows, deleted, lasts, world = orjson.loads(text)
    written = [(kind, id, sequence, document.encode()) for kind, id, sequence, document in rows]
    return Change(written, [(kind, id) for kind, id in deleted], lasts, None if world is None else world.encode())


class News(NamedTuple):
    """The newest version of a space (0: there is none) and what leads there."""

    version: int
    changes: Sequence[Change]


class Reply(NamedTuple):
    """KEPT; or CHANGED with the news; or TAKEN: somebody has the space to himself, or the file, for a moment."""

    outcome: str
    news: News


class Proposal(NamedTuple):
    """A change of a space that was made on this version of it, or on ANY; of a space that does not exist on 0."""

    space: str
    version: int
    change: Change


class Backend(Protocol):
    """Where the spaces are. Every method raises StoreFailed where it cannot be reached, or takes nothing."""

    @property
    def address(self) -> str:
        """Its address, without a password."""

    @property
    def problem(self) -> str | None:
        """Why changes cannot be kept just now, or None."""

    @property
    def at_once(self) -> int:
        """How many pieces of work it pays to hand to it at a time."""

    @property
    def spans_spaces(self) -> bool:
        """Whether it takes the changes of several spaces all at once or not at all."""

    def load(self, space: str, since: int) -> News:
        """What has changed since that version; of one that is too old, or 0, the whole space."""

    def commit(self, proposals: Sequence[Proposal], token: str) -> Sequence[Reply]:
        """Takes the changes if the version of each is the newest, and nobody but the holder of `token` has a lease.

        A lease of that token ends. Each space is proposed once. Where one change is not taken none is, if it
        `spans_spaces`; else those before it are.
        """

    def lease(self, space: str, token: str, seconds: float) -> bool:
        """Keeps the space from others for so long; False while somebody else does. Repeated, it is prolonged."""

    def release(self, space: str, token: str) -> None:
        """Ends a lease."""

    def spaces(self) -> dict[str, float]:
        """The names of all spaces, and when each was used last, in seconds of real time."""

    def use(self, names: Mapping[str, float]) -> None:
        """Says when spaces were used."""

    def total(self, sizes: Mapping[str, int]) -> int:
        """Says how many bytes of documents these spaces have; returns how many all have, as far as anybody said."""

    def shorten_journals(self) -> None:
        """Forgets the oldest entries of the longest journals where all together are longer than they may be."""

    def untouched(self, space: str) -> bool:
        """Whether nothing was changed in the space since it was made."""

    def entries(self, space: str, after: int, limit: int) -> list[bytes]:
        """The journal's entries numbered above `after`, the first of them, oldest first."""

    def last_entry(self, space: str) -> int:
        """The number of the journal's newest entry, 0 before the first."""

    def entry_count(self, space: str) -> int:
        """How many entries the journal has."""

    def settled(self) -> int:
        """Up to which number all journals are complete: none will come any more that is numbered so or lower."""

    def listen(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Calls `ring` in a thread when a journal, of any process, may have got an entry; until the result is called.

        It comes within milliseconds, or not at all while the store is out of reach.
        """

    def clear_entries(self, space: str) -> None:
        """Forgets the journal; numbering goes on."""

    def snapshots(self) -> list[tuple[str, bytes, int]]:
        """The kept snapshots: the name, the first line and the length of each."""

    def snapshot(self, name: str) -> bytes | None:
        """A kept snapshot."""

    def keep_snapshot(self, name: str, snapshot: bytes | None) -> None:
        """Keeps a snapshot under a name, in the place of an older one; None removes it."""

    def awake(self) -> dict[str, str]:
        """The spaces in which something may be due, each with the mark that it was woken with last."""

    def wake(self, space: str, mark: str) -> None:
        """Something may be due in the space."""

    def rest(self, space: str, mark: str) -> None:
        """Nothing is due there any more, unless it was woken again since."""

    def close(self) -> None:
        """Lets go of everything that is held open."""
