"""JSON text that somebody else wrote, read within bounds, and JSON text of ours.

Parsing, like encoding, is one call of compiled code in which no other thread runs: what a text would cost is counted
from its bytes before it is parsed. Whole numbers of any length come out as they went in; the fast parser and encoder
know 64 bits, so those beyond go through the standard library.
"""

from __future__ import annotations

import codecs
import json
import re
from math import isfinite

import orjson

from mock_server.messages import Json

MAX_NESTING = 100
MAX_VALUES = 20_000
"""How many values one text may hold: with a million of them a mebibyte takes a fifth of a second to parse."""

_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")
_SHORT = 2 * MAX_NESTING
"""So few bytes have neither too many values nor too many levels."""
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
"""As many digits as 64 bits hold in any case."""
_EXACT = b" "
"""Begins a text of ours that holds numbers beyond 64 bits."""


class BadJson(ValueError):
    """A text that is no JSON, or more than this server reads; the text says which."""


def loads(text: bytes) -> Json:
    """The value of a text; raises BadJson."""
    if len(text) > _SHORT:
        check_extent(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadJson(str(error)) from None
    if len(text) >= len(_LONG_NUMBER) and _LONG_NUMBER in text.translate(_DIGITS):
        return _exact(text)
    return value


def _exact(text: bytes) -> Json:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadJson(str(error)) from None


def check_extent(text: bytes) -> None:
    """Raises BadJson for a text with too many values or levels, found without parsing it."""
    opened = text.count(b"{") + text.count(b"[")
    if opened <= MAX_NESTING and text.count(b",") + opened <= MAX_VALUES:
        return
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > 4 * MAX_VALUES:
        raise BadJson(f"more than {MAX_VALUES} values")
    outside = b"".join(bare.split(b'"')[::2])
    if outside.count(b",") + outside.count(b"{") + outside.count(b"[") > MAX_VALUES:
        raise BadJson(f"more than {MAX_VALUES} values")
    depth = 0
    for byte in outside.translate(None, _NO_BRACKETS):
        if byte in b"{[":
            depth += 1
            if depth > MAX_NESTING:
                raise BadJson(f"nested deeper than {MAX_NESTING} levels")
        else:
            depth -= 1


def dumps(value: Json) -> bytes:
    """The text of a value; raises TypeError for what JSON cannot say."""
    try:
        return orjson.dumps(value)
    except TypeError:
        try:
            return _EXACT + json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise TypeError(str(error)) from None


def own(text: bytes) -> Json:
    """The value of a text that `dumps` made."""
    return orjson.loads(text) if text[:1] != _EXACT else json.loads(text)


_PIECE_BYTES = 256 * 1024
_SPACE = re.compile(r"[ \t\n\r]*+")
_FRAME_LEVELS = 5
"""Above this level a long text is taken apart piece by piece; what is below is parsed at once."""


def loads_long(text: bytes) -> Json:
    """The value of a text of any length, for a thread that must not keep others waiting; raises BadJson.

    The values within its five outermost levels (the rows of a state) are parsed one at a time.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        pieces = [decoder.decode(text[start : start + _PIECE_BYTES]) for start in range(0, len(text), _PIECE_BYTES)]
        whole = "".join((*pieces, decoder.decode(b"", final=True)))
        value, end = _Frame(whole).value(_after_space(whole, 0), 0)
    except (ValueError, RecursionError, StopIteration, IndexError) as error:
        raise BadJson(f"no JSON, or nested too deeply: {error}") from None
    if _after_space(whole, end) != len(whole):
        raise BadJson(f"more behind the value, at character {end}")
    return value


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


class _Frame:
    """Takes the outer levels of a text apart."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parse = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite).raw_decode

    def value(self, at: int, level: int) -> tuple[Json, int]:
        """The value that begins there, and where it ends."""
        opening = self._text[at]
        if level < _FRAME_LEVELS and opening == "{":
            return self._object(at, level)
        if level < _FRAME_LEVELS and opening == "[":
            return self._array(at, level)
        value, end = self._parse(self._text, at)
        if self._text.count("[", at, end) + self._text.count("{", at, end) > MAX_NESTING:
            check_extent(self._text[at:end].encode())
        return value, end

    def _array(self, at: int, level: int) -> tuple[Json, int]:
        values: list[Json] = []
        at = _after_space(self._text, at + 1)
        while self._text[at] != "]" or values:
            value, at = self.value(at, level + 1)
            values.append(value)
            at = self._next(at, "]")
            if self._text[at - 1] == "]":
                return values, at
        return values, at + 1

    def _object(self, at: int, level: int) -> tuple[Json, int]:
        values: dict[str, Json] = {}
        at = _after_space(self._text, at + 1)
        while self._text[at] != "}" or values:
            name, at = self._parse(self._text, at)
            at = _after_space(self._text, at)
            if not isinstance(name, str) or self._text[at] != ":":
                raise ValueError(f"a name and a colon are needed at character {at}")
            values[name], at = self.value(_after_space(self._text, at + 1), level + 1)
            at = self._next(at, "}")
            if self._text[at - 1] == "}":
                return values, at
        return values, at + 1

    def _next(self, at: int, closing: str) -> int:
        """Where the next member begins, or, behind the closing bracket, the end."""
        at = _after_space(self._text, at)
        if self._text[at] == closing:
            return at + 1
        if self._text[at] != ",":
            raise ValueError(f"a comma or {closing} is needed at character {at}")
        return _after_space(self._text, at + 1)


_BATCH = 200


def dumps_long(value: Json, level: int = 0) -> bytes:
    """The text of a value of any size, made a few rows at a time, for a thread that must not keep others waiting."""
    if level < _FRAME_LEVELS and isinstance(value, dict):
        members = (dumps(name) + b":" + dumps_long(member, level + 1) for name, member in value.items())
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        batches = (value[start : start + _BATCH] for start in range(0, len(value), _BATCH))
        return b"[" + b",".join(dumps(batch).lstrip()[1:-1] for batch in batches) + b"]"
    return dumps(value)
