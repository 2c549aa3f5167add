"""The documented requests: each gets its documented answer, and one that is refused changes nothing."""

from __future__ import annotations

from contract_tests.judging import compare
from contract_tests.judging.lawful import changes, documented_refusal
from contract_tests.properties.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.keys import WRONG_KEY as WRONG_KEY
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
    """Provokes each documented error, and compares its sentence and what the vendor shows before and after."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        world.spec.answer(operation, request.answer)
        prepared = world.prepared(operation, world.named(operation, request.name))
        before = world.snapshot()
        sent, reply = world.send(operation, prepared)
        for evidence, found in documented_refusal(world, operation, request, sent, reply):
            recorder.add(request.name, evidence, found, sent.wire)
        if reply.status >= 400:
            recorder.add(request.name, operation.evidence, changes(before, world.snapshot()), sent.wire)

    recorder.each(refusals(recorder.world, operation), check)
    recorder.finish()


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
    recorder.finish()
