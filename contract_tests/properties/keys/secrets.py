"""What becomes of a secret that a request carries: no answer gives it back, neither its own nor a later one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contract_tests.endpoint.transport import Reply
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.world import reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec

MARK = "ringback-secret-7f3a9"


def carries_secrets(spec: Spec, operation: Operation) -> bool:
    """Whether the body has a place for a secret."""
    return bool(operation.body_secrets) and operation.contract.get("effect") in ("create", "update")


def never_given_back(recorder: Recorder) -> None:
    """Sends documented requests with secrets that are found again, and looks for them in every answer after that."""
    operation = recorder.operation
    said = Evidence("assumed", operation.evidence.source, "no page shows a secret in an answer")

    def check(world: World, request: NamedRequest) -> None:
        named = world.named(operation, request.name)
        body, secrets = _marked(operation.body_schema, named.body, own=world.own)
        if not secrets:
            raise NotCovered("carries no secret that could be told from other values")
        seen: list[tuple[Operation, Reply]] = []
        world.observers.append(lambda one, named, sent, reply, key: seen.append((one, reply)))
        sent, reply = world.send(operation, named.with_values(named.path, named.query, body))
        key = reading.key_of(operation, sent, reply) if reply.status < 300 else ABSENT
        if key is not ABSENT:
            list(reading.read(world, str(operation.contract["record"]), key, {}))
        world.observers.pop()
        for one, answered in seen:
            recorder.add(f"{request.name}, read by {one.id}", said, list(_told(secrets, one, answered)), sent.wire)

    recorder.each([one for one in successes(recorder.world, operation) if not one.after], check)
    recorder.finish()


def _marked(schema: Any, value: Json, *, own: bool, secret: bool = False) -> tuple[Json, list[str]]:
    """The body with a marked text in every secret place that nobody's account depends on, and those texts.

    On a server that is not our own what only the account knows stays as it is, and is looked for as it is.
    """
    if not isinstance(schema, Mapping):
        return value, []
    secret = bool(schema.get("x-secret", secret))
    if isinstance(value, dict):
        found: list[str] = []
        filled: dict[str, Json] = {}
        properties = schema.get("properties") or {}
        names = [*value, *(name for name in properties if secret and own and name not in value)]
        if secret and not properties:
            return {**value, "secret": MARK}, [MARK]
        for name in names:
            inner = properties.get(name)
            if name not in value and (not isinstance(inner, Mapping) or not inner.get("x-secret", secret)):
                continue
            filled[name], more = _marked(inner, value.get(name, ""), own=own, secret=secret)
            found += more
        return filled, found
    if not secret or not isinstance(value, str):
        return value, []
    if own or "x-variable" not in schema:
        return MARK, [MARK]
    return value, [value] if len(value) >= len(MARK) // 2 else []


def _told(secrets: list[str], operation: Operation, reply: Reply) -> Iterator[Difference]:
    text = reply.body.decode("utf-8", "replace")
    for secret in dict.fromkeys(secrets):
        if secret in text:
            message = f"a secret that was sent stands in the answer of {operation.id}"
            yield Difference("", "no secret", "the secret", message)
