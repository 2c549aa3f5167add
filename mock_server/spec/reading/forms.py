"""What stands under each keyword of a document: a text, a list, a mapping; and what may not be left out."""

from __future__ import annotations

from typing import Any, NamedTuple

_TEXT, _LIST, _MAPPING, _NUMBER, _FLAG = "a text", "a list", "a mapping", "a whole number", "true or false"
_TYPES: dict[str, type] = {_TEXT: str, _LIST: list, _MAPPING: dict, _NUMBER: int, _FLAG: bool}

_FORMS: dict[str, dict[str, str]] = {
    _TEXT: {
        "root": "openapi",
        "operation": "operationId",
        "parameter": "name in",
        "securityScheme": "type name in scheme",
        "refusal": "answer",
        "request": "answer",
        "evidence": "grade source note",
        "variable": "description",
    },
    _LIST: {
        "root": "servers security tags x-missing x-magic",
        "path": "parameters",
        "operation": "parameters tags x-refusals",
        "example": "x-constants x-undecided",
        "refusal": "kinds places fields",
        "request": "after",
        "variable": "others ours unknown",
    },
    _MAPPING: {
        "root": "info paths components x-answers x-records x-telephone x-variables webhooks",
        "components": "schemas responses parameters examples requestBodies headers securitySchemes",
        "operation": "requestBody responses x-requests",
        "parameter": "examples",
        "requestBody": "content",
        "response": "headers content",
        "media": "examples",
        "example": "x-placeholders",
        "request": "path query headers",
        "record": "schema",
        "variable": "found",
    },
    _NUMBER: {"answer": "status"},
    _FLAG: {"parameter": "required", "requestBody": "required", "header": "required"},
}
_WANTED = {
    (what, keyword): form
    for form, whats in _FORMS.items()
    for what, words in whats.items()
    for keyword in words.split()
}
_NEEDED = {
    "root": ("info", "servers"),
    "parameter": ("name", "in"),
    "example": ("value",),
    "evidence": ("grade",),
    "answer": ("status", "example"),
}


class Misformed(NamedTuple):
    """The keyword that is wrong or missing, and what is wrong with it."""

    keyword: str
    why: str


def misformed(node: dict[str, Any], what: str) -> Misformed | None:
    """The first thing in a `what` that stands where something else must, or that is missing."""
    for keyword, value in node.items():
        form = _WANTED.get((what, keyword))
        if form is None or value is None or isinstance(value, _TYPES[form]):
            continue
        return Misformed(keyword, f"{keyword} must be {form}, not {type(value).__name__}")
    for keyword in _NEEDED.get(what, ()):
        if keyword not in node:
            return Misformed("", f"a {what} needs {keyword}")
    return None
