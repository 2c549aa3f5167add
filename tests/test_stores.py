"""Every store keeps what the protocol promises, compared step by step with plain dictionaries."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

from mock_server.stores import MemoryStore, Row, Store, open_store

KINDS = ("numbers", "agents")
SPACES = ("test_one", "test_two")

ids = st.sampled_from(["id-0", "id-1", "id-2", "id-3", "id-4"])
kinds = st.sampled_from(KINDS)
spaces = st.sampled_from(SPACES)
values = st.none() | st.integers(-9, 9) | st.just("text") | st.just([1]) | st.just({"inner": 1})
documents = st.fixed_dictionaries({"value": values.map(copy.deepcopy)})


class Rollback(Exception):
    """Raised inside a transaction to take it back."""


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
        return MemoryStore()

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
        return open_store(f"sqlite:///{self.folder.name}/kept.db")

    @rule()
    def open_the_file_again(self) -> None:
        while self.snapshots:
            self.snapshots.pop()[0].close()
        self.store.close()
        self.store = open_store(f"sqlite:///{self.folder.name}/kept.db")
        # What was given and never stored has been seen by nobody who is still there.
        for (space, kind), used in self.used.items():
            used.intersection_update(sequence for sequence, _ in self.models[space].rows[kind].values())

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestMemoryStore = StoreMachine.TestCase
TestMemoryStore.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSqliteStore = SqliteMachine.TestCase
TestSqliteStore.settings = settings(TestMemoryStore.settings, max_examples=40)


@contextmanager
def taken_back(store: Store, space: str = "test_one") -> Iterator[Any]:
    """A transaction that is rolled back at its end."""
    with suppress(Rollback), store.transaction(space) as transaction:
        yield transaction
        raise Rollback


def listed(store: Store, kind: str = "numbers", after: int = 0) -> list[tuple[int, Any]]:
    with store.transaction("test_one") as transaction:
        return [tuple(row) for row in transaction.all(kind, after)]  # type: ignore[misc]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Three numbers, a, b and c."""
    made = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/kept.db")
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


def test_ten_thousand_rows_that_come_and_go_leave_no_gaps_that_cost(store: Store) -> None:
    for index in range(10_000):
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


def test_spaces_do_not_see_each_other(store: Store) -> None:
    with store.transaction("test_two") as transaction:
        assert transaction.get("numbers", "a") is None
        transaction.put("numbers", "a", {"id": "of two"})
    store.drop("test_two")
    assert len(listed(store)) == 3


def test_transactions_of_one_space_come_one_after_the_other(store: Store) -> None:
    def count_up() -> None:
        for _ in range(200):
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
        assert transaction.get("counters", "n") == {"value": 800}


@pytest.mark.parametrize("broken", [{"a": object()}, {"a": {1, 2}}, {"a": "\ud800"}])
def test_what_is_no_json_is_refused_and_changes_nothing(store: Store, broken: Any) -> None:
    def write() -> None:
        with store.transaction("test_one") as transaction:
            transaction.put("numbers", "a", {"id": "changed"})
            transaction.put("numbers", "b", broken)

    with pytest.raises(TypeError):
        write()
    assert [document["id"] for _, document in listed(store)] == ["a", "b", "c"]
