"""Writes what was adopted: a spec with contracts, named answers and requests, fixtures, and the report as its head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mock_server.adopting.inferring import Described, Kind, news
from mock_server.adopting.reading import merged
from mock_server.adopting.samples import fits, kind_of, sample
from mock_server.messages import Json

_FILE = "the file that was adopted"
DOC = {"grade": "doc", "source": _FILE}
INFERRED = {"grade": "assumed", "source": "inferred from the paths, methods and schemas of the file that was adopted"}
_MESSAGES = ("message", "error_description", "detail", "error", "description", "title", "msg", "reason")
_SHARED = {
    "missing-key": (401, "The API key is missing"),
    "wrong-key": (401, "The API key is unknown"),
    "malformed-json": (400, "The body is no JSON object"),
    "wrong-media-type": (415, "The body must be application/json"),
    "invalid-request": (400, "The request is not as the file describes it"),
    "path-not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "body-too-large": (413, "The body is too large"),
    "internal-error": (500, "Internal error"),
    "space-limit": (503, "No room for another space"),
    "error": (500, "Error"),
    "not-found": (404, "There is no such record"),
    "wrong-state": (409, "The record is not in a state for that"),
}


class Envelope:
    """How errors look: the file's own schema for them if it has one, else `{message}`."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        plain = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
        self.schema = schema if schema is not None and self._place(schema) is not None else plain
        self._at = self._place(self.schema)

    @staticmethod
    def _place(schema: dict[str, Any]) -> str | None:
        """The field that holds the sentence."""
        if kind_of(schema) != "object":
            return None
        names = merged(schema)["properties"]
        plain = (name for name in _MESSAGES if name in names and kind_of(names[name]) == "string")
        name = next(plain, None)
        value = sample({key: schema[key] for key in schema if key != "examples"})
        if name is None or not isinstance(value, dict) or not fits(schema, {**value, name: "A sentence"}):
            return None
        return name

    def says(self, sentence: str, *, open_: bool = False) -> dict[str, Any]:
        """The named example of an error that says so; with `open_` the sentence stands for another one."""
        value = sample({key: self.schema[key] for key in self.schema if key != "examples"})
        assert isinstance(value, dict)
        example: dict[str, Any] = {"value": {**value, str(self._at): sentence}, "x-evidence": INFERRED}
        if open_:
            example["x-placeholders"] = {"message": sentence}
        return example


def spec(
    title: str,
    server: str,
    operations: list[Described],
    kinds: list[Kind],
    scheme: tuple[str, dict[str, Any]],
    envelope: Envelope,
    fixtures: Mapping[str, list[dict[str, Json]]],
) -> dict[str, Any]:
    """The whole document."""
    shared = {
        name: {
            "status": status,
            "example": envelope.says(text, open_=name in ("invalid-request", "space-limit", "error")),
        }
        for name, (status, text) in _SHARED.items()
    }
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method] = _operation(one, kinds, envelope, fixtures)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "adopted"},
        "servers": [{"url": server}],
        "security": [{scheme[0]: []}],
        "x-evidence": DOC,
        "x-answers": shared,
        "x-records": {kind.name: _record(kind, kinds, operations) for kind in kinds},
        "paths": paths,
        "components": {"securitySchemes": {scheme[0]: scheme[1]}},
    }


def _record(kind: Kind, kinds: list[Kind], operations: list[Described]) -> dict[str, Any]:
    creates = [
        one for one in operations if one.contract.get("record") == kind.name and one.contract.get("effect") == "create"
    ]
    record: dict[str, Any] = {"key": kind.key, "schema": stored(kind), "new": dict(news(kind, creates))}
    if kind.owner is not None:
        record["references"] = {kind.owner_field: {"record": kind.owner.name, "deleted": "remove"}}
    return record


def stored(kind: Kind) -> dict[str, Any]:
    """The schema of a record as it is kept: as it is shown, and whose it is."""
    if kind.owner is None or kind.owner_field in merged(kind.schema)["properties"]:
        return kind.schema
    return {"allOf": [kind.schema, {"type": "object", "properties": {kind.owner_field: {}}}]}


def records(kinds: Iterable[Kind]) -> dict[str, list[dict[str, Json]]]:
    """One record of each kind, its owner the one of its kind."""
    found: dict[str, list[dict[str, Json]]] = {}
    for kind in kinds:
        value = sample(kind.schema)
        value = dict(value) if isinstance(value, dict) else {}
        value.setdefault(kind.key, sample(merged(kind.schema)["properties"][kind.key]))
        if kind.owner is not None:
            value[kind.owner_field] = found[kind.owner.name][0][kind.owner.key]
        found[kind.name] = [value]
    return found


