"""How an operation is reached: by either of two methods, and by a path however it is percent-encoded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from contract_tests.endpoint.transport import Reply
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.listed import rows_in
from contract_tests.words.schemas import lasting
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation

_ISSUED = ("id", "number", "time", "text")


# --- encoding --------------------------------------------------------------------------------------------


def has_path_values(operation: Operation) -> bool:
    """Whether the path has a parameter whose encoding may vary without destroying anything."""
    destroys = operation.method == "DELETE" or operation.contract.get("destroys")
    return bool(operation.parameters_in("path")) and not destroys


def encoding_is_no_matter(recorder: Recorder) -> None:
    """Makes a documented request with its path values percent-encoded, and compares the answer with the plain one's."""
    operation = recorder.operation
    repeatable = operation.method == "GET" or operation.contract.get("idempotent")
    if not repeatable and not recorder.world.own:
        raise NotCovered("the second of two equal requests may be refused here")
    done: set[str] = set()

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        path = encoded_path(operation, prepared)
        if path in done:
            return
        plain = world.send(operation, prepared)[1]
        done.add(path)
        wire, found = (world if repeatable else world.fresh()).send_to(operation, prepared, path)
        differences = list(_unequal(operation, plain, found, "percent-encoded", whole=bool(repeatable)))
        if differences and plain.status == found.status:
            # A field may move by itself, and rows may come in another order each time.
            again = world.send(operation, prepared)[1]
            if list(_unequal(operation, plain, again, "", whole=True)):
                return
        recorder.add(request.name, weakest(operation.evidence, request.evidence), differences, wire)
        if not recorder.world.transport.guard.real:
            _encode_twice(recorder, world, prepared, path, plain)

    plain = [r for r in successes(recorder.world, operation) if repeatable or not r.after]
    recorder.each(plain, check)
    recorder.finish()


def _encode_twice(recorder: Recorder, world: World, request: NamedRequest, path: str, plain: Reply) -> None:
    """What is encoded twice is another name, with a per cent sign in it, which no record has."""
    operation, twice = recorder.operation, path.replace("%", "%25")
    if plain.status >= 300:
        return
    try:
        wire, reply = world.send_to(operation, request, twice)
    except NotCovered:
        return
    # Some pages answer a success to who asks for nobody's.
    missing = operation.answers.get(operation.contract.get("missing", ""))
    nobody = missing is not None and reply.json == missing.value
    taken = reply.status < 300 and rows_in(operation, reply.json) != [] and not nobody
    message = "a path value that is percent-encoded twice is taken for the record, whose name has no per cent sign"
    found = [Difference("status", "a refusal", reply.status, message, "assumed")] if taken else []
    recorder.add(f"{request.name}, encoded twice", operation.evidence, found, wire)


def encoded_path(operation: Operation, request: NamedRequest) -> str:
    """The path with the first character of each value, and all but letters and digits, percent-encoded."""
    path = operation.path
    for name, value in request.path.items():
        text = str(value)
        encoded = [
            quote(char, safe="")
            if len(quote(char, safe="")) > 1
            else f"%{ord(char):02X}"
            if index == 0 or not char.isalnum()
            else char
            for index, char in enumerate(text)
        ]
        path = path.replace("{" + name + "}", "".join(encoded))
    return path


# --- twin ------------------------------------------------------------------------------------------------


def twins_agree(recorder: Recorder) -> None:
    """Makes each documented request with this method and then with the other, and compares answers and records."""
    operation = recorder.operation
    twin = recorder.world.spec.operations[operation.contract["twin"]]

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        sent, mine = world.send(operation, prepared)
        key = reading.key_of(operation, sent, mine)
        before = _shown(world, operation, key)
        other, theirs = world.send(twin, prepared)
        evidence = weakest(contract_evidence(operation, "twin"), request.evidence)
        found = list(_unequal(operation, mine, theirs, f"by {twin.method}", whole=True))
        after = _shown(world, operation, key)
        if before != after:
            message = f"{twin.method} leaves another record than {operation.method}"
            found.append(Difference("", before, after, message))
        recorder.add(request.name, evidence, found, other.wire)

    recorder.each([r for r in operation.requests.values() if not r.headers], check)
    recorder.finish()


def _shown(world: World, operation: Operation, key: Json) -> list[Json]:
    """What every documented way to read it shows of a record, but for what the server issues anew."""
    found = reading.read(world, operation.contract["record"], key, {})
    return ["absent" if one.record is ABSENT else lasting(one.record_schema, one.record) for one in found]


def _unequal(operation: Operation, mine: Reply, theirs: Reply, how: str, *, whole: bool) -> Iterable[Difference]:
    """How the second of two answers differs from the first: in its status, or in what the server does not issue."""
    if mine.status != theirs.status:
        text = theirs.body[:120].decode("utf-8", "replace")
        yield Difference("status", mine.status, theirs.status, f"{how} it is {theirs.status} with {text}")
    elif whole and _in_any_order(_lasting(operation, mine)) != _in_any_order(_lasting(operation, theirs)):
        yield Difference("", mine.json, theirs.json, f"{how} the answer is another one")


def _lasting(operation: Operation, reply: Reply) -> Json:
    response = operation.responses.get(reply.status)
    return lasting(response.schema if response else None, reply.json, issued=_ISSUED)


def _in_any_order(value: Json) -> Json:
    """The value with the rows of its lists in one order: which row comes first is the server's own affair."""
    if isinstance(value, dict):
        return {name: _in_any_order(child) for name, child in value.items()}
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return sorted((_in_any_order(row) for row in value), key=lambda row: json.dumps(row, sort_keys=True))
    return value
