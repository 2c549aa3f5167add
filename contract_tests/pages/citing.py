"""What of the specs rests on which page: every `x-evidence` whose source is a page, with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contract_tests.patching.yamltext import CannotEdit, Node, YamlText, walk

_PAGE = re.compile(r"(?P<address>[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:/[^\s()]*)?)(?: \((?P<title>.+)\))?")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_WORD = re.compile(r"[A-Za-z0-9_$.+-]{3,}")
_NAME = re.compile(r"_|\d|[a-z][A-Z]")
_MOST_WORDS, _SHORTEST_PHRASE, _LONGEST_PHRASE = 400, 12, 200


class Source(NamedTuple):
    """A page as a spec names it: `docs.teli.ai/users/create`, or `docs.interactly.ai (Update Number)`."""

    name: str
    address: str
    title: str


class Statement(NamedTuple):
    """One statement that rests on a page: which spec, where, in words, how it is known, and the words it speaks of."""

    provider: str
    place: str
    what: str
    grade: str
    words: frozenset[str]
    phrases: frozenset[str] = frozenset()

    def speaks_of(self, text: str) -> bool:
        """Whether a sentence of a page is about it."""
        return bool(self.words & words_of(text)) or any(phrase in text for phrase in self.phrases)

    def as_json(self) -> dict[str, Any]:
        """The statement for a machine."""
        return {"provider": self.provider, "line": self.place, "what": self.what, "grade": self.grade}


def source(name: str) -> Source | None:
    """The page that a source names; None for a decision of ours, a client, anything that is no page."""
    found = _PAGE.fullmatch(name)
    return Source(name, found["address"], found["title"] or "") if found else None


def cited(files: Mapping[str, Path]) -> dict[str, list[Statement]]:
    """The statements of the specs by the page that they rest on; CannotEdit or OSError for a file that is none."""
    found: dict[str, list[Statement]] = {}
    for provider, file in files.items():
        try:
            text = YamlText(file.read_text(encoding="utf-8"))
        except (CannotEdit, UnicodeDecodeError) as error:
            raise CannotEdit(f"{file}: {error}") from None
        name = f"{file.parent.name}/{file.name}"
        for node, way, said in _evidence(text, text.root, ()):
            known = {key.text: text.meant(value).text for key, value in text.meant(said).pairs}
            if source(known.get("source", "")) is None or "grade" not in known:
                continue
            statement = Statement(
                provider, f"{name}:{text.line(said)}", _what(text, way), known["grade"], *_words(node, way)
            )
            found.setdefault(known["source"], []).append(statement)
    return found


def _evidence(text: YamlText, node: Node, way: tuple[str, ...]) -> Iterator[tuple[Node, tuple[str, ...], Node]]:
    """Every `{grade, source}`, where it is written: what it is about, the way there, and itself; aliases count too."""
    for key, value in node.pairs:
        if key.text in ("x-evidence", "evidence", "refused"):
            meant = text.meant(value)
            names = [name.text for name, _ in meant.pairs]
            if "grade" in names:
                yield node, way, value
            else:
                for part, one in meant.pairs:
                    yield node, (*way, part.text), one
        elif key.text != "$ref":
            yield from _evidence(text, value, (*way, key.text))
    for index, item in enumerate(node.items):
        yield from _evidence(text, item, (*way, str(index)))


def _what(text: YamlText, way: tuple[str, ...]) -> str:
    """A place of a spec in words: the operation and what of it, or the way there."""
    if len(way) >= 3 and way[0] == "paths" and way[2] in _METHODS:
        node = text.under(text.root, *way[:3], "operationId")
        first, rest = (node.text if node else f"{way[2].upper()} {way[1]}"), way[3:]
    elif way[:1] == ("x-missing",) and len(way) == 2:
        missing = text.under(text.root, "x-missing")
        item = text.meant(missing).items[int(way[1])] if missing else None
        said = [text.under(item, word) for word in ("method", "path")] if item else []
        first, rest = "not served: " + " ".join(one.text for one in said if one), ()
    elif way[:1] == ("components",):
        first, rest = f"{way[1].removesuffix('s')} {way[2]}" if len(way) > 2 else "components", way[3:]
    else:
        first, rest = (way[0], way[1:]) if way else ("the whole file", ())
    left = [part for part in rest if part not in ("content", "application/json", "schema", "properties", "examples")]
    return f"{first}: {' '.join(left)}" if left else first


def _words(node: Node, way: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """What a statement speaks of: names that are no everyday words, with its own, and the sentences that it quotes."""
    words, phrases = set(way[-1:]) - _COMMON, set[str]()
    for one in walk(node):
        if one.kind != "scalar" or len(words) > _MOST_WORDS:
            continue
        words |= {word for word in words_of(one.text) if _NAME.search(word)}
        if " " in one.text and _SHORTEST_PHRASE <= len(one.text) <= _LONGEST_PHRASE:
            phrases.add(one.text)
    return frozenset(words), frozenset(phrases)


def words_of(text: str) -> set[str]:
    """The words of a text, whatever stands around them."""
    return {word.strip(".-") for word in _WORD.findall(text)}


_COMMON = frozenset(
    "the and for not are with that this from doc seed grade source value status type object string number integer"
    " boolean array true false null description schema content application json examples example properties required"
    " items answer body path query summary response responses evidence x-evidence docs page operationId name key"
    " you your can will".split()
)
