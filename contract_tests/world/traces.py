"""What a run leaves at a server that is not its own: records that it made, and fields that it changed."""

from __future__ import annotations

import json
from collections.abc import Iterable

from contract_tests.endpoint.guard import key_in
from contract_tests.endpoint.transport import MASK, Reply
from contract_tests.words.findings import NotCovered
from contract_tests.words.listed import record_in
from contract_tests.words.pointers import ABSENT
from contract_tests.world import reading, undoing
from contract_tests.world.marks import Attempt, Made, Touched
from contract_tests.world.turning import turn
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation


class Traces:
    """Keeps what has to be undone, and undoes it; requests for that are kept back from the budget.

    What a request does is kept before it is sent: one that is interrupted, or answered with an error, may have worked.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        world.watch = self
        self._made: list[Made] = []
        self._touched: dict[tuple[str, str], Touched | None] = {}
        self._unclear: list[Attempt] = []
        self._under_way: Attempt | None = None
        self._undoing = False
        self._left: list[str] = []

    # --- what is sent ---------------------------------------------------------------------------

    def before(self, operation: Operation, request: NamedRequest) -> None:
        """Looks at what is about to be written; raises NotCovered where it could not be undone."""
        contract, guard = operation.contract, self._world.transport.guard
        kind = str(contract.get("record"))
        if self._undoing or kind not in self._world.spec.records:
            return
        if contract.get("effect") == "create":
            self._look_before_making(kind)
            self._under_way = Attempt(operation, guard.known(kind), whole=bool(guard.listed(kind)))
        key = key_in(operation, dict(request.path), request.body)
        if contract.get("effect") != "update" or key is None or guard.is_made(kind, key):
            return
        if guard.may_write(kind, key):  # Otherwise the guard refuses it, and says why.
            body = request.body if isinstance(request.body, dict) else {}
            self._before_update(operation, key, body)

    def _before_update(self, operation: Operation, key: Json, body: Iterable[str]) -> None:
        guard, touched = self._world.transport.guard, self._as_found(operation, key)
        if guard.restricted:
            if touched is None and not guard.is_nobodys(key):
                raise NotCovered(f"{key} is not shown by any documented operation, so it could not be put back")
            if touched is not None and any(one.same > 1 for one in touched.before):
                raise NotCovered(
                    f"{key} names more than one record in a list, so it is not clear which would be written"
                )
            if kept := self.irreversible(operation, key, body):
                raise NotCovered(f"{', '.join(sorted(kept))} could not be put back")
        if touched is None:
            return
        if operation.id not in touched.sent:
            requests = 1 if touched.sent else 1 + 2 * touched.look_requests
            guard.reserve(requests)
            touched.reserved += requests
        touched.sent.setdefault(operation.id, set()).update(body)

    def _look_before_making(self, kind: str) -> None:
        """Reads the whole list of a kind once, so that what is made can be told from what was there."""
        guard = self._world.transport.guard
        if guard.listed(kind) is not None:
            return
        lists = [one for one in self._world.readers(kind) if one.contract["effect"] == "list"]
        whole = []
        for operation in lists:
            turned = turn(self._world, operation, reading.plain_reading(self._world, operation))
            whole.append(turned.status < 300 and operation.id not in self._world.motion.long)
        guard.mark_listed(kind, whole=all(whole))

    def _as_found(self, operation: Operation, key: Json) -> Touched | None:
        """The record as it was before this run wrote it; None where no operation shows it."""
        kind, guard = str(operation.contract["record"]), self._world.transport.guard
        if (kind, str(key)) not in self._touched:
            sent = guard.sent
            shown = [one for one in reading.read(self._world, kind, key, {}) if one.record is not ABSENT]
            found = Touched(kind, key, shown, guard.sent - sent) if shown else None
            self._touched[kind, str(key)] = found
        return self._touched[kind, str(key)]

    def irreversible(self, operation: Operation, key: Json, names: Iterable[str]) -> set[str]:
        """Which fields of a body could not be put back: no operation shows them, or they are empty and stay written."""
        contract = operation.contract
        if self._world.transport.guard.is_made(contract["record"], key):
            return set()
        fields: dict[str, str] = {**(contract.get("fields") or {}), **(contract.get("along") or {})}
        schema = operation.body_schema or {}
        documented = set(schema.get("properties") or {}) - set(schema.get("required") or ())
        touched = self._as_found(operation, key)
        found: set[str] = set()
        if touched is None:
            return found
        for name in set(names) & documented:
            shown = [reading.field(one.record, fields[name]) for one in touched.before] if name in fields else []
            held = [value for value in shown if value not in (ABSENT, None, "") and value != []]
            # What was masked on its way here is not known any more.
            if MASK in json.dumps(held) or (not held and not (contract.get("clears") or {}).get(name)):
                found.add(name)
        return found

    def unsent(self) -> None:
        """Forgets what was about to be made by a request that was not sent after all."""
        self._under_way = None

    # --- what is answered -----------------------------------------------------------------------

    def after(self, operation: Operation, request: NamedRequest, reply: Reply) -> None:
        """Keeps what a request made or removed, now that it was answered."""
        contract = operation.contract
        attempt, self._under_way = self._under_way, None
        if self._undoing or contract.get("record") not in self._world.spec.records:
            return
        if contract.get("effect") == "create":
            self._after_making(operation, reply, attempt)
        key = key_in(operation, dict(request.path), request.body)
        for made in self._made:
            if contract.get("effect") == "delete" and (made.kind, made.key) == (contract["record"], key):
                made.removed = made.removed or reply.status < 300

    def _after_making(self, operation: Operation, reply: Reply, attempt: Attempt | None) -> None:
        # Where an answer has no body, nobody learns what the new record is called.
        kind, name = operation.contract["record"], (operation.contract.get("key") or {}).get("name", "")
        guard = self._world.transport.guard
        record = record_in(operation, reply.json, name)
        key = record.get(name) if isinstance(record, dict) else None
        if reply.status < 300 and key is not None and guard.is_made(kind, key):
            if key not in [one.key for one in self._made if one.kind == kind]:
                requests = (1 if self._world.remover(kind) else 0) + len(list(self._world.readers(kind)))
                self._made.append(Made(kind, key, requests))
                guard.reserve(requests, must=True)
        elif reply.status < 300 and key is not None and not guard.is_found(kind, key):
            where = f"{self._world.spec.provider} {kind} {key}"
            kept = "" if self._world.remover(kind) else f"; {undoing.KEPT}"
            self._left.append(f"{where}: made, or there before; no whole list was read that could tell{kept}")
        elif (
            attempt is not None and reply.status < 300 and key is not None and not operation.contract.get("idempotent")
        ):
            # It says that a record was made that was there before: what it made, if anything, is another one.
            self._unclear.append(attempt)
        elif attempt is not None and (reply.status >= 500 or (reply.status < 300 and key is None)):
            self._unclear.append(attempt)

    # --- undoing --------------------------------------------------------------------------------

    def undo(self) -> list[str]:
        """Puts records back and removes those that were made, newest first; returns what could not be undone."""
        guard, self._undoing = self._world.transport.guard, True
        try:
            with guard.cleaning():
                for name, touched in reversed(list(self._touched.items())):
                    if touched is not None:
                        if any(touched.sent.values()):
                            self._left += undoing.put_back(self._world, touched)
                        guard.reserve(-touched.reserved)
                    del self._touched[name]
                for attempt in [*self._unclear, *([self._under_way] if self._under_way else [])]:
                    self._left += undoing.appeared(self._world, attempt, {str(one.key) for one in self._made})
                self._unclear, self._under_way = [], None
                while self._made:
                    self._left += undoing.remove(self._world, self._made[-1])
                    guard.reserve(-self._made.pop().reserved)
        finally:
            self._undoing = False
        left, self._left = self._left, []
        return left

    def pending(self) -> list[str]:
        """What has not been undone yet, and what could not be."""
        provider = self._world.spec.provider
        changed = [one for one in self._touched.values() if one is not None and any(one.sent.values())]
        unclear = [*self._unclear, *([self._under_way] if self._under_way else [])]
        pending = [
            *self._left,
            *(f"{provider} {one.kind} {one.key}: changed, and not put back" for one in changed),
            *(f"{provider} {one.kind} (unknown): {one.operation.id} may have made one" for one in unclear),
            *(f"{provider} {one.kind} {one.key}: {_fate(one)}" for one in reversed(self._made)),
        ]
        self._left = []
        return pending


def _fate(made: Made) -> str:
    return "removed, and nobody looked whether it is gone" if made.removed else "made, and not removed"
