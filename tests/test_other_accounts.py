"""The keys of two accounts of a foreign server: what is asked with them, and that neither is shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from contract_tests.endpoint.guard import COSTS, Guard
from contract_tests.endpoint.transport import Transport
from contract_tests.properties.keys.accounts import reaches_made_records, strangers_kept_out
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import ContractBroken, NotCovered
from contract_tests.world.traces import Traces
from contract_tests.world.world import World
from mock_server.spec import load_all
from tests.conftest import Server

SPEC = load_all()["vogent"]


def world(origin: str, key: str, other: str | None) -> World:
    secrets = {"$MINE": key, **({"$MINE_TOO": other} if other else {})}
    transport = Transport(origin, Guard(SPEC, COSTS), secrets=secrets)
    made = World(SPEC, transport, key="$MINE", own=False, other="$MINE_TOO" if other else None)
    Traces(made)
    return made


def checked(world: World) -> list[str]:
    """The operations whose records were checked for strangers."""
    operations = [one for one in SPEC.operations.values() if reaches_made_records(SPEC, one)]
    for operation in operations:
        # The call that is placed belongs to no batch, so the list of a batch's calls cannot show it.
        batch = operation.id == "listBatchDials"
        with pytest.raises(NotCovered, match="does not show the new record") if batch else nullcontext():
            strangers_kept_out(Recorder(world, operation, "accounts", "documented", draws=0, seed=1))
    return [operation.id for operation in operations]


def test_a_key_of_another_account_of_a_foreign_server_is_used_and_what_was_made_is_removed(
    serve: Callable[..., Server],
) -> None:
    foreign = world(serve().origin("vogent"), "test_mine", "test_mine_too")
    assert {"listPhoneNumbers", "getPhoneNumber", "updateAgent", "deleteAgent"} <= set(checked(foreign))
    # What is left is of the kinds that no documented operation removes.
    assert {left.split()[1] for left in foreign.watch.undo()} == {"batch_jobs", "dials", "extractors", "prompts"}


def test_a_key_that_opens_the_same_account_is_found_and_no_key_is_shown(serve: Callable[..., Server]) -> None:
    foreign = world(serve().origin("vogent"), "test_secret", "test_secret")
    with pytest.raises(ContractBroken) as broken:
        checked(foreign)
    assert "test_secret" not in str(broken.value)
    assert '"Authorization: Bearer $MINE_TOO"' in str(broken.value)
    operation = SPEC.operations["getPhoneNumber"]
    for name in ("$MINE", "$MINE_TOO"):
        sent, reply = foreign.send(operation, operation.requests["unknown-id"], key=name)
        assert f'"Authorization: Bearer {name}"' in foreign.curl(sent.wire)
        assert reply.status == 400


def test_without_a_second_key_nothing_is_sent(serve: Callable[..., Server]) -> None:
    foreign = world(serve().origin("vogent"), "test_mine", None)
    with pytest.raises(NotCovered, match="--other-api-key-env names a key of another account"):
        checked(foreign)
    assert foreign.transport.sent == 0
