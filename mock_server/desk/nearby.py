"""Guesses what a request that nobody understood may have meant."""

from __future__ import annotations

from difflib import SequenceMatcher

from mock_server.desk.journal import Entry
from mock_server.jsontext import BadJson, loads
from mock_server.spec import Operation, Spec, hint, unserved

MAX_PATH = 200
"""Of a path, in characters, that is compared: the comparison takes the square of its length."""
MAX_FIELDS = 20
NEAR = 0.55
"""How alike two paths are at least, from 0 to 1, if one may have been meant for the other."""


def hints(spec: Spec, entry: Entry) -> list[str] | None:
    """What the request may have meant; None for one that was understood.

    A request is not understood when no operation has its path or method, or when it was refused and sent
    fields that its operation does not read.
    """
    if entry.status < 400 or entry.fault is not None:
        return None
    if entry.operation is None:
        missing = unserved(spec, entry.method, entry.path)
        if missing is not None:
            return [hint(spec, missing)]
        return _near_operations(spec, entry)
    operation = spec.operations[entry.operation]
    unread = _unread_fields(operation, entry)
    if not unread:
        return None
    known = ", ".join((operation.body_schema or {}).get("properties") or ["no body"])
    sent = ", ".join(f"`{name}`" for name in unread[:MAX_FIELDS])
    return [f"you sent {sent}; this operation reads {known}"]


def _near_operations(spec: Spec, entry: Entry) -> list[str]:
    path = entry.path if len(entry.path) <= MAX_PATH else entry.path[:MAX_PATH] + "..."
    wanted = f"{entry.method} {path}"
    scored = sorted(
        ((_likeness(entry, operation), operation) for operation in spec.operations.values()),
        key=lambda pair: -pair[0],
    )
    return [
        f"{wanted}: did you mean {'' if operation.method == entry.method else operation.method + ' '}{operation.path}?"
        for score, operation in scored[:3]
        if score > NEAR
    ]


def _likeness(entry: Entry, operation: Operation) -> float:
    """1 for the same path and method; parameters fit any segment."""
    asked, known = entry.path[:MAX_PATH].strip("/").split("/"), list(operation.segments)
    if len(asked) == len(known):
        known = [given if part.startswith("{") else part for given, part in zip(asked, known, strict=True)]
    matcher = SequenceMatcher(None, "/".join(asked), "/".join(known))
    # The cheap bounds first: most operations are nothing like what was asked for.
    if matcher.real_quick_ratio() < NEAR or matcher.quick_ratio() < NEAR:
        return 0.0
    path = matcher.ratio()
    return path - (0.0 if entry.method == operation.method else 0.05)


def _unread_fields(operation: Operation, entry: Entry) -> list[str]:
    try:
        body = loads(entry.request_body.encode())
    except BadJson:
        return []
    known = (operation.body_schema or {}).get("properties") or {}
    return [name for name in body if name not in known] if isinstance(body, dict) else []
