"""The harness finds every planted defect by the property that is there for it, and nothing on the honest mock."""

from __future__ import annotations

import sys

import pytest

from contract_tests.findings import ContractBroken, NotCovered
from contract_tests.plugin import Run, Settings
from contract_tests.properties import PROPERTIES
from mock_server.spec import load_all
from tests.defects.catalogue import DEFECTS
from tests.defects.planting import Defect


def _first_finding(defect: Defect) -> ContractBroken | None:
    """What the defect's property finds on a server with the defect, stopping at the first finding."""
    command = [sys.executable, "-m", "tests.defects.serve", f"{defect.provider}: {defect.name}"]
    run = Run(Settings(providers=[defect.provider], mock_command=command))
    try:
        for spec, operation, property in run.cases():
            if property.name != defect.property:
                continue
            try:
                run.check(spec, operation, property)
            except ContractBroken as broken:
                return broken
            except NotCovered:
                continue
    finally:
        run.close()
    return None


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.provider}: {defect.name}")
def test_a_planted_defect_is_found(defect: Defect) -> None:
    found = _first_finding(defect)
    assert found is not None, f"[{defect.property}] did not find: {defect.name}"
    finding = found.findings[0]
    assert finding.grade in ("seed", "doc")
    assert finding.curl.startswith("curl ")
    assert finding.source


def test_every_property_has_a_defect_for_every_vendor() -> None:
    planted = {(defect.provider, defect.property) for defect in DEFECTS}
    missing = {(provider, property.name) for provider in load_all() for property in PROPERTIES} - planted
    assert not missing
