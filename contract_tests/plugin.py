"""The pytest plugin of the harness: its options, and a test for each thing to be checked."""

from __future__ import annotations

import signal

import pytest

from contract_tests.endpoint.transport import TIMEOUT_SECONDS
from contract_tests.options import Settings, WrongUsage, add_options, settings
from contract_tests.preflight import Stopped
from contract_tests.run import Run

__all__ = ["Run", "Settings"]

RUN = pytest.StashKey[Run]()

_prepared: list[Run] = []


def prepare(run: Run) -> None:
    """Makes the next pytest session of this process use this run instead of one made from its options."""
    _prepared.append(run)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ringback", "contract check")
    group.addoption("--provider", action="append", default=[], help="a vendor to check; repeatable; all by default")
    group.addoption("--check-seed", type=int, default=1, metavar="N", help="the seed of generated requests (default 1)")
    # Another plugin has an option --timeout.
    group.addoption("--check-timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS", help="for each request")
    add_options(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    if _prepared:
        config.stash[RUN] = _prepared.pop()
        return
    try:
        option = config.option
        made = settings(option, providers=option.provider, seed=option.check_seed, timeout=option.check_timeout)
    except WrongUsage as error:
        raise pytest.UsageError(str(error)) from None
    if made.targets and (hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None)):
        raise pytest.UsageError("leave out -n: a server is checked by one process, as two would disturb each other")
    config.stash[RUN] = Run(made)
    try:
        config.stash[RUN].preflight()
    except Stopped as why:
        pytest.exit(str(why), why.code)
    if made.targets:
        # A job that is cancelled cleans up as one that is interrupted at the keyboard.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is about to be checked, and what may be done there."""
    from contract_tests.announcing import announcement

    run = config.stash.get(RUN, None)
    return announcement(run) if run is not None else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was left behind at a server."""
    run = config.stash.get(RUN, None)
    for what in run.left_behind if run is not None else ():
        terminalreporter.write_line(f"left behind: {what}")


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = list(metafunc.config.stash[RUN].all_cases())
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
