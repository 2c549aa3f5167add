"""One run of the harness: its worlds, what it checks in them, and the outcomes."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from contract_tests.endpoint.guard import COSTS, Guard
from contract_tests.endpoint.mock import OwnMock, forget_space
from contract_tests.endpoint.transport import Exchange, Route, Transport, Unanswered, Unreachable
from contract_tests.judging.citations import Citations
from contract_tests.judging.judge import Judge, Tally
from contract_tests.judging.settling import Settling
from contract_tests.options import DEFAULT_KEY, Key, Settings
from contract_tests.preflight import UNREACHABLE, Stopped, look_again, look_before
from contract_tests.properties.table import PROPERTIES, Property, Recorder
from contract_tests.walks.machine import explore
from contract_tests.walks.scenario import Scenario
from contract_tests.words.findings import FAIL_ON, ContractBroken, Difference, Finding, NotCovered, Outcome
from contract_tests.words.replies import Reply
from contract_tests.words.results import Flaky, Results
from contract_tests.words.secrets.discretion import Discretion
from contract_tests.words.statements import outcome_of
from contract_tests.world.traces import Traces
from contract_tests.world.undoing import KEPT
from contract_tests.world.world import World
from mock_server.spec import Operation, Spec, WireRequest, load_all

DRAWS_OWN, DRAWS_LOOPBACK, DRAWS_REMOTE = 30, 10, 0
WALKS_OWN, WALKS_ELSEWHERE = (600, 50), (10, 25)
"""How many walks the state machine makes, and of how many steps at most."""
_INDEX = WireRequest("GET", "/", "", {}, None)


class Case(NamedTuple):
    """One thing to be checked: a property of an operation, or a walk through all of a vendor's operations."""

    provider: str
    title: str
    check: Callable[[], object]

    @property
    def id(self) -> str:
        return f"{self.provider}-{self.title.replace(' [', '-').rstrip(']')}"


