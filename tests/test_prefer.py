"""Answers that the caller chooses: the `Prefer` header and its twins in the query."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.choosing.preferences import BadPreference, read_preference
from mock_server.spec import Spec
from tests.conftest import Server, start_server

ALL = ["interactly", "teli", "uponai", "vogent"]
NUMBERS = "/v1/voice/phone-numbers"
OWN = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
LIST = {**OWN, "is_admin": "true"}
BUY = {**OWN, "area_code": "313", "tenant_id": "your_tenant"}

Call = Callable[..., requests.Response]


def short(value: object) -> str:
    """The name of a case whose value is too long to be one."""
    return repr(value)[:40]


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """A server that must have nothing to say on stderr, whatever is done to it."""
    running = start_server()
    yield running
    assert running.stop() == ("", "")


@pytest.fixture
def key() -> str:
    return f"test_{uuid4().hex}"


@pytest.fixture
def call(quiet: Server, key: str) -> Call:
    """`call(method, path, prefer, ...)` asks Teli; `prefer` None sends no such header."""

    def send(method: str, path: str, prefer: str | None = None, **arguments: Any) -> requests.Response:
        headers = {"X-API-Key": key} if prefer is None else {"X-API-Key": key, "Prefer": prefer}
        headers.update(arguments.pop("headers", {}))
        return requests.request(method, quiet.origin("teli") + path, headers=headers, timeout=20, **arguments)

    return send


@pytest.fixture
def listing(call: Call) -> Callable[[], Any]:
    return lambda: call("GET", NUMBERS, params=LIST).json()


def assert_marked(answer: requests.Response, applied: str) -> None:
    assert answer.headers["Preference-Applied"] == applied
    assert answer.headers["X-Ringback-Fault"] == "prefer"


def assert_refused(answer: requests.Response, said: str) -> None:
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 400
    assert said in answer.json()["detail"]
    assert "Preference-Applied" not in answer.headers
    assert answer.headers["X-Ringback-Fault"] == "prefer"


# code=


def test_a_documented_code_gets_its_documented_answer(call: Call) -> None:
    answer = call("POST", f"{NUMBERS}/create", "code=400", json=BUY)
    expected = {"error": "area_code and user_id required", "success": False, "powered_by": "Teli"}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert_marked(answer, "code=400")
    assert answer.headers["X-Ringback-Evidence"] == "seed"


@pytest.mark.parametrize("code", [402, 418, 429, 502, 599])
@pytest.mark.parametrize("provider", ALL)
def test_an_undocumented_code_gets_the_vendor_s_own_envelope(
    quiet: Server, specs: dict[str, Spec], key: str, provider: str, code: int
) -> None:
    spec = specs[provider]
    operation = next(one for one in spec.operations.values() if one.method == "GET" and "{" not in one.path)
    header = f"Bearer {key}" if spec.security.bearer else key
    answer = requests.get(
        quiet.origin(provider) + operation.path,
        headers={spec.security.header: header, "Prefer": f"code={code}"},
        timeout=5,
    )
    assert answer.status_code == code
    if code not in operation.responses:
        assert answer.json().keys() == spec.answers["error"].value.keys()
        assert answer.headers["X-Ringback-Evidence"] == "assumed"
    assert_marked(answer, f"code={code}")


def test_an_undocumented_success_gets_the_documented_body(call: Call) -> None:
    answer = call("GET", NUMBERS, "code=206", params=LIST)
    assert (answer.status_code, answer.json()["success"]) == (206, True)


@pytest.mark.parametrize("code", [204, 304])
def test_a_code_without_a_body_has_none(call: Call, code: int) -> None:
    answer = call("GET", NUMBERS, f"code={code}", params=LIST)
    assert (answer.status_code, answer.content) == (code, b"")
    assert_marked(answer, f"code={code}")
    assert call("GET", NUMBERS, params=LIST).status_code == 200


@pytest.mark.parametrize(
    "code",
    ["100", "199", "600", "0", "-1", "5000", "50", "abc", "", "5 00", "5.0e2", "0x1f4", "+500", "9" * 900],
    ids=short,
)
def test_a_code_that_is_none_is_told(call: Call, code: str) -> None:
    assert_refused(call("GET", NUMBERS, f"code={code}", params=LIST), "from 200 to 599")


# example=


def test_an_example_is_answered_as_it_stands_in_the_spec(call: Call, specs: dict[str, Spec]) -> None:
    operation = specs["teli"].operations["createPhoneNumber"]
    for name, documented in operation.answers.items():
        answer = call("POST", f"{NUMBERS}/create", f"example={name}", json=BUY)
        assert (answer.status_code, answer.json()) == (documented.status, documented.value)
        assert answer.headers["X-Ringback-Evidence"] == documented.evidence.grade
        assert_marked(answer, f"example={name}")


def test_the_answers_that_every_operation_may_give_are_examples_too(call: Call, specs: dict[str, Spec]) -> None:
    for name, documented in specs["teli"].answers.items():
        answer = call("GET", NUMBERS, f"example={name}", params=LIST)
        assert answer.status_code == specs["teli"].answer(specs["teli"].operations["listPhoneNumbers"], name).status
        assert answer.json().keys() == documented.value.keys()


def test_an_example_may_come_with_another_code(call: Call) -> None:
    answer = call("GET", NUMBERS, "example=field-required, code=422", params=LIST)
    assert (answer.status_code, answer.json()["success"]) == (422, False)
    assert answer.headers["X-Ringback-Evidence"] == "assumed"
    assert_marked(answer, "code=422, example=field-required")


@pytest.mark.parametrize("name", ["no-such", "", '"no such"', "listed\tX-Evil: 1"])
def test_an_unknown_example_is_told_with_the_known_ones(call: Call, name: str) -> None:
    answer = call("POST", f"{NUMBERS}/create", f"example={name}", json=BUY)
    assert_refused(answer, "created, missing-fields")
    assert "no-numbers" in answer.json()["detail"]
    assert "internal-error" in answer.json()["detail"]


# wait=


def test_an_answer_waits_as_long_as_it_is_asked_to(call: Call) -> None:
    started = time.monotonic()
    answer = call("GET", NUMBERS, "wait=0.4", params=LIST)
    assert 0.4 <= time.monotonic() - started < 1.5
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert_marked(answer, "wait=0.4")


@pytest.mark.parametrize("body", [b"{}", b"{", b'{"area_code":7}'])
def test_a_refusal_waits_too(call: Call, body: bytes) -> None:
    started = time.monotonic()
    answer = call("POST", f"{NUMBERS}/create", "wait=0.3", data=body)
    assert time.monotonic() - started >= 0.3
    assert (answer.status_code, answer.json()["powered_by"]) == (400, "Teli")
    assert_marked(answer, "wait=0.3")


def test_waiting_goes_with_a_code(call: Call) -> None:
    started = time.monotonic()
    answer = call("GET", NUMBERS, "wait=0.2, code=503", params=LIST)
    assert time.monotonic() - started >= 0.2
    assert answer.status_code == 503
    assert_marked(answer, "code=503, wait=0.2")


@pytest.mark.parametrize("wait", ["-1", "61", "1e9", "nan", "inf", "abc", "", "1_0", "1s", "0x1", "9" * 400], ids=short)
def test_a_wait_that_is_none_is_told(call: Call, wait: str) -> None:
    assert_refused(call("GET", NUMBERS, f"wait={wait}", params=LIST), "seconds from 0 to 60")


# What a choice does not need, and does not do


@pytest.mark.parametrize("prefer", ["code=200", "example=created", "code=418", "code=200, wait=0.01"])
@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b"{}", b'{"area_code":"313"}', b"x" * 1_100_000], ids=short)
def test_a_chosen_answer_needs_no_valid_body(call: Call, prefer: str, body: bytes | None) -> None:
    answer = call("POST", f"{NUMBERS}/create", prefer, data=body)
    assert answer.status_code == (418 if "418" in prefer else 200)
    assert_marked(answer, prefer)


def test_a_chosen_answer_needs_no_valid_query_and_no_record(call: Call) -> None:
    assert call("GET", NUMBERS, "code=200").status_code == 200
    assert call("DELETE", f"{NUMBERS}/nobody", "code=200").status_code == 200


def test_a_chosen_answer_changes_nothing(call: Call, listing: Callable[[], Any]) -> None:
    before = listing()
    e164 = before["phone_numbers"][0]["phone_number"]
    assert call("POST", f"{NUMBERS}/create", "code=200", json=BUY).status_code == 200
    assert call("POST", f"{NUMBERS}/create", "example=created", json=BUY).status_code == 200
    assert call("DELETE", f"{NUMBERS}/{e164}", "code=200").status_code == 200
    assert call("POST", f"{NUMBERS}/{e164}/update-agent", "code=200", json={"nickname": "x"}).status_code == 200
    assert call("POST", f"{NUMBERS}/create", "example=no-such", json=BUY).status_code == 400
    assert call("POST", f"{NUMBERS}/create", "wait=-1", json=BUY).status_code == 400
    assert listing() == before


def test_a_request_that_only_waits_is_carried_out(call: Call, listing: Callable[[], Any]) -> None:
    before = listing()["count"]
    assert call("POST", f"{NUMBERS}/create", "wait=0.05", json=BUY).status_code == 200
    assert listing()["count"] == before + 1


def test_a_choice_needs_a_good_key_a_known_path_and_its_method(call: Call, quiet: Server) -> None:
    assert call("GET", NUMBERS, "code=200", headers={"X-API-Key": "sk-unknown"}).status_code == 401
    assert requests.get(quiet.origin("teli") + NUMBERS, headers={"Prefer": "code=200"}, timeout=5).status_code == 401
    for answer in (call("GET", "/v1/nowhere", "code=200"), call("PUT", NUMBERS, "code=200")):
        assert answer.status_code in (404, 405)
        assert "Preference-Applied" not in answer.headers


def test_a_chosen_answer_to_head_has_no_body(call: Call) -> None:
    answer = call("HEAD", NUMBERS, "code=503", params=LIST)
    assert (answer.status_code, answer.content) == (503, b"")
    assert_marked(answer, "code=503")


def test_the_journal_says_that_an_answer_was_chosen(call: Call, quiet: Server, key: str) -> None:
    call("GET", NUMBERS, "code=503", params=LIST)
    call("GET", NUMBERS, params=LIST)
    kept = requests.get(f"{quiet.control}/requests", params={"space": key}, timeout=5).json()["requests"]
    assert [(entry["status"], entry["fault"]) for entry in kept] == [(503, "prefer"), (200, None)]


# What else a Prefer header may say


@pytest.mark.parametrize(
    "prefer",
    [
        "respond-async",
        "return=minimal",
        "handling=lenient, return=representation",
        "x-code=500",
        "code-500=1",
        "foo; code=500",
        'foo="a, code=500"',
        'foo="a; code=500"; bar',
        'foo="a\\"; code=500"',
        "code",
        "codes=500",
        "=500",
        ",,;;,",
        '"',
        "",
    ],
)
def test_the_preferences_of_others_are_ignored(call: Call, prefer: str) -> None:
    answer = call("GET", NUMBERS, prefer, params=LIST)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert "Preference-Applied" not in answer.headers
    assert "X-Ringback-Fault" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ('code="503"', "code=503"),
        ("code = 503", "code=503"),
        ("CODE=503", "code=503"),
        ("respond-async, code=503", "code=503"),
        ("code=503, return=minimal", "code=503"),
        ("code=503;wait=0", "code=503, wait=0"),
        ("wait=.01 , code=503", "code=503, wait=.01"),
        ("code=503, code=200", "code=503"),
        ('foo="x", code=503', "code=503"),
    ],
)
def test_ours_are_found_among_them(call: Call, prefer: str, applied: str) -> None:
    answer = call("GET", NUMBERS, prefer, params=LIST)
    assert answer.status_code == 503
    assert_marked(answer, applied)


def test_two_prefer_headers_count_like_one() -> None:
    # What the wire makes of two headers of one name.
    preference, _ = read_preference("code=503, wait=0.1", "")
    assert (preference.code, preference.wait_seconds) == (503, 0.1)


# The twins in the query


@pytest.mark.parametrize(
    ("twins", "applied", "status"),
    [
        ({"__code": "503"}, "code=503", 503),
        ({"__example": "field-required"}, "example=field-required", 400),
        ({"__wait": "0.05"}, "wait=0.05", 200),
        ({"__code": "418", "__wait": "0.05"}, "code=418, wait=0.05", 418),
    ],
)
def test_the_query_says_the_same_as_the_header(call: Call, twins: dict[str, str], applied: str, status: int) -> None:
    answer = call("GET", NUMBERS, params={**LIST, **twins})
    assert answer.status_code == status
    assert_marked(answer, applied)


def test_the_header_wins_over_its_twin(call: Call) -> None:
    answer = call("GET", NUMBERS, "code=503", params={**LIST, "__code": "418"})
    assert answer.status_code == 503


def test_the_twins_are_taken_away_and_the_rest_stays_as_it_was(call: Call, listing: Callable[[], Any]) -> None:
    assert call("GET", NUMBERS, params={**LIST, "__wait": "0"}).json() == listing()
    only_wait = call("GET", f"{NUMBERS}?__wait=0")
    assert (only_wait.status_code, only_wait.json()["error"]) == (400, "user_id required")
    preference, query = read_preference(None, "a=b+c%2Bd&__wait=1&e=%26&f=&__code=503&a=2")
    assert (preference.code, preference.wait_seconds) == (503, 1.0)
    assert query == "a=b+c%2Bd&e=%26&f=&a=2"


@pytest.mark.parametrize("query", ["__other=1", "a__code=500", "__CODE=500", "code=500", "_code=500"])
def test_what_only_looks_like_a_twin_stays(query: str) -> None:
    preference, kept = read_preference(None, query)
    assert not preference.applied
    assert kept == query


@pytest.mark.parametrize(
    "twin",
    [
        "__code=%C2%B2%C2%B2%C2%B2",
        "__code=%D9%A5%D9%A0%D9%A0",
        "__code=503%0A",
        "__code=%FF",
        "__code=" + "0" * 5000 + "503",
        "__code",
        "__wait=1%0D%0AX-Evil:%201",
        "__wait=%D9%A1",
        "__wait=1%0A",
        "__example=listed%0D%0AX-Evil:%201",
        "__example=",
    ],
    ids=short,
)
def test_odd_twins_are_told_and_reach_no_header(call: Call, twin: str) -> None:
    query = "&".join(f"{name}={value}" for name, value in LIST.items())
    answer = call("GET", f"{NUMBERS}?{query}&{twin}")
    assert_refused(answer, "needed" if "example" not in twin else "it knows")
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("length", [1, 10, 1000, 20_000])
def test_reading_a_preference_takes_no_longer_than_reading_it(length: int) -> None:
    started = time.monotonic()
    for text in ('"' * length, '="' * length, ";" * length, 'a="\\' * length, "code=" * length, ' "a" ,' * length):
        with contextlib.suppress(BadPreference):
            read_preference(text, "")
    assert time.monotonic() - started < 1
