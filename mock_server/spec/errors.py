"""The one error of this package: a document that cannot be served, and where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class SpecError(Exception):
    """A spec or fixture is broken; the text names file, line and place, and what would be right."""

    def __init__(self, file: str, place: str, message: str, line: int | None = None) -> None:
        line = line or _line(file, place)
        super().__init__(f"{file}{f':{line}' if line else ''}: at {place or 'the top'}: {message}")
        self.file = file
        self.place = place


def _line(file: str, place: str) -> int | None:
    """The line of a JSON pointer in a YAML file, or of the last step of it that is there; None for any other place."""
    if not place.startswith("/"):
        return None
    try:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root: Any = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=loader)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    node, line = root, 1
    for step in place[1:].split("/"):
        node = _followed(root, node)
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == name), None)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
            node = node.value[int(name)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _followed(root: Any, node: Any) -> Any:
    """What a local `$ref` points to, or the node itself."""
    for _ in range(20):
        reference = getattr(_child(node, "$ref"), "value", None)
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return node
        target = root
        for step in reference[2:].split("/"):
            target = _child(target, step.replace("~1", "/"))
        if target is None:
            return node
        node = target
    return node


def _child(node: Any, name: str) -> Any:
    """What a mapping has under that name, or None."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)
