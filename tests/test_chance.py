"""Chance is a function of a seed and a counter: it can be kept as one number, and is as even as chance should be."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.desk.chance import Chance


@given(st.integers(-(2**70), 2**70), st.integers(0, 40), st.integers(0, 40))
def test_it_goes_on_from_a_counter_as_if_it_had_never_stopped(seed: int, before: int, after: int) -> None:
    whole, first = Chance(seed), Chance(seed)
    for _ in range(before):
        assert first.random() == whole.random()
    second = Chance(seed, first.drawn)
    assert [second.getrandbits(70) for _ in range(after)] == [whole.getrandbits(70) for _ in range(after)]


def test_normally_distributed_draws_keep_nothing_back() -> None:
    one = Chance(3)
    one.gauss(0, 1)
    assert Chance(3, one.drawn).gauss(0, 1) == one.gauss(0, 1)


@pytest.mark.parametrize("bits", [1, 8, 48, 64, 65, 128])
def test_numbers_have_the_bits_that_were_asked_for(bits: int) -> None:
    chance = Chance(1)
    drawn = [chance.getrandbits(bits) for _ in range(2_000)]
    assert 0 <= min(drawn) <= max(drawn) < 2**bits
    for bit in {0, bits // 2, bits - 1}:
        ones = sum(number >> bit & 1 for number in drawn)
        assert 850 < ones < 1_150


def test_sides_of_a_die_come_equally_often() -> None:
    chance: Random = Chance(5)
    counts = [0] * 6
    for _ in range(12_000):
        counts[chance.randrange(6)] += 1
    # Chi-squared with five degrees of freedom: 20.5 is passed once in a thousand.
    assert sum((count - 2_000) ** 2 / 2_000 for count in counts) < 20.5


def test_seeds_differ_and_repeat() -> None:
    assert Chance(1).random() == Chance(1).random()
    assert len({Chance(seed).random() for seed in range(-50, 50)}) == 100
