"""A space is one isolated world: its documents, clock, chance and journal, opened by an API key."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from random import Random
from threading import RLock, get_ident
from time import monotonic, time
from typing import Any, Protocol, TypeVar

from mock_server.deliveries import DELIVERIES, Deliveries, Room
from mock_server.desk.chance import Chance
from mock_server.desk.clock import Clock
from mock_server.desk.faults import HELD_FAULTS, Faults
from mock_server.desk.happened.journal import Budget, Journal
from mock_server.desk.happened.stored_journal import StoredJournal
from mock_server.desk.stubs import Stubs
from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.process.metrics import Metrics
from mock_server.stores import Contended, SharedStore, Store, StoreFailed, StoreUncertain, Transaction

log = logging.getLogger("ringback")

DEFAULT_SPACE = "default"
SEEDED_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""When the clocks of a server with a seed stand, until they are set or put back to real time."""
UNUSED_SECONDS = 3600.0
"""After this time without a request a space makes room for a new one even where something was written to it."""

_TELL_SECONDS = 60.0
_USE_SECONDS = 3.0
"""So late it may be known that a space was used in another process."""

Result = TypeVar("Result")


class SpaceLimit(Exception):
    """No further space can be opened."""


class Busy(Exception):
    """Somebody else is at work in `space`, and the caller's thread must not wait; nothing has been done.

    It is worth trying again after `pause` seconds; where that is 0, when the space's lock is free.
    """

    def __init__(self, space: Space | None, pause: float = 0.0) -> None:
        super().__init__(space.name if space is not None else "")
        self.space = space
        self.pause = pause


class Part(Protocol):
    """A part of a space that a shared store keeps as JSON; `version` moves with every change."""

    @property
    def version(self) -> object: ...

    def kept(self) -> Json: ...

    def restore(self, kept: Json) -> None: ...


class Space:
    """One world. `lock` makes its exchanges come one after the other; `born` is when its clock stands at first."""

    def __init__(
        self,
        name: str,
        seed: int,
        budget: Budget,
        store: Store,
        born: datetime | None = None,
        limits: Limits = DEFAULTS,
        deliveries: Room | None = None,
    ) -> None:
        """`budget` and `deliveries` are what the journals, and the deliveries, of all spaces may take together."""
        shared = store if isinstance(store, SharedStore) else None
        self.name = name
        self.seed = seed
        self.born = born
        self.random = Chance(seed)
        self.clock = Clock(born)
        # Whoever changes a part is at work in the space: where other processes are too, that is a turn of its own.
        turn = _Joined(shared, name) if shared is not None else None
        self.faults = Faults(limits, turn)
        self.stubs = Stubs(limits, turn)
        self.deliveries = Deliveries(deliveries if shared is None else None, limits, turn)
        self.journal: Journal = (
            StoredJournal(shared, name)
            if shared is not None
            else Journal(
                budget,
                entries=limits.journal_entries_per_space,
                size=limits.journal_bytes_per_space,
            )
        )
        self.lock = RLock() if shared is None else shared.lock(name)
        self.held = 0
        self.closed = False
        self.touched = False
        """Whether anything was written, or chosen in advance: such a space is somebody's work."""
        self.used = monotonic()
        self.kept_at: object = None
        """The mark of what was kept last."""

    def now(self) -> datetime:
        """The space's time, in UTC."""
        return self.clock.now()

    def reseed(self, seed: int | None = None) -> None:
        """Chance begins anew, with another seed if one is given. Spaces of one seed have the same chances."""
        self.seed = self.seed if seed is None else int(seed)
        self.random = Chance(self.seed)

    def rewind(self) -> None:
        """Everything but the documents, which are the store's business, as in a new space."""
        self.reseed()
        self.clock = Clock(self.born)
        self.faults.clear()
        self.stubs.clear()
        self.deliveries.reset()
        self.journal.clear()

    def changed(self) -> tuple[object, Json] | None:
        """What is to be kept beside documents and journal, with a mark; None where it was kept already."""
        mark = self._mark()
        if mark == self.kept_at:
            return None
        parts = {name: part.kept() for name, part in self._parts().items()}
        return mark, {"seed": self.seed, "drawn": self.random.drawn, **parts}

    def _parts(self) -> dict[str, Part]:
        """What the space is beside documents, chance and journal; each knows how to be kept."""
        return {"clock": self.clock, "faults": self.faults, "stubs": self.stubs, "deliveries": self.deliveries}

    def restore(self, world: Json | None) -> None:
        """Goes on as what was kept; None is a space of which nothing was."""
        if world is not None:
            self.seed = world["seed"]
            self.random = Chance(self.seed, world["drawn"])
            for name, part in self._parts().items():
                if name in world:
                    part.restore(world[name])
            self.kept_at = self._mark()

    def _mark(self) -> object:
        return (self.seed, self.random.drawn, *(part.version for part in self._parts().values()))


