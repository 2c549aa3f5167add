"""What `x-contract` may say of an operation; anything else is refused with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mock_server.spec.reading.document import Checker
from mock_server.spec.saying.sources import check_source
from mock_server.spec.terms.model import Operation, Spec

EFFECTS = ("create", "read", "update", "delete", "list", "search", "transition", "report")
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


_PAGING = ("parameter", "next", "offset", "number", "after")
_ANY = {"any": "name"}


def _maps(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_is_name, value)) and all(map(fits, value.values()))


def _maps_names(value: Any, fits: Callable[[Any], bool] = _is_name) -> bool:
    return _maps(value, fits)


def _has(value: Any, needed: str, optional: str = "") -> bool:
    """Whether a value is a mapping with all of the needed words, and beside them only optional ones.

    What names something is a name.
    """
    return (
        isinstance(value, Mapping)
        and set(needed.split()) <= set(value) <= set(f"{needed} {optional}".split())
        and all(
            _is_name(value[word]) for word in ("record", "field", "key", "by", "answer", "missing") if word in value
        )
    )


def _is_key(value: Any) -> bool:
    return (
        _has(value, "in name", "aliases")
        and _is_name(value["name"])
        and value["in"] in _KEY_PLACES
        and isinstance(value.get("aliases", True), bool)
    )


def _is_page(value: Any) -> bool:
    return (
        _maps_names(value)
        and set(value) <= {"size", "unknown", *_PAGING}
        and sum(word in value for word in _PAGING if word != "next") <= 1
        and ("parameter" in value or "after" in value or "next" not in value)
        and ("next" in value or "parameter" not in value)
        and _is_pointer(value.get("next", ""))
    )


def _is_transition(value: Any) -> bool:
    return (
        _has(value, "field from to wrong")
        and _is_name(value["field"])
        and _is_name(value["wrong"])
        and isinstance(value["from"], list)
        and bool(value["from"])
    )


def _are_parents(value: Any) -> bool:
    return _maps(
        value, lambda one: _has(one, "record field", "missing copies") and _maps_names(one.get("copies", _ANY))
    )


def _are_answers(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(_has(one, "name", "when") and _is_name(one["name"]) for one in value)
        and all(one["when"] == "more" or isinstance(one["when"], Mapping) for one in value if "when" in one)
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
_ANSWER = Kind("the name of an answer", _is_name)
_NAMES = Kind("a list of names", _are_names)
_NAMED = Kind("a mapping from names to names", _maps_names)
_FLAG = Kind("true or false", lambda value: isinstance(value, bool))
_POINTER = Kind("a JSON pointer such as /data, or '' for the whole body", _is_pointer)

KINDS: dict[str, Kind] = {
    "record": _NAME,
    "effect": _one_of(EFFECTS),
    "key": Kind(
        f"{{in: {', '.join(_KEY_PLACES[:-1])} or {_KEY_PLACES[-1]}, name: NAME}}, aliases: true if any name will do",
        _is_key,
    ),
    "at": _POINTER,
    "fields": _NAMED,
    "inside": Kind(
        "a mapping from objects of the body, or pointers to such, to mappings from names to names",
        lambda value: _maps_names(value, lambda one: bool(one) and _maps_names(one)),
    ),
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
    "begins": _NAMED,
    "idempotent": _FLAG,
    "consistent": Kind("a list of {digits_of: NAME, equal: NAME} or {digits_of: NAME, contain: NAME}", _are_rules),
    "count": _POINTER,
    "total": _POINTER,
    "pages": _POINTER,
    "filters": _NAMED,
    "where": Kind("a mapping from fields of the rows to values", lambda value: _maps(value, lambda one: True)),
    "since": _NAMED,
    "until": _NAMED,
    "page": Kind(
        "{size: PARAMETER}, {parameter: PARAMETER, next: POINTER}, or both in one; offset, number or after (this with "
        "next or without) in place of parameter and next, and unknown: ANSWER",
        _is_page,
    ),
    "keeps": Kind(
        "a mapping from names to a name or a list of names",
        lambda value: _maps_names(value, lambda one: _is_name(one) or _are_names(one)),
    ),
    "missing": _ANSWER,
    "unknown": _ANSWER,
    "conflict": _NAMED,
    "upsert": _NAME,
    "requires": _NAMED,
    "requires-one": Kind(
        "{of: [NAME, NAME, ...], answer: ANSWER}", lambda value: _has(value, "of answer") and _are_names(value["of"])
    ),
    "accepts": Kind(
        "a mapping from names to {values: [...], answer: ANSWER}",
        lambda value: _maps(value, lambda one: _has(one, "values answer") and isinstance(one["values"], list)),
    ),
    "distinct": Kind(
        "a mapping from names to {by: NAME, answer: ANSWER}",
        lambda value: _maps(value, lambda one: _has(one, "by answer")),
    ),
    "needs": Kind(
        "a mapping from fields of the record to {is: VALUE, answer: ANSWER}",
        lambda value: _maps(value, lambda one: _has(one, "is answer")),
    ),
    "within": Kind(
        "a mapping from parameters or fields of the body to {record: KIND, field: NAME}, with missing: ANSWER and "
        "copies: {FIELD: FIELD} if need be",
        _are_parents,
    ),
    "makes": Kind(
        "a mapping from objects of the body to {record: KIND, key: FIELD, field: FIELD}, from lists without key",
        lambda value: _maps(value, lambda one: _has(one, "record field", "key")),
    ),
    "sets": Kind("a mapping from fields of the record to sources", lambda value: _maps(value, lambda one: True)),
    "shows": Kind("a mapping from names or pointers to sources", lambda value: _maps(value, lambda one: True)),
    "answers": Kind("a list of {name: ANSWER, when: {FIELD: VALUE} or more}", _are_answers),
    "lifts": Kind("a mapping from parameters to lists of filters", lambda value: _maps(value, _are_names)),
    "order": _one_of(("oldest", "newest")),
    "transition": Kind("{field: NAME, from: [VALUE, ...], to: VALUE, wrong: ANSWER}", _is_transition),
    "in-use": _ANSWER,
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
    "report": ("record", "shows"),
    "transition": ("record", "key", "transition"),
}
"""What an effect is of no use without."""


def check_contract(checker: Checker, operation: Operation, place: str) -> None:
    """Raises SpecError at the first thing that is unknown, of another kind, or names what the operation has not."""
    if not checker.checks:
        return
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
    for key in ("sets", "shows"):
        for field, source in (contract.get(key) or {}).items():
            check_source(checker, source, f"{place}/{key}/{field}")
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
    for key, needed in (("once", "record"), ("twin", "record"), ("upsert", "record"), ("transition", "record")):
        if key in contract:
            yield key, needed
    if "clears" in contract and "keeps" not in contract:
        yield "clears", "fields"
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
    for outer, names in (contract.get("inside") or {}).items():
        whole: Any = operation.body_schema
        for step in inside_of(outer):
            yield "inside", [step], set(properties(whole)), "field of the request body"
            whole = properties(whole)[step]
        yield "inside", names, set(properties(whole)), f"field of {outer} in the request body"
    yield "along", contract.get("along") or (), body, "field of the request body"
    written = {*(contract.get("fields") or ()), *(contract.get("keeps") or ())}
    yield "clears", contract.get("clears") or (), written, "field under fields"
    yield "keeps", contract.get("keeps") or (), body, "field of the request body"
    yield "requires", contract.get("requires") or (), body | asked, "field or parameter of the request"
    yield "requires-one", (contract.get("requires-one") or {}).get("of") or (), body | asked, "field or parameter"
    yield "accepts", contract.get("accepts") or (), body | asked, "field or parameter of the request"
    yield "distinct", contract.get("distinct") or (), body, "field of the request body"
    yield "makes", contract.get("makes") or (), body, "field of the request body"
    yield "within", contract.get("within") or (), body | asked, "field or parameter of the request"
    yield "lifts", contract.get("lifts") or (), asked, "parameter"
    yield "once", contract.get("once") or (), body, "field of the request body"
    yield "echo", contract.get("echo") or (), body | asked, "field or parameter of the request"
    filtering = asked | (body if contract.get("effect") == "search" else set())
    yield "filters", contract.get("filters") or (), filtering, "parameter"
    yield "since", contract.get("since") or (), filtering, "parameter"
    yield "until", contract.get("until") or (), filtering, "parameter"
    paging = [page[word] for word in ("size", "parameter", "offset", "number", "after") if word in page]
    yield "begins", contract.get("begins") or (), filtering, "field or parameter of the request"
    paged = parameters["query"] | (body if contract.get("effect") == "search" else set())
    yield "page", paging, paged, "query parameter"
    yield "key", [key["name"]] if key.get("in") == "path" else [], parameters["path"], "path parameter"
    yield "key", [key["name"]] if key.get("in") == "body" else [], body, "field of the request body"
    declared = contract.get("evidence") or {}
    yield "evidence", declared if "grade" not in declared else (), set(contract) - {"evidence"}, "key of this contract"


def inside_of(outer: str) -> list[str]:
    """The way to an object of the body, which is named, or by a pointer where it stands in another one."""
    return outer[1:].split("/") if outer.startswith("/") else [outer]


def named_answers(contract: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every answer that a contract names, with the key that names it."""
    for key in ("missing", "unknown", "in-use"):
        if key in contract:
            yield key, contract[key]
    for key in ("conflict", "requires"):
        yield from ((key, name) for name in (contract.get(key) or {}).values())
    if "requires-one" in contract:
        yield "requires-one", contract["requires-one"]["answer"]
    for key in ("accepts", "distinct", "needs"):
        yield from ((key, one["answer"]) for one in (contract.get(key) or {}).values())
    yield from (("within", one["missing"]) for one in (contract.get("within") or {}).values() if "missing" in one)
    yield from (("answers", one["name"]) for one in contract.get("answers") or ())
    if "transition" in contract:
        yield "transition", contract["transition"]["wrong"]
    if "unknown" in (contract.get("page") or {}):
        yield "page", contract["page"]["unknown"]


