"""A record that is moved on: its status is the one that the contract names, and from there it is not moved again."""

from __future__ import annotations

from contract_tests.judging import compare
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.properties.writes.untouched import Untouched
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.spec import NamedRequest


def moves_as_said(recorder: Recorder) -> None:
    """Moves a record, reads its status back, and tries the same again."""
    operation, contract = recorder.operation, recorder.operation.contract
    step = contract["transition"]

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        sent, reply = world.send(operation, prepared)
        if reply.status >= 300:
            raise NotCovered(f"was answered with {reply.status}")
        key = reading.key_of(operation, sent, reply)
        evidence = weakest(contract_evidence(operation, "transition"), request.evidence)
        for seen in reading.read(world, contract["record"], key, {}):
            found = reading.field(seen.record, step["field"])
            if seen.record is ABSENT or (seen.declares(step["field"]) and found != step["to"]):
                message = f"{step['field']} is {found!r}, {step['to']!r} is where {operation.id} moves it"
                wrong = Difference(f"/{step['field']}", step["to"], str(found), message, seen.grade(step["field"]))
                recorder.add(f"{request.name}, read by {seen.operation.id}", evidence, [wrong], sent.wire)
        if step["to"] in step["from"]:
            return
        untouched = Untouched(world, operation)
        again, refused = world.send(operation, prepared)
        answer = world.spec.answer(operation, step["wrong"])
        found_again = [
            *compare.error(world, operation, answer, again, refused, {step["field"]: step["to"]}),
            *untouched.changed("a refused request"),
        ]
        recorder.add(f"{request.name} again", weakest(evidence, answer.evidence), found_again, again.wire)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()
