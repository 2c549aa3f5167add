"""Whatever many clients do through several processes can have happened in some order; and the checker can tell."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from mock_server.stores import SharedStore, Transaction, open_store
from tests.linearizable import NEVER, Action, History, Operation, Unknown, explanation
from tests.redises import Redis
from tests.several import several

# The checker


def put(value: int) -> Action:
    def act(transaction: Transaction) -> None:
        transaction.put("registers", "a", value)

    return act


def get(transaction: Transaction) -> Any:
    return transaction.get("registers", "a")


def count_up(transaction: Transaction) -> Any:
    value = (transaction.get("registers", "a") or 0) + 1
    transaction.put("registers", "a", value)
    return value


def took(action: Action, answer: Any, began: float, ended: float = NEVER) -> Operation:
    return Operation(f"{answer}@{began}", action, answer, began, ended, ended != NEVER)


RIGHT = {
    "one after the other": [took(put(1), None, 0, 1), took(get, 1, 2, 3)],
    "read while it is written, before": [took(put(1), None, 0, 9), took(get, None, 1, 2), took(get, 1, 3, 4)],
    "counted side by side": [took(count_up, 2, 0, 9), took(count_up, 1, 1, 8), took(count_up, 3, 2, 9.5)],
    "an unknown write that took effect late": [took(put(7), None, 0), took(get, None, 1, 2), took(get, 7, 5, 6)],
    "an unknown write that never took effect": [took(put(7), None, 0), took(get, None, 1, 2), took(get, None, 5, 6)],
}
WRONG = {
    "a read of what was never written": [took(put(1), None, 0, 1), took(get, 2, 2, 3)],
    "a stale read": [took(put(1), None, 0, 1), took(put(2), None, 2, 3), took(get, 1, 4, 5)],
    "a lost update": [took(count_up, 1, 0, 5), took(count_up, 1, 1, 6)],
    "two readers see two writes in different orders": [
        took(put(1), None, 0, 9), took(put(2), None, 0, 9),
        took(get, 1, 10, 11), took(get, 2, 12, 13),
    ],
    "back in time while it is written": [took(put(1), None, 0, 9), took(get, 1, 1, 2), took(get, None, 3, 4)],
    "an unknown write takes effect twice": [
        took(put(7), None, 0), took(get, 7, 1, 2), took(put(1), None, 3, 4), took(get, 7, 5, 6),
    ],
    "an unknown write before it was asked for": [took(get, 7, 0, 1), took(put(7), None, 2)],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_can_have_happened_is_explained(name: str) -> None:
    assert explanation(RIGHT[name]) is not None


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_have_happened_is_not(name: str) -> None:
    assert explanation(WRONG[name]) is None


def test_a_right_history_with_one_answer_changed_is_found_wrong() -> None:
    history, store = History(), open_store()
    for round in range(20):
        action = random.Random(round).choice([count_up, get])

        def really(action: Action = action) -> Any:
            with store.transaction("test_one") as transaction:
                return action(transaction)

        history.did(str(round), action, really)
    assert explanation(history.operations) is not None
    for index, one in enumerate(history.operations):
        changed = [*history.operations]
        changed[index] = Operation(one.name, one.action, (one.answer or 0) + 1, one.began, one.ended)
        assert explanation(changed) is None


# Stores of several processes


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
@pytest.mark.parametrize("seed", range(2))
def test_histories_of_many_threads_on_two_stores_are_linearizable(kind: str, seed: int, tmp_path: Path) -> None:
    redis = Redis(tmp_path) if kind == "redis" else None
    url = redis.url if redis is not None else f"sqlite:///{tmp_path}/kept.db"
    stores = [open_store(url), open_store(url)]
    history = History()

    def client(store: SharedStore, chance: random.Random) -> None:
        for _ in range(8):
            id, value = chance.choice("ab"), chance.randrange(100)
            name, action = chance.choice(_actions(id, value))

            def work(action: Action = action) -> Any:
                with store.transaction("test_one") as transaction:
                    return action(transaction)

            history.did(name, action, lambda work=work: store.attempt(work))

    try:
        assert all(isinstance(store, SharedStore) for store in stores)
        threads = [
            threading.Thread(target=client, args=(stores[index % 2], random.Random(f"{seed}/{index}")))
            for index in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for store in stores:
            store.close()
        if redis is not None:
            redis.kill()
    assert len(history.operations) == 48
    assert explanation(history.operations) is not None, _told(history)


def _actions(id: str, value: int) -> list[tuple[str, Action]]:
    def write(transaction: Transaction) -> None:
        transaction.put("registers", id, value)

    def read(transaction: Transaction) -> Any:
        return transaction.get("registers", id)

    def add(transaction: Transaction) -> Any:
        total = (transaction.get("registers", id) or 0) + value
        transaction.put("registers", id, total)
        return total

    def remove(transaction: Transaction) -> Any:
        return transaction.delete("registers", id)

    def rows(transaction: Transaction) -> Any:
        return [row.document for row in transaction.all("registers")]

    return [
        (f"write {id} {value}", write), (f"read {id}", read), (f"add {id} {value}", add),
        (f"remove {id}", remove), ("rows", rows),
    ]  # fmt: skip


# Clients of several processes, one of which is killed


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_histories_of_many_clients_through_two_processes_are_linearizable(kind: str, tmp_path: Path) -> None:
    redis = Redis(tmp_path) if kind == "redis" else None
    url = redis.url if redis is not None else f"sqlite:///{tmp_path}/kept.db"
    history = History()
    try:
        with several(url) as processes:
            agents = [processes[0].create(f"agent {index}").json()["id"] for index in range(6)]
            numbers = processes[0].ask("GET", "/vogent/api/phone_numbers").json()["data"]
            chosen = numbers[0]["id"]
            first = processes[0].ask("GET", f"/vogent/api/phone_numbers/{chosen}").json()["agentId"]
            threads = [
                threading.Thread(target=_client, args=(processes[index % 2].url, index, chosen, agents, history))
                for index in range(6)
            ]
            for thread in threads:
                thread.start()
            threads[0].join()
            processes[0].kill()
            for thread in threads:
                thread.join()
            last = processes[1].ask("GET", f"/vogent/api/phone_numbers/{chosen}").json()["agentId"]
    finally:
        if redis is not None:
            redis.kill()
    history.did("last", _reading(chosen), lambda: last)
    known = [one for one in history.operations if one.known]
    assert len(known) > 20
    beginning = json.dumps([["links", chosen, first]])
    assert explanation(history.operations, beginning) is not None, _told(history)


def _client(url: str, index: int, number: str, agents: list[str], history: History) -> None:
    chance = random.Random(index)
    session = requests.Session()
    session.headers["Authorization"] = "Bearer test_several"
    for _ in range(4 if index == 0 else 8):
        if chance.random() < 0.5:
            agent_id = chance.choice(agents)
            history.did(f"link {agent_id}", _linking(number, agent_id), _answered(session, url, number, agent_id))
        else:
            history.did("read", _reading(number), _answered(session, url, number, None))


def _linking(number: str, agent_id: str) -> Action:
    def link(transaction: Transaction) -> Any:
        transaction.put("links", number, agent_id)
        return agent_id

    return link


def _reading(number: str) -> Action:
    return lambda transaction: transaction.get("links", number)


def _answered(session: requests.Session, url: str, number: str, agent_id: str | None) -> Callable[[], Any]:
    def ask() -> Any:
        path = f"{url}/vogent/api/phone_numbers/{number}"
        try:
            if agent_id is None:
                answer = session.get(path, timeout=20)
            else:
                answer = session.put(path, json={"agentId": agent_id}, timeout=20)
        except requests.RequestException:
            raise Unknown from None
        if answer.status_code >= 500:
            raise Unknown
        return answer.json()["agentId"]

    return ask


def _told(history: History) -> str:
    rows = sorted(history.operations, key=lambda one: one.began)
    return "\n".join(f"{one.began:.4f} {one.ended:.4f} {one.name} -> {one.answer}" for one in rows)
