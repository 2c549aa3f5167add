"""The contract of every vendor: one test for each thing to be checked."""

from __future__ import annotations

import pytest

from contract_tests.findings import ContractBroken, NotCovered
from contract_tests.run import Case
from contract_tests.transport import Unreachable


def test_contract(case: Case) -> None:
    try:
        case.check()
    except NotCovered as why:
        pytest.skip(f"not covered: {why}")
    except (ContractBroken, Unreachable) as broken:
        pytest.fail(str(broken), pytrace=False)
