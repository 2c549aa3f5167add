"""Long lists: made of batches, from the space as it was when they were asked for, by a thread of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import requests

from mock_server.answering.batches import BATCH
from mock_server.catalogue import open_services
from mock_server.derived import completions
from mock_server.exchange import Service
from mock_server.messages import Request
from mock_server.stores import MemoryStore, State
from tests.conftest import Server

NUMBERS = "/assistants/v1/numbers"
OWNER = "user_id=1762896366429x599348279945132448&organization_id=1762896364768x389173798861431550"
HEADERS = {"authorization": "Bearer test_long", "x-api-key": "test_long"}


@pytest.fixture
def service() -> Service:
    return open_services(["interactly"], seed=1)["interactly"]


def fill(service: Service, count: int, **more: Any) -> list[Any]:
    """That many numbers in place of those of the fixtures."""
    service.spaces.open("test_long")
    with service.spaces.store.transaction("test_long") as transaction:
        state = State(transaction, "interactly", service.spec.records)
        for row in list(state.all("numbers")):
            state.delete("numbers", row["_id"])
        complete_number = completions(service.spec)["numbers"]
        for index in range(count):
            given = {"number": f"+1415{index:07d}", "_id": f"{index:024x}", **more}
            state.put("numbers", complete_number(given, datetime.now(UTC), Random(index)))
        return list(state.all("numbers"))


def listed(service: Service) -> tuple[int, Any]:
    response = service.exchange(Request("GET", NUMBERS, "", HEADERS))
    return response.status, json.loads(response.body)


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 2 * BATCH + 7])
def test_a_list_of_any_length_is_the_rows_in_their_order(service: Service, count: int) -> None:
    assert listed(service)[0] == 200
    rows = fill(service, count)
    assert listed(service) == (200, rows)


@pytest.mark.parametrize("count", [3, BATCH + 1])
def test_a_counting_list_counts_its_rows_and_keeps_the_examples_order(count: int) -> None:
    teli = open_services(["teli"], seed=1)["teli"]
    body = {"area_code": "313", "tenant_id": "t", **dict(part.split("=") for part in OWNER.split("&"))}
    for _ in range(count):
        request = Request("POST", "/v1/voice/phone-numbers/create", "", HEADERS, json.dumps(body).encode())
        assert teli.exchange(request).status == 200
    said = json.loads(teli.exchange(Request("GET", "/v1/voice/phone-numbers", OWNER, HEADERS)).body)
    assert list(said) == ["success", "count", "phone_numbers", "powered_by"]
    assert said["count"] == len(said["phone_numbers"]) == count + 2


def test_a_row_that_breaks_the_spec_is_found_in_every_batch(service: Service) -> None:
    rows = fill(service, 2 * BATCH + 7)
    for index in (0, BATCH, 2 * BATCH + 6):
        with service.spaces.store.transaction("test_long") as transaction:
            state = State(transaction, "interactly", service.spec.records)
            state.put("numbers", {**rows[index], "inboundEnabled": "yes"})
        assert listed(service)[0] == 500
        with service.spaces.store.transaction("test_long") as transaction:
            State(transaction, "interactly", service.spec.records).put("numbers", rows[index])
        assert listed(service)[0] == 200


def test_only_whole_lists_of_more_than_a_batch_are_long(service: Service) -> None:
    fill(service, BATCH)
    assert not service.is_long(Request("GET", NUMBERS, "", HEADERS))
    fill(service, BATCH + 1)
    assert service.is_long(Request("GET", NUMBERS, "", HEADERS))
    assert service.is_long(Request("HEAD", NUMBERS, "", HEADERS))
    assert not service.is_long(Request("GET", NUMBERS, "", {"authorization": "Bearer test_other"}))
    assert not service.is_long(Request("GET", NUMBERS, "", {}))
    assert not service.is_long(Request("PUT", f"{NUMBERS}/1", "", HEADERS))
    assert not service.is_long(Request("GET", "/nowhere", "", HEADERS))


def test_a_long_list_comes_whole_over_the_wire(api: Callable[..., Any], server: Server) -> None:
    client = api("interactly")
    rows = client.get(NUMBERS).json()
    state = requests.get(f"{server.control}/state", params={"space": client.key}, timeout=20).json()
    rows += [{**rows[0], "_id": f"{n:024x}", "number": f"+1650{n:07d}"} for n in range(3_000)]
    state["providers"]["interactly"]["records"]["numbers"] = rows
    put = requests.put(f"{server.control}/state", json=state, params={"space": client.key}, timeout=20)
    assert put.status_code == 200
    answer = client.get(NUMBERS)
    assert answer.json() == rows
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 256 * 1024
    assert client.request("HEAD", NUMBERS).status_code == 200


class TestSnapshots:
    @pytest.fixture
    def store(self) -> MemoryStore:
        store = MemoryStore()
        with store.transaction("one") as transaction:
            for id in "abc":
                transaction.put("x/kind", id, {"id": id})
            transaction.put("y/kind", "z", {"id": "z"})
        return store

    def test_a_snapshot_shows_nothing_of_what_is_written_after_it(self, store: MemoryStore) -> None:
        with closing(store.snapshot("one", "x/")) as snapshot:
            before = list(snapshot.all("x/kind"))
            with store.transaction("one") as transaction:
                transaction.put("x/kind", "a", {"id": "changed"})
                transaction.delete("x/kind", "b")
                transaction.put("x/kind", "b", {"id": "again"})
                transaction.put("x/kind", "d", {"id": "d"})
            assert list(snapshot.all("x/kind")) == before
            assert [snapshot.get("x/kind", id) for id in "abd"] == [{"id": "a"}, {"id": "b"}, None]
            assert (snapshot.count("x/kind"), snapshot.kinds()) == (3, ["x/kind"])
        with store.transaction("one") as transaction:
            assert [row.document["id"] for row in transaction.all("x/kind")] == ["changed", "c", "again", "d"]

    def test_nor_of_what_is_taken_back_or_tidied_up_meanwhile(self, store: MemoryStore) -> None:
        with closing(store.snapshot("one", "x/")) as snapshot:
            before = list(snapshot.all("x/kind"))
            rows = snapshot.all("x/kind")
            next(rows)
            with pytest.raises(TypeError), store.transaction("one") as transaction:
                transaction.put("x/kind", "c", {"deleted": transaction.delete("x/kind", "c"), "no JSON": object()})
            with store.transaction("one") as transaction:
                for turn in range(100):
                    transaction.put("x/kind", f"new-{turn}", {})
                    transaction.delete("x/kind", f"new-{turn}")
                transaction.delete("x/kind", "c")
            store.drop("one")
            assert list(rows) == before[1:]
            assert list(snapshot.all("x/kind")) == before

    def test_it_holds_the_kinds_that_were_asked_for_and_is_only_read(self, store: MemoryStore) -> None:
        with closing(store.snapshot("one", "x/")) as snapshot:
            assert list(snapshot.all("y/kind")) == []
            with pytest.raises(TypeError):
                snapshot.put("x/kind", "a", {})
            with pytest.raises(TypeError):
                snapshot.delete("x/kind", "a")
        with closing(store.snapshot("nobody", "x/")) as snapshot:
            assert snapshot.kinds() == []
        assert not store.exists("nobody")
