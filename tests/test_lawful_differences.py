"""What no page decides is no broken contract: servers that differ from the mock there are found no fault with."""

from __future__ import annotations

import sys

import pytest

from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import NotCovered
from tests.defects.lawful import AT_ONCE, LAWFUL
from tests.defects.planting import Defect, Front

pytestmark = pytest.mark.long


ALONE = [one for one in LAWFUL if isinstance(one.plant, Front)]


@pytest.mark.parametrize("lawful", [*AT_ONCE, *ALONE], ids=lambda one: f"{one.provider}: {one.name}")
def test_lawful_differences_break_nothing(lawful: Defect) -> None:
    """They may be told as notes, where Ringback had to decide something."""
    command = [sys.executable, "-m", "tests.defects.serve", f"{lawful.provider}: {lawful.name}"]
    run = Run(Settings(providers=[lawful.provider], operations=lawful.first.split(","), mock_command=command, draws=1))
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
