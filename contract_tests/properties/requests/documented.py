"""The documented requests: each gets its documented answer, and one that is refused changes nothing."""

from __future__ import annotations

from dataclasses import replace

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import compare
from contract_tests.judging.lawful import documented_refusal
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.secrets.keys import WRONG_KEY as WRONG_KEY
from contract_tests.words.secrets.mutations import DOCUMENTED_KEY, mutations
from contract_tests.words.statements import weakest
from contract_tests.world import reading
from contract_tests.world.world import World, refusals, successes
from mock_server.spec import NamedRequest, Operation


def documented_examples(recorder: Recorder) -> None:
    """Makes each documented request that succeeds, and compares the answer to the letter."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        answer = world.spec.answer(operation, request.answer)
        named = world.named(operation, request.name)
        if not world.own:
            _refuse_repeats(world, operation, named)
        sent, reply = world.send(operation, named)
        if unsure := world.may_not_know(operation, request, reply):
            raise NotCovered(f"answered with {reply.status}, and the account may not have {unsure} of the page (--var)")
        differences = compare.documented(world, operation, answer, sent, reply)
        recorder.add(request.name, weakest(answer.evidence, request.evidence), differences, sent.wire)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()


def _refuse_repeats(world: World, operation: Operation, request: NamedRequest) -> None:
    """Raises NotCovered when the server has a record already that allows no second one like it (`once`)."""
    for name in operation.contract.get("once") or ():
        value = request.body.get(name) if isinstance(request.body, dict) else None
        shown = (operation.contract.get("fields") or {}).get(name, name)
        for reader in world.readers(operation.contract["record"]):
            if value is None or reader.contract["effect"] != "list":
                continue
            rows = reading.rows_of(world, reader, {})[0]
            if value in [reading.field(row, shown) for row in rows]:
                raise NotCovered(f"{name} {value!r} is there already, and can be there once only")


def documented_errors(recorder: Recorder) -> None:
    """Provokes each documented error, and compares its sentence and what the vendor shows before and after.

    Looking takes many more requests than asking. On a mock of our own all that need nothing before them are asked in
    one world, which is looked at before the first and after the last; only if something changed, after each.
    """
    operation, world = recorder.operation, recorder.world.fresh()
    together = [one for one in refusals(world, operation) if world.own and not one.after]
    untouched = Untouched(world, operation) if together else None
    accepted = False

    def ask(_: World, request: NamedRequest) -> None:
        nonlocal accepted
        accepted |= _refused(recorder, world, request).status < 400

    def look(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        untouched = Untouched(world, operation)
        sent, reply = world.send(operation, prepared)
        if reply.status >= 400:
            recorder.add(request.name, operation.evidence, untouched.changed("a refused request"), sent.wire)

    def both(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        untouched = Untouched(world, operation)
        reply = _refused(recorder, world, prepared)
        if reply.status >= 400:
            wire = world.wire(operation, prepared)
            recorder.add(request.name, operation.evidence, untouched.changed("a refused request"), wire)

    def each(world: World, request: NamedRequest) -> None:
        (ask if request in together else both)(world, request)

    recorder.each(refusals(world, operation), each)
    if untouched is not None and (accepted or untouched.changed("a refused request")):
        recorder.each(together, look)
    recorder.finish()


def _refused(recorder: Recorder, world: World, request: NamedRequest) -> Reply:
    """Makes a documented request that gets an error, and compares its answer; `request` may be prepared already."""
    operation = recorder.operation
    named = world.named(operation, request.name) if request is operation.requests[request.name] else request
    sent, reply = world.send(operation, named)
    if reply.status >= 400 and world.guesses(operation, named.path):
        raise NotCovered("no operation shows that the record which it addresses is there")
    for evidence, found in documented_refusal(world, operation, request, sent, reply):
        recorder.add(request.name, evidence, found, sent.wire)
    return reply


def keys_refused(recorder: Recorder) -> None:
    """Sends a request that would succeed without a key and with a wrong one."""
    operation = recorder.operation
    world = recorder.world.fresh()
    request = world.plain_request(operation)
    request = NamedRequest(**{**vars(request), "after": ()})
    for name, key in (("missing-key", None), ("wrong-key", WRONG_KEY)):
        answer = world.spec.answer(operation, name)
        sent, reply = world.send(operation, request, key=key)
        if reply.status < 400:
            accepted = Difference("status", answer.status, reply.status, f"a {name.replace('-', ' ')} was accepted")
            recorder.add(name, world.spec.security.evidence, [accepted], sent.wire)
        else:
            recorder.add(name, answer.evidence, compare.error(world, operation, answer, sent, reply), sent.wire)
    # What a careless comparison takes for a key; where that costs money only what changes nothing is tried.
    if not world.transport.guard.real or operation.method == "GET":
        _nearly_right_keys(recorder, world, request)
    recorder.finish()


def _nearly_right_keys(recorder: Recorder, world: World, request: NamedRequest) -> None:
    """Sends the request with keys made of a valid one: at a Ringback, where each `test_` key is valid, of another."""
    operation, security = recorder.operation, world.spec.security
    for what, value in mutations(security, DOCUMENTED_KEY if world.ringback else world.key):
        changed = replace(request, headers={**request.headers, security.header: value})
        sent, reply = world.send(operation, changed, key=None)
        if reply.status < 400:
            accepted = Difference("status", "a refusal", reply.status, f"{what} was accepted")
            recorder.add(what, security.evidence, [accepted], sent.wire)
