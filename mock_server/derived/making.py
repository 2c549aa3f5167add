"""What a record holds that nobody gave: the values of a new one, and those that always follow from others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from copy import copy
from datetime import datetime
from random import Random

from mock_server.derived.scene import ABSENT, Make, Record, Scene
from mock_server.derived.sources import source
from mock_server.messages import Call, Json
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import RecordSpec
from mock_server.stores.state import State

Completion = Callable[[Mapping[str, Json], datetime, Random], Record]
"""Fills in what was left out of a record: (what is given, time, chance) -> the whole record."""


class Making:
    """Makes and completes the records of one kind."""

    def __init__(self, shape: RecordSpec) -> None:
        self.shape = shape
        self.new: Mapping[str, Make] = {name: source(node, shape) for name, node in shape.new.items()}
        plain = {name: node for name, node in shape.new.items() if not isinstance(node, dict | list)}
        # Every field in the order of the spec, so that a record is made by copying; ABSENT waits for its value.
        self._base: Record = {name: plain.get(name, ABSENT) for name in [*properties(shape.schema), *shape.new]}
        self._makers = [(name, make) for name, make in self.new.items() if name not in plain]
        self._computed = [(name, source(node, shape)) for name, node in shape.computed.items()]
        always = {*shape.new, *shape.computed}
        self._sometimes = self._base.keys() - always
        key = shape.new.get(shape.key)
        self.issues = isinstance(key, dict) and "issued" in key and shape.key not in shape.computed
        """Whether a key that nobody gives is made up, and so one that no record has."""
        # A seeded generator repeats itself when the server is started anew; a telephone number is looked for anyway.
        self._repeats = isinstance(key, dict) and "issued" in key and key["issued"] != "number"

    def made(self, given: Mapping[str, Json], call: Call, state: State, deep: Collection[str] = ()) -> Record:
        """A whole new record; a key that is made up is one that no record has.

        Of the objects `deep` what is not given is as a new record has it.
        """
        if deep:
            given = {**given, **self._deepened(given, call, state, deep)}
        record = self._whole(given, call, state, call.now, call.random)
        if self._repeats and self.shape.key not in given:
            while state.get(self.shape.kind, str(record[self.shape.key])) is not None:
                record = self._whole(given, call, state, call.now, call.random)
        return record

    def _deepened(self, given: Mapping[str, Json], call: Call, state: State, deep: Collection[str]) -> Record:
        scene = Scene(call, state, {**self._base, **given}, call.now, call.random)
        found: Record = {}
        for name in deep:
            fresh, mine = self.new[name](scene) if name in self.new else None, given.get(name)
            if isinstance(fresh, dict) and isinstance(mine, dict):
                found[name] = {**fresh, **mine}
        return found

    def completed(self, given: Mapping[str, Json], now: datetime, random: Random) -> Record:
        """A whole record for a fixture; a ValueError names a field that the fixture has to give."""
        # What is tried here must not use up the chance of what is made.
        scene = Scene(None, None, {**self._base, **given}, now, copy(random))
        for name, make in self._makers:
            if name not in given:
                try:
                    make(scene)
                except ValueError as why:
                    raise ValueError(f"{name} is missing: {why}") from None
        return self._whole(given, None, None, now, random)

    def _whole(
        self, given: Mapping[str, Json], call: Call | None, state: State | None, now: datetime, random: Random
    ) -> Record:
        record = {**self._base, **given}
        scene = Scene(call, state, record, now, random)
        gaps = False
        for name, make in self._makers:
            if name not in given:
                record[name] = value = make(scene)
                if value is ABSENT:
                    gaps = True
        for name, make in self._computed:
            record[name] = value = make(scene)
            if value is ABSENT:
                gaps = True
        gaps = gaps or not given.keys() >= self._sometimes
        return {name: value for name, value in record.items() if value is not ABSENT} if gaps else record

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
