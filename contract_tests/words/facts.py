"""What is remembered of exchanges: what was written, what is known of each record, and a verdict on one exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from contract_tests.words.findings import Difference
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, WireRequest


class Verdict(NamedTuple):
    """What one exchange says about one property of one operation: it holds where there is no difference."""

    property: str
    operation: Operation
    request: str
    evidence: Evidence
    differences: list[Difference]
    wire: WireRequest


@dataclass
class Write:
    """A request that writes: when it was sent, whether it was accepted, and whether it repeats the one before.

    `names` are the fields of its record that it sent.
    """

    step: int
    operation: Operation
    request: NamedRequest
    wire: WireRequest
    accepted: bool
    record: Record | None = None
    again: bool = False
    burst: int = 0
    """Which of the groups of exchanges that overlap in time it is in; 0 for none."""
    names: frozenset[str] = frozenset()

    @property
    def effect(self) -> str:
        return str(self.operation.contract.get("effect"))


@dataclass
class Fact:
    """What a field of a record must be, and the write that says so (None: it was read so)."""

    value: Json
    write: Write | None
    step: int


@dataclass
class Record:
    """One record as it is known: its names, its fields by what was written and by what each operation showed."""

    kind: str
    key: Json
    names: set[str]
    facts: dict[str, Fact] = field(default_factory=dict)
    shown: dict[str, dict[str, Json]] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    last: Write | None = None
    born: Write | None = None
    gone: Write | None = None
    owners: dict[str, Json] = field(default_factory=dict)
    """To whom it belongs, by the fields that say so, as far as a path has told."""