def check_against(checker: Checker, spec: Spec, operation: Operation, place: str) -> None:
    """Raises SpecError where a contract names an answer, a kind of record or a field that the spec does not have."""
    contract = operation.contract
    answers = {**spec.answers, **operation.answers}
    for key, name in named_answers(contract):
        if name not in answers:
            known = ", ".join(operation.answers)
            raise checker.fail(f"{place}/{key}", f"{name!r} names no answer of {operation.id}; there are {known}")
    for parameter, parent in (contract.get("within") or {}).items():
        if parent["record"] not in spec.records:
            known = ", ".join(sorted(spec.records)) or "none"
            message = f"{parent['record']!r} is not among x-records; there are {known}"
            raise checker.fail(f"{place}/within/{parameter}", message)
    for name, made in (contract.get("makes") or {}).items():
        target = spec.records.get(made["record"])
        if target is None or made["field"] not in properties(target.schema):
            message = f"{made['field']!r} is no field of a record of {made['record']!r}"
            raise checker.fail(f"{place}/makes/{name}", message)
    record = spec.records.get(str(contract.get("record")))
    if record is None:
        return
    known_fields = properties(record.schema)
    named = [("upsert", [contract["upsert"]] if "upsert" in contract else [])]
    named += [(key, list(contract.get(key) or ())) for key in ("sets", "needs", "conflict")]
    named += [("transition", [contract["transition"]["field"]] if "transition" in contract else [])]
    named += [("makes", [one["key"] for one in (contract.get("makes") or {}).values() if "key" in one])]
    named += [("within", [one["field"] for one in (contract.get("within") or {}).values()])]
    for key, fields in named:
        for field in fields:
            if not isinstance(field, str):
                raise checker.fail(f"{place}/{key}", f"must name a field, not {field!r}")
            if known_fields and field.strip("/").partition("/")[0] not in known_fields:
                there = ", ".join(sorted(known_fields))
                raise checker.fail(f"{place}/{key}", f"{field!r} is no field of {record.kind}; there are {there}")
    for field in ("upsert", "conflict"):
        names = [contract[field]] if field == "upsert" and field in contract else list(contract.get(field) or ())
        for name in names:
            if name not in (record.key, *record.aliases):
                message = f"{name!r} names no record of {record.kind}; add it to its aliases"
                raise checker.fail(f"{place}/{field}", message)


def properties(schema: Any) -> dict[str, Any]:
    """An object's properties by name, those of its parts (`allOf`, ...) among them."""
    if not isinstance(schema, Mapping):
        return {}
    found: dict[str, Any] = dict(schema.get("properties") or {})
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word) or ():
            found.update(properties(part))
    for word in ("then", "else"):
        found.update(properties(schema.get(word)))
    return found
