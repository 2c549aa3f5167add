"""That every value which stands for something of an account is one that the spec knows as such, or marks as unknown.

A documented request names records. Sent to another server as it stands, a value that no list of the spec mentions
would name a record of nobody, and what the server rightly says of that would be taken for a broken contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.messages import Json
from mock_server.spec.reading.document import Checker
from mock_server.spec.terms.checking import SchemaCheck
from mock_server.spec.terms.model import NamedRequest, Operation, Spec

_NO_LITERALS = ("", None, "$absent")


def check_literals(checker: Checker, spec: Spec) -> None:
    """Raises SpecError for the first value of a variable in a request that no list of the variable has."""
    checks: dict[int, SchemaCheck] = {}
    for operation in spec.operations.values():
        for request in operation.requests.values():
            for schema, value, place in _literals(operation, request):
                variable = spec.variables.get(schema["x-variable"])
                if variable is None or value in variable.known or _is_quoted(value):
                    continue
                check = checks.setdefault(id(schema), SchemaCheck(schema))
                if not check.is_valid(value):
                    continue  # Sent to be refused for its form: it names nothing.
                known = ", ".join(repr(one) for one in variable.known)
                raise checker.fail(
                    f"operation {operation.id}/x-requests/{request.name}/{place}",
                    f"{value!r} is none of the values of the variable {variable.name}: allowed are {known}; "
                    f"add it to `others` (documented, any record will do), to `ours` (of the start state only) or to "
                    f"`unknown` (on purpose nobody's) of /x-variables/{variable.name}",
                )


def _literals(operation: Operation, request: NamedRequest) -> Iterator[tuple[Mapping[str, Any], Json, str]]:
    """The values that stand where a variable does, with their schema and their place in the request."""
    for place, values in (("path", request.path), ("query", request.query)):
        for parameter in operation.parameters_in(place):
            if parameter.variable is not None and parameter.name in values:
                schema = {**parameter.schema, "x-variable": parameter.variable}
                yield schema, values[parameter.name], f"{place}/{parameter.name}"
    yield from _in_body(operation.body_schema, request.body, "body")


def _in_body(schema: Any, value: Json, place: str) -> Iterator[tuple[Mapping[str, Any], Json, str]]:
    if not isinstance(schema, Mapping):
        return
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _in_body((schema.get("properties") or {}).get(name), one, f"{place}/{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _in_body(schema.get("items"), one, f"{place}/{index}")
    elif "x-variable" in schema:
        yield schema, value, place


def _is_quoted(value: Json) -> bool:
    """Whether the value clears something, or stands for a value of an earlier answer."""
    return value in _NO_LITERALS or (isinstance(value, str) and value.startswith("$answers."))
