"""What must have been there before a recording began, as the records that a mock's fixtures can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contract_tests.endpoint.transport import Reply
from contract_tests.judging.rows import active_filters
from contract_tests.recordings.naming import Recognised
from contract_tests.words.pointers import ABSENT, pointed
from contract_tests.words.shapes import shape
from contract_tests.world import reading
from mock_server.messages import Json
from mock_server.spec import Operation, Parameter, SchemaCheck, Spec


@dataclass
class Known:
    """A record that the recording shows or names; `made` says that the recording made it."""

    kind: str
    names: set[str]
    fields: dict[str, Json] = field(default_factory=dict)
    later: dict[str, Json] = field(default_factory=dict)
    """What was shown only after the recording had written the record, and may have come of that."""
    shown: bool = False
    """It was shown before the recording wrote it, so that what it had then is known."""
    touched: bool = False
    written: set[str] = field(default_factory=set)
    made: bool = False
    gone: bool = False
    order: tuple[int, int] = (1 << 30, 0)
    """Step and row of the list that first showed it, both negative where that shows the newest first."""

    @property
    def only_named(self) -> bool:
        """Whether requests named it, and no answer showed it, nor said that it was written."""
        return not (self.shown or self.later or self.touched or self.gone)


class Beginnings:
    """Collects the records that were there before; each key of the recording has a world of its own."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.listed: set[tuple[str, str, str]] = set()
        """Whose records were listed: the kind, the field that names the owner, and the owner."""
        self._whole: set[str] = set()
        """The kinds of which a list has shown every record at once."""
        self._spaces: dict[int, list[Known]] = {}
        self._step = 0
        self._properties = {
            kind: {name: SchemaCheck(schema) for name, schema in properties_of(record.schema).items()}
            for kind, record in spec.records.items()
        }

    def see(self, recognised: Recognised, reply: Reply, space: int) -> None:
        """Learns from an exchange that succeeded; others tell nothing of what is there."""
        self._step += 1
        if reply.status >= 300:
            return
        operation, sent = recognised.operation, recognised.sent
        contract, kind = operation.contract, self._kind(operation)
        effect = contract.get("effect")
        shown = pointed(reply.json, contract.get("at") or "")
        if effect == "list" and shown == []:
            return  # What a list was filtered by need not be there where nothing was found.
        for kind_named, value in self._named(operation, recognised):
            self._mention(space, kind_named, value)
        if kind is None:
            return
        if effect == "list":
            rows = shown if isinstance(shown, list) else []
            owners = self._owners(kind, operation, recognised)
            self.listed |= {(kind, name, str(value)) for name, value in owners.items()}
            if not owners and is_whole(contract, sent.query, reply.json):
                self._whole.add(kind)
            # A row has what its list was asked for, even where it does not show that: the account of a call, say.
            fitting = active_filters(operation, {**sent.path, **sent.query})
            turn = -1 if contract.get("order") == "newest" else 1
            for index, row in enumerate(row for row in rows if isinstance(row, dict)):
                self._show(space, kind, {**fitting, **owners, **row}, (turn * self._step, turn * index))
            return
        key = reading.key_of(operation, sent, reply)
        if effect == "create":
            self._make(space, kind, operation, recognised, key, shown)
            return
        known = self._mention(space, kind, key) if key is not ABSENT else None
        if known is None:
            return
        if effect == "update":
            fields: Mapping[str, str] = contract.get("fields") or {}
            targets = reading.sent_fields(operation, sent) if contract.get("partial") else fields.values()
            known.touched = True
            known.written |= {target.strip("/").partition("/")[0] for target in targets}
        if isinstance(shown, dict) and self._names(kind, shown) & known.names:
            self._show(space, kind, {**self._owners(kind, operation, recognised), **shown}, None)
        known.gone = effect == "delete"

    def records(self) -> dict[str, list[Known]]:
        """The records of each kind that were there from the start, in the order in which lists show them."""
        found: dict[str, list[Known]] = {kind: [] for kind in self.spec.records}
        for space in self._spaces.values():
            for known in space:
                # What was only named, and is in no list although one shows all, was never there.
                if known.made or (known.only_named and known.kind in self._whole):
                    continue
                same = next((one for one in found[known.kind] if one.names & known.names), None)
                if same is None:
                    found[known.kind].append(known)
                else:
                    same.names |= known.names
                    same.shown = same.shown or known.shown
                    same.order = min(same.order, known.order, key=_step)
                    same.fields = {**known.fields, **same.fields}
                    same.later = {**known.later, **same.later}
        return {kind: sorted(several, key=lambda one: one.order) for kind, several in found.items()}

    # --- single records -------------------------------------------------------------------------

    def _kind(self, operation: Operation) -> str | None:
        """The kind of record that an operation is about: what its contract says, or whose key its rows have."""
        kind = operation.contract.get("record")
        if kind is None and operation.contract.get("effect") == "list":
            key = operation.contract["key"]["name"]
            kind = next((name for name, record in self.spec.records.items() if record.key == key), None)
        return kind if kind in self.spec.records else None

    def _names(self, kind: str, row: Mapping[str, Json]) -> set[str]:
        record = self.spec.records[kind]
        return {str(row[name]) for name in (record.key, *record.aliases) if row.get(name) not in (None, "")}

    def _owners(self, kind: str, operation: Operation, recognised: Recognised) -> dict[str, Json]:
        """What the path says of the records below it: the account or organization that they belong to, say."""
        found = {}
        for parameter in operation.parameters_in("path"):
            named = dict(self._addressed(operation, parameter, recognised.sent.path.get(parameter.name)))
            for name, target in self.spec.records[kind].references.items():
                if target in named and target != kind:
                    found[name] = named[target]
        for parameter_name, says in (operation.contract.get("within") or {}).items():
            # A field that is no reference: the job that a row still waits for, say.
            if says["field"] not in self.spec.records[kind].references and parameter_name in recognised.sent.path:
                found[says["field"]] = recognised.sent.path[parameter_name]
        return found

    def _find(self, space: int, kind: str, names: set[str], *, gone: bool = False) -> Known | None:
        several = self._spaces.setdefault(space, [])
        return next((one for one in several if one.kind == kind and one.gone == gone and one.names & names), None)

    def _mention(self, space: int, kind: str, value: Json) -> Known:
        """The record of that name, which must have been there."""
        known = self._find(space, kind, {str(value)}) or self._find(space, kind, {str(value)}, gone=True)
        if known is None:
            known = Known(kind, {str(value)}, {self._field_of(kind, value): value})
            self._spaces[space].append(known)
        return known

    def _field_of(self, kind: str, value: Json) -> str:
        """Which of the names of a kind of record a value looks like."""
        record, template = self.spec.records[kind], self.template(kind)
        for name in (record.key, *record.aliases):
            if shape(template.get(name)) == shape(value):
                return name
        return record.key

    def _show(self, space: int, kind: str, row: Mapping[str, Json], order: tuple[int, int] | None) -> None:
        names = self._names(kind, row)
        if not names:
            return
        known = self._find(space, kind, names) or self._find(space, kind, names, gone=True)
        if known is None:
            known = Known(kind, names)
            self._spaces[space].append(known)
        known.names |= names
        known.order = min(known.order, order, key=_step) if order else known.order
        if known.made:
            return
        checks = self._properties[kind]
        known.shown = known.shown or not known.touched
        into = known.later if known.touched else known.fields
        for name, value in row.items():
            if name in checks and name not in known.written and checks[name].is_valid(value):
                into.setdefault(name, value)
        for name, target in self.spec.records[kind].references.items():
            if name in row and isinstance(row[name], str) and row[name]:
                self._mention(space, target, row[name])

    def _make(
        self, space: int, kind: str, operation: Operation, recognised: Recognised, key: Json, shown: Json
    ) -> None:
        names = self._names(kind, shown) if isinstance(shown, dict) else set()
        names |= {str(key)} if key is not ABSENT else set()
        known = self._find(space, kind, names) if names else None
        sent = recognised.sent.body if isinstance(recognised.sent.body, dict) else {}
        issued = names - {str(one) for one in sent.values()}
        if known is None and issued and self._is_documented(kind, issued):
            # A record that the pages name was there: no server issues their ids anew, but what was asked for by name.
            known = Known(kind, names)
            self._spaces[space].append(known)
        if known is None:
            self._spaces.setdefault(space, []).append(Known(kind, names, made=True))
        elif not known.made:
            known.written |= set(reading.sent_fields(operation, recognised.sent))
            if isinstance(shown, dict):
                self._show(space, kind, shown, None)

    def _is_documented(self, kind: str, names: set[str]) -> bool:
        mine = [one for one in self.spec.variables.values() if one.found_at and self.kind_of(one.name) == kind]
        return bool(names & {str(value) for one in mine for value in (one.default, *one.others)})

    def _named(self, operation: Operation, recognised: Recognised) -> Iterator[tuple[str, Json]]:
        """The records that a request names, with their kinds."""
        sent = recognised.sent
        for place, values in (("path", sent.path), ("query", sent.query)):
            for parameter in operation.parameters_in(place):
                if parameter.name in values:
                    yield from self._addressed(operation, parameter, values[parameter.name])
        yield from self._in_body(operation.body_schema, sent.body)

    def _addressed(self, operation: Operation, parameter: Parameter, value: Json) -> Iterator[tuple[str, Json]]:
        """The record that a parameter names: of the kind that the contract says, else of its variable's."""
        owner = (operation.contract.get("within") or {}).get(parameter.name)
        if owner is not None and value not in (None, ""):
            yield owner["record"], value
        elif owner is None:
            yield from self._variable(parameter.variable, value)

    def _in_body(self, schema: Any, value: Json) -> Iterator[tuple[str, Json]]:
        if not isinstance(schema, Mapping):
            return
        if isinstance(value, dict):
            for name, child in value.items():
                yield from self._in_body((schema.get("properties") or {}).get(name), child)
        elif isinstance(value, list):
            for child in value:
                yield from self._in_body(schema.get("items"), child)
        else:
            yield from self._variable(schema.get("x-variable"), value)

    def _variable(self, name: str | None, value: Json) -> Iterator[tuple[str, Json]]:
        kind = self.kind_of(name) if name is not None else None
        if kind is not None and value not in (None, ""):
            yield kind, value

    def kind_of(self, variable: str) -> str | None:
        """The kind of record that a variable of the spec names: it is found under that kind's key, or is called so."""
        found_at = self.spec.variables[variable].found_at
        last = found_at.rpartition("/")[2] if found_at else variable
        operation = self.spec.operations.get(self.spec.variables[variable].found_operation or "")
        if operation is not None and operation.contract.get("effect") != "list":
            return None  # What is for sale is not there yet.
        listed = self.spec.records.get(str(self._kind(operation))) if operation else None
        if listed is not None and last in (listed.key, *listed.aliases):
            return listed.kind
        if listed is not None and last in listed.references:
            return listed.references[last]
        plain = {re.sub(r"[^a-z]", "", record.key.lower()): kind for kind, record in self.spec.records.items()}
        return plain.get(re.sub(r"[^a-z]", "", last.lower()))

    def template(self, kind: str) -> dict[str, Json]:
        """A record of the kind as a page shows it."""
        for operation in self.spec.operations.values():
            if self._kind(operation) == kind and operation.contract.get("effect") in ("list", "read"):
                for answer in operation.answers.values():
                    row = pointed(answer.value, operation.contract.get("at") or "") if answer.status < 300 else None
                    row = row[0] if isinstance(row, list) and row else row
                    if isinstance(row, dict):
                        return row
        return {}


def _step(order: tuple[int, int]) -> int:
    return abs(order[0])


def is_whole(contract: Mapping[str, Any], query: Mapping[str, Json], answer: Json) -> bool:
    """Whether a list was asked for everything, and is no page of several."""
    page = contract.get("page") or {}
    more = pointed(answer, page["next"]) if "next" in page else None
    return not set(query) - {page.get("size")} and more in (None, "", ABSENT)


def properties_of(schema: Any) -> dict[str, Any]:
    """The properties of a schema and of all that it is made of."""
    found = dict(schema.get("properties") or {})
    for part in schema.get("allOf") or ():
        found |= properties_of(part)
    return found
