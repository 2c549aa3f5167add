"""Every store keeps what the protocol promises, compared step by step with plain dictionaries."""

from __future__ import annotations

import atexit
import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from mock_server.process.limits import Limits
from mock_server.spaces import Busy, Spaces
from mock_server.stores import MemoryStore, Row, SharedStore, Store, StoreFull, open_store
from mock_server.stores.backends import REMEMBERED
from mock_server.stores.naming import Naming
from mock_server.text.jsontext import own
from tests.redises import Cluster, Redis

KINDS = ("numbers", "agents")
SPACES = ("test_one", "test_two")

ids = st.sampled_from(["id-0", "id-1", "id-2", "id-3", "id-4"])
kinds = st.sampled_from(KINDS)
spaces = st.sampled_from(SPACES)
values = st.none() | st.integers(-9, 9) | st.just("text") | st.just([1]) | st.just({"inner": 1})
documents = st.fixed_dictionaries({"value": values.map(copy.deepcopy)})


class Rollback(Exception):
    """Raised inside a transaction to take it back."""


VALUE = Naming("value")
NAMED = ({"text"}, {"1", "-1"}, {"None"})


def referring(store: Store) -> Store:
    """The store, that knows by which field numbers name others; of agents it finds out by reading them all."""
    store.refer({"numbers": [VALUE]})
    return store


def names(document: Any, values: set[str]) -> bool:
    """Whether the document names one of the values by its field `value`."""
    value = document["value"]
    said = value if isinstance(value, list) else [] if value is None else [value]
    return any(str(one) in values for one in said)


