"""What is measured: time to be ready, speed and memory, of several servers in turn in one session."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median
from time import perf_counter, sleep
from typing import Any, NamedTuple

from load import Load, Shot, generator, put
from processes import use
from servers import BODY, INVALID_BODY, Running, Server, running

Say = Callable[[str], None]
Figures = dict[str, dict[str, Any]]


class Effort(NamedTuple):
    """How long to measure; seconds are whole because wrk counts so."""

    starts: int = 5
    rounds: int = 7
    round_seconds: int = 4
    warm_seconds: int = 3
    requests: int = 500_000
    memory_seconds: int = 180


QUICK = Effort(starts=3, rounds=3, round_seconds=1, warm_seconds=1, requests=5_000, memory_seconds=20)


def ready(servers: Sequence[Server], effort: Effort, say: Say) -> Figures:
    """Seconds from the start of the process to its first 200, the servers started in turn."""
    taken: dict[str, list[float]] = {server.name: [] for server in servers}
    for number in range(effort.starts):
        say(f"ready: start {number + 1} of {effort.starts}")
        for server in _in_turn(servers, number):
            with running(server) as one:
                taken[server.name].append(one.seconds)
    return {name: {"seconds": median(all_of), "all": all_of} for name, all_of in taken.items()}


def workers(servers: Sequence[Server], effort: Effort, say: Say) -> Figures:
    """The same of our own servers, where each of the connections works in a space of its own; needs wrk."""
    if generator() != "wrk":
        say("workers: not measured, wrk is not installed")
        return {}
    ours = [one for one in servers if one.name.startswith("ringback") and "--only" not in one.name]
    return speed(ours, effort, say, lambda server: server.shot()._replace(own_spaces=True))


def kinds(servers: Sequence[Server], effort: Effort, say: Say) -> dict[str, Figures]:
    """The same of four more kinds of requests: of Ringback, and of Prism, whose every answer stands in the document."""
    found: dict[str, Figures] = {}
    both = [server for server in servers if server.rows is not None]
    for kind in both[0].kinds() if both else ():
        say(f"kinds: {kind}")
        found[kind] = speed(both, effort, say, lambda server, kind=kind: server.kinds()[kind], _with_rows)
    return found


def _with_rows(one: Running) -> None:
    if one.server.rows is not None:
        one.server.rows(one)


def speed(
    servers: Sequence[Server],
    effort: Effort,
    say: Say,
    shot_of: Callable[[Server], Shot] = Server.shot,
    prepare: Callable[[Running], None] = lambda one: None,
) -> Figures:
    """Requests per second, latencies and processor time per request of warm servers, loaded in turn.

    `prepare` is called before each round.
    """
    rounds: dict[str, list[Load]] = {server.name: [] for server in servers}
    costs: dict[str, list[float]] = {server.name: [] for server in servers}
    with ExitStack() as stack:
        say("speed: starting and warming up")
        started = [stack.enter_context(running(server)) for server in servers]
        habits = {one.server.name: _habits(one) for one in started}
        for one in started:
            prepare(one)
            put(shot_of(one.server), one.port, effort.warm_seconds)
        for number in range(effort.rounds):
            say(f"speed: round {number + 1} of {effort.rounds}")
            for one in _in_turn(started, number):
                prepare(one)
                sleep(0.2)
                before = use(one.process.pid).cpu_seconds
                load = put(shot_of(one.server), one.port, effort.round_seconds)
                costs[one.server.name].append((use(one.process.pid).cpu_seconds - before) / load.requests * 1e6)
                rounds[one.server.name].append(load)
    return {
        name: {
            "per_second": median(load.per_second for load in loads),
            "cpu_us": median(costs[name]),
            "p50_ms": median(load.p50_ms for load in loads),
            "p99_ms": median(load.p99_ms for load in loads),
            "all_per_second": [load.per_second for load in loads],
            "all_cpu_us": costs[name],
            **habits[name],
        }
        for name, loads in rounds.items()
    }


def memory(servers: Sequence[Server], effort: Effort, say: Say) -> Figures:
    """Megabytes of the whole process tree: ready and idle, after a tenth of the requests, and after all of them."""
    figures: Figures = {}
    for server in servers:
        say(f"memory: {server.name}")
        with running(server) as one:
            sleep(1)
            idle = use(one.process.pid).resident_mb
            sent, started, early = 0, perf_counter(), None
            while sent < effort.requests and perf_counter() - started < effort.memory_seconds:
                sent += put(server.shot(), one.port, 1).requests
                if early is None and sent * 10 >= effort.requests:
                    sleep(1)
                    early = {"early_mb": use(one.process.pid).resident_mb, "early_requests": sent}
            sleep(1)
            after = {"after_mb": use(one.process.pid).resident_mb, "requests": sent}
            figures[server.name] = {"idle_mb": idle, **(early or {"early_mb": None, "early_requests": 0}), **after}
    return figures


def _in_turn(items: Sequence[Any], number: int) -> list[Any]:
    """All items, another one first in each round, so that none always follows the same neighbour's noise."""
    start = number % len(items)
    return [*items[start:], *items[:start]]


def _habits(one: Running) -> dict[str, bool]:
    """What a server does beside answering: refuse a body that breaks the spec, and show an update in a later read."""
    server = one.server
    refused, _ = one.ask(server.shot(INVALID_BODY))
    name = "Bench 7f3a"
    one.ask(server.shot(json.dumps({**json.loads(BODY), "nickname": name})))
    _, listed = one.ask(server.listing())
    return {"validates": 400 <= refused < 500, "remembers": name.encode() in listed}
