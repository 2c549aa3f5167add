"""Chance as a function of a seed and a counter, so that where it stands is one number that can be kept."""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from typing import Any

_DRAWS = 8
"""How many draws one digest holds, each of 64 bits."""
_BYTES = 8
"""Of a draw."""


class Chance(Random):
    """A generator whose state is its seed and how many 64-bit numbers were drawn.

    The same seed and counter go on the same everywhere: in another process, after a restart, on another platform.
    """

    def __init__(self, seed: int, drawn: int = 0) -> None:
        self.root = int(seed)  # JSON may say 7.0
        self.drawn = drawn
        key = blake2b(str(self.root).encode(), digest_size=32).digest()
        self._keyed = blake2b(key=key, digest_size=_DRAWS * _BYTES)
        self._block = b""
        self._number = -1
        super().__init__(0)

    def _next(self, count: int = 1) -> int:
        """The next draw, or several as one number where all of them lie in one digest."""
        number, place = self.drawn // _DRAWS, self.drawn % _DRAWS
        if number != self._number:
            digest = self._keyed.copy()
            digest.update(number.to_bytes(8, "big"))
            self._block = digest.digest()
            self._number = number
        self.drawn += count
        return int.from_bytes(self._block[place * _BYTES : (place + count) * _BYTES], "big")

    def random(self) -> float:
        """A float from 0 up to 1, of 53 bits."""
        return (self._next() >> 11) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        """A whole number of `k` bits."""
        if k <= 64:
            return self._next() >> (64 - k)
        draws = -(-k // 64)
        if self.drawn % _DRAWS + draws <= _DRAWS:
            return self._next(draws) >> (-k % 64)
        value = 0
        for _ in range(draws):
            value = value << 64 | self._next()
        return value >> (-k % 64)

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Normally distributed; nothing is kept back for the next call, as the standard library does."""
        return self.normalvariate(mu, sigma)

    def seed(self, *arguments: Any, **named: Any) -> None:
        """Does nothing: the seed is given when it is made."""

    def getstate(self) -> tuple[Any, ...]:
        """The seed and the counter."""
        return (self.root, self.drawn)

    def setstate(self, state: tuple[Any, ...]) -> None:
        """Goes on from a seed and a counter."""
        self.__init__(*state)  # type: ignore[misc]
