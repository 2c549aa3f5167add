"""What exists in a new space, and which keys open the default one: `fixtures/<provider>.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from mock_server.messages import Json
from mock_server.spec import SchemaCheck, Spec, SpecError
from mock_server.spec.reading.document import read_yaml
from mock_server.spec.reading.errors import understood
from mock_server.stores import State, Transaction
from mock_server.text.jsontext import dumps

Completion = Callable[[Mapping[str, Json], datetime, Random], dict[str, Json]]
"""Fills in what a fixture left out of a record: (what is given, time, chance) -> the whole record."""

BIRTH = datetime(2025, 11, 20, 17, 41, 24, 234773, tzinfo=UTC)
"""When the records of every new space were made, so that two spaces begin alike."""


class Fixtures(NamedTuple):
    """The keys of the default space, and the records of a new one by kind."""

    keys: tuple[str, ...]
    records: Mapping[str, tuple[dict[str, Json], ...]]

    def fill(self, transaction: Transaction, spec: Spec) -> None:
        """Writes the records into a new space."""
        state = State(transaction, spec.provider, spec.records)
        for kind, records in self.records.items():
            for record in records:
                state.put(kind, record)


def fixtures_folder() -> Path:
    """Where the packaged fixtures are: beside the package in a checkout, inside it when installed."""
    beside = Path(__file__).parents[1] / "fixtures"
    return beside if beside.is_dir() else Path(__file__).parent / "data" / "fixtures"


def read_keys(file: Path) -> set[str]:
    """The keys in a file that `load_fixtures` has accepted; none in one that does not exist."""
    document = read_yaml(file) if file.exists() else None
    return set((document or {}).get("keys", ()))


def load_fixtures(file: Path, spec: Spec, complete: Mapping[str, Completion]) -> Fixtures:
    """The fixtures in `file`, every record completed and checked against the spec's `x-records`.

    The file maps `keys` to a list of API keys, and each kind of record to a list of records. Raises
    SpecError, naming file and place, for an unknown kind, a record that the schema does not allow, an
    id used twice, or a reference to a record that is not there.
    """
    return fixtures_of(read_yaml(file) or {}, file, spec, complete)


def fixtures_of(document: Any, file: Path, spec: Spec, complete: Mapping[str, Completion]) -> Fixtures:
    """The fixtures that a document is which was read from `file`, or is to be written there."""
    with understood(str(file)):
        return _loaded(document, file, spec, complete)


def _loaded(document: Any, file: Path, spec: Spec, complete: Mapping[str, Completion]) -> Fixtures:
    try:
        dumps(document)
    except TypeError as error:
        raise SpecError(str(file), "", f"holds what JSON cannot say: {error}") from None
    if not isinstance(document, dict):
        raise SpecError(str(file), "", "must map `keys` and kinds of record to lists")
    document = dict(document)
    keys = document.pop("keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise SpecError(str(file), "keys", "must be a list of API keys (strings; quote them)")
    records = {}
    chance = Random(spec.provider)
    for kind, rows in document.items():
        if kind not in spec.records:
            raise SpecError(str(file), str(kind), f"unknown; {spec.provider} has keys, {', '.join(spec.records)}")
        if not isinstance(rows, list):
            raise SpecError(str(file), kind, "must be a list of records")
        checks = _checks(spec.records[kind].schema)
        records[kind] = tuple(
            _record(row, checks, f"{kind}[{index}]", file, complete.get(kind), chance) for index, row in enumerate(rows)
        )
    _check_ids(records, spec, file)
    return Fixtures(tuple(keys), records)


def _checks(schema: Mapping[str, Any]) -> tuple[SchemaCheck, SchemaCheck]:
    """The checks of what a fixture gives, and of the whole record."""
    return SchemaCheck({"properties": schema.get("properties", {})}), SchemaCheck(schema)


def _record(
    row: Any,
    checks: tuple[SchemaCheck, SchemaCheck],
    place: str,
    file: Path,
    complete: Completion | None,
    chance: Random,
) -> dict[str, Json]:
    if not isinstance(row, dict):
        raise SpecError(str(file), place, f"must be a mapping, found {row!r}")
    of_given, of_whole = checks
    given = of_given.differences(row, place)
    if given:
        raise SpecError(str(file), f"{place}.{given[0].field}", f"{given[0].message} (quote numbers in YAML)")
    if complete is not None:
        try:
            row = complete(row, BIRTH, chance)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SpecError(str(file), place, f"cannot be completed: {type(error).__name__} {error}") from None
    wrong = of_whole.differences(row, place)
    if wrong:
        raise SpecError(str(file), f"{place}.{wrong[0].field}".rstrip("."), wrong[0].message)
    return dict(row)


def _check_ids(records: Mapping[str, tuple[dict[str, Json], ...]], spec: Spec, file: Path) -> None:
    for place, why in reference_errors(records, spec):
        raise SpecError(str(file), place, why)


def reference_errors(records: Mapping[str, Sequence[Mapping[str, Json]]], spec: Spec) -> Iterator[tuple[str, str]]:
    """Where and why ids are wrong: one that two records of a kind have, and one that no record has."""
    known: dict[str, set[str]] = {}
    for kind, rows in records.items():
        shape, ids = spec.records[kind], known.setdefault(kind, set())
        for index, row in enumerate(rows):
            own = {str(row[name]) for name in (shape.key, *shape.aliases) if row.get(name) is not None}
            if own & ids:
                yield f"{kind}[{index}]", f"the id {min(own & ids)!r} is used twice"
            ids |= own
    for kind, rows in records.items():
        for field, target in spec.records[kind].references.items():
            for index, row in enumerate(rows):
                value = row.get(field)
                if isinstance(value, str) and value and value not in known.get(target, set()):
                    yield f"{kind}[{index}].{field}", f"there is no {target} {value!r}"
