"""Reads an OpenAPI 3.0 or 3.1 file and makes its schemas ours: 3.1, local, without circles; what went is listed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mock_server.spec.document import SCHEMA_KEYWORDS

MAX_DEPTH = 12
"""How deep a schema is followed; what lies deeper may be anything."""


class NotAdopted(Exception):
    """The file cannot be adopted; the text says in one line why, and what would be right."""


def read(file: Path) -> dict[str, Any]:
    """The document, if it is OpenAPI 3 and refers to nothing outside of itself."""
    try:
        text = file.read_text(encoding="utf-8")
        is_json = text.lstrip()[:1] == "{"
        document: Any = json.loads(text) if is_json else yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError) as error:
        raise NotAdopted(f"{file}: cannot be read: {error}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise NotAdopted(f"{file}: is neither JSON nor YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise NotAdopted(f"{file}: an OpenAPI file is a mapping, found {type(document).__name__}")
    version = str(document.get("openapi", ""))
    if not version.startswith(("3.0", "3.1")):
        found = version or (f"Swagger {document['swagger']}" if "swagger" in document else "neither")
        raise NotAdopted(f"{file}: OpenAPI 3.0 or 3.1 is adopted, found {found}")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise NotAdopted(f"{file}: names no paths, so there is nothing to serve")
    for place, reference in _references(document, ""):
        if not reference.startswith("#/"):
            raise NotAdopted(f"{file}: at {place}: $ref {reference} leaves the file; bundle it into one file first")
    return document


class _Loader(yaml.SafeLoader):
    """Times stay texts, as in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _references(node: Any, place: str) -> list[tuple[str, str]]:
    """Every `$ref` with its place."""
    found = []
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            found.append((place or "/", node["$ref"]))
        for key, value in node.items():
            if key not in ("example", "examples", "default", "enum"):
                found += _references(value, f"{place}/{str(key).replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            found += _references(value, f"{place}/{index}")
    return found


class Reading:
    """One document, its references followed; `notes` lists what was left out, each with its place."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Lists something that was left out, once."""
        if text not in self.notes:
            self.notes.append(text)

    def followed(self, node: Any) -> Any:
        """What a reference points to, or the node itself; an empty mapping for one that points to nothing."""
        for _ in range(20):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node
            target: Any = self.document
            for step in node["$ref"][2:].split("/"):
                name = step.replace("~1", "/").replace("~0", "~")
                target = target.get(name) if isinstance(target, dict) else None
            if target is None:
                self.note(f"$ref {node['$ref']} points to nothing and may be anything")
                return {}
            node = target
        return {}

    def schema(self, node: Any, open_refs: tuple[str, ...] = ()) -> Any:
        """The schema in our terms: references inlined, a circle cut where it closes, 3.0's words as 3.1 writes them."""
        if isinstance(node, bool) or not isinstance(node, dict):
            return node if isinstance(node, bool) else {}
        if isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if reference in open_refs or len(open_refs) >= MAX_DEPTH:
                self.note(f"{reference} contains itself, or lies too deep; inside of itself it may be anything")
                return {}
            return self.schema(self.followed(node), (*open_refs, reference))
        schema: dict[str, Any] = {}
        for key, value in node.items():
            if key in ("properties", "patternProperties") and isinstance(value, dict):
                schema[key] = {str(name): self.schema(child, open_refs) for name, child in value.items()}
            elif key in ("items", "additionalProperties", "not", "propertyNames", "if", "then", "else", "contains"):
                schema[key] = self.schema(value, open_refs) if isinstance(value, dict | bool) else {}
            elif key in ("allOf", "anyOf", "oneOf", "prefixItems") and isinstance(value, list) and value:
                schema[key] = [self.schema(child, open_refs) for child in value]
            elif key == "nullable":
                continue
            elif key in SCHEMA_KEYWORDS and not str(key).startswith("x-"):
                schema[key] = value
            elif not str(key).startswith("x-"):
                self.note(f"the schema keyword {key!r} is left out")
        return _as_3_1(schema, bool(node.get("nullable")))


def _as_3_1(schema: dict[str, Any], nullable: bool) -> dict[str, Any]:
    """3.0's `nullable`, its bounds that are switches, and its single example."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if "example" in schema:
        schema.setdefault("examples", [schema.pop("example")])
    if nullable and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif nullable and schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    if isinstance(schema.get("required"), list) and not schema["required"]:
        del schema["required"]
    return schema


def merged(schema: Any) -> dict[str, Any]:
    """An object's properties and what it requires, those of its parts among them: `{"properties", "required"}`."""
    if not isinstance(schema, Mapping):
        return {"properties": {}, "required": set()}
    properties: dict[str, Any] = {}
    required: set[str] = set()
    for part in schema.get("allOf") or ():
        inner = merged(part)
        properties.update(inner["properties"])
        required |= inner["required"]
    for word in ("oneOf", "anyOf"):
        parts = [one for one in schema.get(word) or () if isinstance(one, Mapping) and one.get("type") != "null"]
        if parts:
            inner = merged(parts[0])
            properties.update(inner["properties"])
            required |= inner["required"]
    properties.update(schema.get("properties") or {})
    required |= set(schema.get("required") or ())
    return {"properties": properties, "required": required}
