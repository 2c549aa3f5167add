"""What `x-telephone` says of the calls that an API places: the operations around them, and campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.reading.document import Checker
from mock_server.spec.terms.model import Campaigns, Operation, Redials

_DOES = ("place", "read", "hang-up")
_CAMPAIGN_DOES = ("start", "move", "read")
_STATUSES = ("field", "active", "paused", "completed", "ended")
_DAYS = 7


def read_calls(checker: Checker, document: Mapping[str, Any], operations: Mapping[str, Operation]) -> dict[str, Any]:
    """The section `calls`, with the operations around them checked."""
    place = "/x-telephone/calls"
    node: dict[str, Any] = (document.get("x-telephone") or {}).get("calls") or {}
    checker.mapping(node, "calls", place)
    _check_operations(checker, node, "call operation", place, _DOES, operations)
    record = node.get("record")
    if record is not None and record not in (document.get("x-records") or {}):
        raise checker.fail(f"{place}/record", f"{record!r} is not among x-records")
    return node


def read_campaigns(
    checker: Checker, document: Mapping[str, Any], operations: Mapping[str, Operation]
) -> Campaigns | None:
    """The section `campaigns`, if there is one."""
    node = (document.get("x-telephone") or {}).get("campaigns")
    if node is None:
        return None
    place, kinds = "/x-telephone/campaigns", document.get("x-records") or {}
    checker.mapping(node, "campaigns", place)
    needed = ("record", "leads", "status", "phone", "concurrency")
    lacking = [word for word in needed if word not in node]
    if lacking:
        raise checker.fail(place, f"needs {', '.join(lacking)} too")
    for word in ("record", "leads"):
        if node[word] not in kinds:
            raise checker.fail(f"{place}/{word}", f"{node[word]!r} is not among x-records")
    if not isinstance(node["status"], Mapping) or set(node["status"]) != set(_STATUSES):
        raise checker.fail(f"{place}/status", f"needs exactly {', '.join(_STATUSES)}")
    _check_operations(checker, node, "campaign operation", place, _CAMPAIGN_DOES, operations)
    return Campaigns(
        record=node["record"],
        leads=node["leads"],
        status=node["status"],
        agent=node.get("agent"),
        number=node.get("number"),
        pool=node.get("pool"),
        enabled=node.get("enabled"),
        begins=node.get("begins"),
        ends=node.get("ends"),
        schedule=node.get("schedule"),
        days=float(node.get("days", _DAYS)),
        phone=node["phone"],
        concurrency=node["concurrency"],
        redials=Redials(**node["retries"]) if "retries" in node else None,
        keep=node.get("keep") or {},
        lead=node.get("lead") or {},
        server=checker.mapping(node.get("server") or {}, "server", f"{place}/server"),
        hours=checker.mapping(node.get("hours") or {}, "hours", f"{place}/hours"),
        operations=node.get("operations") or {},
    )


def _check_operations(
    checker: Checker,
    node: Mapping[str, Any],
    what: str,
    place: str,
    does: tuple[str, ...],
    operations: Mapping[str, Operation],
) -> None:
    for name, said in (node.get("operations") or {}).items():
        here = f"{place}/operations/{name}"
        checker.mapping(said, what, here)
        if name not in operations:
            raise checker.fail(here, f"there is no operation {name!r}")
        if len(set(does) & set(said)) != 1:
            raise checker.fail(here, f"exactly one of {', '.join(does[:-1])} and {does[-1]} is needed")