def _operation(one: Described, kinds: list[Kind], envelope: Envelope, fixtures: Mapping[str, Any]) -> dict[str, Any]:
    values = path_values(one, kinds, fixtures)
    node: dict[str, Any] = {"operationId": one.id, "x-evidence": DOC}
    parameters = []
    for parameter in one.parameters:
        example = (
            values.get(parameter["name"], sample(parameter["schema"]))
            if parameter["in"] == "path"
            else sample(parameter["schema"])
        )
        needed = parameter["in"] == "path" or parameter.get("required")
        parameters.append({**parameter, **({"example": example} if needed else {})})
    if parameters:
        node["parameters"] = parameters
    if one.contract:
        node["x-contract"] = {**one.contract, "evidence": INFERRED}
    answer = "answered"
    request: dict[str, Any] = {"answer": answer, "evidence": INFERRED}
    if one.body is not None:
        request["body"] = "example"
        node["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": one.body,
                    "examples": {"example": {"value": sample(one.body), "x-evidence": INFERRED}},
                }
            },
        }
    node["x-requests"] = {"example": request}
    value = _shown_example(one)
    named: dict[str, Any] = {"value": value, "x-evidence": INFERRED}
    constants = _constants(one, value)
    if constants:
        named["x-constants"] = constants
    media: dict[str, Any] = {"examples": {answer: named}}
    if one.shown is not None:
        media["schema"] = one.shown
    node["responses"] = {str(one.status): {"description": "As the file says.", "content": {"application/json": media}}}
    errors: dict[str, dict[str, Any]] = {
        "401": {
            "missing-key": envelope.says(_SHARED["missing-key"][1]),
            "wrong-key": envelope.says(_SHARED["wrong-key"][1]),
        }
    }
    errors["400"] = {
        "invalid-request": envelope.says(_SHARED["invalid-request"][1], open_=True),
        "malformed-json": envelope.says(_SHARED["malformed-json"][1]),
    }
    if one.contract.get("missing") or one.contract.get("within"):
        errors["404"] = {"not-found": envelope.says(_SHARED["not-found"][1])}
        if one.contract.get("missing"):
            unknown = {**values, one.contract["key"]["name"]: nobodys(values.get(one.contract["key"]["name"]))}
            node["x-requests"]["not-found"] = {
                **request,
                "path": {one.contract["key"]["name"]: unknown[one.contract["key"]["name"]]},
                "answer": "not-found",
            }
    if "transition" in one.contract:
        errors["409"] = {"wrong-state": envelope.says(_SHARED["wrong-state"][1])}
    for status, examples in sorted(errors.items()):
        if status not in node["responses"]:
            node["responses"][status] = {
                "description": "Not in the file.",
                "x-evidence": INFERRED,
                "content": {"application/json": {"schema": envelope.schema, "examples": examples}},
            }
    return node


def _constants(one: Described, value: Json) -> list[str]:
    """What of an answer no contract makes: all that stands beside the record, the rows and their number."""
    at = one.contract.get("at")
    if not one.contract or at == "" or not isinstance(value, dict):
        return []
    made = {str(at or "").strip("/"), str(one.contract.get("count", "")).strip("/"), *(one.contract.get("shows") or ())}
    return [name for name in value if name not in made]


def _shown_example(one: Described) -> Json:
    """The answer of an operation that is answered by example; an object where there is no body at all."""
    return sample(one.shown) if one.shown is not None else {}


def path_values(one: Described, kinds: list[Kind], fixtures: Mapping[str, Any]) -> dict[str, Json]:
    """The fixtures' ids for the parameters of a path."""
    values: dict[str, Json] = {}
    for kind in kinds:
        base = kind.path.rstrip("/")
        found = re.match(re.escape(base) + r"/\{([^/{}]+)\}", one.path)
        if found is not None:
            values[found[1]] = fixtures[kind.name][0][kind.key]
    return {name: str(value) for name, value in values.items()}


def nobodys(known: Json) -> str:
    """An id that no record has."""
    text = str(known if known is not None else "none")
    return "987654321" if text.lstrip("-").isdigit() else f"{text[:-4]}{'0000' if text[-4:] != '0000' else '9999'}"
