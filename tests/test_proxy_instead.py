"""What may not pass is carried out by a mock, and the application sees it done; the endpoint never hears of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.honest.server import KEY, HonestServer
from tests.proxies import Proxy, proxying
from tests.spy import Spy
from tests.test_honest_servers import serving

VOGENT = {"Authorization": f"Bearer {KEY}"}
NUMBERS = "/api/phone_numbers"
THERE = [f"00000000-bbbb-4000-8000-{number:012}" for number in (1, 2, 3)]
AGENT = "00000000-aaaa-4000-8000-000000000001"


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Proxy, Spy, HonestServer]]:
    with serving("vogent", records=3) as server:
        between: Any = Spy(server.origin("vogent"), lambda seen, said: between.change(seen, said))
        between.change = lambda seen, said: said
        with proxying("vogent", between.origin, "--real", "--instead", "mock") as proxy:
            yield proxy, between, server
            assert proxy.stop() == 1
            assert len(proxy.of("finding")) == 1, proxy.of("finding")
        between.stop()


@pytest.fixture
def ask(stage: tuple[Proxy, Spy, HonestServer]) -> Callable[..., requests.Response]:
    def asked(method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, stage[0].url + path, json=body, headers=VOGENT, timeout=20)

    return asked


def by(answer: requests.Response) -> str | None:
    return answer.headers.get("X-Ringback-Proxy")


def test_what_was_bought_linked_changed_and_deleted_at_the_mock_is_what_the_application_sees(
    stage: tuple[Proxy, Spy, HonestServer], ask: Callable[..., requests.Response]
) -> None:
    _, between, _ = stage
    first = ask("GET", NUMBERS)
    assert by(first) is None
    assert [row["id"] for row in first.json()["data"]] == THERE
    assert by(ask("GET", "/api/agents")) is None

    offered = ask("POST", f"{NUMBERS}/search", {"prefix": "415"})
    assert by(offered) == "mock"
    bought = ask("POST", f"{NUMBERS}/purchase", {"number": offered.json()[0]["number"]})
    assert (bought.status_code, by(bought)) == (200, "mock")
    assert "purchase is not allowed" in bought.headers["X-Ringback-Reason"]
    new = bought.json()["id"]
    listed = ask("GET", NUMBERS)
    assert by(listed) == "merged"
    assert [row["id"] for row in listed.json()["data"]] == [*THERE, new]
    assert by(ask("GET", f"{NUMBERS}/{new}")) == "mock"
    # The endpoint's agent is known to the mock, because the endpoint has shown it.
    assert ask("PUT", f"{NUMBERS}/{new}", {"agentId": AGENT}).json()["agentId"] == AGENT
    # So is the endpoint's number, which is written at the mock alone.
    linked = ask("PUT", f"{NUMBERS}/{THERE[0]}", {"agentId": AGENT})
    assert (linked.status_code, by(linked), linked.json()["agentId"]) == (200, "mock", AGENT)
    gone = ask("DELETE", f"{NUMBERS}/{THERE[1]}")
    assert (gone.status_code, by(gone)) == (200, "mock")

    rows = {row["id"]: row["agentId"] for row in ask("GET", NUMBERS).json()["data"]}
    assert rows == {THERE[0]: AGENT, THERE[2]: None, new: AGENT}
    assert by(ask("GET", f"{NUMBERS}/{THERE[1]}")) == "mock"
    assert ask("GET", f"{NUMBERS}/{THERE[1]}").status_code == 400  # as Vogent says that nothing is there
    assert by(ask("GET", f"{NUMBERS}/{THERE[2]}")) is None
    assert ask("DELETE", f"{NUMBERS}/{new}").status_code == 200
    assert [row["id"] for row in ask("GET", NUMBERS).json()["data"]] == [THERE[0], THERE[2]]
    assert {one.method for one in between.seen} == {"GET"}


def test_the_endpoint_is_as_it_was_and_what_it_answered_is_what_was_judged(
    stage: tuple[Proxy, Spy, HonestServer], ask: Callable[..., requests.Response]
) -> None:
    proxy, _, server = stage
    direct = requests.get(server.origin("vogent") + NUMBERS, headers=VOGENT, timeout=20)
    assert [row["agentId"] for row in direct.json()["data"]] == [None] * 3
    # Were the merged list judged, the endpoint would be accused of a write that it never saw.
    ask("GET", NUMBERS)
    proxy.wait_until(lambda: "merged" in [one["answered_by"] for one in proxy.of("exchange")[-1:]])
    assert proxy.of("finding") == []


def test_another_key_has_another_world_at_the_mock(
    stage: tuple[Proxy, Spy, HonestServer], ask: Callable[..., requests.Response]
) -> None:
    proxy, _, _ = stage
    ask("POST", f"{NUMBERS}/purchase", {"number": "+14155550111"})
    other = {"Authorization": "Bearer someone-elses"}
    asked = requests.post(f"{proxy.url}{NUMBERS}/purchase", json={"number": "+14155550111"}, headers=other, timeout=20)
    assert (asked.status_code, by(asked)) == (200, "mock")  # For sale there too: nobody has bought it there.


def test_what_a_page_refuses_is_refused_by_the_mock_in_the_pages_words(ask: Callable[..., requests.Response]) -> None:
    refused = ask("POST", f"{NUMBERS}/purchase", {})
    assert (refused.status_code, by(refused)) == (422, "mock")
    assert by(ask("GET", "/api/nothing")) == "mock"
    assert ask("GET", "/api/nothing").status_code == 404
    assert json.loads(ask("GET", "/api/nothing").content)


def test_the_journal_has_both_side_by_side_and_says_whose_an_answer_is(
    stage: tuple[Proxy, Spy, HonestServer], ask: Callable[..., requests.Response]
) -> None:
    proxy, between, _ = stage
    between.change = lambda seen, said: said._replace(status=418)
    assert ask("GET", "/api/agents").status_code == 418
    between.change = lambda seen, said: said
    ask("GET", f"{NUMBERS}/{THERE[2]}")
    ask("POST", f"{NUMBERS}/purchase", {})
    control, rows = proxy.where["control"], list[dict[str, Any]]()

    def journalled() -> bool:
        found = requests.get(f"{control}/requests", {"space": "test_proxy_1", "limit": 1000}, timeout=20).json()
        rows[:] = found["requests"]
        return {row["operation"] for row in rows[-4:]} >= {"listAgents", "getPhoneNumber", "purchasePhoneNumber"}

    proxy.wait_until(journalled)
    newest = {row["operation"]: row for row in rows}
    assert newest["purchasePhoneNumber"]["findings"] is None  # the mock's own
    assert newest["getPhoneNumber"]["findings"] == []
    [finding] = newest["listAgents"]["findings"]
    assert "418" in finding
    assert "openapi/vogent.yaml:" in finding
    shown = requests.get(f"{control}/requests/{newest['listAgents']['number']}", timeout=20)
    assert "through a proxy" in shown.json()["explained"]["why"][0]
    assert shown.json()["explained"]["why"][1] == finding
    assert KEY not in shown.text
