"""What the operations of a file mean: collections, their records, and what each operation does to them.

Inferred from paths, methods and schemas alone. Where these do not tell, nothing is guessed, and `why` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mock_server.adopting.forms.merging import forms, merged, spread, with_own_properties, with_property
from mock_server.adopting.forms.narrowing import narrowed, without_null
from mock_server.adopting.forms.patterns import issued_by
from mock_server.adopting.forms.samples import fits, kind_of, sample
from mock_server.adopting.forms.shapes import choices, record_in, rows_in
from mock_server.adopting.forms.unions import brought, of_form, tag_of
from mock_server.adopting.forms.words import COUNTS, ENVELOPES, plain, reached, singular, snake
from mock_server.adopting.paging import more_in, paging
from mock_server.spec.saying.contracts import inside_of

_ALONE = "~"
"""Stands for the parameter of a path that is not there."""

ATTRIBUTES = "attributes"
"""The object of a record whose fields are set one by one, where JSON:API is spoken."""

_MAKING = ("/create", "/new", "/add", "/purchase", "/buy")
"""What a path may end with, behind its collection, where it makes a record."""

_CHANGING = ("update", "set", "edit", "change", "modify", "rename")

_KEYS = "keys"
"""What fixtures call the API keys that a server takes."""


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
    form: bool = False
    """Whether the body is a form."""
    more: str = ""
    """The field of a list's answer that says whether further rows follow."""
    remarks: list[str] = field(default_factory=list)
    """What of the file was understood more narrowly than it stands there."""

    @property
    def route(self) -> str:
        """The path without what says nothing: a slash at its end, a suffix such as `.json`."""
        return re.sub(r"\.(json|xml)$", "", self.path.rstrip("/")) or "/"


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
    items: dict[str, str] = {}
    for one in operations:
        by_path.setdefault(one.route, {}).setdefault(one.method, one)
        base, _, last = one.route.rpartition("/")
        if re.fullmatch(r"\{[^{}]+\}", last):
            items.setdefault(base or "/", one.route)
    for path, methods in by_path.items():
        # What is listed, and not had alone.
        last = path.rpartition("/")[2]
        several = "post" in methods or singular(last) != last.lower()
        if path not in items and "get" in methods and several and not path.endswith("}"):
            items[path] = f"{path.rstrip('/')}/{{{_ALONE}}}"
    for path in [path for path in items if path.endswith("}")]:
        # The things of somebody who is no record here: /repositories/{username}/{slug}.
        listed = by_path.get(path, {}).get("get")
        if listed is None or listed.shown is None or rows_in(listed.shown) is None:
            del items[path]
    kinds: list[Kind] = []
    none: dict[str, str] = {}
    for path in sorted(items, key=lambda path: (path.count("/"), path)):
        kind = _kind(path, items[path], by_path, kinds)
        if isinstance(kind, str):
            none[path] = none[items[path]] = kind
        else:
            kind.schema = _with_what_lists_show(kind, by_path.get(path, {}))
            kinds.append(kind)
    # Of two kinds that a path is below, the nearer one is meant.
    nearest = sorted(kinds, key=lambda kind: -kind.path.count("/"))
    for one in operations:
        if not one.why:
            one.why = _give(one, nearest)
        if not one.why and not one.contract:
            one.why = none.get(one.route, "its path is no collection, no PATH/{id} of one, and no status after a verb")
    for kind in kinds:
        _fit(kind, [one for one in operations if one.contract.get("record") == kind.name])
    return kinds


def _with_what_lists_show(kind: Kind, at_all: dict[str, Described]) -> dict[str, Any]:
    """A record holds what rows of lists must show too, though its own answer does not name it."""
    listed = at_all.get("get")
    rows = rows_in(listed.shown) if listed is not None and listed.shown is not None else None
    if rows is None or forms(kind.schema) or forms(rows[1]):
        return kind.schema
    known, row = merged(kind.schema), merged(rows[1])
    if row["required"] <= set(known["properties"]) or kind.key not in row["properties"]:
        return kind.schema
    both = {"type": "object", "allOf": [kind.schema, rows[1]]}
    value = sample(both)
    return both if isinstance(value, dict) and fits(both, value) else kind.schema


