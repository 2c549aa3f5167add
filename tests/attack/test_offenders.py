"""Each known offender beside an ordinary client: the event loop, which both need, is never held for long."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.attack.beside import assert_unmoved, ordinary_client
from tests.attack.lag import HELD_SECONDS, Watched, watched_server
from tests.attack.offenders import OFFENDERS, Act, Offender

LONGEST_SECONDS = 0.020
"""What anybody waits for the loop because of somebody else."""

TRIES = 4
"""What holds the loop does so every time; what a busy machine adds to a figure it does not."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    running = watched_server(tmp_path_factory.mktemp("lag") / "longest")
    yield running
    assert running.server.stop() == ("", "")


@pytest.fixture(scope="module")
def prepared() -> set[Act]:
    return set()


@pytest.mark.parametrize("offender", OFFENDERS, ids=[offender.name for offender in OFFENDERS])
def test_the_loop_is_not_held(watched: Watched, prepared: set[Act], offender: Offender) -> None:
    if offender.prepare is not None and offender.prepare not in prepared:
        offender.prepare(watched.server)
        prepared.add(offender.prepare)
    seen = []
    with ordinary_client(watched.server) as waits:
        for _ in range(TRIES):
            with watched.held() as held:
                offender.act(watched.server)
                seen.append(held())
            if seen[-1] < LONGEST_SECONDS:
                break
    assert min(seen) < LONGEST_SECONDS, seen
    assert_unmoved(waits)


def test_a_loop_that_is_held_is_seen(watched: Watched) -> None:
    with watched.held() as held:
        watched.server.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 10
        while held() < HELD_SECONDS and time.monotonic() < until:
            time.sleep(0.01)
        assert HELD_SECONDS <= held() < 2 * HELD_SECONDS