class _Joined:
    """A turn in a space that other processes work in too, or a part of the one that this thread has begun."""

    def __init__(self, store: SharedStore, space: str) -> None:
        self._store = store
        self._space = space

    def __enter__(self) -> None:
        self._store.begin(self._space)

    def __exit__(self, *error: object) -> None:
        self._store.end(self._space)


class _Locked:
    """The block of `Spaces.locked`: a class, because every request passes here and a generator takes longer."""

    __slots__ = ("_space", "_spaces")

    def __init__(self, spaces: Spaces, space: Space) -> None:
        self._spaces = spaces
        self._space = space

    def __enter__(self) -> Space:
        while True:
            if not self._space.lock.acquire(False):
                if get_ident() in self._spaces.impatient:
                    raise Busy(self._space)
                self._space.lock.acquire()
            if not self._space.closed:
                return self._space
            self._space.lock.release()
            self._space = self._spaces.open(self._space.name)

    def __exit__(self, *error: object) -> None:
        self._space.lock.release()


class _Turn:
    """The block of `Spaces.locked` where other processes work in the space too."""

    __slots__ = ("_shared", "_space", "_spaces")

    def __init__(self, spaces: Spaces, shared: SharedStore, space: Space) -> None:
        self._spaces = spaces
        self._shared = shared
        self._space = space

    def __enter__(self) -> Space:
        while True:
            name = self._space.name
            try:
                self._shared.begin(name)
            except Contended as contended:
                raise Busy(self._space, contended.pause) from None
            if not self._space.closed:
                return self._space
            self._shared.end(name)
            self._space = self._spaces.open(name)

    def __exit__(self, *error: object) -> None:
        self._shared.end(self._space.name)


