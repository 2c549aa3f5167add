"""Several processes on one store are one world: whatever is done through one is true of the other."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import ContractBroken, NotCovered
from tests.conftest import ROOT
from tests.defects.catalogue import DEFECTS
from tests.defects.planting import Front
from tests.receiver import Receiver
from tests.redises import Cluster, Redis
from tests.round_robin import proxy
from tests.several import Process, agent, several
from tests.test_check import check
from tests.test_telephone import VOGENT, VOGENT_AGENT, VOGENT_ID

SPACE = "test_several"
LONG = bool(os.environ.get("RINGBACK_LONG_STORES"))
"""Whether the longer form was asked for: a cluster for every test, and more planted defects."""
AGENTS = "/vogent/api/agents"


@pytest.fixture(scope="module", params=["sqlite", "redis", *(["cluster"] if LONG else [])])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Process]]:
    """Two processes on one store."""
    folder = tmp_path_factory.mktemp(request.param)
    service = None
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/kept.db"
    else:
        service = Redis(folder) if request.param == "redis" else Cluster(folder)
        url = service.url
    try:
        with several(url) as processes:
            yield processes
    finally:
        if service is not None:
            service.kill()


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    if "two" in request.fixturenames:
        request.getfixturevalue("two")[0].control("POST", "/reset")


def agents(process: Process, space: str = SPACE) -> list[Any]:
    state = process.control("GET", f"/state?space={space}")
    found: list[Any] = state["providers"]["vogent"]["records"]["agents"]
    return found


def test_what_is_made_changed_and_removed_through_one_is_so_through_the_other(two: list[Process]) -> None:
    one, other = two
    made = one.create("Ann").json()
    path = f"{AGENTS}/{made['id']}"
    assert other.ask("GET", path).json() == made
    number = f"/vogent/api/phone_numbers/{VOGENT_ID}"
    assert other.ask("PUT", number, json={"agentId": made["id"]}).status_code == 200
    assert one.ask("GET", number).json()["agentId"] == made["id"]
    assert one.ask("DELETE", path).status_code < 300
    assert other.ask("GET", path).status_code >= 400
    assert other.ask("GET", number).json()["agentId"] != made["id"]
    assert agents(one) == agents(other)


def test_rules_and_their_counts_stubs_clock_chance_and_snapshots_are_one(two: list[Process]) -> None:
    one, other = two
    rule = {"space": SPACE, "provider": "vogent", "operation": "*", "answer": {"status": 503}, "after": 1, "times": 3}
    one.control("POST", "/faults", json=rule)
    statuses = [two[index % 2].ask("GET", AGENTS).status_code for index in range(6)]
    assert statuses == [200, 503, 503, 503, 200, 200]
    for process in two:
        (shown,) = process.control("GET", f"/faults?space={SPACE}")["faults"]
        assert (shown["seen"], shown["hits"]) == (6, 3)
    other.control("DELETE", f"/faults?space={SPACE}")
    assert one.control("GET", f"/faults?space={SPACE}") == {"faults": []}
    stub = {"space": SPACE, "provider": "vogent", "method": "GET", "path": "/api/more", "status": 201}
    one.control("POST", "/stubs", json=stub)
    assert other.ask("GET", "/vogent/api/more").status_code == 201
    assert one.control("GET", f"/stubs?space={SPACE}")["stubs"][0]["hits"] == 1
    other.control("PUT", f"/clock?space={SPACE}", json={"now": "2027-05-01T00:00:00Z", "frozen": True})
    assert one.control("GET", f"/clock?space={SPACE}")["now"].startswith("2027-05-01T00:00:00")
    one.create("Timed")
    assert one.control("GET", f"/requests?space={SPACE}")["requests"][-1]["at"].startswith("2027-05-01")
    one.control("PUT", f"/seed?space={SPACE}", json={"seed": 7})
    first = [process.create("Seeded").json()["id"] for process in (one, other, one)]
    other.control("PUT", f"/seed?space={SPACE}", json={"seed": 7})
    for made in first:
        other.ask("DELETE", f"{AGENTS}/{made}")
    assert [process.create("Seeded").json()["id"] for process in (other, other, one)] == first
    one.control("POST", "/snapshots", json={"space": SPACE, "name": "kept"})
    kept = agents(one)
    other.create("Later")
    assert [one["name"] for one in other.control("GET", "/snapshots")["snapshots"]] == ["kept"]
    other.control("POST", "/snapshots/kept/restore")
    assert agents(one) == kept
    one.control("DELETE", "/snapshots/kept")


def test_the_journal_counts_every_exchange_once_and_can_be_verified_anywhere(two: list[Process]) -> None:
    one, other = two
    for index in range(10):
        two[index % 2].ask("GET", AGENTS)
    two[0].ask("GET", "/vogent/nowhere")
    for process in two:
        entries = process.control("GET", f"/requests?space={SPACE}")["requests"]
        numbers = [entry["number"] for entry in entries]
        assert len(numbers) == 11
        assert numbers == sorted(set(numbers))
        verified = {"space": SPACE, "operation": entries[0]["operation"], "times": "exactly 10"}
        assert process.control("POST", "/requests/verify", json=verified)["passed"]
        assert process.control("GET", f"/requests/unmatched?space={SPACE}")["requests"][0]["number"] == numbers[-1]
        everywhere = process.control("GET", "/requests?space=*&limit=3")
        assert everywhere["cursor"] == everywhere["requests"][-1]["number"]
    other.control("DELETE", f"/requests?space={SPACE}")
    one.ask("GET", AGENTS)
    (last,) = one.control("GET", f"/requests?space={SPACE}")["requests"]
    assert last["number"] > numbers[-1]
    assert other.control("GET", f"/requests/{last['number']}")["number"] == last["number"]


@pytest.mark.parametrize("query", [f"?space={SPACE}&after=0", "?after=0"])
def test_a_reader_of_one_process_sees_what_happens_in_the_other(two: list[Process], query: str) -> None:
    two[0].ask("GET", AGENTS)
    answer = requests.get(f"{two[0].url}/_ringback/events{query}", stream=True, timeout=15)
    seen = []
    threading.Timer(0.3, lambda: two[1].create("Seen")).start()
    for line in answer.iter_lines():
        if line.startswith(b"data: "):
            entry = json.loads(line[6:])
            seen += [entry] if entry["path"] == "/api/agents" else []
            if any(one["method"] == "POST" and "Seen" in one["request_body"] for one in seen):
                break
    answer.close()
    mine = [one for one in seen if one["method"] == "POST" and "Seen" in one["request_body"]]
    assert len(mine) == 1


@pytest.mark.parametrize("query", [f"?space={SPACE}", ""])
def test_a_doorbell_wakes_a_reader_when_something_happens_in_the_other_process(two: list[Process], query: str) -> None:
    two[0].ask("GET", AGENTS)
    arrived: dict[str, float] = {}

    def read() -> None:
        url = f"{two[0].url}/_ringback/events{query}"
        with requests.get(url, stream=True, timeout=15) as answer, suppress(requests.RequestException):
            for line in answer.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    arrived.setdefault(json.loads(line[6:])["path"], time.monotonic())
                if "/api/agents/4" in arrived:
                    return

    waited = []
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for number in range(5):
        # Longer than a reader goes on looking after it was woken.
        time.sleep(0.6)
        two[1].ask("GET", f"{AGENTS}/{number}")
        told = time.monotonic()
        while f"/api/agents/{number}" not in arrived:
            assert time.monotonic() - told < 10
            time.sleep(0.001)
        waited.append(arrived[f"/api/agents/{number}"] - told)
    reader.join(10)
    # A few milliseconds; of all spaces on a service with clocks of several hosts a quarter of a second later. Without
    # a bell a reader looks once in a second.
    assert sorted(waited)[2] < (0.1 if query or two[0].store.startswith("sqlite") else 0.4), waited


def test_a_space_that_one_closes_is_new_in_the_other(two: list[Process]) -> None:
    one, other = two
    made = one.create("Gone").json()["id"]
    assert other.ask("GET", f"{AGENTS}/{made}").status_code == 200
    other.control("DELETE", f"/spaces/{SPACE}")
    assert SPACE not in [space["name"] for space in one.control("GET", "/spaces")["spaces"]]
    assert one.ask("GET", f"{AGENTS}/{made}").status_code >= 400
    assert len(other.control("GET", f"/requests?space={SPACE}")["requests"]) == 1


def test_many_clients_of_both_lose_nothing_and_get_no_id_twice(two: list[Process]) -> None:
    made: list[str] = []

    def load(process: Process) -> None:
        for index in range(12):
            answer = requests.post(
                process.url + AGENTS, json=agent(f"n{index}"), headers={"Authorization": f"Bearer {SPACE}"}, timeout=20
            )
            assert answer.status_code < 300, answer.text
            made.append(answer.json()["id"])

    threads = [threading.Thread(target=load, args=(process,)) for process in two * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 72
    for process in two:
        assert set(made) <= {one["id"] for one in agents(process)}
        assert process.control("GET", f"/requests/count?space={SPACE}") == {"count": 72}


def test_calls_are_played_and_told_by_one_process_at_a_time(two: list[Process]) -> None:
    receiver = Receiver()
    one, other = two
    try:
        assert (
            one.ask("PUT", f"/vogent/api/phone_numbers/{VOGENT_ID}", json={"agentId": VOGENT_AGENT}).status_code < 300
        )
        other.control("PUT", f"/webhooks/vogent?space={SPACE}", json={"url": f"{receiver.url}/events"})
        one.control("PUT", f"/clock?space={SPACE}", json={"frozen": True})
        wanted = {"space": SPACE, "to": VOGENT, "outcome": "answered"}
        calls = [process.control("POST", "/calls", json=wanted)["id"] for process in (one, other, one)]
        other.control("POST", f"/clock/advance?space={SPACE}", json={"seconds": 3600})
        for process in two:
            shown = process.control("GET", f"/calls?space={SPACE}")["calls"]
            assert [(call["id"], call["state"]) for call in shown] == [(id, "ended") for id in calls]
        sent = _settled(one)
        assert {delivery["state"] for delivery in sent} == {"delivered"}
        assert len(sent) == len(receiver.wait(len(sent))) == 21
        assert [got.json for got in receiver.received] == [delivery["body"] for delivery in sent]
        assert other.control("GET", f"/deliveries?space={SPACE}")["deliveries"] == sent
        replayed = other.control("POST", f"/deliveries/{sent[0]['number']}/replay?space={SPACE}")
        assert (replayed["state"], replayed["replay_of"]) == ("delivered", sent[0]["number"])
        assert one.control("GET", f"/deliveries/{replayed['number']}?space={SPACE}") == replayed
        time.sleep(0.5)
        assert len(receiver.received) == 22
    finally:
        receiver.stop()


def _settled(process: Process) -> list[Any]:
    """The deliveries of the space, when none is on its way any more."""
    deadline = time.monotonic() + 15
    while True:
        found: list[Any] = process.control("GET", f"/deliveries?space={SPACE}")["deliveries"]
        if found and all(one["state"] != "pending" for one in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_calls_go_on_and_are_told_when_the_process_that_played_them_is_killed(tmp_path: Path) -> None:
    receiver = Receiver()
    try:
        with several(f"sqlite:///{tmp_path}/kept.db") as (one, other):
            other.ask("PUT", f"/vogent/api/phone_numbers/{VOGENT_ID}", json={"agentId": VOGENT_AGENT})
            other.control("PUT", f"/webhooks/vogent?space={SPACE}", json={"url": f"{receiver.url}/events"})
            one.control("POST", "/calls", json={"space": SPACE, "to": VOGENT, "outcome": "no-answer"})
            receiver.wait(2)
            one.kill()
            other.control("POST", f"/clock/advance?space={SPACE}", json={"seconds": 3600})
            sent = _settled(other)
            assert len(sent) > 2
            assert {delivery["state"] for delivery in sent} == {"delivered"}
            assert other.control("GET", f"/calls?space={SPACE}")["calls"][0]["state"] == "ended"
    finally:
        receiver.stop()


# One server of several processes


def test_workers_share_a_port_and_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with several(f"sqlite:///{tmp_path}/kept.db", 1, "--workers", "2") as (server,):
        children = _children(server.process.pid)
        assert len(children) == 1
        made = [
            requests.post(
                server.url + AGENTS, json=agent("Ann"), headers={"Authorization": f"Bearer {SPACE}"}, timeout=20
            ).json()["id"]
            for _ in range(10)
        ]
        os.kill(children[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while not (again := set(_children(server.process.pid)) - set(children)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(again) == 1
        assert set(made) <= {one["id"] for one in agents(server)}
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        deadline = time.monotonic() + 10
        while Path(f"/proc/{again.pop() if len(again) > 1 else next(iter(again))}").exists():
            assert time.monotonic() < deadline, "a worker outlives its server"
            time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(place.parent.name))
    return found


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--workers", "2"], "a world of its own"),
        (["--workers", "0"], "from 1 to"),
        (["--store", "redis://127.0.0.1:1"], "refused"),
        (["--store", "redis://"], "no such store"),
    ],
)
def test_what_cannot_be_shared_is_refused_in_a_sentence(flags: list[str], why: str) -> None:
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert why in done.stderr


# What was kept by an earlier Ringback


def test_a_file_of_the_first_form_is_converted_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "first.db"
    file.write_bytes(gzip.decompress((ROOT / "tests" / "kept" / "format-1.db.gz").read_bytes()))
    with several(f"sqlite:///{file}") as (one, other):
        names = [row["name"] for row in agents(one, "test_kept")]
        assert "Kept" in names
        entries = other.control("GET", "/requests?space=test_kept")["requests"]
        assert len(entries) == 2
        assert one.control("GET", "/clock?space=test_kept")["now"].startswith("2027-05-01")
        assert one.control("GET", "/webhooks?space=test_kept")["webhooks"][0]["url"] == "http://127.0.0.1:9/x"
        assert other.control("GET", "/snapshots")["snapshots"][0]["name"] == "before"
        assert other.ask("GET", AGENTS, "test_kept").status_code == 503
        assert one.ask("GET", "/vogent/api/more", "test_kept").status_code == 200
        assert one.create("More", "test_kept").status_code == 503
        numbers = [entry["number"] for entry in one.control("GET", "/requests?space=test_kept")["requests"]]
        assert len(numbers) == 5
        assert numbers == sorted(set(numbers))


# The harness cannot tell two processes from one


def test_a_check_finds_nothing_on_two_processes_that_are_asked_in_turn(tmp_path: Path) -> None:
    with several(f"sqlite:///{tmp_path}/kept.db") as processes:
        front = proxy(*(urlsplit(process.url).netloc for process in processes))
        threading.Thread(target=front.serve_forever, daemon=True).start()
        try:
            target = f"vogent=http://127.0.0.1:{front.server_port}/vogent"
            done = check("vogent", "--depth", "scenario", "--target", target, "--fail-on", "assumed")
        finally:
            front.shutdown()
            front.server_close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


PLANTED = ("read-back", "isolation", "partial", "delete", "unique") if LONG else ("read-back",)


@pytest.mark.parametrize("property", PLANTED)
def test_planted_defects_are_found_on_two_processes_that_are_asked_in_turn(property: str) -> None:
    defect = next(one for one in DEFECTS if one.property == property and not isinstance(one.plant, Front))
    command = [sys.executable, "-m", "tests.round_robin", "tests.defects.serve", f"{defect.provider}: {defect.name}"]
    asked = Settings(providers=[defect.provider], mock_command=command, seed=1, fail_on=defect.fail_on)
    run, found = Run(asked), None
    try:
        cases = [case for case in run.cases() if case[2].name == property]
        for spec, operation, checked in sorted(cases, key=lambda case: case[1].id != defect.first):
            try:
                run.check(spec, operation, checked)
            except ContractBroken as broken:
                found = broken
                break
            except NotCovered:
                continue
    finally:
        run.close()
    assert found is not None, defect.name
