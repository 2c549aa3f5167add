"""Compares messages with the spec; a comparison returns the differences, and agreement is the empty list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jsonschema_rs

from mock_server.messages import Json, Violation
from mock_server.spec.terms.model import Operation, Parameter, Spec
from mock_server.text import formtext
from mock_server.text.jsontext import dumps
from mock_server.text.querytext import fields

_VERBATIM = re.compile(r"[+-]?[0-9]{1,4000}")
"""An integer as text; int() raises on one of more than 4,300 digits."""


LARGE_BYTES = 32 * 1024

BODILESS = (204, 205, 304)
"""Statuses whose answers have no body, whatever a spec says of one: its examples only name them."""


class SchemaCheck:
    """A compiled schema: `differences(value)` lists what is wrong with a value."""

    __slots__ = ("_validator", "is_valid")

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        # Messages quote what was found; where the schema knows secrets, none is quoted.
        plain: Any = schema
        mask = None
        if _may_be_extended(schema):
            mask = "the value" if _holds_secret(schema, set()) else None
            plain = _plain(schema, {})
        self._validator = jsonschema_rs.Draft202012Validator(plain, validate_formats=True, mask=mask)
        self.is_valid: Callable[[Any], bool] = self._validator.is_valid

    def differences(self, value: Json, place: str = "body") -> list[Violation]:
        """What is wrong with the value: all of it, or of a very large value the first thing.

        The validator words every fault before it gives the first, and a body may have one in every byte.
        """
        try:
            return self._differences(value, place)
        except UnicodeEncodeError:
            # Half of a surrogate pair, as JSON's escapes can say it and UTF-8 cannot.
            return self._differences(_encodable(value), place)

    def _differences(self, value: Json, place: str) -> list[Violation]:
        if not _is_large(value):
            return [_violation(error, place) for error in self._validator.iter_errors(value)]
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_violation(error, place)]
        return []


class FormCheck(SchemaCheck):
    """The check of a form: a value is right or wrong as what a server reads of it."""

    __slots__ = ("_schema",)

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        super().__init__(schema)
        self._schema: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
        whole = self.is_valid
        self.is_valid = lambda value: whole(self._as_read(value))

    def differences(self, value: Json, place: str = "body") -> list[Violation]:
        return super().differences(self._as_read(value), place)

    def _as_read(self, value: Json) -> Json:
        return formtext.read(formtext.written(value), self._schema) if isinstance(value, dict) else value


def _is_large(value: Json) -> bool:
    try:
        return len(dumps(value)) > LARGE_BYTES
    except TypeError:
        # Generated values may hold what JSON cannot say; they are small.
        return False


def _encodable(value: Json) -> Json:
    """The value with what UTF-8 cannot say replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_encodable(child) for child in value]
    return value


def _may_be_extended(schema: Any) -> bool:
    """Whether an extension of Ringback's may stand in a schema: its text is made sooner than it is looked through."""
    try:
        return b'"x-' in dumps(schema)
    except TypeError:
        return True


def _plain(schema: Any, known: dict[int, Any]) -> Any:
    """The schema without Ringback's own extensions, which a validator has no use for.

    A part that stands in several places is looked through once: in a large file one schema is made of hundreds.
    """
    if not isinstance(schema, dict | list):
        return schema
    plain = known.get(id(schema))
    if plain is None:
        if isinstance(schema, dict):
            plain = {key: _plain(value, known) for key, value in schema.items() if not str(key).startswith("x-")}
        else:
            plain = [_plain(item, known) for item in schema]
        known[id(schema)] = plain
    return plain


def _holds_secret(schema: Any, seen: set[int]) -> bool:
    if not isinstance(schema, dict | list) or id(schema) in seen:
        return False
    seen.add(id(schema))
    if isinstance(schema, list):
        return any(_holds_secret(item, seen) for item in schema)
    return bool(schema.get("x-secret")) or any(_holds_secret(value, seen) for value in schema.values())


