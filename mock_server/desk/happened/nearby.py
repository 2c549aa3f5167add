"""Guesses what a request that nobody understood may have meant."""

from __future__ import annotations

from difflib import SequenceMatcher

from mock_server.spec import Operation, Spec, hint, unserved
from mock_server.text.jsontext import BadJson, loads

HINT = "x-ringback-hint"
MAX_PATH = 200
"""Of a path, in characters, that is compared: the comparison takes the square of its length."""
MAX_FIELDS = 20
MAX_HINT = 300
NEAR = 0.55
"""How alike two paths are at least, from 0 to 1, if one may have been meant for the other."""
_WRITES = {"POST", "PUT", "PATCH"}
"""Who sends one of these with a wrong path rather meant another of them than a GET."""
_LONGEST_BODY = 64 * 1024


def hints(
    spec: Spec, method: str, path: str, status: int, operation: str | None, chosen: str | None, body: bytes
) -> list[str] | None:
    """What the request may have meant; None for one that was understood.

    A request is not understood when no operation has its path or method, or when it was refused and sent
    fields that its operation does not read. One whose answer was `chosen` was not refused.
    """
    if status < 400 or chosen is not None:
        return None
    if operation is None:
        method = "GET" if method == "HEAD" else method
        missing = unserved(spec, method, path)
        return _near_operations(spec, method, path) if missing is None else [hint(spec, missing)]
    known = spec.operations[operation]
    unread = unread_fields(known, body)
    if not unread:
        return None
    reads = ", ".join((known.body_schema or {}).get("properties") or ["no body"])
    sent = ", ".join(f"`{name}`" for name in unread[:MAX_FIELDS])
    return [f"you sent {sent}; this operation reads {reads}"]


def header_value(hint: str) -> str:
    """The hint as a header can carry it: printable ASCII, and not for ever."""
    return "".join(char if " " <= char <= "~" else "?" for char in hint[:MAX_HINT])


def _near_operations(spec: Spec, method: str, path: str) -> list[str]:
    wanted = f"{method} {path if len(path) <= MAX_PATH else path[:MAX_PATH] + '...'}"
    scored = sorted(
        ((_likeness(method, path, operation), operation) for operation in spec.operations.values()),
        key=lambda pair: -pair[0],
    )
    return [
        f"{wanted}: did you mean {'' if operation.method == method else operation.method + ' '}{operation.path}?"
        for score, operation in scored[:3]
        if score > NEAR
    ]


def _likeness(method: str, path: str, operation: Operation) -> float:
    """1 for the same path and method; parameters fit any segment."""
    asked, known = path[:MAX_PATH].strip("/").split("/"), list(operation.segments)
    if len(asked) == len(known):
        known = [given if part.startswith("{") else part for given, part in zip(asked, known, strict=True)]
    matcher = SequenceMatcher(None, "/".join(asked), "/".join(known))
    # The cheap bounds first: most operations are nothing like what was asked for.
    if matcher.real_quick_ratio() < NEAR or matcher.quick_ratio() < NEAR:
        return 0.0
    likeness = matcher.ratio()
    if method == operation.method:
        return likeness
    return likeness - (0.03 if {method, operation.method} <= _WRITES else 0.05)


def unread_fields(operation: Operation, body: bytes) -> list[str]:
    """The fields of a JSON object that the operation does not read."""
    if not body or len(body) > _LONGEST_BODY:
        return []
    try:
        document = loads(body)
    except BadJson:
        return []
    known = (operation.body_schema or {}).get("properties") or {}
    return [name for name in document if name not in known] if isinstance(document, dict) else []
