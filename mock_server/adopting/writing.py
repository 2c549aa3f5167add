"""Writes what was adopted: a spec with contracts, named answers and requests, fixtures, and the report as its head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mock_server.adopting.forms.merging import merged
from mock_server.adopting.forms.samples import fits, kind_of, sample
from mock_server.adopting.forms.schemas import Schemas
from mock_server.adopting.forms.unions import examples
from mock_server.adopting.inferring import Described, Kind, news
from mock_server.messages import Json
from mock_server.text import formtext

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
    schemas: Schemas,
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
    used: dict[str, Any] = {}
    written = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "adopted"},
        "servers": [{"url": server}],
        "security": [{scheme[0]: []}],
        "x-evidence": DOC,
        "x-answers": shared,
        "x-records": _referring({kind.name: _record(kind, kinds, operations) for kind in kinds}, schemas, used),
        "paths": _referring(paths, schemas, used),
    }
    responses = _referring(_refusals(envelope), schemas, used)
    components: dict[str, Any] = {}
    while used.keys() - components.keys():
        for name in sorted(used.keys() - components.keys()):
            components[name] = _written_out(schemas.components[name], schemas, used)
    return {
        **written,
        "components": {
            "responses": responses,
            **({"schemas": {name: components[name] for name in sorted(components)}} if components else {}),
            "securitySchemes": {scheme[0]: scheme[1]},
        },
    }


def _referring(node: Any, schemas: Schemas, used: dict[str, Any]) -> Any:
    """A part of the document with its component schemas written as references; `used` learns their names."""
    reference = schemas.written(node) if isinstance(node, dict) else None
    if reference is None:
        return _written_out(node, schemas, used)
    used[reference["$ref"].rpartition("/")[2]] = True
    return reference


def _written_out(node: Any, schemas: Schemas, used: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _referring(child, schemas, used) for key, child in node.items()}
    return [_referring(child, schemas, used) for child in node] if isinstance(node, list) else node


def _refusals(envelope: Envelope) -> dict[str, Any]:
    """The refusals that operations have in common, by status; each is one response, to which they refer."""
    by_status: dict[int, dict[str, Any]] = {}
    for name in _REFUSED:
        status, text = _SHARED[name]
        by_status.setdefault(status, {})[name] = envelope.says(text, open_=name == "invalid-request")
    return {
        f"refused-{status}": {
            "description": "Not in the file.",
            "x-evidence": INFERRED,
            "content": {"application/json": {"schema": envelope.schema, "examples": examples}},
        }
        for status, examples in by_status.items()
    }


_REFUSED = ("missing-key", "wrong-key", "invalid-request", "malformed-json", "not-found", "wrong-state")


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
    whole = merged(kind.schema)
    if kind.owner is None or kind.owner_field in whole["properties"]:
        return kind.schema
    owned = {"type": "object", "properties": {kind.owner_field: {}}}
    value = sample(kind.schema)
    if isinstance(value, dict) and fits(kind.schema, {**value, kind.owner_field: "text"}):
        return {"allOf": [kind.schema, owned]}
    # The schema allows nothing beside what it names.
    required = {"required": sorted(whole["required"])} if whole["required"] else {}
    return {"type": "object", "properties": {**whole["properties"], kind.owner_field: {}}, **required}


def records(kinds: Iterable[Kind], operations: Iterable[Described] = ()) -> dict[str, list[dict[str, Json]]]:
    """One record of each kind, its owner the one of its kind, in a state from which it can be moved."""
    moves: dict[str, list[dict[str, Any]]] = {}
    for one in operations:
        if "transition" in one.contract:
            moves.setdefault(one.contract["record"], []).append(one.contract["transition"])
    found: dict[str, list[dict[str, Json]]] = {}
    for kind in kinds:
        value = sample(kind.schema)
        value = dict(value) if isinstance(value, dict) else {}
        value.setdefault(kind.key, sample(merged(kind.schema)["properties"][kind.key]))
        if kind.owner is not None:
            value[kind.owner_field] = found[kind.owner.name][0][kind.owner.key]
        for move in moves.get(kind.name, ()):
            everywhere = [one for one in move["from"] if all(one in other["from"] for other in moves[kind.name])]
            started = [one for one in everywhere if fits(kind.schema, {**value, move["field"]: one})]
            if started and value.get(move["field"]) not in started:
                value[move["field"]] = started[0]
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
    bodies = _bodies(one)
    if one.body is not None:
        request["body"] = "example"
        node["requestBody"] = {
            "required": True,
            "content": {
                formtext.MEDIA_TYPE if one.form else "application/json": {
                    "schema": one.body,
                    "examples": {name: {"value": value, "x-evidence": INFERRED} for name, value in bodies.items()},
                }
            },
        }
    node["x-requests"] = {name: {**request, "body": name} for name in bodies} or {"example": request}
    value = _shown_example(one)
    named: dict[str, Any] = {"value": value, "x-evidence": INFERRED}
    constants = _constants(one, value)
    if constants:
        named["x-constants"] = constants
    media: dict[str, Any] = {"examples": {answer: named}}
    if one.more and one.contract and isinstance(value, dict):
        following = {**named, "value": {**value, one.more: True}, "x-constants": sorted({*constants, one.more})}
        media["examples"] = {
            answer: {**named, "value": {**value, one.more: False}, "x-constants": following["x-constants"]},
            "more-follow": following,
        }
    if one.shown is not None:
        media["schema"] = one.shown
    node["responses"] = {str(one.status): {"description": "As the file says.", "content": {"application/json": media}}}
    refused = {401, 400}
    if one.contract.get("missing") or one.contract.get("within"):
        refused.add(404)
    if one.contract.get("missing"):
        name = one.contract["key"]["name"]
        unknown = {name: nobodys(values.get(name))}
        node["x-requests"]["not-found"] = {**request, "path": unknown, "answer": "not-found"}
    if "transition" in one.contract:
        refused.add(409)
    for status in sorted(refused):
        node["responses"].setdefault(str(status), {"$ref": f"#/components/responses/refused-{status}"})
    return node


def _bodies(one: Described) -> dict[str, Json]:
    """The named examples of a body: one, and one of each further form that it may have."""
    if one.body is None:
        return {}
    first = sample(one.body)
    others = [value for value in examples(one.body) if value != first]
    return {"example": first, **{f"example-{number}": value for number, value in enumerate(others, start=2)}}


def _constants(one: Described, value: Json) -> list[str]:
    """What of an answer no contract makes: all that stands beside the record, the rows and their number."""
    at = one.contract.get("at")
    if not one.contract or at == "" or not isinstance(value, dict):
        return []
    pointers = (at, one.contract.get("count"), (one.contract.get("page") or {}).get("next"))
    made = {str(pointer or "").strip("/").partition("/")[0] for pointer in pointers} | set(
        one.contract.get("shows") or ()
    )
    return [name for name in value if name not in made]


def _shown_example(one: Described) -> Json:
    """The answer of an operation that is answered by example; an object where there is no body at all."""
    return sample(one.shown) if one.shown is not None else {}


def path_values(one: Described, kinds: list[Kind], fixtures: Mapping[str, Any]) -> dict[str, Json]:
    """The fixtures' ids for the parameters of a path."""
    values: dict[str, Json] = {}
    for kind in kinds:
        base = kind.path.rstrip("/")
        found = re.match(re.escape(base) + r"/\{([^/{}]+)\}", one.route)
        if found is not None:
            values[found[1]] = fixtures[kind.name][0][kind.key]
    return {name: str(value) for name, value in values.items()}


def nobodys(known: Json) -> str:
    """An id that no record has."""
    text = str(known if known is not None else "none")
    return "987654321" if text.lstrip("-").isdigit() else f"{text[:-4]}{'0000' if text[-4:] != '0000' else '9999'}"
