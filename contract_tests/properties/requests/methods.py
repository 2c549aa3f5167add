"""What a path does with the methods that no page documents for it: it refuses them, and they change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from contract_tests.endpoint.guard import BudgetSpent
from contract_tests.endpoint.transport import Reply
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Router, Spec, unserved

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NO_SUCH_RECORD = "ringback-check-no-such-record"


def undocumented(spec: Spec, operation: Operation) -> list[str]:
    """The methods that no page documents for the path of an operation, under whatever names of its parameters."""
    router = Router(spec.operations.values())
    matches = {method: router.match(method, operation.path) for method in METHODS}
    return [
        method
        for method, match in matches.items()
        if (match is None or match.operation is None) and unserved(spec, method, operation.path) is None
    ]


def opens_path(spec: Spec, operation: Operation) -> bool:
    """Whether the operation is the first of its path, so that the path is checked once, and leaves a method open."""
    return _of_path(spec, operation)[0] is operation and bool(undocumented(spec, operation))


def _of_path(spec: Spec, operation: Operation) -> list[Operation]:
    return [one for one in spec.operations.values() if one.path == operation.path]


class Try(NamedTuple):
    """A request by a method of a path, what it is called, and whether its answer is judged too."""

    what: str
    method: str
    carrier: Operation
    request: NamedRequest
    judged: bool


def undocumented_refused(recorder: Recorder) -> None:
    """Sends each undocumented method to the path, and what only looks; what the vendor shows must stay the same.

    It is looked at before the first and after the last, and only if something changed, after each of them.
    """
    operation, world = recorder.operation, recorder.world
    reasons: list[str] = []
    tries = list(_tries(world, operation, reasons))
    untouched, sent = Untouched(world, operation), []
    for one in tries:
        try:
            wire, reply = world.send_to(one.carrier, one.request, method=one.method)
        except BudgetSpent:
            raise
        except NotCovered as why:
            reasons.append(f"{one.what}: {why}")
            continue
        sent.append(one)
        if one.judged:
            recorder.add(one.what, _silence(operation), _accepted(one.method, reply), wire)
    if not sent:
        raise NotCovered("; ".join(reasons))
    if untouched.changed("what no page documents here"):
        world = world.fresh()
        _look_after_each(recorder, world, sent)
    recorder.finish()


def _silence(operation: Operation) -> Evidence:
    return Evidence("assumed", operation.evidence.source, "no page speaks of the other methods of this path")


def _look_after_each(recorder: Recorder, world: World, tries: list[Try]) -> None:
    untouched = Untouched(world, recorder.operation)
    for one in tries:
        wire, _ = world.send_to(one.carrier, one.request, method=one.method)
        changed = untouched.changed(f"{one.what}, which no page documents here,")
        recorder.add(one.what, _silence(recorder.operation), changed, wire)


def _tries(world: World, operation: Operation, reasons: list[str]) -> Iterator[Try]:
    """The undocumented methods; and on a mock of our own HEAD, and GET with the body of a write.

    Those two only look by the rules of HTTP, whatever is documented: how they are answered is not judged.
    """
    for method in undocumented(world.spec, operation):
        try:
            yield Try(method, method, *_request(world, operation, method), True)
        except NotCovered as why:
            reasons.append(f"{method}: {why}")
    if world.own:
        carrier, request = _request(world, operation, "POST")
        yield Try("HEAD", "HEAD", carrier, replace(request, body=None, has_body=False), False)
        yield Try("GET with a body", "GET", carrier, request, False)


def _request(world: World, operation: Operation, method: str) -> tuple[Operation, NamedRequest]:
    """The request that a method is tried with, and the documented operation of the path that it is taken from.

    On a server that is not our own it addresses no record, and sends nothing that one could be made of.
    """
    known = [(one, world.plain_request(one)) for one in _of_path(world.spec, operation)]
    carrier, request = next((one for one in known if method != "GET" and one[1].has_body), known[0])
    path = {name: _addressed(world, carrier, name, value) for name, value in request.path.items()}
    request = replace(request, path=path, headers={}, after=())
    if method == "GET" or not world.own:
        request = replace(request, body=None, raw_body=None, has_body=False)
    if not world.own and not path and method in ("PUT", "DELETE"):
        raise NotCovered("may replace or remove what this run did not make")
    return carrier, request


def _addressed(world: World, operation: Operation, name: str, documented: Json) -> Json:
    """A record that is there on a server of our own, so that a change would show; elsewhere none."""
    if not world.own:
        return NO_SUCH_RECORD
    variable = next((p.variable for p in operation.parameters_in("path") if p.name == name), None)
    return world.values(variable)[0] if variable is not None else documented


def _accepted(method: str, reply: Reply) -> Iterable[Difference]:
    """A refusal is any 4xx, or the 501 of a server that does not know the method."""
    if not 400 <= reply.status < 500 and reply.status != 501:
        text = reply.body[:120].decode("utf-8", "replace")
        message = f"no page documents {method} here, and it is answered with {reply.status} {text}"
        yield Difference("status", "a refusal", reply.status, message)
