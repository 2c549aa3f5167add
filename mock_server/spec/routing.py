"""Finds the operation that a method and a path name: literal segments win over parameters, whole ones come last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mock_server.spec.terms.model import Missing, Operation

_KNOWN, _KNOWN_LENGTH = 1_000, 200
"""Of how many requests it is known what they name, and how long their paths are at most."""
_PARAMETER = re.compile(r"\{([^{}]+)\}")


class _Form(NamedTuple):
    """A segment of which parameters are only a part: `{sid}.json`, `{id}:cancel`, `{base}...{head}`."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]


@lru_cache(maxsize=10_000)
def _form(segment: str) -> _Form | None:
    """How a segment is read; None for a literal one, and for one that is a parameter as a whole."""
    names = tuple(_PARAMETER.findall(segment))
    if not names or _is_parameter(segment):
        return None
    literals = _PARAMETER.split(segment)[::2]
    return _Form(re.compile("(.+?)".join(map(re.escape, literals)), re.DOTALL), names)


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.find("}") == len(segment) - 1


def path_values(segments: Sequence[str], path: str) -> dict[str, str] | None:
    """The values of the `{parameters}` when `path` (decoded) has these segments; None when it has not."""
    asked = path.strip("/").split("/")
    if len(asked) != len(segments):
        return None
    values: dict[str, str] = {}
    for segment, given in zip(segments, asked, strict=True):
        form = _form(segment) if "{" in segment else None
        if form is not None:
            found = form.pattern.fullmatch(given)
            if found is None:
                return None
            values.update(zip(form.names, found.groups(), strict=True))
        elif _is_parameter(segment):
            if not given:
                return None
            values[segment[1:-1]] = given
        elif segment != given:
            return None
    return values


class Match(NamedTuple):
    """`operation` is None when the path exists but not for this method; `allowed` are its methods."""

    operation: Operation | None
    values: Mapping[str, str]
    allowed: tuple[str, ...]


class _Node:
    __slots__ = ("forms", "literals", "methods", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.forms: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Router:
    """A tree of path segments."""

    def __init__(self, operations: Iterable[Operation], missing: Iterable[Missing] = ()) -> None:
        self._root = _Node()
        self._unserved = frozenset((one.method, one.path) for one in missing if "{" not in one.path)
        """What is documented and not served, and is no record's name though a served path would take it for one."""
        self._whole: dict[tuple[str, str], Operation] = {}
        """The operations whose paths have no parameter: found at once, since nothing wins over a literal."""
        self._known = lru_cache(maxsize=_KNOWN)(self._match)
        for operation in operations:
            node = self._root
            names = []
            for segment in operation.segments:
                form = _form(segment)
                if _is_parameter(segment):
                    names.append(segment[1:-1])
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
                elif form is not None:
                    names += form.names
                    node = node.forms.setdefault(form.pattern.pattern, (form.pattern, _Node()))[1]
                else:
                    node = node.literals.setdefault(segment, _Node())
            node.methods[operation.method] = (operation, tuple(names))
            if not names:
                self._whole[operation.method, "/" + "/".join(operation.segments)] = operation

    def match(self, method: str, path: str) -> Match | None:
        """The operation for `method` and `path` (decoded, beginning with a slash); None for an unknown path.

        HEAD finds the GET operation. Where several paths fit, the one with the earlier literal
        segment wins if it knows the method, so `/numbers/purchase` is never a `{provider}`.
        """
        # Clients come back to what they have made: to look through the segments takes ten times as long.
        return self._known(method, path) if len(path) <= _KNOWN_LENGTH else self._match(method, path)

    def _match(self, method: str, path: str) -> Match | None:
        lookup = "GET" if method == "HEAD" else method
        whole = self._whole.get((lookup, path))
        if whole is not None:
            return Match(whole, {}, ())
        if not path.startswith("/") or (lookup, path) in self._unserved:
            return None
        allowed: dict[str, None] = {}
        found = _find(self._root, path[1:].split("/"), 0, (), lookup, allowed)
        if found is not None:
            return found
        return Match(None, {}, tuple(allowed)) if allowed else None


def _find(
    node: _Node, segments: list[str], index: int, values: tuple[str, ...], method: str, allowed: dict[str, None]
) -> Match | None:
    """The first match below `node`, literals before parameters; methods met on the way are put into `allowed`."""
    while index < len(segments):
        segment = segments[index]
        literal, parameter, forms = node.literals.get(segment), node.parameter if segment else None, node.forms
        index += 1
        if not forms and (literal is None or parameter is None):
            # There is one way on, if any.
            if parameter is not None:
                values = (*values, segment)
            onward = literal or parameter
            if onward is None:
                return None
            node = onward
            continue
        if literal is not None:
            found = _find(literal, segments, index, values, method, allowed)
            if found is not None:
                return found
        for pattern, below in forms.values():
            fitting = pattern.fullmatch(segment)
            found = (
                _find(below, segments, index, (*values, *fitting.groups()), method, allowed)
                if fitting is not None
                else None
            )
            if found is not None:
                return found
        if parameter is None:
            return None
        node, values = parameter, (*values, segment)
    known = node.methods.get(method)
    if known is not None:
        operation, names = known
        return Match(operation, dict(zip(names, values, strict=True)), ())
    for name in node.methods:
        allowed[name] = None
        if name == "GET":
            allowed["HEAD"] = None
    return None
