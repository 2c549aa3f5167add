"""What an exchange costs does not grow unseen: how many functions of ours it calls is counted, not timed.

`benchmarks/against_commit.py` measures the time beside an older commit, which a busy machine blurs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mock_server.catalogue import open_services
from mock_server.exchange import Service
from mock_server.messages import Request
from mock_server.process.limits import DEFAULTS
from mock_server.spec import load, specs_folder
from mock_server.stores.memory import MemoryStore, MemoryTransaction
from mock_server.stores.protocols import StoreFull
from mock_server.stores.state import State

HEADERS = {"x-api-key": "test_cost", "content-type": "application/json"}
CREATE = Request(
    "POST",
    "/v1/voice/phone-numbers/create",
    "",
    HEADERS,
    b'{"area_code": "313", "user_id": "1762896366429x599348279945132448",'
    b' "organization_id": "1762896364768x389173798861431550", "tenant_id": "your_tenant"}',
)
UPDATE = Request(
    "POST",
    "/v1/voice/phone-numbers/+14155551234/update-agent",
    "",
    HEADERS,
    b'{"inbound_agent_id": "agent_abc123", "outbound_agent_id": "agent_xyz789", "nickname": "Main Sales Line"}',
)
LIST = Request(
    "GET",
    "/v1/voice/phone-numbers",
    "user_id=1762896366429x599348279945132448&organization_id=1762896364768x389173798861431550",
    HEADERS,
)


@pytest.fixture(scope="module")
def teli() -> Service:
    return open_services(["teli"], seed=1)["teli"]


@pytest.mark.parametrize(("request_", "calls"), [(CREATE, 110), (UPDATE, 87), (LIST, 104)])
def test_an_exchange_calls_no_more_functions_than_it_did(teli: Service, request_: Request, calls: int) -> None:
    teli.spaces.close("test_cost")
    for _ in range(3):
        assert teli.exchange(request_).status == 200
    counted = _calls(teli, request_)
    assert 20 < sum(counted.values()) <= calls, counted.most_common(30)


def test_a_record_with_a_new_key_is_stored_without_looking_for_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, asked = load(specs_folder() / "teli.yaml"), []
    original = MemoryTransaction.get
    monkeypatch.setattr(MemoryTransaction, "get", lambda self, *what: asked.append(what) or original(self, *what))
    with MemoryStore().transaction("s") as transaction:
        state = State(transaction, "teli", spec.records)
        state.add("numbers", {"phone_number": "+13135550000", "id": "one"})
        assert asked == []
        assert state.find("numbers", "one") == {"phone_number": "+13135550000", "id": "one"}


def test_rows_that_were_taken_back_leave_no_growing_gaps() -> None:
    """A client may go on creating in a full space for ever."""
    store = MemoryStore(DEFAULTS._replace(bytes_per_space=10_000))
    with store.transaction("s") as transaction:
        transaction.put("kind", "first", {"text": "x" * 5_000})
    for number in range(500):
        with pytest.raises(StoreFull), store.transaction("s") as transaction:
            transaction.put("kind", f"refused {number}", {"text": "x" * 9_000})
        with store.transaction("s") as transaction:
            transaction.put("kind", "first", {"text": "y" * 5_000})
    table = store.tables("s")["kind"]
    assert list(table.rows) == ["first"]
    assert len(table.ids) < 50


def _calls(service: Service, request: Request) -> Counter[str]:
    """The functions of this package that one exchange calls."""
    package, found = str(Path(sys.modules[Service.__module__].__file__ or "").parent), Counter[str]()

    def count(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith((package, "<string>")):
            found[f"{Path(code.co_filename).stem}.{code.co_name}"] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        service.exchange(request)
    finally:
        sys.setprofile(before)
    return found


def test_an_example_shows_the_same_however_its_answer_is_put_together(teli: Service) -> None:
    """The short way of `merged` and the long one agree, for every documented success and every part of its fields."""
    tried = 0
    for operation in teli.spec.operations.values():
        for answer in operation.answers.values():
            if answer.status >= 300 or not isinstance(answer.value, dict) or answer.placeholders:
                continue
            every: Mapping[str, Any] = {**answer.value, "more": 1}
            for left_out in (*every, None):
                body = {name: value for name, value in every.items() if name != left_out}
                for said in (body, {name: value for name, value in body.items() if name not in answer.constants}):
                    expected = {
                        name: said.get(name, answer.value.get(name))
                        for name in (*answer.value, "more")
                        if name in said or name in answer.constants
                    }
                    assert list(answer.merged(said).items()) == list(expected.items())
                    tried += 1
    assert tried > 100
