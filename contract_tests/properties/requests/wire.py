"""How answers are written, refusals too: JSON in UTF-8 that every client reads alike, named as what it is."""

from __future__ import annotations

from contract_tests.judging.encoding import complaints
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import GRADES, Difference
from contract_tests.words.statements import weakest
from contract_tests.world.world import World
from mock_server.spec import NamedRequest, Operation


def sound_json(recorder: Recorder) -> None:
    """Makes each documented request that has an answer of its own, and looks at the bytes that come."""
    operation = recorder.operation

    def check(world: World, request: NamedRequest) -> None:
        sent, reply = world.send(operation, world.named(operation, request.name))
        response = operation.responses.get(reply.status)
        if response is None or response.media_type is None:
            return
        answer = world.spec.answer(operation, request.answer)
        evidence = weakest(response.evidence, answer.evidence, request.evidence)
        found = [Difference("", "a whole answer", flaw, flaw) for flaw in reply.flaws]
        found = found or list(complaints(reply.body, reply.media_type, response.schema))
        recorder.add(request.name, evidence, found, sent.wire)

    recorder.each(_one_of_each_answer(operation), check)
    recorder.finish()


def _one_of_each_answer(operation: Operation) -> list[NamedRequest]:
    """The documented requests, the best known one for each answer."""
    weakest_first = sorted(operation.requests.values(), key=lambda one: GRADES.index(one.evidence.grade), reverse=True)
    return list({request.answer: request for request in weakest_first}.values())
