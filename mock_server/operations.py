"""`ringback operations`: every operation, every named answer, its evidence, and how to provoke it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.spec import NamedAnswer, NamedRequest, Operation, Spec, WireRequest, build, curl

DEFAULT_ORIGIN = "http://127.0.0.1:4010"


def catalogue(specs: dict[str, Spec], origin: str = DEFAULT_ORIGIN, key: str = "test_me") -> list[dict[str, Any]]:
    """The operations as `{"provider", "operation", "method", "path", "evidence", "source", "answers": [...]}`.

    Each answer is `{"name", "status", "evidence", "source", "summary", "how", "provoke"}`: `provoke` lists curl
    lines for a fresh space (the key names one), the last of which gets the answer; `how` is `natural` for a
    documented input, or `forced` by `Prefer` where no input brings it about.
    """
    return [
        {
            "provider": spec.provider,
            "operation": operation.id,
            "method": operation.method,
            "path": operation.path,
            "summary": operation.summary,
            "evidence": operation.evidence.grade,
            "source": operation.evidence.source,
            "answers": list(_answers(spec, operation, f"{origin}/{spec.provider}", key)),
        }
        for spec in specs.values()
        for operation in spec.operations.values()
    ]


def _answers(spec: Spec, operation: Operation, origin: str, key: str) -> Iterator[dict[str, Any]]:
    for answer in operation.answers.values():
        how, lines = _provoke(spec, operation, answer, origin, key)
        yield {
            "name": answer.name,
            "status": answer.status,
            "evidence": answer.evidence.grade,
            "source": answer.evidence.source,
            "summary": answer.summary,
            "how": how,
            "provoke": lines,
        }


def _provoke(spec: Spec, operation: Operation, answer: NamedAnswer, origin: str, key: str) -> tuple[str, list[str]]:
    for request in operation.requests.values():
        if request.answer == answer.name and not _needs_answers(request):
            steps = [curl(origin, wire) for wire in _steps(spec, request, key)]
            return "natural", [*steps, curl(origin, build(spec, operation, request, key))]
    sample = next(iter(operation.requests.values()), None)
    if answer.name in ("missing-key", "wrong-key") and sample is not None:
        wrong = None if answer.name == "missing-key" else "wrong"
        return "natural", [curl(origin, build(spec, operation, sample, wrong))]
    return "forced", [curl(origin, _forced(spec, operation, answer, key))]


def _needs_answers(request: NamedRequest) -> bool:
    """Whether the request quotes an earlier answer, which a fixed line cannot."""
    return "$answers." in repr((request.path, request.query, request.body))


def _steps(spec: Spec, request: NamedRequest, key: str) -> Iterator[WireRequest]:
    for step in request.after:
        name, _, named = step.partition("/")
        before = spec.operations[name]
        yield build(spec, before, before.requests[named], key)


def _forced(spec: Spec, operation: Operation, answer: NamedAnswer, key: str) -> WireRequest:
    """A request for the answer by `Prefer`: no body is needed, nor any record."""
    request = NamedRequest(
        name="forced",
        answer=answer.name,
        path={p.name: p.example if p.example is not None else "any" for p in operation.parameters_in("path")},
        query={},
        headers={"Prefer": f"example={answer.name}"},
        body=None,
        has_body=False,
        raw_body=None,
        after=(),
        evidence=operation.evidence,
    )
    return build(spec, operation, request, key)


def as_text(entries: list[dict[str, Any]]) -> Iterator[str]:
    """The catalogue for a person to read and to paste from."""
    for entry in entries:
        yield f"{entry['provider']} {entry['operation']}: {entry['summary']}"
        yield f"  {entry['method']} {entry['path']}   [{entry['evidence']}] {entry['source']}"
        for answer in entry["answers"]:
            yield f"    {answer['status']} {answer['name']}   [{answer['evidence']}] {answer['how']}"
            for line in answer["provoke"]:
                yield f"      {line}"
        yield ""
