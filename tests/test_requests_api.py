"""What happened: the journal by HTTP, listed, counted, searched, verified and followed live; bounded and redacted."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from mock_server.app import create_app
from mock_server.catalogue import open_services
from mock_server.desk.happened.events import Feed, Marker
from mock_server.desk.happened.journal import MAX_BODY_BYTES
from mock_server.exchange import Service
from mock_server.gateway import Gateway
from mock_server.messages import Request, Response
from mock_server.process.limits import DEFAULTS
from tests.conftest import Client, Server
from tests.desk import Desk, desk_of, events, problem, read_until

ORGANIZATIONS = "/v1/organizations"
AGENTS = "/v1/agents"


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


@pytest.fixture
def desk(server: Server, teli: Client) -> Desk:
    return desk_of(server, teli.key)


# List, count, find, verify.


def test_exchanges_are_listed_newest_last_with_all_that_was_said(teli: Client, desk: Desk) -> None:
    teli.get(ORGANIZATIONS)
    teli.post(AGENTS, json={"agent_name": "x"}, params={"a": "b"})
    first, second = desk.requests()
    assert (first["operation"], first["method"], first["path"], first["status"]) == (
        "listOrganizations",
        "GET",
        ORGANIZATIONS,
        200,
    )
    assert first["number"] < second["number"]
    assert first["at"] <= second["at"]
    assert second["provider"] == "teli"
    assert second["query"] == "a=b"
    assert second["request_body"] == {"agent_name": "x"}
    assert second["request_headers"]["content-type"] == "application/json"
    assert second["response_body"]["success"] is False
    assert second["answer"] == "missing-fields"
    assert second["fault"] is None
    assert second["milliseconds"] > 0


def test_the_list_is_filtered(teli: Client, api: Callable[..., Client], desk: Desk) -> None:
    api("vogent").get("/api/phone_numbers")
    teli.get(ORGANIZATIONS)
    teli.post(AGENTS, json={})

    def operations(**filters: object) -> list[str]:
        return [entry["operation"] for entry in desk.requests(**filters)]

    assert operations() == ["listPhoneNumbers", "listOrganizations", "createAgent"]
    assert operations(provider="teli") == ["listOrganizations", "createAgent"]
    assert operations(operation="createAgent") == ["createAgent"]
    assert operations(status=200) == ["listPhoneNumbers", "listOrganizations"]
    assert operations(method="POST") == ["createAgent"]
    assert operations(path=ORGANIZATIONS) == ["listOrganizations"]
    second = desk.requests()[1]
    assert operations(since=second["number"]) == ["createAgent"]
    assert operations(since=second["at"]) == ["listOrganizations", "createAgent"]
    assert operations(since=second["at"].replace("+00:00", "Z")) == ["listOrganizations", "createAgent"]
    assert desk.get("/requests/count", provider="teli", status=400) == {"count": 1}


def test_since_understands_another_zone(teli: Client, desk: Desk) -> None:
    assert desk.put("/clock", {"now": "2030-01-01T00:30:00Z", "frozen": True}).status_code == 200
    teli.get(ORGANIZATIONS)
    assert len(desk.requests(since="2030-01-01T02:00:00+02:00")) == 1
    assert len(desk.requests(since="2030-01-01T03:00:00+02:00")) == 0
    raw = desk.call("GET", f"/requests?space={desk.space}&since=2030-01-01T02:00:00+02:00")
    assert len(raw.json()["requests"]) == 1


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("operation=listOrganisations", "listOrganizations"),
        ("provider=tely", "teli"),
        ("provider=vogent&operation=listOrganizations", "unknown"),
        ("status=ok", "status"),
        ("since=yesterday", "ISO 8601"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_mistyped_filter_is_refused_rather_than_matching_nothing(server: Server, query: str, told: str) -> None:
    assert told in problem(requests.get(f"{server.control}/requests?{query}", timeout=20), 400)["detail"]


def test_a_cursor_goes_through_all_pages(teli: Client, desk: Desk) -> None:
    for _ in range(7):
        teli.get(ORGANIZATIONS)
    numbers, cursor, pages = [], 0, 0
    while cursor is not None:
        page = desk.get("/requests", limit=3, cursor=cursor)
        numbers += [entry["number"] for entry in page["requests"]]
        cursor, pages = page["cursor"], pages + 1
    assert pages == 3
    assert len(numbers) == 7
    assert numbers == sorted(set(numbers))


def test_exchanges_are_found_by_what_their_body_contains(teli: Client, desk: Desk) -> None:
    teli.post(AGENTS, json={"agent_name": "one", "voice": {"id": "v", "speed": 1}})
    teli.post(AGENTS, json={"agent_name": "two"})

    def found(body: object) -> int:
        answer = desk.call(
            "POST", "/requests/find", json={"space": desk.space, "operation": "createAgent", "body": body}
        )
        return len(answer.json()["requests"])

    assert found({"agent_name": "one"}) == 1
    assert found({"voice": {"id": "v"}}) == 1
    assert found({"voice": {"speed": True}}) == 0
    assert found({}) == 2


def test_verify_passes_or_says_what_the_nearest_lack(teli: Client, desk: Desk) -> None:
    teli.post(AGENTS, json={"agent_name": "one", "language": "en"})
    teli.post(AGENTS, json={"agent_name": "one"})
    body = {"agent_name": "one"}
    assert desk.verify(operation="createAgent", body=body, times="exactly 2")["passed"]
    assert desk.verify(operation="createAgent", body=body, times=2)["passed"]
    assert desk.verify(operation="createAgent", body=body)["passed"]
    assert desk.verify(operation="createAgent", body=body, times="at most 2")["passed"]
    verdict = desk.verify(operation="createAgent", body={"agent_name": "one", "language": "de"}, times="at least 1")
    assert not verdict["passed"]
    assert verdict["message"] == "expected at least 1, found 0"
    assert [row["differences"] for row in verdict["differences"]] == [
        ["body.language: expected 'de', found 'en'"],
        ["body.language: expected 'de', not sent"],
    ]
    verdict = desk.verify(operation="createAgent", times="exactly 1")
    assert (verdict["passed"], verdict["count"]) == (False, 2)
    assert verdict["requests"] == [entry["number"] for entry in desk.requests()]


@pytest.mark.parametrize("times", ["twice", "exactly", "exactly -1", "at least 1 or so", ""])
def test_verify_refuses_an_expectation_it_does_not_understand(desk: Desk, teli: Client, times: str) -> None:
    teli.get(ORGANIZATIONS)
    answer = desk.call("POST", "/requests/verify", json={"space": desk.space, "times": times})
    assert "exactly N" in problem(answer, 400)["detail"]


def test_verify_refuses_an_operation_that_does_not_exist(desk: Desk, teli: Client) -> None:
    teli.get(ORGANIZATIONS)
    answer = desk.call("POST", "/requests/verify", json={"operation": "createAgents", "times": "exactly 0"})
    assert "Did you mean createAgent" in problem(answer, 400)["detail"]


def test_the_journal_of_a_space_can_be_cleared(teli: Client, desk: Desk) -> None:
    teli.get(ORGANIZATIONS)
    assert desk.call("DELETE", "/requests", params={"space": desk.space}).status_code == 204
    assert desk.requests() == []
    teli.get(ORGANIZATIONS)
    assert len(desk.requests()) == 1


# Unmatched.


def hints(desk: Desk) -> list[list[str]]:
    return [entry["hints"] for entry in desk.get("/requests/unmatched")["requests"]]


def test_an_unknown_path_is_told_with_what_it_may_have_meant(teli: Client, desk: Desk) -> None:
    teli.post("/v1/voice/phone-number/create", json={})
    [near] = hints(desk)
    assert near[0] == "POST /v1/voice/phone-number/create: did you mean /v1/voice/phone-numbers/create?"


def test_a_wrong_method_is_told_with_the_right_one(teli: Client, desk: Desk) -> None:
    teli.put("/v1/voice/phone-numbers/+13135550100/update-agent", json={})
    [near] = hints(desk)
    assert "did you mean POST /v1/voice/phone-numbers/{phone_number}/update-agent?" in near[0]


def test_fields_that_are_not_read_are_told(teli: Client, desk: Desk) -> None:
    number = teli.post(
        "/v1/voice/phone-numbers/create",
        json={"area_code": "313", "user_id": "u", "organization_id": "o", "tenant_id": "t"},
    ).json()["phone_number"]
    teli.post(f"/v1/voice/phone-numbers/{number}/update-agent", json={"agent_id": "a"})
    expected = "you sent `agent_id`; this operation reads inbound_agent_id, outbound_agent_id, nickname"
    assert hints(desk) == [[expected]]


def test_what_was_understood_is_not_unmatched(teli: Client, desk: Desk) -> None:
    teli.get(ORGANIZATIONS)
    teli.get("/v1/agents/unknown")
    teli.request("OPTIONS", ORGANIZATIONS)
    teli.get(ORGANIZATIONS, headers={"Prefer": "code=404"})
    assert hints(desk) == []
    for _ in range(3):
        teli.get("/v1/nothing-like-it-at-all/whatever/it/be")
    assert hints(desk) == [[], [], []]
    assert len(desk.get("/requests/unmatched", limit=2)["requests"]) == 2


def test_what_has_no_good_key_is_in_the_default_space(server: Server) -> None:
    path = f"/v1/voice/{uuid4().hex}"
    requests.get(server.origin("teli") + path, headers={"X-API-Key": "wrong"}, timeout=20)
    [entry] = desk_of(server, "default").requests(path=path)
    assert (entry["status"], entry["operation"]) == (404, None)


# Secrets and bounds.


def test_secrets_are_redacted_before_they_are_stored(api: Callable[..., Client], server: Server) -> None:
    key = f"test_{uuid4().hex}"
    secret = "s3cr3t-" + uuid4().hex
    desk = desk_of(server, key)
    teli, vogent, interactly = (api(provider, key) for provider in ("teli", "vogent", "interactly"))
    teli.get(ORGANIZATIONS, headers={"Cookie": secret, "Proxy-Authorization": secret, "Authorization": secret})
    sip = {"username": secret, "password": secret}
    trunk = {"phoneNumber": "+13135550100", "terminationUri": "sip.example.com"}
    vogent.post("/api/phone_numbers", json={"type": "sip_import", "sipImport": {**trunk, **sip}})
    vogent.post("/api/phone_numbers", json={"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", **sip}})
    vogent.post("/api/wrong-path", json={"vogentSip": secret})
    vogent.post("/api/phone_numbers", data=f'{{"sipImport": "{secret}', headers={"Content-Type": "application/json"})
    twilio = {"accountSid": secret, "authToken": secret}
    interactly.post("/assistants/v1/numbers/twilio", json={"number": "+13135550199", "credentials": twilio})
    interactly.post("/assistants/v1/assistants", json={"name": "a", "assistantServer": {"secret": secret}})
    entries = desk.requests()
    assert len(entries) == 7
    text = json.dumps(entries)
    assert secret not in text
    assert key not in json.dumps([entry["request_headers"] for entry in entries])
    assert entries[0]["request_headers"]["x-api-key"] == "[redacted]"
    assert entries[1]["request_body"]["sipImport"]["password"] == "[redacted]"
    assert entries[1]["request_body"]["sipImport"]["phoneNumber"] == "+13135550100"


def test_bodies_are_cut(teli: Client, desk: Desk) -> None:
    teli.post(AGENTS, json={"prompt": "y" * 2 * MAX_BODY_BYTES})
    [entry] = desk.requests()
    assert len(entry["request_body"]) == MAX_BODY_BYTES


@pytest.fixture(scope="module")
def service() -> Service:
    return open_services(["teli"], seed=1)["teli"]


def test_the_journal_stays_within_its_bounds_under_100_000_requests(service: Service) -> None:
    request = Request("GET", "/v1/agents/unknown", headers={"x-api-key": "test_many"})
    for _ in range(100_000):
        service.exchange(request)
    space = service.spaces.open("test_many")
    assert len(space.journal) == DEFAULTS.journal_entries_per_space
    assert space.journal.size <= DEFAULTS.journal_bytes_per_space
    assert service.spaces.budget.used <= DEFAULTS.journal_bytes
    assert len(service.spaces.names()) == 2
    assert len(space.faults) == 0


def test_the_bytes_are_bounded_per_space_and_in_all(service: Service) -> None:
    body = json.dumps({"agent_name": "y" * MAX_BODY_BYTES}).encode()
    spaces = [f"test_bytes_{i}" for i in range(8)]
    for key in spaces:
        headers = {"x-api-key": key, "content-type": "application/json"}
        for _ in range(300):
            service.exchange(Request("POST", AGENTS, headers=headers, body=body))
    budget = service.spaces.budget
    assert all(0 < service.spaces.open(key).journal.size <= DEFAULTS.journal_bytes_per_space for key in spaces)
    assert DEFAULTS.journal_bytes * 0.9 < budget.used <= DEFAULTS.journal_bytes
    assert budget.used == sum(journal.size for journal in budget.journals)
    for key in spaces:
        service.spaces.close(key)
    assert budget.used == sum(journal.size for journal in budget.journals)
    assert len(budget.journals) == len(service.spaces.names())


def test_clearing_while_requests_come_keeps_the_books_right(service: Service) -> None:
    request = Request("GET", "/v1/agents/unknown", headers={"x-api-key": "test_race"})
    space = service.spaces.open("test_race")
    done = threading.Event()

    def clear() -> None:
        while not done.is_set():
            space.journal.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    for _ in range(5_000):
        service.exchange(request)
    done.set()
    thread.join()
    assert service.spaces.budget.used == sum(journal.size for journal in service.spaces.budget.journals)


# Live.


def test_events_come_live_and_only_of_the_space_that_was_asked_for(server: Server, teli: Client, desk: Desk) -> None:
    teli.get("/v1/before")
    with events(server, f"?space={desk.space}") as reader:
        head = read_until(reader, b"\n\n")
        assert b"200 OK" in head
        assert b"text/event-stream" in head
        assert b"no-store" in head
        requests.get(server.origin("teli") + "/v1/other", headers={"X-API-Key": "test_other"}, timeout=20)
        teli.get("/v1/after")
        text = read_until(reader, b"\n\n")
        while b"/v1/after" not in text:
            text += read_until(reader, b"\n\n")
    assert b"/v1/before" not in text
    assert b"/v1/other" not in text
    [entry] = [json.loads(line[6:]) for line in text.decode().splitlines() if line.startswith("data: ")]
    number = desk.requests()[-1]["number"]
    assert entry["number"] == number
    assert f"id: {number}\n" in text.decode()
    assert "event: request\n" in text.decode()


def test_events_of_all_spaces_come_in_order(server: Server, api: Callable[..., Client]) -> None:
    keys = [f"test_{uuid4().hex}" for _ in range(3)]
    with events(server) as reader:
        read_until(reader, b": ringback")
        for key in keys * 2:
            api("teli", key).get(ORGANIZATIONS)
        text = read_until(reader, b"\n\n", 6).decode()
    numbers = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(("limit", "size"), [(1000, 2000), (3, 10**6)])
def test_a_reader_of_all_spaces_misses_nothing_behind_what_one_could_not_bring(
    service: Service, limit: int, size: int
) -> None:
    spaces = service.spaces
    before = spaces.last_number()
    for index in range(40):
        body = b"x" * 1500 if index % 2 else b""
        space = spaces.open(f"test_long_{index % 2}")
        space.journal.record(
            Request("POST", "/", body=body), Response(200), at=space.now(), provider="teli", operation=None,
            answer=None, fault=None, milliseconds=1.0,
        )  # fmt: skip
    feed, brought = Feed(spaces, Marker(before), {}), []
    while news := feed.next(limit, size):
        brought += [int(line[4:]) for line in b"".join(news).decode().splitlines() if line.startswith("id: ")]
    assert brought == list(range(before + 1, before + 41))


def test_where_two_spaces_have_the_same_number_the_space_says_which(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    client = create_app(Gateway(open_services(["teli"], store=f"sqlite:///{file}"))).test_client()
    keys = ("test_one", "test_two")
    for key in keys:
        client.get(f"/teli{ORGANIZATIONS}", headers={"X-API-Key": key})
    # As processes on several hosts may number them, in the same microsecond.
    with closing(sqlite3.connect(file)) as database, database:
        for key in keys:
            [(entry,)] = database.execute("SELECT entry FROM entries WHERE space = ?", (key,))
            same = (b"[7," + entry.partition(b",")[2], key)
            database.execute("UPDATE entries SET number = 7, entry = ? WHERE space = ?", same)
            database.execute("UPDATE spaces SET number = 7 WHERE space = ?", (key,))
    several = client.get("/_ringback/requests/7")
    assert several.status_code == 409
    assert "test_one and test_two" in several.get_json()["detail"]
    for key in keys:
        assert client.get(f"/_ringback/requests/7?space={key}").get_json()["space"] == key
    page = client.get("/_ringback/requests?space=*&limit=1").get_json()
    assert ([one["space"] for one in page["requests"]], page["cursor"]) == (list(keys), None)
    assert client.get("/_ringback/events?after=0").text.count("id: 7\n") == 2


def test_a_reader_goes_on_where_it_stopped(server: Server, teli: Client, desk: Desk) -> None:
    for index in range(300):
        teli.get(f"/v1/agents/{index}")
    numbers = [entry["number"] for entry in desk.requests(limit=1000)]
    with events(server, f"?space={desk.space}", Last_Event_ID=str(numbers[9])) as reader:
        text = read_until(reader, b"event: request", 290).decode()
    assert [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")][:289] == numbers[10:299]
    with events(server, f"?space={desk.space}&after={numbers[-2]}") as reader:
        text = read_until(reader, b"\ndata: ").decode()
    assert f"id: {numbers[-1]}" in text


def test_events_of_an_unknown_space_are_refused(server: Server) -> None:
    problem(requests.get(f"{server.control}/events?space=test_nobody", timeout=20), 404)
    problem(requests.get(f"{server.control}/events?after=-1", timeout=20), 400)


def test_a_slow_reader_slows_nobody_and_fills_no_memory(server: Server, teli: Client, desk: Desk) -> None:
    big = {"agent_name": "y" * MAX_BODY_BYTES}

    def load() -> list[float]:
        seconds = []
        for _ in range(250):
            started = time.perf_counter()
            teli.post(AGENTS, json=big)
            seconds.append(time.perf_counter() - started)
        return sorted(seconds)

    usual = load()
    before = resident(server)
    readers = [socket.socket() for _ in range(10)]
    address = server.url.partition("://")[2]
    host, _, port = address.partition(":")
    for reader in readers:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(f"GET /_ringback/events?space={desk.space}&after=0 HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    time.sleep(0.3)
    busy = load()
    after = resident(server)
    for reader in readers:
        reader.close()
    assert busy[125] < 3 * usual[125] + 0.02
    # Unread, ten times 250 bodies would be some 320 MB.
    assert after - before < 120


def resident(server: Server) -> int:
    """The server's memory in MB; 0 where it cannot be known."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) // 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def test_streams_are_bounded_and_given_back(server: Server) -> None:
    address = server.url.partition("://")[2]
    host, _, port = address.partition(":")

    def open_stream() -> tuple[socket.socket, int]:
        reader = socket.create_connection((host, int(port)), timeout=10)
        reader.sendall(f"GET /_ringback/events HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        return reader, int(read_until(reader, b"\r\n\r\n").split()[1])

    deadline = time.monotonic() + 20
    while True:
        streams = [open_stream() for _ in range(DEFAULTS.streams + 2)]
        statuses = [status for _, status in streams]
        for reader, _ in streams:
            reader.close()
        if statuses.count(200) == DEFAULTS.streams or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    assert statuses == [200] * DEFAULTS.streams + [503] * 2
    time.sleep(0.5)
    reader, status = open_stream()
    reader.close()
    assert status == 200
