"""A text that a pattern matches, the shortest that is easily found: `^PN[0-9a-f]{32}$` gives `PN` and 32 zeros."""

from __future__ import annotations

import re

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "t": "\t", "n": "\n", "r": "\r"}
_COUNT = re.compile(r"\{(\d+)(?:,\d*)?\}|([*+?])")
_IDS = re.compile(r"\^?([A-Za-z0-9_-]*)\[(?:0-9|a-f|A-F|\\d)+\]\{(\d+)(?:,\d+)?\}\$?")


def issued_by(pattern: str) -> tuple[str, int] | None:
    """The prefix and the number of hexadecimal digits of an id, where a pattern is of that form."""
    found = _IDS.fullmatch(pattern)
    return (found[1], int(found[2])) if found is not None and "a-f" in pattern else None


def matching(pattern: str) -> str | None:
    """A text for a pattern, or None for one that is not understood; whoever asks has to try whether it fits."""
    try:
        text, rest = _alternatives(pattern)
    except (IndexError, RecursionError):
        return None
    return text if not rest else None


def _alternatives(pattern: str) -> tuple[str, str]:
    """A text for the first alternative, and what is left behind the group that this is."""
    first: str | None = None
    text = ""
    while pattern and pattern[0] != ")":
        if pattern[0] == "|":
            first = text if first is None else first
            text, pattern = "", pattern[1:]
            continue
        piece, pattern = _piece(pattern)
        found = _COUNT.match(pattern)
        if found is not None:
            least = int(found[1]) if found[1] else 0 if found[2] in "*?" else 1
            piece, pattern = piece * min(least, 1_000), pattern[found.end() :].lstrip("?+")
        text += piece
    return (text if first is None else first), pattern


def _piece(pattern: str) -> tuple[str, str]:
    """A text for what comes next, and the rest."""
    head = pattern[0]
    if head == "\\":
        return _CLASSES.get(pattern[1], "" if pattern[1] in "bBAZz" else pattern[1]), pattern[2:]
    if head == "[":
        return _of_class(pattern[1:])
    if head == "(":
        if pattern.startswith(("(?!", "(?<!")):
            return "", _alternatives(pattern[3:].lstrip("<!"))[1][1:]
        inner = re.sub(r"^\((\?(:|P?<\w+>|=|<=))?", "", pattern)
        text, rest = _alternatives(inner)
        return ("" if pattern.startswith(("(?=", "(?<=")) else text), rest[1:]
    if head in "^$":
        return "", pattern[1:]
    return ("a" if head == "." else head), pattern[1:]


def _of_class(pattern: str) -> tuple[str, str]:
    """The first character of a class whose bracket is open."""
    negated = pattern.startswith("^")
    start = 1 if negated else 0
    end = start
    while pattern[end] != "]" or end == start:
        end += 2 if pattern[end] == "\\" else 1
    inside, rest = pattern[start:end], pattern[end + 1 :]
    if negated:
        form = re.compile(f"[{pattern[:end]}]")
        return next((one for one in "a0 -A_" if form.match(one)), ""), rest
    if inside[0] == "\\":
        return _CLASSES.get(inside[1], inside[1]), rest
    return inside[0], rest
