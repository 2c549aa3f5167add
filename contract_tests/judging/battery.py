"""The values that a field is tried with: a fixed list for each type, so that what it can hold is not left to luck."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mock_server.messages import Json

MIXED = (
    "  Łódź Cafe\u0301 and Caf\u00e9, 'single' \"double\" <b>&amp;</b> back\\slash 1/2 %2B {{name}} "
    "a\u200bb\u00a0c \U0001f642  "
)
"""What servers change in texts, all in one: for places where one value has to do."""

TEXTS = {
    "a padded text": "  padded  ",
    "composed Unicode": "Caf\u00e9",
    "decomposed Unicode": "Cafe\u0301",
    "an emoji": "desk \U0001f642 \U0001f469\u200d\U0001f469\u200d\U0001f467",
    "invisible characters": "a\u200bb\u00a0c\u00add",
    "markup": "<b>a</b> &amp; <script>b</script>",
    "quotes": 'it\'s "quoted" `so`',
    "letter case": "mIxEd CaSe",
    "slashes": "a/b\\c//d",
    "per cents": "100 % %41 %2B a+b",
    "a template": "Hello {{first_name}} ${x} $1",
    "line breaks": "one\ntwo\ttabbed",
    "leading zeros": "007",
    "a decimal as text": "1.50",
    "a word of JSON": "null",
    "a date": "2026-02-03T04:05:06+02:00",
    "an address": "https://example.com/Hook/?b=2&a=1%20x&a=3#part",
    "65 characters": ("0123456789" * 7)[:65],
    "256 characters": ("abcdefghij" * 26)[:256],
    "1,024 characters": ("Lorem Ipsum " * 86)[:1024],
}
ADDRESSES = {
    "a query": "https://example.com/hook?b=2&a=1%20x&a=3",
    "a path in mixed case": "https://example.com/Hook/Path",
    "a slash at the end": "https://example.com/hook/",
    "a port": "https://example.com:8443/hook",
    "a fragment": "https://example.com/hook#part",
    "plain http": "http://example.com/hook",
    "256 characters": "https://example.com/hook?token=" + ("abcdefghij" * 26)[:225],
}
_NUMBERS = (0, 1, 0.07, 0.125, 0.5, 1.5, 0.123456789, 19.99, 100, 1234567.25)
_INTEGERS = (0, 1, 2, 59, 255, 256, 65536, 2**31 - 1, 2**31, 2**53 - 1)


class Trial(NamedTuple):
    """A value for a field of a body; `at` is the place within the field where it differs from the documented value.

    `named` says that the page itself names the value: one of an enumeration, null where that is allowed, a flag.
    """

    value: Json
    what: str
    at: tuple[str, ...] = ()
    named: bool = False


def trials(schema: Any, documented: Json, *, brief: bool = False) -> Iterator[Trial]:
    """The values for a place of that schema, where the pages have `documented`; few of them where it is `brief`.

    What only an account knows and what is a secret is left out: there no value may be made up.
    """
    if not isinstance(schema, Mapping) or "x-variable" in schema or schema.get("x-secret") or "const" in schema:
        return
    kinds = schema.get("type") or ()
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    yield from (Trial(value, repr(value), named=True) for value in schema.get("enum") or ())
    if "null" in kinds and None not in (schema.get("enum") or ()):
        yield Trial(None, "null", named=True)
    if "enum" in schema:
        return
    if "boolean" in kinds:
        yield from (Trial(value, str(value).lower(), named=True) for value in (False, True))
    if "string" in kinds:
        yield from _texts(schema, documented, brief)
    if "integer" in kinds:
        yield from (Trial(value, f"the number {value}") for value in _within(schema, _INTEGERS, brief))
    elif "number" in kinds:
        yield from (Trial(value, f"the number {value}") for value in _within(schema, _NUMBERS, brief))
    if "array" in kinds:
        yield from _lists(schema, documented)
    if "object" in kinds:
        yield from _objects(schema, documented)


def _texts(schema: Mapping[str, Any], documented: Json, brief: bool) -> Iterator[Trial]:
    shown = documented if isinstance(documented, str) else ""
    if schema.get("format") == "uri" or re.match("https?://", shown):
        known = ADDRESSES
    elif "@" in shown or re.fullmatch(r"[+]?[0-9][0-9 ()-]{5,}", shown):
        return  # An e-mail address or a telephone number may lawfully be brought into a form.
    else:
        known = TEXTS
    if brief and known is TEXTS:
        known = {"a mixed text": MIXED, **{what: TEXTS[what] for what in ("leading zeros", "1,024 characters")}}
    lengths = range(schema.get("minLength", 0), schema.get("maxLength", 1 << 20) + 1)
    pattern = re.compile(schema.get("pattern", ""))
    for what, text in known.items():
        if len(text) in lengths and pattern.search(text):
            yield Trial(text, what)


def _within(schema: Mapping[str, Any], known: Iterable[float], brief: bool) -> list[float]:
    """The bounds themselves, and what lies between them."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum", float("-inf"))
    between = []
    if "number" in (schema.get("type") or ()) and low is not None and high is not None:
        between = [round(low + 0.3725 * (high - low), 4)]
    fits = [
        value
        for value in dict.fromkeys([low, *between, high, *known])
        if value is not None and (low is None or value >= low) and (high is None or value <= high) and value > above
    ]
    return [*fits[:3], fits[-1]] if brief and len(fits) > 4 else fits


def sample(schema: Any) -> Json:
    """A value that such a schema allows, with every place that needs nothing of the account; None where there is none.

    It stands for the documented value where no page shows one.
    """
    if not isinstance(schema, Mapping) or "x-variable" in schema or schema.get("x-secret"):
        return None
    kinds = schema.get("type") or ()
    kind = kinds if isinstance(kinds, str) else next((one for one in kinds if one != "null"), "")
    if "enum" in schema or "const" in schema:
        return schema.get("const", next((value for value in schema.get("enum") or () if value is not None), None))
    if kind == "object":
        inner = {name: sample(child) for name, child in (schema.get("properties") or {}).items()}
        return {name: value for name, value in inner.items() if value is not None}
    if kind == "array":
        return [one] if (one := sample(schema.get("items"))) not in (None, {}) else []
    return {"string": "a text", "boolean": True, "integer": schema.get("minimum", 1)}.get(
        kind, schema.get("minimum", 1)
    )


def _lists(schema: Mapping[str, Any], documented: Json) -> Iterator[Trial]:
    """Lists of none to three elements, in an order that sorting would change, and each place within the first."""
    items = schema.get("items")
    shown = documented if isinstance(documented, list) else []
    elements = [*shown, *(trial.value for trial in trials(items, shown[0] if shown else None, brief=True))]
    distinct = [one for index, one in enumerate(elements) if one not in elements[:index]]
    for size in range(min(3, len(distinct)) + 1):
        if distinct[:size][::-1] != shown:
            yield Trial(distinct[:size][::-1], f"a list of {size}")
    if shown and isinstance(shown[0], dict):
        for trial in trials(items, shown[0], brief=True):
            yield trial._replace(value=[trial.value, *shown[1:]], at=("0", *trial.at))


def _objects(schema: Mapping[str, Any], documented: Json) -> Iterator[Trial]:
    properties = schema.get("properties") or {}
    if not properties:
        yield Trial({"b": 1, "a": {"c": [1, 2.5, None, True, ""]}, "Key ä": MIXED}, "an object of its own")
    elif isinstance(documented, dict):
        for name, inner in properties.items():
            for trial in trials(inner, documented.get(name), brief=True):
                yield trial._replace(value={**documented, name: trial.value}, at=(name, *trial.at))
