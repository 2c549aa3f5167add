"""The pytest plugin of the harness: its options, its servers, and the outcomes it collects."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract_tests.findings import ContractBroken, NotCovered, Outcome
from contract_tests.mock import OwnMock
from contract_tests.properties import PROPERTIES, Property, Recorder
from contract_tests.transport import COSTS, Exchange, Transport, Unreachable, is_loopback
from contract_tests.world import World
from mock_server.spec import Operation, Spec, WireRequest, load_all

DRAWS_OWN, DRAWS_LOOPBACK, DRAWS_REMOTE = 30, 10, 0
DEFAULT_KEY = "YOUR_API_KEY"


@dataclass
class Settings:
    """What a run was asked to do; `targets` maps a provider (or "" for all) to an origin.

    `mock_command` is what is started as the run's own mock, `ringback` unless a test plants a defect in it.
    """

    providers: list[str] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    api_key_env: str | None = None
    allow: list[str] | None = None
    variables: dict[str, str] = field(default_factory=dict)
    max_requests: int | None = None
    max_purchases: int | None = None
    rate: float | None = None
    record: bool = False
    seed: int = 1
    draws: int | None = None
    fail_on: str = "documented"
    mock_command: list[str] | None = None


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
                    if property.applies(operation):
                        yield spec, operation, property

    def target(self, provider: str) -> str | None:
        """The origin to check for this vendor, as it was given; None for a mock of our own."""
        return self.settings.targets.get(provider) or self.settings.targets.get("")

    def _side_by_side(self, origin: str, provider: str) -> str:
        """The vendor's origin on a server that serves several vendors side by side, as `ringback serve` does.

        On loopback such a server is recognised by its index page; elsewhere nothing undocumented is asked, and
        one origin given for several vendors means a prefix for each.
        """
        if urlsplit(origin).path in ("", "/") and is_loopback(origin):
            index = Transport(origin, frozenset(("read",))).send(WireRequest("GET", "/", "", {}, None), "read")
            providers = index.json.get("providers") if isinstance(index.json, dict) else None
            return f"{origin}/{provider}" if isinstance(providers, dict) and provider in providers else origin
        shared = provider not in self.settings.targets and len(self.providers) > 1
        return f"{origin}/{provider}" if shared else origin

    def world(self, provider: str) -> World:
        if provider not in self._worlds:
            self._worlds[provider] = self._open(provider)
        return self._worlds[provider]

    def _open(self, provider: str) -> World:
        settings, spec, origin = self.settings, self.specs[provider], self.target(provider)
        if origin is None:
            # One for each vendor: every world has a space of its own, and a server has room for a thousand.
            self._mocks[provider] = mock = OwnMock(settings.mock_command)
            transport = self._transport(mock.origin(provider), list(COSTS))
            return World(spec, transport, key=f"test_check_{provider}", own=True, given=self._given(spec))
        origin = self._side_by_side(origin, provider)
        variable = settings.api_key_env
        key = os.environ.get(variable, "") if variable else ""
        allowed = settings.allow or (list(COSTS) if is_loopback(origin) else ["read"])
        return World(
            spec,
            self._transport(origin, allowed),
            key=key or DEFAULT_KEY,
            own=False,
            key_text=f"${variable}" if variable else None,
            given=self._given(spec),
        )

    def _transport(self, origin: str, allowed: list[str]) -> Transport:
        settings = self.settings
        return Transport(
            origin,
            frozenset(allowed),
            settings.max_requests,
            max_purchases=settings.max_purchases,
            rate=settings.rate,
            watch=self.exchanges.append if settings.record else None,
        )

    def keys(self) -> list[str]:
        """The keys that were used, to be masked wherever they stand; those of a mock of our own are no secrets."""
        return [world.key for world in self._worlds.values() if not world.own]

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
                self.left_behind = list(dict.fromkeys([*self.left_behind, *world.clean_up()]))
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
    add = group.addoption
    add("--provider", action="append", default=[], help="a vendor to check; repeatable; all by default")
    add(
        "--target",
        action="append",
        default=[],
        help="origin to check, or PROVIDER=ORIGIN; a mock of its own by default",
    )
    add("--operation", action="append", default=[], help="an operation to check; repeatable; all by default")
    add("--api-key-env", default=None, help="the environment variable that holds the API key")
    add("--allow", default=None, help="what may be sent: read,write,purchase")
    add("--var", action="append", default=[], metavar="NAME=VALUE", help="what only an account knows")
    add("--max-requests", type=int, default=None, help="at most so many requests to each vendor")
    add("--max-purchases", type=int, default=None, help="at most so many requests that may cost money")
    add("--check-seed", type=int, default=1, help="the seed of generated requests")
    add("--draws", type=int, default=None, help="generated requests for each property")
    add("--fail-on", default="documented", choices=["documented", "observed", "assumed"])


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = _prepared.pop() if _prepared else Run(_settings(config))


def _settings(config: pytest.Config) -> Settings:
    option = config.getoption
    targets = {}
    for target in option("--target"):
        name, equals, origin = target.partition("=")
        targets.update({name: origin} if equals and "://" not in name else {"": target})
    allow = option("--allow")
    return Settings(
        providers=option("--provider"),
        targets=targets,
        operations=option("--operation"),
        api_key_env=option("--api-key-env"),
        allow=allow.split(",") if allow else None,
        variables=dict(pair.split("=", 1) for pair in option("--var")),
        max_requests=option("--max-requests"),
        max_purchases=option("--max-purchases"),
        seed=option("--check-seed"),
        draws=option("--draws"),
        fail_on=option("--fail-on"),
    )


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
