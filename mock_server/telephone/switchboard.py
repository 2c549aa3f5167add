"""The switchboard of a server: rings numbers of its spaces, plays what is due, hangs up."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice
from secrets import token_hex
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Any
from weakref import WeakKeyDictionary

from mock_server.messages import Json
from mock_server.spaces import Space, Spaces
from mock_server.spec import Inbound, Spec
from mock_server.stores import State, StoreFailed, Transaction
from mock_server.stores.backends import Backend
from mock_server.telephone.campaigning.conducting import Conducting
from mock_server.telephone.campaigning.news import News
from mock_server.telephone.campaigning.playing import Agenda, Played, play
from mock_server.telephone.line.calls import ENDED, SAID, Dialled, book_of, hang_up, keep, place, shown
from mock_server.telephone.line.fates import fate
from mock_server.telephone.line.picking import greeting_of, picks_up
from mock_server.telephone.line.remembering import remembered
from mock_server.telephone.telling.announcing import announce, announce_campaign
from mock_server.telephone.telling.asking import advised, ask, question_of
from mock_server.telephone.telling.courier import Courier

log = logging.getLogger("ringback")

_WATCH_SECONDS = 0.1
_TELEPHONE, _LEASE_SECONDS, _RENEW_SECONDS = "~telephone", 3.0, 1.0
"""The lease of the one process that plays and delivers."""
STEPS_AT_ONCE = 50
"""How many steps are taken while others wait for the space: a few milliseconds' worth."""

DEFAULT_CALLER = "+12025550143"
"""Who calls where nobody says: a number that is kept for fiction."""


class NoSuchNumber(Exception):
    """No vendor of the space has the number; `known` are some that it has."""

    def __init__(self, number: str, known: Sequence[str]) -> None:
        super().__init__(f"no number {number!r} is here; there are {', '.join(known) or 'none'}")


class AmbiguousNumber(Exception):
    """Several vendors of the space have the number."""

    def __init__(self, number: str, providers: Sequence[str]) -> None:
        super().__init__(f"{number} is a number of {' and '.join(providers)}; say of which")


class NoSuchCall(Exception):
    """The space has no call of that id."""


class NotLive(Exception):
    """The call is over already."""


