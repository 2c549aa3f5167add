"""What kind of difference a finding tells of: the same whatever the values were, so that one fault is told once."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

from contract_tests.words.findings import NOTHING, Finding, show
from contract_tests.words.pointers import ABSENT
from mock_server.messages import Json

_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{24}\b|\d+", re.IGNORECASE)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
_LOOKED = re.compile(r"\b(?:the answer|[a-z]+[A-Z]\w*) shows\b")

Kind = tuple[str, str, str]


def kind(finding: Finding) -> Kind:
    """Where it is, what is said of it without any value, and how the value that came differs from the other."""
    message = finding.message
    for value in (finding.expected, finding.actual):
        text = show(value)
        message = message.replace(text, "#") if len(text) > 1 else message
    message = _LOOKED.sub("it shows", _IDS.sub("#", _QUOTED.sub("#", message)))
    return _IDS.sub("#", finding.at), message, how(finding.expected, finding.actual)


def how(expected: Json, actual: Json) -> str:
    """In a few letters how one value differs from another of the same place; empty where it does not."""
    if _gone(actual) or _gone(expected):
        return "" if _gone(actual) and _gone(expected) else "gone" if _gone(actual) else "come"
    if expected == actual and isinstance(expected, bool) == isinstance(actual, bool):
        return ""
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return f"{type(expected).__name__} {expected} {type(actual).__name__} {actual}"[:40]
    if isinstance(expected, str) and isinstance(actual, str):
        return _texts(expected, actual)
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return _numbers(expected, actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        names = sorted({*expected, *actual})
        parts = [(name, how(expected.get(name, ABSENT), actual.get(name, ABSENT))) for name in names]
        return "; ".join(f"{name} {told}" for name, told in parts if told)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return "fewer" if len(actual) < len(expected) else "more"
        told = [how(one, other) for one, other in zip(expected, actual, strict=True)]
        return "each " + " or ".join(sorted({one for one in told if one}))
    return f"{type(expected).__name__} {type(actual).__name__}"


def _gone(value: Json) -> bool:
    return value is ABSENT or value == NOTHING


def _texts(expected: str, actual: str) -> str:
    """How a text came back: the first of the usual ways that explains it."""
    ways: dict[str, Callable[[str], str]] = {
        "trimmed": lambda text: text.strip(),
        "lower": lambda text: text.lower(),
        "upper": lambda text: text.upper(),
        "composed": lambda text: unicodedata.normalize("NFC", text),
        "decomposed": lambda text: unicodedata.normalize("NFD", text),
        "escaped": html.escape,
        "decoded": unquote,
    }
    if len(expected) > len(actual) > 0 and expected.startswith(actual):
        # All that it takes to be trimmed is the end of it.
        return "trimmed" if actual == expected.strip() else "cut"
    return next((name for name, way in ways.items() if way(expected) == actual), "another text")


def _numbers(expected: float, actual: float) -> str:
    if actual == expected * 100 or expected == actual * 100:
        return "hundredfold" if actual == expected * 100 else "a hundredth"
    if actual == round(actual) or abs(actual - expected) < 1:
        return "rounded" if abs(actual - expected) < 1 else "another number"
    return "another number"
