"""Where the statements of a spec stand in its text, and how each is written anew."""

from __future__ import annotations

from typing import NamedTuple

from contract_tests.patching.yamltext import CannotEdit, Node, YamlText, flow, walk

_STEP = "  "


class Example(NamedTuple):
    """Where an operation has a named answer: the responses, the status, the response, the media and its examples."""

    responses: Node
    status: Node
    response: Node
    media_type: Node
    media: Node
    examples: Node
    name: Node
    example: Node


def operation(text: YamlText, id: str) -> Node:
    """The node of an operation."""
    paths = text.under(text.root, "paths")
    for _, item in paths.pairs if paths else ():
        for _, node in text.meant(item).pairs:
            named = text.under(node, "operationId") if node.kind == "map" else None
            if named is not None and named.text == id:
                return node
    raise CannotEdit(f"there is no operation {id}")


def response(text: YamlText, id: str, status: int) -> Node:
    """What an operation may answer with a status, wherever that is written."""
    found = text.under(operation(text, id), "responses", str(status))
    if found is None:
        raise CannotEdit(f"{id} has no response {status}")
    return text.meant(found)


def example(text: YamlText, id: str, name: str) -> Example | None:
    """Where an operation has an answer of its own."""
    responses = text.under(operation(text, id), "responses")
    for status, node in text.meant(responses).pairs if responses else ():
        content = text.under(node, "content")
        for media_type, media in text.meant(content).pairs if content else ():
            examples = text.under(media, "examples")
            pair = text.pair(examples, name) if examples else None
            if examples is not None and responses is not None and pair is not None:
                return Example(text.meant(responses), status, node, media_type, media, text.meant(examples), *pair)
    return None


def answer(text: YamlText, id: str, name: str) -> Node:
    """The example that is a named answer: the operation's own, else the one that all share."""
    own = example(text, id, name)
    found = own.example if own else text.under(text.root, "x-answers", name, "example")
    if found is None:
        raise CannotEdit(f"there is no answer {name}")
    return text.meant(found)


def request(text: YamlText, id: str, name: str) -> Node:
    """A named request of an operation."""
    found = text.under(operation(text, id), "x-requests", name)
    if found is None:
        raise CannotEdit(f"{id} has no request {name}")
    return text.meant(found)


def contract(text: YamlText, id: str) -> Node:
    """The contract of an operation."""
    found = text.under(operation(text, id), "x-contract")
    if found is None:
        raise CannotEdit(f"{id} has no contract")
    return text.meant(found)


def refusal(text: YamlText, id: str, index: int) -> Node:
    """A rule of an operation for requests that break the schema, counted from 0."""
    rules = text.under(operation(text, id), "x-refusals")
    items = text.meant(rules).items if rules else []
    if index >= len(items):
        raise CannotEdit(f"{id} has no such rule")
    return text.meant(items[index])


def field(text: YamlText, id: str, status: int, pointer: str) -> Node:
    """The schema of a field of an answer; `*` stands for each row of a list."""
    content = text.under(response(text, id, status), "content")
    for _, media in text.meant(content).pairs if content else ():
        found = text.under(media, "schema")
        for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
            found = child(text, found, part) if found else None
        if found is not None:
            return text.meant(found)
    raise CannotEdit(f"{id} has no field {pointer}")


def child(text: YamlText, schema: Node, part: str) -> Node | None:
    """The schema of a property, or of the rows of a list (`*`), in any of the parts that a schema is made of."""
    found = text.under(schema, "items") if part == "*" else text.under(schema, "properties", part)
    for word in ("allOf", "anyOf", "oneOf"):
        several = text.under(schema, word)
        for one in text.meant(several).items if several else ():
            found = found or child(text, one, part)
    for word in ("then", "else"):
        other = text.under(schema, word)
        found = found or (child(text, other, part) if other else None)
    return found


# --- written anew ----------------------------------------------------------------------------------------


