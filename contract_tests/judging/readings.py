"""How a reading of a record differs from what was written, and from an earlier reading of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contract_tests.words.findings import Difference
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import CLEARED, shows
from contract_tests.world import reading
from contract_tests.world.reading import Reading
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation


def addressed_key(operation: Operation, request: NamedRequest) -> Json:
    """The key of the record that a request addresses in its path; ABSENT when it makes one."""
    key = operation.contract.get("key") or {}
    return request.path.get(key["name"], ABSENT) if key.get("in") == "path" else ABSENT


def unlike(operation: Operation, written: dict[str, Json], seen: Reading) -> Iterable[Difference]:
    """Where a reading is not what was written; an answer need not show fields that the spec does not name there."""
    reader = seen.operation.id if seen.operation is not operation else "the answer"
    if seen.record is ABSENT:
        yield Difference("", "the record", "absent", f"written, but {reader} does not show it")
        return
    clearing = reading.clears(operation)
    for name, value in written.items():
        if seen.operation is operation and not seen.declares(name):
            continue
        found, grade = reading.field(seen.record, name), seen.grade(name)
        if name in clearing and value in clearing[name]:
            yield from not_cleared(name, found, reader, grade)
        elif not shows(value, found):
            shown = plain(found)
            yield Difference(
                f"/{name.lstrip('/')}", value, shown, f"{value!r} was written, {reader} shows {shown!r}", grade
            )


def not_cleared(name: str, found: Json, reader: str, grade: str | None) -> Iterable[Difference]:
    if found not in CLEARED and found is not ABSENT and found != []:
        yield Difference(f"/{name.lstrip('/')}", "cleared", found, f"cleared, but {reader} shows {found!r}", grade)


def moved(names: Iterable[str], before: Reading, seen: Reading) -> Iterable[Difference]:
    """Which of the fields two readings of one record show differently."""
    if before.record is ABSENT or seen.record is ABSENT:
        return
    for name in sorted(names):
        old, new = reading.field(before.record, name), reading.field(seen.record, name)
        if old != new:
            message = f"not sent, but {seen.operation.id} shows it changed from {plain(old)!r} to {plain(new)!r}"
            yield Difference(f"/{name.lstrip('/')}", plain(old), plain(new), message, seen.grade(name))


def repeated(operation: Operation, record: Json, made: list[Json]) -> Iterator[Difference]:
    for name in operation.contract["unique"]:
        value = record.get(name)
        if value is not None and value in [other.get(name) for other in made]:
            yield Difference(f"/{name}", "a new value", value, f"a new record has the {name} of an earlier one")


def plain(value: Json) -> Json:
    return "absent" if value is ABSENT else value
