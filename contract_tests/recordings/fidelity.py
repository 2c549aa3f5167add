"""How alike two answers are, field by field, and the figure that this adds up to."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from contract_tests.endpoint.transport import Reply
from contract_tests.words.findings import entry_of, show
from contract_tests.words.pointers import ABSENT
from contract_tests.words.shapes import same_kind
from mock_server.messages import Json
from mock_server.spec import Operation, Spec

EQUAL, KIND, DIFFERENT, RECORDED, MOCK = "equal", "same kind", "different", "only recorded", "only mock"
_SHORTEST = 6
"""Shorter values are not looked for inside of texts, where they may stand by chance."""


class Compared(NamedTuple):
    """One field of both answers: where it stands (`*` for each row of a list), how it agrees, and both values."""

    at: str
    word: str
    recorded: Json
    mock: Json

    @property
    def agrees(self) -> bool:
        """Whether a client could not tell the answers apart by this field."""
        return self.word in (EQUAL, KIND)


class Issued:
    """What the mock issued in the place of what the recorded server issued."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._map: dict[str, str] = dict(known)
        """A record that was there from the start has the same names on both sides."""
        self._found: re.Pattern[str] | None = None

    def learn(self, recorded: Json, mock: Json) -> None:
        """Two values that stand for each other; the first pair stays."""
        if not isinstance(recorded, str) or not isinstance(mock, str) or len(recorded) < 2 or recorded in self._map:
            return
        self._map[recorded] = mock
        self._found = None
        if recorded[:1] == mock[:1] == "+":
            self._map.setdefault(recorded[1:], mock[1:])

    def get(self, value: Json) -> Json:
        """What stands for a value on the mock; ABSENT where nothing does."""
        return self._map.get(value, ABSENT) if isinstance(value, str) else ABSENT

    def put_in(self, node: Json) -> Json:
        """The value with everything in it that stands for something on the mock replaced."""
        if isinstance(node, dict):
            return {name: self.put_in(child) for name, child in node.items()}
        if isinstance(node, list):
            return [self.put_in(child) for child in node]
        return self._map.get(node, node) if isinstance(node, str) else node

    def in_text(self, text: str) -> str:
        """A sentence with the values in it replaced."""
        if self._found is None:
            changed = [one for one, other in self._map.items() if one != other and len(one) >= _SHORTEST]
            changed.sort(key=len, reverse=True)
            self._found = re.compile("|".join(map(re.escape, changed)) or "(?!)")
        return self._found.sub(lambda found: self._map[found.group()], text)


class Comparison:
    """Compares the answers of one operation."""

    def __init__(self, spec: Spec, operation: Operation, issued: Issued) -> None:
        key = (operation.contract.get("key") or {}).get("name")
        self._keys = [*([key] if key else []), *(record.key for record in spec.records.values())]
        self._names = {name for record in spec.records.values() for name in (record.key, *record.aliases)}
        self._operation = operation
        self._issued = issued

    def compare(self, recorded: Reply, mock: Reply) -> list[Compared]:
        """Every field of the two answers, the status first."""
        word = EQUAL if recorded.status == mock.status else DIFFERENT
        found = [Compared("status", word, recorded.status, mock.status)]
        response = self._operation.responses.get(recorded.status)
        schema = response.schema if response else None
        if not recorded.is_json or not mock.is_json:
            one, other = (reply.body.decode("utf-8", "replace") for reply in (recorded, mock))
            return (
                [*found, Compared("body", EQUAL if one == other else DIFFERENT, one, other)] if one or other else found
            )
        self._learn(schema, recorded.json, mock.json)
        return [*found, *self._fields(schema, recorded.json, mock.json, "")]

    def _learn(self, schema: Any, recorded: Json, mock: Json, name: str = "") -> None:
        if isinstance(recorded, dict) and isinstance(mock, dict):
            for child in [one for one in recorded if one in mock]:
                self._learn(_child(schema, child), recorded[child], mock[child], child)
        elif isinstance(recorded, list) and isinstance(mock, list):
            for one, other in self._rows(recorded, mock):
                self._learn(_child(schema, "*"), one, other)
        elif _issued(schema) not in (None, "time") and (recorded != mock or name in self._names):
            # Of values that are no record's name nothing is learnt by chance, where both servers say the same.
            self._issued.learn(recorded, mock)

    def _rows(self, recorded: list[Json], mock: list[Json]) -> Iterator[tuple[Json, Json]]:
        """The rows that belong together: by their key where both have it, the others by their place."""
        names = [name for name in self._keys if all(isinstance(row, dict) and name in row for row in recorded + mock)]
        left = list(mock)
        unmatched = []
        for row in recorded:
            value = row[names[0]] if names else ABSENT
            wanted = {str(value), str(self._issued.get(value))}
            same = next((other for other in left if names and str(other[names[0]]) in wanted), ABSENT)
            if same is ABSENT:
                unmatched.append(row)
            else:
                left.remove(same)
                yield row, same
        for index in range(max(len(unmatched), len(left))):
            yield (
                unmatched[index] if index < len(unmatched) else ABSENT,
                left[index] if index < len(left) else ABSENT,
            )

    def _fields(self, schema: Any, recorded: Json, mock: Json, at: str) -> Iterator[Compared]:
        if isinstance(recorded, dict) and (isinstance(mock, dict) or mock is ABSENT) and (recorded or mock):
            other = mock if isinstance(mock, dict) else {}
            for name in [*recorded, *(name for name in other if name not in recorded)]:
                child = _child(schema, name)
                yield from self._fields(child, recorded.get(name, ABSENT), other.get(name, ABSENT), f"{at}/{name}")
        elif recorded is ABSENT and isinstance(mock, dict) and mock:
            for name in mock:
                yield from self._fields(_child(schema, name), ABSENT, mock[name], f"{at}/{name}")
        elif isinstance(recorded, list) and isinstance(mock, list) and (recorded or mock):
            for one, two in self._rows(recorded, mock):
                yield from self._fields(_child(schema, "*"), one, two, f"{at}/*")
        else:
            yield Compared(at, self._word(schema, recorded, mock), recorded, mock)

    def _word(self, schema: Any, recorded: Json, mock: Json) -> str:
        if recorded is ABSENT or mock is ABSENT:
            return MOCK if recorded is ABSENT else RECORDED
        if json.dumps(recorded, sort_keys=True) == json.dumps(mock, sort_keys=True):
            return EQUAL
        stands = self._issued.get(recorded)
        issued = _issued(schema)
        if stands is not ABSENT and issued != "time":
            return (KIND if issued else EQUAL) if stands == mock else DIFFERENT
        if issued is not None:
            return KIND if same_kind(issued, recorded, mock) else DIFFERENT
        if isinstance(recorded, str) and self._issued.in_text(recorded) == mock:
            return EQUAL
        return EQUAL if _number(recorded) and _number(mock) and recorded == mock else DIFFERENT


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _issued(schema: Any) -> str | None:
    return schema.get("x-issued") if isinstance(schema, Mapping) else None


