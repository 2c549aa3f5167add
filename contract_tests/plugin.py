"""The pytest plugin of the harness: its options, its servers, and the outcomes it collects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract_tests.findings import ContractBroken, NotCovered, Outcome
from contract_tests.guard import Guard, is_loopback
from contract_tests.mock import OwnMock
from contract_tests.options import DEFAULT_KEY, Key, Settings, WrongUsage, add_options, settings
from contract_tests.properties import PROPERTIES, Property, Recorder
from contract_tests.transport import Exchange, Transport, Unreachable
from contract_tests.world import World
from mock_server.spec import Operation, Spec, WireRequest, load_all

__all__ = ["Run", "Settings"]

DRAWS_OWN, DRAWS_LOOPBACK, DRAWS_REMOTE = 30, 10, 0


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

    @property
    def providers(self) -> list[str]:
        return self.settings.providers or list(self.specs)

    @property
    def sent(self) -> dict[str, int]:
        """The requests sent so far, by vendor; may be read while the run goes on in another thread."""
        return {provider: world.transport.sent for provider, world in list(self._worlds.items())}

    def cases(self) -> Iterator[tuple[Spec, Operation, Property]]:
        """Everything that is to be checked, in the order of the specs."""
        for provider in self.providers:
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
        if urlsplit(origin).path in ("", "/") and not guard.real:
            index = Transport(origin, guard).send(WireRequest("GET", "/", "", {}, None)).json
            providers = index.get("providers") if isinstance(index, dict) else None
            return f"{origin}/{provider}" if isinstance(providers, dict) and provider in providers else origin
        shared = provider not in self.settings.targets and len(self.providers) > 1
        return f"{origin}/{provider}" if shared else origin

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
            max_purchases=settings.max_purchases,
            numbers=settings.numbers,
            real=origin is not None and settings.is_real(origin),
            own=origin is None,
        )
        if origin is None:
            # One for each vendor: every world has a space of its own, and a server has room for a thousand.
            self._mocks[provider] = mock = OwnMock(settings.mock_command)
            transport = self._transport(mock.origin(provider), guard)
            return World(spec, transport, key=f"test_check_{provider}", own=True, given=self._given(spec))
        key, other = settings.api_key, settings.other_api_key
        return World(
            spec,
            self._transport(self._side_by_side(origin, provider, guard), guard),
            key=key.name if key else DEFAULT_KEY,
            own=False,
            given=self._given(spec),
            other=other.name if other else None,
        )

    def _transport(self, origin: str, guard: Guard) -> Transport:
        return Transport(
            origin,
            guard,
            secrets={key.name: key.secret for key in self.secrets()},
            rate=self.settings.rate,
            watch=self.exchanges.append if self.settings.record else None,
        )

    def secrets(self) -> list[Key]:
        """The keys that were given; those of a mock of our own are no secrets."""
        return [key for key in (self.settings.api_key, self.settings.other_api_key) if key is not None]

    def _given(self, spec: Spec) -> dict[str, Any]:
        """The values given by --var that this vendor knows, as the type of the documented default."""
        given: dict[str, Any] = {}
        for name, text in self.settings.variables.items():
            if name in spec.variables:
                default = spec.variables[name].default
                given[name] = int(text) if isinstance(default, int) and text.lstrip("-").isdigit() else text
        return given

    def draws(self, world: World) -> int:
        if self.settings.draws is not None:
            return self.settings.draws
        if world.own:
            return DRAWS_OWN
        return DRAWS_LOOPBACK if is_loopback(world.transport.origin) else DRAWS_REMOTE

    def check(self, spec: Spec, operation: Operation, property: Property) -> Outcome:
        """Checks one property of one operation and keeps the outcome; raises what pytest should see."""
        outcome = Outcome(
            spec.provider,
            operation.id,
            property.name,
            method=operation.method,
            path=operation.path,
            grade=operation.evidence.grade,
            source=operation.evidence.source,
        )
        self.outcomes.append(outcome)
        started = time.perf_counter()
        try:
            self._check(outcome, self.world(spec.provider).fresh(), operation, property)
        except ContractBroken as broken:
            outcome.verdict, outcome.findings = "failed", broken.findings
            raise
        except NotCovered as why:
            outcome.verdict, outcome.reason = "not covered", str(why)
            raise
        except Unreachable as why:
            outcome.verdict, outcome.reason = "failed", str(why)
            self.unreachable = str(why)
            raise
        except Exception as error:
            # Nothing was found out about the server, which must not read as if it had passed.
            outcome.verdict, outcome.reason = "failed", f"the check itself broke: {type(error).__name__}: {error}"
            raise
        finally:
            outcome.seconds = round(time.perf_counter() - started, 3)
            self.seconds = round(time.perf_counter() - self._started_seconds, 3)
        return outcome

    def _check(self, outcome: Outcome, world: World, operation: Operation, property: Property) -> None:
        """Checks the property in that world, and keeps what was noted, sent and left behind, whatever comes of it."""
        sent = world.transport.sent
        recorder = Recorder(
            world, operation, property.name, self.settings.fail_on, self.draws(world), self.settings.seed
        )
        try:
            property.check(recorder)
        finally:
            if not world.own:
                self.left_behind = list(dict.fromkeys([*self.left_behind, *world.traces.undo()]))
            outcome.notes = list(recorder.notes.values())
            outcome.requests = world.transport.sent - sent

    def close(self) -> None:
        for mock in self._mocks.values():
            mock.stop()


RUN = pytest.StashKey[Run]()

_prepared: list[Run] = []


def prepare(run: Run) -> None:
    """Makes the next pytest session of this process use this run instead of one made from its options."""
    _prepared.append(run)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ringback", "contract check")
    group.addoption("--provider", action="append", default=[], help="a vendor to check; repeatable; all by default")
    group.addoption("--check-seed", type=int, default=1, metavar="N", help="the seed of generated requests (default 1)")
    add_options(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    if _prepared:
        config.stash[RUN] = _prepared.pop()
        return
    try:
        made = settings(config.option, providers=config.option.provider, seed=config.option.check_seed)
    except WrongUsage as error:
        raise pytest.UsageError(str(error)) from None
    if made.targets and (hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None)):
        raise pytest.UsageError("leave out -n: a server is checked by one process, as two would disturb each other")
    config.stash[RUN] = Run(made)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"spec", "operation", "property"} <= set(metafunc.fixturenames):
        cases = list(metafunc.config.stash[RUN].cases())
        names = [f"{spec.provider}-{operation.id}-{property.name}" for spec, operation, property in cases]
        metafunc.parametrize(("spec", "operation", "property"), cases, ids=names)


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUN]
