"""How sure a statement is that rests on several others, and what a contract is based on."""

from __future__ import annotations

from contract_tests.words.findings import Outcome, weaker
from mock_server.spec import Evidence, Operation


def weakest(*statements: Evidence) -> Evidence:
    """The weakest of several statements that an expectation rests on."""
    grade = weaker(*(statement.grade for statement in statements))
    return next(statement for statement in statements if statement.grade == grade)


def contract_evidence(operation: Operation, *keys: str) -> Evidence:
    """How we know what the contract says under these keys.

    `x-contract.evidence` is one statement for the whole contract, or a mapping from keys of the contract (`clears`,
    `partial`, ...) to a statement each; what it does not speak of is as sure as the operation.
    """
    declared = operation.contract.get("evidence") or {}
    spoken = [declared] if "grade" in declared else [declared[key] for key in keys if key in declared]
    return weakest(operation.evidence, *(Evidence(one["grade"], one["source"], one.get("note", "")) for one in spoken))


def written_evidence(operation: Operation, reader: Operation) -> Evidence:
    """How we know that an operation shows what was written: of its own answer the contract may know more (`at`)."""
    declared = operation.contract.get("evidence") or {}
    return contract_evidence(operation, "at" if reader is operation and "at" in declared else "fields")


def outcome_of(operation: Operation, property: str) -> Outcome:
    """An outcome for a property of an operation, passed until something else is known."""
    return Outcome(
        operation.provider,
        operation.id,
        property,
        method=operation.method,
        path=operation.path,
        grade=operation.evidence.grade,
        source=operation.evidence.source,
    )
