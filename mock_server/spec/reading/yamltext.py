"""A YAML text read into plain values, as JSON has them, within bounds."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import ConstructorError

_LIBRARY: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIME = "tag:yaml.org,2002:timestamp"
_TEXT, _LIST, _MAPPING = ("tag:yaml.org,2002:" + kind for kind in ("str", "seq", "map"))
_MOST_BY_NAME = 1_000_000
"""How many values may come of naming others once more: thirty lines of aliases can stand for more than a disk holds."""


class _Loader(_LIBRARY):  # type: ignore[misc]
    """Times stay texts, as in JSON; what is plainly a mapping, a list or a text is made at once."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own table, less one entry
        first: [(tag, form) for tag, form in resolvers if tag != _TIME]
        for first, resolvers in _LIBRARY.yaml_implicit_resolvers.items()
    }

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        sizes: dict[int, int] = {}
        if _size(node, sizes) > len(sizes) + _MOST_BY_NAME:
            message = f"aliases make more than {_MOST_BY_NAME} values of {len(sizes)}"
            raise ConstructorError(None, None, message, node.start_mark)
        return _made(self, node, {})


_UNFINISHED = object()


def _size(node: Any, sizes: dict[int, int]) -> int:
    """How many values a node stands for, each as often as it is named; `sizes` gets that of every node."""
    known = sizes.get(id(node))
    if known is None:
        # One that contains itself is told when it is made.
        sizes[id(node)] = 1
        value = node.value
        if isinstance(value, list):
            parts = (part for pair in value for part in pair) if value and isinstance(value[0], tuple) else value
            sizes[id(node)] += sum(_size(part, sizes) for part in parts)
        known = sizes[id(node)]
    return known


def _made(loader: Any, node: Any, made: dict[int, Any]) -> Any:
    """The value of a node; one that is named several times is one value."""
    tag = node.tag
    if tag == _TEXT:
        return node.value
    if tag != _MAPPING and tag != _LIST:
        return loader.construct_object(node, deep=True)
    known = made.get(id(node))
    if known is _UNFINISHED:
        raise ConstructorError(None, None, "found a value that contains itself", node.start_mark)
    if known is not None:
        return known
    made[id(node)] = _UNFINISHED
    if tag == _LIST:
        value: Any = [_made(loader, child, made) for child in node.value]
    elif all(key.tag == _TEXT for key, _ in node.value):
        value = {key.value: _made(loader, child, made) for key, child in node.value}
    else:
        # Keys that are no texts, and mappings that are merged into this one.
        value = loader.construct_object(node, deep=True)
    made[id(node)] = value
    return value


def value_of(text: str) -> Any:
    """The value that a YAML text writes down; raises yaml.YAMLError for one that writes none."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe one
