"""The world a property is checked in: one vendor at one origin with one key, and the records found there."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, NamedTuple, Protocol

from contract_tests.endpoint.guard import BudgetSpent, cost_of
from contract_tests.endpoint.transport import Reply, Transport
from contract_tests.words.findings import Difference, Finding, NotCovered, weaker
from contract_tests.words.listed import record_in, rows_in
from contract_tests.words.paging import turned_by
from contract_tests.words.pointers import ABSENT, pointed, pointed_all
from contract_tests.world.absence import NOT_THERE, nowhere, said
from contract_tests.world.motion import Motion
from mock_server.messages import Json
from mock_server.spec import (
    Evidence,
    NamedRequest,
    Operation,
    OperationCheck,
    Spec,
    WireRequest,
    build,
    compile_checks,
    curl,
)

__all__ = ["ABSENT", "Sent", "World", "pointed"]

LONGEST_SHOWN = 20_000
"""So much of an answer is kept with a finding."""
PAUSE_SECONDS = 0.05
"""So long it is waited before what is not shown yet is looked for again."""

Observer = Callable[[Operation, NamedRequest, "Sent", Reply, "str | None"], None]
"""Told of each exchange: the operation, the request, what was sent, what came, and the key it was sent with."""


class Sent(NamedTuple):
    """A request that was sent: its values, and how to repeat it."""

    path: Mapping[str, Json]
    query: Mapping[str, Json]
    body: Json
    wire: WireRequest

    def value(self, name: str) -> Json:
        """The value sent under that name in the body, the path or the query; `ABSENT` when none was."""
        if isinstance(self.body, dict) and name in self.body:
            return self.body[name]
        for values in (self.path, self.query):
            if name in values:
                return values[name]
        return ABSENT


class Watch(Protocol):
    """Sees every request to an operation before it is sent and after it was answered, and undoes what they did."""

    def before(self, operation: Operation, request: NamedRequest) -> None: ...

    def after(self, operation: Operation, request: NamedRequest, reply: Reply) -> None: ...

    def irreversible(self, operation: Operation, key: Json, names: Iterable[str]) -> set[str]: ...

    def unsent(self) -> None: ...

    def undo(self) -> list[str]: ...

    def pending(self) -> list[str]: ...


class Settles(Protocol):
    """Knows what was written and need not be shown yet, and tells whether an answer shows it."""

    def wrote(self, operation: Operation, sent: Sent, reply: Reply) -> None: ...

    def unknown(self, operation: Operation) -> None: ...

    def shown(self, operation: Operation, sent: Sent, reply: Reply) -> bool: ...


class Unwatched:
    """What is done on a mock of our own goes with it, so that nothing is kept and nothing undone."""

    def before(self, operation: Operation, request: NamedRequest) -> None:
        """Keeps nothing."""

    def after(self, operation: Operation, request: NamedRequest, reply: Reply) -> None:
        """Keeps nothing."""

    def unsent(self) -> None:
        """Forgets nothing."""

    def irreversible(self, operation: Operation, key: Json, names: Iterable[str]) -> set[str]:
        """No field: what is not put back harms nobody."""
        return set()

    def undo(self) -> list[str]:
        """Nothing is left behind."""
        return []

    def pending(self) -> list[str]:
        """Nothing has to be undone."""
        return []


class World:
    """One vendor's server as the harness may use it.

    `own` says that the server is a mock started for this run: every world then has a key, and so a
    space, of its own, and holds the documented records. Elsewhere (`own` False) there is one key, and
    the records to work with are found through the documented list operations. `key` may be a name that the transport
    puts a secret in place of; `other` is a key of another account.
    """

    def __init__(
        self,
        spec: Spec,
        transport: Transport,
        *,
        key: str,
        own: bool,
        given: Mapping[str, list[Json]] | None = None,
        other: str | None = None,
    ) -> None:
        self.spec = spec
        self.transport = transport
        self.other = other
        self.key = key
        self.own = own
        self.ringback = own
        """Whether the server is a Ringback, where every key that begins with `test_` opens a space."""
        self.aside = False
        """In a space of its own on somebody's Ringback."""
        self.given = dict(given or {})
        self.checks: dict[str, OperationCheck] = compile_checks(spec)
        self.observers: list[Observer] = []
        self.lasting = not own
        """What was bought here stays bought, so that a number for sale is looked for again."""
        self.pristine = False
        """Nothing but looks was sent with this key to a mock of our own, where everything is as in every new space."""
        self.first_looks: dict[tuple[str, str], Any] = {}
        """What was seen of a new space, by the operation and the request that show it."""
        self.motion = Motion()
        """What was seen to move here while nothing was sent."""
        self.watch: Watch = Unwatched()
        """Keeps what is done at a server that is not our own, to undo it."""
        self.settling: Settles | None = None
        """Waits for what was written, on a server that shows it only later."""
        self._found: dict[str, list[Json]] = {}
        self._unshown: set[str] = set()
        """Variables whose documented values are used because no operation here shows others."""
        self._strangers: dict[str, list[Json]] = {}
        self._unsure: dict[tuple[str, str], list[str]] = {}
        self._worked: set[str] = set()
        self._absent: set[tuple[int, str]] = set()
        self._shown: set[tuple[str, Json]] = set()
        """How the server answers where it has no operation, as `said` tells it."""
        self._lacking: dict[str, str] = {}
        self._names: dict[str, set[frozenset[str]]] = {}
        self._once: set[str] = set()
        """The operations by which this server makes no second record of the same name."""
        self._token = f"{time.time_ns() // 1_000_000:x}"
        self._numbers = count(1)

    def fresh(self) -> World:
        """A world in its first state: another key on our own mock, the same world elsewhere."""
        if not self.own:
            return self
        other = copy.copy(self)
        other.key = f"{self.key}_{next(self._numbers)}"
        other.observers = []
        other._found = {}
        other.pristine = True
        return other

    def other_key(self) -> str:
        """A key of another account; our own mock opens a space for every key."""
        if self.own or (self.aside and self.other is None):
            return f"{self.key}_other"
        if self.other is None:
            raise NotCovered("--other-api-key-env names a key of another account; none was given")
        return self.other

    # --- what only an account knows -------------------------------------------------------------

    def values(self, name: str) -> list[Json]:
        """The values that a variable of the spec may take here, the first standing for its documented default."""
        variable = self.spec.variables[name]
        if name in self.given:
            return list(self.given[name])
        documented = [variable.default, *variable.others]
        if variable.found_operation is None:
            return documented
        operation = self.spec.operations[variable.found_operation]
        if self.own and not (self.lasting and operation.contract.get("effect") == "search"):
            return documented
        if name not in self._found:
            self._found[name] = []
            # One answer may tell of several variables.
            same = [one for one in self.spec.variables.values() if one.found_operation == variable.found_operation]
            answers = self._answers(operation)
            if answers is None:
                # Where a try costs nothing, the record of the pages is worth one.
                self._unshown |= {one.name for one in same}
                self._found.update({one.name: [one.default, *one.others] for one in same})
                return self._found[name]
            kind = str(operation.contract.get("record"))
            for one in same:
                shown = [
                    value
                    for answer in answers
                    for value in _values_at(operation, answer, one.found_at or "")
                    if value not in ("", None)
                ]
                # A list may show one record in several rows (a version each, say), and the documented record comes
                # first where the server has it; before it only what may be written, where not everything may.
                known = [one.default, *one.others]
                found = sorted(dict.fromkeys(shown), key=lambda value: known.index(value) if value in known else 99)
                guard = self.transport.guard
                self._found[one.name] = sorted(found, key=lambda value: not guard.may_write(kind, value))
        return self._found[name]

    def _answers(self, operation: Operation) -> list[Json] | None:
        """The answers of a list; None where it cannot be had, on a server where that is no reason to send nothing."""
        try:
            reply = self.send(operation, self.plain_request(operation))[1]
        except BudgetSpent:
            raise
        except NotCovered:
            if self.transport.guard.real:
                raise
            return None
        if (reply.status >= 300 or not reply.is_json) and not self.transport.guard.real:
            return None
        return self._all_pages(operation, reply)

    def _all_pages(self, operation: Operation, first: Reply) -> list[Json]:
        """The answers of a list: its first page, and the next ones where the named numbers are yet to be found."""
        if first.status >= 300 or not first.is_json:
            return []
        answers, page, guard = [first.json], operation.contract.get("page") or {}, self.transport.guard
        request = self.plain_request(operation)
        while "next" in page and guard.wants_numbers and len(answers) < 10:
            following = pointed(answers[-1], page["next"])
            if following in (None, "", ABSENT):
                break
            query = {**request.query, turned_by(page): following}
            reply = self.send(operation, replace(request, query=query, name="reading", answer=""))[1]
            if reply.status >= 300 or not reply.is_json:
                break
            answers.append(reply.json)
        return answers

    def substitute(self, name: str, literal: Json, *, wanted: bool = False, making: bool = False) -> Json:
        """What stands here for a documented literal of the variable; other literals stay as they are.

        In a request that is `wanted` to succeed no record of the pages is named that a foreign server does not show:
        another one of its own takes its place, and where one is made (`making`), for anybody, the first that there is.
        """
        variable = self.spec.variables[name]
        if making and not (self.own or self.transport.guard.real) and literal in (*variable.ours, *variable.others):
            there = self.values(name)
            enough = literal in variable.others and variable.others.index(literal) + 1 < len(there)
            if there and literal not in there and not enough:
                return there[0]
        if not self.own and literal in variable.ours and literal not in self.values(name):
            raise NotCovered(f"{name} {literal!r} is a record of Ringback's own start state, with a part to play")
        documented = [variable.default, *variable.others]
        if literal not in documented:
            known = self.own or not wanted or variable.found_operation is None or literal in ("", None)
            if known or literal in self.values(name) or name in self._unshown:
                return literal
            strangers = self._strangers.setdefault(name, [])
            strangers += [] if literal in strangers else [literal]
            documented += strangers
        values, index = self.values(name), documented.index(literal)
        if index >= len(values):
            raise NotCovered(f"needs {index + 1} of {name!r}; found {len(values)} (--var {name}=A,B,... gives them)")
        return values[index]

    def unsure(self, operation: Operation, request: NamedRequest) -> str:
        """Which values of a documented request a foreign account may not know; empty where it must know them all."""
        names = self._unsure.get((operation.id, request.name), [])
        return ", ".join(f"{name!r}" for name in names)

    def guesses(self, operation: Operation, path: Mapping[str, Json]) -> bool:
        """Whether the record that an operation addresses is only the pages', and nothing has shown that it is here."""
        addressed = {one.variable for one in operation.parameters_in("path")}
        return not self.own and self._path(operation, path) not in self._worked and bool(addressed & self._unshown)

    @staticmethod
    def _path(operation: Operation, path: Mapping[str, Json]) -> str:
        return f"{operation.id} {sorted(path.items())}"

    def may_not_know(self, operation: Operation, request: NamedRequest, reply: Reply) -> str:
        """What a refused request names that a foreign account may not have; empty where that is no excuse."""
        refused = 400 <= reply.status < 500
        if refused and not self.own and self._is_there(operation, request):
            return "a second record like one that is there"
        if refused and not self.own and cost_of(operation) == "purchase" and not self._finds(operation):
            return "what is for sale"
        excused = operation.response(reply.status) is not None or reply.status in (403, 404, 410)
        return self.unsure(operation, request) if reply.status >= 400 and excused else ""

    def _is_there(self, operation: Operation, request: NamedRequest) -> bool:
        """Whether a request to make a record has a name in its body that a record here goes by already."""
        body = request.body if isinstance(request.body, dict) else {}
        known = self.transport.guard.known(str(operation.contract.get("record")))
        return operation.contract.get("effect") == "create" and bool({str(one) for one in body.values()} & known)

    def _finds(self, operation: Operation) -> bool:
        """Whether an operation tells what this one may take, or nothing of it has to be found."""
        named = ((operation.body_schema or {}).get("properties") or {}).values()
        variables = [one["x-variable"] for one in named if "x-variable" in one]
        return not named or any(self.spec.variables[one].found_operation for one in variables)

    def _is_unsure(self, name: str, literal: Json) -> bool:
        """Whether nobody has said that this account has what stands for a literal of the variable."""
        variable = self.spec.variables[name]
        if self.own or name in self.given or literal in ("", None) or (name, literal) in self._shown:
            return False
        documented = literal in [variable.default, *variable.others]
        return variable.found_operation is None or name in self._unshown or not documented

    # --- requests -------------------------------------------------------------------------------

    def named(self, operation: Operation, name: str) -> NamedRequest:
        """A named request of the spec with this world's records in the place of the documented ones."""
        request = operation.requests[name]
        wanted = self.spec.answer(operation, request.answer).status < 300
        unsure = self._unsure[operation.id, name] = []
        making = wanted and operation.contract.get("effect") == "create"
        body = self._replaced_body(operation.body_schema or {}, request.body, wanted, unsure, making=making)
        return request.with_values(
            path=self._replaced(operation, "path", request.path, wanted, unsure),
            query=self._replaced(operation, "query", request.query, wanted, unsure),
            body=self.varied(operation, body) if wanted else body,
        )

    def varied(self, operation: Operation, body: Json, *, keep: Collection[str] = ()) -> Json:
        """The body with what a server takes only once (`once`) in a form that it has not seen, but for some fields."""
        if self.own or not isinstance(body, dict):
            return body
        once = self.taken_once(operation) - set(keep)
        if not once & set(body):
            return body
        varied = dict(body)
        for name in once & set(body):
            local, at, domain = str(body[name]).partition("@")
            varied[name] = f"{local}{'+' if at else ' '}{self._token}{next(self._numbers)}{at}{domain}"
        return varied

    def taken_once(self, operation: Operation) -> set[str]:
        """The fields of a body that no two records of their kind may have the same, by a page or on this server."""
        contract, targets = operation.contract, set()
        for other in self.spec.operations.values():
            if other.contract.get("record") == contract.get("record"):
                fields = other.contract.get("fields") or {}
                targets |= {fields[name] for name in other.contract.get("once") or () if name in fields}
        found = {name for name, target in (contract.get("fields") or {}).items() if target in targets}
        return found | (_free_texts(operation) if operation.id in self._once else set())

    def _is_taken(self, operation: Operation, request: NamedRequest, reply: Reply) -> bool:
        """Whether a server that keeps what was made before may refuse a documented record for a name it has already."""
        wanted = bool(request.answer) and self.spec.answer(operation, request.answer).status < 300
        makes = wanted and operation.contract.get("effect") == "create" and cost_of(operation) == "write"
        remembers = not self.own and not self.transport.guard.real and operation.id not in self._once
        conflict = reply.status == 409 and operation.response(409) is None
        return makes and remembers and conflict and bool(_free_texts(operation))

    def plain_request(self, operation: Operation) -> NamedRequest:
        """The operation's first documented success that needs no preparation, or its parameters' examples."""
        for name, request in operation.requests.items():
            if not request.after and self.spec.answer(operation, request.answer).status < 300:
                return self.named(operation, name)
        values = {
            place: {p.name: p.example for p in operation.parameters_in(place) if p.required and p.example is not None}
            for place in ("path", "query")
        }
        return NamedRequest(
            name="plain",
            answer="",
            path=self._replaced(operation, "path", values["path"], True, []),
            query=self._replaced(operation, "query", values["query"], True, []),
            headers={},
            body=None,
            has_body=False,
            raw_body=None,
            after=(),
            evidence=operation.evidence,
        )

    def _replaced(
        self, operation: Operation, place: str, values: Mapping[str, Json], wanted: bool, unsure: list[str]
    ) -> dict[str, Json]:
        variables = {p.name: p.variable for p in operation.parameters_in(place)}
        return {
            name: self._known(variable, value, wanted, unsure) if (variable := variables.get(name)) else value
            for name, value in values.items()
        }

    def _known(self, name: str, literal: Json, wanted: bool, unsure: list[str], *, making: bool = False) -> Json:
        """What stands here for a literal; `unsure` takes the names of what this account may not know."""
        if isinstance(literal, str) and literal.startswith("$answers."):
            return literal
        value = self.substitute(name, literal, wanted=wanted, making=making)
        unsure += [name] if self._is_unsure(name, literal) and name not in unsure else []
        return value

    def _replaced_body(
        self, schema: Any, value: Json, wanted: bool, unsure: list[str], *, making: bool = False
    ) -> Json:
        if not isinstance(schema, Mapping):
            return value
        variable = schema.get("x-variable")
        if variable is not None and not isinstance(value, dict | list):
            return self._known(variable, value, wanted, unsure, making=making)
        if isinstance(value, dict):
            properties = schema.get("properties") or {}
            return {
                name: self._replaced_body(properties.get(name), child, wanted, unsure, making=making)
                for name, child in value.items()
            }
        if isinstance(value, list):
            return [self._replaced_body(schema.get("items"), child, wanted, unsure, making=making) for child in value]
        return value

    def send(
        self,
        operation: Operation,
        request: NamedRequest,
        *,
        key: str | None = ABSENT,  # None says: no key
    ) -> tuple[Sent, Reply]:
        """Sends a request, after what has to come before it; `key` None sends none, another one that."""
        if operation.id in self._lacking:
            raise NotCovered(self._lacking[operation.id])
        self.pristine = False
        prepared = self.prepared(operation, request)
        self.watch.before(operation, prepared)
        wire = build(self.spec, operation, prepared, self.key if key is ABSENT else key)
        sent = Sent(prepared.path, prepared.query, prepared.body, wire)
        expected = self.spec.answer(operation, request.answer).status if request.answer else 0
        try:
            reply = self._settled(operation, sent, lambda: self.transport.send(wire, expected=expected))
        except NotCovered:
            self.watch.unsent()
            raise
        if reply.status < 300 and cost_of(operation) == "purchase":
            self.forget_searched()
        self.watch.after(operation, prepared, reply)
        if self._is_taken(operation, request, reply):
            self._once.add(operation.id)
            another = self.varied(operation, prepared.body)
            return self.send(operation, replace(request.with_values(prepared.path, prepared.query, another), after=()))
        self._worked |= {operation.id, self._path(operation, prepared.path)} if reply.status < 300 else set()
        self._learn_names(operation, reply)
        self._learn_values(operation, sent, reply)
        if not self.own and key is ABSENT and operation.contract.get("effect") == "list" and reply.status < 300:
            name = operation.contract["key"]["name"]
            rows = [row.get(name) if isinstance(row, dict) else row for row in rows_in(operation, reply.json) or []]
            self.motion.see(wire.target, {str(row) for row in rows}, self.transport.guard.writes)
        if key is ABSENT and self._lacks(operation, prepared, wire, reply):
            self._lacking[operation.id] = f"the server has no such operation: it answers {reply.status}"
            raise NotCovered(self._lacking[operation.id])
        for observe in self.observers:
            observe(operation, prepared, sent, reply, self.key if key is ABSENT else key)
        return sent, reply

    def _settled(self, operation: Operation, sent: Sent, ask: Callable[[], Reply]) -> Reply:
        """The answer; one that does not show yet what was written is asked for again."""
        reply = ask()
        if self.settling is not None:
            while not self.settling.shown(operation, sent, reply):
                time.sleep(PAUSE_SECONDS)
                reply = ask()
            if cost_of(operation) != "read":
                self.settling.wrote(operation, sent, reply)
        return reply

    def lacks(self, operation: Operation) -> bool:
        """Whether this server was seen to have left out the operation."""
        return operation.id in self._lacking

    def same(self, operation: Operation) -> Callable[[str, Json, Json], bool]:
        """Tells of a field of the operation's records whether two values of it name the same record."""
        return partial(self.same_record, operation.contract["record"])

    def same_record(self, kind: str, field: str, one: Json, other: Json) -> bool:
        """Whether two values of a field that refers to a record name the same one, as this server has shown it."""
        target = self.spec.records[kind].references.get(field)
        return self.are_names(str(target), one, other)

    def are_names(self, kind: str, one: Json, other: Json) -> bool:
        """Whether two values name the same record of a kind, as this server has shown it."""
        return any({one, other} <= names for names in self._names.get(kind, ()))

    def _learn_names(self, operation: Operation, reply: Reply) -> None:
        """Keeps by which names an answer shows each record."""
        shape = self.spec.records.get(str(operation.contract.get("record")))
        if self.own or shape is None or not shape.aliases or operation.contract.get("effect") not in ("list", "read"):
            return
        rows = rows_in(operation, reply.json) or [record_in(operation, reply.json, shape.key)]
        for row in rows if reply.status < 300 else ():
            shown = [row.get(name) for name in (shape.key, *shape.aliases)] if isinstance(row, dict) else []
            self._names.setdefault(shape.kind, set()).add(frozenset(one for one in shown if isinstance(one, str)))

    def _learn_values(self, operation: Operation, sent: Sent, reply: Reply) -> None:
        """Keeps what of the pages this account has after all: under what a list's path names, rows are shown."""
        if self.own or operation.contract.get("effect") != "list" or reply.status >= 300:
            return
        if rows_in(operation, reply.json):
            named = {one.name: one.variable for one in operation.parameters_in("path") if one.variable}
            self._shown |= {(variable, sent.path.get(name)) for name, variable in named.items()}

    def _lacks(self, operation: Operation, request: NamedRequest, wire: WireRequest, reply: Reply) -> bool:
        """Whether a foreign server has left out an operation that is not on the pages the project began with.

        It has never done it, and answers a request that must succeed with a status that no page gives for it; or it
        answers as it does where an operation is left out.
        """
        if self.own or operation.evidence.grade == "seed" or operation.id in self._worked:
            return False
        if reply.status not in NOT_THERE:
            return False
        if not self._absent:
            self._ask_for_nothing(WireRequest("GET", "/", "", wire.headers, None))
        answered = said(wire, reply)
        wanted = not request.answer or self.spec.answer(operation, request.answer).status < 300
        if wanted and reply.status not in operation.responses:
            self._absent.add(answered)
        # Whoever is refused as the page says is not sent away; a method that nobody takes is where nobody serves it.
        unserved = reply.status != 404 and reply.status not in operation.responses
        if (wanted or unserved) and answered not in self._absent:
            for path in nowhere(operation, wire.path):
                self._ask_for_nothing(wire._replace(path=path))
        return answered in self._absent

    def _ask_for_nothing(self, wire: WireRequest) -> None:
        """Keeps how the server answers where no page documents anything."""
        if self.transport.guard.is_nowhere(wire):
            reply = self.transport.send(wire)
            if reply.status in NOT_THERE:
                self._absent.add(said(wire, reply))

    def forget_searched(self) -> None:
        """What was found for sale may be sold now, so it is looked for anew when it is next needed."""
        for name in list(self._found):
            found = self.spec.variables[name].found_operation
            if found is not None and self.spec.operations[found].contract.get("effect") == "search":
                del self._found[name]

    def send_to(
        self, operation: Operation, request: NamedRequest, path: str | None = None, *, method: str | None = None
    ) -> tuple[WireRequest, Reply]:
        """Sends a prepared request to a path that the caller spells, or by another method than the operation's.

        By its own method it is never for an operation that destroys. Another method may destroy whatever the pages
        say, so the guard lets it reach no record that this run did not make.
        """
        wire = self.wire(operation, request)
        wire = wire._replace(method=method or wire.method, path=path or wire.path)
        sent = Sent(request.path, request.query, request.body, wire)
        if wire.method == operation.method:
            return wire, self._settled(operation, sent, lambda: self.transport.send(wire))
        return wire, self.transport.send(wire)

    def prepared(self, operation: Operation, request: NamedRequest) -> NamedRequest:
        """The request alone: what has to come before it is sent now, and its answers are filled in."""
        answers: dict[str, Json] = {}
        varied: dict[Json, Json] = {}

        def filled(one: NamedRequest) -> NamedRequest:
            path, query = _filled(dict(one.path), answers), _filled(dict(one.query), answers)
            return replace(one.with_values(path, query, _filled(one.body, answers)), after=())

        for step in request.after:
            before, _, name = step.partition("/")
            prior = self.spec.operations[before]
            named = self.named(prior, name)
            for field in self.taken_once(prior) if isinstance(named.body, dict) else ():
                varied[prior.requests[name].body.get(field)] = named.body.get(field)
            answers[step] = self.send(prior, filled(named))[1].json
        if not request.after:
            return request
        request = filled(request)
        if isinstance(request.body, dict):
            # What was sent before in another form is meant here too.
            body = {
                field: varied.get(value, value) if isinstance(value, str) else value
                for field, value in request.body.items()
            }
            request = request.with_values(request.path, request.query, body)
        return request

    def wire(self, operation: Operation, request: NamedRequest) -> WireRequest:
        """The wire form of a request with this world's key, which the caller may send."""
        self.pristine = False
        return build(self.spec, operation, request, self.key)

    def curl(self, wire: WireRequest) -> str:
        """A shell line that repeats the request; a key that is a secret stays in its variable."""
        line = curl(self.transport.origin, wire)
        for quoted in [f"'{name}: {value}'" for name, value in wire.headers.items() if "$" in value]:
            line = line.replace(quoted, '"' + quoted[1:-1] + '"')
        return line

    # --- what is there --------------------------------------------------------------------------

    def remover(self, kind: str) -> Operation | None:
        """The operation that removes records of a kind, if a page documents one."""
        for operation in self.spec.operations.values():
            if operation.contract.get("record") == kind and operation.contract.get("effect") == "delete":
                return operation
        return None

    def readers(self, kind: str) -> Iterator[Operation]:
        """The operations that show records of a kind: single reads first, then lists.

        A list of those that belong to somebody to whom a new one cannot belong shows no new one, and one of those that
        are so (`where`) not everyone.
        """
        mine = [one for one in self.spec.operations.values() if one.contract.get("record") == kind]
        creates = [one for one in mine if one.contract.get("effect") == "create"]
        given = {name for one in creates for name in (*_owning(one), *(one.contract.get("fields") or {}).values())}
        for effect in ("read", "list"):
            for operation in mine:
                strange = bool(creates) and effect == "list" and not set(_owning(operation)) <= given
                strange = strange or "where" in operation.contract
                if operation.contract.get("effect") == effect and not strange and not self.lacks(operation):
                    yield operation

    def finding(
        self,
        property: str,
        operation: Operation,
        request: str,
        evidence: Evidence,
        difference: Difference,
        wire: WireRequest,
    ) -> Finding:
        """A difference as a finding: with the answer that shows it, and the curl lines that bring it about."""
        shown, message = self.transport.answered(difference.look or wire), difference.message
        source = evidence.source
        looked = difference.look is not None and difference.look is not wire
        if looked and shown is not None and (shown.status >= 300 or not shown.is_json):
            # Nothing is wrong with what was written: the look itself failed.
            message += f": it answers {shown.status}" + ("" if shown.is_json else " with what is no JSON")
            reader = self.spec.operations.get(self.transport.guard.operation_of(difference.look or wire))
            source = reader.evidence.source if reader is not None else source
        return Finding(
            property=property,
            provider=self.spec.provider,
            operation=operation.id,
            request=request,
            grade=weaker(evidence.grade, difference.grade or evidence.grade),
            source=source,
            at=difference.at,
            message=message,
            expected=difference.expected,
            actual=difference.actual,
            curl=self.curl(wire),
            status=shown.status if shown else None,
            answer=shown.body[:LONGEST_SHOWN].decode("utf-8", "replace") if shown else "",
            look=self.curl(difference.look) if looked and difference.look else "",
        )