def _violation(error: Any, place: str) -> Violation:
    kind = error.kind.name
    field = ".".join(str(part) for part in error.instance_path)
    value, message = error.instance, error.message
    if kind == "required":
        missing = error.kind.property
        return Violation(place, f"{field}.{missing}" if field else missing, kind, f"{missing} is required")
    if kind == "type" and value is None:
        kind, message = "null", f"null found, {_types(error)} is required"
    elif kind == "type":
        message = f"{_type_name(value)} found, {_types(error)} is required"
    elif kind == "minLength" and value == "":
        kind, message = "empty", "an empty string found, at least one character is required"
    elif kind == "enum":
        # The validator names two of many; what would be right is what somebody reads it for.
        found, _, _ = message.partition(" is not one of ")
        message = f"{found} is not one of {', '.join(dumps(option).decode() for option in error.kind.options)}"
    if len(message) > 300:
        message = message[:300] + "..."
    return Violation(place, field, kind, message, value)


def _types(error: Any) -> str:
    types = error.kind.types
    return " or ".join(types) if isinstance(types, list) else str(types)


def _type_name(value: Json) -> str:
    if isinstance(value, bool):
        return "a boolean"
    for types, name in (((int, float), "a number"), (str, "a string"), (list, "an array"), (dict, "an object")):
        if isinstance(value, types):
            return name
    return "null"


class OperationCheck:
    """The checks of one operation, its parameters, its request body, its answers: each compiled when first needed."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    @cached_property
    def body(self) -> SchemaCheck | None:
        """The check of the request's body, if it has one."""
        schema = self.operation.body_schema
        if schema is None:
            return None
        return FormCheck(schema) if self.operation.form else SchemaCheck(schema)

    @cached_property
    def _parameters(self) -> dict[str, list[tuple[Parameter, SchemaCheck, Any]]]:
        return {
            place: [
                (parameter, SchemaCheck(parameter.schema), parameter.schema.get("type"))
                for parameter in self.operation.parameters_in(place)
            ]
            for place in ("path", "query")
        }

    @cached_property
    def _answers(self) -> dict[int, SchemaCheck]:
        return {
            status: SchemaCheck(response.schema)
            for status, response in self.operation.responses.items()
            if response.schema is not None
        }

    def query(self, raw: str) -> tuple[dict[str, Json], list[Violation]]:
        """The query's values, converted to the types of the spec, and what is wrong with them."""
        # Nearly always there is no query, where none is understood.
        return self._values("query", fields(raw)) if raw or self._parameters["query"] else ({}, [])

    def path(self, values: Mapping[str, str]) -> list[Violation]:
        return self._values("path", values)[1]

    def _values(self, place: str, given: Mapping[str, str]) -> tuple[dict[str, Json], list[Violation]]:
        values: dict[str, Json] = dict(given)
        wrong: list[Violation] = []
        for parameter, check, wanted in self._parameters[place]:
            name = parameter.name
            if name not in given:
                if parameter.required:
                    wrong.append(Violation(place, name, "required", f"{name} is required"))
                elif "default" in parameter.schema:
                    values[name] = parameter.schema["default"]
                continue
            value: Json = given[name]
            if wanted != "string":
                values[name] = value = _converted(value, wanted)
            if not check.is_valid(value):
                for violation in check.differences(value, place):
                    wrong.append(violation._replace(field=name))
        return values, wrong

    def answer(self, status: int, body: Json, *, media_type: str = "application/json") -> list[Violation]:
        """What the spec does not allow about an answer; `body` is the decoded JSON body."""
        response = self.operation.responses.get(status)
        if response is None:
            known = ", ".join(str(code) for code in sorted(self.operation.responses))
            return [Violation("status", "", "status", f"{status} found, the spec knows {known}", status)]
        documented = response.media_type
        if status in BODILESS:
            return []
        if documented and media_type != documented and media_type.split(";")[0].strip().lower() != documented:
            found = media_type or "no content type"
            return [Violation("media-type", "", "media-type", f"{found} found, {response.media_type} is documented")]
        check = self._answers.get(status)
        if check is None or check.is_valid(body):
            return []
        return check.differences(body, "body")


def _converted(text: str, wanted: Any) -> Json:
    """A query string's text as the type the schema wants, or unchanged where it is none."""
    if wanted == "integer" and _VERBATIM.fullmatch(text):
        return int(text)
    if wanted == "number":
        try:
            return float(text)
        except ValueError:
            return text
    if wanted == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def compile_checks(spec: Spec) -> dict[str, OperationCheck]:
    """The checks of every operation, by operation id."""
    return {name: OperationCheck(operation) for name, operation in spec.operations.items()}
