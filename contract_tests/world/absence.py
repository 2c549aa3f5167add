"""How a server says that it has nothing: what two such answers have in common, and where nothing can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from contract_tests.endpoint.guard import NOWHERE
from contract_tests.words.replies import Reply
from mock_server.spec import Operation, WireRequest

NOT_THERE = (404, 405, 501)
"""The statuses of a server that has no such operation."""
_WORDS = re.compile(r"[^\W_][\w-]*")


def said(wire: WireRequest, reply: Reply) -> tuple[int, str]:
    """An answer that says that there is nothing, without what it repeats of the request and what it numbers it by."""
    asked = {word.lower() for word in _WORDS.findall(f"{wire.method} {wire.path} {unquote(wire.path)}")}
    words = _WORDS.findall(reply.body.decode("utf-8", "replace"))
    kept = [word for word in words if word.lower() not in asked and not any(char.isdigit() for char in word)]
    return reply.status, " ".join(kept)


def nowhere(operation: Operation, path: str) -> Iterator[str]:
    """Paths beside and below that of an operation, with the same records in them, at which nobody serves anything."""
    parts, form = path.split("/"), operation.path.split("/")
    named = [index for index, part in enumerate(form) if part and "{" not in part]
    if named and len(parts) == len(form):
        yield "/".join([*parts[: named[-1]], NOWHERE, *parts[named[-1] + 1 :]])
    yield f"{path}/{NOWHERE}"
