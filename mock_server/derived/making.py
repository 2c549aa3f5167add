"""What a record holds that nobody gave: the values of a new one, and those that always follow from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random

from mock_server.derived.scene import ABSENT, Make, Record, Scene
from mock_server.derived.sources import source
from mock_server.messages import Call, Json
from mock_server.spec.contracts import properties
from mock_server.spec.model import RecordSpec
from mock_server.stores.state import State

Completion = Callable[[Mapping[str, Json], datetime, Random], Record]
"""Fills in what was left out of a record: (what is given, time, chance) -> the whole record."""


class Making:
    """Makes and completes the records of one kind."""

    def __init__(self, shape: RecordSpec) -> None:
        self.shape = shape
        self.new: Mapping[str, Make] = {name: source(node, shape.kind) for name, node in shape.new.items()}
        self._issues_key = shape.key in self.new
        self._order = tuple(properties(shape.schema))
        self._computed = [(name, source(node, shape.kind)) for name, node in shape.computed.items()]

    def made(self, given: Mapping[str, Json], call: Call, state: State) -> Record:
        """A whole new record, in the order of the spec; a key that is made up is one that no record has."""
        record = self._whole(given, call, state, call.now, call.random)
        if self._issues_key and self.shape.key not in given:
            # A seeded generator repeats itself when the server is started anew.
            while state.get(self.shape.kind, str(record[self.shape.key])) is not None:
                record = self._whole(given, call, state, call.now, call.random)
        return record

    def completed(self, given: Mapping[str, Json], now: datetime, random: Random) -> Record:
        """A whole record for a fixture."""
        return self._whole(given, None, None, now, random)

    def _whole(
        self, given: Mapping[str, Json], call: Call | None, state: State | None, now: datetime, random: Random
    ) -> Record:
        record: Record = {}
        scene = Scene(call, state, record, now, random)
        # What is given first, for what is made may depend on it.
        record.update(given)
        for name, make in self.new.items():
            if name not in record:
                value = make(scene)
                if value is not ABSENT:
                    record[name] = value
        self.compute(scene)
        whole = {name: record[name] for name in self._order if name in record}
        if len(whole) < len(record):
            whole.update(record)
        return whole

    def compute(self, scene: Scene) -> None:
        """Sets the fields that follow from others; one that follows from nothing is left out."""
        for name, make in self._computed:
            value = make(scene)
            if value is ABSENT:
                scene.record.pop(name, None)
            else:
                scene.record[name] = value

    @property
    def computes(self) -> bool:
        return bool(self._computed)
