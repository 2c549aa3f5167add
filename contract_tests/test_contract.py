"""The contract of every vendor: one test for each thing to be checked."""

from __future__ import annotations

import pytest

from contract_tests.endpoint.transport import Unanswered, Unreachable
from contract_tests.preflight import UNREACHABLE
from contract_tests.run import Case
from contract_tests.words.findings import ContractBroken, NotCovered


def test_contract(case: Case) -> None:
    try:
        case.check()
    except NotCovered as why:
        pytest.skip(f"not covered: {why}")
    except (ContractBroken, Unanswered) as broken:
        pytest.fail(str(broken), pytrace=False)
    except Unreachable as gone:
        # Nothing that would be sent from now on could be answered.
        pytest.exit(str(gone), UNREACHABLE)