class Spaces:
    """All spaces of a server.

    `fill` writes what exists in a new space; `shared_keys` are the keys of the default space;
    `accepted_keys` open a space of their own, `accept_any` lets every key do so. `secret_keys` are those among the
    shared ones that are no public placeholders.
    """

    def __init__(
        self,
        store: Store,
        fill: Callable[[Transaction], None],
        *,
        shared_keys: Iterable[str] = (),
        accepted_keys: Iterable[str] = (),
        secret_keys: Iterable[str] = (),
        accept_any: bool = False,
        seed: int | None = None,
        limits: Limits = DEFAULTS,
    ) -> None:
        self.store = store
        self.shared = store if isinstance(store, SharedStore) else None
        """The store, where other processes work on the same spaces."""
        if self.shared is not None:
            self.shared.beside = self
        self._fill = fill
        self._shared = frozenset(shared_keys)
        self._accepted = frozenset(accepted_keys)
        self._secrets = tuple(sorted({*self._accepted, *secret_keys}, key=len, reverse=True))
        self.has_secrets = accept_any or bool(self._secrets)
        """Whether any key that is accepted is more than the name of a space."""
        self._any = accept_any
        self._seed = secrets.randbits(48) if seed is None else seed
        # Ids and answers hold times: to be the same for the same seed, these have to be.
        self._born = None if seed is None else SEEDED_TIME
        self.limits = limits
        self.metrics = Metrics()
        self._spaces: dict[str, Space] = {}
        self._lock = RLock()
        self.budget = Budget(limits.journal_bytes)
        self._deliveries = Room(limits.delivery_bytes)
        self.held = 0
        self._closed_for_room = 0
        self._told = 0.0
        self.impatient: set[int] = set() if self.shared is None else self.shared.impatient
        """The threads that serve everybody and so wait for nobody."""

    def changed(self, space: str) -> tuple[object, Json] | None:
        """For the store: what is to be kept of an open space beside its documents."""
        found = self._spaces.get(space)
        return found.changed() if found is not None else None

    def kept(self, space: str, mark: object) -> None:
        """For the store: that it was kept."""
        found = self._spaces.get(space)
        if found is not None:
            found.kept_at = mark

    def flush(self, space: str, transaction: Transaction) -> None:
        """For the store: writes what a space keeps as documents of its own."""
        found = self._spaces.get(space)
        if found is not None:
            found.deliveries.flush(transaction)

    def restore(self, space: str, world: Json | None) -> None:
        """For the store: what was kept last beside the documents."""
        found = self._spaces.get(space)
        if found is not None:
            found.restore(world)

    def rows_changed(
        self, space: str, tables: Mapping[str, Any], changed: Mapping[str, Collection[str]] | None
    ) -> None:
        """For the store: which documents are others than before."""
        found = self._spaces.get(space)
        if found is not None:
            found.deliveries.reload(tables.get(DELIVERIES), None if changed is None else changed.get(DELIVERIES, ()))

    def gone(self, space: str) -> None:
        """For the store: that the space is no more."""
        found = self._spaces.pop(space, None)
        if found is not None:
            found.closed = True

    def attempt(self, work: Callable[[], Result]) -> Result:
        """Does work on a shared store until what it did is kept; raises Busy on a thread that must not wait."""
        assert self.shared is not None
        try:
            return self.shared.attempt(work)
        except Contended as contended:
            raise Busy(self._spaces.get(str(contended)), contended.pause) from None

    def attempt_all(self, works: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
        """What each of several pieces of work says or raises: all are kept in one go where nobody is in the way.

        Of none it is said before all are kept.
        """
        if len(works) > 1 and self.shared is not None:
            try:
                return list(self.attempt(lambda: [work() for work in works]))
            except StoreUncertain as unknown:
                return [unknown] * len(works)
            except Exception:
                log.debug("what was done together is done one by one", exc_info=True)
        return [_said(work) for work in works]

    def otherwise(self, function: Callable[[], object]) -> None:
        """Calls the function if what this thread is doing is taken back."""
        if self.shared is not None:
            self.shared.otherwise(function)

    def afterwards(self, function: Callable[[], object]) -> None:
        """Calls the function when what this thread is doing is kept."""
        if self.shared is None:
            function()
        else:
            self.shared.afterwards(function)

    def name_of(self, key: str) -> str | None:
        """The name of the space that this key opens, or None for a key that is not accepted.

        A `test_` key is its space's name; a key that was accepted by hand may be a secret, so
        its space is named after a digest of it.
        """
        if key in self._shared:
            return DEFAULT_SPACE
        if key.startswith("test_") and len(key) <= 200:
            return key
        if self._any or key in self._accepted:
            return "key-" + hashlib.sha256(key.encode()).hexdigest()[:12]
        return None

    def key_of(self, name: str) -> str | None:
        """A key that opens the space of that name and is no secret; None where there is none."""
        if name != DEFAULT_SPACE:
            return name if self.name_of(name) == name else None
        public = self._shared - set(self._secrets)
        return min(public, key=lambda key: (not key.isalnum(), key), default=None)

    def secrets(self, key: str) -> Iterable[str]:
        """The keys that must be kept nowhere, beside this one, with which a request came."""
        if self._any and key and key not in self._shared and not key.startswith("test_"):
            return (*self._secrets, key)
        return self._secrets

    def open(self, name: str) -> Space:
        """The space of that name, born from the fixtures on first use; raises SpaceLimit at the bound."""
        space = self._spaces.get(name)
        if space is not None:
            return space
        if self.shared is not None:
            return self._opened(self.shared, name)
        with self._lock:
            if name in self._spaces:
                return self._spaces[name]
            if len(self._spaces) >= self.limits.spaces and not self._make_room():
                raise SpaceLimit(f"{self.limits.spaces} spaces are open; reset or delete some, or use fewer keys")
            space = Space(
                name, _seed_of(self._seed, name), self.budget, self.store, self._born, self.limits, self._deliveries
            )
            if not self.store.exists(name):
                self.store.refill(name, self._fill)
            self._spaces[name] = space
            return space

    def _opened(self, shared: SharedStore, name: str) -> Space:
        """The space of that name in a store of several processes, made there if need be."""
        if name not in shared.backend.spaces() and not shared.refresh(name):
            self._make_room_in(shared)
        try:
            shared.begin(name)
        except Contended as contended:
            raise Busy(None, contended.pause) from None
        try:
            found = self._spaces.get(name)
            if found is not None:
                return found
            space = Space(name, _seed_of(self._seed, name), self.budget, self.store, self._born, self.limits)
            self._spaces[name] = space
            shared.tell(name)
            if not shared.exists(name):
                shared.refill(name, self._fill)
            return space
        finally:
            shared.end(name)

    def _make_room_in(self, shared: SharedStore) -> None:
        """Closes the longest idle space that is nobody's work, where there are too many; raises SpaceLimit.

        Raises Busy where all of these are being looked at just now.
        """
        used = shared.backend.spaces()
        if len(used) < self.limits.spaces:
            return
        looked_at: Contended | None = None
        for name, moment in sorted(used.items(), key=itemgetter(1)):
            idle = time() - moment > UNUSED_SECONDS
            if name != DEFAULT_SPACE and (idle or shared.backend.untouched(name)):
                try:
                    shared.drop(name)
                except Contended as contended:
                    looked_at = contended
                    continue
                return
        if looked_at is not None:
            raise Busy(None, looked_at.pause)
        raise SpaceLimit(f"{self.limits.spaces} spaces are open; reset or delete some, or use fewer keys")

    def _make_room(self) -> bool:
        """Closes the longest idle space that is nobody's work; False where all are in use."""
        now = monotonic()
        for space in sorted(self._spaces.values(), key=lambda space: space.used):
            in_use = space.touched and now - space.used < UNUSED_SECONDS
            if in_use or space.name == DEFAULT_SPACE or space.held or not space.lock.acquire(blocking=False):
                continue
            try:
                self._forget(space)
            finally:
                space.lock.release()
            self._closed_for_room += 1
            if now - self._told > _TELL_SECONDS or not self._told:
                self._told = now
                log.warning(
                    "%d spaces are open, the most there can be: the longest idle make room (%d so far, the last %s)",
                    self.limits.spaces, self._closed_for_room, space.name,
                )  # fmt: skip
            return True
        return False

    def _forget(self, space: Space) -> None:
        """With both locks held: nobody opens the name anew before its documents are gone."""
        self.store.drop(space.name)
        space.closed = True
        space.journal.close()
        space.deliveries.close()
        del self._spaces[space.name]

    def locked(self, space: Space) -> _Locked | _Turn:
        """The space with its lock held; if it was closed since it was found, the new one of its name.

        Raises Busy on a thread that must not wait.
        """
        if self.shared is not None:
            return _Turn(self, self.shared, space)
        return _Locked(self, space)

    def hold(self, space: Space, fault: str) -> Callable[[], None] | None:
        """Reserves an open connection for a fault; returns what gives it back, or None when all are taken."""
        assert fault in HELD_FAULTS
        with self._lock:
            if space.held >= self.limits.held_connections_per_space or self.held >= self.limits.held_connections:
                return None
            space.held += 1
            self.held += 1

        def release() -> None:
            with self._lock:
                space.held -= 1
                self.held -= 1

        return release

    def get(self, name: str) -> Space | None:
        """The open space of that name, as it is now, or None."""
        if self.shared is None:
            return self._spaces.get(name)
        if not name or not self.shared.refresh(name):
            return None
        return self.open(name)

    def journals(self, name: str | None, since: int) -> list[tuple[str, Journal]]:
        """The journal of the space of that name, or those of all that may have entries numbered above `since`."""
        if self.shared is None:
            names = [name] if name else list(self._spaces)
            found = [(one, self._spaces.get(one)) for one in names]
            return [(one, space.journal) for one, space in found if space is not None]
        if name:
            return [(name, StoredJournal(self.shared, name))]
        earliest = since / 1e6 - _USE_SECONDS
        settled, used = self.shared.backend.settled(), self.shared.backend.spaces()
        return [(one, StoredJournal(self.shared, one, settled)) for one in used if used[one] >= earliest]

    def last_number(self, name: str | None = None) -> int:
        """Up to where the entries of journals are numbered: of the space of that name, or of all."""
        if self.shared is None:
            return self.budget.last_number
        return self.shared.backend.last_entry(name) if name else self.shared.backend.settled()

    def close(self, name: str) -> bool:
        """Forgets a space and everything in it; False when there is none. The default space is reset instead."""
        if name == DEFAULT_SPACE:
            return self.reset(name)
        if self.shared is not None:
            known = self.shared.refresh(name)
            self.shared.drop(name)
            return known
        space = self._spaces.get(name)
        if space is None:
            return False
        # In this order: who waits for a space must not keep others from opening theirs.
        with space.lock, self._lock:
            if space.closed:
                return False
            self._forget(space)
        return True

    def names(self) -> list[str]:
        return list(self._spaces) if self.shared is None else list(self.shared.backend.spaces())

    def count(self) -> int:
        """How many spaces there are, or were when that could last be known."""
        if self.shared is not None and self.shared.problem is not None:
            return len(self._spaces)
        try:
            return len(self.names())
        except StoreFailed:
            return len(self._spaces)

    def reset(self, name: str) -> bool:
        """Puts the space back to its fixtures; False when there is no such space."""
        space = self.get(name)
        if space is None:
            return False
        with self.locked(space) as space:
            self.store.refill(name, self._fill)
            space.rewind()
        return True

    def reset_all(self) -> list[str]:
        """Puts the default space back to its fixtures and closes all others; returns their names."""
        names = self.names()
        for name in names:
            self.close(name)
        return names


def _said(work: Callable[[], Result]) -> Result | Exception:
    try:
        return work()
    except Exception as error:
        return error


def _seed_of(seed: int, name: str) -> int:
    """A space's own seed, so that spaces differ under one seed of the server and can be repeated under any name."""
    return Random(f"{seed}/{name}").getrandbits(48)
