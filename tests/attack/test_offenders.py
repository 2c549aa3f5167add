"""Each known offender beside an ordinary client: the event loop, which both need, is never held for long."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.attack.asking import Asking, asking_client, p99
from tests.attack.lag import HELD_SECONDS, Watched, watched_server
from tests.attack.offenders import OFFENDERS, Act, Offender

LONGEST_SECONDS = 0.020
"""What anybody waits for the loop because of somebody else."""

TIMES = 5
"""The p99 of an ordinary client beside an offender, at most so many times that of the client alone."""

LEAST_P99_SECONDS = LONGEST_SECONDS
"""A client alone that is quicker counts as this slow: whoever acts takes the processors too, and other tests do."""

TRIES = 6
"""What holds the loop does so every time; what a busy machine adds to a figure it does not."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    running = watched_server(tmp_path_factory.mktemp("lag") / "longest")
    yield running
    assert running.server.stop() == ("", "")


@pytest.fixture(scope="module")
def client(watched: Watched) -> Iterator[Asking]:
    with asking_client(watched.server, "test_ordinary") as running:
        running.alone()
        yield running


@pytest.fixture(scope="module")
def prepared() -> set[Act]:
    return set()


@pytest.mark.parametrize("offender", OFFENDERS, ids=[offender.name for offender in OFFENDERS])
def test_the_loop_is_not_held_and_an_ordinary_client_waits_as_if_it_were_alone(
    watched: Watched, client: Asking, prepared: set[Act], offender: Offender
) -> None:
    if offender.prepare is not None and offender.prepare not in prepared:
        offender.prepare(watched.server)
        prepared.add(offender.prepare)
    seen, times = [], []
    for _ in range(TRIES):
        alone = p99(client.alone())
        with watched.held() as held:
            beside = p99(client.beside(lambda: offender.act(watched.server)))
            seen.append(held())
        times.append(beside / max(alone, LEAST_P99_SECONDS))
        print(f"{offender.name}: p99 {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside")
        if min(seen) < LONGEST_SECONDS and min(times) < TIMES:
            break
    assert min(seen) < LONGEST_SECONDS, seen
    assert min(times) < TIMES, times


def test_a_loop_that_is_held_is_seen(watched: Watched) -> None:
    with watched.held() as held:
        watched.server.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 10
        while held() < HELD_SECONDS and time.monotonic() < until:
            time.sleep(0.01)
        assert HELD_SECONDS <= held() < 2 * HELD_SECONDS
