"""Takes secrets out of what is kept of an exchange: by name in bodies, and by value wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from mock_server.messages import Json
from mock_server.text.jsontext import BadJson, dumps, loads

REDACTED = "[redacted]"
SECRET_HEADERS = frozenset(("x-api-key", "authorization", "cookie", "set-cookie", "proxy-authorization"))
MIN_VALUE = 6
"""Characters of a value that is looked for everywhere; a shorter one stands in ordinary words."""

_MARK = REDACTED.encode()
_LOGIN = re.compile(rb'((?::/{2}|sips?:)[^\s/@":]{1,200}:)[^\s/@"]{1,500}(?=@)', re.IGNORECASE)
"""A password in an address: `sip:user:password@host`."""


class Masks(NamedTuple):
    """What one vendor's spec says of secrets: `paths` of body fields, and `names` that are secret at any depth."""

    paths: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    signs: tuple[bytes, ...] = ()
    """One of these stands in every body that may hold a secret."""

    def body(self, body: bytes) -> tuple[bytes, set[str]]:
        """The body without its secrets, and their values."""
        if not self.signs or not body or (body[:1] == b"{" and not any(sign in body for sign in self.signs)):
            return body, set()
        return redacted(body, self.paths, self.names)


def masks(paths: Iterable[str], names: Iterable[str] = ()) -> Masks:
    """The masks for these dotted paths and names."""
    kept, known = tuple(paths), frozenset(names)
    if not kept and not known:
        return Masks()
    words = known | {path.partition(".")[0] for path in kept}
    # A name may be written with escapes, and then says nothing of itself.
    return Masks(kept, known, (*(word.encode() for word in sorted(words)), b"\\u"))


def redacted(body: bytes, paths: tuple[str, ...], names: frozenset[str] = frozenset()) -> tuple[bytes, set[str]]:
    """The JSON body with the secrets replaced, and their values; a body that is no JSON object is dropped whole."""
    found: set[str] = set()
    try:
        document = loads(body)
    except BadJson:
        return _MARK, found
    if not isinstance(document, dict):
        return _MARK, found
    for path in paths:
        _by_path(document, path.split("."), found)
    if names:
        _by_name(document, names, found)
    return dumps(document), found


def _by_path(node: Json, path: list[str], found: set[str]) -> None:
    if not isinstance(node, dict) or path[0] not in node:
        return
    child = node[path[0]]
    # What is no object where one with secrets belongs may well be the secret itself.
    if len(path) == 1 or not (child is None or isinstance(child, dict)):
        _collect(child, found)
        node[path[0]] = REDACTED
    else:
        _by_path(child, path[1:], found)


def _by_name(document: Json, names: frozenset[str], found: set[str]) -> None:
    left = [document]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            for name, child in node.items():
                if name in names and child is not None and child != REDACTED:
                    _collect(child, found)
                    node[name] = REDACTED
                else:
                    left.append(child)
        elif isinstance(node, list):
            left.extend(node)


def _collect(node: Json, found: set[str]) -> None:
    """The texts in a secret, which may be repeated elsewhere."""
    left = [node]
    while left:
        one = left.pop()
        if isinstance(one, str) and len(one) >= MIN_VALUE and one != REDACTED:
            found.add(one)
        elif isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)


def without(encoded: bytes, values: Iterable[str]) -> bytes:
    """A JSON text without these values, however a client wrote them, and without passwords in addresses."""
    for value in values:
        written = dumps(value)[1:-1]
        for form in {written, dumps(written.decode())[1:-1], quote(value, safe="").encode(), quote(value).encode()}:
            if form in encoded:
                encoded = encoded.replace(form, _MARK)
    if b"@" in encoded:
        encoded = _LOGIN.sub(rb"\1" + _MARK, encoded)
    return encoded


def secret_names(schema: Any, inside: bool = False) -> Iterable[str]:
    """The names of the properties that a schema marks as secret, and of those inside them that sound like it."""
    if not isinstance(schema, Mapping):
        return
    for name, child in (schema.get("properties") or {}).items():
        if not isinstance(child, Mapping):
            continue
        marked = child.get("x-secret", inside)
        if child.get("x-secret") or (marked and _SOUNDS_SECRET.search(name)):
            yield name
        yield from secret_names(child, bool(marked))
    yield from secret_names(schema.get("items"), inside)


_SOUNDS_SECRET = re.compile("token|secret|password|apikey", re.IGNORECASE)
