"""Servers that differ from ours in everything the pages do not say keep the contract all the same, again and again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from contract_tests.options import Key
from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import ContractBroken, Finding, NotCovered
from tests.conftest import RINGBACK, ROOT
from tests.honest.habits import Habits
from tests.honest.server import KEY, VENDORS, HonestServer

SERVERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "the first pages alone": (("teli", "vogent", "interactly", "uponai"), {"seed_pages_only": True}),
    "some operations alone": (("uponai", "vogent"), {"partial": True, "leading_on": True}),
    "other envelopes and orders": (("uponai", "interactly"), {"enveloped": True, "shuffled": True, "lenient": True}),
    "moving fields, request ids, other names": (
        ("teli", "vogent"),
        {"moving": True, "request_ids": True, "other_names": True, "shuffled": True, "lenient": True},
    ),
    "hundreds of records": (("vogent", "interactly"), {"records": 305}),
    "a wire of its own": (
        ("interactly", "uponai"),
        {"chunked": True, "closing_every": 9, "early_hints": True, "limited_every": 97},
    ),
    "HTTP/1.0": (("vogent", "interactly"), {"http10": True, "packed": True}),
    "another spelling, one write at a time": (
        ("uponai", "interactly"),
        {"spelled": True, "shouting": True, "clashing": True, "conflicts": True},
    ),
}
CASES = [
    pytest.param(
        vendor,
        habits,
        "scenario" if place else "quick",
        id=f"{name}-{vendor}",
        marks=[] if turn % len(some) == place else [pytest.mark.proof],
    )
    for turn, (name, (some, habits)) in enumerate(SERVERS.items())
    for place, vendor in enumerate(some)
]
"""Each habit is checked a second time as deep as the first time at one vendor's server, and in short at the others; the
habits take turns with the vendors, and `make proof` has all of both."""


@contextmanager
def serving(*vendors: str, **habits: Any) -> Iterator[HonestServer]:
    with HonestServer(*vendors, habits=Habits(**habits)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def checked(server: HonestServer, vendor: str, depth: str, **more: Any) -> Run:
    """A check of that depth, with few draws and walks."""
    settings = Settings(
        providers=[vendor],
        targets={vendor: server.origin(vendor)},
        api_key=Key("$HONEST_KEY", KEY),
        variables=dict(VENDORS[vendor].VARIABLES),
        depth=depth,
        **{"draws": 1, "walks": 1, **more},
    )
    run = Run(settings)
    run.preflight()
    for case in run.all_cases():
        if depth == "deep" and not case.title.endswith("machine"):
            continue  # What is deep beside the walks is what is quick.
        try:
            case.check()
        except (ContractBroken, NotCovered):
            continue
    return run


def found(run: Run) -> list[str]:
    """The findings, and what could not be finished."""
    broken = [f"{one.operation} {one.property} {one.reason}" for one in run.outcomes if one.verdict == "failed"]
    return [*map(Finding.text, (one for outcome in run.outcomes for one in outcome.findings)), *broken]


@pytest.mark.long
@pytest.mark.parametrize(("vendor", "habits", "again"), CASES)
def test_an_honest_server_is_not_accused_however_often_and_deep_it_is_checked(
    vendor: str, habits: dict[str, Any], again: str
) -> None:
    with serving(vendor, **habits) as server:
        # What is quick begins with the scenario.
        for draws, depth in ((1, "quick"), (1, "deep"), (0, again)):
            run = checked(server, vendor, depth, draws=draws)
            assert found(run) == []
            assert depth == "deep" or any(outcome.verdict == "passed" for outcome in run.outcomes)


def test_what_one_documented_request_needs_costs_the_others_nothing() -> None:
    """No list shows the number that one of UponAI's documented requests addresses in another form."""
    with serving("uponai") as server:
        run = checked(server, "uponai", "quick", operations=["updatePhoneNumberAssignment"])
    assert "passed" in [one.verdict for one in run.outcomes if one.property == "values"]


@pytest.mark.long
def test_the_command_finds_notes_and_nothing_else(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with serving("interactly") as server:
        target = ["--target", server.origin("interactly"), "--api-key-env", "HONEST_KEY"]
        done = subprocess.run(
            [*RINGBACK, "check", "interactly", *target, "--report", f"json={report}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            env={**os.environ, "HONEST_KEY": KEY},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(report.read_text())["counts"]
    assert counts["findings"] == counts["failed"] == 0
    assert counts["notes"] > 10
    # Calls and campaigns, and what belongs to them, are what this server does not have.
    assert counts["passed"] > 100
