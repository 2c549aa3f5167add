"""The world a property is checked in: one vendor at one origin with one key, and the records found there."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple

from contract_tests.findings import Difference, Finding, NotCovered, weaker
from contract_tests.transport import Reply, Transport, Unreachable
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

_ABSENT = object()


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
        return _ABSENT


ABSENT = _ABSENT


class World:
    """One vendor's server as the harness may use it.

    `own` says that the server is a mock started for this run: every world then has a key, and so a
    space, of its own, and holds the documented records. Elsewhere (`own` False) there is one key, and
    the records to work with are found through the documented list operations. `other` is a key of another
    account there; the texts are what is shown in place of a key that may be a secret.
    """

    def __init__(
        self,
        spec: Spec,
        transport: Transport,
        *,
        key: str,
        own: bool,
        key_text: str | None = None,
        other: str | None = None,
        other_text: str | None = None,
        given: Mapping[str, Json] | None = None,
    ) -> None:
        self.spec = spec
        self.transport = transport
        self.key = key
        self.own = own
        self.key_text = key_text or key
        self.other = other
        self.other_text = other_text or other
        self.given = dict(given or {})
        self.checks: dict[str, OperationCheck] = compile_checks(spec)
        self._found: dict[str, list[Json]] = {}
        self._made: set[Json] = set()
        self._to_remove: list[tuple[str, Json]] = []
        self._numbers = count(1)

    def fresh(self) -> World:
        """A world in its first state: another key on our own mock, the same world elsewhere."""
        if not self.own:
            return self
        other = copy.copy(self)
        other.key = other.key_text = f"{self.key}_{next(self._numbers)}"
        other._found = {}
        return other

    def other_key(self) -> str:
        """A key of another account; our own mock opens a space for every key."""
        if self.own:
            return f"{self.key}_other"
        if self.other is None:
            raise NotCovered("--other-api-key-env names a key of another account; none was given")
        return self.other

    # --- what only an account knows -------------------------------------------------------------

    def values(self, name: str) -> list[Json]:
        """The values that a variable of the spec may take here, the first standing for its documented default."""
        variable = self.spec.variables[name]
        if name in self.given:
            return [self.given[name]]
        documented = [variable.default, *variable.others]
        if self.own or variable.found_operation is None:
            return documented
        if name not in self._found:
            self._found[name] = []
            operation = self.spec.operations[variable.found_operation]
            reply = self.send(operation, self.plain_request(operation))[1]
            if reply.status < 300 and reply.is_json:
                shown = [value for value in _pointed(reply.json, variable.found_at or "") if value not in ("", None)]
                # A list may show one record in several rows (a version each, say).
                found = list(dict.fromkeys(shown))
                # The documented record comes first where the server has it.
                found.sort(key=lambda value: documented.index(value) if value in documented else len(documented))
                self._found[name] = found
        return self._found[name]

    def substitute(self, name: str, literal: Json) -> Json:
        """What stands here for a documented literal of the variable; other literals stay as they are."""
        variable = self.spec.variables[name]
        documented = [variable.default, *variable.others]
        if literal not in documented:
            return literal
        values, index = self.values(name), documented.index(literal)
        if index >= len(values):
            raise NotCovered(f"needs {index + 1} of {name!r}; found {len(values)} (--var {name}=... gives one)")
        return values[index]

    # --- requests -------------------------------------------------------------------------------

    def named(self, operation: Operation, name: str) -> NamedRequest:
        """A named request of the spec with this world's records in the place of the documented ones."""
        request = operation.requests[name]
        return request.with_values(
            path=self._replaced(operation, "path", request.path),
            query=self._replaced(operation, "query", request.query),
            body=self._replaced_body(operation.body_schema or {}, request.body),
        )

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
            path=self._replaced(operation, "path", values["path"]),
            query=self._replaced(operation, "query", values["query"]),
            headers={},
            body=None,
            has_body=False,
            raw_body=None,
            after=(),
            evidence=operation.evidence,
        )

    def _replaced(self, operation: Operation, place: str, values: Mapping[str, Json]) -> dict[str, Json]:
        variables = {p.name: p.variable for p in operation.parameters_in(place)}
        return {
            name: self.substitute(variable, value) if (variable := variables.get(name)) is not None else value
            for name, value in values.items()
        }

    def _replaced_body(self, schema: Any, value: Json) -> Json:
        if not isinstance(schema, Mapping):
            return value
        variable = schema.get("x-variable")
        if variable is not None and not isinstance(value, dict | list):
            return self.substitute(variable, value)
        if isinstance(value, dict):
            properties = schema.get("properties") or {}
            return {name: self._replaced_body(properties.get(name), child) for name, child in value.items()}
        if isinstance(value, list):
            return [self._replaced_body(schema.get("items"), child) for child in value]
        return value

    def send(
        self,
        operation: Operation,
        request: NamedRequest,
        *,
        key: str | None = _ABSENT,  # type: ignore[assignment]  # None says: no key
    ) -> tuple[Sent, Reply]:
        """Sends a request, after what has to come before it; `key` None sends none, another one that."""
        prepared = self.prepared(operation, request)
        destroys = operation.method == "DELETE" or operation.contract.get("destroys")
        if destroys and not self.own and self._exists(operation, prepared):
            raise NotCovered("destroys records, and would destroy one that this run did not make")
        wire = build(self.spec, operation, prepared, self.key if key is ABSENT else key)
        reply = self.transport.send(wire, cost_of(operation))
        if reply.status < 300 and cost_of(operation) == "purchase":
            self._forget_searched()
        if not self.own and operation.contract.get("effect") == "create" and reply.status < 300:
            self._remember(operation, reply)
        return Sent(prepared.path, prepared.query, prepared.body, wire), reply

    def _remember(self, operation: Operation, reply: Reply) -> None:
        """Keeps the key of a record that was made, so that it can be removed again."""
        key = operation.contract.get("key") or {}
        record = pointed(reply.json, operation.contract.get("at") or "")
        if key.get("in") == "answer" and isinstance(record, dict) and key["name"] in record:
            self._made.add(record[key["name"]])
            self._to_remove.append((operation.contract["record"], record[key["name"]]))

    def clean_up(self) -> list[str]:
        """Removes the records that this run made and has not removed, newest first; returns what could not be.

        A vendor without a documented way to remove a kind of record keeps what was made.
        """
        left = []
        while self._to_remove:
            kind, key = self._to_remove.pop()
            removers = [
                operation
                for operation in self.spec.operations.values()
                if operation.contract.get("record") == kind and operation.contract.get("effect") == "delete"
            ]
            if not removers:
                left.append(f"{self.spec.provider} {kind} {key}: no documented operation removes it")
                continue
            request = self.plain_request(removers[0])
            path = {**request.path, removers[0].contract["key"]["name"]: key}
            try:
                reply = self.send(removers[0], replace(request.with_values(path, request.query, None), after=()))[1]
            except (NotCovered, Unreachable) as why:
                left.append(f"{self.spec.provider} {kind} {key}: {why}")
                continue
            if reply.status >= 500:
                left.append(f"{self.spec.provider} {kind} {key}: {removers[0].id} answered {reply.status}")
        return left

    def _forget_searched(self) -> None:
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
        say, so it may address no record that this run did not make.
        """
        if method is not None and not self.own and self._exists(operation, request):
            raise NotCovered(f"{method} may destroy a record that this run did not make")
        wire = build(self.spec, operation, request, self.key)
        wire = wire._replace(method=method or wire.method, path=path or wire.path)
        return wire, self.transport.send(wire, cost_of(operation, method))

    def prepared(self, operation: Operation, request: NamedRequest) -> NamedRequest:
        """The request alone: what has to come before it is sent now, and its answers are filled in."""
        answers: dict[str, Json] = {}

        def filled(one: NamedRequest) -> NamedRequest:
            path, query = _filled(dict(one.path), answers), _filled(dict(one.query), answers)
            self._made.update(value for value in path.values() if value not in one.path.values())
            return replace(one.with_values(path, query, _filled(one.body, answers)), after=())

        for step in request.after:
            before, _, name = step.partition("/")
            prior = self.spec.operations[before]
            answers[step] = self.send(prior, filled(self.named(prior, name)))[1].json
        return filled(request) if request.after else request

    def _exists(self, operation: Operation, request: NamedRequest) -> bool:
        """Whether a path value stands for a record found in this world that this run did not make."""
        variables = {p.name: p.variable for p in operation.parameters_in("path")}
        return any(
            (variable := variables.get(name)) is not None and value in self.values(variable) and value not in self._made
            for name, value in request.path.items()
        )

    def curl(self, wire: WireRequest) -> str:
        """A shell line that repeats the request; a key that may be a secret stays in its variable."""
        line = curl(self.transport.origin, wire)
        texts = {self.other: self.other_text, self.key: self.key_text}
        # The longer key first: the other may be a part of it.
        for key in sorted((key for key, text in texts.items() if key and text != key), key=len, reverse=True):
            for quoted in (f"'{name}: {value}'" for name, value in wire.headers.items() if key in value):
                line = line.replace(quoted, '"' + quoted[1:-1].replace(key, str(texts[key])) + '"')
        return line

    # --- what is there --------------------------------------------------------------------------

    def readers(self, kind: str) -> Iterator[Operation]:
        """The operations that show records of a kind: single reads first, then lists."""
        for effect in ("read", "list"):
            for operation in self.spec.operations.values():
                if operation.contract.get("record") == kind and operation.contract.get("effect") == effect:
                    yield operation

    def snapshot(self) -> dict[str, Json]:
        """Every list of the vendor as it is now, and the documented record of each read, by operation and request."""
        seen = {}
        for operation in self.spec.operations.values():
            if operation.contract.get("effect") not in ("list", "read"):
                continue
            for name, request in operation.requests.items():
                if not request.after and self.spec.answer(operation, request.answer).status < 300:
                    seen[f"{operation.id}/{name}"] = self.send(operation, self.named(operation, name))[1].json
                    if operation.contract["effect"] == "read":
                        break
        return seen

    def finding(
        self,
        property: str,
        operation: Operation,
        request: str,
        evidence: Evidence,
        difference: Difference,
        wire: WireRequest,
    ) -> Finding:
        return Finding(
            property=property,
            provider=self.spec.provider,
            operation=operation.id,
            request=request,
            grade=weaker(evidence.grade, difference.grade or evidence.grade),
            source=evidence.source,
            at=difference.at,
            message=difference.message,
            expected=difference.expected,
            actual=difference.actual,
            curl=self.curl(wire),
        )


def cost_of(operation: Operation, method: str | None = None) -> str:
    """read, write or purchase, as the operation's contract says; by another method at least a write, unless by GET."""
    declared = operation.contract.get("cost")
    if method is not None:
        return "read" if method == "GET" else "purchase" if declared == "purchase" else "write"
    if declared is not None:
        return str(declared)
    return "read" if operation.method == "GET" else "write"


def _pointed(document: Json, pointer: str) -> list[Json]:
    """All values at a JSON pointer in which `*` stands for every element."""
    nodes = [document]
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        following: list[Json] = []
        for node in nodes:
            if part == "*" and isinstance(node, list):
                following += node
            elif isinstance(node, dict) and part in node:
                following.append(node[part])
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                following.append(node[int(part)])
        nodes = following
    return nodes


def pointed(document: Json, pointer: str) -> Json:
    """The value at a JSON pointer, or ABSENT."""
    found = _pointed(document, pointer)
    return found[0] if found else ABSENT


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
