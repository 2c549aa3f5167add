"""What an operation answers: which of the spec's successes, and the record in the shape that its schema has there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mock_server.derived.scene import ABSENT, Make, Record, Scene, fits
from mock_server.derived.sources import source
from mock_server.messages import Answer, Call, Json
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import NamedAnswer, Operation, RecordSpec
from mock_server.stores.state import State

Show = Callable[[Record], Record]
Say = Callable[[Call, State, Record], Answer]


def first_success(operation: Operation) -> NamedAnswer:
    """The answer of an operation that names no other."""
    return next(answer for answer in operation.answers.values() if answer.status < 300)


def shape_at(operation: Operation, status: int, pointer: str) -> Any:
    """The answer's schema at a place, the items of lists passed through."""
    response = operation.responses.get(status)
    node: Any = response.schema if response is not None else None
    for step in pointer.strip("/").split("/"):
        if step and isinstance(node, Mapping):
            node = node.get("items") if step.isdigit() else properties(node).get(step)
    return node


def shown_as(schema: Any, shape: RecordSpec) -> Show | None:
    """Leaves out what a schema does not name, or is only ever sent; None where a record is shown as it is kept."""
    names = tuple(name for name in properties(schema) if name not in shape.hidden)
    if not names or set(properties(shape.schema)) <= set(names):
        return None
    return lambda record: {name: record[name] for name in names if name in record}


def saying(operation: Operation, shape: RecordSpec) -> Say:
    """Composes the answer about one record."""
    contract = operation.contract
    names = [(fits(node.get("when") or {}), node["name"]) for node in contract.get("answers") or ()]
    default = first_success(operation)
    if operation.responses[default.status].media_type is None:
        return lambda call, state, record: Answer(default.name)
    at: str | None = contract.get("at", "" if contract["effect"] == "read" else None)
    show = shown_as(shape_at(operation, default.status, at or ""), shape) if at is not None else None
    echo = echoing(operation) if at != "" else None
    shows = {
        answer.name: [one for one in besides(operation, shape) if _has_place(answer, one[0])]
        for answer in operation.answers.values()
        if answer.status < 300
    }
    if at == "" and not names and not any(shows.values()):
        name = default.name
        return lambda call, state, record: Answer(name, record if show is None else show(record))

    if at is None and echo is not None and not names and not any(shows.values()):
        name = default.name
        return lambda call, state, record: Answer(name, echo(call))

    def say(call: Call, state: State, record: Record) -> Answer:
        name = default.name
        for wanted, other in names:
            if wanted(record):
                name = other
                break
        shown = record if show is None else show(record)
        body: dict[str, Json] = dict(shown) if echo is None else echo(call)
        if at:
            place_at(body, at, shown)
        scene = None
        for place, field, make in shows[name]:
            if field is not None:
                if field in record:
                    body[place] = record[field]
                continue
            scene = scene or Scene(call, state, record, call.now, call.random)
            value = make(scene)
            if value is not ABSENT:
                place_at(body, place, value)
        return Answer(name, body)

    return say


def echoing(operation: Operation) -> Callable[[Call], dict[str, Json]]:
    """What of the request the answer repeats; what was not sent is left out."""
    names = tuple(operation.contract.get("echo") or ())
    in_path = tuple(name for name in names if name in {one.name for one in operation.parameters_in("path")})
    in_query = tuple(name for name in names if name in {one.name for one in operation.parameters_in("query")})
    in_body = tuple(name for name in names if name not in in_path and name not in in_query)

    def echo(call: Call) -> dict[str, Json]:
        said: dict[str, Json] = {}
        for name in in_path:
            said[name] = call.path[name]
        for name in in_query:
            if name in call.query:
                said[name] = call.query[name]
        body = call.body
        for name in in_body:
            if name in body:
                said[name] = body[name]
        return said

    return echo


def besides(operation: Operation, shape: RecordSpec) -> list[tuple[str, str | None, Make]]:
    """Where each value of `shows` stands in the answer, the field that it is if it is one, and what makes it."""
    found = []
    for place, node in (operation.contract.get("shows") or {}).items():
        plain = isinstance(node, str) and not node.startswith("/") and not place.startswith("/")
        made = source({"field": node} if isinstance(node, str) else node, shape)
        found.append((place, node if plain else None, made))
    return found


def _has_place(answer: NamedAnswer, name: str) -> bool:
    """Whether the documented example of an answer has that field, or is no object that could tell."""
    return not isinstance(answer.value, Mapping) or name.strip("/").partition("/")[0] in answer.value


def place_at(body: dict[str, Json], pointer: str, value: Json) -> None:
    """Puts a value at a name or a pointer, making the objects on the way."""
    *above, last = pointer.strip("/").split("/")
    node: Any = body
    for step in above:
        node = node.setdefault(step, {})
    node[last] = value
