"""What may be sent to a target: which methods and paths, to which records, at what cost, and how often."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from contract_tests.words.findings import NotCovered
from contract_tests.words.listed import record_in, rows_in
from mock_server.messages import Json
from mock_server.spec import Match, Operation, Router, Spec, WireRequest

COSTS = ("read", "write", "purchase", "lasting")
"""What a request may cost: nothing, a change, money; `lasting` is a record that no documented operation removes."""
NOWHERE = "ringback-nowhere"
"""A part of a path that no server has."""
_E164 = re.compile(r"\+[1-9]\d{6,14}")


class BudgetSpent(NotCovered):
    """As many requests as were allowed have been sent."""


def is_loopback(origin: str) -> bool:
    """Whether the origin is this machine by name, so that a server there costs nothing."""
    host = (urlsplit(origin).hostname or "").lower()
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def cost_of(operation: Operation) -> str:
    """read, write or purchase, as the operation's contract says."""
    declared = operation.contract.get("cost")
    if declared is not None:
        return str(declared)
    return "read" if operation.method == "GET" else "write"


def destroys(operation: Operation) -> bool:
    """Whether the operation removes a record."""
    return operation.method == "DELETE" or bool(operation.contract.get("destroys"))


def key_in(operation: Operation, path: dict[str, Json], body: Json) -> Json:
    """The key of the record that a request addresses in its path or body; None when it addresses none."""
    key = operation.contract.get("key") or {}
    if key.get("in") == "path":
        return path.get(key["name"])
    if key.get("in") == "body" and isinstance(body, dict):
        return body.get(key["name"])
    return None


