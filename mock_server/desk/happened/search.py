"""The words in which exchanges are looked for: one grammar for the API, the command line and the console.

`teli status:500 op:updatePhoneAgent -fault:* body.area_code:415 "not found"`: every term must fit, one with a minus
sign must not. A word alone is looked for everywhere, a vendor's name stands for the vendor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

from mock_server.desk.faults import Values
from mock_server.desk.happened.journal import Entry
from mock_server.messages import Json
from mock_server.text.jsontext import BadJson, loads

MAX_LENGTH = 1_000
MAX_TERMS = 40

FIELDS: Mapping[str, str] = {
    "vendor": "the vendor's name (`provider` means the same)",
    "op": "the operation's id (`operation` means the same); `-op:*` for what no operation understood",
    "status": "500, 5xx, 400-499, >=400",
    "method": "GET, POST, ...",
    "path": "a part of the path",
    "query": "a part of the query",
    "answer": "the name of the answer",
    "fault": "who chose the answer: a rule's id, prefer, reset, ...; `-fault:*` where nobody did",
    "space": "the space's name",
    "number": "12, 10-20, >100",
    "ms": "how long it took: >100",
    "body": "a part of the request's body; `body.area_code:415` a value in it",
    "response": "a part of the answer's body; `response.success:false` a value in it",
    "header": "`header.user-agent:curl`: a part of a header of the request",
}
"""Every field and what stands behind its colon. `*` alone: whatever is there; within a value: any text."""

_SAME = {"provider": "vendor", "operation": "op"}
_PARTS = ("path", "query", "body", "response", "header")
"""Where a value may be a part of what is there; elsewhere it is the whole of it."""
_INSIDE = ("body", "response", "header")
"""What has values below it, named behind a dot."""
_TERM = re.compile(
    r'(?P<not>[-!]?)(?:(?P<field>[A-Za-z_]+)(?P<below>\.[^\s:"]+)?:)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]*))(?=\s|$)'
)
_NUMBER = re.compile(r"(>=|<=|>|<)?([0-9]{1,15}(?:\.[0-9]{1,6})?)")
_RANGE = re.compile(r"([0-9]{1,15})(?:-|\.\.)([0-9]{1,15})")
_CLASS = re.compile(r"([0-9])(?:xx|\*)", re.IGNORECASE)

Test = Callable[[str], bool]
Predicate = Callable[[Entry, str], bool]


class BadQuery(Exception):
    """A query that cannot be understood; the text says what would be right."""


class Query:
    """What is looked for, understood once and then tried on many exchanges."""

    def __init__(self, text: str, vendors: Mapping[str, Collection[str]]) -> None:
        """`vendors` are the vendors with their operations: a mistyped one must not seem never called."""
        self.text = text
        self._terms = [_predicate(*term, vendors) for term in _terms(text)]

    def fits(self, entry: Entry, space: str) -> bool:
        """Whether the exchange, of the space of that name, is one that is looked for."""
        return all(predicate(entry, space) is not negated for negated, predicate in self._terms)


def _terms(text: str) -> list[tuple[bool, str, str, str, bool]]:
    """Each term as (negated, field, what is below it, value, whether it was quoted)."""
    if len(text) > MAX_LENGTH:
        raise BadQuery(f"a query has at most {MAX_LENGTH} characters")
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        if match is None:
            raise BadQuery(f"{text[at:][:60]!r}: a quotation mark stands alone, or in the middle of a word")
        at = match.end()
        field, quoted = match["field"] or "", match["phrase"] is not None
        value = match["phrase"] if quoted else match["word"]
        if field and not value:
            raise BadQuery(f"{field}{match['below'] or ''}: needs a value; {field}:* is whatever is there")
        if not field and not quoted and not value:
            value = match["not"]
            found.append((False, "", "", value, False))
            continue
        found.append((bool(match["not"]), field, (match["below"] or "")[1:], value, quoted))
    if len(found) > MAX_TERMS:
        raise BadQuery(f"a query has at most {MAX_TERMS} terms")
    return found


def _predicate(
    negated: bool, field: str, below: str, value: str, quoted: bool, vendors: Mapping[str, Collection[str]]
) -> tuple[bool, Predicate]:
    if not field:
        if not quoted and value.lower() in vendors:
            return negated, lambda entry, space: entry.provider == value.lower()
        return negated, _anywhere(value.casefold())
    name = _SAME.get(field.lower(), field.lower())
    if name not in FIELDS:
        near = get_close_matches(name, [*FIELDS, *_SAME], n=1)
        guess = f"did you mean {near[0]}:? " if near else ""
        raise BadQuery(
            f"{field!r} is no field; {guess}there are {', '.join(FIELDS)}. "
            f'As text it needs quotation marks: "{field}:{value}"'
        )
    if below and name not in _INSIDE:
        raise BadQuery(f"{field}.{below}: only {', '.join(_INSIDE)} have values below them")
    if name == "header" and not below:
        raise BadQuery("header: needs a name, as in header.user-agent:curl")
    if name in ("status", "number", "ms"):
        return negated, _numeric(name, value)
    if not quoted and "*" not in value:
        _check_name(name, value, vendors)
    test = _text_test(value, part=name in _PARTS and not (below and name != "header"), literal=quoted)
    return negated, _reading(name, below, test)


def _reading(name: str, below: str, test: Test) -> Predicate:
    if name == "vendor":
        return lambda entry, space: test(entry.provider)
    if name == "op":
        return lambda entry, space: entry.operation is not None and test(entry.operation)
    if name == "space":
        return lambda entry, space: test(space)
    if name == "header":
        return lambda entry, space: (
            below.lower() in entry.request_headers and test(entry.request_headers[below.lower()])
        )
    if name in ("body", "response"):
        text_of: Callable[[Entry], str] = (
            (lambda entry: entry.request_body) if name == "body" else (lambda entry: entry.response_body)
        )
        if below:
            return lambda entry, space: _at(text_of(entry), f"body.{below}", test)
        return lambda entry, space: bool(text_of(entry)) and test(text_of(entry))

    def attribute(entry: Entry, space: str) -> bool:
        found = getattr(entry, name)
        return found is not None and found != "" and test(found)

    return attribute


def _at(text: str, pointer: str, test: Test) -> bool:
    """Whether the JSON text has a value there that passes."""
    try:
        found = Values({}, {}, loads(text.encode())).at(pointer)
    except BadJson:
        return False
    return found is not None and test(_as_text(found))


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _anywhere(wanted: str) -> Predicate:
    """The text in anything that is shown of an exchange."""

    def fits(entry: Entry, space: str) -> bool:
        shown = (entry.path, entry.operation, entry.answer, entry.fault, entry.query, entry.method, entry.provider)
        return any(
            part is not None and wanted in part.casefold()
            for part in (*shown, space, entry.request_body, entry.response_body)
        )

    return fits


def _text_test(value: str, *, part: bool, literal: bool) -> Test:
    wanted = value.casefold()
    if not literal and wanted == "*":
        return lambda found: True
    if not literal and "*" in wanted:
        return _pattern(wanted.split("*"))
    if part:
        return lambda found: wanted in found.casefold()
    return lambda found: found.casefold() == wanted


def _pattern(pieces: list[str]) -> Test:
    """A text with gaps: read once from the left, however many gaps there are."""
    first, *middle, last = pieces

    def fits(text: str) -> bool:
        text = text.casefold()
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return fits


def _numeric(name: str, value: str) -> Predicate:
    low, high, open_low, open_high = _bounds(name, value)
    field = "milliseconds" if name == "ms" else name

    def fits(entry: Entry, space: str) -> bool:
        found: float = getattr(entry, field)
        return (low < found if open_low else low <= found) and (found < high if open_high else found <= high)

    return fits


def _bounds(name: str, value: str) -> tuple[float, float, bool, bool]:
    """From, to, and whether each of them is left out."""
    far = float("inf")
    if value == "*":
        return 1.0 if name == "status" else 0.0, far, False, False
    hundreds, between, one = _CLASS.fullmatch(value), _RANGE.fullmatch(value), _NUMBER.fullmatch(value)
    if name == "status" and hundreds is not None:
        return int(hundreds[1]) * 100.0, int(hundreds[1]) * 100.0 + 99, False, False
    if between is not None:
        return float(between[1]), float(between[2]), False, False
    if one is None:
        raise BadQuery(f"{name}:{value}: {FIELDS[name]} is needed")
    sign, number = one[1], float(one[2])
    if sign in (">", ">="):
        return number, far, sign == ">", False
    if sign in ("<", "<="):
        return -far, number, False, sign == "<"
    return number, number, False, False


def _check_name(name: str, value: str, vendors: Mapping[str, Collection[str]]) -> None:
    known = {"vendor": list(vendors), "op": sorted({one for names in vendors.values() for one in names})}.get(name)
    if known is None or value.lower() in {one.lower() for one in known}:
        return
    near = get_close_matches(value, known, n=3, cutoff=0.4)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    raise BadQuery(f"{name}:{value}: unknown; {guess}there are {', '.join(known)}")
