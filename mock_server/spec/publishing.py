"""A vendor's file as others read it: whole, without YAML anchors, and on request without Ringback's own extensions.

The plain form is for tools. It says what the file says to OpenAPI, in words that viewers, linters and generators of
clients understand: evidence stands in descriptions, and what they stumble over (a condition on which fields must be
there, a boolean that is always the same) is said in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mock_server.messages import Json
from mock_server.spec.reading.document import METHODS, read_yaml

_DATA = frozenset(["value", "default", "const", "enum", "example"])
"""Keys whose values are documents of their own, in which nothing is ours."""

_GRADES = {
    "seed": "on the vendor's page",
    "doc": "on a page of the vendor",
    "observed": "relied upon by public clients",
    "assumed": "on no page; Ringback's decision",
}


class _Whole(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes everything out, wherever it stands twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def published(file: Path, *, plain: bool = False) -> dict[str, Any]:
    """The document in the file; the plain one has no `x-` key."""
    document: dict[str, Any] = read_yaml(file)
    return _plain_document(document) if plain else document


def as_yaml(document: Json) -> str:
    """The document as YAML that has neither anchors nor aliases, its keys in their order."""
    text: str = yaml.dump(document, Dumper=_Whole, sort_keys=False, allow_unicode=True, width=120)
    return text


def _plain_document(document: dict[str, Any]) -> dict[str, Any]:
    described = {**document, "paths": _one_template_each(document.get("paths") or {})}
    described["paths"] = {path: _described_item(item) for path, item in described["paths"].items()}
    plain: dict[str, Any] = _plain(described)
    for item in plain["paths"].values():
        for method in METHODS:
            if method in item:
                item[method].setdefault("tags", [_tag(described["paths"], item[method]["operationId"])])
    for name, item in (plain.get("webhooks") or {}).items():
        for method in METHODS:
            if method in item:
                item[method].setdefault("operationId", "on_" + re.sub(r"\W+", "_", name))
    names = {tag for item in plain["paths"].values() for m in METHODS if m in item for tag in item[m]["tags"]}
    plain["tags"] = [{"name": name, "description": f"Operations on {name}."} for name in sorted(names)]
    _drop_unused(plain)
    return plain


def _tag(paths: Mapping[str, Any], operation: str) -> str:
    """What an operation is about: the kind of its record, or the last plain word of its path."""
    for path, item in paths.items():
        for method in METHODS:
            if method in item and item[method].get("operationId") == operation:
                words = [
                    part for part in path.split("/") if part and "{" not in part and not re.fullmatch(r"v\d+", part)
                ]
                return str((item[method].get("x-contract") or {}).get("record") or words[-1])
    raise KeyError(operation)


def _one_template_each(paths: Mapping[str, Any]) -> dict[str, Any]:
    """The paths with templates that differ in their parameters' names only brought together: they are one to OpenAPI.

    The name is that of the first; what the page calls the parameter stands in its description.
    """
    together: dict[str, Any] = {}
    names: dict[str, str] = {}
    for path, item in paths.items():
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        first = names.setdefault(shape, path)
        if first == path:
            together[path] = dict(item)
            continue
        renamed = dict(zip(re.findall(r"\{([^}]*)\}", path), re.findall(r"\{([^}]*)\}", first), strict=True))
        shared = item.get("parameters") or []
        for method in METHODS:
            if method in item:
                parameters = [_renamed(one, renamed) for one in [*shared, *(item[method].get("parameters") or [])]]
                together[first][method] = {**item[method], "parameters": parameters}
    return together


def _renamed(parameter: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if parameter.get("in") != "path" or parameter.get("name") not in names:
        return parameter
    name = parameter["name"]
    described = f"{parameter.get('description', '')} (The page calls it {name}.)".strip()
    return {**parameter, "name": names[name], "description": described}


def _described_item(item: dict[str, Any]) -> dict[str, Any]:
    """The path item with how each operation and answer is known in its description."""
    done = dict(item)
    for method in METHODS:
        if method in item:
            operation = dict(item[method])
            operation["description"] = _with(operation, _known(operation.get("x-evidence")))
            operation["responses"] = {
                status: {**one, "description": _with(one, _known(one.get("x-evidence")))} if "$ref" not in one else one
                for status, one in operation["responses"].items()
            }
            done[method] = operation
    return done


def _with(node: Mapping[str, Any], sentence: str) -> str:
    return f"{node.get('description') or node.get('summary') or ''}\n\n{sentence}".strip()


def _known(said: Any) -> str:
    """The sentence that says how something is known; nothing where it says nothing of its own."""
    if not isinstance(said, Mapping):
        return ""
    if "grade" in said:
        return f"Evidence: {said['grade']} ({_GRADES[said['grade']]}), {said['source']}."
    return " ".join(f"Evidence of the {part}: {one['grade']}, {one['source']}." for part, one in said.items())


def _plain(node: Any) -> Any:
    """The node without `x-` keys, and with what tools stumble over said in words."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not str(key).startswith("x-")}
    said = list(_told(kept))
    if said:
        kept["description"] = " ".join([*([kept["description"]] if kept.get("description") else []), *said])
    done = {}
    for key, value in kept.items():
        if key == "properties":
            done[key] = {name: _plain(child) for name, child in value.items()}
        elif key in _DATA or (key == "examples" and isinstance(value, list)):
            done[key] = value
        else:
            done[key] = _plain(value)
    return done


def _told(schema: dict[str, Any]) -> Iterator[str]:
    """Takes out of a schema what generators of clients cannot read, and says it in words."""
    if isinstance(schema.get("const"), bool):
        yield f"Always {str(schema.pop('const')).lower()}."
    if schema.get("type") == "array":
        schema.setdefault("items", {})
    several = schema.get("anyOf")
    if "properties" in schema and isinstance(several, list) and all(set(one) == {"required"} for one in several):
        names = ", ".join(name for one in schema.pop("anyOf") for name in one["required"])
        yield f"At least one of {names} is required."
    if "if" in schema:
        conditions = [{word: schema.pop(word) for word in ("if", "then", "else") if word in schema}]
    else:
        conditions = [one for one in schema.get("allOf") or () if isinstance(one, dict) and "if" in one]
        if conditions:
            left = [one for one in schema.pop("allOf") if one not in conditions]
            schema.update({"allOf": left} if left else {})
    for one in conditions:
        for name, value in (one["if"].get("properties") or {}).items():
            needed = ", ".join((one.get("then") or {}).get("required") or ())
            if "const" in value and needed:
                yield f"Where {name} is {value['const']}, {needed} is required."


def _drop_unused(document: dict[str, Any]) -> None:
    """Takes out the components that only an extension referred to."""
    components = document.get("components") or {}
    while True:
        used = set(_references({**document, "components": {**components}}))
        unused = [
            (kind, name)
            for kind in ("schemas", "examples", "responses", "parameters")
            for name in components.get(kind) or ()
            if f"#/components/{kind}/{name}" not in used
        ]
        if not unused:
            break
        for kind, name in unused:
            del components[kind][name]
    document["components"] = {kind: one for kind, one in components.items() if one}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key == "mapping" and isinstance(value, dict):
                yield from (str(one) for one in value.values())
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)
