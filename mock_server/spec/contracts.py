"""What `x-contract` may say of an operation; anything else is refused with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mock_server.spec.document import Checker
from mock_server.spec.model import Operation

EFFECTS = ("create", "read", "update", "delete", "list", "search")
COSTS = ("read", "write", "purchase")
_KEY_PLACES = ("path", "body", "answer", "row")


class Kind(NamedTuple):
    """What a value must be, in words, and whether a value is that."""

    wanted: str
    fits: Callable[[Any], bool]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_pointer(value: Any) -> bool:
    return isinstance(value, str) and (value == "" or value.startswith("/"))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_name, value))


def _maps_names(value: Any, fits: Callable[[Any], bool] = _is_name) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_is_name, value)) and all(map(fits, value.values()))


def _is_key(value: Any) -> bool:
    return _maps_names(value) and set(value) == {"in", "name"} and value["in"] in _KEY_PLACES


def _is_page(value: Any) -> bool:
    return (
        _maps_names(value)
        and set(value) <= {"size", "parameter", "next"}
        and ("parameter" in value) == ("next" in value)
        and _is_pointer(value.get("next", ""))
    )


def _are_rules(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(_maps_names(rule) and set(rule) in ({"digits_of", "equal"}, {"digits_of", "contain"}) for rule in value)
    )


def _one_of(words: tuple[str, ...]) -> Kind:
    return Kind(f"one of {', '.join(words)}", lambda value: value in words)


_NAME = Kind("a name", _is_name)
_NAMES = Kind("a list of names", _are_names)
_NAMED = Kind("a mapping from names to names", _maps_names)
_FLAG = Kind("true or false", lambda value: isinstance(value, bool))
_POINTER = Kind("a JSON pointer such as /data, or '' for the whole body", _is_pointer)

KINDS: dict[str, Kind] = {
    "record": _NAME,
    "effect": _one_of(EFFECTS),
    "key": Kind(f"{{in: {', '.join(_KEY_PLACES[:-1])} or {_KEY_PLACES[-1]}, name: NAME}}", _is_key),
    "at": _POINTER,
    "fields": _NAMED,
    "along": _NAMED,
    "clears": Kind(
        "a mapping from names to lists of values",
        lambda value: _maps_names(value, lambda values: isinstance(values, list) and bool(values)),
    ),
    "partial": _FLAG,
    "immutable": _NAMES,
    "echo": _NAMES,
    "unique": _NAMES,
    "once": _NAMES,
    "idempotent": _FLAG,
    "consistent": Kind("a list of {digits_of: NAME, equal: NAME} or {digits_of: NAME, contain: NAME}", _are_rules),
    "count": _POINTER,
    "filters": _NAMED,
    "page": Kind("{size: PARAMETER}, {parameter: PARAMETER, next: POINTER}, or both in one", _is_page),
    "lifts": Kind("a mapping from parameters to lists of filters", lambda value: _maps_names(value, _are_names)),
    "twin": _NAME,
    "cost": _one_of(COSTS),
    "destroys": _FLAG,
    "evidence": Kind(
        "a statement {grade, source}, or a mapping from keys of the contract to statements",
        lambda value: isinstance(value, Mapping) and bool(value),
    ),
}
"""Every key that is understood."""

_NEEDS = {
    "list": ("at", "key"),
    "read": ("key",),
}
"""What an effect is of no use without."""


def check_contract(checker: Checker, operation: Operation, place: str) -> None:
    """Raises SpecError at the first thing that is unknown, of another kind, or names what the operation has not."""
    contract, name = operation.contract, operation.id
    if not isinstance(contract, Mapping):
        raise checker.fail(place, f"{name}: a contract must be a mapping, not {type(contract).__name__}")
    for key, value in contract.items():
        if key not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise checker.fail(f"{place}/{key}", f"{name}: a contract has no {key!r}; understood are {known}")
        if not KINDS[key].fits(value):
            raise checker.fail(f"{place}/{key}", f"{name}: {key} must be {KINDS[key].wanted}, not {value!r}")
    for statement, where in _statements(contract, place):
        checker.evidence(statement, where)
    for key, needed in _needs(contract):
        if needed not in contract:
            raise checker.fail(f"{place}/{needed}", f"{name}: {key} needs {needed} too")
    for key, names, there_are, what in _names(operation):
        for one in names:
            if one not in there_are:
                there = f"there are {', '.join(sorted(there_are))}" if there_are else "it has none"
                raise checker.fail(f"{place}/{key}", f"{name}: {one!r} is no {what}; {there}")


def _statements(contract: Mapping[str, Any], place: str) -> Iterable[tuple[Any, str]]:
    """The statements under `evidence` with their places: a single one, or one for each key of the contract."""
    declared, here = contract.get("evidence") or {}, f"{place}/evidence"
    if not declared or "grade" in declared:
        return [(declared, here)] if declared else []
    return [(statement, f"{here}/{key}") for key, statement in declared.items()]


def _needs(contract: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    effect = contract.get("effect")
    yield from ((f"effect {effect}", needed) for needed in _NEEDS.get(str(effect), ()))
    if effect in ("create", "update", "delete") and "key" in contract:
        yield f"effect {effect} with a key", "record"
    for key, needed in (("clears", "fields"), ("once", "record"), ("twin", "record")):
        if key in contract:
            yield key, needed
    if "lifts" in contract:
        yield "lifts", "filters"


def _names(operation: Operation) -> Iterable[tuple[str, Iterable[str], set[str], str]]:
    """What names what: the key, the names under it, those that exist, and what they are."""
    contract = operation.contract
    body = set((operation.body_schema or {}).get("properties") or {})
    parameters = {place: {one.name for one in operation.parameters_in(place)} for place in ("path", "query")}
    asked = parameters["path"] | parameters["query"]
    key, page = contract.get("key") or {}, contract.get("page") or {}
    yield "fields", contract.get("fields") or (), body, "field of the request body"
    yield "along", contract.get("along") or (), body, "field of the request body"
    yield "clears", contract.get("clears") or (), set(contract.get("fields") or ()), "field under fields"
    yield "once", contract.get("once") or (), body, "field of the request body"
    yield "echo", contract.get("echo") or (), body | asked, "field or parameter of the request"
    yield "filters", contract.get("filters") or (), asked, "parameter"
    yield "lifts", contract.get("lifts") or (), asked, "parameter"
    yield "page", [page[word] for word in ("size", "parameter") if word in page], parameters["query"], "query parameter"
    yield "key", [key["name"]] if key.get("in") == "path" else [], parameters["path"], "path parameter"
    yield "key", [key["name"]] if key.get("in") == "body" else [], body, "field of the request body"
    declared = contract.get("evidence") or {}
    yield "evidence", declared if "grade" not in declared else (), set(contract) - {"evidence"}, "key of this contract"
