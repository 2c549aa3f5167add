"""Finds the operation that a method and a path name; a literal segment wins over a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mock_server.spec.model import Operation


class Match(NamedTuple):
    """`operation` is None when the path exists but not for this method; `allowed` are its methods."""

    operation: Operation | None
    values: dict[str, str]
    allowed: tuple[str, ...]


class _Node:
    __slots__ = ("literals", "methods", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Router:
    """A tree of path segments."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            names = []
            for segment in operation.segments:
                if segment.startswith("{") and segment.endswith("}"):
                    names.append(segment[1:-1])
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
                else:
                    node = node.literals.setdefault(segment, _Node())
            node.methods[operation.method] = (operation, tuple(names))

    def match(self, method: str, path: str) -> Match | None:
        """The operation for `method` and `path` (decoded, beginning with a slash); None for an unknown path.

        HEAD finds the GET operation. Where several paths fit, the one with the earlier literal
        segment wins if it knows the method, so `/numbers/purchase` is never a `{provider}`.
        """
        if not path.startswith("/"):
            return None
        lookup = "GET" if method == "HEAD" else method
        allowed: dict[str, None] = {}
        for node, values in self._nodes(self._root, path[1:].split("/"), 0, ()):
            found = node.methods.get(lookup)
            if found is not None:
                operation, names = found
                return Match(operation, dict(zip(names, values, strict=True)), ())
            for known in node.methods:
                allowed[known] = None
                if known == "GET":
                    allowed["HEAD"] = None
        return Match(None, {}, tuple(allowed)) if allowed else None

    def _nodes(
        self, node: _Node, segments: list[str], index: int, values: tuple[str, ...]
    ) -> Iterable[tuple[_Node, tuple[str, ...]]]:
        if index == len(segments):
            if node.methods:
                yield node, values
            return
        segment = segments[index]
        literal = node.literals.get(segment)
        if literal is not None:
            yield from self._nodes(literal, segments, index + 1, values)
        if node.parameter is not None and segment:
            yield from self._nodes(node.parameter, segments, index + 1, (*values, segment))