def grade(text: YamlText, node: Node, said: str, word: str = "x-evidence", part: str = "") -> None:
    """Says how a node is known; with a part, of that part alone, while the rest keeps what was said of it."""
    own = next((value for key, value in node.pairs if key.text == word), None)
    if own is not None and not part and text.under(own, "grade") is None:
        part = "*"  # There is a statement for each keyword, and this one for the rest.
    if not part:
        text.put(node, word, said)
        return
    if own is None:
        text.put(node, word, f"{{{flow(part)}: {said}}}")
        return
    known = text.meant(own)
    if any(key.text == "grade" for key, _ in known.pairs):
        if word != "x-evidence":
            raise CannotEdit("one statement speaks for the whole contract")
        parts = {part: said, "body" if part == "status" else "*": text.inline(own)}
    else:
        parts = {key.text: text.inline(value) for key, value in known.pairs} | {part: said}
    told = [f"{flow(name)}: {value}" for name, value in parts.items()]
    text.put(node, word, f"{{{', '.join(told)}}}")


def rewrite(text: YamlText, answer: Node, value: object, words: dict[str, object]) -> None:
    """Gives an example another value, and other words beside it; a word without anything goes."""
    pair = text.pair(answer, "value")
    if pair is None:
        raise CannotEdit(f"line {text.line(answer)} shows no value")
    text.replace(*pair, flow(value))
    for word, said in words.items():
        if said:
            text.put(answer, word, flow(said))
        else:
            text.remove(answer, word)


def move(text: YamlText, id: str, name: str, status: int, said: str) -> bool:
    """Puts a named answer of an operation under another status; returns whether it was under another one."""
    found = example(text, id, name)
    if found is None:
        node = text.under(text.root, "x-answers", name)
        known = text.under(node, "status") if node else None
        if node is None or known is None or known.text == str(status):
            return False
        text.put(text.meant(node), "status", str(status))
        return True
    if found.status.text == str(status):
        return False
    target = text.pair(found.responses, str(status))
    alone = len(found.examples.pairs) == 1
    if target is None and alone:
        text.rename(found.status, f'"{status}"')
        if text.meant(found.response) is found.response:
            grade(text, found.response, said, part="status")
        return True
    if text.meant(found.response) is not found.response or text.meant(found.media) is not found.media:
        raise CannotEdit(f"{id} shares its answers of {found.status.text} with other operations")
    if any(node.anchor for node in walk(found.example)):
        raise CannotEdit(f"line {text.line(found.example)} has an anchor")
    if target is None:
        _new_response(text, found, status, said)
    else:
        _into(text, found, target[1])
    if alone:
        text.remove(found.responses, found.status.text)
    else:
        text.remove(found.examples, name)
    return True


def _into(text: YamlText, found: Example, response: Node) -> None:
    """Writes an example among those of a response that is there."""
    media = text.under(response, "content", found.media_type.text)
    examples = text.under(media, "examples") if media else None
    if examples is None or text.meant(response) is not response or text.meant(examples) is not examples:
        raise CannotEdit(f"line {text.line(response)} has no examples of its own")
    if examples.flow or not examples.pairs:
        text.put(examples, found.name.text, text.inline(found.example))
    else:
        text.add_line(examples.pairs[-1][1], _indented(text, found, text.column(examples.pairs[0][0])))


def _new_response(text: YamlText, found: Example, status: int, said: str) -> None:
    """Writes a response beside the one that an example stood under, with its schema."""
    schema = text.under(found.media, "schema")
    if found.responses.flow or found.response.flow:
        raise CannotEdit(f"line {text.line(found.responses)} has no room for another response")
    column = text.column(found.status)
    lines = [f'"{status}":', f"{_STEP}description: As recorded.", f"{_STEP}x-evidence: {said}", f"{_STEP}content:"]
    lines.append(f"{_STEP * 2}{found.media_type.text}:")
    if schema is not None:
        lines.append(f"{_STEP * 3}schema: {_shared(text, schema)}")
    lines.append(f"{_STEP * 3}examples:")
    entry = _indented(text, found, column + len(_STEP * 4))
    text.add_line(found.response, "\n".join([*(f"{' ' * column}{line}" for line in lines), entry]))


def _indented(text: YamlText, found: Example, column: int) -> str:
    """The lines of an example as they are, beginning in another column."""
    before = text.column(found.name)
    lines = text.text[found.name.start : found.example.end].split("\n")
    moved = [line[before:] if not line[:before].strip() else line.lstrip() for line in lines[1:]]
    return "\n".join(f"{' ' * column}{line}" if line else line for line in [lines[0], *moved])


def _shared(text: YamlText, node: Node) -> str:
    """A value to be written a second time: by its name where it has one, else in one line."""
    return f"*{node.anchor}" if node.anchor is not None else text.inline(node)
