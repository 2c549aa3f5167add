"""The schemas of a file in our terms: 3.1, each component once and shared, without circles, of bounded size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs

from mock_server.adopting.forms.circles import circles
from mock_server.adopting.forms.merging import spread
from mock_server.spec.reading.document import SCHEMA_KEYWORDS

MOST_NODES = 1_500
"""How many schemas one may contain, with all that it refers to; of more the largest parts may be anything."""

_NAMED = ("properties", "patternProperties")
_ONE = ("items", "additionalProperties", "not", "propertyNames", "if", "then", "else", "contains")
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_DATA = ("example", "examples", "default", "enum", "const", "discriminator")
_COMPONENT = "#/components/schemas/"


class _Frame:
    """A component, or a schema of an operation, that is being made: its own schemas, and where it refers to others."""

    def __init__(self) -> None:
        self.count = 0
        self.referred: list[tuple[int, Any, Any]] = []


class Schemas:
    """Makes the schemas of one document ours."""

    def __init__(self, document: dict[str, Any], followed: Callable[[Any], Any], note: Callable[[str], None]) -> None:
        self._followed, self._note = followed, note
        self._made: dict[tuple[str, bool], Any] = {}
        self._open: set[tuple[str, bool]] = set()
        self._sizes: dict[int, int] = {}
        self._frames = [_Frame()]
        self._names: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._without: dict[tuple[int, str], tuple[Any, Any]] = {}
        self.components: dict[str, Any] = {}
        """What was made of the file's components, by the names they are written under."""
        starts = {reference for reference in references(document) if reference.startswith("#/")}
        self._circles = circles(sorted(starts), self._leads_to)

    def _leads_to(self, reference: str) -> list[str]:
        return sorted({one for one in references(self._followed({"$ref": reference})) if one.startswith("#/")})

    def schema(self, node: Any) -> Any:
        """The schema in our terms; one that only refers to a component is that component's."""
        self._frames.append(_Frame())
        holder = [self._converted(node, None, inner=False)]
        self._bounded(self._frames.pop())
        return holder[0]

    def written(self, schema: Any) -> dict[str, Any] | None:
        """How a schema is written where it is a component's; None where it is written out."""
        known = self._names.get(id(schema))
        return known[1] if known is not None else None

    def extended(self, schema: Any, **more: Any) -> Any:
        """The schema with further words, still written as a reference."""
        if not isinstance(schema, dict):
            return schema
        new = {**schema, **more}
        written = self.written(schema)
        if written is not None:
            self._names[id(new)] = (new, {**written, **more})
        return new

    def without(self, schema: Any, word: str) -> Any:
        """The schema without what is only in answers (`readOnly`), or without what is only sent (`writeOnly`)."""
        known = self._without.get((id(schema), word))
        if known is None:
            known = self._without[id(schema), word] = (schema, self._stripped(schema, word))
        return known[1]

    def _stripped(self, schema: Any, word: str) -> Any:
        marked = {name for name, child in spread(schema)["properties"].items() if _is_marked(child, word)}
        if not marked:
            return schema
        changed = dict(schema)
        named = schema.get("properties") or {}
        if not marked.isdisjoint(named):
            changed["properties"] = {name: child for name, child in named.items() if not _is_marked(child, word)}
        if not marked.isdisjoint(schema.get("required") or ()):
            changed["required"] = [name for name in schema["required"] if name not in marked]
            if not changed["required"]:
                del changed["required"]
        for several in ("allOf", "oneOf", "anyOf"):
            if several in schema:
                changed[several] = [self.without(part, word) for part in schema[several]]
        written = self.written(schema)
        if written is not None and set(written) == {"$ref"}:
            name = self._name(written["$ref"] + ("-sent" if word == "readOnly" else "-shown"), inner=False)
            self.components[name] = changed
            self._names[id(changed)] = (changed, {"$ref": _COMPONENT + name})
        return changed

    def _converted(self, node: Any, circle: frozenset[str] | None, *, inner: bool) -> Any:
        """One schema and all inside it; `circle` is the one that it is a part of, `inner` once it has come round."""
        self._frames[-1].count += 1
        if isinstance(node, bool) or not isinstance(node, dict):
            return node if isinstance(node, bool) else {}
        if isinstance(node.get("$ref"), str):
            return self._referred(node, circle, inner=inner)
        schema: dict[str, Any] = {}
        for key, value in node.items():
            if key in _NAMED and isinstance(value, dict):
                schema[key] = {}
                for name, child in value.items():
                    self._put(schema[key], str(name), child, circle, inner=inner)
            elif key in _ONE and isinstance(value, dict | bool):
                self._put(schema, key, value, circle, inner=inner)
            elif key in _SEVERAL and isinstance(value, list) and value:
                schema[key] = [None] * len(value)
                for index, child in enumerate(value):
                    self._put(schema[key], index, child, circle, inner=inner)
            elif key in SCHEMA_KEYWORDS and not str(key).startswith("x-"):
                if key in _DATA and next(references(value), None) is not None:
                    # A reference in an example is read as one, and is none.
                    value = self._followed(value)
                    if next(references(value), None) is not None:
                        self._note("examples that refer to others are left out")
                        continue
                schema[key] = value
            elif key != "nullable" and not str(key).startswith("x-"):
                self._note(f"the schema keyword {key!r} is left out")
        return self._sound(_as_3_1(schema, bool(node.get("nullable"))))

    def _put(self, holder: Any, key: Any, child: Any, circle: frozenset[str] | None, *, inner: bool) -> None:
        holder[key] = value = self._converted(child, circle, inner=inner)
        size = self._sizes.get(id(value))
        if size is not None:
            self._frames[-1].referred.append((size, holder, key))

    def _referred(self, node: dict[str, Any], circle: frozenset[str] | None, *, inner: bool) -> Any:
        reference = node["$ref"]
        own = self._circles.get(reference)
        round_again = own is not None and own is circle
        if round_again and inner:
            self._note(f"{reference} contains itself; inside of itself it may be anything")
            return {}
        target = self._component(reference, own, inner=round_again)
        if node.get("nullable") is True and isinstance(target, dict) and target:
            return {"anyOf": [target, {"type": "null"}]}
        return target

    def _component(self, reference: str, circle: frozenset[str] | None, *, inner: bool) -> Any:
        key = (reference, inner)
        if key in self._made:
            return self._made[key]
        if key in self._open:
            return {}
        self._open.add(key)
        self._frames.append(_Frame())
        made = self._converted(self._followed({"$ref": reference}), circle, inner=inner)
        size = self._bounded(self._frames.pop())
        self._open.discard(key)
        self._made[key] = made
        if isinstance(made, dict) and made and id(made) not in self._sizes:
            self._sizes[id(made)] = size
            name = self._name(reference, inner=inner)
            self.components[name] = made
            self._names[id(made)] = (made, {"$ref": _COMPONENT + name})
        return made

    def _name(self, reference: str, *, inner: bool) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", reference.rpartition("/")[2]) + ("-inside" if inner else "")
        while name in self.components:
            name += "_"
        return name

    def _bounded(self, frame: _Frame) -> int:
        """The size of what was made, its largest parts taken out until it is not too large."""
        total = frame.count + sum(size for size, _, _ in frame.referred)
        for size, holder, key in sorted(frame.referred, key=lambda one: -one[0]):
            if total <= MOST_NODES:
                break
            self._note(f"schemas of more than {MOST_NODES} parts may hold anything in the largest of them")
            holder[key] = {}
            total -= size
        return total

    def _sound(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Without the words that stand for what JSON Schema does not know."""
        own = {key: value for key, value in schema.items() if key not in (*_NAMED, *_ONE, *_SEVERAL)}
        if _is_schema(own):
            return schema
        for key in own:
            if not _is_schema({key: own[key]}):
                self._note(f"{key}: {str(own[key])[:60]!r} is no JSON Schema, and is left out")
                del schema[key]
        return schema


def _is_marked(schema: Any, word: str) -> bool:
    return isinstance(schema, dict) and schema.get(word) is True


def _is_schema(words: dict[str, Any]) -> bool:
    try:
        if not jsonschema_rs.meta.is_valid(words):
            return False
        if "pattern" in words:
            jsonschema_rs.Draft202012Validator({"pattern": words["pattern"]})
    except (ValueError, TypeError, jsonschema_rs.ValidationError):
        return False
    return True


def _as_3_1(schema: dict[str, Any], nullable: bool) -> dict[str, Any]:
    """3.0's `nullable`, its bounds that are switches, and its single example."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if "example" in schema:
        schema.setdefault("examples", [schema["example"]])
        del schema["example"]
    if isinstance(schema.get("examples"), dict):
        schema["examples"] = list(schema["examples"].values())
    if nullable and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif nullable and schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    if isinstance(schema.get("required"), list) and not schema["required"]:
        del schema["required"]
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [one for index, one in enumerate(schema["enum"]) if one not in schema["enum"][:index]]
    return schema


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in a part of a document; what stands in several places is looked at once."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if not isinstance(one, dict | list) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict) and isinstance(one.get("$ref"), str):
            yield one["$ref"]
        stack.extend(one.values() if isinstance(one, dict) else one)