class Run:
    """One run of the harness: its settings, worlds and outcomes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.specs = load_all()
        # An origin that ends in a vendor's name, and no other word of vendors: that vendor is meant.
        named = settings.targets.get("", "").rstrip("/").rpartition("/")[2]
        if not settings.providers and named in self.specs:
            settings.providers = [named]
        self.outcomes: list[Outcome] = []
        self.unreachable: str | None = None
        self.left_behind: list[str] = []
        self.exchanges: list[Exchange] = []
        self.started = datetime.now(UTC)
        self.seconds = 0.0
        self._started_seconds = time.perf_counter()
        self._worlds: dict[str, World] = {}
        self._mocks: dict[str, OwnMock] = {}
        self._first: dict[str, Reply | None] = {}

    @property
    def providers(self) -> list[str]:
        return self.settings.providers or list(self.specs)

    @property
    def sent(self) -> dict[str, int]:
        """The requests sent so far, by vendor; may be read while the run goes on in another thread."""
        return {provider: world.transport.sent for provider, world in list(self._worlds.items())}

    def all_cases(self, providers: Iterable[str] | None = None) -> Iterator[Case]:
        """Everything that is to be checked at the depth that was asked for, in the order of the specs."""
        for provider in self.providers if providers is None else providers:
            spec, depth = self.specs[provider], self.settings.depth_for(self.target(provider))
            yield Case(provider, "scenario", partial(self.scenario, spec))
            if depth == "scenario":
                continue
            for _, operation, property in self.cases([provider]):
                title = f"{operation.id} [{property.name}]"
                yield Case(provider, title, partial(self.check, spec, operation, property))
            if depth == "deep" and not self.settings.operations:
                yield Case(provider, "state machine", partial(self.machine, spec))

    def cases(self, providers: Iterable[str] | None = None) -> Iterator[tuple[Spec, Operation, Property]]:
        """Every property of every operation that is to be checked, in the order of the specs."""
        for provider in self.providers if providers is None else providers:
            spec = self.specs[provider]
            for operation in spec.operations.values():
                if self.settings.operations and operation.id not in self.settings.operations:
                    continue
                for property in PROPERTIES:
                    if property.applies(spec, operation):
                        yield spec, operation, property

    def target(self, provider: str) -> str | None:
        """The origin to check for this vendor, as it was given; None for a mock of our own."""
        return self.settings.targets.get(provider) or self.settings.targets.get("")

    def _side_by_side(self, origin: str, provider: str, guard: Guard) -> str:
        """The vendor's origin on a server that serves several vendors side by side, as `ringback serve` does.

        On loopback such a server is recognised by its index page; elsewhere nothing undocumented is asked, and
        one origin given for several vendors means a prefix for each.
        """
        if self._asks_for_index(origin, guard):
            try:
                index = Transport(origin, guard, route=self.settings.route).send(_INDEX).json
            except Unanswered:
                return origin  # No page promises an answer to this.
            providers = index.get("providers") if isinstance(index, dict) else None
            return f"{origin}/{provider}" if isinstance(providers, dict) and provider in providers else origin
        shared = provider not in self.settings.targets and len(self.providers) > 1
        return f"{origin}/{provider}" if shared else origin

    @staticmethod
    def _asks_for_index(origin: str, guard: Guard) -> bool:
        return urlsplit(origin).path in ("", "/") and not guard.real

    def preflight(self) -> None:
        """Asks every target whether it is the right server, up, and takes the key; raises Stopped where it does not.

        On a Ringback on loopback what follows happens in a space of its own, also where a key was given: it is tried,
        and the space that it opens is left as it is.
        """
        for provider in self.providers:
            if self.target(provider) is not None:
                try:
                    world = self.world(provider)
                except Unreachable as why:
                    raise Stopped(str(why), UNREACHABLE) from None
                self._first[provider] = first = look_before(world)
                if first is None or "x-ringback-operation" not in first.headers or self.settings.plan:
                    continue
                world.ringback = True
                if not world.transport.guard.real:
                    world.key, world.aside = f"test_check_{secrets.token_hex(6)}", True

    @cached_property
    def stopped(self) -> Stopped | None:
        """That a target at which something was found is another one now than at first, which is asked but once."""
        for provider, first in self._first.items():
            if any(one.provider == provider and one.verdict == "failed" for one in self.outcomes):
                try:
                    look_again(self.world(provider), first)
                except Stopped as why:
                    return why
        return None

    def world(self, provider: str) -> World:
        if provider not in self._worlds:
            self._worlds[provider] = self._open(provider)
        return self._worlds[provider]

    def _open(self, provider: str) -> World:
        settings, spec, origin = self.settings, self.specs[provider], self.target(provider)
        guard = Guard(
            spec,
            settings.allowed_for(origin),
            max_requests=settings.budget_for(origin),
            max_purchases=settings.purchases_for(origin),
            numbers=settings.numbers,
            real=origin is not None and settings.is_real(origin),
            own=origin is None,
            rehearsal=settings.plan,
        )
        if origin is None:
            # One for each vendor: every world has a space of its own, and a server has room for a thousand.
            self._mocks[provider] = mock = OwnMock(settings.mock_command)
            transport = self._transport(mock.origin(provider), guard)
            return World(spec, transport, key=f"test_check_{provider}", own=True, given=self._given(spec))
        key, other = settings.api_key, settings.other_api_key
        if settings.plan:
            self._mocks[provider] = mock = OwnMock(settings.mock_command)
            transport = self._transport(mock.origin(provider), guard)
            if self._asks_for_index(origin, guard):
                transport.send(_INDEX)
        else:
            transport = self._transport(self._side_by_side(origin, provider, guard), guard)
        world = World(
            spec,
            transport,
            key=key.name if key else DEFAULT_KEY,
            own=False,
            given=self._given(spec),
            other=other.name if other else None,
        )
        Traces(world)
        if settings.settle and not settings.plan:
            world.settling = Settling(world, settings.settle)
        return world

    def _own_world(self, spec: Spec) -> Callable[[], World]:
        """A world on a mock of our own, which is started when it is first needed."""

        def opened() -> World:
            guard = Guard(spec, COSTS, own=True)
            name = f"{spec.provider} aside"
            if name not in self._mocks:
                self._mocks[name] = OwnMock(self.settings.mock_command)
            origin = self._mocks[name].origin(spec.provider)
            return World(spec, Transport(origin, guard), key="test_aside", own=True).fresh()

        return opened

    def _transport(self, origin: str, guard: Guard) -> Transport:
        settings = self.settings
        return Transport(
            origin,
            guard,
            secrets={key.name: f"test_{key.name[1:]}" if settings.plan else key.secret for key in self.secrets()},
            rate=None if settings.plan else settings.rate,
            watch=self.exchanges.append if settings.record or settings.plan else None,
            # A mock of our own is on this machine, where no proxy leads.
            route=Route(settings.route.timeout) if guard.own or settings.plan else settings.route,
        )

    def secrets(self) -> list[Key]:
        """The keys and secrets that were given; those of a mock of our own are none."""
        keys = [key for key in (self.settings.api_key, self.settings.other_api_key) if key is not None]
        secret = {name for provider in self.providers for name in self.specs[provider].secret_variables}
        given = self.settings.variables.items()
        return [*keys, *(Key(f"${name}", value) for name, value in given if name in secret)]

    def _given(self, spec: Spec) -> dict[str, list[Any]]:
        """The values given by --var that this vendor knows, as the type of the documented default."""
        given: dict[str, list[Any]] = {}
        for name, text in self.settings.variables.items():
            # In a rehearsal, records that only the target has stay those of the pages.
            if name in spec.variables and not (self.settings.plan and spec.variables[name].found_operation):
                default = spec.variables[name].default
                texts = [f"${name}"] if name in spec.secret_variables else [one.strip() for one in text.split(",")]
                number = isinstance(default, int)
                given[name] = [int(one) if number and one.lstrip("-").isdigit() else one for one in texts]
        return given

    def draws(self, world: World, operation: Operation) -> int:
        if self.settings.draws is not None:
            return self.settings.draws
        if world.own:
            # Of a path and two parameters there is little to draw.
            return DRAWS_OWN if operation.body_schema is not None else DRAWS_LOOPBACK
        return DRAWS_REMOTE if world.transport.guard.real else DRAWS_LOOPBACK

    def check(self, spec: Spec, operation: Operation, property: Property) -> Outcome:
        """Checks one property of one operation and keeps the outcome; raises what pytest should see."""
        outcome = outcome_of(operation, property.name)
        started = time.perf_counter()
        try:
            self._require_there()
            self._check(outcome, self.world(spec.provider).fresh(), operation, property)
        except ContractBroken as broken:
            outcome.verdict, outcome.findings = "failed", broken.findings
            raise
        except NotCovered as why:
            outcome.verdict, outcome.reason = "not covered", str(why)
            raise
        except Unanswered as why:
            self._keep_unanswered(outcome, why)
            raise
        except Unreachable as why:
            outcome.verdict, outcome.reason = "not covered", str(why)
            self.unreachable = str(why)
            raise
        except Exception as error:
            # Nothing was found out about the server, which must not read as if it had passed.
            outcome.verdict, outcome.reason = "failed", f"the check itself broke: {type(error).__name__}: {error}"
            raise
        finally:
            outcome.seconds = round(time.perf_counter() - started, 3)
            self._keep([outcome])
        return outcome

    def _require_there(self) -> None:
        if self.unreachable:
            raise NotCovered(self.unreachable)

    def _check(self, outcome: Outcome, world: World, operation: Operation, property: Property) -> None:
        """Checks the property in that world, and keeps what was noted, sent and left behind, whatever comes of it."""
        sent, flaky = world.transport.sent, Counter(world.transport.flaky)
        recorder = Recorder(
            world,
            operation,
            property.name,
            self.settings.fail_on,
            self.draws(world, operation),
            self.settings.seed,
            parallel=self.settings.parallel_for(self.target(world.spec.provider)),
        )
        try:
            property.check(recorder)
        except NotCovered:
            # What could not be looked at after all takes nothing from what was found before.
            recorder.finish()
            raise
        finally:
            self._undo(world)
            outcome.notes = list(recorder.notes.values())
            outcome.reason = "; ".join(f"not covered: {reason}" for reason in recorder.uncovered)
            outcome.requests = world.transport.sent - sent
        _mark_flaky([outcome], world.transport.flaky - flaky)

    def _keep_unanswered(self, outcome: Outcome, why: Unanswered) -> None:
        """A request without an answer is a finding: the server is there, and does not answer this one."""
        world = self.world(outcome.provider)
        operations = world.spec.operations
        operation = operations.get(world.transport.guard.operation_of(why.wire)) or operations[outcome.operation]
        silent = Difference("answer", "an answer", None, str(why))
        finding = world.finding(outcome.property, operation, "a request", operation.evidence, silent, why.wire)
        if finding.grade in FAIL_ON[self.settings.fail_on]:
            outcome.verdict, outcome.findings = "failed", [finding]
        else:
            outcome.verdict, outcome.reason = "not covered", str(why)
            outcome.notes.append(finding)

    def _unanswered(self, spec: Spec, walk: str, why: Unanswered) -> Outcome:
        """The outcome of a walk that a request without an answer ended."""
        operation = spec.operations.get(self.world(spec.provider).transport.guard.operation_of(why.wire))
        if operation is None:
            return Outcome(spec.provider, f"({walk})", "", verdict="failed", reason=str(why))
        outcome = outcome_of(operation, "valid")
        self._keep_unanswered(outcome, why)
        return outcome

    def scenario(self, spec: Spec) -> None:
        """Plays the vendor's scenario and keeps its outcomes; raises what pytest should see."""
        self._walk(spec, lambda world, tally: Scenario(world, tally.uncovered, self.settings.operations).run())

    def machine(self, spec: Spec) -> None:
        """Walks through the vendor's operations in any order and keeps the outcomes; raises what pytest should see."""
        self._require_there()
        world = self.world(spec.provider)
        tally = Tally(world, self.settings.fail_on)
        walks, steps = WALKS_OWN if world.own else WALKS_ELSEWHERE
        walks = walks if self.settings.walks is None else self.settings.walks

        def fresh() -> World:
            one = world.fresh()
            one.lasting = True
            return one

        def undo(one: World) -> None:
            one.observers = [tally.count]
            self._undo(one)
            if one.own:
                self._mocks[spec.provider].forget(one.key)

        try:
            seed = self.settings.seed
            broken = explore(fresh, tally, undo, mock=self._own_world(spec), seed=seed, walks=walks, steps=steps)
            tally.keep(broken)
        except Unanswered as why:
            self._keep([self._unanswered(spec, "state machine", why)])
            raise
        except Unreachable as why:
            self.unreachable = str(why)
            raise
        except Exception as error:
            self._keep([_broke(spec, "state machine", error)])
            raise
        finally:
            world.observers = []
            self._keep(tally.close())
        if broken:
            raise ContractBroken(broken)

    def _walk(self, spec: Spec, walk: Callable[[World, Tally], None]) -> None:
        self._require_there()
        world = self.world(spec.provider).fresh()
        world.lasting = True
        judge, tally = Judge(world, alone=world.own), Tally(world, self.settings.fail_on)
        flaky = Counter(world.transport.flaky)
        world.observers = [judge.see, tally.count]
        try:
            walk(world, tally)
        except Unanswered as why:
            self._keep([self._unanswered(spec, "scenario", why)])
            raise
        except Unreachable as why:
            self.unreachable = str(why)
            raise
        except Exception as error:
            self._keep([_broke(spec, "scenario", error)])
            raise
        finally:
            # What undoes it is counted, and shows whether the server lets itself be put back; it is not judged.
            world.observers = [tally.count]
            self._undo(world)
            world.observers = []
            broken = tally.add(judge.verdicts)
            wanted = self.settings.operations
            for name in {name for name, _ in world.transport.flaky}:
                some = Counter({key: times for key, times in world.transport.flaky.items() if key[0] == name})
                _mark_flaky([one for one in tally.close() if one.operation == name], some - flaky)
            self._keep([one for one in tally.close() if not wanted or one.operation in wanted])
        broken = [finding for finding in broken if not wanted or finding.operation in wanted]
        if broken:
            raise ContractBroken(broken)

    def _keep(self, outcomes: Iterable[Outcome]) -> None:
        """Keeps outcomes; what is known of the same property of the same operation becomes one."""
        for new in outcomes:
            key = (new.provider, new.operation, new.property)
            known = next((one for one in self.outcomes if (one.provider, one.operation, one.property) == key), None)
            if known is None:
                self.outcomes.append(new)
            else:
                known.join(new)
        self.seconds = round(time.perf_counter() - self._started_seconds, 3)

    def _undo(self, world: World) -> None:
        """Undoes what was done at a server that is not our own; what could not be undone is kept."""
        left: list[str] = []
        try:
            left = world.watch.undo()
        except BaseException:
            left = world.watch.pending()
            raise
        finally:
            if not world.aside:  # A space of its own goes as a whole.
                self.left_behind = list(dict.fromkeys([*self.left_behind, *left]))

    @property
    def not_undone(self) -> bool:
        """Whether something was left behind, where that costs, that a page tells how to undo."""
        targets = [target for provider in self.providers if (target := self.target(provider)) is not None]
        costs = bool(self.settings.numbers) or any(map(self.settings.is_real, targets))
        return costs and any(KEPT not in what for what in self.left_behind)

    def results(self, ended: str | None = None) -> Results:
        """What was found until now, without a secret, as the reports read it; `ended` is why there is no more."""
        ended = self.unreachable or ended
        discretion = Discretion(key.secret for key in self.secrets())
        sources = {provider: Citations(self.specs[provider]) for provider in self.providers}

        def told(finding: Finding) -> Finding:
            source = sources.get(finding.provider)
            return discretion.finding(source.explained(finding) if source else finding)

        return Results(
            targets={provider: self.target(provider) for provider in self.providers},
            outcomes=tuple(
                replace(one, findings=list(map(told, one.findings)), notes=list(map(told, one.notes)))
                for one in map(discretion.outcome, self.outcomes)
            ),
            properties={property.name: property.sentence for property in PROPERTIES},
            depth=", ".join(dict.fromkeys(self.settings.depth_for(self.target(name)) for name in self.providers)),
            seed=self.settings.seed,
            fail_on=self.settings.fail_on,
            started=self.started,
            seconds=self.seconds,
            requests=sum(self.sent.values()),
            left_behind=tuple(map(discretion.text, self.left_behind)),
            flaky=tuple(
                Flaky(provider, name, status, times, world.transport.asked[name])
                for provider, world in self._worlds.items()
                for (name, status), times in world.transport.flaky.items()
            ),
            late={name: world.motion.late for name, world in self._worlds.items() if world.motion.late},
            unasked=tuple(self._unasked()),
            unreachable=None if self.unreachable is None else discretion.text(self.unreachable),
            ended=None if ended is None else discretion.text(ended),
        )

    def _unasked(self) -> Iterator[Outcome]:
        """What is checked at another depth than this run's."""
        known = {(one.provider, one.operation, one.property) for one in self.outcomes}
        for _, operation, property in self.cases():
            if (operation.provider, operation.id, property.name) not in known:
                outcome = outcome_of(operation, property.name)
                depth = self.settings.depth_for(self.target(operation.provider))
                outcome.verdict, outcome.reason = "not covered", f"not looked at by --depth {depth}"
                yield outcome

    def close(self) -> None:
        """Ends the mocks that were started."""
        for mock in self._mocks.values():
            mock.stop()
        for world in self._worlds.values():
            if world.aside:
                for space in (world.key, f"{world.key}_other"):
                    forget_space(world.transport.origin, space)


def _mark_flaky(outcomes: list[Outcome], flaky: Counter[tuple[str, int]]) -> None:
    """Says of what passed that there were server errors that did not come again."""
    told = [f"{name} answered {status} {times} time{'s' * (times > 1)}" for (name, status), times in flaky.items()]
    for outcome in [one for one in outcomes if one.verdict == "passed"] if told else ():
        outcome.verdict = "flaky"
        outcome.reason = f"{', '.join(told)}, and not when the same was asked again"


def _broke(spec: Spec, walk: str, error: Exception) -> Outcome:
    """That a walk could not be finished: nothing was found out about the server, which must not read as passed."""
    reason = f"the check itself broke: {type(error).__name__}: {error}"
    return Outcome(spec.provider, f"({walk})", "", verdict="failed", reason=reason)
