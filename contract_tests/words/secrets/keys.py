"""Which key a request carries, told without the key: the account's own, another account's, a wrong one, none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contract_tests.words.secrets.mutations import DOCUMENTED_KEY, MARK, mutations
from mock_server.spec import Spec

WRONG_KEY = "ringback-check-no-such-key"
OWN, OTHER, WRONG, NONE = "own", "other", "wrong", "none"


class KeyKind(NamedTuple):
    """The kind of key, a number that tells it from other keys, and whether the check made it up for itself alone."""

    kind: str
    space: int = 0
    alone: bool = False


class KeyKinds:
    """Tells the keys of requests apart; `others` are what stands for keys of other accounts."""

    def __init__(self, specs: Iterable[Spec], others: Iterable[str] = ()) -> None:
        specs = list(specs)
        self._headers = {spec.security.header.lower() for spec in specs}
        self._bearer = {spec.security.header.lower() for spec in specs if spec.security.bearer}
        self._others = set(others)
        nearly = [one.value for spec in specs for one in mutations(spec.security, DOCUMENTED_KEY)]
        self._wrong = {WRONG_KEY, *(value for spec in specs for value in _wrong_keys(spec)), *map(_bare, nearly)}
        self._wrong -= {DOCUMENTED_KEY, ""}
        self._spaces: dict[str, int] = {}

    def of(self, headers: Mapping[str, str]) -> KeyKind:
        """The kind of key among the headers."""
        name, value = next(
            ((name, value) for name, value in headers.items() if name.lower() in self._headers), ("", "")
        )
        key = _bare(value)
        if not key or key.lower() == "bearer":
            return KeyKind(NONE)
        schemeless = name.lower() in self._bearer and not value.strip().lower().startswith("bearer ")
        if key in self._wrong or MARK in key or key.startswith("${") or schemeless:
            return KeyKind(WRONG)
        # A mock of our own opens a space for every key, so that a run there uses many.
        space = self._spaces.setdefault(key, len(self._spaces) + 1)
        alone = key.startswith("test_check_")
        return KeyKind(OTHER if key in self._others or (alone and key.endswith("_other")) else OWN, space, alone)


def _bare(value: str) -> str:
    scheme, _, key = value.strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" else value.strip()


def _wrong_keys(spec: Spec) -> Iterable[str]:
    """The keys that the documented requests send to be refused."""
    for operation in spec.operations.values():
        for request in operation.requests.values():
            for name, value in request.headers.items():
                if name.lower() == spec.security.header.lower() and value is not None:
                    yield _bare(value)
