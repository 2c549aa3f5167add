"""Of answers to requests that were sent at the same time: which one is another request's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contract_tests.properties.writes.together import _another_answer
from mock_server.spec import load_all

NAMES = {"agent_1", "00000000-cccc-4000-8000-000000000001"}


@pytest.mark.parametrize(
    ("own", "answered", "wrong"),
    [
        (False, "agent_1", 0),
        (False, "00000000-cccc-4000-8000-000000000001", 0),
        (False, "agent_2", 1),
        (True, "00000000-cccc-4000-8000-000000000001", 1),
    ],
)
def test_an_answer_under_another_name_of_the_same_record_is_no_other_s(own: bool, answered: str, wrong: int) -> None:
    spec = load_all()["teli"]
    operation = spec.operations["updateAgent"]
    world: Any = SimpleNamespace(
        own=own, spec=spec, are_names=lambda kind, one, other: {one, other} <= NAMES, readers=lambda kind: ()
    )
    sent: Any = SimpleNamespace(value=lambda name: "agent_1" if name == "agent_id" else None)
    reply: Any = SimpleNamespace(json={"agent_id": answered})
    assert len(list(_another_answer(world, operation, sent, reply))) == wrong
