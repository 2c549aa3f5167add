"""An answer chosen instead of the behaviour's: by `Prefer: code=500`, `example=...`, `wait=2`, or by a fault rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, quote_plus

from mock_server.desk.faults import Rule
from mock_server.messages import Json
from mock_server.spec import NamedAnswer, Operation, Spec

MAX_WAIT_SECONDS = 60.0
_PREFERENCES = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+')
_PARAMETERS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^;"])+')
_CODE = re.compile(r"[2-5][0-9][0-9]")
_SECONDS = re.compile(r"[0-9]{0,9}\.?[0-9]{1,9}")
_OURS = ("code", "example", "wait")


class BadPreference(Exception):
    """A preference that names nothing we can do; the text says what would be right."""


class Preference(NamedTuple):
    """What the caller asked for; `applied` is the value of `Preference-Applied`."""

    code: int | None = None
    example: str | None = None
    wait_seconds: float = 0.0
    applied: str = ""

    @property
    def chooses(self) -> bool:
        return self.code is not None or self.example is not None


NO_PREFERENCE = Preference()


def read_preference(prefer: str | None, query: str) -> tuple[Preference, str]:
    """The preference of a `Prefer` header or its query twins, and the query without the twins.

    Preferences that are not ours are ignored, as RFC 7240 wants; of a repeated one the first counts.
    """
    if prefer is None and "__" not in query:
        return NO_PREFERENCE, query
    asked: dict[str, str] = {}
    for one in _PREFERENCES.findall(prefer or ""):
        for parameter in _PARAMETERS.findall(one):
            name, equals, value = (part.strip() for part in parameter.partition("="))
            if not equals or name.lower() not in _OURS:
                # The parameters of somebody else's preference are his too.
                break
            asked.setdefault(name.lower(), value[1:-1] if value[:1] == value[-1:] == '"' else value)
    kept = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.startswith("__") and name[2:] in _OURS:
            asked.setdefault(name[2:], value)
        else:
            kept.append(f"{quote_plus(name)}={quote_plus(value)}")
    if not asked:
        return NO_PREFERENCE, query
    return _preference(asked), "&".join(kept) if "__" in query else query


def _preference(asked: Mapping[str, str]) -> Preference:
    code = wait = None
    if "code" in asked:
        if _CODE.fullmatch(asked["code"]) is None:
            raise BadPreference(f"code={asked['code']!r}: a status from 200 to 599 is needed, such as code=500")
        code = int(asked["code"])
    if "wait" in asked:
        wait = float(asked["wait"]) if _SECONDS.fullmatch(asked["wait"]) else -1.0
        if not 0 <= wait <= MAX_WAIT_SECONDS:
            raise BadPreference(f"wait={asked['wait']!r}: seconds from 0 to {MAX_WAIT_SECONDS:g} are needed")
    applied = ", ".join(f"{name}={asked[name]}" for name in _OURS if name in asked)
    return Preference(code, asked.get("example"), wait or 0.0, applied)


class Chosen(NamedTuple):
    """A chosen answer: what to send, and how we know it."""

    name: str
    status: int
    body: Json
    grade: str
    headers: tuple[tuple[str, str], ...] = ()


def choose(spec: Spec, operation: Operation, preference: Preference) -> Chosen:
    """The answer that was asked for; raises BadPreference with the known names when there is none.

    A code that the spec does not know gets the vendor's own error envelope.
    """
    if preference.example is not None:
        answer = operation.answers.get(preference.example) or spec.answers.get(preference.example)
        if answer is None:
            known = ", ".join(list(operation.answers) + [n for n in spec.answers if n not in operation.answers])
            raise BadPreference(f"{operation.id} has no example {preference.example!r}; it knows {known}")
        status = preference.code if preference.code is not None else answer.status
        return Chosen(answer.name, status, answer.value, _grade(answer, status))
    assert preference.code is not None
    for answer in operation.answers.values():
        if answer.status == preference.code:
            return Chosen(answer.name, answer.status, answer.value, answer.evidence.grade)
    return _undocumented(spec, operation, preference.code)


def _grade(answer: NamedAnswer, status: int) -> str:
    return answer.evidence.grade if status == answer.status else "assumed"


def _undocumented(spec: Spec, operation: Operation, code: int) -> Chosen:
    if code < 300:
        success = next((answer for answer in operation.answers.values() if answer.status < 300), None)
        if success is not None:
            return Chosen(success.name, code, success.value, "assumed")
    try:
        phrase = HTTPStatus(code).phrase
    except ValueError:
        phrase = f"Status {code}"
    envelope = spec.answers["error"]
    return Chosen("error", code, envelope.filled({"message": phrase}), "assumed")


def choose_by_rule(spec: Spec, operation: Operation, rule: Rule) -> Chosen | None:
    """The answer that a rule gives; None for a rule that only delays or breaks the wire."""
    headers = tuple((rule.headers or {}).items())
    if rule.example is None and rule.status is None:
        return None
    chosen = choose(spec, operation, Preference(rule.status, rule.example))
    if rule.has_body:
        return Chosen(chosen.name, chosen.status, rule.body, "assumed", headers)
    return chosen._replace(headers=headers)
