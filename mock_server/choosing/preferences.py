"""What a request says it prefers: `Prefer: code=500`, `example=...`, `wait=2`, or the query twins of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote_plus

MAX_WAIT_SECONDS = 60.0
MAX_LENGTH = 1_000
"""Of a `Prefer` header, in characters."""
# A quotation that never ends goes to the end, and nothing is tried twice: the time taken grows with the length alone.
_QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?'
_PREFERENCES = re.compile(rf'(?:[^,"]++|{_QUOTED})++', re.DOTALL)
_PARAMETERS = re.compile(rf'(?:[^;"]++|{_QUOTED})++', re.DOTALL)
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
    if prefer is not None and len(prefer) > MAX_LENGTH:
        raise BadPreference(f"a Prefer header of {len(prefer)} characters: at most {MAX_LENGTH} are understood")
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
