"""The report as SARIF 2.1.0, for code scanning: each finding at the line of the spec that it breaks."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from contract_tests.words.faults import Fault, faults, notes
from contract_tests.words.findings import printable
from contract_tests.words.results import Results
from mock_server import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(results: Results) -> str:
    """The log: a rule for each property, a result for each place where one is broken or noted."""
    # What is wrong with one operation in one way is one result, however often it was seen.
    told = [
        *(("error", fault) for outcome in results.outcomes for fault in faults([outcome])),
        *(("note", fault) for outcome in results.outcomes for fault in notes([outcome])),
    ]
    rules = [{"id": name, "shortDescription": {"text": says}} for name, says in results.properties.items()]
    driver = {"name": "ringback check", "version": __version__, "rules": rules}
    known = list(results.properties)
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        **({"invocations": [_broken_off(results.ended)]} if results.ended is not None else {}),
        "results": [_result(level, fault, known) for level, fault in told],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _broken_off(why: str) -> dict[str, Any]:
    """A run that ended early: no finding of it says that all is well."""
    told = {"level": "error", "message": {"text": printable(f"the run ended early: {why}")}}
    return {"executionSuccessful": False, "toolExecutionNotifications": [told]}


def _result(level: str, fault: Fault, known: list[str]) -> dict[str, Any]:
    outcome = fault.outcome
    told = [f"{one.at or 'body'}: {one.message}" for one in fault.findings] or [outcome.reason or "failed"]
    place = fault.first.place if fault.findings else ""
    file, _, line = (place or f"openapi/{outcome.provider}.yaml:1").rpartition(":")
    where = {"artifactLocation": {"uri": file}, "region": {"startLine": int(line)}}
    title = f"{outcome.provider} {outcome.operation} [{outcome.property}]: "
    result: dict[str, Any] = {
        "ruleId": outcome.property or "run",
        "level": level,
        "message": {"text": printable(title + "; ".join(dict.fromkeys(told)))},
        "locations": [{"physicalLocation": where}],
        "occurrenceCount": 1 + len(fault.alike),
        "partialFingerprints": {"ringback/v1": fingerprint(level, fault)},
    }
    if outcome.property in known:
        result["ruleIndex"] = known.index(outcome.property)
    return result


def fingerprint(level: str, fault: Fault) -> str:
    """What stays the same from run to run: where it is and what kind of thing is wrong, without any value."""
    outcome = fault.outcome
    words = [
        level,
        outcome.provider,
        outcome.operation,
        outcome.property,
        *(" ".join(map(str, one)) for one in fault.kinds),
    ]
    return hashlib.sha256("\n".join(words).encode("utf-8", "backslashreplace")).hexdigest()[:32]
