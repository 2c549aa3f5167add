"""How a reading of a record differs from what was written, and from an earlier reading of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from contract_tests.words.findings import NOTHING, Difference, show
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import CLEARED, same, shows
from contract_tests.world import reading
from contract_tests.world.reading import Reading
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Operation, WireRequest

Same = Callable[[str, Json, Json], bool]


def addressed_key(operation: Operation, request: NamedRequest) -> Json:
    """The key of the record that a request addresses in its path; ABSENT when it makes one."""
    key = operation.contract.get("key") or {}
    return request.path.get(key["name"], ABSENT) if key.get("in") == "path" else ABSENT


def unlike(
    operation: Operation, written: dict[str, Json], seen: Reading, names: Same | None = None
) -> Iterable[Difference]:
    """Where a reading is not what was written; an answer need not show fields that the spec does not name there.

    `names` tells whether two values of a field name the same record, by another of its names.
    """
    reader = seen.operation.id if seen.operation is not operation else "the answer"
    look = seen.wire if seen.operation is not operation else None
    if seen.record is ABSENT:
        yield Difference("", "the record", NOTHING, f"written, but {reader} does not show it", look=look)
        return
    clearing = reading.clears(operation)
    for name, value in written.items():
        if not seen.declares(name):
            continue
        found, grade = reading.field(seen.record, name), seen.grade(name)
        if name in clearing and value in clearing[name]:
            yield from not_cleared(name, found, reader, grade, look)
        elif not shows(value, found) and not (names is not None and _named(name, value, found, names)):
            shown = plain(found)
            # That nothing was written and that nothing is there is one thing, unless a page says how it is shown.
            grade = "assumed" if value == "" and found in CLEARED else grade
            message = f"{show(value)} was written, {reader} shows {show(shown)}"
            yield Difference(f"/{name.lstrip('/')}", value, shown, message, grade, look)


def _named(name: str, value: Json, found: Json, names: Same) -> bool:
    return isinstance(value, str) and isinstance(found, str) and names(name, value, found)


def not_cleared(
    name: str, found: Json, reader: str, grade: str | None, look: WireRequest | None = None
) -> Iterable[Difference]:
    if found not in CLEARED and found is not ABSENT and found != []:
        message = f"cleared, but {reader} shows {show(found)}"
        yield Difference(f"/{name.lstrip('/')}", "cleared", found, message, grade, look)


def moved(names: Iterable[str], before: Reading, seen: Reading) -> Iterable[Difference]:
    """Which of the fields two readings of one record show differently."""
    if before.record is ABSENT or seen.record is ABSENT:
        return
    for name in sorted(names):
        old, new = reading.field(before.record, name), reading.field(seen.record, name)
        if not same(old, new):
            message = f"not sent, but {seen.operation.id} shows it changed from {show(old)} to {show(new)}"
            yield Difference(f"/{name.lstrip('/')}", plain(old), plain(new), message, seen.grade(name), seen.wire)


def repeated(operation: Operation, record: Json, made: list[Json]) -> Iterator[Difference]:
    for name in operation.contract["unique"]:
        value = record.get(name)
        if value is not None and value in [other.get(name) for other in made]:
            yield Difference(f"/{name}", "a new value", value, f"a new record has the {name} of an earlier one")


def other_values(before: Json, after: Json) -> str:
    """What of a record is another one now, or how many there are, in words."""
    old, new = (one[0] if isinstance(one, list) and one else one for one in (before, after))
    if not isinstance(old, dict) or not isinstance(new, dict):
        return f"{show(new)}, and {show(old)} before"
    moved = [name for name in [*old, *new] if old.get(name) != new.get(name)]
    told = [f"{name} {show(new.get(name))} (it was {show(old.get(name))})" for name in dict.fromkeys(moved)]
    return ", ".join(told) or f"{show(after)}, and {show(before)} before"


def plain(value: Json) -> Json:
    return NOTHING if value is ABSENT else value
