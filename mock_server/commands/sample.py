"""A request to paste that works with the records that are there: the best documented one, or the like of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mock_server.exchange import Service
from mock_server.messages import Request
from mock_server.spaces import DEFAULT_SPACE
from mock_server.spec import NamedRequest, Operation, Spec, WireRequest, build

KEY = "test_me"


def documented(spec: Spec) -> WireRequest:
    """The vendor's best documented update; it works with the packaged fixtures."""
    return next(_documented(spec))


def working(service: Service) -> WireRequest:
    """The first of the documented requests, of their like, and of the lists that a new space of this service answers.

    They are tried, so the service must not be one that serves.
    """
    spec = service.spec
    candidates = [*_documented(spec), *_with_own_records(service), *_lists(spec)]
    return next((one for one in candidates if _works(service, one)), candidates[-1])


def _works(service: Service, asked: WireRequest) -> bool:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    response = service.exchange(Request(asked.method, asked.path, asked.query, headers, asked.body or b""))
    service.spaces.close(KEY)
    return response.status < 300


def _documented(spec: Spec) -> Iterator[WireRequest]:
    for operation in sorted(spec.operations.values(), key=_rank):
        for request in list(operation.requests.values())[:1]:
            yield build(spec, operation, request, KEY)


def _rank(operation: Operation) -> tuple[bool, bool, bool]:
    contract = operation.contract
    return (not operation.requests, operation.evidence.grade != "seed", contract.get("effect") != "update")


def _with_own_records(service: Service) -> Iterator[WireRequest]:
    """The documented requests about a record, with the first record that there is."""
    first = _first_records(service)
    for operation in sorted(service.spec.operations.values(), key=_rank):
        key, kind = operation.contract.get("key"), operation.contract.get("record")
        if kind not in first or not isinstance(key, dict) or key.get("in") != "path":
            continue
        for request in list(operation.requests.values())[:1]:
            yield build(service.spec, operation, _about(request, operation, service.spec, first), KEY)


def _first_records(service: Service) -> dict[str, Any]:
    """The key of the first record of each kind."""
    found = {}
    with service.spaces.store.transaction(DEFAULT_SPACE) as transaction:
        for kind, shape in service.spec.records.items():
            row = next(transaction.all(f"{service.spec.provider}/{kind}"), None)
            if row is not None:
                found[kind] = row.document[shape.key]
    return found


def _about(request: NamedRequest, operation: Operation, spec: Spec, first: dict[str, Any]) -> NamedRequest:
    contract = operation.contract
    path = {**request.path, contract["key"]["name"]: first[contract["record"]]}
    references = spec.records[contract["record"]].references
    body = request.body
    if isinstance(body, dict):
        targets = {name: references.get(field) for name, field in contract.get("fields", {}).items()}
        body = {name: first.get(targets.get(name) or "", value) for name, value in body.items()}
    return replace(request, path=path, body=body)


def _lists(spec: Spec) -> Iterator[WireRequest]:
    for operation in spec.operations.values():
        if operation.method == "GET" and "{" not in operation.path:
            nothing = NamedRequest("list", "", {}, {}, {}, None, False, None, (), operation.evidence)
            yield build(spec, operation, nothing, KEY)
