"""In which line of its file a place of a document stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def line_of(file: str, place: str) -> int | None:
    """The line of what stands at a JSON pointer, or of what is nearest above it; None where nothing can be read.

    A place may begin with `operation NAME` in place of the pointer to that operation; references are followed.
    """
    if not place.startswith(("/", "operation ")):
        return None
    try:
        root = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    if root is None:
        return None
    node, line = root, 1
    first, _, rest = place.partition("/")
    if first.startswith("operation "):
        operation = _operation(root, first.removeprefix("operation "))
        if operation is None:
            return None
        node, line = operation, operation.start_mark.line
    for part in rest.split("/") if rest else []:
        found = _below(root, node, part.replace("~1", "/").replace("~0", "~"))
        if found is None:
            break
        line, node = found
    return line


def _below(root: yaml.Node, node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    """The line of a key, or of an item, and what stands there."""
    if isinstance(node, yaml.SequenceNode):
        if not name.isdigit() or int(name) >= len(node.value):
            return None
        item = node.value[int(name)]
        return item.start_mark.line + 1, item
    for key, value in _pairs(node):
        if key.value == name:
            return key.start_mark.line + 1, value
    for key, value in _pairs(node):
        if key.value == "$ref" and str(value.value).startswith("#/"):
            target = _at(root, str(value.value)[2:].split("/"))
            return _below(root, target, name) if target is not None else None
    return None


def _at(root: yaml.Node, parts: list[str]) -> yaml.Node | None:
    node = root
    for part in parts:
        found = _below(root, node, part.replace("~1", "/").replace("~0", "~"))
        if found is None:
            return None
        node = found[1]
    return node


def _operation(root: yaml.Node, name: str) -> yaml.Node | None:
    paths = _below(root, root, "paths")
    for _, item in _pairs(paths[1]) if paths else ():
        for _, operation in _pairs(item):
            for key, value in _pairs(operation):
                if key.value == "operationId" and value.value == name:
                    return operation
    return None


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []
