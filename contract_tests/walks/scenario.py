"""The scenario of a vendor, derived from its contracts: the few calls that show most of what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from contract_tests.endpoint.guard import BudgetSpent, cost_of, destroys
from contract_tests.words.findings import NotCovered
from contract_tests.words.listed import rows_in
from contract_tests.words.paging import turned_by
from contract_tests.words.secrets.keys import WRONG_KEY
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, pointed, refusals, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

_GENERAL = ("missing-key", "wrong-key")
_MOST_PAGES = 5


class Scenario:
    """Looks at what is there, knocks without a key, provokes the documented errors, and lives through a record's life.

    Everything is sent through the world, whose observers judge it. `skip` is told which operation could not be used
    for which property, and why.
    """

    def __init__(
        self,
        world: World,
        skip: Callable[[Operation, str, NotCovered], None],
        operations: Collection[str] = (),
    ) -> None:
        self._world = world
        self._skip = skip
        self._operations = [
            operation for operation in world.spec.operations.values() if not operations or operation.id in operations
        ]

    def run(self) -> None:
        """Sends the calls one after another, until the budget is spent."""
        looking = [one for one in self._operations if cost_of(one) == "read"]
        writing = [one for one in self._operations if cost_of(one) != "read"]
        # A refused purchase may cost one of those that are allowed, so these come last.
        changing = _without_twins([one for one in writing if cost_of(one) == "write"])
        harmless = [one for one in changing if not destroys(one) and one.contract.get("effect") == "update"]
        buying = [one for one in writing if cost_of(one) == "purchase"]
        guard = self._world.transport.guard
        limited = guard.max_requests is not None

        def live(kinds: list[str]) -> None:
            for kind in kinds:
                self._life(kind, [one for one in writing if one.contract.get("record") == kind])

        # Of a budget, what was named or allowed by name comes before looks at all the rest, and what is refused anyway.
        kinds = list(self._world.spec.records)
        named = [one for one in kinds if limited and writing and guard.names(one)]
        allowed = {one.contract.get("record") for one in buying} if limited and "purchase" in guard.allowed else set()
        bought = [one for one in kinds if one in allowed and one not in named]
        about = [one for one in looking if one.contract.get("record") in named]
        for operation in about:
            self._try(operation, "examples", self._look, operation)
        live(named)
        for operation in looking:
            if operation not in about:
                self._try(operation, "examples", self._look, operation)
        for operation in [*looking[:1], *harmless[:1]]:
            self._try(operation, "keys", self._knock, operation)
        live(bought)
        steps: list[tuple[Operation, str, Callable[[Operation], None]]] = [
            *((operation, "errors", self._documented_errors) for operation in [*looking, *changing]),
        ]
        if not limited:
            steps += [(operation, "errors", self._assumed_errors) for operation in [*looking, *changing]]
            steps += [(operation, "list", self._look) for operation in looking if changing and _lists(operation)]
        for operation, property, step in steps:
            self._try(operation, property, step, operation)
        live([one for one in kinds if one not in named and one not in bought])
        for operation in writing:
            if "record" not in operation.contract:
                self._try(operation, "examples", self._look, operation)
        for operation in buying:
            self._try(operation, "errors", self._documented_errors, operation)
        for operation in [*(looking + changing if limited else []), *buying]:
            self._try(operation, "errors", self._assumed_errors, operation)
        if writing:
            for operation in [one for one in looking if _lists(one)]:
                self._try(operation, "list", self._look, operation)

    def _try(self, operation: Operation, property: str, step: Callable[..., object], *arguments: object) -> None:
        try:
            step(*arguments)
        except NotCovered as why:
            self._skip(operation, property, why)

    # --- single calls ---------------------------------------------------------------------------

    def _look(self, operation: Operation) -> None:
        known = successes(self._world, operation)
        requests = [one for one in known if not one.after] or known
        if not requests:
            raise NotCovered("no page shows a request that succeeds")
        request = self._world.named(operation, requests[0].name)
        reply = self._world.send(operation, request)[1]
        page = operation.contract.get("page") or {}
        rows = rows_in(operation, reply.json) or []
        if {"size", "next"} <= set(page) and 1 < len(rows) <= _MOST_PAGES:
            query = {**request.query, page["size"]: 1}
            plain = replace(request, name="page", answer="")
            for _ in range(len(rows)):
                reply = self._world.send(operation, plain.with_values(request.path, query, request.body))[1]
                following = pointed(reply.json, page["next"])
                if following in (None, "", ABSENT):
                    break
                query[turned_by(page)] = following

    def _knock(self, operation: Operation) -> None:
        if not operation.secured:
            return
        request = replace(self._world.plain_request(operation), after=())
        for key in (None, WRONG_KEY):
            self._world.send(operation, request, key=key)

    def _documented_errors(self, operation: Operation) -> None:
        self._provoke(operation, ("seed", "doc", "observed"))

    def _assumed_errors(self, operation: Operation) -> None:
        self._provoke(operation, ("assumed",))

    def _provoke(self, operation: Operation, grades: Collection[str]) -> None:
        """Sends one request for each error answer of these grades that needs nothing before it."""
        done, reasons = set(_GENERAL), []
        for request in refusals(self._world, operation):
            answer = self._world.spec.answer(operation, request.answer)
            if request.after or request.answer in done or answer.evidence.grade not in grades:
                continue
            done.add(request.answer)
            try:
                self._world.send(operation, self._world.named(operation, request.name))
            except BudgetSpent:
                raise
            except NotCovered as why:
                reasons.append(why)
        if reasons:
            raise reasons[0]

    # --- a record's life ------------------------------------------------------------------------

    def _life(self, kind: str, writers: list[Operation]) -> None:
        """Makes a record, or takes one that may be written, and updates, clears and removes it, looking each time."""
        made: Json = ABSENT
        for maker in [one for one in writers if one.contract.get("effect") == "create"]:
            key = self._make(maker)
            made = key if made is ABSENT else made
        updaters = [one for one in writers if one.contract.get("effect") == "update"]
        for updater in _without_twins(updaters):
            self._try(updater, "read-back", self._update, kind, updater, made)
        for remover in [one for one in writers if one.contract.get("effect") == "delete"]:
            self._try(remover, "delete", self._remove, kind, remover, made)

    def _make(self, maker: Operation) -> Json:
        made: Json = ABSENT

        def make() -> None:
            nonlocal made
            for request in [one for one in successes(self._world, maker) if not one.after][:1]:
                sent, reply = self._world.send(maker, self._world.named(maker, request.name))
                made = reading.key_of(maker, sent, reply) if reply.status < 300 else ABSENT
                if made is not ABSENT:
                    self._looked(maker.contract["record"], made, whole=True, known=reading.sent_fields(maker, sent))

        self._try(maker, "read-back", make)
        return made

    def _update(self, kind: str, operation: Operation, made: Json) -> None:
        world, contract = self._world, operation.contract
        base = self._addressed(kind, operation, made)
        key = base.path.get(contract["key"]["name"], ABSENT)
        values = reading.documented_values(world, operation)
        required = reading.base_body(world, operation)
        if not values:
            world.send(operation, base)
            return
        self._looked(kind, key)
        if not world.own:
            # What could not be put back is not written.
            kept = world.watch.irreversible(operation, key, values)
            values = {name: known for name, known in values.items() if name not in kept}
        if not values:
            raise NotCovered("no field of the record could be put back")
        body = {**required, **{name: known[-1] for name, known in values.items()}}
        world.send(operation, base.with_values(base.path, base.query, body))
        self._looked(kind, key, whole=True)
        name = next(iter(values))
        part = base.with_values(base.path, base.query, {**required, name: values[name][0]})
        world.send(operation, part)
        self._looked(kind, key)
        if contract.get("idempotent"):
            world.send(operation, part)
            self._looked(kind, key)
        for cleared, clearing in (contract.get("clears") or {}).items():
            if cleared in values:
                world.send(operation, base.with_values(base.path, base.query, {**required, cleared: clearing[0]}))
                self._looked(kind, key)
        if contract.get("clears"):
            # Whether it can be set again; and what a refused request would clear is there to be missed.
            world.send(operation, base.with_values(base.path, base.query, body))
            self._looked(kind, key)
        if "twin" in contract:
            world.send(world.spec.operations[contract["twin"]], part)
            self._looked(kind, key)
        if world.own:
            # What follows finds the record as the page's example leaves it.
            world.send(operation, base)

    def _addressed(self, kind: str, operation: Operation, made: Json) -> NamedRequest:
        """The plain request of an update, for the record that was made or for one that may be written."""
        request = replace(self._world.plain_request(operation), name="scenario", answer="", after=())
        name = operation.contract["key"]["name"]
        if made is not ABSENT:
            return request.with_values({**request.path, name: made}, request.query, request.body)
        variable = next((p.variable for p in operation.parameters_in("path") if p.name == name), None)
        guard = self._world.transport.guard
        for value in self._world.values(variable) if variable else ():
            if guard.may_write(kind, value):
                return request.with_values({**request.path, name: value}, request.query, request.body)
        return request

    def _remove(self, kind: str, operation: Operation, made: Json) -> None:
        if made is ABSENT:
            raise NotCovered("destroys records, and none was made that could be removed")
        self._world.send(operation, self._addressed(kind, operation, made))
        self._looked(kind, made, whole=True)

    def _looked(self, kind: str, key: Json, *, whole: bool = False, known: dict[str, Json] | None = None) -> None:
        """Reads a record by the first documented way, or by all of them."""
        for operation in self._world.readers(kind):
            if operation.contract["effect"] == "read" and key is not ABSENT:
                reading.read_one(self._world, operation, key)
            elif operation.contract["effect"] == "list":
                reading.rows_of(self._world, operation, known or {})
            else:
                continue
            if not whole:
                return


def _lists(operation: Operation) -> bool:
    return operation.contract.get("effect") == "list"


def _without_twins(operations: list[Operation]) -> list[Operation]:
    """The operations but for those that an earlier one names as its twin."""
    kept: list[Operation] = []
    for operation in operations:
        if operation.id not in [one.contract.get("twin") for one in kept]:
            kept.append(operation)
    return kept
