"""However a proxy ends, and however many use it: what passed is recorded, and the recording is a whole HAR."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from contract_tests.recordings.growing import Growing, mend
from tests.honest.server import KEY, HonestServer
from tests.proxies import Proxy, proxying
from tests.test_honest_servers import serving
from tests.test_proxy import NUMBERS, VOGENT, read

KILLS = 6


@pytest.fixture(scope="module")
def honest() -> Iterator[HonestServer]:
    with serving("vogent", delay_seconds=0.002) as server:
        yield server


def entries(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["log"]["entries"]
    return found


def busy(proxy: Proxy, ended: threading.Event) -> int:
    """Reads until the proxy is gone; how many answers came."""
    session, count = requests.Session(), 0
    while not ended.is_set():
        try:
            count += session.get(proxy.url + NUMBERS, headers=VOGENT, timeout=10).status_code == 200
        except requests.RequestException:
            break
    return count


def test_killed_in_the_middle_of_its_work_it_leaves_a_whole_recording(honest: HonestServer, tmp_path: Path) -> None:
    """All its processes at once, as whoever kills a container does, while eight connections are busy."""
    record = tmp_path / "seen.har"
    with proxying("vogent", honest.origin("vogent"), "--record", str(record)) as proxy, ThreadPoolExecutor(8) as pool:
        ended = threading.Event()
        working = [pool.submit(busy, proxy, ended) for _ in range(8)]
        try:
            proxy.wait_for("exchange", 50)
            proxy.kill()
        finally:
            ended.set()
        assert sum(one.result() for one in working) >= 50
    assert len(entries(record)) >= 50
    assert KEY not in record.read_text()


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_recording_or_one_that_is_mended(tmp_path: Path) -> None:
    record, random = tmp_path / "killed.har", Random(5)
    torn = 0
    for _ in range(KILLS):
        child = os.fork()
        if not child:
            growing, entry = Growing(record), {"text": "x" * 30_000}
            while True:
                growing.add(entry)
        while not record.exists() or record.stat().st_size < 100_000:
            time.sleep(0.001)
        time.sleep(random.random() / 50)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            assert entries(record)
        except ValueError:
            torn += 1
        mend(record)
        assert len(entries(record)) > 1
        record.unlink()
    # An entry is one write: seldom does a kill come in the middle of it.
    assert torn <= KILLS // 2


def test_what_was_left_half_written_is_mended_to_the_last_whole_exchange(tmp_path: Path) -> None:
    record = tmp_path / "torn.har"
    record.touch()
    mend(record)
    assert entries(record) == []
    growing = Growing(record)
    mend(record)
    assert entries(record) == []
    for number in range(3):
        growing.add({"number": number})
    whole = record.read_bytes()
    for size in range(len(whole) - 12, len(whole)):
        record.write_bytes(whole[:size])
        mend(record)
        assert [one["number"] for one in entries(record)] in ([0, 1], [0, 1, 2])


def test_a_disk_that_is_full_leaves_what_was_recorded_and_the_proxy_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = Growing(tmp_path / "full.har")
    growing.add({"number": 1})
    written = os.pwrite

    def half(descriptor: int, data: bytes, at: int) -> int:
        if b"number" in data:
            written(descriptor, data[:9], at)
            raise OSError(28, "No space left on device")
        return written(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OSError, match="No space"):
        growing.add({"number": 2})
    monkeypatch.undo()
    assert entries(growing.file) == [{"number": 1}]
    growing.add({"number": 3})
    assert entries(growing.file) == [{"number": 1}, {"number": 3}]


def test_told_to_stop_it_lets_what_is_under_way_end_and_takes_nothing_new(tmp_path: Path) -> None:
    record = tmp_path / "seen.har"
    with serving("vogent", delay_seconds=0.8) as slow:
        with proxying("vogent", slow.origin("vogent"), "--record", str(record)) as proxy, ThreadPoolExecutor(1) as pool:
            asked = pool.submit(read, proxy)
            time.sleep(0.3)
            proxy.process.send_signal(signal.SIGTERM)
            answer = asked.result()
            assert answer.status_code == 200
            assert answer.headers.get("Connection") == "close"
            with pytest.raises(requests.ConnectionError):
                read(proxy)
            assert proxy.process.wait(timeout=30) == 0  # It was told once; told twice it would not wait.
        assert len(entries(record)) == 1


def test_without_its_judge_it_passes_nothing_on(honest: HonestServer, tmp_path: Path) -> None:
    record = tmp_path / "seen.har"
    with proxying("vogent", honest.origin("vogent"), "--record", str(record)) as proxy:
        read(proxy)
        proxy.wait_for("exchange")
        children = Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children").read_text().split()
        [judge] = [one for one in children if b"\0serve\0" not in Path(f"/proc/{one}/cmdline").read_bytes()]
        os.kill(int(judge), signal.SIGKILL)
        assert proxy.process.wait(timeout=20) == 1
        assert "the process that judges ended" in proxy.process.stderr.read()  # type: ignore[union-attr]  # is piped
    assert len(entries(record)) == 1


def test_several_applications_at_once_get_their_own_answers_and_nobody_is_accused(tmp_path: Path) -> None:
    """Reads and writes of one account from four applications that know nothing of each other."""
    record = tmp_path / "seen.har"
    with (
        serving("vogent", records=6) as server,
        proxying("vogent", server.origin("vogent"), "--record", str(record)) as proxy,
    ):
        rows = [row["id"] for row in read(proxy).json()["data"]]

        def application(number: int) -> int:
            session, url = requests.Session(), f"{proxy.url}{NUMBERS}/{rows[number]}"
            session.headers.update(VOGENT)
            for turn in range(12):
                agent = f"00000000-aaaa-4000-8000-{turn % 3:012}"
                assert session.put(url, json={"agentId": agent}, timeout=20).json()["agentId"] == agent
                seen = session.get(url, timeout=20).json()
                assert (seen["id"], seen["agentId"]) == (rows[number], agent)
            return 24

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(application, range(4))) == 96
        assert proxy.stop() == 0, proxy.of("finding")
        [end] = proxy.of("end")
        assert end["passed_on"] == end["judged"] == len(entries(record)) == 97
