"""What an answer shows of a record: the same as what reads back, and under every name the same record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contract_tests.endpoint.transport import Reply
from contract_tests.judging.sources import UNKNOWN, value_of
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.schemas import grade_of, lasting, shows
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, Sent, World, pointed, successes
from mock_server.messages import Json
from mock_server.spec import NamedAnswer, NamedRequest, Operation


def shown_as_kept(recorder: Recorder) -> None:
    """Makes each documented request, and compares what `shows` names in the answer with the record and the request."""
    operation, contract = recorder.operation, recorder.operation.contract
    kind = contract["record"]

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        sent, reply = world.send(operation, prepared)
        if reply.status >= 300:
            raise NotCovered(f"was answered with {reply.status}")
        key = reading.key_of(operation, sent, reply)
        evidence = weakest(contract_evidence(operation, "shows"), request.evidence)
        records = [one.record for one in reading.read(world, kind, key, {}) if isinstance(one.record, dict)]
        kept = max(records, key=len, default={})
        answer = world.spec.answer(operation, _named(operation, kept, request.answer))
        if "answers" in contract:
            how = weakest(contract_evidence(operation, "answers"), answer.evidence, request.evidence)
            recorder.add(f"{request.name}, which answer", how, list(_another(operation, answer, reply)), sent.wire)
        for name, node in (contract.get("shows") or {}).items():
            if not isinstance(answer.value, Mapping) or name.strip("/").partition("/")[0] not in answer.value:
                continue
            expected = _expected(node, kept, sent)
            place = name if name.startswith("/") else f"/{name}"
            found = pointed(reply.json, place)
            if pointed(reply.json, place.rpartition("/")[0]) is ABSENT:
                continue  # An object that may be left out shows nothing wrong; whether it may is the schema's affair.
            if expected is not UNKNOWN and expected != found and not (expected is ABSENT and found in (ABSENT, None)):
                message = f"{name}: {_plain(found)!r} found, the record and the request say {_plain(expected)!r}"
                # Where nobody says of what form a text is, another form of it is no other value.
                response = operation.responses.get(reply.status)
                grade = grade_of(response.schema, name.strip("/").replace("/", "."), "pattern") if response else None
                wrong = Difference(f"/{name.strip('/')}", _plain(expected), _plain(found), message, grade)
                recorder.add(request.name, evidence, [wrong], sent.wire)

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()


def _named(operation: Operation, record: Mapping[str, Json], default: str) -> str:
    """The answer that the contract chooses for a record, where what is shown of it tells."""
    for one in operation.contract.get("answers") or ():
        when = one.get("when") or {}
        if not isinstance(when, Mapping) or not record:
            return default
        if all(record.get(name) == value for name, value in when.items()):
            return str(one["name"])
    return default


def _another(operation: Operation, answer: NamedAnswer, reply: Reply) -> Iterator[Difference]:
    """How a reply is not the answer of that name; of several statuses of success we say which stands for which."""
    if reply.status != answer.status:
        message = f"status {reply.status}, the contract's answer has {answer.status}"
        grade = "assumed" if operation.response(reply.status) is not None and answer.status < 300 else None
        yield Difference("status", answer.status, reply.status, message, grade)
    for name in answer.constants:
        if isinstance(reply.json, dict) and reply.json.get(name) != answer.value[name]:
            message = f"{name} is not that of the contract's answer"
            yield Difference(f"/{name}", answer.value[name], reply.json.get(name, "absent"), message)


def _expected(node: Any, record: Mapping[str, Json], sent: Sent) -> Json:
    """What a source is, as far as the record that is shown and the request tell."""
    if isinstance(node, str):
        return record.get(node, UNKNOWN)
    if isinstance(node, Mapping) and "sent" in node:
        return isinstance(sent.body, dict) and any(name in sent.body for name in node["sent"])
    place = next((word for word in ("body", "path", "query") if isinstance(node, Mapping) and word in node), None)
    if place is None:
        return value_of(node, record, {}) if record else UNKNOWN
    values = {"body": sent.body, "path": sent.path, "query": sent.query}[place] or {}
    asked = {key: value for key, value in node.items() if key != place}
    top = node[place].strip("/").partition("/")[0]
    return value_of({"field": node[place], **asked}, values if top in values else {top: ABSENT}, {})


# --- names -----------------------------------------------------------------------------------------------


def same_by_each_name(recorder: Recorder) -> None:
    """Asks for a record by each of its names in turn."""
    operation, contract = recorder.operation, recorder.operation.contract
    shape = recorder.world.spec.records[contract["record"]]
    name = contract["key"]["name"]

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        records = [one.record for one in reading.read(world, shape.kind, prepared.path[name], {})]
        shown = next((record for record in records if isinstance(record, dict)), None)
        if shown is None:
            raise NotCovered("no documented operation shows the record's names")
        first = world.send(operation, prepared)[1]
        for field in (shape.key, *shape.aliases):
            if shown.get(field) in (None, ""):
                continue
            other = prepared.with_values({**prepared.path, name: str(shown[field])}, prepared.query, prepared.body)
            sent, reply = world.send(operation, other)
            found = []
            if reply.status != first.status:
                found = [Difference("status", first.status, reply.status, f"by its {field} the record is not found")]
            elif contract["effect"] == "read" and not shows(*(_timeless(operation, one) for one in (first, reply))):
                found = [Difference("", first.json, reply.json, f"by its {field} another record is shown")]
            evidence = weakest(contract_evidence(operation, "key"), request.evidence)
            recorder.add(f"{request.name} by {field}", evidence, found, sent.wire)

    recorder.each(successes(recorder.world, operation)[:1], check)
    recorder.finish()


def _timeless(operation: Operation, reply: Reply) -> Json:
    response = operation.responses.get(reply.status)
    return lasting(response.schema if response else None, reply.json)


def _plain(value: Json) -> Json:
    return "absent" if value is ABSENT else value
