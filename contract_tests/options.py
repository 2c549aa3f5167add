"""The options of a check, the same for the command and for pytest, and the settings that they make."""

from __future__ import annotations

import os
import ssl
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from contract_tests.endpoint.guard import COSTS, is_loopback
from contract_tests.endpoint.opening import authorities, bracketed, proxy_of
from contract_tests.endpoint.transport import TIMEOUT_SECONDS, Route
from contract_tests.flags import flags
from contract_tests.words.findings import printable

DEPTHS = ("scenario", "quick", "deep")
DEFAULT_KEY = "YOUR_API_KEY"
REAL_MAX_REQUESTS = 60
PARALLEL = 8
LONGEST_TIMEOUT_SECONDS = 3600
LONGEST_SETTLE_SECONDS = 60
LARGEST_VALUES_BYTES = 1 << 20


class WrongUsage(Exception):
    """An option that cannot be meant; the text says what would be right."""


@dataclass
class Settings:
    """What a run was asked to do; `targets` maps a provider (or "" for all) to an origin.

    `real` treats every target as one that costs money, also on loopback. `depth`, `allow` and `max_requests` depend on
    the target where they are None. `mock_command` is what is started as the run's own mock, `ringback` unless a test
    plants a defect in it.
    """

    providers: list[str] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    real: bool = False
    depth: str | None = None
    api_key: Key | None = None
    other_api_key: Key | None = None
    allow: list[str] | None = None
    numbers: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    max_requests: int | None = None
    max_purchases: int | None = None
    rate: float | None = None
    settle: float = 0.0
    """For so many seconds a target may go on showing what was there before a write."""
    route: Route = field(default_factory=Route)
    record: bool = False
    seed: int = 1
    draws: int | None = None
    parallel: int | None = None
    """So many requests at the same time; None is as many as usual for the target."""
    fail_on: str = "documented"
    mock_command: list[str] | None = None
    plan: bool = False
    walks: int | None = None
    """How many walks the state machine makes, where not as many as usual."""

    def is_real(self, origin: str) -> bool:
        """Whether requests to the origin cost money; a proxy elsewhere may lead anywhere."""
        proxy = self.route.proxy
        elsewhere = proxy is not None and not is_loopback(f"http://{bracketed(proxy.host)}")
        return self.real or elsewhere or not is_loopback(origin)

    def depth_for(self, origin: str | None) -> str:
        """How deep a check of this origin goes; None is a mock of our own."""
        return self.depth or ("scenario" if origin is not None and self.is_real(origin) else "quick")

    def purchases_for(self, origin: str | None) -> int | None:
        """The most purchases at this origin; None is without a bound."""
        if origin is not None and self.is_real(origin) and self.max_purchases is None:
            return 1
        return self.max_purchases

    def allowed_for(self, origin: str | None) -> list[str]:
        """What may be sent to this origin."""
        if origin is None:
            return list(COSTS)
        if self.allow:
            # Whoever may write may look.
            return ["read", *(name for name in self.allow if name != "read")]
        return ["read"] if self.is_real(origin) else list(COSTS)

    def parallel_for(self, origin: str | None) -> int:
        """How many requests are sent to this origin at the same time."""
        if self.parallel is not None:
            return self.parallel
        return 1 if origin is not None and self.is_real(origin) else PARALLEL

    def budget_for(self, origin: str | None) -> int | None:
        """The most requests to this origin; None is without a bound."""
        if origin is not None and self.is_real(origin) and self.max_requests is None:
            return REAL_MAX_REQUESTS
        return self.max_requests


class Key:
    """A secret and the name that stands for it wherever it would be seen."""

    def __init__(self, name: str, secret: str) -> None:
        self.name = name
        self.secret = secret

    def __repr__(self) -> str:
        return f"<the key in {self.name}>"


