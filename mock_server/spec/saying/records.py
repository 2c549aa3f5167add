"""What `x-records` says of a kind of record: its names, what it refers to, and what it holds where nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.reading.document import Checker
from mock_server.spec.saying.contracts import properties
from mock_server.spec.saying.sources import check_source
from mock_server.spec.terms.evidence import statement
from mock_server.spec.terms.model import Link, RecordSpec

_LINK = ("record", "aliases", "where", "each", "deleted", "evidence")
DELETED = ("clear", "remove", "refuse")
"""What becomes of a record when one that it refers to is deleted."""


def read_records(checker: Checker, nodes: Mapping[str, Any]) -> dict[str, RecordSpec]:
    """The kinds of record by name; raises SpecError for what is not understood."""
    records = {}
    for kind, node in nodes.items():
        place = f"/x-records/{kind}"
        checker.mapping(node, "record", place)
        checker.schema(node.get("schema", {}), f"{place}/schema")
        if "key" not in node:
            raise checker.fail(place, "key, the field that names a record, is missing")
        _check_names(checker, node, place)
        for word in ("new", "computed"):
            for name, source in (node.get(word) or {}).items():
                check_source(checker, source, f"{place}/{word}/{name}")
        links = {
            field: _link(checker, target, nodes, f"{place}/references/{field}")
            for field, target in (node.get("references") or {}).items()
        }
        records[kind] = RecordSpec(
            kind,
            node["key"],
            tuple(node.get("aliases") or ()),
            {field: link.record for field, link in links.items() if link.each is None},
            node.get("schema", {}),
            tuple(node.get("secrets") or ()),
            links,
            node.get("new") or {},
            node.get("computed") or {},
            frozenset(name for name, field in properties(node.get("schema")).items() if _is_sent_only(field)),
        )
    return records


def _check_names(checker: Checker, node: Mapping[str, Any], place: str) -> None:
    """The key, the aliases and the secrets are names of fields."""
    for word in ("aliases", "secrets"):
        if not isinstance(node.get(word) or [], list):
            raise checker.fail(f"{place}/{word}", f"must be a list of names, not {node[word]!r}")
    for word in ("new", "computed", "references"):
        if not isinstance(node.get(word) or {}, Mapping):
            raise checker.fail(f"{place}/{word}", f"must be a mapping from fields, not {node[word]!r}")
    known = properties(node.get("schema"))
    for word, name in [("key", node["key"]), *(("aliases", name) for name in node.get("aliases") or ())]:
        if not isinstance(name, str) or not name:
            raise checker.fail(f"{place}/{word}", f"must be the name of a field, not {name!r}")
        if known and name not in known and name not in (node.get("new") or {}):
            there = ", ".join(known)
            raise checker.fail(f"{place}/{word}", f"{name!r} is no field of a record of this kind; there are {there}")


def _is_sent_only(field: Any) -> bool:
    return isinstance(field, Mapping) and bool(field.get("writeOnly"))


def _link(checker: Checker, node: Any, kinds: Mapping[str, Any], place: str) -> Link:
    """A reference: the kind alone, or `{record, aliases, where, each, deleted, evidence}`."""
    node = {"record": node} if isinstance(node, str) else node
    if not isinstance(node, Mapping) or "record" not in node:
        raise checker.fail(place, f"must be a kind of record or {{{', '.join(_LINK)}}}, not {node!r}")
    for word in node:
        if word not in _LINK:
            raise checker.fail(f"{place}/{word}", f"unknown; a reference has {', '.join(_LINK)}")
    if node["record"] not in kinds:
        raise checker.fail(place, f"{node['record']!r} is not among x-records; there are {', '.join(sorted(kinds))}")
    if node.get("deleted", "clear") not in DELETED:
        raise checker.fail(f"{place}/deleted", f"must be one of {', '.join(DELETED)}, not {node['deleted']!r}")
    if "evidence" in node:
        checker.evidence(node["evidence"], f"{place}/evidence")
    return Link(
        node["record"],
        bool(node.get("aliases")),
        node.get("where") or {},
        node.get("deleted", "clear"),
        node.get("each"),
        statement(node["evidence"]) if "evidence" in node else None,
    )