def _fit(kind: Kind, about: list[Described]) -> None:
    """Lets bodies send only what every answer about the record can show: what else would become of it, nobody says."""
    shown: dict[str, list[Any]] = {}
    for schema in (kind.schema, *(found for one in about for found in _shown(one, kind))):
        for name, child in spread(schema)["properties"].items():
            shown.setdefault(name, []).append(child)
            for inner, grandchild in merged(child)["properties"].items() if name == ATTRIBUTES else ():
                shown.setdefault(f"/{name}/{inner}", []).append(grandchild)
    for one in about:
        if one.body is None:
            continue
        if forms(kind.schema) or forms(one.body):
            _fit_forms(one, kind, shown)
            continue
        for outer, fields in [("", one.contract.get("fields")), *(one.contract.get("inside") or {}).items()]:
            if fields:
                _fit_fields(one, outer, fields, shown)
        for word in ("fields", "inside"):
            left = one.contract.get(word)
            if left is not None and not any(left.values()):
                del one.contract[word]


def _fit_forms(one: Described, kind: Kind, shown: dict[str, list[Any]]) -> None:
    """The same where the body or the record may have several forms: a new record is of one, a change keeps it so."""
    said = [("", one.contract.get("fields")), *(one.contract.get("inside") or {}).items()]
    outer, fields = next(((outer, fields) for outer, fields in said if fields), ("", None))
    if fields is None or one.body is None:
        return
    whole = _at(one.body, outer)
    if one.contract["effect"] == "create":
        made, remarks = brought(whole, kind.schema, fields)
        one.remarks += remarks
        why = "no form of its body makes one that answers show"
    else:
        made, why = (
            _kept_in_form(one, whole, kind, fields, shown),
            "no field of its body is in every form of the record",
        )
    if made is None:
        one.contract, one.why = {}, why
        return
    one.body = _put(one.body, inside_of(outer) if outer else [], made)


def _kept_in_form(
    one: Described, whole: dict[str, Any], kind: Kind, fields: dict[str, str], shown: dict[str, list[Any]]
) -> dict[str, Any] | None:
    """A body that changes only what every form of the record has, and not what tells them apart."""
    every = [merged(form)["properties"] for form in forms(kind.schema) or [kind.schema]]
    tag, sent = tag_of(kind.schema), spread(whole)["properties"]
    body = whole if "properties" in whole else {**whole, "type": "object", "properties": {}}
    for name, target in list(fields.items()):
        less = None
        if all(target in form for form in every) and (tag is None or target != tag[0]):
            less = narrowed(sent[name], [*shown[target], *(form[target] for form in every)])
        if less is None:
            del fields[name]
            one.remarks.append(f"{name} of the body is not kept: not every form of the record shows it so")
            continue
        body = with_property(body, name, less)
    return body if fields else None


def _shown(one: Described, kind: Kind) -> Iterator[dict[str, Any]]:
    """The schemas by which an operation shows the record."""
    if one.shown is None or not {"at", "shows"} & one.contract.keys():
        return
    found = rows_in(one.shown) if one.contract["effect"] == "list" else record_in(one.shown, kind.parameter)
    if found is not None:
        yield found[1]


def _fit_fields(one: Described, outer: str, fields: dict[str, str], shown: dict[str, list[Any]]) -> None:
    """The same for the body, or for the object `outer` in it."""
    assert one.body is not None
    whole = with_own_properties(_at(one.body, outer))
    for name, target in list(fields.items()):
        sent = merged(whole)["properties"][name]
        # Of what is inside an object no value clears a field.
        clears = not outer and fits(sent, None) and not all(fits(schema, None) for schema in shown[target])
        rest = without_null(sent) if clears else sent
        left = narrowed(rest, shown[target])
        if left is None:
            del fields[name]
            one.remarks.append(
                f"{name} of the body is not kept: found no value of it that the record's {target} may be"
            )
            continue
        if clears:
            one.contract.setdefault("clears", {})[name] = [None]
            one.remarks.append(f"null for {name} gives {target} back what a new record holds")
        if left is not rest:
            one.remarks.append(f"for {name} only what answers show as {target} may be sent")
            whole = with_property(whole, name, {"anyOf": [left, {"type": "null"}]} if clears else left)
    one.body = _put(one.body, inside_of(outer) if outer else [], whole)


def _at(body: dict[str, Any], outer: str) -> dict[str, Any]:
    """The schema of the body, or of the object in it that `outer` names or points to."""
    for step in inside_of(outer) if outer else ():
        body = merged(body)["properties"][step]
    return body


