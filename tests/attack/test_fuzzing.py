"""The fuzzer against a server of its own: for seconds with every change, by `make fuzz` for as long as one likes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import requests

from tests.attack.beside import ordinary_client
from tests.attack.fuzzing import fuzz, mutated, seeds
from tests.attack.sockets import sent
from tests.attack.times import SEED, seconds_for
from tests.conftest import Server, start_server


@pytest.fixture
def target() -> Iterator[Server]:
    running = start_server()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.mark.timeout(0)
def test_mutated_requests_get_answers_and_the_server_has_nothing_to_say(target: Server) -> None:
    with ordinary_client(target) as waits:
        figures = fuzz(target, seconds_for("requests"), SEED)
    print(f"\n{figures}, the ordinary client waited {waits.longest:.3f} s at most in {len(waits.seconds)} requests")
    assert figures.answered > figures.requests // 10
    assert waits.statuses == {200}
    assert requests.get(f"{target.control}/health", timeout=5).json()["status"] == "ok"
    assert target.stop() == ("", "")


def test_every_request_of_the_corpus_gets_an_answer_as_it_stands(target: Server) -> None:
    for data in seeds():
        head, _, body = data.partition(b"\r\n\r\n")
        whole = head + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert b"Ringback failed" not in sent(target, whole).body, data


def test_the_same_seed_makes_the_same_requests() -> None:
    made = [[mutated(data, random.Random(7)) for data in seeds()] for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] != seeds()
