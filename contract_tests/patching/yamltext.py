"""A YAML text as a tree that knows where everything stands, so that one value is changed and the rest stays as it is.

Comments, order, anchors, quotes and line ends belong to the text and are never written anew.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from mock_server.messages import Json

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OTHER_BREAKS = "\x85\u2028\u2029"
"""What YAML takes for the end of a line, and nobody else."""
_TELLING = ("operationId", "summary", "description", "value")
"""What a new line is put behind, if it is there: the words that begin a statement."""


class CannotEdit(Exception):
    """The text cannot be changed so; the sentence says why."""


@dataclass(eq=False)
class Node:
    """A value: where its text begins (with its anchor, at `body` without) and ends; an alias knows its name only."""

    kind: str
    start: int
    body: int
    end: int
    flow: bool = False
    anchor: str | None = None
    text: str = ""
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)


class Edit(NamedTuple):
    """Characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class YamlText:
    """One text, its tree, and the edits that are collected for it."""

    def __init__(self, text: str) -> None:
        if any(char in text for char in _OTHER_BREAKS) or "\r" in text.replace("\r\n", "\n"):
            raise CannotEdit("lines end in another way than with a line feed")
        self.text = text
        self._starts = [0]
        for index, char in enumerate(text):
            if char == "\n":
                self._starts.append(index + 1)
        self.anchors: dict[str, Node] = {}
        self.aliases: list[Node] = []
        self._events = yaml.parse(text, Loader=_Loader)
        try:
            self.root = self._document()
        except yaml.YAMLError as error:
            raise CannotEdit(f"it is no YAML then: {' '.join(str(error).split())[:200]}") from None
        self._edits: list[Edit] = []

    # --- looking --------------------------------------------------------------------------------

    def line(self, node: Node) -> int:
        """The line in which a value begins, from 1."""
        return self.text.count("\n", 0, node.start) + 1

    def meant(self, node: Node) -> Node:
        """The value itself, where an alias or a `$ref` stands for it."""
        for _ in range(50):
            if node.kind == "alias":
                node = self.anchors[node.text]
                continue
            reference = next((value.text for key, value in node.pairs if key.text == "$ref"), None)
            if reference is None or not reference.startswith("#/"):
                return node
            target: Node | None = self.root
            for part in reference[2:].split("/"):
                target = self.under(target, part.replace("~1", "/").replace("~0", "~")) if target else None
            if target is None:
                return node
            node = target
        raise CannotEdit("references lead nowhere")

    def pair(self, node: Node, name: str) -> tuple[Node, Node] | None:
        """The key and the value of that name in what a node means, or None; those beside a `$ref` count first."""
        plain = self.anchors[node.text] if node.kind == "alias" else node
        for one in (plain, self.meant(node)):
            for key, value in one.pairs:
                if key.text == name:
                    return key, value
        return None

    def under(self, node: Node, *names: str) -> Node | None:
        """What stands below a node under these names, as it is written there."""
        found: Node | None = node
        for name in names:
            pair = self.pair(found, name) if found else None
            found = pair[1] if pair else None
        return found

    def value(self, node: Node) -> Json:
        """What a node says."""
        node = self.anchors[node.text] if node.kind == "alias" else node
        if node.kind == "map":
            return {key.text: self.value(child) for key, child in node.pairs}
        if node.kind == "list":
            return [self.value(child) for child in node.items]
        # The plain text of a scalar says by its form what it is.
        said: Json = yaml.load(self.raw(node), Loader=_Loader)  # noqa: S506 - a safe one
        return said if isinstance(said, str | int | float | bool) or said is None else node.text

    def raw(self, node: Node) -> str:
        """A value as it is written, without its anchor."""
        return self.text[node.body : node.end]

    def inline(self, node: Node) -> str:
        """A value as it is written where that is one line, else written so."""
        raw = self.raw(node)
        block = node.kind in ("map", "list") and not node.flow
        return flow(self.value(node)) if block or "\n" in raw else raw

    # --- changing -------------------------------------------------------------------------------

    def replace(self, key: Node, node: Node, text: str) -> None:
        """Writes another value under a key; what shares the old one by an alias keeps it."""
        self._free(node)
        begins = self.text.rfind("\n", 0, node.start)
        if begins < key.end:
            self._edit(node.start, node.end, text)
        else:
            # A block begins on a line of its own; what takes its place stands behind the key, before its comment.
            colon = self.text.index(":", key.end) + 1
            self._edit(colon, colon, f" {text}")
            self._edit(begins, node.end, "")

    def rename(self, key: Node, text: str) -> None:
        """Writes another key."""
        self._edit(key.start, key.end, text)

    def put(self, mapping: Node, name: str, text: str) -> None:
        """Sets a name in a mapping that stands here, in place of what it has or at its end."""
        if mapping.kind != "map":
            raise CannotEdit(f"line {self.line(mapping)} holds no mapping of its own")
        for key, value in mapping.pairs:
            if key.text == name:
                self.replace(key, value, text)
                return
        told = [value for key, value in mapping.pairs if key.text in _TELLING]
        last = (told or [value for _, value in mapping.pairs])[-1] if mapping.pairs else None
        if mapping.flow or not mapping.pairs:
            self._edit(mapping.end - 1, mapping.end - 1, f"{', ' if last else ''}{name}: {text}")
        elif last is not None:
            self.add_line(last, f"{' ' * self.column(mapping.pairs[0][0])}{name}: {text}")

    def add_line(self, after: Node, line: str) -> None:
        """Writes lines of their own behind the line in which a value ends."""
        end = self.text.find("\n", after.end)
        end = len(self.text) if end < 0 else end
        self._edit(end, end, f"\n{line}")

    def remove(self, mapping: Node, name: str) -> None:
        """Takes a name and its value out of a mapping."""
        index = next((index for index, (key, _) in enumerate(mapping.pairs) if key.text == name), None)
        if index is None:
            return
        key, value = mapping.pairs[index]
        self._free(value, key.start, value.end)
        if not mapping.flow:
            start = max(self.text.rfind("\n", 0, key.start), 0)
            if self.text[start : key.start].strip():
                raise CannotEdit(f"line {self.line(key)} begins with something else")
            end = self.text.find("\n", value.end)
            self._edit(start, len(self.text) if end < 0 else end, "")
        elif index:
            self._edit(mapping.pairs[index - 1][1].end, value.end, "")
        else:
            after = mapping.pairs[1][0].start if len(mapping.pairs) > 1 else mapping.end - 1
            self._edit(key.start, after, "")

    def column(self, node: Node) -> int:
        """In which column a value begins, from 0."""
        return node.start - (self.text.rfind("\n", 0, node.start) + 1)

    def changed(self) -> str:
        """The text with every edit in it."""
        text, at = [], 0
        for edit in self._edits:
            if edit.start < at:
                raise CannotEdit("two changes of one value")
            text += [self.text[at : edit.start], edit.text]
            at = edit.end
        return "".join([*text, self.text[at:]])

    def _edit(self, start: int, end: int, text: str) -> None:
        edit = Edit(start, end, text)
        if edit not in self._edits:
            insort(self._edits, edit)

    def _free(self, node: Node, start: int = -1, end: int = -1) -> None:
        """Before a value goes: the first alias of each anchor within it becomes the value, anchor and all."""
        start, end = (node.start, node.end) if start < 0 else (start, end)
        for name, one in self.anchors.items():
            if not start <= one.start < end:
                continue
            others = [alias for alias in self.aliases if alias.text == name and not start <= alias.start < end]
            if not others:
                continue
            if any(below.anchor or below.kind == "alias" for below in walk(one) if below is not one):
                raise CannotEdit(f"line {self.line(one)} has an anchor with others inside, which other places use")
            self._edit(others[0].start, others[0].end, f"&{name} {self.inline(one)}")

    # --- reading --------------------------------------------------------------------------------

    def _document(self) -> Node:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                return self._node(next(self._events))
        raise CannotEdit("there is nothing in it")

    def _node(self, event: Any) -> Node:
        start, end = self._at(event.start_mark), self._at(event.end_mark)
        if isinstance(event, yaml.AliasEvent):
            node = Node("alias", start, start, end, text=event.anchor or "")
            self.aliases.append(node)
            return node
        body = start
        if event.anchor is not None:
            body = start + len(event.anchor) + 1
            body += len(self.text[body:]) - len(self.text[body:].lstrip()) if body < len(self.text) else 0
        if isinstance(event, yaml.ScalarEvent):
            # The mark of a folded text stands where the next thing begins.
            end -= len(self.text[start:end]) - len(self.text[start:end].rstrip())
            node = Node("scalar", start, body, end, anchor=event.anchor, text=event.value)
        else:
            mapping = isinstance(event, yaml.MappingStartEvent)
            node = Node("map" if mapping else "list", start, body, end, bool(event.flow_style), event.anchor)
            self._children(node)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _children(self, node: Node) -> None:
        for event in self._events:
            if isinstance(event, yaml.CollectionEndEvent):
                last = [value for _, value in node.pairs[-1:]] + node.items[-1:]
                node.end = self._at(event.end_mark) if node.flow or not last else last[0].end
                return
            child = self._node(event)
            if node.kind == "list":
                node.items.append(child)
            else:
                node.pairs.append((child, self._node(next(self._events))))

    def _at(self, mark: Any) -> int:
        return int(self._starts[mark.line] + mark.column) if mark.line < len(self._starts) else len(self.text)


class _OneLine(yaml.SafeDumper):
    """Writes texts with line ends in quotes, with escapes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_OneLine.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)


def flow(value: Json) -> str:
    """A value as YAML writes it in one line."""
    said = yaml.dump(
        value, Dumper=_OneLine, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True
    )
    return str(said).removesuffix("\n").removesuffix("\n...").strip()


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    for child in (*(one for pair in node.pairs for one in pair), *node.items):
        yield from walk(child)