def _put(body: dict[str, Any], steps: list[str], whole: dict[str, Any]) -> dict[str, Any]:
    """The body's schema with another one for the object that stands there."""
    if not steps:
        return whole
    own = with_own_properties(body)
    inner = merged(own)["properties"][steps[0]]
    made = _put(inner, steps[1:], whole)
    return own if made is inner else with_property(own, steps[0], made)


def _kind(path: str, item: str, by_path: dict[str, dict[str, Described]], kinds: list[Kind]) -> Kind | str:
    """The kind of record of a collection; or why the operations show none."""
    at_item, at_all = by_path.get(item, {}), by_path.get(path, {})
    shown: dict[str, Any] | None = None
    parameter = item.rpartition("/")[2].strip("{}").replace(_ALONE, "id")
    for one in (at_item.get("get"), at_all.get("post"), at_item.get("put"), at_item.get("patch")):
        if one is not None and one.shown is not None:
            found = record_in(one.shown, parameter)
            if found is not None:
                shown = found[1]
                break
    if shown is None and at_all.get("get") is not None and at_all["get"].shown is not None:
        rows = rows_in(at_all["get"].shown)
        shown = rows[1] if rows is not None else None
    if shown is None:
        return f"no answer of {path} or {item} shows the fields of a record"
    if shown is not None and not at_all and set(at_item) == {"get"} and rows_in(at_item["get"].shown or {}) is not None:
        return f"the answer of {item} shows a list, and nothing else is about one"
    segment = next((part for part in reversed(path.split("/")) if part and not part.endswith("}")), "")
    if forms(shown) and tag_of(shown) is None:
        return f"no field tells the forms apart that the answers of {path} or {item} may have"
    key = _key(parameter, segment, merged(shown)["properties"])
    if key is None:
        known = ", ".join(list(merged(shown)["properties"])[:6])
        return f"none of the fields that answers show ({known}) is what {{{parameter}}} names"
    owner = next((one for one in reversed(kinds) if path.startswith(f"{one.path.rstrip('/')}/{{")), None)
    name = re.sub(r"\W+", "-", segment).strip("-").lower() or "records"
    taken = {_KEYS, *(one.name for one in kinds)}
    if name in taken:
        name = f"{owner.name}-{name}" if owner is not None else f"the-{name}"
    while name in taken:
        name += "-too"
    field_ = ""
    if owner is not None:
        between = path[len(owner.path.rstrip("/")) + 1 :].split("/")
        if any("{" in part for part in between[1:]):
            # Something that is no record of ours is between the two: it belongs to nobody here.
            owner = None
        else:
            field_ = _owner_field(between[0].strip("{}"), owner, merged(shown)["properties"])
    return Kind(name, path, parameter, key, shown, owner, field_, bool({"put", "patch"} & set(at_item)))


def _owner_field(parameter: str, owner: Kind, properties: dict[str, Any]) -> str:
    """The field of a record that says whose it is, or one of our own that no answer shows."""
    for name in (parameter, snake(parameter), f"{singular(owner.name)}_id", f"{singular(owner.name)}Id"):
        if name in properties and name != "id" and kind_of(properties[name]) in ("string", "integer"):
            return name
    return f"_{singular(owner.name)}"


def _key(parameter: str, segment: str, properties: dict[str, Any]) -> str | None:
    """The field of a record that a path's parameter names."""
    one = singular(segment)
    last = re.split(r"[_-]|(?<=[a-z])(?=[A-Z])", parameter)[-1].lower()
    known = {name.lower().replace("_", "").replace("-", ""): name for name in properties}
    wanted = (
        parameter,
        "id",
        "_id",
        f"{one}_id",
        *([last] if last in ("gid", "sid", "uid", "uuid", "guid", "key", "code", "number", "name", "slug") else []),
        "gid",
        "uuid",
        "unique_id",
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
            known.get(name.lower().replace("_", "").replace("-", ""))
            if name != "_id"
            else properties.get("_id") and "_id"
        )
        if found is not None and kind_of(properties[found]) in ("string", "integer", "number", "any"):
            if name in ("name", "code", "number", "key", "slug") and name not in parameter.lower():
                continue
            return str(found)
    if plain(parameter) in (plain(one), "identifier", f"{plain(one)}identifier"):
        # The path says no more than that it names one.
        for name in ("slug", "key", "code", "name"):
            if kind_of(properties.get(name, {})) == "string":
                return name
    return None


