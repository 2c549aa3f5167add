"""Reads an OpenAPI 3.0 or 3.1 file, and follows what it refers to; what is left out of it is listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mock_server.adopting.forms.schemas import Schemas
from mock_server.spec.reading.parsed import parsed


class NotAdopted(Exception):
    """The file cannot be adopted; the text says in one line why, and what would be right."""


def read(file: Path) -> dict[str, Any]:
    """The document, if it is OpenAPI 3 and refers to nothing outside of itself."""
    try:
        text = file.read_text(encoding="utf-8")
        is_json = text.lstrip()[:1] == "{"
        document: Any = json.loads(text) if is_json else parsed(text)
    except (OSError, UnicodeDecodeError) as error:
        raise NotAdopted(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise NotAdopted(f"{file}: is neither JSON nor YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(document, dict):
        raise NotAdopted(f"{file}: an OpenAPI file is a mapping, found {type(document).__name__}")
    version = str(document.get("openapi", ""))
    if not version.startswith(("3.0", "3.1")):
        found = version or (f"Swagger {document['swagger']}" if "swagger" in document else "neither")
        raise NotAdopted(f"{file}: OpenAPI 3.0 or 3.1 is adopted, found {found}")
    if not document.get("paths") and isinstance(document.get("webhooks"), dict) and document["webhooks"]:
        sent = ", ".join(map(str, list(document["webhooks"])[:5]))
        raise NotAdopted(
            f"{file}: has webhooks ({sent}) and no paths: it says what is sent to you and nothing that can be served;"
            f" adopt the file that has the vendor's paths"
        )
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise NotAdopted(f"{file}: names no paths, so there is nothing to serve")
    # What is only there for people, and what others added, is not looked at.
    used = {key: value for key, value in document.items() if key in ("paths", "components")}
    for place, reference in _references(used):
        if not reference.startswith("#/"):
            raise NotAdopted(f"{file}: at {place}: $ref {reference} leaves the file; bundle it into one file first")
    return document


def _references(document: Any) -> Iterator[tuple[str, str]]:
    """Every `$ref` of a document with its place; what stands in several places is looked at once."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        place, node = stack.pop()
        if id(node) in seen or not isinstance(node, dict | list):
            continue
        seen.add(id(node))
        if isinstance(node, list):
            stack += [(f"{place}/{index}", child) for index, child in reversed(list(enumerate(node)))]
            continue
        if isinstance(node.get("$ref"), str):
            yield place or "/", node["$ref"]
        stack += [
            (f"{place}/{str(key).replace('/', '~1')}", child)
            for key, child in reversed(node.items())
            if key not in ("example", "examples", "default", "enum") and not str(key).startswith("x-")
        ]


class Reading:
    """One document, its references followed; `notes` lists what was left out, each with its place."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.notes: list[str] = []
        self.schemas = Schemas(document, self.followed, self.note)
        self.schema = self.schemas.schema

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
