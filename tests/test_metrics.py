"""What a server has done is counted, in Prometheus' text form, by all of its processes together."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from mock_server.process.metrics import SECONDS, Metrics, text
from tests.conftest import Server
from tests.several import several

_LINE = re.compile(r'^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$')


def values(url: str) -> dict[str, float]:
    """The lines of a server's metrics, each checked for its form."""
    answer = requests.get(f"{url}/_ringback/metrics", timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, kinds = {}, {}
    for line in answer.text.splitlines():
        if line.startswith("#"):
            _, word, name, *rest = line.split(" ")
            assert word in ("HELP", "TYPE")
            if word == "TYPE":
                assert name not in kinds
                kinds[name] = rest[0]
            continue
        match = _LINE.match(line)
        assert match is not None, line
        base = re.sub("_(bucket|sum|count)$", "", match[1])
        assert match[1] in kinds or kinds.get(base) == "histogram", line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_exchanges_are_counted_by_what_they_were_and_no_space_is_named(serve: Callable[..., Server]) -> None:
    server = serve()
    headers = {"X-API-Key": "test_counted"}
    for _ in range(3):
        requests.get(server.origin("teli") + "/v1/organizations", headers=headers, timeout=10)
    requests.get(server.origin("teli") + "/nowhere", headers=headers, timeout=10)
    rule = {"space": "test_counted", "provider": "teli", "operation": "*", "answer": {"status": 503}, "times": 1}
    assert requests.post(f"{server.control}/faults", json=rule, timeout=10).status_code == 201
    requests.get(server.origin("teli") + "/v1/organizations", headers=headers, timeout=10)
    found = values(server.url)
    counted = {name: count for name, count in found.items() if name.startswith("ringback_requests_total")}
    assert sum(counted.values()) == 5
    (good,) = (count for name, count in counted.items() if 'status="200"' in name)
    (forced,) = (count for name, count in counted.items() if 'fault="rule"' in name and 'status="503"' in name)
    assert (good, forced) == (3, 1)
    assert found['ringback_unmatched_total{vendor="teli"}'] == 1
    assert found['ringback_request_seconds_count{vendor="teli"}'] == 5
    assert found['ringback_request_seconds_bucket{vendor="teli",le="+Inf"}'] == 5
    assert 0 < found['ringback_request_seconds_sum{vendor="teli"}'] < 5
    assert found["ringback_journal_bytes"] > 1_000
    assert not any("test_counted" in name for name in found)


def test_buckets_count_all_that_is_not_longer() -> None:
    metrics = Metrics()
    for seconds in (0.0001, SECONDS[0], 0.0007, 99.0):
        metrics.count("teli", "x", 200, "seed", None, seconds)
    lines = text(metrics.values())
    assert 'ringback_request_seconds_bucket{vendor="teli",le="0.0005"} 2\n' in lines
    assert 'ringback_request_seconds_bucket{vendor="teli",le="0.001"} 3\n' in lines
    assert 'ringback_request_seconds_bucket{vendor="teli",le="2.5"} 3\n' in lines
    assert 'ringback_request_seconds_bucket{vendor="teli",le="+Inf"} 4\n' in lines


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_a_name_that_has_signs_of_the_form_is_written_so_that_it_can_be_read(name: str) -> None:
    metrics = Metrics()
    metrics.count(name, None, 200, "seed", None, 0.1)
    assert all(_LINE.match(line) for line in text(metrics.values()).splitlines() if not line.startswith("#"))


def test_all_processes_of_a_server_are_counted_together_whichever_is_asked(tmp_path: Path) -> None:
    with several(f"sqlite:///{tmp_path}/kept.db", 1, "--workers", "2") as (server,):
        for _ in range(20):
            # A connection each, so that both are asked.
            requests.get(server.url + "/vogent/api/agents", headers={"Authorization": "Bearer test_x"}, timeout=10)
        deadline = time.monotonic() + 10
        while True:
            asked = [values(server.url) for _ in range(6)]
            totals = {sum(count for name, count in one.items() if "requests_total" in name) for one in asked}
            if totals == {20.0}:
                break
            assert time.monotonic() < deadline, totals
            time.sleep(0.2)
        assert any("ringback_store_seconds_total" in one for one in asked)


def test_a_request_is_found_by_its_trace(server: Server) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-API-Key": "test_traced", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    requests.get(server.origin("teli") + "/v1/organizations", headers=headers, timeout=10)
    asked = {"space": "test_traced", "q": f"header.traceparent:{trace}"}
    (found,) = requests.get(f"{server.control}/requests", asked, timeout=10).json()["requests"]
    assert found["request_headers"]["traceparent"] == headers["traceparent"]
