"""Keys that are nearly right: what a server takes for a key if it compares carelessly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mock_server.spec import Security

DOCUMENTED_KEY = "YOUR_API_KEY"
"""What the pages write where a key stands; a mock knows it as one."""
MARK = "ringback-check"
"""Stands in every wrong key that is made up, so that a recording tells them from keys."""


class Mutation(NamedTuple):
    """A header that carries no valid key, and what is wrong with it."""

    what: str
    value: str


_FORMS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("a key without its last character", "${{{}%?}}", lambda key: key[:-1]),
    ("a key in another letter case", "${{{}~~}}", str.swapcase),
    ("the beginning of a key", "${{{}:0:4}}", lambda key: key[:4]),
)
"""What is made of a key, how a shell writes it that has the key in a variable, and the key that comes of it."""


def forms(name: str, key: str) -> dict[str, str]:
    """What a secret key is turned into, by what stands for it where `name` stands for the key.

    A key that is the same in every letter case, or that is no longer than its beginning, stands there twice.
    """
    made = {form.format(name[1:]): change(key) for _, form, change in _FORMS if name.startswith("$")}
    return {form: value if value != key else key + key for form, value in made.items()}


def mutations(security: Security, key: str) -> Iterator[Mutation]:
    """The header's values that a valid key is turned into; `key` may be a name that stands for a secret one."""
    scheme = "Bearer " if security.bearer else ""
    yield Mutation("an empty key", scheme.strip())
    yield Mutation("a key with more behind it", f"{scheme}{key}{MARK}")
    yield Mutation("a key with more before it", f"{scheme}{MARK}{key}")
    for what, form, change in _FORMS:
        yield Mutation(what, f"{scheme}{form.format(key[1:]) if key.startswith('$') else change(key)}")
    yield Mutation("a wildcard", f"{scheme}*")
    if security.bearer:
        yield Mutation("a key without its scheme", key)
        yield Mutation("a key of another scheme", f"Basic {key}")