def add_options(add: Callable[..., Any]) -> None:
    """Adds what both surfaces understand to an argparse parser or a pytest option group."""
    add(
        "--target",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="origin to check, or PROVIDER=ORIGIN; repeatable; a mock of its own by default",
    )
    add("--operation", action="append", default=[], metavar="ID", help="check this operation only; repeatable")
    add(
        "--depth",
        choices=DEPTHS,
        help="scenario: the dozens of calls derived from the contracts; quick (default on loopback): that, every"
        " property and a few hundred generated requests; deep: that, and a state machine, for minutes",
    )
    flags(add, "--real", "--api-key-env", "--api-key-file")
    add("--other-api-key-env", metavar="VAR", help="environment variable that holds the key of another account")
    add("--other-api-key-file", metavar="F", help="file that holds the key of another account")
    flags(
        add,
        "--allow",
        "--number",
        number="write this number of the account only, and put back what was there; repeatable. Where the target costs"
        " money no other is written without it",
    )
    add("--var", action="append", default=[], metavar="NAME=VALUE", help="what only an account knows; repeatable")
    add("--var-file", metavar="F", help="the same as a YAML or JSON file of names and values")
    flags(
        add,
        "--max-requests",
        "--max-purchases",
        max_requests=f"at most so many requests to each vendor (default: {REAL_MAX_REQUESTS} where it costs money)",
    )
    add(
        "--settle",
        metavar="SECONDS",
        help="a target that shows only later what was written: a read that does not show it is asked again for so long",
    )
    add("--rate", metavar="N/s", help="at most so many requests a second")
    flags(add, "--ca-file")
    add(
        "--proxy",
        metavar="URL",
        help="send through this HTTP proxy (http://[USER:PASSWORD@]HOST:PORT); those of the environment are not used",
    )
    add(
        "--parallel",
        type=int,
        metavar="N",
        help=f"so many requests at the same time, to see whether they get into each other's way (default: {PARALLEL},"
        " and 1 where it costs money)",
    )
    add("--draws", type=int, metavar="N", help="generated requests for each property")
    flags(add, "--fail-on")


def settings(
    options: Namespace,
    *,
    providers: list[str],
    seed: int,
    record: bool = False,
    timeout: float = TIMEOUT_SECONDS,
) -> Settings:
    """The settings that parsed options ask for; raises WrongUsage."""
    made = Settings(
        providers=providers,
        targets=_targets(options.target),
        operations=options.operation,
        real=options.real,
        depth=options.depth,
        api_key=_key("--api-key", options.api_key_env, options.api_key_file),
        other_api_key=_key("--other-api-key", options.other_api_key_env, options.other_api_key_file),
        allow=_allow(options.allow),
        numbers=options.number,
        variables={**variables_in(options.var_file), **_variables(options.var)},
        max_requests=_at_least("--max-requests", options.max_requests, 1),
        max_purchases=_at_least("--max-purchases", options.max_purchases, 0),
        rate=_rate(options.rate),
        settle=_settle(options.settle),
        route=_route(timeout, options.proxy, options.ca_file),
        record=record,
        seed=seed,
        parallel=_at_least("--parallel", options.parallel, 1),
        draws=_at_least("--draws", options.draws, 0),
        fail_on=options.fail_on,
    )
    for origin in made.targets.values():
        if made.api_key is None and made.is_real(origin):
            raise WrongUsage(
                f"{origin} needs a key: put it into an environment variable and name that with --api-key-env,"
                " or into a file and name that with --api-key-file"
            )
    if not made.targets and (made.real or made.numbers):
        raise WrongUsage(f"{'--real' if made.real else '--number'} is about a server, and no --target names one")
    return made


def relayed(options: Namespace) -> Settings:
    """The settings of a proxy to one target, of which the application sends the requests; raises WrongUsage."""
    if not is_origin(options.target):
        raise WrongUsage(f"--target {options.target}: an origin such as https://api.example.com is needed")
    return Settings(
        providers=[options.provider],
        targets={"": options.target.rstrip("/")},
        real=options.real,
        api_key=_key("--api-key", options.api_key_env, options.api_key_file),
        allow=_allow(options.allow),
        numbers=options.number,
        max_requests=_at_least("--max-requests", options.max_requests, 1),
        max_purchases=_at_least("--max-purchases", options.max_purchases, 0),
        route=_route(options.timeout, None, options.ca_file),
        fail_on=options.fail_on,
    )


def _targets(texts: list[str]) -> dict[str, str]:
    targets = {}
    for text in texts:
        name, equals, origin = text.partition("=")
        if not equals or "://" in name:
            name, origin = "", text
        if not is_origin(origin):
            raise WrongUsage(
                f"--target {text}: an origin such as http://127.0.0.1:4010/teli is needed, or PROVIDER=ORIGIN"
            )
        targets[name] = origin.rstrip("/")
    return targets