class Guard:
    """Admits or refuses each request to one vendor before it is sent, and counts it.

    The guard judges by what goes over the wire alone: the method and path name the operation, the operation its cost.
    It learns from the answers which records were there and which this run made. `real` says that the target costs
    money: there only documented methods pass. There, and wherever `numbers` are named, only records that were made or
    named are written, and only what was made is destroyed. Nothing that was there is destroyed anywhere but on a mock
    of our own (`own`). In a `rehearsal` the first numbers that are found stand in for the named ones. Whoever `tidies`
    removes what was made, for which requests are kept back.
    """

    def __init__(
        self,
        spec: Spec,
        allowed: Iterable[str],
        *,
        max_requests: int | None = None,
        max_purchases: int | None = None,
        numbers: Iterable[str] = (),
        real: bool = False,
        own: bool = False,
        rehearsal: bool = False,
        tidies: bool = True,
    ) -> None:
        self.spec = spec
        self.allowed = frozenset(allowed)
        self.max_requests = max_requests
        self.max_purchases = max_purchases
        self.real = real
        self.own = own
        self._tidies = tidies
        self.sent = 0
        self.purchases = 0
        self.writes = 0
        """The requests sent so far that may have changed something."""
        self._found: set[tuple[str, str]] = set()
        self._made: set[tuple[str, str]] = set()
        self._named: set[tuple[str, str]] = set()
        self._numbers = set(numbers)
        self.restricted = real or bool(self._numbers)
        self.stood_in: dict[str, str] = {}
        """What was found in a rehearsal, and the named number that it stands for."""
        self._absent = list(numbers) if rehearsal else []
        self._listed: dict[str, bool] = {}
        self._reserved = 0
        self._counting = Lock()
        self._cleaning = False
        self._router = Router(spec.operations.values())
        self._matched: tuple[tuple[str, str], Match | None] | None = None
        self._strangers = _documented_strangers(spec)

    def _match(self, request: WireRequest) -> Match | None:
        """What the pages have at the path of a request; of one request it is asked several times."""
        asked = request.method, request.path
        known = self._matched
        if known is None or known[0] != asked:
            self._matched = known = asked, self._router.match(request.method, unquote(request.path))
        return known[1]

    def admit(self, request: WireRequest) -> str:
        """The cost of a request, which is counted from now on; raises NotCovered when it must not be sent."""
        match = self._match(request)
        if self.is_nowhere(request):
            self._count("read", 0)  # How a server says that it has nothing tells what it has left out.
            return "read"
        if match is None:
            raise NotCovered(f"{request.method} {request.path} is on no page, and so is not sent")
        operation = match.operation
        if operation is None:
            return self._try_undocumented(request, match.allowed)
        cost = cost_of(operation)
        if not self.own:
            self._protect(operation, key_in(operation, dict(match.values), _body(request)), cost)
        self.require(cost)
        # What it makes must be looked at and removed, and looked at again.
        self._count(cost, 3 if self._removable(operation) else 0)
        return cost

    def is_nowhere(self, request: WireRequest) -> bool:
        """Whether a request is for what no page documents, so that it can only be told that there is nothing."""
        if self.real or self._match(request) is not None:
            return False
        return (request.method, request.target) == ("GET", "/") or NOWHERE in request.path.split("/")

    def require(self, cost: str) -> None:
        """Raises NotCovered where requests of that cost may not be sent."""
        if cost not in self.allowed:
            raise NotCovered(f"{cost} is not allowed here; --allow {cost} allows it")

    def operation_of(self, request: WireRequest) -> str:
        """The name of the operation that a request is of; its method and path where no page documents one."""
        match = self._match(request)
        operation = match.operation if match else None
        return operation.id if operation else f"{request.method} {request.path}"

    def once(self, request: WireRequest) -> bool:
        """Whether a request makes or removes a record, so that what was done once is refused the second time."""
        match = self._match(request)
        operation = match.operation if match else None
        return operation is not None and operation.contract.get("effect") in ("create", "delete", "transition")

    def _try_undocumented(self, request: WireRequest, documented: tuple[str, ...]) -> str:
        """Admits a method that no page documents for a path, where it can reach nothing that was found."""
        if self.real:
            raise NotCovered(f"{request.method} is documented for no such path, and a real endpoint is not tried")
        cost = "read" if request.method == "GET" else "write"
        for method in documented:
            match = self._router.match(method, unquote(request.path))
            there = {name for _, name in self._found - self._made}
            if match and not self.own and set(match.values.values()) & there:
                raise NotCovered(f"{request.method} may destroy a record that this run did not make")
        self.require(cost)
        self._count(cost, 0)
        return cost

    def _protect(self, operation: Operation, key: Json, cost: str) -> None:
        """Raises NotCovered where a record would be changed that this run may not change."""
        creates = operation.contract.get("effect") == "create"
        if self.real and creates and cost == "write" and "lasting" not in self.allowed and not self._remover(operation):
            raise NotCovered("makes a record that no documented operation removes; --allow lasting allows it")
        kind = str(operation.contract.get("record"))
        if self._numbers and cost == "write" and "record" not in operation.contract:
            raise NotCovered("writes no number, and --number restricts writes to the numbers that it names")
        if creates and cost == "write" and self._numbers:
            raise NotCovered("makes a record, and --number restricts writes to the numbers that it names")
        if key is None or cost == "read" or self.is_made(kind, key):
            return
        if destroys(operation) and (self.restricted or self.is_found(kind, key)):
            raise NotCovered("destroys records, and would destroy one that this run did not make")
        if not self.may_write(kind, key):
            raise NotCovered(f"{key} is neither made by this run nor named by --number, and so is not written")

    def is_made(self, kind: str, key: Json) -> bool:
        """Whether this run made the record."""
        return (kind, str(key)) in self._made

    def known(self, kind: str) -> set[str]:
        """The names of every record of a kind that has been seen."""
        return {name for one, name in self._found | self._made if one == kind}

    def is_found(self, kind: str, key: Json) -> bool:
        """Whether the record was there before this run."""
        return (kind, str(key)) in self._found

    @property
    def wants_numbers(self) -> bool:
        """Whether a named number has not been seen yet."""
        return bool(self._numbers - {name for _, name in self._named}) and not self.stood_in

    def may_write(self, kind: str, key: Json) -> bool:
        """Whether a record may be written: one that was made or named, or any where nothing is restricted."""
        named = (kind, str(key)) in self._named or (self.names(kind) and str(key) in self._numbers)
        return not self.restricted or self.is_made(kind, key) or named

    def names(self, kind: str) -> bool:
        """Whether numbers were named, and records of the kind go by a number."""
        shape = self.spec.records.get(kind)
        by_number = shape is not None and any("number" in name for name in (shape.key, *shape.aliases))
        return bool(self._numbers) and by_number

    def is_nobodys(self, key: Json) -> bool:
        """Whether the pages use the key for what is not there."""
        return str(key) in self._strangers

    def _count(self, cost: str, reserved: int) -> None:
        with self._counting:
            self._count_alone(cost, reserved)

    def _count_alone(self, cost: str, reserved: int) -> None:
        kept = 0 if self._cleaning else self._reserved + reserved
        if self.max_requests is not None and self.sent + kept >= self.max_requests:
            raise BudgetSpent(f"the budget of {self.max_requests} requests is spent; --max-requests N allows more")
        if cost == "purchase" and self.max_purchases is not None and self.purchases >= self.max_purchases:
            raise BudgetSpent(f"the budget of {self.max_purchases} purchases is spent; --max-purchases N allows more")
        self.sent += 1
        self.purchases += cost == "purchase"
        self.writes += cost != "read"

    # --- cleaning up ----------------------------------------------------------------------------

    def reserve(self, requests: int, *, must: bool = False) -> None:
        """Keeps so many requests of the budget back for cleaning up; a negative number frees them.

        Raises BudgetSpent when there are not as many, unless they `must` be kept, for what has been done already.
        """
        if (
            requests > 0
            and not must
            and self.max_requests is not None
            and self.sent + self._reserved + requests > self.max_requests
        ):
            raise BudgetSpent(f"the budget of {self.max_requests} requests leaves none to clean up with")
        self._reserved = max(0, self._reserved + requests)

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Within it, requests may use what was kept back."""
        self._cleaning = True
        try:
            yield
        finally:
            self._cleaning = False

    # --- what the answers tell ------------------------------------------------------------------

    def learn(self, request: WireRequest, status: int, answer: Json) -> None:
        """Keeps which records an answer shows or says were made."""
        match = self._match(request)
        operation = match.operation if match else None
        if self.own or operation is None or status >= 300 or operation.contract.get("record") not in self.spec.records:
            return
        kind, contract = operation.contract["record"], operation.contract
        shape = self.spec.records[kind]
        rows = rows_in(operation, answer) if contract.get("effect") == "list" else None
        # It was made only if a whole list has shown that it was not there; where there is none, by what the page says.
        sure = self._listed.get(kind, False) if self._lists(kind) else not contract.get("idempotent")
        made = contract.get("effect") == "create" and sure
        for record in [record_in(operation, answer, shape.key)] if rows is None else rows:
            if not isinstance(record, dict):
                continue
            names = {str(record[name]) for name in (shape.key, *shape.aliases) if record.get(name) not in (None, "")}
            records = {(kind, name) for name in names}
            if made and not records & self._found:
                self._made |= records
            elif contract.get("effect") != "create" and not records & self._made:
                self._found |= records
                numbers = [name for name in sorted(names) if _E164.fullmatch(name)]
                if self._absent and numbers and not records & self._named:
                    self.stood_in[numbers[0]] = self._absent.pop(0)
                    self._named |= records
                if names & self._numbers:
                    self._named |= records

    def listed(self, kind: str) -> bool | None:
        """Whether the whole list of a kind has been read; None when nobody has tried."""
        return self._listed.get(kind)

    def mark_listed(self, kind: str, *, whole: bool) -> None:
        """Keeps that the list of a kind has been read, or could not be read as a whole."""
        self._listed[kind] = whole

    def _lists(self, kind: str) -> bool:
        return any(
            one.contract.get("record") == kind and one.contract.get("effect") == "list"
            for one in self.spec.operations.values()
        )

    def _removable(self, operation: Operation) -> bool:
        return (
            operation.contract.get("effect") == "create" and self._tidies and self._remover(operation) and not self.own
        )

    def _remover(self, operation: Operation) -> bool:
        kind = operation.contract.get("record")
        return any(
            other.contract.get("record") == kind and other.contract.get("effect") == "delete"
            for other in self.spec.operations.values()
        )


def _documented_strangers(spec: Spec) -> set[str]:
    """The path values that documented requests use for records that are not there."""
    strangers: set[str] = set()
    known: set[str] = set()
    for operation in spec.operations.values():
        for request in operation.requests.values():
            refused = spec.answer(operation, request.answer).status not in (*range(200, 300), 401)
            (strangers if refused else known).update(str(value) for value in request.path.values())
    return strangers - known


def _body(request: WireRequest) -> Any:
    try:
        return json.loads(request.body or b"")
    except ValueError:
        return None
