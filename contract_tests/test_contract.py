"""The contract of every operation of every vendor: one test for each property that applies."""

from __future__ import annotations

import pytest

from contract_tests.findings import ContractBroken, NotCovered
from contract_tests.plugin import Run
from contract_tests.properties import Property
from contract_tests.transport import Unreachable
from mock_server.spec import Operation, Spec


def test_contract(run: Run, spec: Spec, operation: Operation, property: Property) -> None:
    try:
        run.check(spec, operation, property)
    except NotCovered as why:
        pytest.skip(f"not covered: {why}")
    except (ContractBroken, Unreachable) as broken:
        pytest.fail(str(broken), pytrace=False)