def _give(one: Described, kinds: list[Kind]) -> str:
    """Gives the operation its contract; returns why it has none, or what of it is not looked at."""
    path = one.route
    for kind in kinds:
        base = kind.path.rstrip("/")
        if path == (base or "/") and one.method in ("get", "post"):
            return _list(one, kind) if one.method == "get" else _create(one, kind)
        if path == (base or "/") and one.method in ("put", "patch"):
            return _named_in_body(one, kind)
        if re.fullmatch(re.escape(base) + r"/\{[^/{}]+\}", path):
            return _about_one(one, kind)
        if one.method == "post" and path.removeprefix(base).lower() in _MAKING:
            return _create(one, kind)
        verb = re.fullmatch(re.escape(base) + r"/\{[^/{}]+\}[/:](?:actions/)?([A-Za-z_-]+)", path)
        understood = verb is not None and one.method in ("post", "put", "patch")
        if verb is not None and understood and (_move(one, kind, verb[1]) or _change_in_part(one, kind, verb[1])):
            return ""
    return ""


def _within(one: Described, kind: Kind, *, missing: bool) -> dict[str, Any]:
    """Whose the records are; a path may call the owner's parameter otherwise than the owner's own path does."""
    if kind.owner is None:
        return {}
    found = re.match(re.escape(kind.owner.path.rstrip("/")) + r"/\{([^/{}]+)\}", one.route)
    parameter = found[1] if found is not None else kind.owner.parameter
    said = {"record": kind.owner.name, "field": kind.owner_field, **({"missing": "not-found"} if missing else {})}
    return {"within": {parameter: said}}


def _list(one: Described, kind: Kind) -> str:
    rows = rows_in(one.shown) if one.shown is not None else None
    if rows is None:
        return "its answer shows no list of objects"
    names = spread(kind.schema)["properties"]
    query = {p["name"]: p for p in one.parameters if p["in"] == "query"}
    page = paging(one.shown, rows[0], list(query.values()), kind.key)
    alike = {plain(name): name for name in names}
    filters = {}
    for name, parameter in query.items():
        target = name if name in names else alike.get(plain(name), "")
        if (
            target
            and name not in page.values()
            and kind_of(parameter["schema"]) == kind_of(names[target])
            and kind_of(names[target]) in ("string", "integer", "boolean", "number")
            and "default" not in parameter["schema"]
        ):
            filters[name] = target
    whole = merged(one.shown)["properties"] if kind_of(one.shown) == "object" else {}
    count = next((name for name in COUNTS if name in whole and kind_of(whole[name]) == "integer"), None)
    more = more_in(one.shown) if page else None
    one.contract = {
        "record": kind.name,
        "effect": "list",
        "at": rows[0],
        "key": {"in": "row", "name": kind.key},
        **_within(one, kind, missing=True),
        **({"filters": filters} if filters else {}),
        **({"page": page} if page else {}),
        **({"count": f"/{count}"} if count and not page else {}),
        **({"answers": [{"name": "more-follow", "when": "more"}]} if more else {}),
    }
    one.more = more or ""
    return ""


def _create(one: Described, kind: Kind) -> str:
    if one.body is None:
        return "it takes no JSON object, so nothing says what it would make"
    found = record_in(one.shown, kind.parameter) if one.shown is not None else None
    fields = _fields(one, kind, key=kind.key in spread(one.body)["required"])
    if found is None or kind.key not in merged(found[1])["properties"]:
        if kind.key not in (fields.get("fields") or {}).values():
            named = _fields(one, kind, key=True)
            name = next((name for name, target in (named.get("fields") or {}).items() if target == kind.key), None)
            if name is not None and not forms(one.body):
                fields = named
                _require(one, name)
        if kind.key not in (fields.get("fields") or {}).values():
            return "its answer shows no record with the field that names one"
        sent = next(name for name, target in fields["fields"].items() if target == kind.key)
        one.contract = {
            "record": kind.name,
            "effect": "create",
            "key": {"in": "body", "name": sent},
            **_within(one, kind, missing=True),
            **fields,
        }
        return ""
    names = spread(kind.schema)["properties"]
    # An answer that has more than the record repeats some of its fields, and says the rest each time alike.
    some = {"shows": {name: name for name in merged(found[1])["properties"] if name in names}}
    one.contract = {
        "record": kind.name,
        "effect": "create",
        **({"at": found[0]} if _is_record(found[1], kind) else some),
        "key": {"in": "answer", "name": kind.key},
        **_within(one, kind, missing=True),
        **fields,
        **({"unique": [kind.key]} if kind.key not in (fields.get("fields") or {}).values() else {}),
    }
    return ""


