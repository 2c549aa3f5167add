"""What the operations of a file mean: collections, their records, and what each operation does to them.

Inferred from paths, methods and schemas alone. Where these do not tell, nothing is guessed, and `why` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mock_server.adopting.reading import merged
from mock_server.adopting.samples import kind_of, sample

_ROWS = ("data", "items", "results", "records", "values", "entries", "list", "rows", "content", "objects")
_PAGING = {
    "size": (
        "limit",
        "per_page",
        "perpage",
        "page_size",
        "pagesize",
        "max_results",
        "maxresults",
        "size",
        "count",
        "take",
    ),
    "offset": ("offset", "skip", "start_index"),
    "number": ("page", "page_number", "pagenumber"),
}


@dataclass
class Described:
    """An operation as the file has it, its schemas ours: `body` and `shown` are None where there is no JSON."""

    id: str
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    status: int
    shown: dict[str, Any] | None
    why: str = ""
    contract: dict[str, Any] = field(default_factory=dict)

    @property
    def segments(self) -> list[str]:
        return self.path.strip("/").split("/")


@dataclass
class Kind:
    """A kind of record: its collection's path, the field that names one, and what it is."""

    name: str
    path: str
    parameter: str
    key: str
    schema: dict[str, Any]
    owner: Kind | None = None
    owner_field: str = ""
    changes: bool = False
    """Whether PUT or PATCH of one record is there; a POST to it is then something else."""


def infer(operations: list[Described]) -> list[Kind]:
    """Finds the collections, and gives each operation that is about one its contract; the others say `why` not."""
    by_path: dict[str, dict[str, Described]] = {}
    for one in operations:
        by_path.setdefault(one.path, {})[one.method] = one
    kinds: list[Kind] = []
    for path in sorted(by_path, key=lambda path: (path.count("/"), path)):
        item = next(
            (other for other in by_path if re.fullmatch(re.escape(path.rstrip("/")) + r"/\{[^/{}]+\}", other)), None
        )
        if item is not None and not path.rstrip("/").endswith("}"):
            kind = _kind(path, item, by_path, kinds)
            if kind is not None:
                kinds.append(kind)
    for one in operations:
        if one.why:
            continue
        one.why = _give(one, kinds)
    return kinds


def _kind(path: str, item: str, by_path: dict[str, dict[str, Described]], kinds: list[Kind]) -> Kind | None:
    """The kind of record of a collection, if the operations show one and the field that names it."""
    at_item, at_all = by_path[item], by_path[path]
    shown: dict[str, Any] | None = None
    for one in (at_item.get("get"), at_all.get("post"), at_item.get("put"), at_item.get("patch")):
        if one is not None and one.shown is not None:
            found = _record_in(one.shown, item.rpartition("/")[2].strip("{}"))
            if found is not None:
                shown = found[1]
                break
    if shown is None and at_all.get("get") is not None and at_all["get"].shown is not None:
        rows = _rows_in(at_all["get"].shown)
        shown = rows[1] if rows is not None else None
    if shown is None:
        return None
    parameter = item.rpartition("/")[2].strip("{}")
    segment = path.rstrip("/").rpartition("/")[2]
    key = _key(parameter, segment, merged(shown)["properties"])
    if key is None:
        return None
    owner = next((one for one in reversed(kinds) if path.startswith(f"{one.path.rstrip('/')}/{{")), None)
    if owner is None and "{" in path:
        return None
    name = re.sub(r"\W+", "-", segment).strip("-").lower() or "records"
    if any(one.name == name for one in kinds):
        name = f"{owner.name}-{name}" if owner is not None else f"{name}-{len(kinds)}"
    field_ = ""
    if owner is not None:
        between = path[len(owner.path.rstrip("/")) + 1 :].split("/")
        if len(between) != 2:
            return None
        field_ = _owner_field(between[0].strip("{}"), owner, merged(shown)["properties"])
    return Kind(name, path, parameter, key, shown, owner, field_, bool({"put", "patch"} & set(at_item)))


def _owner_field(parameter: str, owner: Kind, properties: dict[str, Any]) -> str:
    """The field of a record that says whose it is, or one of our own that no answer shows."""
    for name in (parameter, _snake(parameter), f"{_singular(owner.name)}_id", f"{_singular(owner.name)}Id"):
        if name in properties and name != "id" and kind_of(properties[name]) in ("string", "integer"):
            return name
    return f"_{_singular(owner.name)}"


def _key(parameter: str, segment: str, properties: dict[str, Any]) -> str | None:
    """The field of a record that a path's parameter names."""
    one = _singular(segment)
    plain = {name.lower().replace("_", "").replace("-", ""): name for name in properties}
    wanted = (
        parameter,
        "id",
        "_id",
        f"{one}_id",
        "uuid",
        "uid",
        "sid",
        "guid",
        "key",
        "slug",
        "name",
        "code",
        "number",
    )
    for name in wanted:
        found = (
            plain.get(name.lower().replace("_", "").replace("-", ""))
            if name != "_id"
            else properties.get("_id") and "_id"
        )
        if found is not None and kind_of(properties[found]) in ("string", "integer", "any"):
            if name in ("name", "code", "number", "key", "slug") and name not in parameter.lower():
                continue
            return str(found)
    return None