def _free_texts(operation: Operation) -> set[str]:
    """The fields of a record's body that hold any text, such as its name."""
    known = (operation.body_schema or {}).get("properties") or {}
    fields = operation.contract.get("fields") or {}
    return {
        name
        for name in fields
        if (known.get(name) or {}).get("type") == "string"
        and not {"enum", "const", "format", "pattern", "x-variable"} & set(known[name])
    }


def _owning(operation: Operation) -> list[str]:
    """The fields that say to whom the records of an operation belong."""
    return [node["field"] for node in (operation.contract.get("within") or {}).values()]


def _values_at(operation: Operation, answer: Json, pointer: str) -> list[Json]:
    """All values at a pointer into the rows of a list, wherever the answer has its rows."""
    before, star, after = pointer.partition("/*")
    found = pointed_all(answer, pointer)
    if found or not star or isinstance(pointed(answer, before), list):
        return found
    return [value for row in rows_in(operation, answer) or () for value in pointed_all(row, after)]


def _filled(value: Json, answers: Mapping[str, Json]) -> Json:
    """The value with `$answers.<operation>/<request>#<pointer>` replaced by what was answered."""
    if isinstance(value, str) and value.startswith("$answers."):
        step, _, pointer = value[len("$answers.") :].partition("#")
        found = pointed(answers.get(step), pointer)
        if found is ABSENT:
            raise NotCovered(f"the answer to {step} has nothing at {pointer}")
        return found
    if isinstance(value, dict):
        return {name: _filled(child, answers) for name, child in value.items()}
    if isinstance(value, list):
        return [_filled(child, answers) for child in value]
    return value


def successes(world: World, operation: Operation) -> list[NamedRequest]:
    """The documented requests of an operation that get a success."""
    return [r for r in operation.requests.values() if world.spec.answer(operation, r.answer).status < 300]


def refusals(world: World, operation: Operation) -> list[NamedRequest]:
    """The documented requests of an operation that get an error."""
    return [r for r in operation.requests.values() if world.spec.answer(operation, r.answer).status >= 300]
