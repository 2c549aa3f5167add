"""The journal keeps what happened within its bounds, and no secret."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests

from mock_server.desk.happened.journal import MAX_BODY_BYTES, Budget, Entry, Journal
from mock_server.desk.happened.masking import REDACTED, SECRET_HEADERS, masks, redacted
from mock_server.messages import Request, Response
from mock_server.spec import Spec
from tests.conftest import Server

SECRETS = ("credentials.authToken", "token", "credentials")


def note(journal: Journal, request: Request | None = None, response: Response | None = None, **about: Any) -> None:
    """Records an exchange of which only what is given matters."""
    values: dict[str, Any] = {
        "at": "2026-01-01T00:00:00.000+00:00",
        "provider": "teli",
        "operation": "listAgents",
        "answer": "listed",
        "fault": None,
        "milliseconds": 0.5,
        **about,
    }
    journal.record(request or Request("GET", "/v1/agents"), response or Response(200, b"{}"), **values)


def numbers(journal: Journal) -> list[int]:
    return [entry.number for entry in journal]


@pytest.fixture
def journal() -> Journal:
    return Journal(Budget())


# What is kept


def test_an_exchange_is_kept_as_it_was(journal: Journal) -> None:
    request = Request("POST", "/v1/agents", "a=b&c", {"content-type": "application/json"}, b'{"a": 1}')
    note(journal, request, Response(503, b'{"b": 2}'), fault="prefer", milliseconds=1.25)
    assert list(journal) == [
        Entry(
            number=1,
            at="2026-01-01T00:00:00.000+00:00",
            provider="teli",
            operation="listAgents",
            method="POST",
            path="/v1/agents",
            query="a=b&c",
            request_headers={"content-type": "application/json"},
            request_body='{"a": 1}',
            status=503,
            answer="listed",
            fault="prefer",
            response_body='{"b": 2}',
            milliseconds=1.25,
        )
    ]


def test_a_request_that_nobody_understood_is_kept_too(journal: Journal) -> None:
    note(journal, Request("GET", "/nowhere"), operation=None, answer=None)
    (entry,) = journal
    assert (entry.operation, entry.answer, entry.path) == (None, None, "/nowhere")


def test_the_newest_is_last_and_numbers_go_on_over_all_journals() -> None:
    budget = Budget()
    one, other = Journal(budget), Journal(budget)
    for journal in (one, other, one, one, other):
        note(journal)
    assert numbers(one) == [1, 3, 4]
    assert numbers(other) == [2, 5]


def test_what_is_no_utf8_is_kept_as_well_as_text_can(journal: Journal) -> None:
    note(journal, Request("POST", "/caf\u00e9/\ufffd", "\u2603", {"x": "\u00ff"}, b"\xff\xfe{"), Response(200, b"\x80"))
    (entry,) = journal
    assert (entry.path, entry.query, entry.request_body) == ("/caf\u00e9/\ufffd", "\u2603", "\ufffd\ufffd{")


def test_a_long_body_is_cut(journal: Journal) -> None:
    note(journal, Request("POST", "/", body=b"x" * (MAX_BODY_BYTES + 1)), Response(200, b"y" * (2 * MAX_BODY_BYTES)))
    (entry,) = journal
    assert len(entry.request_body) == MAX_BODY_BYTES
    assert len(entry.response_body) == MAX_BODY_BYTES


def test_a_cut_in_the_middle_of_a_character_is_survived(journal: Journal) -> None:
    note(journal, Request("POST", "/", body=b"x" + "\u2603".encode() * MAX_BODY_BYTES))
    (entry,) = journal
    assert entry.request_body.startswith("x\u2603")


# Bounds


def test_the_number_of_entries_is_bounded_and_the_oldest_go_first() -> None:
    journal = Journal(Budget(), entries=3)
    for _ in range(10):
        note(journal)
    assert len(journal) == 3
    assert numbers(journal) == [8, 9, 10]


def test_the_bytes_of_one_journal_are_bounded() -> None:
    budget = Budget()
    journal = Journal(budget, size=10_000)
    for _ in range(100):
        note(journal, Request("POST", "/", body=b"x" * 1000))
        assert journal.size <= 10_000
        assert budget.used == journal.size
    assert 5 <= len(journal) <= 10
    assert numbers(journal)[-1] == 100


def test_an_entry_beyond_every_bound_is_not_kept_and_costs_nothing() -> None:
    budget = Budget()
    journal = Journal(budget, size=500)
    note(journal, Request("POST", "/", body=b"x" * 1000))
    assert (len(journal), journal.size, budget.used) == (0, 0, 0)


def test_all_journals_together_are_bounded_and_the_largest_gives_way() -> None:
    budget = Budget(limit=50_000)
    greedy, modest = Journal(budget), Journal(budget)
    for _ in range(3):
        note(modest)
    for _ in range(200):
        note(greedy, Request("POST", "/", body=b"x" * 1000))
        assert budget.used <= budget.limit
        assert budget.used == greedy.size + modest.size
    note(modest)
    assert len(modest) == 4
    assert 30 <= len(greedy) <= 50


def test_a_newcomer_keeps_its_entries_when_the_others_have_taken_all_the_room() -> None:
    budget = Budget(limit=30_000)
    for greedy in (Journal(budget), Journal(budget), Journal(budget)):
        for _ in range(50):
            note(greedy, Request("POST", "/", body=b"x" * 500))
    newcomer = Journal(budget)
    note(newcomer)
    assert len(newcomer) == 1
    assert budget.used <= budget.limit


def test_clearing_gives_the_room_back_and_numbering_goes_on(journal: Journal) -> None:
    budget = Budget()
    journal = Journal(budget)
    note(journal)
    note(journal)
    journal.clear()
    assert (list(journal), len(journal), journal.size, budget.used) == ([], 0, 0, 0)
    note(journal)
    assert numbers(journal) == [3]


def test_a_closed_journal_takes_no_room_even_from_a_late_writer() -> None:
    budget = Budget()
    journal, other = Journal(budget), Journal(budget)
    note(journal)
    journal.close()
    note(journal)
    assert (len(journal), budget.used, budget.journals) == (0, 0, [other])


def test_two_readers_and_writers_at_once_leave_the_books_balanced() -> None:
    budget = Budget(limit=200_000)
    journals = [Journal(budget, entries=50) for _ in range(3)]
    failures: list[BaseException] = []

    def work(index: int) -> None:
        try:
            for round in range(300):
                note(journals[index % 3], Request("POST", "/", body=b"x" * 500))
                if round % 7 == 0:
                    journals[(index + 1) % 3].clear()
                assert len(list(journals[(index + 2) % 3])) <= 50
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert budget.used == sum(journal.size for journal in journals)
    assert budget.last_number == 1200
    kept = [number for journal in journals for number in numbers(journal)]
    assert len(kept) == len(set(kept))


# Following


def test_a_reader_goes_on_where_it_stopped(journal: Journal) -> None:
    for _ in range(5):
        note(journal)
    plenty = 10**6
    assert [entry.number for entry in journal.newer(0, 100, plenty)[0]] == [1, 2, 3, 4, 5]
    assert [entry.number for entry in journal.newer(3, 100, plenty)[0]] == [4, 5]
    assert journal.newer(5, 100, plenty) == ([], False)
    assert journal.newer(99, 100, plenty) == ([], False)


def test_a_reader_who_is_behind_gets_the_oldest_first(journal: Journal) -> None:
    for _ in range(50):
        note(journal, Request("POST", "/", body=b"x" * 1000))
    assert [entry.number for entry in journal.newer(10, 3, 10**6)[0]] == [11, 12, 13]
    found, cut = journal.newer(10, 100, 5000)
    by_size = [entry.number for entry in found]
    assert cut
    assert by_size == list(range(11, 11 + len(by_size)))
    assert 1 <= len(by_size) <= 6


# Secrets


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_headers_that_hold_secrets_are_not_kept(journal: Journal, name: str) -> None:
    note(journal, Request("GET", "/", "", {name: "Bearer sk-live", "x-other": "kept"}))
    (entry,) = journal
    assert entry.request_headers == {name: REDACTED, "x-other": "kept"}


def test_the_header_that_carries_a_vendor_s_key_is_among_them(specs: dict[str, Spec]) -> None:
    assert {spec.security.header.lower() for spec in specs.values()} <= SECRET_HEADERS


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"token": "s3cret", "a": 1}, {"token": REDACTED, "a": 1}),
        ({"token": None}, {"token": REDACTED}),
        ({"token": {"deep": "s3cret"}}, {"token": REDACTED}),
        ({"token": ["s3cret"]}, {"token": REDACTED}),
        ({"credentials": {"authToken": "s3cret"}}, {"credentials": REDACTED}),
        ({"credentials": "s3cret"}, {"credentials": REDACTED}),
        ({"credentials": [{"authToken": "s3cret"}]}, {"credentials": REDACTED}),
        ({"a": {"token": "elsewhere"}}, {"a": {"token": "elsewhere"}}),
        ({}, {}),
    ],
)
def test_fields_that_hold_secrets_are_not_kept(body: Any, kept: Any) -> None:
    found = redacted(json.dumps(body).encode(), SECRETS)[0]
    assert json.loads(found) == kept
    assert b"s3cret" not in found


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (
            {"credentials": {"authToken": "s3cret", "sid": "AC1"}},
            {"credentials": {"authToken": REDACTED, "sid": "AC1"}},
        ),
        ({"credentials": None}, {"credentials": None}),
        ({"credentials": "s3cret"}, {"credentials": REDACTED}),
        ({"credentials": [{"authToken": "s3cret"}]}, {"credentials": REDACTED}),
        ({"authToken": "not the secret one"}, {"authToken": "not the secret one"}),
    ],
)
def test_of_a_nested_secret_only_that_is_left_out(body: Any, kept: Any) -> None:
    assert json.loads(redacted(json.dumps(body).encode(), ("credentials.authToken",))[0]) == kept


@pytest.mark.parametrize(
    "body",
    [
        b"token=s3cret",
        b'{"token":"s3cret"',
        b'{"token":"s3cret"} and more',
        b'[{"token":"s3cret"}]',
        b'"s3cret"',
        b'{"token":"s3cret\xff"}',
        b'{"token":' * 2000 + b'"s3cret"' + b"}" * 2000,
        b"\xef\xbb\xbf" + b'{"token":"s3cret"}',
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_body_in_which_no_secret_can_be_found_is_left_out_whole(journal: Journal, body: bytes) -> None:
    assert redacted(body, SECRETS)[0] == REDACTED.encode()
    note(journal, Request("POST", "/", body=body), masks=masks(SECRETS))
    (entry,) = journal
    assert entry.request_body == REDACTED


def test_a_secret_that_is_there_twice_is_kept_not_once() -> None:
    assert b"s3cret" not in redacted(b'{"token":"s3cret-1","token":"s3cret-2"}', SECRETS)[0]


def test_a_secret_behind_the_cut_and_before_it_is_left_out(journal: Journal) -> None:
    body = json.dumps({"token": "s3cret", "filler": "x" * MAX_BODY_BYTES, "credentials": "s3cret"}).encode()
    note(journal, Request("POST", "/", body=body), masks=masks(SECRETS))
    (entry,) = journal
    assert "s3cret" not in entry.request_body


def test_without_secrets_a_body_stays_as_it_was_sent(journal: Journal) -> None:
    note(journal, Request("POST", "/", body=b'{ "a":1,"a":2 }'))
    (entry,) = journal
    assert entry.request_body == '{ "a":1,"a":2 }'


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/assistants/v1/numbers/twilio", "application/json", '{"number":"+14155550177","credentials":%s}'),
        ("/assistants/v1/numbers/twilio", "text/plain", '{"number":"+14155550177","credentials":%s}'),
        ("/assistants/v1/numbers/twilio", "application/json", '{"number":"+14155550177","credentials":%s'),
        ("/assistants/v1/nowhere", "application/json", '{"credentials":%s}'),
        ("/assistants/v1/numbers/twilio", "application/json", '{"number":7,"credentials":[%s]}'),
    ],
)
def test_no_secret_of_a_real_request_can_be_read_afterwards(
    server: Server, api: Any, path: str, media_type: str, body: str
) -> None:
    client = api("interactly")
    text = body % '{"accountSid":"AC0","authToken":"tw-s3cret"}'
    answer = client.post(path, data=text, headers={"Content-Type": media_type})
    assert "tw-s3cret" not in answer.text
    for where in (f"/requests?space={client.key}", "/requests?limit=1000", f"/requests/unmatched?space={client.key}"):
        shown = requests.get(server.control + where, timeout=5)
        if shown.status_code == 404:
            continue  # Nothing has opened the client's own space yet.
        assert shown.status_code == 200
        assert "tw-s3cret" not in shown.text
        assert f"Bearer {client.key}" not in shown.text