def _singular(word: str) -> str:
    word = word.lower()
    return (
        f"{word[:-3]}y"
        if word.endswith("ies")
        else word[:-1]
        if word.endswith("s") and not word.endswith("ss")
        else word
    )


def _snake(word: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", word).lower()


def _record_in(shown: dict[str, Any], parameter: str) -> tuple[str, dict[str, Any]] | None:
    """Where an answer shows one record, and its schema: the whole answer, or the one object in an envelope."""
    whole = merged(shown)["properties"]
    objects = {
        name: child for name, child in whole.items() if kind_of(child) == "object" and merged(child)["properties"]
    }
    if kind_of(shown) != "object" or not whole:
        return None
    has_name = any(name.lower().strip("_") in ("id", "uuid", parameter.lower(), _snake(parameter)) for name in whole)
    if has_name or not objects:
        return "", shown
    named = [name for name in objects if name.lower() in ("data", "item", "result", "record", "object")]
    if len(objects) == 1 or len(named) == 1:
        name = named[0] if len(named) == 1 else next(iter(objects))
        return f"/{name}", objects[name]
    return "", shown


def _rows_in(shown: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Where an answer lists rows, and the schema of one."""
    if kind_of(shown) == "array":
        return ("", shown["items"]) if kind_of(shown.get("items", {})) == "object" else None
    lists = {
        name: child["items"]
        for name, child in merged(shown)["properties"].items()
        if kind_of(child) == "array" and kind_of(child.get("items", {})) == "object"
    }
    name = next((one for one in _ROWS if one in lists), None) or (next(iter(lists)) if len(lists) == 1 else None)
    return (f"/{name}", lists[name]) if name is not None else None


def _give(one: Described, kinds: list[Kind]) -> str:
    """Gives the operation its contract; returns why it has none."""
    path = one.path.rstrip("/")
    for kind in kinds:
        base = kind.path.rstrip("/")
        if path == base and one.method in ("get", "post"):
            return _list(one, kind) if one.method == "get" else _create(one, kind)
        if re.fullmatch(re.escape(base) + r"/\{[^/{}]+\}", path):
            return _about_one(one, kind)
        verb = re.fullmatch(re.escape(base) + r"/\{[^/{}]+\}/([a-z]+)", path)
        if verb is not None and one.method in ("post", "put") and _move(one, kind, verb[1]):
            return ""
    return "no collection with records of its own: neither PATH nor PATH/{id} of a record that its answers show"


def _within(kind: Kind, *, missing: bool) -> dict[str, Any]:
    if kind.owner is None:
        return {}
    said = {"record": kind.owner.name, "field": kind.owner_field, **({"missing": "not-found"} if missing else {})}
    return {"within": {kind.owner.parameter: said}}


def _list(one: Described, kind: Kind) -> str:
    rows = _rows_in(one.shown) if one.shown is not None else None
    if rows is None:
        return "its answer shows no list of objects"
    names = merged(kind.schema)["properties"]
    query = {p["name"]: p for p in one.parameters if p["in"] == "query"}
    page: dict[str, str] = {}
    for word, known in _PAGING.items():
        found = next((name for name in query if name.lower().replace("-", "_") in known), None)
        if (
            found is not None
            and kind_of(query[found]["schema"]) in ("integer", "number")
            and not {"offset", "number"} & set(page)
        ):
            page[word] = found
    if "size" not in page:
        page = {"offset": page["offset"]} if "offset" in page else {}
    filters = {
        name: name
        for name, p in query.items()
        if name in names
        and name not in page.values()
        and kind_of(p["schema"]) == kind_of(names[name]) != "array"
        and kind_of(p["schema"]) in ("string", "integer", "boolean", "number")
        and "default" not in p["schema"]
    }
    whole = merged(one.shown)["properties"] if kind_of(one.shown) == "object" else {}
    count = next(
        (name for name in ("count", "length") if kind_of(whole.get(name)) == "integer" and name in whole), None
    )
    one.contract = {
        "record": kind.name,
        "effect": "list",
        "at": rows[0],
        "key": {"in": "row", "name": kind.key},
        **_within(kind, missing=True),
        **({"filters": filters} if filters else {}),
        **({"page": page} if "size" in page else {}),
        **({"count": f"/{count}"} if count and not page else {}),
    }
    return ""


def _create(one: Described, kind: Kind) -> str:
    if one.body is None:
        return "it takes no JSON object, so nothing says what it would make"
    found = _record_in(one.shown, kind.parameter) if one.shown is not None else None
    if found is None or kind.key not in merged(found[1])["properties"]:
        return "its answer shows no record with the field that names one"
    names = merged(kind.schema)["properties"]
    # An answer that has more than the record repeats some of its fields, and says the rest each time alike.
    some = {"shows": {name: name for name in merged(found[1])["properties"] if name in names}}
    one.contract = {
        "record": kind.name,
        "effect": "create",
        **({"at": found[0]} if _is_record(found[1], kind) else some),
        "key": {"in": "answer", "name": kind.key},
        **_within(kind, missing=True),
        **_fields(one, kind, key=False),
        "unique": [kind.key],
    }
    return ""


def _is_record(schema: dict[str, Any], kind: Kind) -> bool:
    """Whether a schema is about the record alone: it has the field that names one, and requires nothing else's."""
    whole = merged(schema)
    return kind.key in whole["properties"] and whole["required"] <= set(merged(kind.schema)["properties"])


def _fields(one: Described, kind: Kind, *, key: bool) -> dict[str, Any]:
    """Which fields of the body are the record's."""
    names = merged(kind.schema)["properties"]
    fields = {
        name: name
        for name, child in merged(one.body)["properties"].items()
        if name in names
        and (key or name != kind.key)
        and name != kind.owner_field
        and kind_of(child) == kind_of(names[name])
    }
    return {"fields": fields} if fields else {}


def _about_one(one: Described, kind: Kind) -> str:
    key = {"in": "path", "name": re.findall(r"\{([^/{}]+)\}", one.path)[-1]}
    base = {"record": kind.name, "key": key, **_within(kind, missing=False), "missing": "not-found"}
    found = _record_in(one.shown, kind.parameter) if one.shown is not None else None
    shows = found is not None and _is_record(found[1], kind)
    if one.method == "get":
        if not shows:
            return "its answer shows no record with the field that names one"
        one.contract = {"effect": "read", **base, "at": found[0]}  # type: ignore[index]
        return ""
    at = {"at": found[0]} if shows and found is not None else {}
    if one.method == "delete":
        one.contract = {"effect": "delete", **base, **at, "destroys": True}
        return ""
    if one.method == "post" and kind.changes:
        return "another method of the same path changes the record"
    if one.body is None:
        return "it takes no JSON object, so nothing says what it would change"
    fields = _fields(one, kind, key=False)
    if not fields:
        return "no field of its body is one of the record's"
    partial = {} if one.method == "put" else {"partial": True}
    one.contract = {"effect": "update", **base, **at, **fields, **partial, "immutable": [kind.key], "idempotent": True}
    return ""


def _move(one: Described, kind: Kind, verb: str) -> bool:
    """Gives `POST .../{id}/end` its transition, where a status of the record has a value such as `ended`."""
    properties = merged(kind.schema)["properties"]
    for name in ("status", "state"):
        values = [value for value in (properties.get(name) or {}).get("enum") or () if isinstance(value, str)]
        reached = [
            value for value in values if value.lower().startswith(verb.removesuffix("e")) and value.lower() != verb
        ]
        if len(reached) != 1 or len(values) < 2:
            continue
        found = _record_in(one.shown, kind.parameter) if one.shown is not None else None
        shows = found is not None and _is_record(found[1], kind)
        key = {"in": "path", "name": re.findall(r"\{([^/{}]+)\}", one.path)[-1]}
        one.contract = {
            "effect": "transition",
            "record": kind.name,
            "key": key,
            **_within(kind, missing=False),
            "missing": "not-found",
            **({"at": found[0]} if shows and found is not None else {}),
            "transition": {
                "field": name,
                "from": [value for value in values if value != reached[0]],
                "to": reached[0],
                "wrong": "wrong-state",
            },
        }
        return True
    return False


def news(kind: Kind, creates: list[Described]) -> Iterator[tuple[str, Any]]:
    """What a new record holds that nobody gives: its id, its times, and what it must have."""
    whole = merged(kind.schema)
    given = {name for one in creates for name in (one.contract.get("fields") or {})}
    key = whole["properties"][kind.key]
    if kind_of(key) == "integer":
        yield (
            kind.key,
            {
                "issued": "integer",
                "from": max(1, int(key.get("minimum", 1_000))),
                "to": int(key.get("maximum", 999_999)),
            },
        )
    else:
        yield (
            kind.key,
            {"issued": "uuid"} if "pattern" not in key and key.get("maxLength", 99) >= 36 else {"issued": "hex"},
        )
    for name, schema in whole["properties"].items():
        if name == kind.key or name == kind.owner_field:
            continue
        if isinstance(schema, dict) and schema.get("format") == "date-time" and name not in given:
            yield name, {"issued": "time", "form": "milliseconds"}
        elif name in whole["required"]:
            value = schema.get("default", sample(schema)) if isinstance(schema, dict) else None
            yield name, {"value": value} if isinstance(value, dict) else value
