"""What a recording changes in a spec: a text goes in, the text with that one change comes out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from contract_tests.patching import places
from contract_tests.patching.yamltext import CannotEdit, Node, YamlText, flow
from mock_server.messages import Json, Violation
from mock_server.spec import ResponseSpec, SchemaCheck, Spec, SpecError, load_document, stated
from mock_server.spec.reading.parsed import parsed

Change = Callable[[str], str]
"""From the text of a spec to the text with the change; raises CannotEdit where it cannot be made."""
_PAGES = ("seed", "doc")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def observed(source: str) -> str:
    """The evidence of what a recording shows, as YAML."""
    return flow({"grade": "observed", "source": source})


def raised(find: Callable[[YamlText], Node], said: str, word: str = "x-evidence", part: str = "") -> Change:
    """A statement that stays as it is, and is known better."""

    def change(old: str) -> str:
        text = YamlText(old)
        places.grade(text, find(text), said, word, part)
        return text.changed()

    return change


def renamed(operation: str, status: int, recorded: int, said: str) -> Change:
    """A success with another number than the assumed one."""

    def change(old: str) -> str:
        text = YamlText(old)
        pair = text.pair(places.operation(text, operation), "responses")
        responses = text.meant(pair[1]) if pair else None
        found = text.pair(responses, str(status)) if responses else None
        if found is None or responses is None:
            return old
        if text.pair(responses, str(recorded)) is not None:
            raise CannotEdit(f"{operation} may answer with {recorded} too, and which is right nobody knows")
        text.rename(found[0], f'"{recorded}"')
        node = text.meant(found[1])
        if node is found[1]:
            places.grade(text, node, said, part="status")
        return text.changed()

    return change


def answered(file: Path, name: str, statuses: Mapping[str, int], bodies: Sequence[Json], said: str) -> Change:
    """A named answer with the body, and for each operation with the status, that was recorded."""
    value, varying = agreed(bodies)

    def change(old: str) -> str:
        text = YamlText(old)
        first = next(iter(statuses))
        node = places.answer(text, first, name)
        places.rewrite(text, node, value, _words(text, node, value, varying))
        text = YamlText(text.changed())
        places.grade(text, places.answer(text, first, name), said)
        text = YamlText(text.changed())
        for operation, status in statuses.items():
            if places.move(text, operation, name, status, said):
                text = YamlText(text.changed())
        return _fitting(text.changed(), file, list(statuses), name, value)

    return change


def field_widened(file: Path, operation: str, status: int, pointer: str, values: Sequence[Json], said: str) -> Change:
    """A field that may hold what was recorded: null, another type, another word."""

    def change(old: str) -> str:
        text = YamlText(old)
        node = places.field(text, operation, status, pointer)
        for value in values:
            check = SchemaCheck(text.value(node))
            for violation in check.differences(value):
                if violation.field:
                    raise CannotEdit(f"what is wrong is inside of {pointer}: {violation.message}")
                _widen(text, node, violation.kind, value)
                text = YamlText(text.changed())
                node = places.field(text, operation, status, pointer)
        places.grade(text, node, said)
        return text.changed()

    return change


def not_required(operation: str, status: int, pointer: str, names: Sequence[str], said: str) -> Change:
    """Fields that an answer may go without, as it did."""

    def change(old: str) -> str:
        for name in names:
            text = YamlText(old)
            _not_required(text, places.field(text, operation, status, pointer), name)
            old = text.changed()
        text = YamlText(old)
        places.grade(text, places.field(text, operation, status, pointer), said, part="required")
        return text.changed()

    return change


def may_be_null(operation: str, status: int, pointer: str, names: Sequence[str], said: str) -> Change:
    """Fields that may be null, as they were."""

    def change(old: str) -> str:
        for name in names:
            at = f"{pointer.rstrip('/')}/{name}" if name else pointer
            text = YamlText(old)
            _widen(text, places.field(text, operation, status, at), "null", None)
            text = YamlText(text.changed())
            places.grade(text, places.field(text, operation, status, at), said, part="null")
            old = text.changed()
        return old

    return change


def agreed(bodies: Sequence[Json]) -> tuple[dict[str, Json], set[str]]:
    """The body that was recorded most often, and the keys of which recordings say different things."""
    known = [body for body in bodies if isinstance(body, dict)]
    if len(known) < len(bodies) or not known:
        raise CannotEdit("what was recorded is no JSON object")
    texts = Counter(json.dumps(body, sort_keys=True) for body in known)
    often = texts.most_common(1)[0][0]
    value = next(body for body in known if json.dumps(body, sort_keys=True) == often)
    return value, {key for body in known for key in {*body, *value} if body.get(key) != value.get(key)}


def _words(text: YamlText, node: Node, value: Mapping[str, Json], varying: set[str]) -> dict[str, Json]:
    """What stands beside an example, as far as it holds of the new value, and what varies as such."""
    have = {key.text: text.value(said) for key, said in node.pairs}
    literals: dict[str, Json] = {}
    for name, literal in (have.get("x-placeholders") or {}).items():
        if isinstance(literal, str) and literal in str(value):
            literals[name] = literal
    words: dict[str, Json] = {}
    for key in sorted(varying):
        one = value.get(key)
        if isinstance(one, str) and one and key in value and not any(str(each) in one for each in literals.values()):
            literals[key] = one
    open_keys = [key for key in sorted(varying) if key not in literals and key in value]
    undecided = have.get("x-undecided") or []
    constants = have.get("x-constants") or []
    assert isinstance(undecided, list)
    assert isinstance(constants, list)
    if "x-placeholders" in have or literals:
        words["x-placeholders"] = literals
    if undecided or open_keys:
        words["x-undecided"] = [*undecided, *(key for key in open_keys if key not in undecided)]
    if constants:
        words["x-constants"] = [key for key in constants if key in value and key not in varying]
    return words


def _fitting(old: str, file: Path, operations: Sequence[str], name: str, value: Json) -> str:
    """The text with the schema of an answer widened until it has room for a value; never against a page."""
    for _ in range(20):
        spec = loaded(old, file)
        found = next((one for operation in operations for one in _misfits(spec, operation, name, value)), None)
        if found is None:
            return old
        operation, response, violation = found
        known = stated(response.schema, violation.field, violation.kind) or response.evidence
        if known.grade in _PAGES:
            raise CannotEdit(f"{violation.message}, says {known.source} ({known.grade})")
        text = YamlText(old)
        media = places.example(text, operation, name)
        schema = text.under(media.media, "schema") if media else None
        way = violation.field.split(".") if violation.field else []
        if violation.kind == "required":
            way, missing = way[:-1], way[-1]
            _not_required(text, _inside(text, schema, way), missing)
        else:
            _widen(text, _inside(text, schema, way), violation.kind, _at(value, way))
        old = text.changed()
    raise CannotEdit("the schema has no room for what was recorded")


def _misfits(spec: Spec, operation: str, name: str, value: Json) -> Iterator[tuple[str, ResponseSpec, Violation]]:
    answer = spec.operations[operation].answers.get(name)
    response = spec.operations[operation].responses.get(answer.status) if answer else None
    if answer is not None and response is not None and response.schema is not None:
        for violation in SchemaCheck(response.schema).differences(value):
            yield operation, response, violation


def loaded(text: str, file: Path) -> Spec:
    """The spec that a text is; CannotEdit where it is none."""
    try:
        return load_document(parsed(text), file)
    except SpecError as error:
        raise CannotEdit(f"what comes of it is no spec: {error}") from None


def _inside(text: YamlText, schema: Node | None, way: Sequence[str]) -> Node:
    for part in way:
        schema = places.child(text, schema, "*" if part.isdigit() else part) if schema else None
    if schema is None:
        raise CannotEdit("the schema has no room for what was recorded")
    return text.meant(schema)


def _at(value: Json, way: Sequence[str]) -> Json:
    for part in way:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _not_required(text: YamlText, schema: Node, name: str) -> None:
    required = text.under(schema, "required")
    names = text.value(text.meant(required)) if required else None
    if not isinstance(names, list) or name not in names:
        raise CannotEdit(f"where {name} is required is not found")
    names.remove(name)
    if names:
        text.put(schema, "required", flow(names))
    else:
        text.remove(schema, "required")


def _widen(text: YamlText, schema: Node, kind: str, value: Json) -> None:
    """Lets a schema allow a value too."""
    word = "type" if kind in ("type", "null") else kind
    found = text.under(schema, word)
    said = text.value(text.meant(found)) if found else None
    if found is None or word not in ("type", "enum"):
        raise CannotEdit(f"{kind} is changed by hand")
    several = said if isinstance(said, list) else [said]
    more = ("null" if value is None else _TYPES[type(value)]) if word == "type" else value
    text.put(schema, word, flow([*several, more]))
