"""What no page decides is no broken contract: servers that differ from the mock there are found no fault with."""

from __future__ import annotations

import sys

import pytest

from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import NotCovered
from tests.defects.lawful import LAWFUL
from tests.defects.planting import Defect

pytestmark = pytest.mark.long


@pytest.mark.parametrize("lawful", LAWFUL, ids=lambda one: f"{one.provider}: {one.name}")
def test_a_lawful_difference_breaks_nothing(lawful: Defect) -> None:
    """It may be told as a note, where Ringback had to decide something."""
    command = [sys.executable, "-m", "tests.defects.serve", f"{lawful.provider}: {lawful.name}"]
    run = Run(Settings(providers=[lawful.provider], operations=[lawful.first], mock_command=command, draws=3))
    checked = 0
    try:
        for spec, operation, property in run.cases():
            try:
                run.check(spec, operation, property)
                checked += 1
            except NotCovered:
                continue
    finally:
        run.close()
    assert checked > 3
