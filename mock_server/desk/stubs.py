"""Stubs: answers for what a vendor's spec does not have, written by hand, in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import RLock

from mock_server.messages import Json, Request
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.spec import path_values
from mock_server.text.jsontext import dumps

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class StubLimit(Exception):
    """No further stub can be kept."""


@dataclass
class Stub:
    """An answer to `method` and `path` of a vendor; `{name}` in the path stands for any one segment.

    `hits` counts the requests that it answered.
    """

    id: str
    provider: str
    method: str
    path: str
    status: int
    body: Json = None
    has_body: bool = False
    headers: Mapping[str, str] | None = None
    hits: int = 0

    @property
    def size(self) -> int:
        """The bytes that it takes, roughly."""
        return len(self.path) + len(dumps(self.body)) + sum(len(k) + len(v) for k, v in (self.headers or {}).items())

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @property
    def shape(self) -> tuple[str, ...]:
        """What it matches, whatever the names of its parameters."""
        return (self.provider, self.method, *("{}" if part.startswith("{") else part for part in self.segments))


def check_stubs(sizes: Sequence[int], limits: Limits) -> None:
    """Raises StubLimit where stubs of these sizes are more than a space can have."""
    most, most_bytes = limits.stubs_per_space, limits.stub_bytes_per_space
    if len(sizes) > most:
        raise StubLimit(f"a space has at most {most} stubs; remove some")
    if sum(sizes) > most_bytes:
        raise StubLimit(f"the stubs of a space take {most_bytes} bytes at most; write smaller ones")


class Stubs:
    """The stubs of one space, oldest first; of two that fit the one whose literal segments come first answers."""

    def __init__(self, limits: Limits = DEFAULTS, turn: AbstractContextManager[object] | None = None) -> None:
        """`turn` is held while a stub is added, removed or counted."""
        self._limits = limits
        self._stubs: dict[str, Stub] = {}
        self._sizes: dict[str, int] = {}
        self._made = 0
        self.version = 0
        """Moves with every change, counts included."""
        self._lock: AbstractContextManager[object] = turn or RLock()

    def __len__(self) -> int:
        return len(self._stubs)

    def __bool__(self) -> bool:
        return bool(self._stubs)

    def all(self) -> list[Stub]:
        return list(self._stubs.values())

    def get(self, id: str) -> Stub | None:
        return self._stubs.get(id)

    def add(self, stub: Stub) -> Stub:
        """Keeps the stub under a new id, in the place of one that matches the same; raises StubLimit at the bound."""
        with self._lock:
            same = next((known for known in self._stubs.values() if known.shape == stub.shape), None)
            if same is not None:
                stub.id = same.id
            others = [size for id, size in self._sizes.items() if same is None or id != same.id]
            check_stubs([*others, stub.size], self._limits)
            if same is None:
                self._made += 1
                stub.id = f"stub-{self._made}"
            self._stubs[stub.id] = stub
            self._sizes[stub.id] = stub.size
            self.version += 1
        return stub

    def delete(self, id: str) -> bool:
        with self._lock:
            self.version += 1
            self._sizes.pop(id, None)
            return self._stubs.pop(id, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._stubs.clear()
            self._sizes.clear()
            self._made = 0
            self.version += 1

    def kept(self) -> dict[str, Json]:
        """What there is to keep: every stub with its count, and how many were made."""
        stubs = [{**vars(stub), "headers": dict(stub.headers or {}) or None} for stub in self.all()]
        return {"made": self._made, "stubs": stubs}

    def restore(self, kept: dict[str, Json]) -> None:
        """Goes on with the stubs that were kept."""
        self._made = kept["made"]
        self._stubs = {one["id"]: Stub(**one) for one in kept["stubs"]}
        self._sizes = {stub.id: stub.size for stub in self._stubs.values()}

    def take(self, provider: str, request: Request) -> Stub | None:
        """The stub that answers this request, counted, or None. HEAD asks the stub of GET."""
        method = "GET" if request.method == "HEAD" else request.method
        with self._lock:
            fitting = [
                stub
                for stub in self._stubs.values()
                if stub.provider == provider
                and stub.method == method
                and path_values(stub.segments, request.path) is not None
            ]
            if not fitting:
                return None
            best = min(fitting, key=lambda stub: [part.startswith("{") for part in stub.segments])
            best.hits += 1
            self.version += 1
            return best