def _is_record(schema: dict[str, Any], kind: Kind) -> bool:
    """Whether a schema is about the record alone: it has the field that names one, and requires nothing else's."""
    whole = merged(schema)
    return kind.key in whole["properties"] and whole["required"] <= set(spread(kind.schema)["properties"])


def _fields(one: Described, kind: Kind, *, key: bool) -> dict[str, Any]:
    """Which fields of the body, or of the one object in it, are the record's; and which of its `attributes`."""
    found = _fields_at(one, kind, key=key)
    if one.method == "put" or forms(kind.schema):
        return found
    for word in ("fields", "inside"):
        for outer, fields in (
            [("", found[word])] if word == "fields" and word in found else list((found.get(word) or {}).items())
        ):
            if fields.get(ATTRIBUTES) != ATTRIBUTES:
                continue
            at = f"{'/' if outer else ''}{outer}/{ATTRIBUTES}"
            shown = merged(merged(kind.schema)["properties"][ATTRIBUTES])["properties"]
            sent = merged(_at(one.body or {}, at))["properties"]
            names = {
                name: f"/{ATTRIBUTES}/{name}"
                for name in sent
                if name in shown and kind_of(sent[name]) == kind_of(shown[name])
            }
            if names:
                del fields[ATTRIBUTES]
                found.setdefault("inside", {})[at] = names
    return {word: value for word, value in found.items() if value}


def _fields_at(one: Described, kind: Kind, *, key: bool) -> dict[str, Any]:
    fields = _matching(one.body, kind, key=key)
    if fields:
        return {"fields": fields}
    children = spread(one.body)["properties"]
    objects = {name: child for name, child in children.items() if kind_of(child) == "object"}
    named = {name: child for name, child in objects.items() if plain(name) in (*ENVELOPES, plain(singular(kind.name)))}
    for name, child in (named or (objects if len(children) == 1 else {})).items():
        inside = _matching(child, kind, key=key)
        if inside:
            return {"inside": {name: inside}}
    if children:
        one.remarks.append("no field of its body is one of the record's: nothing of it is kept")
    return {}


def _matching(body: Any, kind: Kind, *, key: bool) -> dict[str, str]:
    """The names of an object that are the record's, however the two are written: `FriendlyName` is `friendly_name`."""
    names = spread(kind.schema)["properties"]
    alike = {plain(name): name for name in names}
    fields: dict[str, str] = {}
    for name, child in spread(body)["properties"].items():
        target = name if name in names else alike.get(plain(name), "")
        if not target or target == kind.owner_field or (target == kind.key and not key):
            continue
        if target not in fields.values() and kind_of(child) == kind_of(names[target]):
            fields[name] = target
    return fields


def _named_in_body(one: Described, kind: Kind) -> str:
    """An update of the record that the body itself names, as `PUT /pet` is one."""
    sent = _matching(one.body, kind, key=True)
    name = next((name for name, target in sent.items() if target == kind.key), None)
    if one.body is None or name is None:
        return "its body does not name the record that it would change"
    _require(one, name)
    return _change(one, kind, {"in": "body", "name": name})


def _require(one: Described, name: str) -> None:
    """The body has to name the record; a remark says so where the file leaves it open."""
    assert one.body is not None
    if name not in spread(one.body)["required"]:
        one.body = {**one.body, "required": [*(one.body.get("required") or ()), name]}
        one.remarks.append(f"{name} of the body has to be sent: it names the record")


def _about_one(one: Described, kind: Kind) -> str:
    return _change(one, kind, {"in": "path", "name": re.findall(r"\{([^/{}]+)\}", one.path)[-1]})


def _change(one: Described, kind: Kind, key: dict[str, str]) -> str:
    base = {"record": kind.name, "key": key, **_within(one, kind, missing=False), "missing": "not-found"}
    found = record_in(one.shown, kind.parameter) if one.shown is not None else None
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