def is_origin(text: str) -> bool:
    """Whether the text is scheme, host, and perhaps a port and a prefix; no user or password."""
    try:
        parts = urlsplit(text)
        known = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    return known and plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _key(flag: str, variable: str | None, file: str | None) -> Key | None:
    if variable is not None and file is not None:
        raise WrongUsage(f"{flag}-env and {flag}-file both name a key; one is enough")
    if variable is not None:
        if not os.environ.get(variable):
            raise WrongUsage(f"{flag}-env {variable}: the environment has no such variable, or it is empty")
        return Key(f"${variable}", _sound(f"{flag}-env {variable}", os.environ[variable]))
    if file is not None:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUsage(f"{flag}-file {file}: {getattr(error, 'strerror', None) or 'is no text'}") from None
        if not secret or len(secret.splitlines()) > 1:
            raise WrongUsage(f"{flag}-file {file}: one line with the key is needed")
        return Key("$OTHER_API_KEY" if "other" in flag else "$API_KEY", _sound(f"{flag}-file {file}", secret))
    return None


def _sound(flag: str, secret: str) -> str:
    """The key without white space around it; raises WrongUsage for one that no header could carry."""
    key = secret.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise WrongUsage(f"{flag}: what is there is no key: printable ASCII characters without spaces are needed")
    return key


def _allow(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in COSTS:
            raise WrongUsage(f"--allow {name}: unknown; it takes a list of {', '.join(COSTS)}")
    return names


def _variables(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text or text.startswith("="):
            raise WrongUsage(f"--var {text}: NAME=VALUE is needed")
    return dict(text.split("=", 1) for text in texts)


def variables_in(file: str | None) -> dict[str, str]:
    """The names and values in a YAML or JSON file; raises WrongUsage for what is none."""
    if file is None:
        return {}
    try:
        with Path(file).open("rb") as handle:
            content = handle.read(LARGEST_VALUES_BYTES + 1)
        if len(content) > LARGEST_VALUES_BYTES:
            raise WrongUsage(f"--var-file {file}: is larger than {LARGEST_VALUES_BYTES >> 20} MiB")
        # Every value is a text: as YAML's numbers, +14155551234 would lose its sign.
        values = yaml.load(content.decode(), Loader=yaml.BaseLoader)  # noqa: S506 - makes texts
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "problem", None) or "is no text"
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark is not None else file
        raise WrongUsage(f"--var-file {where}: {printable(' '.join(str(reason).split()))}") from None
    if not isinstance(values, dict) or not all(isinstance(one, str) for pair in values.items() for one in pair):
        raise WrongUsage(f"--var-file {file}: names and values are needed, one to a line: name: value")
    return dict(values)


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        raise WrongUsage(f"--rate {text}: a number of requests a second is needed, such as 2/s")
    return rate


def _settle(text: str | None) -> float:
    try:
        seconds = 0.0 if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_SETTLE_SECONDS:
        raise WrongUsage(f"--settle {text}: seconds, up to {LONGEST_SETTLE_SECONDS}, are needed")
    return seconds


def _route(timeout: float, proxy: str | None, ca_file: str | None) -> Route:
    if not 0 < timeout <= LONGEST_TIMEOUT_SECONDS:
        raise WrongUsage(f"--timeout {timeout:g}: seconds, up to {LONGEST_TIMEOUT_SECONDS}, are needed")
    try:
        found = None if proxy is None else proxy_of(proxy)
    except ValueError:
        # What stands there may hold a password.
        raise WrongUsage("--proxy: http://HOST:PORT is needed, or http://USER:PASSWORD@HOST:PORT") from None
    if ca_file is not None:
        try:
            authorities(ca_file)
        except OSError as error:
            why = "has no certificate (PEM) in it" if isinstance(error, ssl.SSLError) else error.strerror
            raise WrongUsage(f"--ca-file {ca_file}: {why}") from None
    return Route(timeout, found, ca_file)


def _at_least(flag: str, value: int | None, least: int) -> int | None:
    if value is not None and value < least:
        raise WrongUsage(f"{flag} {value}: {least} or more is needed")
    return value
