"""What was written a moment ago and need not be shown yet, by a server that is consistent only later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from contract_tests.endpoint.transport import Reply
from contract_tests.judging.readings import unlike
from contract_tests.words.listed import record_in, rows_in
from contract_tests.words.pointers import ABSENT
from contract_tests.world import reading
from contract_tests.world.world import Sent, World
from mock_server.messages import Json
from mock_server.spec import Operation


@dataclass
class _Pending:
    """What a record must show, by the write that says so; `sure` is False where that is not known."""

    operation: Operation
    key: Json
    until: float
    fields: dict[str, Json] = field(default_factory=dict)
    gone: bool = False
    sure: bool = True


class Settling:
    """The writes of the last seconds; a read that does not show them yet is asked again until the seconds are over."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world = world
        self._seconds = seconds
        self._pending: list[_Pending] = []

    def wrote(self, operation: Operation, sent: Sent, reply: Reply) -> None:
        """Keeps what a request wrote that was accepted."""
        if reply.status >= 300:
            return
        effect, key = operation.contract.get("effect"), reading.key_of(operation, sent, reply)
        new = _Pending(operation, key, time.monotonic() + self._seconds)
        if effect == "delete":
            new.gone = True
        elif effect in ("create", "update"):
            new.fields = reading.sent_fields(operation, sent)
        else:
            new.sure = False
        same = [one for one in self._pending if one.key == key and _kind(one.operation) == _kind(operation)]
        if same and effect == "update":
            new.fields = {**same[-1].fields, **new.fields}
        self._pending = [one for one in self._pending if one not in same or key is ABSENT]
        self._pending.append(new)

    def unknown(self, operation: Operation) -> None:
        """Keeps that something was written of which nothing is known: it is shown when the time is over."""
        self._pending.append(_Pending(operation, ABSENT, time.monotonic() + self._seconds, sure=False))

    def shown(self, operation: Operation, sent: Sent, reply: Reply) -> bool:
        """Whether an answer shows all that was written, or has had the time for it."""
        now = time.monotonic()
        self._pending = [one for one in self._pending if one.until > now]
        if operation.contract.get("effect") not in ("read", "list", "search"):
            return True
        return not any(self._late(one, operation, sent, reply) for one in self._pending)

    def _late(self, one: _Pending, operation: Operation, sent: Sent, reply: Reply) -> bool:
        if not one.sure or _kind(one.operation) != _kind(operation):
            # What a delete or a write of an unknown kind does to other records is not known.
            return not one.sure or one.gone
        shape = self._world.spec.records[str(_kind(operation))]
        names = (shape.key, *shape.aliases)
        if operation.contract["effect"] == "read":
            if sent.path.get(operation.contract["key"]["name"]) != one.key:
                return False
            record = record_in(operation, reply.json, shape.key) if reply.status < 300 else ABSENT
        else:
            rows = rows_in(operation, reply.json) or []
            mine = [row for row in rows if isinstance(row, dict) and one.key in [row.get(name) for name in names]]
            record = mine[0] if mine else ABSENT
        if one.gone:
            return record is not ABSENT
        seen = reading.Reading(operation, record, (), sent.wire, reply.status if reply.status < 300 else 200)
        return any(True for _ in self._unlike(one, seen))

    def _unlike(self, one: _Pending, seen: reading.Reading) -> Iterator[object]:
        yield from unlike(one.operation, one.fields, seen, self._world.same(one.operation))


def _kind(operation: Operation) -> Json:
    return operation.contract.get("record")