def _child(schema: Any, name: str) -> Any:
    """The schema of a property, or of the rows of a list (`*`), in any of the parts that a schema is made of."""
    if not isinstance(schema, Mapping):
        return None
    found = schema.get("items") if name == "*" else (schema.get("properties") or {}).get(name)
    parts = [*(part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word) or ())]
    for part in [*parts, schema.get("then"), schema.get("else")]:
        found = _child(part, name) if found is None else found
    return found


@dataclass
class Score:
    """Exchanges and fields, and how many of each agree."""

    exchanges: int = 0
    agreeing: int = 0
    fields: int = 0
    agreeing_fields: int = 0

    def add(self, fields: list[Compared]) -> None:
        """Counts one exchange."""
        agreeing = sum(one.agrees for one in fields)
        self.exchanges += 1
        self.agreeing += agreeing == len(fields)
        self.fields += len(fields)
        self.agreeing_fields += agreeing

    def as_json(self) -> dict[str, Any]:
        """The score for a machine."""
        return {"percent": self.percent, **asdict(self)}

    @property
    def percent(self) -> float:
        """The share of the fields that agree, never rounded up: 100 says that all do."""
        return math.floor(1000 * self.agreeing_fields / self.fields) / 10 if self.fields else 0.0


@dataclass
class Distinct:
    """A difference, how often it was met, and the entry where first; `statuses` are the recorded and the mock's."""

    provider: str
    operation: str
    statuses: tuple[int, int]
    field: Compared
    entry: int
    file: str = ""
    times: int = 0

    def text(self) -> str:
        """The difference for a person to read."""
        one, (recorded, mock) = self.field, self.statuses
        status = str(recorded) if recorded == mock else f"{recorded}, the mock {mock}"
        where = f"  {self.provider} {self.operation} {status}  {one.at or 'body'}: "
        if one.word == DIFFERENT:
            what = f"{show(one.recorded)} was recorded, the mock says {show(one.mock)}"
        else:
            what = f"{one.word}, {show(one.mock if one.word == MOCK else one.recorded)}"
        return f"{where}{what} ({self.times:,} times, first in {entry_of(self.entry, self.file)})"

    def as_json(self) -> dict[str, Any]:
        """The difference for a machine; a side that has nothing is left out."""
        sides = {"recorded": self.field.recorded, "mock": self.field.mock}
        shown = {name: value for name, value in sides.items() if value is not ABSENT}
        status = {"recorded": self.statuses[0], "mock": self.statuses[1]}
        names = {"provider": self.provider, "operation": self.operation, "status": status}
        where = {"entry": self.entry, **({"file": self.file} if self.file else {})}
        return {**names, "at": self.field.at, "is": self.field.word, **shown, "times": self.times, **where}


@dataclass
class Fidelity:
    """What a replay found: a score for each operation and in all, and each distinct difference."""

    total: Score = field(default_factory=Score)
    operations: dict[tuple[str, str], Score] = field(default_factory=dict)
    differences: dict[str, Distinct] = field(default_factory=dict)
    file: str = ""
    """The name of the recording that is replayed, where there are several."""

    def add(self, operation: Operation, statuses: tuple[int, int], fields: list[Compared], entry: int) -> None:
        """Counts one exchange that was replayed."""
        self.total.add(fields)
        self.operations.setdefault((operation.provider, operation.id), Score()).add(fields)
        for one in fields:
            if not one.agrees:
                # What only one side has is one difference, whatever it says there.
                sides = [one.recorded, one.mock] if one.word == DIFFERENT else []
                which = json.dumps([operation.provider, operation.id, statuses, one.at, one.word, sides], default=str)
                known = Distinct(operation.provider, operation.id, statuses, one, entry, self.file)
                self.differences.setdefault(which, known).times += 1
