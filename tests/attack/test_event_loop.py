"""The event loop belongs to everybody: no header, path, body, rule, import, list or lock keeps others waiting."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.choosing.preferences import MAX_LENGTH, BadPreference, read_preference
from mock_server.text.jsontext import MAX_NESTING, MAX_VALUES, BadJson, dumps, dumps_long, loads, loads_long, own
from tests.attack.beside import assert_unmoved, ordinary_client
from tests.conftest import Server, start_server

TOOLS = "/teli/v1/agents/agent_abc123/tools"
UPDATE = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"
ORGANIZATIONS = "/teli/v1/organizations"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that has nothing to say on stderr, whatever is done to it."""
    running = start_server()
    yield running
    assert running.stop() == ("", "")


@pytest.fixture
def key() -> dict[str, str]:
    return {"X-API-Key": f"test_{uuid4().hex}"}


def many(times: int, ask: Any) -> list[requests.Response]:
    """What comes of asking that often at once."""
    found: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: found.append(ask())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("prefer", ['"' + '\\"' * 16_000, '"' * 32_001, "a," * 16_000, 'code="' + "\\" * 32_001])
def test_a_long_preference_holds_up_nobody(quiet: Server, key: dict[str, str], prefer: str) -> None:
    with ordinary_client(quiet) as waits:
        answers = many(
            4, lambda: requests.get(quiet.url + ORGANIZATIONS, headers={**key, "Prefer": prefer}, timeout=60)
        )
    assert_unmoved(waits)
    assert {answer.status_code for answer in answers} == {400}
    assert f"at most {MAX_LENGTH}" in answers[0].json()["detail"]


@pytest.mark.parametrize("text", ['"' * 1000, '\\"' * 500, '"' + '\\"' * 499, "\\" * 1000, 'x="' + '";"' * 300])
def test_a_preference_is_read_in_linear_time(text: str) -> None:
    started = time.perf_counter()
    for _ in range(20):
        read_preference(text[:MAX_LENGTH], "")
    assert time.perf_counter() - started < 0.2


def test_a_preference_at_the_limit_is_understood_and_one_beyond_is_not() -> None:
    text = "x=" + "y" * (MAX_LENGTH - 13) + ", code=500"
    assert len(text) <= MAX_LENGTH
    assert read_preference(text, "")[0].code == 500
    with pytest.raises(BadPreference, match="characters"):
        read_preference("x" * (MAX_LENGTH + 1), "")


