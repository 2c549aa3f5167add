"""Two sides of a difference as text, what was expected and what was found, cut into pieces that differ or do not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from mock_server.messages import Json

LONGEST_CHARACTERS = 20_000
"""What is longer is cut: nobody reads it."""

MOST_COMPARISONS = 1_000_000
"""Sides with more lines or words than this, one number times the other, are not compared: it would take seconds."""

ALIKE = 0.4
"""Texts that have less in common than this are marked as a whole; marks on every other word help nobody."""

_TOKENS = re.compile(r"\w+|\s+|.")
_LAYOUT = re.compile(r"(\s*\n\s*|^\s+(?=\S))")


class Piece(NamedTuple):
    """A part of a side, and whether the other side has something else there."""

    text: str
    differs: bool


def sides(expected: Json, actual: Json) -> tuple[list[Piece], list[Piece]]:
    """Both values as indented JSON; the pieces of each joined are its whole text.

    Only what can be compared is: two texts, or two objects or lists. The keys of an object come in the order of the
    expected one, because their order means nothing.
    """
    left, right = _text(expected), _text(_ordered_like(expected, actual))
    if type(expected) is not type(actual) or not isinstance(expected, str | dict | list):
        return [Piece(left, False)], [Piece(right, False)]
    pairs = list(_compared(left.splitlines(keepends=True), right.splitlines(keepends=True), deeper=True))
    return _joined([one for one, _ in pairs]), _joined([other for _, other in pairs])


def _text(value: Json) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if len(text) > LONGEST_CHARACTERS:
        return f"{text[:LONGEST_CHARACTERS]}\n... {len(text) - LONGEST_CHARACTERS:,} characters more"
    return text


def _ordered_like(model: Json, value: Json) -> Json:
    if isinstance(model, dict) and isinstance(value, dict):
        names = [name for name in model if name in value] + [name for name in value if name not in model]
        return {name: _ordered_like(model.get(name), value[name]) for name in names}
    if isinstance(model, list) and isinstance(value, list):
        return [_ordered_like(model[index] if index < len(model) else None, child) for index, child in enumerate(value)]
    return value


def _compared(left: list[str], right: list[str], *, deeper: bool) -> Iterator[tuple[Piece, Piece]]:
    """Pairs of pieces, line by line, and within lines that were replaced word by word."""
    if len(left) * len(right) > MOST_COMPARISONS:
        yield Piece("".join(left), left != right), Piece("".join(right), left != right)
        return
    for what, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        one, other = "".join(left[a:b]), "".join(right[c:d])
        if what == "replace" and deeper:
            words, others = _TOKENS.findall(one), _TOKENS.findall(other)
            few = len(words) * len(others) <= MOST_COMPARISONS
            if few and SequenceMatcher(None, words, others, autojunk=False).ratio() >= ALIKE:
                yield from _compared(words, others, deeper=False)
                continue
        yield Piece(one, what != "equal"), Piece(other, what != "equal")


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of a kind as one piece; ends of lines and indentation are never among what differs."""
    found: list[Piece] = []
    for piece in pieces:
        for index, text in enumerate(_LAYOUT.split(piece.text)):
            differs = piece.differs and index % 2 == 0
            if found and found[-1].differs == differs:
                found[-1] = Piece(found[-1].text + text, differs)
            elif text:
                found.append(Piece(text, differs))
    return found
