"""How deep a check goes: the scenario alone, and the state machine that finds what needs a history."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from contract_tests.options import Settings
from contract_tests.run import Run
from contract_tests.walks import machine
from contract_tests.words.findings import ContractBroken, Finding
from mock_server.spec import load_all
from tests.conftest import ROOT, Server
from tests.defects.catalogue import DEFECTS
from tests.defects.deep import DEEP
from tests.defects.planting import Defect
from tests.spy import Spy
from tests.test_check import check

PROVIDERS = sorted(load_all())
BY_SCENARIO = [
    "update is not stored",
    "an update forgets the nickname",
    "the first number is sold twice",
]


def found(defect: Defect, depth: str, walks: int = 60) -> list[Finding]:
    """What a walk of that depth finds on a mock with the defect."""
    command = [sys.executable, "-m", "tests.defects.serve", f"{defect.provider}: {defect.name}"]
    settings = Settings(
        providers=[defect.provider], mock_command=command, depth=depth, fail_on=defect.fail_on, walks=walks
    )
    run = Run(settings)
    try:
        spec = run.specs[defect.provider]
        (run.scenario if depth == "scenario" else run.machine)(spec)
    except ContractBroken as broken:
        return broken.findings
    finally:
        run.close()
    return []


# --- the scenario ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_scenario_is_a_few_dozen_calls_that_find_nothing_on_the_honest_mock(provider: str) -> None:
    run = Run(Settings(providers=[provider], depth="scenario", fail_on="assumed"))
    try:
        run.scenario(run.specs[provider])
    finally:
        run.close()
    assert 20 < run.sent[provider] < max(120, 9 * len(run.specs[provider].operations))
    assert sum(outcome.requests for outcome in run.outcomes) == run.sent[provider]
    assert {"examples", "errors", "keys", "read-back", "partial", "list"} <= {one.property for one in run.outcomes}
    assert not [one for one in run.outcomes if one.verdict != "passed" or one.notes]


@pytest.mark.proof
def test_the_scenario_alone_finds_most_of_the_planted_defects() -> None:
    """A share of the catalogue by their names, so that a new defect changes nothing about the others; what the scenario
    is too short for is found by the properties.

    Batteries of values, single fields and pairs of them, and many requests at once are what it leaves out on purpose.
    """
    late = ("invalid", "encoding", "accounts", "methods", "values", "fields", "atomic", "filters", "search", "wire")
    late += ("secrets", "together", "addressed")
    chosen = [one for one in DEFECTS if one.property not in late and crc32(one.name.encode()) % 40 == 0]
    assert len(chosen) > 7
    missed = [one.name for one in chosen if not found(one, "scenario")]
    assert len(missed) <= len(chosen) * 0.4, missed


# --- the state machine -----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_state_machine_finds_nothing_on_the_honest_mock(provider: str) -> None:
    run = Run(Settings(providers=[provider], depth="deep", fail_on="assumed", walks=20 if provider == "teli" else 12))
    try:
        run.machine(run.specs[provider])
    finally:
        run.close()
    assert run.sent[provider] > 300
    assert {"read-back", "isolation", "valid", "invalid"} <= {one.property for one in run.outcomes}
    assert not [note for one in run.outcomes for note in one.notes]


@pytest.mark.long
@pytest.mark.parametrize(
    "defect",
    [
        # Found soon; the others take minutes: most walks never come by a second number of the same agent.
        pytest.param(one, id=one.name, marks=[] if "fourth change" in one.name else [pytest.mark.proof])
        for one in DEEP
    ],
)
def test_what_needs_a_history_is_found_with_the_few_steps_that_bring_it_about(
    defect: Defect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "ROUNDS", 1)
    findings = [one for one in found(defect, "deep", walks=400) if one.property == defect.property]
    assert findings, defect.name
    assert 2 <= len(findings[0].steps) <= 6, findings[0].steps
    assert all(step.startswith("curl ") for step in findings[0].steps)
    assert "after" in findings[0].text()


@pytest.mark.long
def test_on_a_foreign_server_nothing_is_shrunk_and_the_steps_of_one_record_are_tried_once_more(
    spy: Callable[..., Spy],
) -> None:
    defect = DEEP[2]
    command = [sys.executable, "-m", "tests.defects.serve", f"{defect.provider}: {defect.name}"]
    process = subprocess.Popen(
        [*command, "serve", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        target = spy(json.loads(process.stdout.readline())["providers"][defect.provider])
        origins = {defect.provider: target.origin}
        run = Run(Settings(providers=[defect.provider], targets=origins, depth="deep", walks=40))
        run.preflight()
        with pytest.raises(ContractBroken) as broken:
            run.machine(run.specs[defect.provider])
        run.close()
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert ("updateNumber", "read-back") in {(one.operation, one.property) for one in broken.value.findings}
    assert len(target.seen) < 10_000


@pytest.mark.long
def test_the_same_seed_walks_the_same_way() -> None:
    sent = []
    for _ in range(2):
        run = Run(Settings(providers=["interactly"], depth="deep", walks=8, record=True))
        try:
            run.machine(run.specs["interactly"])
        finally:
            run.close()
        sent.append([(one.request.method, one.request.target, one.request.body) for one in run.exchanges])
    assert sent[0] == sent[1]
    assert len(sent[0]) > 50


# --- depths as a whole -----------------------------------------------------------------------------------


def test_each_depth_holds_the_one_before_and_the_report_names_it(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = check("interactly", "--depth", "scenario", "--report", f"json={report}")
    assert done.returncode == 0, done.stdout
    assert "Checking interactly on a mock of its own: depth scenario" in done.stdout
    assert json.loads(report.read_text(encoding="utf-8"))["depth"] == "scenario"
    run = Run(Settings(providers=["interactly"]))
    titles = {depth: [] for depth in ("scenario", "quick", "deep")}  # type: dict[str, list[str]]
    for depth in titles:
        run.settings.depth = depth
        titles[depth] = [case.title for case in run.all_cases()]
    assert titles["scenario"] == ["scenario"]
    assert titles["quick"][0] == "scenario"
    assert titles["deep"] == [*titles["quick"], "state machine"]


@pytest.mark.long
def test_it_runs_in_parallel_on_mocks_of_its_own_and_never_on_a_server(server: Server) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "contract_tests",
        "-n",
        "2",
        "--provider",
        "interactly",
        "--draws",
        "1",
        "-k",
        "listNumbers or updateNumber",
    ]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    refused = subprocess.run(
        [*command, "--target", server.origin("interactly")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert refused.returncode != 0
    assert "leave out -n" in refused.stdout + refused.stderr
