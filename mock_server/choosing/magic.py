"""Magic values: what a spec says that a value in a request brings about, with nothing set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mock_server.desk.faults import Delay, Rule, Values
from mock_server.spec import Magic, Spec


class Places(NamedTuple):
    """Where the requests of an operation may hold a magic value, and which these are."""

    known: tuple[tuple[str, Mapping[str, Magic]], ...] = ()
    in_body: bool = False
    in_path: frozenset[str] | None = None
    """All the values, where each stands in the path, which is looked through at once; else None."""


_NOWHERE = Places()


class MagicValues:
    """The magic values of one vendor, by operation, place and value: every request of such an operation asks."""

    def __init__(self, spec: Spec) -> None:
        self._provider = spec.provider
        known: dict[str, dict[str, dict[str, Magic]]] = {}
        for magic in spec.magic:
            for name in magic.operations:
                known.setdefault(name, {}).setdefault(magic.at, {}).update(dict.fromkeys(magic.values, magic))
        self._places = {
            name: Places(
                tuple(places.items()),
                any(not at.startswith(("path.", "query.")) for at in places),
                frozenset().union(*places.values()) if all(at.startswith("path.") for at in places) else None,
            )
            for name, places in known.items()
        }

    def places(self, operation: str) -> Places:
        """The places of one operation."""
        return self._places.get(operation, _NOWHERE)

    def rule(self, places: Places, values: Values) -> Rule | None:
        """What a magic value among these asks for, as a rule."""
        for at, known in places.known:
            value = values.at(at)
            if isinstance(value, str) and value in known:
                return _as_rule(known[value], self._provider)
        return None


def _as_rule(magic: Magic, provider: str) -> Rule:
    return Rule(
        id=f"magic-{magic.scenario}",
        provider=provider,
        operation="*",
        match={},
        example=magic.answer,
        status=magic.status,
        headers=magic.headers,
        fault=magic.fault,
        delay=Delay(magic.seconds) if magic.seconds else None,
    )
