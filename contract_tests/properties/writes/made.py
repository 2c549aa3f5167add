"""What a server sets by itself: in a new record what nobody gave, in a changed one what every change sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contract_tests.judging.sources import differs
from contract_tests.properties.tools.recorder import Recorder
from contract_tests.words.findings import Difference, NotCovered
from contract_tests.words.statements import contract_evidence, weakest
from contract_tests.world import reading
from contract_tests.world.reading import Reading
from contract_tests.world.world import ABSENT, World, successes
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec


def makes(spec: Spec, operation: Operation) -> bool:
    """Whether the spec says what the server sets by itself, and some operation shows it."""
    return bool(_sources(spec, operation)) and "key" in operation.contract


def made_as_said(recorder: Recorder) -> None:
    """Writes a record, and compares what nobody sent with what the spec says the server makes."""
    operation, spec = recorder.operation, recorder.world.spec
    sources = _sources(spec, operation)
    kind = operation.contract["record"]

    def check(world: World, request: NamedRequest) -> None:
        prepared = world.prepared(operation, world.named(operation, request.name))
        before = _before(world, operation, prepared)
        sent, reply = world.send(operation, prepared)
        if reply.status >= 300:
            raise NotCovered(f"was answered with {reply.status}")
        key = reading.key_of(operation, sent, reply)
        if key is ABSENT or _was_there(world, operation, request):
            return
        given = [*reading.sent_fields(operation, sent), *reading.kept_fields(operation, sent), *_owned(operation)]
        written = {str(name).strip("/").partition("/")[0] for name in given}
        evidence = weakest(_evidence(operation), request.evidence)
        seen = [one for one in (reading.answered(operation, sent, reply),) if one is not None]
        for one in [*seen, *reading.read(world, kind, key, {})]:
            if isinstance(one.record, dict):
                old = before.get(one.operation.id) or {}
                found = list(_unlike(one, sources, written, old, sent.body))
                recorder.add(
                    f"{request.name}, read by {one.operation.id}", weakest(evidence, one.evidence), found, sent.wire
                )

    recorder.each(successes(recorder.world, operation), check)
    recorder.finish()


def _sources(spec: Spec, operation: Operation) -> dict[str, Any]:
    """Where the fields come from that this operation's call does not give."""
    contract = operation.contract
    shape = spec.records.get(str(contract.get("record")))
    if shape is None or contract.get("effect") not in ("create", "update", "transition"):
        return {}
    new = shape.new if contract["effect"] == "create" else {}
    return {**new, **shape.computed, **(contract.get("sets") or {})}


def _owned(operation: Operation) -> list[str]:
    """The fields that a new record takes from its owners, or that go along with others."""
    parents = (operation.contract.get("within") or {}).values()
    beside = (operation.contract.get("along") or {}).values()
    return [*beside, *_fields_of(parents)]


def _fields_of(parents: Iterable[Mapping[str, Any]]) -> list[str]:
    return [name for parent in parents for name in (parent["field"], *(parent.get("copies") or ()))]


def _evidence(operation: Operation) -> Evidence:
    """What `sets` says has the contract's grade; what a new record holds is ours to decide where no page shows it."""
    if operation.contract["effect"] == "create":
        return Evidence("assumed", operation.evidence.source, "what a record holds that nobody gave")
    return contract_evidence(operation, "sets")


def _before(world: World, operation: Operation, request: NamedRequest) -> Mapping[str, Json]:
    """The record before the write, by the operations that show it."""
    key = operation.contract["key"]
    if operation.contract["effect"] == "create" or key["in"] != "path":
        return {}
    seen = reading.read(world, operation.contract["record"], request.path[key["name"]], {})
    return {one.operation.id: one.record for one in seen if isinstance(one.record, dict)}


def _was_there(world: World, operation: Operation, request: NamedRequest) -> bool:
    """Whether a create only finds what the pages' own records hold already."""
    field = operation.contract.get("upsert")
    body = request.body if isinstance(request.body, dict) else {}
    sources = {target: name for name, target in (operation.contract.get("fields") or {}).items()}
    if field is None or field not in sources:
        return False
    variable = (((operation.body_schema or {}).get("properties") or {}).get(sources[field]) or {}).get("x-variable")
    return not world.own or (
        variable is not None and body.get(sources[field]) == world.spec.variables[variable].default
    )


def _is_hidden(node: Any, seen: Reading) -> bool:
    """Whether what a field is made of is nothing that the answer shows."""
    source = str(node["field"]) if isinstance(node, Mapping) and "field" in node else ""
    first = source.removeprefix("/").partition("/")[0]
    return bool(source) and first not in (seen.record or {}) and not seen.declares(first)


def _unlike(
    seen: Reading, sources: Mapping[str, Any], written: set[str], before: Mapping[str, Json], sent: Json
) -> Iterable[Difference]:
    for name, node in sources.items():
        if name in written or not seen.declares(name) or _is_hidden(node, seen):
            continue
        issued = isinstance(node, Mapping) and "issued" in node
        schema = ((seen.record_schema or {}).get("properties") or {}).get(name) or {}
        if schema.get("x-issued") and not issued:
            continue  # The server's own, whatever ours is.
        wrong = differs(node, seen.record.get(name, ABSENT), seen.record, before, sent)
        if wrong is not None:
            yield Difference(
                f"/{name}", "as the spec says", seen.record.get(name, "absent"), f"{name}: {wrong}", seen.grade(name)
            )
