"""`ringback proxy`: what is allowed passes unchanged and is judged; what is not is refused; nothing keeps a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Server
from tests.honest.server import KEY, HonestServer
from tests.proxies import Proxy, proxying
from tests.spy import Said, Seen, Spy
from tests.test_honest_servers import checked, found, serving

SECRET = "sk-live-0123456789abcdef"
VOGENT = {"Authorization": f"Bearer {KEY}"}
NUMBERS = "/api/phone_numbers"
Spying = Callable[..., Spy]


def read(proxy: Proxy, path: str = NUMBERS, **arguments: Any) -> requests.Response:
    return requests.get(proxy.url + path, headers=VOGENT, timeout=20, **arguments)


@pytest.fixture(scope="module")
def honest() -> Iterator[HonestServer]:
    with serving("vogent", "teli") as server:
        yield server


# --- what is lawful -----------------------------------------------------------------------------------------


def test_a_check_through_the_proxy_finds_what_it_finds_without_it_and_so_does_the_proxy(tmp_path: Path) -> None:
    """The check is an application like any other: dozens of calls, several at a time, wrong keys among them."""
    record, vendor = tmp_path / "seen.har", "uponai"
    with (
        serving(vendor, chunked=True, closing_every=9, early_hints=True) as server,
        proxying(vendor, server.origin(vendor), "--record", str(record)) as proxy,
    ):
        run = checked(HonestOrigin(server, proxy.url), vendor, "scenario")  # type: ignore[arg-type]  # has an origin
        assert found(run) == []
        assert sum(run.sent.values()) > 20
        assert proxy.stop() == 0, proxy.events
        [end] = proxy.of("end")
        assert end["passed_on"] == len(json.loads(record.read_text())["log"]["entries"]) > 20
        assert end["judged"] > 15
        assert end["findings"] == 0


class HonestOrigin:
    """The honest server, found at another address."""

    def __init__(self, server: HonestServer, url: str) -> None:
        self.habits = server.habits
        self._url = url

    def origin(self, vendor: str) -> str:
        return self._url


def test_an_application_of_ordinary_calls_sees_the_answers_of_the_endpoint_byte_for_byte(honest: HonestServer) -> None:
    origin = honest.origin("vogent")
    with proxying("vogent", origin) as proxy:
        for path in (NUMBERS, f"{NUMBERS}?limit=2", "/api/agents"):
            through, direct = read(proxy, path), requests.get(origin + path, headers=VOGENT, timeout=20)
            assert through.content == direct.content
            assert through.status_code == direct.status_code == 200
            assert list(through.headers) == list(direct.headers)  # the same names, in the same order and letters
            assert "x-ringback-proxy" not in through.headers
        number = read(proxy).json()["data"][0]["id"]
        agent = read(proxy, "/api/agents").json()["data"][0]["id"]
        linked = requests.put(f"{proxy.url}{NUMBERS}/{number}", json={"agentId": agent}, headers=VOGENT, timeout=20)
        assert linked.status_code == 200
        assert read(proxy, f"{NUMBERS}/{number}").json()["agentId"] == agent
        assert proxy.stop() == 0
        [end] = proxy.of("end")
        assert (end["judged"], end["findings"], end["counts"]["failed"]) == (7, 0, 0)
        assert end["counts"]["passed"] > 3


# --- what is lawless ----------------------------------------------------------------------------------------


def wrong_status(seen: Seen, said: Said) -> Said:
    return said._replace(status=418) if seen.method == "GET" else said


def missing_field(seen: Seen, said: Said) -> Said:
    return _changed(said, lambda row: row.pop("type"))


def wrong_type(seen: Seen, said: Said) -> Said:
    return _changed(said, lambda row: row.update(number=5))


def wrong_word(seen: Seen, said: Said) -> Said:
    return _changed(said, lambda row: row.update(type="PIGEON"))


def no_json(seen: Seen, said: Said) -> Said:
    return said._replace(body=b"<html>down for maintenance</html>")


def forgets_writes(seen: Seen, said: Said) -> Said:
    return _changed(said, lambda row: row.update(agentId=None))


def twice_in_a_list(seen: Seen, said: Said) -> Said:
    body = json.loads(said.body)
    if "data" in body:
        body["data"] = body["data"][:1] * 2
    return said._replace(body=json.dumps(body).encode())


def wrong_key_accepted(seen: Seen, said: Said) -> Said:
    return Said(200, said.headers, b'{"data": [], "cursor": null}') if said.status == 401 else said


def _changed(said: Said, change: Callable[[dict[str, Any]], object]) -> Said:
    body = json.loads(said.body)
    for row in body.get("data", [body]):
        if "number" in row:
            change(row)
    return said._replace(body=json.dumps(body).encode())


LAWLESS = {
    "a status that no page knows": (wrong_status, "valid", "status"),
    "a field that is missing": (missing_field, "valid", "type"),
    "a field of another type": (wrong_type, "valid", "/number"),
    "a word that is none of the page's": (wrong_word, "valid", "/type"),
    "no JSON": (no_json, "valid", ""),
    "a write that is not shown": (forgets_writes, "read-back", "/agentId"),
    "a record twice in a list": (twice_in_a_list, "list", ""),
    "a wrong key that is accepted": (wrong_key_accepted, "keys", "status"),
}


def application(proxy: Proxy) -> None:
    """A few ordinary calls, one of them with a wrong key; it does not mind what comes."""
    first = read(proxy)
    rows = first.json().get("data", []) if "json" in first.headers["content-type"] and first.content[:1] == b"{" else []
    number = rows[0]["id"] if rows else "00000000-bbbb-4000-8000-000000000001"
    url = f"{proxy.url}{NUMBERS}/{number}"
    requests.put(url, json={"agentId": "00000000-aaaa-4000-8000-000000000001"}, headers=VOGENT, timeout=20)
    requests.get(url, headers=VOGENT, timeout=20)
    wrong = {"Authorization": "Bearer ringback-check-no-such-key"}
    requests.get(proxy.url + NUMBERS, headers=wrong, timeout=20)


@pytest.fixture(scope="module")
def watched(honest: HonestServer) -> Iterator[tuple[Proxy, Spy]]:
    """A proxy before an endpoint of which each test says how it breaks the contract."""
    between = Spy(honest.origin("vogent"), lambda seen, said: between.change(seen, said))
    between.change = unchanged
    with proxying("vogent", between.origin) as proxy:
        yield proxy, between
        assert proxy.stop() == 1
    between.stop()


def unchanged(seen: Seen, said: Said) -> Said:
    return said


@pytest.mark.parametrize("name", LAWLESS)
def test_each_kind_of_breach_is_told_while_it_passes_with_its_page_and_line(
    watched: tuple[Proxy, Any], name: str
) -> None:
    (proxy, between), (change, property, at) = watched, LAWLESS[name]
    between.change = unchanged
    application(proxy)
    proxy.wait_for("exchange", len(between.seen))
    before = len(proxy.of("finding"))
    between.change = change
    application(proxy)

    def fitting() -> list[dict[str, Any]]:
        new = proxy.of("finding")[before:]
        return [one for one in new if one["property"] in (property, "examples") and at in one["at"]]

    proxy.wait_until(lambda: bool(fitting()))
    assert fitting()[0]["source"].startswith("docs.vogent.ai/")
    assert fitting()[0]["place"].startswith("openapi/vogent.yaml:")
    assert proxy.of("broken") == []
    assert proxy.process.poll() is None


def other_words(seen: Seen, said: Said) -> Said:
    body = json.loads(said.body)
    return said._replace(body=json.dumps({**body, "error": "No"}).encode()) if said.status >= 400 else said


def other_constants(seen: Seen, said: Said) -> Said:
    return said._replace(body=json.dumps({**json.loads(said.body), "powered_by": "Somebody"}).encode())


BREACHES = {
    "other words than the documented ones": (other_words, "errors", "/error"),
    "another value than the constant": (other_constants, "examples", "/powered_by"),
}


def test_errors_and_constants_are_held_to_the_letter_of_the_page(server: Server, spy: Spying) -> None:
    between: Any = spy(server.origin("teli"), lambda seen, said: between.change(seen, said))
    key, number = {"X-API-Key": "test_to_the_letter"}, "/v1/voice/phone-numbers/+14155551234/update-agent"
    with proxying("teli", between.origin) as proxy:
        for change, property, at in [(unchanged, "", ""), *BREACHES.values()]:
            between.change, before = change, len(proxy.of("finding"))
            for agent in ("agent_abc123", "agent_nobody"):
                requests.post(proxy.url + number, json={"inbound_agent_id": agent}, headers=key, timeout=20)
            proxy.wait_for("exchange", len(between.seen))
            if property:
                proxy.wait_until(lambda: len(proxy.of("finding")) > before)  # noqa: B023 - asked at once
                found = [(one["property"], one["at"]) for one in proxy.of("finding")[before:]]
                assert (property, at) in found, found
            else:
                assert proxy.of("finding") == []
        assert proxy.stop() == 1


# --- what may pass ------------------------------------------------------------------------------------------


def test_where_it_costs_only_what_is_allowed_reaches_the_endpoint_and_the_rest_is_refused_in_the_vendors_words(
    spy: Spying, honest: HonestServer
) -> None:
    between = spy(honest.origin("vogent"))
    with proxying("vogent", between.origin, "--real", "--max-requests", "3") as proxy:
        assert read(proxy).status_code == 200
        number = "00000000-bbbb-4000-8000-000000000001"
        url = f"{proxy.url}{NUMBERS}/{number}"
        attempts = [
            ("PUT", url, {"agentId": None}, "neither made by this run nor named by --number"),
            ("DELETE", url, None, "would destroy one that this run did not make"),
            ("POST", f"{proxy.url}{NUMBERS}/purchase", {"number": "+15107770000"}, "purchase is not allowed"),
            ("GET", f"{proxy.url}/api/nothing", None, "is on no page"),
            ("GET", f"{proxy.url}/api/agents/%2e%2e/phone_numbers", None, "may be read as another"),
            ("TRACE", f"{proxy.url}{NUMBERS}", None, "TRACE is documented for no such path"),
        ]
        for method, where, body, why in attempts:
            answer = requests.request(method, where, json=body, headers=VOGENT, timeout=20)
            assert answer.status_code == 403, (method, where)
            assert answer.headers["X-Ringback-Proxy"] == "refused"
            assert why in answer.headers["X-Ringback-Reason"], answer.headers
            assert answer.json()["message"] == answer.headers["X-Ringback-Reason"]
        sneaky = {**VOGENT, "X-HTTP-Method-Override": "DELETE"}
        assert requests.get(url, headers=sneaky, timeout=20).status_code == 403
        assert read(proxy).status_code == 200
        assert read(proxy).status_code == 200
        spent = read(proxy)
        assert "the budget of 3 requests is spent" in spent.headers["X-Ringback-Reason"]
        assert [one.method for one in between.seen] == ["GET"] * 3
        assert proxy.stop() == 0


def test_a_named_number_is_written_and_no_other_and_purchases_have_a_budget(spy: Spying, honest: HonestServer) -> None:
    between = spy(honest.origin("vogent"))
    flags = ["--real", "--allow", "write,purchase", "--number", "+15106660001", "--max-purchases", "1"]
    with proxying("vogent", between.origin, *flags) as proxy:
        rows = {row["number"]: row["id"] for row in read(proxy).json()["data"]}

        def link(number: str) -> requests.Response:
            url = f"{proxy.url}{NUMBERS}/{rows[number]}"
            return requests.put(url, json={"agentId": None}, headers=VOGENT, timeout=20)

        assert "neither made by this run nor named by --number" in link("+15106660000").headers["X-Ringback-Reason"]
        assert "X-Ringback-Proxy" not in link("+15106660001").headers
        buy = f"{proxy.url}{NUMBERS}/purchase"
        bought = requests.post(buy, json={"number": "+15107770001"}, headers=VOGENT, timeout=20)
        assert bought.status_code == 200
        again = requests.post(buy, json={"number": "+15107770002"}, headers=VOGENT, timeout=20)
        assert "the budget of 1 purchases is spent" in again.headers["X-Ringback-Reason"]
        # What was bought is the application's own, because the list was read before: it may be removed.
        url = f"{proxy.url}{NUMBERS}/{bought.json()['id']}"
        assert requests.delete(url, headers=VOGENT, timeout=20).status_code == 200
        there = f"{proxy.url}{NUMBERS}/{rows['+15106660002']}"
        assert (
            "would destroy one that" in requests.delete(there, headers=VOGENT, timeout=20).headers["X-Ringback-Reason"]
        )
        changed = [one.path for one in between.seen if one.method != "GET"]
        assert changed == [
            f"{NUMBERS}/{rows['+15106660001']}",
            f"{NUMBERS}/purchase",
            f"{NUMBERS}/{bought.json()['id']}",
        ]


# --- keys ---------------------------------------------------------------------------------------------------


def test_the_proxy_puts_the_key_in_and_nobody_else_learns_it(spy: Spying, tmp_path: Path) -> None:
    record = tmp_path / "seen.har"

    def tells(seen: Seen, said: Said) -> Said:
        return Said(200, said.headers, json.dumps({"you sent": SECRET, "data": "no list"}).encode())

    with serving("vogent") as server:
        between = spy(server.origin("vogent"), tells)
        flags = ["--api-key-env", "REAL_KEY", "--record", str(record)]
        with proxying("vogent", between.origin, *flags, env={"REAL_KEY": SECRET}) as proxy:
            requests.get(proxy.url + NUMBERS, timeout=20)
            requests.get(proxy.url + NUMBERS, headers={"Authorization": "Bearer of-the-application"}, timeout=20)
            proxy.wait_for("exchange", 2)
            proxy.stop()
            assert [one.headers["Authorization"] for one in between.seen] == [f"Bearer {SECRET}"] * 2
            assert "you sent" in proxy.of("finding")[0]["answer"]  # Told, without the key that the answer has in it.
            assert SECRET not in json.dumps(proxy.events)
            assert SECRET not in record.read_text()


def test_the_key_is_not_lent_to_a_page_in_a_browser_nor_to_another_name(spy: Spying, honest: HonestServer) -> None:
    """Any site that a developer visits may ask 127.0.0.1 for something, and a name of its own may lead there."""
    between = spy(honest.origin("vogent"))
    with proxying("vogent", between.origin, "--api-key-env", "REAL_KEY", env={"REAL_KEY": KEY}) as proxy:
        for header in (
            {"Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example:80"},
        ):
            refused = requests.get(proxy.url + NUMBERS, headers=header, timeout=20)
            assert (refused.status_code, refused.headers["X-Ringback-Proxy"]) == (403, "refused"), header
        assert between.seen == []
        assert requests.get(proxy.url + NUMBERS, timeout=20).status_code == 200
        assert requests.get(proxy.url + NUMBERS, headers={"Host": "localhost:4020"}, timeout=20).status_code == 200
        with proxying("vogent", between.origin) as plain:
            own = {**VOGENT, "Origin": "https://app.example"}  # A page that has a key of its own may use it.
            assert requests.get(plain.url + NUMBERS, headers=own, timeout=20).status_code == 200


def test_an_applications_key_is_passed_on_and_kept_nowhere(spy: Spying, tmp_path: Path) -> None:
    record = tmp_path / "seen.har"

    def tells(seen: Seen, said: Said) -> Said:
        return said._replace(body=json.dumps({"you sent": seen.headers["Authorization"]}).encode())

    with serving("vogent") as server:
        between = spy(server.origin("vogent"), tells)
        with proxying("vogent", between.origin, "--record", str(record)) as proxy:
            sent = {"Authorization": f"Bearer {SECRET}"}
            answer = requests.get(f"{proxy.url}{NUMBERS}?key={SECRET}", headers=sent, timeout=20)
            assert SECRET in answer.text  # The application sees what the endpoint says.
            proxy.wait_for("exchange", 1)
            proxy.stop()
            assert SECRET not in json.dumps(proxy.events)
            assert SECRET not in record.read_text()
            assert "Bearer ***" in record.read_text()
