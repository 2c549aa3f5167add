"""What is remembered of writes at a server that is not our own: what was touched, made, or tried."""

from __future__ import annotations

from dataclasses import dataclass, field

from contract_tests.world.reading import Reading
from mock_server.messages import Json
from mock_server.spec import Operation


@dataclass
class Touched:
    """A record that was there: how it was read before the first write, and what the writes sent by which operation."""

    kind: str
    key: Json
    before: list[Reading]
    look_requests: int
    sent: dict[str, set[str]] = field(default_factory=dict)
    reserved: int = 0


@dataclass
class Made:
    """A record that this run made; `removed` says that a request to remove it was accepted."""

    kind: str
    key: Json
    reserved: int
    removed: bool = False


@dataclass
class Attempt:
    """A request to make a record: the records that were known before it, and whether that was the whole list."""

    operation: Operation
    known: set[str]
    whole: bool

    @property
    def kind(self) -> str:
        return str(self.operation.contract["record"])