def _change_in_part(one: Described, kind: Kind, word: str) -> bool:
    """Gives `PATCH .../{id}/tools` and `POST .../{id}/update-agent` an update, where all of it is the record's."""
    if one.body is None or (one.method == "post" and not word.lower().startswith(_CHANGING)):
        return False
    sent = spread(one.body)["properties"]
    if not sent or set(_matching(one.body, kind, key=False)) != set(sent):
        return False
    _change(one, kind, {"in": "path", "name": re.findall(r"\{([^/{}]+)\}", one.path)[-1]})
    if one.contract:
        one.contract["partial"] = True
    return bool(one.contract)


def _move(one: Described, kind: Kind, verb: str) -> bool:
    """Gives `POST .../{id}/end` its transition, where a status of the record has a value such as `ended`."""
    if forms(kind.schema) or (one.body is not None and merged(one.body)["required"]):
        return False
    properties = merged(kind.schema)["properties"]
    for name in [name for name in properties if plain(name) in ("status", "state") or plain(name).endswith("status")]:
        values = choices(properties[name])
        target = reached(verb, values)
        if target is None or len(values) < 2:
            continue
        found = record_in(one.shown, kind.parameter) if one.shown is not None else None
        shows = found is not None and _is_record(found[1], kind)
        one.contract = {
            "effect": "transition",
            "record": kind.name,
            "key": {"in": "path", "name": re.findall(r"\{([^/{}]+)\}", one.path)[-1]},
            **_within(one, kind, missing=False),
            "missing": "not-found",
            **({"at": found[0]} if shows and found is not None else {}),
            "transition": {
                "field": name,
                "from": [value for value in values if value != target],
                "to": target,
                "wrong": "wrong-state",
            },
        }
        return True
    return False


def news(kind: Kind, creates: list[Described]) -> Iterator[tuple[str, Any]]:
    """What a new record holds that nobody gives: its id, its times, and what it must have."""
    whole, tag = merged(kind.schema), tag_of(kind.schema)
    given = {name for one in creates for name in (one.contract.get("fields") or {})}
    key = whole["properties"][kind.key]
    if not creates:
        return
    if kind_of(key) in ("integer", "number"):
        yield (
            kind.key,
            {
                "issued": "integer",
                "from": max(1, int(key.get("minimum", 1_000))),
                "to": int(key.get("maximum", 999_999)),
            },
        )
    else:
        form = issued_by(str(key.get("pattern", ""))) if isinstance(key, dict) else None
        if form is not None:
            yield kind.key, {"issued": "hex", "digits": form[1], **({"prefix": form[0]} if form[0] else {})}
        else:
            yield kind.key, _text_key(key)
    if tag is not None:
        yield from _news_of_forms(kind, tag)
        return
    for name, schema in whole["properties"].items():
        if name == kind.key or name == kind.owner_field:
            continue
        is_time = isinstance(schema, dict) and schema.get("format") == "date-time" and kind_of(schema) == "string"
        if is_time and name not in given:
            yield name, {"issued": "time", "form": "milliseconds"}
        elif name in whole["required"]:
            value = schema.get("default", sample(schema)) if isinstance(schema, dict) else None
            if name == ATTRIBUTES and isinstance(value, dict):
                value = {one: child for one, child in value.items() if one in merged(schema)["required"]}
            yield name, {"value": value} if isinstance(value, dict) else value


def _text_key(schema: dict[str, Any]) -> dict[str, Any]:
    """How a key that is a text is issued."""
    if "pattern" in schema and fits(schema, "+14155551000"):
        return {"issued": "integer", "prefix": "+1415555", "from": 1_000, "to": 9_999}
    return {"issued": "uuid"} if "pattern" not in schema and schema.get("maxLength", 99) >= 36 else {"issued": "hex"}


def _news_of_forms(kind: Kind, tag: tuple[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """What each form of a record must have."""
    every = [merged(form) for form in forms(kind.schema)]
    for name in spread(kind.schema)["properties"]:
        if name in (kind.key, kind.owner_field, tag[0]):
            continue
        values = [_must_have(form, name) for form in every]
        if any(value is not None for value in values):
            yield name, values[0] if all(value == values[0] for value in values) else of_form(tag, values)


def _must_have(form: dict[str, Any], name: str) -> Any:
    """The source of a field that a form requires; None where it does not."""
    if name not in form["required"]:
        return None
    schema = form["properties"].get(name)
    if isinstance(schema, dict) and schema.get("format") == "date-time" and kind_of(schema) == "string":
        return {"issued": "time", "form": "milliseconds"}
    return {"value": schema.get("default", sample(schema)) if isinstance(schema, dict) else "text"}
