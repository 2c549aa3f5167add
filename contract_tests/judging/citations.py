"""Where a finding's statement stands: what the page shows, and the line of the spec that says so."""

from __future__ import annotations

import json
from dataclasses import replace

from contract_tests.words.findings import Finding
from contract_tests.words.spec_lines import SpecLines
from mock_server.spec import NamedAnswer, Operation, Spec

_SHOWN = ("examples", "errors", "keys", "invalid")
"""The properties whose expectation is an answer that a page shows."""


class Citations:
    """The citations for one vendor's findings; its spec file is read when the first is asked for."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._lines: SpecLines | None = None

    def explained(self, finding: Finding) -> Finding:
        """The finding with what is documented there and the line of the spec."""
        operation = self._spec.operations.get(finding.operation)
        if operation is None:
            return finding
        if self._lines is None:
            self._lines = SpecLines(self._spec)
        answer = self._answer(operation, finding) if finding.property in _SHOWN else None
        documented, place = "", None
        if answer is not None:
            documented = f"{answer.status} {json.dumps(answer.value, ensure_ascii=False, default=str)}"
            place = self._lines.answer(operation, answer.name)
        if place is None and finding.at.startswith("/"):
            pointer = "/".join("*" if part.isdigit() else part for part in finding.at.split("/"))
            place = self._lines.field(operation, finding.status, pointer) if finding.status else None
        if place is None and finding.status:
            place = self._lines.response(operation, finding.status)
        line = place.statement if place else self._lines.operation(operation)
        return replace(finding, documented=documented, place=line)

    def _answer(self, operation: Operation, finding: Finding) -> NamedAnswer | None:
        """The documented answer to the request that the finding names."""
        name = finding.request.split(",")[0].split(" (")[0]
        request = operation.requests.get(name)
        wanted = request.answer if request is not None else name
        if wanted in operation.answers or wanted in self._spec.answers:
            return self._spec.answer(operation, wanted)
        return None
