"""`ringback check`: the harness as a command, with exit codes 0 (holds), 1 (broken), 2 (usage), 3 (unreachable)."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from contract_tests.transport import COSTS, is_loopback
from mock_server.spec import SpecError

HOLDS, BROKEN, USAGE, UNREACHABLE = 0, 1, 2, 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; `ringback check --help` lists what is understood")


def _fail(message: str, code: int = USAGE) -> NoReturn:
    sys.stderr.write(f"ringback check: {message}\n")
    raise SystemExit(code)


def _parser() -> _Parser:
    parser = _Parser(
        prog="ringback check",
        description="Check a server against the vendors' documentation. Without --target: a mock of its own.",
        epilog="Exit codes: 0 the contract holds, 1 it does not, 2 wrong usage or broken spec, 3 target unreachable.",
    )
    add = parser.add_argument
    add("provider", nargs="*", metavar="PROVIDER", help="vendors to check (default: all)")
    add(
        "--target",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="origin to check, or PROVIDER=ORIGIN; repeatable",
    )
    add("--api-key-env", metavar="VAR", help="environment variable that holds the API key")
    add("--operation", action="append", default=[], metavar="ID", help="check this operation only; repeatable")
    add("--allow", metavar="LIST", help="what may be sent: read,write,purchase (default: all on loopback, else read)")
    add("--var", action="append", default=[], metavar="NAME=VALUE", help="what only an account knows; repeatable")
    add("--max-requests", type=int, metavar="N", help="at most so many requests to each vendor")
    add("--max-purchases", type=int, metavar="N", help="at most so many requests that may cost money, to each vendor")
    add("--rate", metavar="N/s", help="at most so many requests a second")
    add("--record", metavar="F.har", help="keep every exchange as HAR 1.2, secrets masked")
    add("--seed", type=int, default=1, metavar="N", help="seed of generated requests (default 1)")
    add("--draws", type=int, metavar="N", help="generated requests for each property")
    add(
        "--fail-on",
        default="documented",
        choices=["documented", "observed", "assumed"],
        help="which statements must hold",
    )
    add(
        "--report", action="append", default=[], metavar="KIND=F", help="junit=FILE, json=FILE or html=FILE; repeatable"
    )
    return parser


def check(arguments: Sequence[str]) -> int:
    """Runs the harness in this process through pytest; returns the exit code."""
    options = _parser().parse_args(list(arguments))
    # pytest and the generators take a second to import; wrong usage is told before.
    reports = _reports(options.report)
    targets = _targets(options.target)
    from contract_tests.plugin import Run, Settings

    try:
        run = Run(
            Settings(
                providers=options.provider,
                targets=targets,
                operations=options.operation,
                api_key_env=options.api_key_env,
                allow=_allow(options.allow),
                variables=_variables(options.var),
                max_requests=options.max_requests,
                max_purchases=options.max_purchases,
                rate=_rate(options.rate),
                record=bool(options.record),
                seed=options.seed,
                draws=options.draws,
                fail_on=options.fail_on,
            )
        )
    except SpecError as error:
        _fail(str(error))
    _check_names(run, options)
    _check_key(options, targets)
    for provider in run.providers:
        origin = run.target(provider)
        if origin is not None:
            _reach(origin)
    if options.record:
        reports["har"] = Path(options.record)
        if not reports["har"].resolve().parent.is_dir():
            _fail(f"--record {options.record}: there is no such folder")
    return _run(run, reports)


def _run(run: Any, reports: dict[str, Path]) -> int:
    import pytest

    from contract_tests import har, html, report
    from contract_tests.plugin import prepare
    from contract_tests.progress import Progress

    here = Path(__file__).parent
    arguments = [
        str(here),
        "-c",
        str(here / "pytest.ini"),
        "--rootdir",
        str(here),
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
    ]
    if "junit" in reports:
        arguments += ["--junitxml", str(reports["junit"].resolve())]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    prepare(run)
    started = time.perf_counter()
    code = pytest.main(arguments, plugins=[Progress(run, sys.stderr)])
    seconds = time.perf_counter() - started
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        _fail(f"the run ended early (pytest {code!r})" if run.outcomes else "nothing was checked")
    if "json" in reports:
        report.write_json(run, reports["json"])
    if "html" in reports:
        html.write(run, reports["html"])
    if "har" in reports:
        har.write(reports["har"], run.exchanges, run.keys(), run.specs.values())
    _print(run, seconds)
    if run.unreachable:
        sys.stderr.write(f"ringback check: {run.unreachable}\n")
        return UNREACHABLE
    failed = code != pytest.ExitCode.OK or any(outcome.verdict == "failed" for outcome in run.outcomes)
    return BROKEN if failed else HOLDS


def _print(run: Any, seconds: float) -> None:
    from contract_tests import report

    counts = report.counts(run.outcomes)
    where = sorted({run.target(provider) or "a mock of its own" for provider in run.providers})
    print(f"Checked {', '.join(run.providers)} on {', '.join(where)}\n")
    print("\n".join(report.table(run)))
    found = "\n".join(report.findings(run))
    if os.environ.get("GITHUB_ACTIONS"):
        from contract_tests import annotations

        print(annotations.harmless(found))
        print("\n".join(annotations.lines(run)))
    else:
        print(found)
    print(
        f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['not_covered']} not covered,"
        f" {counts['notes']} notes; {counts['requests']} requests in {seconds:.1f} s (seed {run.settings.seed})"
    )


def _targets(texts: list[str]) -> dict[str, str]:
    targets = {}
    for text in texts:
        name, equals, origin = text.partition("=")
        if not equals or "://" in name:
            name, origin = "", text
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            _fail(f"--target {text}: an origin such as http://127.0.0.1:4010/teli is needed, or PROVIDER=ORIGIN")
        targets[name] = origin.rstrip("/")
    return targets


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        _fail(f"--rate {text}: a number of requests a second is needed, such as 2/s")
    return rate


def _allow(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in COSTS:
            _fail(f"--allow {name}: unknown; it takes a list of {', '.join(COSTS)}")
    return names


def _variables(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text or text.startswith("="):
            _fail(f"--var {text}: NAME=VALUE is needed")
    return dict(text.split("=", 1) for text in texts)


def _reports(texts: list[str]) -> dict[str, Path]:
    reports = {}
    for text in texts:
        kind, equals, file = text.partition("=")
        if kind not in ("junit", "json", "html") or not equals or not file:
            _fail(f"--report {text}: junit=FILE, json=FILE or html=FILE is needed")
        if not Path(file).resolve().parent.is_dir():
            _fail(f"--report {text}: there is no folder {Path(file).resolve().parent}")
        reports[kind] = Path(file)
    return reports


def _check_names(run: Any, options: argparse.Namespace) -> None:
    known = list(run.specs)
    for name in [*options.provider, *(target for target in run.settings.targets if target)]:
        if name not in known:
            _fail(f"{name}: no such vendor; there are {', '.join(known)}")
    operations = [operation for provider in run.providers for operation in run.specs[provider].operations]
    for name in options.operation:
        if name not in operations:
            _fail(f"--operation {name}: no such operation; there are {', '.join(operations)}")
    variables = {name for provider in run.providers for name in run.specs[provider].variables}
    for name in run.settings.variables:
        if name not in variables:
            _fail(f"--var {name}: no such variable; there are {', '.join(sorted(variables))}")


def _check_key(options: argparse.Namespace, targets: dict[str, str]) -> None:
    variable = options.api_key_env
    if variable is not None and not os.environ.get(variable):
        _fail(f"--api-key-env {variable}: the environment has no such variable, or it is empty")
    for origin in targets.values():
        if variable is None and not is_loopback(origin):
            _fail(f"{origin} needs a key: put it into an environment variable and name that with --api-key-env")


def _reach(origin: str) -> None:
    """Exits with 3 when nobody listens at the origin; sends nothing."""
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=10).close()
    except OSError as error:
        _fail(f"{origin} cannot be reached: {error.strerror or error}; is the server running?", UNREACHABLE)
