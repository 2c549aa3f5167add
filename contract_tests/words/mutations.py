"""Keys that are nearly right: what a server takes for a key if it compares carelessly."""

from __future__ import annotations

from collections.abc import Iterator
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


def mutations(security: Security, key: str) -> Iterator[Mutation]:
    """The header's values that a valid key is turned into; a name that stands for a secret is only added to."""
    scheme = "Bearer " if security.bearer else ""
    yield Mutation("an empty key", scheme.strip())
    yield Mutation("a key with more behind it", f"{scheme}{key}{MARK}")
    yield Mutation("a key with more before it", f"{scheme}{MARK}{key}")
    if not key.startswith("$"):
        yield Mutation("a key without its last character", f"{scheme}{key[:-1]}")
        yield Mutation("a key in another letter case", f"{scheme}{key.swapcase()}")
        yield Mutation("the beginning of a key", f"{scheme}{key[:4]}")
        yield Mutation("a wildcard", f"{scheme}*")
    if security.bearer:
        yield Mutation("a key without its scheme", key)
        yield Mutation("a key of another scheme", f"Basic {key}")
