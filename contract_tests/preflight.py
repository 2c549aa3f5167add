"""What is asked before anything is judged: is this the vendor's server, is it up, and does it accept the key?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from contract_tests.endpoint.guard import cost_of
from contract_tests.endpoint.transport import Busy, Reply, Unanswered, Unreachable
from contract_tests.words.findings import NotCovered, printable
from contract_tests.words.listed import rows_in
from contract_tests.world.world import World, successes
from mock_server.spec import NamedRequest, Operation, WireRequest

UNREACHABLE, REFUSED, NOTHING = 3, 4, 5
"""Exit codes: the target is not there, or not any more; the key or the origin is wrong; nothing could be checked."""
_REFUSING = (401, 403)
_ABSENT = (404, 405, 501)
_DOWN = (502, 503, 504)
_MOST = 6
"""So many operations are tried at most."""


class Stopped(Exception):
    """Nothing that this server answers could be judged: one line that says why, and the exit code for it."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


class _Tried(NamedTuple):
    operation: Operation
    wire: WireRequest
    reply: Reply


def look_before(world: World) -> Reply | None:
    """The first answer that shows that the server is the right one and takes the key; None where nothing was sent.

    Raises Stopped. Operations that only look are tried one after another until one works; where none is there, a
    request that cannot be meant is sent to those that write, so that a server with these alone is known too. One that
    leaves a question without an answer is there all the same where it answers another: of the first the check tells.
    """
    tried: list[_Tried] = []
    silent: list[Unanswered] = []
    try:
        for operation, wire in _questions(world):
            try:
                reply = world.transport.send(wire)
            except Unanswered as why:
                silent.append(why)
                continue
            tried.append(_Tried(operation, wire, reply))
            if _is_sure(world, tried[-1]):
                return reply
            if len(tried) >= 2 and all(one.reply.status in _REFUSING for one in tried):
                break
    except Unreachable as why:
        raise Stopped(str(why), UNREACHABLE) from None
    except Busy as why:
        raise Stopped(f"{world.transport.origin}: {why}", UNREACHABLE) from None
    except NotCovered:
        pass  # A budget, or what may be sent, leaves no more to ask.
    likely = [one for one in tried if _is_likely(one)]
    if not tried and silent:
        raise Stopped(str(silent[0]), UNREACHABLE)
    if not tried:
        return None
    lost = [one for one in tried if cost_of(one.operation) != "read" and one.reply.status in _ABSENT]
    if likely and not [one for one in lost if one.operation.evidence.grade == "seed"]:
        return likely[0].reply
    raise _verdict(world, tried)


def look_again(world: World, first: Reply | None) -> None:
    """Raises Stopped where the server that was there before is another one now, or takes the key no more."""
    if first is not None:
        try:
            look_before(world)
        except Stopped as why:
            raise Stopped(f"{why}; it was not so at first, and what was found since says nothing", why.code) from None


def _questions(world: World) -> Iterator[tuple[Operation, WireRequest]]:
    operations = list(world.spec.operations.values())
    reading = [one for one in operations if cost_of(one) == "read" and one.method == "GET"]
    reading.sort(key=lambda one: len([p for p in one.parameters if p.required]))
    for operation in reading[:_MOST]:
        for request in [one for one in successes(world, operation) if not one.after][:1]:
            yield operation, world.wire(operation, _as_given(world, operation, request))
    guard = world.transport.guard
    if guard.real or "write" not in guard.allowed:
        return
    writing = [one for one in operations if cost_of(one) == "write" and one.body_schema is not None]
    writing.sort(key=lambda one: (one.evidence.grade != "seed", one.method == "DELETE"))
    for operation in writing[:_MOST]:
        for request in [one for one in successes(world, operation) if not one.after][:1]:
            meant = _as_given(world, operation, request)
            broken = NamedRequest(**{**vars(meant), "raw_body": "{", "has_body": True})
            yield operation, world.wire(operation, broken)


def _as_given(world: World, operation: Operation, request: NamedRequest) -> NamedRequest:
    """The documented request with what `--var` gives in it; nothing is looked for yet."""

    def put(place: str) -> dict[str, object]:
        variables = {p.name: p.variable for p in operation.parameters_in(place)}
        values = dict(getattr(request, place))
        for name, variable in variables.items():
            if variable in world.given and name in values:
                values[name] = world.given[variable][0]
        return values

    return request.with_values(put("path"), put("query"), request.body)


def _is_sure(world: World, one: _Tried) -> bool:
    """Whether an answer is one that only this vendor's server gives, and only to a key that it accepts."""
    reply, operation = one.reply, one.operation
    if cost_of(operation) != "read":
        return operation.evidence.grade == "seed" and _is_likely(one)
    rows = rows_in(operation, reply.json) if reply.is_json and operation.contract.get("effect") == "list" else None
    if rows and all(isinstance(row, dict) and operation.contract["key"]["name"] in row for row in rows):
        return reply.status < 300  # Such rows come from nowhere else; what is wrong with them is for the check to say.
    violations = world.checks[operation.id].answer(reply.status, reply.json, media_type=reply.media_type)
    return reply.is_json and reply.status < 300 and not violations


def _is_likely(one: _Tried) -> bool:
    """Whether an answer may be one of this vendor's server; another one may have operations of the same path."""
    status = one.reply.status
    known = status < 300 or (status >= 400 and status not in (*_REFUSING, *_ABSENT, *_DOWN))
    return one.reply.is_json and known


def _verdict(world: World, tried: list[_Tried]) -> Stopped:
    origin, vendor = world.transport.origin, world.spec.provider
    last = tried[0]
    asked = f"{last.wire.method} {last.wire.path} is answered with {last.reply.status}"
    statuses = [one.reply.status for one in tried]
    if any(status in _REFUSING for status in statuses):
        refused = next(one for one in tried if one.reply.status in _REFUSING)
        said = f"{refused.wire.method} {refused.wire.path} is answered with {refused.reply.status}"
        return Stopped(f"{origin} refuses the key {world.key}: {said} {_start(refused.reply)}", REFUSED)
    if all(status in _DOWN for status in statuses):
        return Stopped(f"{origin} is not up: {asked} {_start(last.reply)}", UNREACHABLE)
    return Stopped(f"{origin} does not serve {vendor}: {asked} {_start(last.reply)}", REFUSED)


def _start(reply: Reply) -> str:
    text = " ".join(reply.body[:300].decode("utf-8", "replace").split())
    kind = reply.media_type.partition(";")[0] or "no media type"
    shown = text if len(text) <= 80 else text[:77] + "..."
    return printable(f"({kind}) {shown}".rstrip())