class Switchboard:
    """Rings, plays and hangs up in the spaces of a server."""

    def __init__(self, spaces: Spaces, specs: Mapping[str, Spec], courier: Courier | None = None) -> None:
        self._spaces = spaces
        self.courier = courier or Courier()
        self.courier.done = lambda state: spaces.metrics.deliveries.update((state,))
        self._specs = specs
        self._agendas: WeakKeyDictionary[Space, Agenda] = WeakKeyDictionary()
        self._awake: dict[str, tuple[Space]] = {}
        self._stirred = Condition()
        self._thread: Thread | None = None
        self._name = token_hex(8)
        if spaces.shared is not None:
            Thread(target=self._serve, args=(spaces.shared.backend,), name="switchboard", daemon=True).start()

    def dial(
        self,
        space: Space,
        to: str,
        *,
        caller: str = DEFAULT_CALLER,
        provider: str | None = None,
        outcome: str | None = None,
        said: Sequence[Mapping[str, str]] | None = None,
    ) -> dict[str, Json]:
        """Rings a number of the space, and tells of the call; raises NoSuchNumber, AmbiguousNumber or CallLimit."""
        with self._opened(space) as (world, transaction):
            spec, inbound, number, state = self._called(transaction, to, provider)
            question = question_of(spec, inbound, number, caller, state, book_of(transaction), world.random)
        # Nobody waits for the space while the application is asked.
        advice = ask(space, spec, question, self.courier) if question is not None else None
        with self._opened(space) as (world, transaction):
            spec, inbound, number, state = self._called(transaction, to, provider)
            picked = advised(advice, picks_up(spec, inbound, number, state, world.random), inbound, state)
            agent: Mapping[str, Any] = picked.agent or {}
            name = str(agent.get(inbound.name, ""))
            greeting = greeting_of(inbound, agent, "inbound")
            key = str(number[spec.records[inbound.numbers].key])
            kept = remembered(spec, state, number, picked.agent)
            said_to = advice.given if advice is not None else {}
            # What was asked first has an address of its own; those of the other events stay.
            addresses = {**kept.pop("addresses", {}), **said_to.get("addresses", {})}
            given = {**kept, "to": to, **said_to, **({"addresses": addresses} if addresses else {})}
            ids = question.ids if question is not None else None
            line = spec.tells(SAID)
            dialled = Dialled(spec.provider, "inbound", caller, to, key, greeting, name, said, given, None, ids, line)
            chance = world.random
            fated = fate(outcome, caller, "inbound", chance)
            most = self._spaces.limits.calls_per_space
            call = place(book_of(transaction), dialled, picked, fated, world.now(), chance, most, spec.call_id)
        self.wake(space)
        return self.call(space, call["id"])

    def _called(
        self, transaction: Transaction, to: str, provider: str | None
    ) -> tuple[Spec, Inbound, Mapping[str, Json], State]:
        """The vendor that has the number, and its record."""
        found = []
        for name, spec in self._specs.items():
            inbound = spec.inbound
            if inbound is None or provider not in (None, name):
                continue
            state = State(transaction, name, spec.records)
            record = state.find(inbound.numbers, to)
            if record is not None and record[inbound.number] == to:
                found.append((spec, inbound, record, state))
        if not found:
            raise NoSuchNumber(to, self._known(transaction, provider))
        if len(found) > 1:
            raise AmbiguousNumber(to, [spec.provider for spec, *_ in found])
        return found[0]

    def _known(self, transaction: Transaction, provider: str | None) -> list[str]:
        """A few numbers of each vendor."""
        return [
            str(row[spec.inbound.number])
            for name, spec in self._specs.items()
            if spec.inbound is not None and provider in (None, name)
            for row in islice(State(transaction, name, spec.records).all(spec.inbound.numbers), 4)
        ]

    def calls(
        self, space: Space, *, after: int = 0, limit: int = 1000, **wanted: str | None
    ) -> tuple[list[dict[str, Json]], int | None]:
        """The space's calls behind that place, oldest first, whose fields have the wanted values, and where to go on.

        The place of a call is its own for ever; None says that there are no more.
        """
        self.catch_up(space)
        found: list[dict[str, Json]] = []
        last = after
        with self._opened(space) as (world, transaction):
            now = world.now()
            for row in book_of(transaction).rows("calls", after):
                if not _fits(row.document, wanted):
                    continue
                if len(found) == limit:
                    return found, last
                found.append(shown(row.document, now))
                last = row.sequence
        return found, None

    def newest_calls(self, space: Space, limit: int, **wanted: str | None) -> list[dict[str, Json]]:
        """The newest of the space's calls whose fields have the wanted values, newest first."""
        self.catch_up(space)
        with self._opened(space) as (world, transaction):
            now, rows = world.now(), book_of(transaction).rows("calls", 0)
            fitting = (row.document for row in rows if _fits(row.document, wanted))
            return [shown(document, now) for document in reversed(deque(fitting, maxlen=limit))]

    def call(self, space: Space, id: str) -> dict[str, Json]:
        """The call of that id; raises NoSuchCall."""
        self.catch_up(space)
        with self._opened(space) as (world, transaction):
            return shown(_known(book_of(transaction), id), world.now())

    def told(self, space: Space, id: str) -> tuple[dict[str, Any], datetime]:
        """The call of that id, whole, and the space's time; raises NoSuchCall."""
        self.catch_up(space)
        with self._opened(space) as (world, transaction):
            return _known(book_of(transaction), id), world.now()

    def hang_up(self, space: Space, id: str) -> dict[str, Json]:
        """Ends a call that is under way; raises NoSuchCall or NotLive."""
        self.catch_up(space)
        with self._opened(space) as (world, transaction):
            book, now = book_of(transaction), world.now()
            call = _known(book, id)
            if call["state"] == ENDED:
                raise NotLive(f"the call {id} is over since {call['ended_at']}: {call['reason']}")
            hang_up(call, now)
            keep(book, call)
            campaigner = self._conducting(transaction, world)
            campaigner.call_over(call, now)
            self._announce(world, call, now)
            for news in campaigner.news():
                self._announce(world, news, now)
            told = shown(call, now)
        if self._spaces.shared is not None:
            self.wake(space)
        return told

    def catch_up(self, space: Space) -> int:
        """Plays everything that is due by the space's clock; returns how many steps that took."""
        return self._play(space, space.now(), moving=False)

    def glance(self, space: Space) -> None:
        """Plays a turn of what is due: as much as somebody may do who serves everybody."""
        self._turn(space, space.now(), moving=False)

    def wake(self, space: Space) -> None:
        """Says that something may be due in the space: it will be played when its time comes, whoever looks."""
        if self._spaces.shared is not None:
            wake = self._spaces.shared.backend.wake
            self._spaces.afterwards(lambda: wake(space.name, token_hex(8)))
            return
        with self._stirred:
            self._awake[space.name] = (space,)
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="switchboard", daemon=True)
                self._thread.start()
            self._stirred.notify()

    def _watch(self) -> None:
        """Plays what falls due where the clock runs; a clock that stands still makes nothing due."""
        while True:
            with self._stirred:
                while not self._awake:
                    self._stirred.wait()
                awake = list(self._awake.items())
            for name, mark in awake:
                space = self._spaces.get(name)
                try:
                    over = space is None or self._turn(space, space.now(), moving=False).next is None
                except Exception:
                    log.exception("the calls of %s cannot be played", name)
                    over = True
                with self._stirred:
                    # A clock that stands still makes nothing due until it is moved. Woken again, it has another mark.
                    still = space is not None and space.clock.frozen
                    if (over or still) and self._awake.get(name) is mark:
                        del self._awake[name]
            sleep(_WATCH_SECONDS)

    def _serve(self, backend: Backend) -> None:
        """Plays and delivers in all spaces of a store, in one of the processes that share it: who has the lease."""
        ends = looked = 0.0
        while True:
            sleep(_WATCH_SECONDS)
            with suppress(StoreFailed):
                now = monotonic()
                if now - looked >= _RENEW_SECONDS:
                    looked = now
                    ends = now + _LEASE_SECONDS if backend.lease(_TELEPHONE, self._name, _LEASE_SECONDS) else 0.0
                for name, mark in backend.awake().items() if now < ends else ():
                    if monotonic() - looked >= _RENEW_SECONDS:
                        break
                    try:
                        over = self._served(name)
                    except StoreFailed:
                        continue
                    except Exception:
                        log.exception("the calls of %s cannot be played", name)
                        over = True
                    if over:
                        backend.rest(name, mark)

    def _served(self, name: str) -> bool:
        """Plays what is due in a space and posts what is to be delivered; says whether nothing is left to be done."""
        space = self._spaces.get(name)
        if space is None:
            return True
        played = self._spaces.attempt(lambda: self._turn(space, space.now(), moving=False))
        waiting = space.deliveries.waiting()
        for delivery in waiting:
            spec = self._specs.get(delivery.provider)
            sending = spec.sending_of(delivery.event) if spec is not None else None
            if sending is not None:
                self.courier.post(space, delivery, sending)
        return not waiting and (played.next is None or space.clock.frozen)

    def advance(self, space: Space, seconds: float) -> int:
        """Moves the space's clock, playing on the way everything that falls due, in order; returns the steps."""
        target = space.now() + timedelta(seconds=seconds)
        steps = self._play(space, target, moving=space.clock.frozen)
        with self._spaces.locked(space) as space:
            space.clock.advance((target - space.now()).total_seconds() if space.clock.frozen else seconds)
        if self._spaces.shared is not None:
            self.wake(space)
        return steps

    def _play(self, space: Space, until: datetime, *, moving: bool) -> int:
        """Plays in turns, so that others reach the space between them; a `moving` clock goes along."""
        steps = 0
        while True:
            played = self._turn(space, until, moving=moving)
            steps += played.steps
            if played.next is None or played.next > until:
                return steps

    def _turn(self, space: Space, until: datetime, *, moving: bool) -> Played:
        with self._opened(space) as (world, transaction):
            agenda = self._agendas.setdefault(world, Agenda())
            campaigner = self._conducting(transaction, world)
            played = play(book_of(transaction), until, STEPS_AT_ONCE, agenda, campaigner)
            for moment, one in played.moved:
                self._announce(world, one, moment)
            if moving and played.last is not None and played.last > world.now():
                world.clock.set(played.last, frozen=True)
        if played.moved and self._spaces.shared is not None:
            self.wake(space)
        return played

    def _conducting(self, transaction: Transaction, world: Space) -> Conducting:
        return Conducting(self._specs, transaction, world.random, self._spaces.limits.calls_per_space)

    def _announce(self, space: Space, one: Mapping[str, Json] | News, now: datetime) -> None:
        spec = self._specs.get(one.provider if isinstance(one, News) else one["provider"])
        if spec is None:
            return
        if isinstance(one, News):
            announce_campaign(space, spec, one, self.courier)
        else:
            announce(space, spec, one, now, self.courier)

    @contextmanager
    def _opened(self, space: Space) -> Iterator[tuple[Space, Transaction]]:
        with self._spaces.locked(space) as world, self._spaces.store.transaction(world.name) as transaction:
            yield world, transaction


def _fits(call: Mapping[str, Any], wanted: Mapping[str, str | None]) -> bool:
    return all(value is None or call[name] == value for name, value in wanted.items())


def _known(book: State, id: str) -> dict[str, Any]:
    call = book.get("calls", id)
    if call is None:
        raise NoSuchCall(f"there is no call {id!r} here")
    return call
