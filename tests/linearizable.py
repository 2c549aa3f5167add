"""Whether a history could have happened one operation after the other: a checker after Wing and Gong, with a memory.

Each operation took effect at one moment between its call and its answer. One whose answer nobody got may have taken
effect at any moment since its call, or never. The model of what each operation does is the memory store.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mock_server.stores import MemoryStore, Transaction

Action = Callable[[Transaction], Any]
NEVER = float("inf")
SPACE = "test_model"


class Unknown(Exception):
    """Nobody knows whether the operation took effect."""


@dataclass(frozen=True)
class Operation:
    """What was asked and answered, and when; `known` is False where no answer came, and then `ended` is never."""

    name: str
    action: Action
    answer: Any
    began: float
    ended: float
    known: bool = True


@dataclass
class History:
    """The operations of many clients, written down by each as they come."""

    operations: list[Operation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def did(self, name: str, action: Action, really: Callable[[], Any]) -> Any:
        """Carries out an operation and writes it down; returns its answer, None where none came."""
        began = time.monotonic()
        try:
            answer, known, ended = really(), True, time.monotonic()
        except Unknown:
            answer, known, ended = None, False, NEVER
        with self._lock:
            self.operations.append(Operation(name, action, answer, began, ended, known))
        return answer


class _Model:
    """States of the memory store, each as text."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[str, Any]] = {}

    def after(self, state: str, index: int, action: Action) -> tuple[str, Any]:
        """The state, and the answer, after an action."""
        if (state, index) not in self._known:
            store = MemoryStore()
            with store.transaction(SPACE) as transaction:
                for kind, id, document in json.loads(state):
                    transaction.put(kind, id, document)
            with store.transaction(SPACE) as transaction:
                answer = action(transaction)
            self._known[state, index] = (_text(store), answer)
        return self._known[state, index]


def _text(store: MemoryStore) -> str:
    tables = store._spaces[SPACE]
    rows = [
        (kind, id, json.loads(document), sequence)
        for kind, table in tables.items()
        for id, (sequence, document) in table.rows.items()
    ]
    return json.dumps([row[:3] for row in sorted(rows, key=lambda row: (row[0], row[3]))], sort_keys=True)


def explanation(operations: Sequence[Operation], beginning: str = "[]") -> list[str] | None:
    """An order in which all this can have happened, or None: then it cannot.

    `beginning` is the model's first state: a list of kind, id and document.
    """
    ordered = sorted(operations, key=lambda one: one.began)
    model, seen = _Model(), set[tuple[int, str]]()
    needed = sum(1 << index for index, one in enumerate(ordered) if one.known)
    # Depth first, without recursion: what was done, the state, in which order, and which to try next.
    stack: list[tuple[int, str, list[str]]] = [(0, json.dumps(json.loads(beginning), sort_keys=True), [])]
    while stack:
        done, state, order = stack.pop()
        if done & needed == needed:
            return order
        if (done, state) in seen:
            continue
        seen.add((done, state))
        open_ones = [(index, one) for index, one in enumerate(ordered) if not done >> index & 1]
        first_end = min(one.ended for _, one in open_ones)
        for index, one in reversed(open_ones):
            if one.began > first_end:
                # Another had ended before this one began, and so took effect before it.
                continue
            following, answer = model.after(state, index, one.action)
            if not one.known or answer == one.answer:
                stack.append((done | 1 << index, following, [*order, one.name]))
    return None
