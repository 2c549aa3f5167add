"""The harness finds every planted defect by the property that is there for it, and nothing on the honest mock."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from contract_tests.endpoint.transport import Route, Unanswered
from contract_tests.plugin import Run, Settings
from contract_tests.properties.table import PROPERTIES
from contract_tests.words.findings import FAIL_ON, ContractBroken, NotCovered
from mock_server.spec import load_all
from tests.defects.catalogue import BEYOND, DEFECTS
from tests.defects.planting import Defect
from tests.defects.words import WORDS, write_specs

SHARE = int(os.environ.get("DEFECT_SHARE", "1"))
"""One in so many defects is planted, and of every property for every vendor at least one."""

SEEDS = [int(seed) for seed in os.environ.get("DEFECT_SEEDS", "1").split(",")]


def _planted() -> list[ParameterSet]:
    """The share of the catalogue; all but one for each property, of one vendor after the other, are long."""
    first = {(defect.provider, defect.property): defect for defect in reversed(DEFECTS)}
    kept = {id(defect) for defect in [*first.values(), *DEFECTS[::SHARE]]}
    short = set()
    for turn, name in enumerate(sorted({defect.property for defect in DEFECTS})):
        vendors = [defect for defect in first.values() if defect.property == name]
        short.add(id(vendors[turn % len(vendors)]))
    return [
        pytest.param(
            defect,
            id=f"{defect.provider}: {defect.name}",
            marks=[] if id(defect) in short else [pytest.mark.long],
        )
        for defect in DEFECTS
        if id(defect) in kept
    ]


def _first_finding(defect: Defect, seed: int, command: list[str] | None = None) -> ContractBroken | None:
    """What the defect's property finds on a server with the defect, stopping at the first finding."""
    command = command or [sys.executable, "-m", "tests.defects.serve", f"{defect.provider}: {defect.name}"]
    asked = Settings(providers=[defect.provider], mock_command=command, seed=seed, fail_on=defect.fail_on)
    asked.route = Route(defect.timeout_seconds)
    run = Run(asked)
    try:
        cases = [case for case in run.cases() if case[2].name == defect.property]
        for spec, operation, property in sorted(cases, key=lambda case: case[1].id != defect.first):
            try:
                run.check(spec, operation, property)
            except ContractBroken as broken:
                return broken
            except Unanswered:
                return ContractBroken(run.outcomes[-1].findings)
            except NotCovered:
                continue
    finally:
        run.close()
    return None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("defect", _planted())
def test_a_planted_defect_is_found(defect: Defect, seed: int) -> None:
    found = _first_finding(defect, seed)
    assert found is not None, f"[{defect.property}] did not find: {defect.name}"
    finding = found.findings[0]
    assert next(one for one in FAIL_ON if finding.grade in FAIL_ON[one]) == defect.fail_on
    assert finding.curl.startswith("curl ")
    assert finding.source


def test_a_defect_where_no_page_speaks_is_a_note_unless_asked_for() -> None:
    defect = next(defect for defect in DEFECTS if defect.fail_on == "assumed")
    assert _first_finding(replace(defect, fail_on="observed"), SEEDS[0]) is None


def test_every_property_has_a_defect_for_every_vendor() -> None:
    planted = {(defect.provider, defect.property) for defect in DEFECTS}
    wanted = {
        (provider, property.name)
        for provider, spec in load_all().items()
        for property in PROPERTIES
        if any(property.applies(spec, operation) for operation in spec.operations.values())
    }
    assert wanted - set(BEYOND) == planted


def test_no_two_defects_have_the_same_name() -> None:
    names = [(defect.provider, defect.name) for defect in DEFECTS]
    assert len(names) == len(set(names))


if len(SEEDS) > 1:
    # With one seed `make check` has looked already, in the same `make test`.
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("provider", sorted(load_all()))
    def test_nothing_is_found_on_the_honest_mock(provider: str, seed: int) -> None:
        run = Run(Settings(providers=[provider], seed=seed))
        try:
            for spec, operation, property in run.cases():
                outcome = run.check(spec, operation, property)
                assert not outcome.findings + outcome.notes
        finally:
            run.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a vendor that uses the words which none of the four does."""
    folder = tmp_path_factory.mktemp("library")
    write_specs(folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RINGBACK_SPECS", str(folder))
        yield folder


@pytest.mark.parametrize("defect", WORDS, ids=lambda defect: defect.name)
def test_a_defect_in_what_a_word_drives_is_found(defect: Defect, library: Path) -> None:
    found = _first_finding(defect, 1)
    assert found is not None, f"[{defect.property}] did not find: {defect.name}"
    assert found.findings[0].operation == defect.first


def test_the_vendor_of_the_words_has_no_defect_of_its_own(library: Path) -> None:
    for property in {defect.property for defect in WORDS}:
        honest = Defect("none", WORDS[0].provider, property, lambda service: None, fail_on="assumed")
        assert _first_finding(honest, 1, [sys.executable, "-m", "mock_server"]) is None