class Model:
    """What a space should hold: by kind, the rows in order as id -> (sequence, document)."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, tuple[int, Any]]] = {kind: {} for kind in KINDS}

    def put(self, kind: str, id: str, sequence: int, document: Any) -> None:
        self.rows[kind][id] = (sequence, copy.deepcopy(document))


class StoreMachine(RuleBasedStateMachine):
    """Puts, deletes, reads, rolls back and drops, in any order; the store and the dictionaries never differ."""

    read = Bundle("read")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.opened()
        self.models = {space: Model() for space in SPACES}
        self.used: dict[tuple[str, str], set[int]] = {}
        self.snapshots: list[tuple[Any, str, dict[str, tuple[int, Any]]]] = []

    def opened(self) -> Store:
        """The store under test, anew."""
        return referring(MemoryStore())

    @initialize(space=spaces, document=documents)
    def begin_with_a_document(self, space: str, document: Any) -> None:
        self.put(space, "numbers", "id-0", document)

    @rule(space=spaces, kind=kinds, id=ids, document=documents)
    def put(self, space: str, kind: str, id: str, document: Any) -> None:
        with self.store.transaction(space) as transaction:
            transaction.put(kind, id, document)
        self._note_put(space, kind, id, document)

    @rule(space=spaces, kind=kinds, id=ids, document=documents)
    def put_and_then_change_the_caller_s_own_copy(self, space: str, kind: str, id: str, document: Any) -> None:
        mine = copy.deepcopy(document)
        with self.store.transaction(space) as transaction:
            transaction.put(kind, id, mine)
            mine["changed afterwards"] = True
        self._note_put(space, kind, id, document)

    @rule(target=read, space=spaces, kind=kinds, id=ids)
    def get(self, space: str, kind: str, id: str) -> Any:
        expected = self.models[space].rows[kind].get(id)
        with self.store.transaction(space) as transaction:
            document = transaction.get(kind, id)
        assert document == (None if expected is None else expected[1])
        return multiple() if document is None else document

    @rule(space=spaces, kind=kinds, id=ids)
    def look(self, space: str, kind: str, id: str) -> None:
        expected = self.models[space].rows[kind].get(id)
        with self.store.transaction(space) as transaction:
            assert transaction.look(kind, id) == (None if expected is None else expected[1])

    @rule(document=consumes(read))
    def change_a_document_you_read_without_putting_it_back(self, document: Any) -> None:
        for value in list(document.values()):
            if isinstance(value, dict):
                value["changed inside"] = True
            elif isinstance(value, list):
                value.append("changed inside")
        document.clear()
        document["changed"] = True

    @rule(space=spaces, kind=kinds)
    def change_rows_you_listed_without_putting_them_back(self, space: str, kind: str) -> None:
        with self.store.transaction(space) as transaction:
            for row in transaction.all(kind):
                row.document.clear()

    @rule(space=spaces, kind=kinds, id=ids)
    def delete(self, space: str, kind: str, id: str) -> None:
        with self.store.transaction(space) as transaction:
            assert transaction.delete(kind, id) is (id in self.models[space].rows[kind])
            assert transaction.get(kind, id) is None
        self.models[space].rows[kind].pop(id, None)

    @rule(space=spaces, steps=st.lists(st.tuples(st.booleans(), kinds, ids, documents), max_size=12))
    def roll_back(self, space: str, steps: list[tuple[bool, str, str, Any]]) -> None:
        with suppress(Rollback), self.store.transaction(space) as transaction:
            for putting, step_kind, id, document in steps:
                if putting:
                    transaction.put(step_kind, id, document)
                    # Nobody has seen these numbers, but no later row may be taken for one of these.
                    self._note_sequences(space, step_kind, transaction.all(step_kind))
                else:
                    transaction.delete(step_kind, id)
            raise Rollback

    @rule(space=spaces, kind=kinds, steps=st.lists(st.tuples(st.booleans(), ids, documents), max_size=12))
    def do_several_things_at_once(self, space: str, kind: str, steps: list[tuple[bool, str, Any]]) -> None:
        rows = dict(self.models[space].rows[kind])
        with self.store.transaction(space) as transaction:
            for putting, id, document in steps:
                if putting:
                    transaction.put(kind, id, document)
                    rows[id] = (rows[id][0] if id in rows else 0, document)
                else:
                    assert transaction.delete(kind, id) is (rows.pop(id, None) is not None)
                assert transaction.count(kind) == len(rows)
                assert [row.document for row in transaction.all(kind)] == [document for _, document in rows.values()]
            listed = list(transaction.all(kind))
        model = self.models[space]
        known = model.rows[kind]
        model.rows[kind] = {}
        for (id, (old, document)), row in zip(rows.items(), listed, strict=True):
            if old:
                assert row.sequence == known[id][0]
            model.put(kind, id, row.sequence, document)
        self._note_sequences(space, kind, listed)

    @rule(space=spaces)
    def drop(self, space: str) -> None:
        self.store.drop(space)
        assert not self.store.exists(space)
        self.models[space] = Model()
        for kind in KINDS:
            self.used.pop((space, kind), None)

    @rule(space=spaces, ids=st.lists(ids, unique=True, max_size=3), document=documents, fails=st.booleans())
    def refill(self, space: str, ids: list[str], document: Any, fails: bool) -> None:
        def fill(transaction: Any) -> None:
            for id in ids:
                transaction.put("numbers", id, document)
            if fails:
                raise Rollback

        if fails:
            with pytest.raises(Rollback):
                self.store.refill(space, fill)
            return
        self.store.refill(space, fill)
        self.models[space] = Model()
        for kind in KINDS:
            self.used.pop((space, kind), None)
        for number, id in enumerate(ids, 1):
            self.models[space].put("numbers", id, number, document)
        self._note_sequences(space, "numbers", [Row(number, None) for number in range(1, len(ids) + 1)])

    @rule(space=spaces, kind=kinds, after=st.integers(0, 40))
    def go_on_where_you_stopped(self, space: str, kind: str, after: int) -> None:
        expected = [row for row in self.models[space].rows[kind].values() if row[0] > after]
        with self.store.transaction(space) as transaction:
            assert [tuple(row) for row in transaction.all(kind, after)] == expected

    @precondition(lambda self: len(self.snapshots) < 2)
    @rule(space=spaces, kind=kinds)
    def take_a_snapshot(self, space: str, kind: str) -> None:
        rows = copy.deepcopy(self.models[space].rows[kind])
        self.snapshots.append((self.store.snapshot(space, kind), kind, rows))

    @precondition(lambda self: self.snapshots)
    @rule(index=st.integers(0, 1))
    def close_a_snapshot(self, index: int) -> None:
        snapshot, _, _ = self.snapshots.pop(index % len(self.snapshots))
        snapshot.close()

    @invariant()
    def a_snapshot_stays_as_it_was_whatever_has_happened_since(self) -> None:
        for snapshot, kind, rows in self.snapshots:
            assert [tuple(row) for row in snapshot.all(kind)] == list(rows.values())
            assert snapshot.count(kind) == len(rows)
            for values in NAMED:
                found = [tuple(row) for row in snapshot.naming(kind, [VALUE], values)]
                assert found == [row for row in rows.values() if names(row[1], values)]
            for id in ("id-0", "id-1", "id-2"):
                assert snapshot.get(kind, id) == (rows[id][1] if id in rows else None)

    @invariant()
    def the_store_and_the_dictionaries_agree(self) -> None:
        for space, model in self.models.items():
            with self.store.transaction(space) as transaction:
                assert set(transaction.kinds()) == {kind for kind, rows in model.rows.items() if rows}
                for kind, rows in model.rows.items():
                    assert transaction.count(kind) == len(rows)
                    assert [tuple(row) for row in transaction.all(kind)] == list(rows.values())
                    for values in NAMED:
                        found = [tuple(row) for row in transaction.naming(kind, [VALUE], values)]
                        assert found == [row for row in rows.values() if names(row[1], values)]
                    for id, (_, document) in rows.items():
                        assert transaction.get(kind, id) == document
            if any(model.rows.values()):
                assert self.store.exists(space)

    def _note_put(self, space: str, kind: str, id: str, document: Any) -> None:
        known = self.models[space].rows[kind].get(id)
        with self.store.transaction(space) as transaction:
            rows = list(transaction.all(kind))
        if known is not None:
            self.models[space].put(kind, id, known[0], document)
            return
        newest = rows[-1].sequence
        assert newest not in self.used.get((space, kind), set()), "a sequence number was used twice"
        self._note_sequences(space, kind, rows)
        self.models[space].put(kind, id, newest, document)

    def _note_sequences(self, space: str, kind: str, rows: Any) -> None:
        used = self.used.setdefault((space, kind), set())
        sequences = [row.sequence for row in rows]
        assert sequences == sorted(set(sequences))
        used.update(sequences)


class SqliteMachine(StoreMachine):
    """The same with a file, which is closed and opened again at any time."""

    def opened(self) -> Store:
        self.folder = TemporaryDirectory()
        return self.reopened()

    def reopened(self) -> Store:
        return referring(open_store(f"sqlite:///{self.folder.name}/kept.db"))

    @rule()
    def open_the_file_again(self) -> None:
        while self.snapshots:
            self.snapshots.pop()[0].close()
        self.store.close()
        self.store = self.reopened()
        # What was given and never stored has been seen by nobody who is still there.
        for (space, kind), used in self.used.items():
            used.intersection_update(sequence for sequence, _ in self.models[space].rows[kind].values())

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


class RedisMachine(StoreMachine):
    """The same with a Redis, and at any time by another process that shares it."""

    def opened(self) -> Store:
        if not hasattr(RedisMachine, "redis"):
            RedisMachine.folder = TemporaryDirectory()
            RedisMachine.redis = Redis(Path(RedisMachine.folder.name))
            atexit.register(RedisMachine.redis.kill)
        RedisMachine.redis.client().flushall()
        self.stores = [referring(open_store(RedisMachine.redis.url)) for _ in range(2)]
        return self.stores[0]

    @rule(index=st.integers(0, 1))
    def go_on_in_another_process(self, index: int) -> None:
        self.store = self.stores[index]

    def teardown(self) -> None:
        while self.snapshots:
            self.snapshots.pop()[0].close()
        for store in self.stores:
            store.close()


TestMemoryStore = StoreMachine.TestCase
TestMemoryStore.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSqliteStore = SqliteMachine.TestCase
TestSqliteStore.settings = settings(TestMemoryStore.settings, max_examples=40)
TestRedisStore = RedisMachine.TestCase
TestRedisStore.settings = settings(TestMemoryStore.settings, max_examples=15)


@contextmanager
def taken_back(store: Store, space: str = "test_one") -> Iterator[Any]:
    """A transaction that is rolled back at its end."""
    with suppress(Rollback), store.transaction(space) as transaction:
        yield transaction
        raise Rollback


def listed(store: Store, kind: str = "numbers", after: int = 0) -> list[tuple[int, Any]]:
    with store.transaction("test_one") as transaction:
        return [tuple(row) for row in transaction.all(kind, after)]  # type: ignore[misc]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis for all tests here."""
    made = Redis(tmp_path_factory.mktemp("redis"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of three nodes for all tests here."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.kill()


STORES = ("memory", "sqlite", "redis", "cluster")


@pytest.fixture(params=STORES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/kept.db"
    service = request.getfixturevalue(request.param)
    for client in [service.client()] if request.param == "redis" else service.clients:
        client.flushall()
    return str(service.url)


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """Three numbers, a, b and c."""
    made = open_store(address)
    with made.transaction("test_one") as transaction:
        for id in "abc":
            transaction.put("numbers", id, {"id": id})
    yield made
    made.close()


def test_a_deleted_and_newly_put_row_goes_to_the_end_under_a_new_number(store: Store) -> None:
    with store.transaction("test_one") as transaction:
        transaction.delete("numbers", "a")
        transaction.put("numbers", "a", {"id": "a", "again": True})
    assert listed(store) == [(2, {"id": "b"}), (3, {"id": "c"}), (4, {"id": "a", "again": True})]


def test_a_deletion_that_is_taken_back_leaves_the_row_in_its_old_place(store: Store) -> None:
    with taken_back(store) as transaction:
        transaction.delete("numbers", "a")
        transaction.put("numbers", "a", {"id": "another"})
        transaction.delete("numbers", "b")
    assert listed(store) == [(1, {"id": "a"}), (2, {"id": "b"}), (3, {"id": "c"})]


def test_an_update_keeps_the_row_s_place_and_number(store: Store) -> None:
    with store.transaction("test_one") as transaction:
        transaction.put("numbers", "b", {"id": "b", "nickname": "x"})
    assert [sequence for sequence, _ in listed(store)] == [1, 2, 3]


def test_a_number_that_was_given_in_a_rolled_back_transaction_is_never_given_to_a_row_that_stays(
    store: Store,
) -> None:
    with taken_back(store) as transaction:
        transaction.put("numbers", "d", {"id": "d"})
        seen = [row.sequence for row in transaction.all("numbers")][-1]
    with store.transaction("test_one") as transaction:
        transaction.put("numbers", "e", {"id": "e"})
    assert listed(store)[-1][0] > seen


def test_a_reader_may_delete_and_add_rows_while_it_reads(store: Store) -> None:
    with store.transaction("test_one") as transaction:
        for row in transaction.all("numbers"):
            transaction.delete("numbers", row.document["id"])
            transaction.put("numbers", row.document["id"] * 2, {"id": row.document["id"] * 2})
    assert [document["id"] for _, document in listed(store)] == ["aa", "bb", "cc"]


def test_many_rows_that_come_and_go_leave_no_gaps_that_cost(store: Store) -> None:
    for index in range(10_000 if isinstance(store, MemoryStore) and not isinstance(store, SharedStore) else 200):
        with store.transaction("test_one") as transaction:
            transaction.put("numbers", f"n{index}", {})
            transaction.delete("numbers", f"n{index}")
    assert [document["id"] for _, document in listed(store)] == ["a", "b", "c"]
    assert listed(store, after=2) == [(3, {"id": "c"})]
    assert len(store._spaces["test_one"]["numbers"].ids) < 100


def test_a_snapshot_shows_the_rows_as_they_were(store: Store) -> None:
    snapshot = store.snapshot("test_one", "num")
    reading = snapshot.all("numbers")
    before = [tuple(next(reading))]
    with store.transaction("test_one") as transaction:
        transaction.delete("numbers", "a")
        transaction.put("numbers", "a", {"id": "a", "again": True})
        transaction.put("numbers", "b", {"id": "b", "nickname": "x"})
        transaction.put("numbers", "b", {"id": "b", "nickname": "y"})
        transaction.delete("numbers", "c")
        transaction.put("numbers", "d", {"id": "d"})
    with taken_back(store) as transaction:
        transaction.put("numbers", "b", {"id": "b", "nickname": "z"})
    before += [tuple(row) for row in reading]
    assert before == [(1, {"id": "a"}), (2, {"id": "b"}), (3, {"id": "c"})]
    assert [snapshot.get("numbers", id) for id in "abcd"] == [{"id": "a"}, {"id": "b"}, {"id": "c"}, None]
    assert snapshot.count("numbers") == 3
    with pytest.raises(TypeError):
        snapshot.put("numbers", "a", {})
    snapshot.close()
    assert len(listed(store)) == 3


def test_who_names_a_value_is_found_without_reading_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    by_agent, by_team = Naming("agent"), Naming("team", "id")
    store.refer({"numbers": [by_agent, by_team]})
    rows = {
        f"n{row}": {"agent": "a1" if row % 9_000 == 0 else "a2", "team": [{"id": row % 10_000}]}
        for row in range(20_000)
    }
    store.refill("test_two", lambda transaction: [transaction.put("numbers", id, rows[id]) for id in rows] and None)
    read: list[bytes] = []
    monkeypatch.setattr("mock_server.stores.memory.own", lambda text: read.append(text) or own(text))
    with store.transaction("test_two") as transaction:
        found = list(transaction.naming("numbers", [by_agent], {"a1"}))
        assert [row.document for row in found] == [rows["n0"], rows["n9000"], rows["n18000"]]
        assert len(read) == 3
        both = transaction.naming("numbers", [by_agent, by_team], {"a1", "7"})
        assert [row.document for row in both] == [rows[f"n{id}"] for id in (0, 7, 9000, 10007, 18000)]
        transaction.put("numbers", "n9000", {"agent": None})
        transaction.delete("numbers", "n0")
        read.clear()
        assert [row.sequence for row in transaction.naming("numbers", [by_agent], {"a1"})] == [found[2].sequence]
        assert len(read) == 1


def test_spaces_do_not_see_each_other(store: Store) -> None:
    with store.transaction("test_two") as transaction:
        assert transaction.get("numbers", "a") is None
        transaction.put("numbers", "a", {"id": "of two"})
    store.drop("test_two")
    assert len(listed(store)) == 3


def test_transactions_of_one_space_come_one_after_the_other(store: Store) -> None:
    def count_up() -> None:
        for _ in range(50):
            with store.transaction("test_one") as transaction:
                counter = transaction.get("counters", "n") or {"value": 0}
                counter["value"] += 1
                transaction.put("counters", "n", counter)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.transaction("test_one") as transaction:
        assert transaction.get("counters", "n") == {"value": 200}


@pytest.mark.parametrize("broken", [{"a": object()}, {"a": {1, 2}}, {"a": "\ud800"}])
def test_what_is_no_json_is_refused_and_changes_nothing(store: Store, broken: Any) -> None:
    def write() -> None:
        with store.transaction("test_one") as transaction:
            transaction.put("numbers", "a", {"id": "changed"})
            transaction.put("numbers", "b", broken)

    with pytest.raises(TypeError):
        write()
    assert [document["id"] for _, document in listed(store)] == ["a", "b", "c"]


# Stores of several processes


@pytest.fixture(params=STORES[1:])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SharedStore, SharedStore]]:
    """One store, as two processes have it open."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/kept.db"
    else:
        service = request.getfixturevalue(request.param)
        for client in [service.client()] if request.param == "redis" else service.clients:
            client.flushall()
        url = service.url
    stores = open_store(url), open_store(url)
    assert isinstance(stores[0], SharedStore)
    assert isinstance(stores[1], SharedStore)
    yield stores[0], stores[1]
    for store in stores:
        store.close()


def test_what_one_process_writes_the_other_reads(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = pair
    for number in range(5):
        with one.transaction("test_one") as transaction:
            transaction.put("numbers", f"a{number}", {"n": number})
        with other.transaction("test_one") as transaction:
            assert transaction.get("numbers", f"a{number}") == {"n": number}
            transaction.put("numbers", f"b{number}", {"n": number})
            if number:
                assert transaction.delete("numbers", f"a{number - 1}")
    for store in pair:
        with store.transaction("test_one") as transaction:
            rows = [tuple(row) for row in transaction.all("numbers")]
        assert rows == [(2, {"n": 0}), (4, {"n": 1}), (6, {"n": 2}), (8, {"n": 3}), (9, {"n": 4}), (10, {"n": 4})]
    one.drop("test_one")
    assert not other.refresh("test_one")


def test_who_was_away_for_long_reads_the_space_anew(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = pair
    assert not other.refresh("test_one")
    for number in range(3 * REMEMBERED):
        with one.transaction("test_one") as transaction:
            transaction.put("numbers", str(number % 100), {"n": number, "long": "x" * (200_000 if number == 9 else 1)})
        if number == 20:
            assert other.refresh("test_one")
    with other.transaction("test_one") as transaction:
        found = {row.document["n"] for row in transaction.all("numbers")}
    assert found == set(range(3 * REMEMBERED - 100, 3 * REMEMBERED))


def test_work_that_others_were_quicker_with_is_done_again_on_what_is_true(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    def count_up(store: SharedStore, times: int) -> None:
        def work() -> None:
            with store.transaction("test_one") as transaction:
                counter = transaction.get("counters", "n") or {"value": 0}
                transaction.put("counters", "n", {"value": counter["value"] + 1})
            store.record("test_one", b"[0]")

        for _ in range(times):
            store.attempt(work)

    threads = [threading.Thread(target=count_up, args=(store, 40)) for store in pair * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pair[0].transaction("test_one") as transaction:
        assert transaction.get("counters", "n") == {"value": 160}
    numbers = [int(entry[1 : entry.index(b",")]) for entry in pair[1].backend.entries("test_one", 0, 1000)]
    assert len(numbers) == 160
    assert numbers == sorted(set(numbers))


def test_what_is_done_together_is_done_once_and_what_fails_of_it_fails_alone(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    called = [0]

    def count_up(store: SharedStore, name: str) -> int:
        with store.transaction(name) as transaction:
            counter = transaction.get("counters", "n") or {"value": 0}
            transaction.put("counters", "n", {"value": counter["value"] + 1})
        store.record(name, b"[0]")
        return int(counter["value"]) + 1

    def fail() -> int:
        with pair[0].transaction("test_0") as transaction:
            transaction.put("counters", "n", {"value": 1_000})
            called[0] += 1
            raise ValueError

    said: list[list[int | Exception]] = []

    def do(store: SharedStore) -> None:
        spaces = Spaces(store, lambda transaction: None)
        # Where the changes of several spaces cannot be kept at once, each space has groups of its own.
        names = ["test_0", "test_1"] if store.backend.spans_spaces else ["test_0"]
        for number in range(20):
            works = [partial(count_up, store, name) for name in names * 3]
            if number == 7:
                works.append(fail)
            said.append(spaces.attempt_all(works))

    threads = [threading.Thread(target=do, args=(store,)) for store in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert called[0] >= 2
    counts = [one for some in said for one in some if isinstance(one, int)]
    raised = [one for some in said for one in some if not isinstance(one, int)]
    assert [type(one) for one in raised] == [ValueError] * 2
    spaces = ["test_0", "test_1"] if pair[0].backend.spans_spaces else ["test_0"]
    # Every number was given once in each space.
    assert sorted(counts) == sorted([*range(1, 121)] * len(spaces))
    for name in spaces:
        with pair[0].transaction(name) as transaction:
            assert transaction.get("counters", "n") == {"value": 120}
        assert pair[1].backend.entry_count(name) == 120


def test_who_needs_room_leaves_a_space_alone_that_somebody_is_at_work_in(pair: tuple[SharedStore, SharedStore]) -> None:
    store = pair[0]
    spaces = Spaces(store, lambda transaction: transaction.put("numbers", "a", {}), limits=Limits(spaces=2))
    for name in ("test_one", "test_two"):
        spaces.open(name)
    held, done = threading.Event(), threading.Event()

    def work_in(*names: str) -> threading.Thread:
        def work() -> None:
            with ExitStack() as locks:
                for name in names:
                    locks.enter_context(store.lock(name))
                held.set()
                done.wait(20)

        held.clear()
        done.clear()
        thread = threading.Thread(target=work)
        thread.start()
        assert held.wait(20)
        return thread

    # As on a thread that serves everybody and waits for nobody.
    spaces.impatient.add(threading.get_ident())
    for busy, left in ((["test_one"], {"test_one", "test_three"}), (["test_one", "test_three"], None)):
        thread = work_in(*busy)
        try:
            if left is None:
                with pytest.raises(Busy):
                    spaces.open("test_four")
            else:
                spaces.open("test_three")
                assert set(spaces.names()) == left
        finally:
            done.set()
            thread.join()
    spaces.open("test_four")
    assert "test_four" in spaces.names()


def test_nobody_is_quicker_than_who_has_a_lease(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = pair
    began, done = threading.Event(), list[str]()

    def work() -> None:
        with other.transaction("test_one") as transaction:
            transaction.put("numbers", "a", {"by": "other"})

    def try_it() -> None:
        began.wait()
        other.attempt(work)
        done.append("other")

    thread = threading.Thread(target=try_it)
    thread.start()
    with one.transaction("test_one") as transaction:
        transaction.put("numbers", "a", {"by": "one"})
        began.set()
        time.sleep(0.2)
        done.append("one")
    thread.join()
    assert done == ["one", "other"]
    with one.transaction("test_one") as transaction:
        assert transaction.get("numbers", "a") == {"by": "other"}


def test_a_journal_is_bounded_and_counts_on(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = pair
    with one.transaction("test_one") as transaction:
        transaction.put("numbers", "a", {})
    for store in pair:
        store.backend._limits = Limits(journal_entries_per_space=10, journal_bytes_per_space=500)  # type: ignore[attr-defined]
    for number in range(30):
        (one, other)[number % 2].record("test_one", b'[0,"%d"]' % number)
    assert len(one.backend.entries("test_one", 0, 100)) == one.backend.entry_count("test_one") == 10
    kept = one.backend.entries("test_one", 0, 100)
    numbers = [int(entry[1 : entry.index(b",")]) for entry in kept]
    assert numbers == sorted(set(numbers))
    assert [entry[-4:] for entry in kept] == [b'%d"]' % number for number in range(20, 30)]
    assert other.backend.entries("test_one", numbers[4], 2) == kept[5:7]
    one.record("test_one", b'[0,"%b"]' % (b"x" * 460))
    assert other.backend.entry_count("test_one") < 10
    last = other.backend.last_entry("test_one")
    assert last > numbers[-1]
    other.backend.clear_entries("test_one")
    one.record("test_one", b"[0]")
    (entry,) = other.backend.entries("test_one", 0, 9)
    assert int(entry[1 : entry.index(b",")]) > last


def test_what_counts_over_all_spaces_counts_what_every_process_wrote(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = pair
    bounds = Limits(stored_bytes=30_000, journal_bytes=10_000)
    for store in pair:
        store._limits = store.backend._limits = bounds  # type: ignore[attr-defined]

    def write(store: SharedStore, space: str) -> None:
        with store.transaction(space) as transaction:
            transaction.put("numbers", "a", {"long": "x" * 9_000})
        for _ in range(60):
            store.record(space, b'[0,"%b"]' % (b"y" * 90))

    def learnt(store: SharedStore, enough: Callable[[int], bool]) -> bool:
        """Whether a store that is in use learns within seconds how much all have written."""
        deadline = time.monotonic() + 10
        while not enough(store._size) and time.monotonic() < deadline:
            with store.transaction("test_0") as transaction:
                transaction.put("numbers", "b", {})
            time.sleep(0.1)
        return enough(store._size)

    for number in range(3):
        write(pair[number % 2], f"test_{number}")
    lengths = [f"test_{number}" for number in range(3)]
    deadline = time.monotonic() + 10
    while sum(one.backend.entry_count(space) for space in lengths) > 95 and time.monotonic() < deadline:
        time.sleep(0.05)
    kept = [one.backend.entry_count(space) for space in lengths]
    # The longest forgets first, so that each has kept some.
    assert sum(kept) <= 95, kept
    assert min(kept) > 0, kept
    for store in pair:
        assert learnt(store, lambda size: size > 27_000)
        with pytest.raises(StoreFull, match="all spaces take 30000 bytes"):
            write(store, "test_more")
    one.drop("test_1")
    assert learnt(other, lambda size: size < 27_000)
    write(other, "test_more")


def test_a_lease_ends_with_its_time_and_a_newer_one_counts(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = (store.backend for store in pair)
    assert one.lease("test_one", "mine", 0.2)
    assert one.lease("test_one", "mine", 0.2)
    assert not other.lease("test_one", "yours", 5)
    other.release("test_one", "yours")
    assert not other.lease("test_one", "yours", 5)
    time.sleep(0.25)
    assert other.lease("test_one", "yours", 5)
    assert not one.lease("test_one", "mine", 5)
    other.release("test_one", "yours")
    assert one.lease("test_one", "mine", 5)


def test_snapshots_and_the_woken_spaces_are_everybody_s(pair: tuple[SharedStore, SharedStore]) -> None:
    one, other = (store.backend for store in pair)
    one.keep_snapshot("first", b'["head"]\nbody')
    assert other.snapshots() == [("first", b'["head"]', 13)]
    assert other.snapshot("first") == b'["head"]\nbody'
    other.keep_snapshot("first", None)
    assert one.snapshots() == []
    assert one.snapshot("first") is None
    one.wake("test_one", "m1")
    assert other.awake() == {"test_one": "m1"}
    one.wake("test_one", "m2")
    other.rest("test_one", "m1")
    assert one.awake() == {"test_one": "m2"}
    other.rest("test_one", "m2")
    assert one.awake() == {}
