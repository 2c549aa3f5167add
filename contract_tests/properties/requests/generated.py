"""Generated requests: valid ones are answered as the spec describes, invalid ones are refused and change nothing."""

from __future__ import annotations

from contract_tests.endpoint.guard import cost_of
from contract_tests.judging.lawful import Draw, answer_evidence, lawful, must_be_refused, refusal
from contract_tests.properties.tools import generation
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import ContractBroken, NotCovered
from contract_tests.world.world import World
from mock_server.spec import NamedRequest, Operation


def valid_accepted(recorder: Recorder) -> None:
    """Sends generated requests that the schema allows."""
    operation, world = recorder.operation, recorder.world.fresh()

    def check(draw: Draw) -> None:
        if draw.violations or draw.raw is not None:
            return
        sent, reply = world.send(operation, draw.request)
        recorder.add(
            "generated", answer_evidence(operation, reply), lawful(world, operation, reply), sent.wire, at_once=True
        )

    _require_success_possible(world, operation)
    if recorder.draws:
        for request in generation.documented_variants(world, operation):
            check(Draw(request, ()))
    recorder.generate(generation.valid_requests(world, operation), check, share=3 if judged_elsewhere(operation) else 1)


def judged_elsewhere(operation: Operation) -> bool:
    """Whether the same generated requests are sent, judged and read back by another property."""
    return operation.contract.get("effect") in ("create", "update") and {"key", "at"} <= set(operation.contract)


def _require_success_possible(world: World, operation: Operation) -> None:
    """Raises NotCovered when this world lacks the records or the permission that a valid request needs."""
    request = world.plain_request(operation)
    if operation.method == "DELETE" and not world.own:
        raise NotCovered("destroys records, and would destroy ones that this run did not make")
    world.send(operation, request)


def invalid_refused(recorder: Recorder) -> None:
    """Sends the documented request without each thing that it must have, and generated ones that the schema forbids."""
    operation = recorder.operation
    _require_success_possible(recorder.world.fresh(), operation)
    if _refuse_all(recorder, recorder.world.fresh(), each=False):
        # One of them changed something; looking after each tells which, and costs a snapshot each.
        _refuse_all(recorder, recorder.world.fresh(), each=True)


def _refuse_all(recorder: Recorder, world: World, *, each: bool) -> bool:
    """Whether the refused requests changed something; `each` looks after each of them, and raises."""
    operation = recorder.operation
    untouched, accepted = Untouched(world, operation), False

    def check(draw: Draw) -> None:
        nonlocal accepted
        if not must_be_refused(operation, draw):
            return
        request = draw.request
        if draw.raw is not None:
            request = NamedRequest(**{**vars(request), "raw_body": draw.raw.decode("latin-1")})
        sent, reply = world.send(operation, request)
        evidence, differences = refusal(world, operation, draw, sent, reply)
        recorder.add("generated", evidence, differences, sent.wire, at_once=True)
        if reply.status < 400:
            # Accepted where only we would have refused it: what it did is no refused request's doing.
            accepted = True
            if each:
                untouched.renew()
        elif each:
            recorder.add(
                "generated", operation.evidence, untouched.changed("a refused request"), sent.wire, at_once=True
            )

    guard = world.transport.guard
    if recorder.draws and not (guard.real and cost_of(operation) == "purchase"):
        for draw in generation.without_required(world, operation):
            try:
                check(draw)
            except ContractBroken as broken:
                recorder.broken += broken.findings
        recorder.finish()
    recorder.generate(generation.invalid_requests(world, operation), check)
    return not each and (accepted or bool(untouched.changed("a refused request")))
