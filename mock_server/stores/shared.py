"""The store of several processes: each has the spaces in memory as it knows them, and what is true is in a backend.

A piece of work on a space is a turn. Either it is tried: it is done on what this process knows and kept if that is
still the newest, else what was done is taken back, what is new is learnt, and it is tried again. Or, where it cannot be
repeated, it has a lease: others wait until it is kept. Both ways a space changes from version to version, and every
answer is true of one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from secrets import token_hex
from threading import Event, RLock, Thread, get_ident, local
from time import monotonic, sleep, time
from typing import TypeVar

from mock_server.process.limits import DEFAULTS, Limits
from mock_server.stores.backends import ANY, CHANGED, KEPT, Backend, Change, News, Proposal
from mock_server.stores.memory import MemoryStore
from mock_server.stores.protocols import Beside, StoreFailed, StoreFull, Transaction
from mock_server.stores.replicas import Replica, apply, shorten
from mock_server.stores.turns import Attempt, Turn, TurnTransaction, change_of
from mock_server.text.jsontext import dumps, own

Result = TypeVar("Result")

TRIES = 3
"""After so many a piece of work takes a lease."""
LEASE_SECONDS = 2.0
"""How long a lease holds if its process is gone; a change is safe without it, only others would be in its way."""
_LEASE_WAIT_SECONDS = 20.0
_SLOWEST_LOOK_SECONDS = 0.02
_USE_SECONDS = 1.0


class Contended(Exception):
    """Somebody else is at work in the space, and the caller must not wait; nothing has been done."""

    def __init__(self, space: str, pause: float) -> None:
        super().__init__(space)
        self.pause = pause
        """After so many seconds it is worth trying again; 0 as soon as nobody in this process is at work there."""


class _Conflict(Exception):
    """Somebody else was quicker; what was done is taken back and what is new is known."""


class _Transacted:
    """The block of a transaction, in a turn of its own where there is none."""

    __slots__ = ("_space", "_store", "_transaction")

    def __init__(self, store: SharedStore, space: str) -> None:
        self._store = store
        self._space = space

    def __enter__(self) -> TurnTransaction:
        self._store.begin(self._space)
        self._transaction = TurnTransaction(self._store.tables(self._space))
        return self._transaction

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            if kind is not None:
                self._transaction.undo()
            else:
                self._store.take(self._space, self._transaction)
        finally:
            self._store.end(self._space)


class SharedStore(MemoryStore):
    """The spaces of a backend."""

    def __init__(self, backend: Backend, limits: Limits = DEFAULTS) -> None:
        super().__init__(limits)
        self.backend = backend
        self.beside: Beside | None = None
        self.impatient: set[int] = set()
        """The threads that wait for nobody."""
        self.conflicts = 0
        self.retries = 0
        self.seconds = 0.0
        """What waiting for the backend has taken."""
        self._token = token_hex(8)
        self._replicas: dict[str, Replica] = {}
        self._local = local()
        self._chance = Random()
        self._used: dict[str, float] = {}
        self._stopped = Event()
        self._teller = Thread(target=self._tell_use, name="use", daemon=True)
        self._teller.start()

    @property
    def problem(self) -> str | None:
        return self.backend.problem

    def knows(self, space: str) -> bool:
        """Whether this process knows a version of the space."""
        replica = self._replicas.get(space)
        return replica is not None and replica.version is not None

    def lock(self, space: str) -> RLock:
        """Who has it is at work in the space, in this process."""
        return self._lock(space)

    # --- work that may be tried again -----------------------------------------------------------

    def attempt(self, work: Callable[[], Result]) -> Result:
        """Does the work until what it did is kept; raises Contended on a thread that must not wait, or StoreFailed.

        What is a part of more is done once: it is for the whole to try again.
        """
        if self._attempt() is not None:
            return work()
        tries = 0
        while True:
            attempt = self._local.attempt = Attempt(tries >= TRIES)
            kept = False
            try:
                result = work()
                self._commit(attempt.turns, attempt.loose)
                kept = True
            except _Conflict:
                self.conflicts += 1
                tries += 1
                continue
            except Contended as contended:
                if get_ident() in self.impatient:
                    raise
                sleep(contended.pause or 0.001)
                continue
            finally:
                self._local.attempt = None
                self._give_back(attempt)
                self.retries += kept and tries > 0
                for function in () if kept else attempt.otherwise:
                    function()
            for function in attempt.afterwards:
                function()
            return result

    def afterwards(self, function: Callable[[], object]) -> None:
        """Calls the function when what is being tried is kept, or at once where nothing is."""
        attempt = self._attempt()
        if attempt is None:
            function()
        else:
            attempt.afterwards.append(function)

    def otherwise(self, function: Callable[[], object]) -> None:
        """Calls the function when what is being tried is taken back, which what is not tried never is."""
        attempt = self._attempt()
        if attempt is not None:
            attempt.otherwise.append(function)

    def _attempt(self) -> Attempt | None:
        found: Attempt | None = getattr(self._local, "attempt", None)
        return found

    def _give_back(self, attempt: Attempt) -> None:
        for name in attempt.turns:
            replica = self._replicas[name]
            if replica.turn is not None:
                self._undo(name, replica)
            self._lock(name).release()

    # --- turns ----------------------------------------------------------------------------------

    def begin(self, space: str) -> None:
        """Begins a turn, or joins that of this thread; raises Contended on a thread that must not wait."""
        lock, impatient = self._lock(space), get_ident() in self.impatient
        if not lock.acquire(blocking=not impatient):
            raise Contended(space, 0.0)
        try:
            replica = self._replicas.setdefault(space, Replica())
            if replica.turn is not None:
                replica.turn.depth += 1
                return
            attempt = self._attempt()
            wanted = attempt is None or attempt.leased
            leased = wanted and self._take_lease(space, impatient)
            if wanted or replica.version is None:
                self._learn(space, replica, self._call(lambda: self.backend.load(space, replica.version or 0)))
            replica.turn = Turn(leased)
            self._used[space] = time()
            if attempt is not None:
                # The turn lasts as long as the attempt.
                replica.turn.depth += 1
                lock.acquire()
                attempt.turns.append(space)
        except BaseException:
            lock.release()
            raise

    def end(self, space: str) -> None:
        """Ends what `begin` began: what was done is kept, unless it is a part of more. Raises StoreFailed."""
        turn = self._replicas[space].turn
        assert turn is not None
        try:
            turn.depth -= 1
            if not turn.depth:
                try:
                    self._commit([space])
                except _Conflict:
                    raise StoreFailed(f"{self.backend.address}: another process was quicker; try again") from None
        finally:
            self._lock(space).release()

    def refresh(self, space: str) -> bool:
        """Learns what is new of a space; False where there is none."""
        with self._lock(space):
            replica = self._replicas.setdefault(space, Replica())
            if replica.turn is None:
                self._learn(space, replica, self._call(lambda: self.backend.load(space, replica.version or 0)))
            return self.exists(space)

    def tell(self, space: str) -> None:
        """Tells who knows the rest of a space what was kept of it."""
        replica = self._replicas[space]
        if self.beside is not None and replica.version:
            self.beside.restore(space, None if replica.world is None else own(replica.world))
            self.beside.rows_changed(space, self.tables(space), None)

    def take(self, space: str, transaction: TurnTransaction) -> None:
        """Takes what a transaction wrote into the turn; raises StoreFull, and takes it back."""
        try:
            self.settle(space, transaction.grown, bounded=True)
        except StoreFull:
            transaction.undo()
            raise
        turn = self._replicas[space].turn
        assert turn is not None
        if transaction.changed:
            turn.transactions.append(transaction)

    def record(self, space: str, entry: bytes) -> None:
        """Adds an entry to the journal, with all else that the turn does where there is one."""
        replica, attempt = self._replicas.get(space), self._attempt()
        if attempt is not None and space not in attempt.turns:
            attempt.loose.setdefault(space, []).append(entry)
        elif replica is not None and replica.turn is not None and self._owns(space):
            replica.turn.entries.append(entry)
        else:
            self._commit([], {space: [entry]})

    def _owns(self, space: str) -> bool:
        """Whether the turn of a space is this thread's."""
        lock = self._lock(space)
        if not lock.acquire(blocking=False):
            return False
        lock.release()
        return True

    def _take_lease(self, space: str, impatient: bool) -> bool:
        """Keeps a space for this process; False where that cannot be written down, so that only looking is sure."""
        deadline, pause = monotonic() + _LEASE_WAIT_SECONDS, 0.001
        while True:
            try:
                if self._call(lambda: self.backend.lease(space, self._token, LEASE_SECONDS)):
                    return True
            except StoreFailed:
                return False
            pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS) * (0.5 + self._chance.random())
            if impatient:
                raise Contended(space, pause)
            if monotonic() > deadline:
                raise StoreFailed(f"{self.backend.address}: another process keeps the space {space} for itself")
            sleep(pause)

    def _commit(self, spaces: Sequence[str], loose: Mapping[str, Sequence[bytes]] = {}) -> None:
        """Keeps what the turns of these spaces did, and loose entries of journals.

        Raises _Conflict, Contended or StoreFailed, and then the turns are taken back.
        """
        proposals, marks = [], dict[str, object]()
        try:
            for space in spaces:
                proposal = self._proposal(space, loose.get(space, ()), marks)
                if proposal is None:
                    self._end_unchanged(space)
                else:
                    proposals.append(proposal)
            turned = len(proposals)
            for space in loose.keys() - set(spaces):
                proposals.append(Proposal(space, ANY, Change(entries=loose[space])))
            if not proposals:
                return
            token = self._token if any(self._turn(one.space).leased for one in proposals[:turned]) else ""
            try:
                replies = self._call(lambda: self.backend.commit(proposals, token))
            except StoreFailed:
                if not turned or any(proposal.change.moves for proposal in proposals):
                    raise
                # Whoever only looked is answered, though there is no room even for its line in the journal.
                for proposal in proposals[:turned]:
                    self._end_unchanged(proposal.space)
                return
        except _Conflict:
            raise
        except BaseException:
            for space in spaces:
                self._take_back(space)
                # Whether it was kept is not known.
                self._replicas[space].version = None
            raise
        pairs = list(zip(proposals[:turned], replies, strict=False))
        if all(reply.outcome == KEPT for reply in replies):
            for proposal, reply in pairs:
                self._kept(proposal, reply.news.version, marks.get(proposal.space))
            return
        for space in spaces:
            self._take_back(space)
        changed = [(one.space, reply.news) for one, reply in pairs if reply.outcome == CHANGED]
        for space, news in changed:
            self._learn(space, self._replicas[space], news)
        if changed:
            raise _Conflict
        taken = next(one.space for one, reply in pairs if reply.outcome != KEPT)
        raise Contended(taken, 0.002 * (0.5 + self._chance.random()))

    def _turn(self, space: str) -> Turn:
        turn = self._replicas[space].turn
        assert turn is not None
        return turn

    def _take_back(self, space: str) -> None:
        replica = self._replicas[space]
        if replica.turn is not None:
            self._undo(space, replica)

    def _proposal(self, space: str, entries: Sequence[bytes], marks: dict[str, object]) -> Proposal | None:
        """What a turn did, None for nothing; the mark of the world beside the documents goes to `marks`."""
        replica, turn = self._replicas[space], self._turn(space)
        turn.entries += entries
        beside = None
        if self.beside is not None and not turn.gone:
            with suppress(StoreFull):
                self._flush(space, turn)
            beside = self.beside.changed(space)
            if beside is not None:
                marks[space] = beside[0]
        change = change_of(self.tables(space), turn, replica.lasts, None if beside is None else dumps(beside[1]))
        if not change.moves and not change.entries:
            return None
        return Proposal(space, replica.version or 0, change)

    def _kept(self, proposal: Proposal, version: int, mark: object) -> None:
        """What was proposed is what the backend has."""
        space, change = proposal.space, proposal.change
        replica, turn = self._replicas[space], self._turn(space)
        replica.turn = None
        replica.version = version
        replica.lasts = dict(change.lasts) if change.whole else {**replica.lasts, **change.lasts}
        for transaction in turn.transactions:
            transaction.commit()
        if change.gone:
            self._forget(space, replica)
        elif self.beside is not None and change.world is not None:
            replica.world = change.world
            self.beside.kept(space, mark)

    def _end_unchanged(self, space: str) -> None:
        """Ends a turn that only looked; one that was tried raises _Conflict where what it saw is no longer true."""
        replica = self._replicas[space]
        if self._turn(space).leased:
            self._call(lambda: self.backend.release(space, self._token))
        else:
            news = self._call(lambda: self.backend.load(space, replica.version or 0))
            if news.version != (replica.version or 0):
                self._undo(space, replica)
                self._learn(space, replica, news)
                raise _Conflict
        replica.turn = None

    def _flush(self, space: str, turn: Turn) -> None:
        """Lets what is kept as rows beside the documents be written with them."""
        assert self.beside is not None
        transaction = TurnTransaction(self.tables(space))
        self.beside.flush(space, transaction)
        if transaction.changed:
            turn.transactions.append(transaction)
            self.settle(space, transaction.grown)

    def _undo(self, space: str, replica: Replica) -> None:
        """Takes back what the turn did, numbers that it gave included: somebody else may have given the same."""
        turn = replica.turn
        assert turn is not None
        replica.turn = None
        if turn.replaced is not None:
            self._spaces[space], size = turn.replaced
            self.settle(space, size - self._sizes.get(space, 0))
        else:
            for transaction in reversed(turn.transactions):
                self.settle(space, -transaction.grown)
                transaction.undo()
        for kind, table in self.tables(space).items():
            shorten(table, replica.lasts.get(kind, 0))
        if self.beside is not None:
            self.beside.restore(space, None if replica.world is None else own(replica.world))
            self.beside.rows_changed(space, self.tables(space), None)

    # --- learning -------------------------------------------------------------------------------

    def _learn(self, space: str, replica: Replica, news: News) -> None:
        """Brings what this process knows to the newest version."""
        if news.version == replica.version:
            return
        if not news.version:
            self._forget(space, replica)
            return
        touched: dict[str, set[str]] | None = {}
        for change in news.changes:
            if change.whole:
                self._spaces[space] = self.no_tables()
                self._see(space, -self._sizes.get(space, 0))
                replica.lasts, touched = {}, None
            self._see(space, apply(self.tables(space), change))
            replica.lasts.update(change.lasts)
            replica.world = change.world or replica.world
            if touched is not None:
                for kind, id in (*(row[:2] for row in change.written), *change.deleted):
                    touched.setdefault(kind, set()).add(id)
        replica.version = news.version
        if self.beside is not None:
            self.beside.restore(space, None if replica.world is None else own(replica.world))
            self.beside.rows_changed(space, self.tables(space), touched)

    def _see(self, space: str, grown: int) -> None:
        """Counts what is known of a space; of all spaces the backend knows more than this process."""
        with self._guard:
            self._sizes[space] = self._sizes.get(space, 0) + grown

    def _forget(self, space: str, replica: Replica) -> None:
        """The space is gone."""
        replica.version, replica.lasts, replica.world = 0, {}, None
        super().drop(space)
        if self.beside is not None:
            self.beside.gone(space)

    # --- what a store promises ------------------------------------------------------------------

    def transaction(self, space: str) -> _Transacted:  # type: ignore[override]
        return _Transacted(self, space)

    def exists(self, space: str) -> bool:
        replica = self._replicas.get(space)
        return replica is not None and bool(replica.version)

    def drop(self, space: str) -> None:
        self.begin(space)
        turn = self._replicas[space].turn
        assert turn is not None
        if self.exists(space):
            turn.gone = True
        self.end(space)

    def refill(self, space: str, fill: Callable[[Transaction], None]) -> None:
        self.begin(space)
        try:
            tables = self.no_tables()
            transaction = TurnTransaction(tables)
            fill(transaction)
            turn = self._replicas[space].turn
            assert turn is not None
            if turn.replaced is None:
                turn.replaced = (self.tables(space), self._sizes.get(space, 0))
            self._spaces[space] = tables
            self.settle(space, transaction.grown - self._sizes.get(space, 0))
        finally:
            self.end(space)

    def close(self) -> None:
        self._stopped.set()
        self._teller.join()
        self.backend.close()

    def _tell_use(self) -> None:
        """Tells the backend every now and then which spaces are used, and keeps what counts over all of them."""
        while not self._stopped.wait(_USE_SECONDS):
            used, self._used = self._used, {}
            # Where there is hardly any room, it is left to those who have more to say.
            if used and self.problem is None:
                with suppress(StoreFailed):
                    self.backend.use(used)
                    known = self._size
                    total = self.backend.total({name: self._sizes.get(name, 0) for name in used if self.exists(name)})
                    with self._guard:
                        # And what has been written here meanwhile.
                        self._size += total - known
                    self.backend.shorten_journals()

    def _call(self, function: Callable[[], Result]) -> Result:
        """What the backend says, with the time that it took counted."""
        began = monotonic()
        try:
            return function()
        finally:
            self.seconds += monotonic() - began
