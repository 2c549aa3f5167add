"""Fixtures for pytest: `ringback`, a server for the run, and `ringback_space`, a fresh world for each test."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ringback.server import Server
    from ringback.space import Space

_SHOWN = 20


@pytest.fixture(scope="session")
def ringback_options() -> Mapping[str, Any]:
    """The arguments of `ringback.start()` for the run's server; override it in a conftest: `{"fixtures": "mine"}`."""
    return {}


@pytest.fixture(scope="session")
def ringback(ringback_options: Mapping[str, Any]) -> Iterator[Server]:
    """One server process of all vendors for the run; under pytest-xdist each worker has its own."""
    from ringback.server import NotStarted, start

    try:
        server = start(**ringback_options)
    except NotStarted as error:
        pytest.fail(str(error), pytrace=False)
    with server:
        yield server


@pytest.fixture
def ringback_space(ringback: Server) -> Iterator[Space]:
    """A fresh space: `.url("teli")`, `.api_key`, `.faults`, `.requests`, `.state`, `.clock`; gone after the test."""
    with ringback.space() as space:
        yield space


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Shows what the space of a failed test was asked, and what for nobody understood."""
    outcome = yield
    report = outcome.get_result()
    space = getattr(item, "funcargs", {}).get("ringback_space")
    if space is None or call.when != "call" or not report.failed:
        return
    try:
        lines = list(_lines(space))
    except Exception as error:
        # The server may have gone, which may be why the test failed: that must stay the thing that is told.
        lines = [f"not to be had: {error}"]
    if lines:
        report.sections.append((f"Ringback: requests of {space.api_key}", "\n".join(lines)))


def _lines(space: Space) -> Iterator[str]:
    hints = {row["number"]: row["hints"] for row in space.requests.unmatched()}
    found = space.requests.list()
    if len(found) > _SHOWN:
        yield f"... {len(found) - _SHOWN} before these"
    for row in found[-_SHOWN:]:
        chosen = f"  [{row['fault']}]" if row["fault"] else ""
        yield f"{row['status']} {row['method']} {row['provider']} {row['path']}  {row['operation'] or '-'}{chosen}"
        yield from (f"    {hint}" for hint in hints.get(row["number"], []))
