"""Where a spec file says what: the line to change when a statement proves wrong, and the one with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mock_server.spec import Operation, Spec

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """`file:line` of a statement, and `file:line` of the evidence that grades it."""

    statement: str
    evidence: str


class _Found(NamedTuple):
    """What stands under a key: the line of the key, and the node."""

    line: int
    node: yaml.Node


class SpecLines:
    """Finds the lines of one spec file; references and anchors are followed to where the words stand."""

    def __init__(self, spec: Spec) -> None:
        file = Path(spec.file)
        self._name = f"{file.parent.name}/{file.name}"
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=_Loader)
        assert root is not None
        self._root = root
        self._operations = dict(self._all_operations())

    def operation(self, operation: Operation) -> str:
        """Where an operation begins, as `file:line`."""
        return self._at(self._operations[operation.id].start_mark.line + 1)

    def answer(self, operation: Operation | None, name: str) -> Place | None:
        """The value of a named answer: the operation's own, else the one that every operation shares."""
        if operation is not None and name in operation.answers:
            status = str(operation.answers[name].status)
            response = self._down(self._operations[operation.id], "responses", status)
            content = self._down(response, "content")
            for _, media in _pairs(content.node) if content and response else ():
                example = self._down(media, "examples", name)
                if example is not None and response is not None:
                    return self._place(
                        self._down(example.node, "value") or example,
                        (example.node, response.node, self._operations[operation.id]),
                        "body",
                    )
        example = self._down(self._root, "x-answers", name, "example")
        return self._place(self._down(example, "value"), (example.node,)) if example else None

    def request(self, operation: Operation, name: str) -> Place | None:
        """A named request of an operation."""
        found = self._down(self._operations[operation.id], "x-requests", name)
        return self._place(found, (found.node, self._operations[operation.id])) if found else None

    def response(self, operation: Operation, status: int) -> Place | None:
        """What an operation may answer with that status."""
        found = self._down(self._operations[operation.id], "responses", str(status))
        return self._place(found, (found.node, self._operations[operation.id]), "status") if found else None

    def contract(self, operation: Operation, key: str) -> Place | None:
        """What the contract of an operation says under a key."""
        contract = self._down(self._operations[operation.id], "x-contract")
        found = self._down(contract, key)
        declared = self._down(contract, "evidence")
        if found is None or declared is None:
            return None
        graded = self._down(declared, key, "grade") or self._down(declared, "grade")
        return Place(self._at(found.line), self._at((graded or declared).line))

    def refusal(self, operation: Operation, index: int) -> Place | None:
        """A rule of an operation for requests that break the schema, counted from 0."""
        rules = self._down(self._operations[operation.id], "x-refusals")
        if rules is None or not isinstance(rules.node, yaml.SequenceNode) or index >= len(rules.node.value):
            return None
        rule = rules.node.value[index]
        return self._place(_Found(rule.start_mark.line + 1, rule), (rule, self._operations[operation.id]))

    def field(self, operation: Operation, status: int | None, pointer: str, word: str = "*") -> Place | None:
        """A field of an answer with that status, or of the request's body (None); `*` stands for each row of a list.

        With a keyword it is of that alone, where the evidence speaks of it.
        """
        node = self._operations[operation.id]
        above = self._down(node, *(("requestBody",) if status is None else ("responses", str(status))))
        content = self._down(above, "content")
        for _, media in _pairs(content.node) if content and above else ():
            found = self._down(media, "schema")
            graded = [node, above.node] if above else [node]
            for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
                found = self._child(found, part)
                graded += [found.node] if found else []
            return self._place(found, tuple(reversed(graded)), word) if found else None
        return None

    def _child(self, schema: _Found | None, part: str) -> _Found | None:
        """The schema of a property, or of the rows of a list, in any of the parts that a schema is made of."""
        if schema is None:
            return None
        found = self._down(schema, "items") if part == "*" else self._down(schema, "properties", part)
        for word in ("allOf", "anyOf", "oneOf"):
            several = self._down(schema, word)
            for one in several.node.value if several and isinstance(several.node, yaml.SequenceNode) else ():
                found = found or self._child(_Found(one.start_mark.line + 1, one), part)
        for word in ("then", "else"):
            found = found or self._child(self._down(schema, word), part)
        return found

    # --- nodes ----------------------------------------------------------------------------------

    def _all_operations(self) -> Iterator[tuple[str, yaml.Node]]:
        paths = self._down(self._root, "paths")
        for _, item in _pairs(paths.node) if paths else ():
            for _, node in _pairs(item):
                name = self._down(node, "operationId")
                if name is not None:
                    yield str(name.node.value), node

    def _down(self, start: _Found | yaml.Node | None, *keys: str) -> _Found | None:
        """What stands below a node under these keys, one inside the other."""
        found = _Found(start.start_mark.line + 1, start) if isinstance(start, yaml.Node) else start
        for key in keys:
            found = self._under(found.node, key) if found else None
        return found

    def _under(self, node: yaml.Node, key: str) -> _Found | None:
        reference = None
        for name, value in _pairs(node):
            if name.value == key:
                return _Found(name.start_mark.line + 1, value)
            if name.value == "$ref":
                reference = str(value.value)
        if reference is None:
            return None
        target = self._down(self._root, *(part.replace("~1", "/") for part in reference[2:].split("/")))
        return self._under(target.node, key) if target else None

    def _place(self, found: _Found | None, graded: tuple[yaml.Node, ...], part: str = "") -> Place | None:
        """The place of a statement; its evidence is the first that a node has, for this part or as a whole."""
        if found is None:
            return None
        for node in graded:
            said = self._down(node, "x-evidence")
            grade = self._down(said, "grade") or self._down(said, part, "grade")
            grade = grade or self._down(node, "evidence", "grade")
            if grade is not None:
                return Place(self._at(found.line), self._at(grade.line))
        return Place(self._at(found.line), self._at(found.line))

    def _at(self, line: int) -> str:
        return f"{self._name}:{line}"


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []
