"""`ringback operations`: every operation, every named answer, its evidence, and how to provoke it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mock_server.spec import (
    Magic,
    NamedAnswer,
    NamedRequest,
    Operation,
    OperationCheck,
    Spec,
    WireRequest,
    build,
    curl,
    encode_query,
    hint,
    refused_in_some_form,
    strongest,
)

DEFAULT_ORIGIN = "http://127.0.0.1:4010"
_QUOTED = r"\$answers\.([\w./-]+)#([\w./-]+)"
"""A value of an earlier answer: the step `operation/request`, and the JSON pointer into its body."""


def catalogue(specs: dict[str, Spec], origin: str = DEFAULT_ORIGIN, key: str = "test_me") -> list[dict[str, Any]]:
    """The operations as `{"provider", "operation", "method", "path", "evidence", "source", "magic", "answers": [...]}`.

    Each answer is `{"name", "status", "evidence", "source", "summary", "how", "refused", "provoke"}`: `refused` is how
    it is known that such an input is refused at all, where that is better known than the answer; `provoke` lists shell
    lines for a fresh space (the key names one), the last of which gets the answer; a line that is quoted later keeps
    the value in a variable, `ID=$(curl -s ... | python3 -c ...)`. `how` is `natural` for a
    documented input, or `forced` by `Prefer` where no input brings it about. `magic` lists the values that need no
    set-up as `{"scenario", "evidence", "at", "values", "gives"}`.
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
            "magic": [_magic(magic) for magic in spec.magic if operation.id in magic.operations],
            "answers": list(_answers(spec, operation, f"{origin}/{spec.provider}", key)),
        }
        for spec in specs.values()
        for operation in spec.operations.values()
    ]


def missing_operations(specs: dict[str, Spec]) -> list[dict[str, Any]]:
    """What is documented and not served, and why.

    `{"provider", "method", "path", "summary", "reason", "evidence", "source", "hint"}`
    """
    return [
        {
            "provider": spec.provider,
            "method": one.method,
            "path": one.path,
            "summary": one.summary,
            "reason": one.reason,
            "evidence": one.evidence.grade,
            "source": one.evidence.source,
            "hint": hint(spec, one),
        }
        for spec in specs.values()
        for one in spec.missing
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
            "refused": _refused(operation, answer),
            "provoke": lines,
        }


def _refused(operation: Operation, answer: NamedAnswer) -> str | None:
    """How we know that an input with this answer is refused at all, where that is better known than the answer."""
    fitting = [request for request in operation.requests.values() if request.answer == answer.name]
    if answer.status < 400 or not fitting:
        return None
    check = OperationCheck(operation)
    said = [request.refused for request in fitting if request.refused is not None]
    for request in fitting:
        violations = check.query(encode_query(request.query))[1]
        if check.body is not None and isinstance(request.body, dict):
            violations += check.body.differences(request.body)
        known = refused_in_some_form(operation, violations)
        said += [known] if known is not None else []
    if not said or strongest(answer.evidence, *said) == answer.evidence:
        return None
    return strongest(*said).grade


def _magic(magic: Magic) -> dict[str, Any]:
    parts = [magic.answer, magic.status and f"status {magic.status}", magic.fault]
    parts += [f"{name}: {value}" for name, value in magic.headers.items()]
    parts.append(f"after {magic.seconds:g} s" if magic.seconds else None)
    return {
        "scenario": magic.scenario,
        "evidence": "assumed",
        "at": magic.at,
        "values": list(magic.values),
        "gives": ", ".join(str(part) for part in parts if part),
    }


def natural_request(operation: Operation, answer: NamedAnswer) -> tuple[NamedRequest, str] | None:
    """The simplest documented input with that answer, and its key: `right`, `wrong` or empty; None if no input."""
    fitting = [request for request in operation.requests.values() if request.answer == answer.name]
    if fitting:
        # The simplest one: that needs no earlier answer, and gets the example as it stands.
        return min(fitting, key=lambda request: ("$answers." in _quoting(request), bool(request.expect))), "right"
    sample = next(iter(operation.requests.values()), None)
    if answer.name in ("missing-key", "wrong-key") and sample is not None:
        return sample, "" if answer.name == "missing-key" else "wrong"
    return None


def _provoke(spec: Spec, operation: Operation, answer: NamedAnswer, origin: str, key: str) -> tuple[str, list[str]]:
    natural = natural_request(operation, answer)
    if natural is None:
        return "forced", [curl(origin, forced_request(spec, operation, answer, key))]
    request, with_key = natural
    if with_key == "right":
        return "natural", list(_lines(spec, operation, request, origin, key))
    return "natural", [curl(origin, build(spec, operation, request, with_key or None))]


def _quoting(request: NamedRequest) -> str:
    """The text in which a request quotes earlier answers."""
    return repr((request.path, request.query, request.body))


def _lines(spec: Spec, operation: Operation, request: NamedRequest, origin: str, key: str) -> Iterator[str]:
    """The steps that come before the request, and the request itself."""
    steps = []
    for step in request.after:
        name, _, named = step.partition("/")
        steps.append((step, spec.operations[name], spec.operations[name].requests[named]))
    steps.append(("", operation, request))
    quoted = dict.fromkeys(re.findall(_QUOTED, " ".join(_quoting(made) for _, _, made in steps)))
    variables: dict[str, str] = {}
    for step, pointer in quoted:
        variable = re.sub(r"\W", "", pointer.rpartition("/")[2]).strip("_").upper()
        while variable in variables.values():
            variable += "_"
        variables[f"$answers.{step}#{pointer}"] = variable
    for step, known, made in steps:
        wire = build(spec, known, made, key, lambda value: _with_marks(value, variables))
        line = _with_variables(curl(origin, wire), variables.values())
        kept = [(variables[f"$answers.{of}#{pointer}"], pointer) for of, pointer in quoted if of == step]
        if len(kept) == 1:
            yield f"{kept[0][0]}=$({line.replace('curl', 'curl -s', 1)} | {_reading(kept[0][1])})"
            continue
        yield f"ANSWER=$({line.replace('curl', 'curl -s', 1)})" if kept else line
        for variable, pointer in kept:
            yield f'{variable}=$(printf %s "$ANSWER" | {_reading(pointer)})'


def _with_marks(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with a mark for each quoted answer, of letters that no encoding changes."""
    if isinstance(value, str) and value in variables:
        return f"_MARK_{variables[value]}_MARK_"
    if isinstance(value, dict):
        return {name: _with_marks(child, variables) for name, child in value.items()}
    if isinstance(value, list):
        return [_with_marks(child, variables) for child in value]
    return value


def _with_variables(line: str, variables: Iterable[str]) -> str:
    """The shell line with the marks turned into variables, inside and outside of single quotes."""
    parts = line.split("'")
    for index, part in enumerate(parts):
        for variable in variables:
            shell = f'"${{{variable}}}"'
            part = part.replace(f"_MARK_{variable}_MARK_", f"'{shell}'" if index % 2 else shell)
        parts[index] = part
    return "'".join(parts)


def _reading(pointer: str) -> str:
    """A command that reads one value out of a JSON text."""
    steps = "".join(f"[{part if part.isdigit() else json.dumps(part)}]" for part in pointer.strip("/").split("/"))
    return f"python3 -c 'import json, sys; print(json.load(sys.stdin){steps})'"


def forced_request(spec: Spec, operation: Operation, answer: NamedAnswer, key: str) -> WireRequest:
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