BODIES = {
    "350,000 lists": b'{"tools":[' + b"[]," * 349_000 + b"1]}",
    "strings": b'{"tools":[' + b'"",' * 340_000 + b'""]}',
    "escapes": b'{"tools":[' + b'"\\\\",' * 170_000 + b'""]}',
    "objects": b'{"tools":[' + b'{"a":1},' * 130_000 + b"1]}",
    "members": b'{"tools":{' + b'"":1,' * 200_000 + b'"":1}}',
    "an open text": b'{"tools":"' + b'\\"' * 500_000,
    "commas": b'{"tools":[' + b"," * 1_000_000,
    "numbers": b'{"tools":[' + b"1111111111111111111111," * 45_000 + b"1]}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_mebibyte_of_small_values_holds_up_nobody(quiet: Server, key: dict[str, str], body: bytes) -> None:
    headers = {**key, "Content-Type": "application/json"}
    with ordinary_client(quiet) as waits:
        answers = many(4, lambda: requests.patch(quiet.url + TOOLS, data=body, headers=headers, timeout=60))
    assert_unmoved(waits)
    assert {answer.status_code for answer in answers} == {400}


def test_a_query_of_thousands_of_fields_holds_up_nobody(quiet: Server, key: dict[str, str]) -> None:
    with ordinary_client(quiet) as waits:
        answers = many(8, lambda: requests.get(f"{quiet.url}{ORGANIZATIONS}?{'a&' * 30_000}", headers=key, timeout=60))
    assert_unmoved(waits)
    assert {answer.status_code for answer in answers} == {400}
    assert "fields" in answers[0].text


def test_near_misses_of_long_paths_hold_up_nobody(quiet: Server, key: dict[str, str]) -> None:
    for index in range(100):
        path = f"/teli/{index}" + "/agents-and-numbers" * 400
        assert requests.get(quiet.url + path, headers=key, timeout=10).status_code == 404
    control = f"{quiet.control}/requests/unmatched"
    with ordinary_client(quiet) as waits, ordinary_client(quiet, "/_ringback/health") as health:
        found = many(3, lambda: requests.get(control, params={"space": key["X-API-Key"]}, timeout=60))
    assert_unmoved(waits)
    assert_unmoved(health)
    assert [len(one.json()["requests"]) for one in found] == [100] * 3


def large_state(server: Server, count: int) -> dict[str, Any]:
    """The state of a new space with so many more numbers."""
    state: dict[str, Any] = requests.get(f"{server.control}/state", timeout=20).json()
    known = state["providers"]["interactly"]["records"]["numbers"]
    for index in range(count):
        known.append({**known[0], "number": f"+1000{index:07d}", "_id": f"{index:024x}"})
    return state


def test_an_import_holds_up_neither_others_nor_the_loop(quiet: Server, key: dict[str, str]) -> None:
    space = key["X-API-Key"]
    url = f"{quiet.control}/state"
    document = json.dumps(large_state(quiet, 30_000)).encode()
    headers = {"Content-Type": "application/json"}
    statuses: list[int] = []

    def load() -> None:
        answer = requests.put(url, params={"space": space}, data=document, headers=headers, timeout=120)
        statuses.append(answer.status_code)

    loading = threading.Thread(target=load)
    with ordinary_client(quiet) as waits:
        loading.start()
        while loading.is_alive():
            # Those of the space itself wait for the import; they must not make anybody else wait.
            assert requests.get(quiet.url + ORGANIZATIONS, headers=key, timeout=60).status_code == 200
        loading.join()
        exported = requests.get(url, params={"space": space}, timeout=120).json()
    assert_unmoved(waits)
    assert statuses == [200]
    assert len(exported["providers"]["interactly"]["records"]["numbers"]) > 30_000


# What is known before a text is parsed


def test_what_is_nested_too_deeply_is_no_json() -> None:
    fits = b"[" * MAX_NESTING + b"]" * MAX_NESTING
    assert loads(fits)
    for bad in (b"[" + fits + b"]", b'{"a":' * 101 + b"1" + b"}" * 101, b"[" * 9_000):
        with pytest.raises(BadJson, match="nested"):
            loads(bad)


def test_brackets_and_commas_inside_texts_do_not_count() -> None:
    for text in ("[" * 5000, "," * 50_000, '\\"[' * 300, "]" * 300 + '"', "\\"):
        value = {"a": [text] * 3, "b": {"c": text}}
        assert loads(json.dumps(value).encode()) == value


def test_a_text_with_more_values_than_are_read_is_refused() -> None:
    assert len(loads(b"[" + b"1," * (MAX_VALUES - 2) + b"1]")) == MAX_VALUES - 1
    with pytest.raises(BadJson, match="values"):
        loads(b"[" + b"1," * MAX_VALUES + b"1]")


@pytest.mark.parametrize(
    "number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40, -(10**300)], ids=lambda n: f"{n:.1e}"
)
def test_a_whole_number_of_any_length_is_kept(number: int) -> None:
    value = {"a": [number], "text": "1" * 30}
    assert loads(json.dumps(value).encode()) == value
    assert own(dumps(value)) == value
    assert loads_long(dumps_long(value)) == value
    assert type(loads(json.dumps(value).encode())["a"][0]) is int


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"{", b"[1", b"[1,]", b'{"a"}', b'{"a":}', b"{1:2}", b'{"a":1,}', b"[1] 2", b"[NaN]", b"[1e999]",
     b'{"a":1 "b":2}', b"[" * 2000 + b"]" * 2000, b'"\xff"', b"[1}", b'{"a":1]', b"tru", b'["\x00"]'],
)  # fmt: skip
def test_a_long_text_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadJson):
        loads_long(text)


@pytest.mark.parametrize("value", [None, [], {}, [[]], {"a": {}}, "x", 7, {"a": [{"b": [[[[1]]]]}, 2], "c": "\u2603"}])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_long_text_is_read_as_any_other(value: Any, indent: int | None) -> None:
    assert loads_long(json.dumps(value, indent=indent).encode()) == value
    assert loads_long(dumps_long(value)) == value
