"""What a check does at an endpoint that does not behave: it harms nothing, says what it left, and never hangs."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from contract_tests.endpoint.guard import Guard, is_loopback
from contract_tests.endpoint.transport import Busy, Reply, Transport
from contract_tests.options import Settings
from contract_tests.run import Run
from contract_tests.world import reading, turning
from mock_server.spec import WireRequest, load_all
from tests.conftest import ROOT
from tests.spy import Said, Seen, Spy
from tests.test_check import check
from tests.test_real_endpoint import ENV, KEY, NUMBERS, REAL, Serve, Spying, opened, state, without_times

WRITE = ["--allow", "read,write"]
MOST_REQUESTS = 1
"""Of a check of two operations, one of which lists without end: fifty pages at every look were many thousands."""
READ = WireRequest("GET", "/assistants/v1/numbers", "", {}, None)


# --- records ---------------------------------------------------------------------------------------------


def test_a_number_that_names_two_records_is_not_written(serve: Serve, spy: Spying) -> None:
    server = serve()
    before = opened(server, "uponai")

    def twice(seen: Seen, said: Said) -> Said:
        if seen.method != "GET" or "/numbers/" not in seen.path or said.status != 200:
            return said
        body = json.loads(said.body)
        other = {**body["numbers"][0], "workspace_id": 2, "inbound_agents": []}
        return said._replace(body=json.dumps({**body, "numbers": [other, *body["numbers"]]}).encode())

    target = spy(server.origin("uponai"), twice)
    done = check("uponai", "--target", target.origin, *REAL, *WRITE, "--number", NUMBERS["uponai"], env=ENV)
    assert "names more than one record in a list" in done.stdout
    assert not target.writes
    assert without_times(state(server)) == without_times(before)


@pytest.mark.long
@pytest.mark.parametrize("provider", ["uponai", "vogent"])
def test_a_write_that_worked_and_was_answered_with_an_error_is_put_back(
    serve: Serve, spy: Spying, provider: str
) -> None:
    server = serve()
    before = opened(server, provider)
    target = spy(
        server.origin(provider),
        lambda seen, said: said._replace(status=500, body=b"{}") if seen.method == "PUT" else said,
    )
    check(provider, "--target", target.origin, *REAL, *WRITE, "--number", NUMBERS[provider], env=ENV)
    assert target.writes
    assert without_times(state(server)) == without_times(before)


def test_what_may_have_been_made_is_told_and_not_guessed_at(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "vogent")

    def lost(seen: Seen, said: Said) -> Said:
        made = seen.method == "POST" and not seen.path.endswith("/search") and said.status < 300
        return said._replace(status=500, body=b"no") if made else said

    target = spy(server.origin("vogent"), lost)
    # A dial costs money too, and comes first; before the numbers come all other operations.
    words = ["--allow", "write,purchase", "--max-purchases", "4", "--max-requests", "200"]
    done = check("vogent", "--target", target.origin, *REAL, *words, env=ENV)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "appeared when createPhoneNumber was not answered clearly" in said
    assert "appeared when createAgent was not answered clearly" in said
    assert not [one for one in target.writes if one.method == "DELETE"]


def test_a_purchase_that_is_answered_with_an_older_record_is_told(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "teli")

    def older(seen: Seen, said: Said) -> Said:
        bought = seen.path.endswith("/create") and said.status < 300
        return said._replace(body=re.sub(rb"\+1\d{10}", b"+14155551234", said.body)) if bought else said

    target = spy(server.origin("teli"), older)
    words = ["--allow", "read,write,purchase", "--operation", "createPhoneNumber"]
    done = check("teli", "--target", target.origin, *REAL, *words, env=ENV)
    assert [one for one in target.writes if one.path.endswith("/create")]
    assert "appeared when createPhoneNumber was not answered clearly" in " ".join(done.stdout.split())
    assert done.returncode == 1


def test_a_request_that_the_budget_stopped_has_made_nothing(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "vogent")
    for budget in (4, 6, 8):
        target = spy(server.origin("vogent"))
        words = ["--operation", "createAgent", "--max-requests", str(budget)]
        done = check("vogent", "--target", target.origin, *REAL, *WRITE, *words, env=ENV)
        assert len(target.seen) <= budget
        if not [one for one in target.writes if one.method == "POST"]:
            assert "may have made one" not in done.stdout
            assert "not answered clearly" not in done.stdout


@pytest.mark.parametrize(("status", "body"), [(403, b"{}"), (302, b""), (200, b'{"success": false}')])
def test_a_record_that_is_still_there_is_not_called_removed(
    serve: Serve, spy: Spying, status: int, body: bytes
) -> None:
    target = spy(
        serve().origin("vogent"),
        instead=lambda seen: (
            Said(status, {"Location": "http://127.0.0.1:9/"}, body) if seen.method == "DELETE" else None
        ),
    )
    words = ["--operation", "createAgent", "--operation", "listAgents"]
    done = check("vogent", "--target", target.origin, *REAL, *WRITE, *words, env=ENV)
    assert [one for one in target.writes if one.method == "DELETE"]
    assert f"deleteAgent answered {status}, and it is still there" in done.stdout
    assert done.returncode == 1


def test_a_server_that_calls_an_old_record_new_does_not_lose_it(serve: Serve, spy: Spying) -> None:
    server = serve()
    before = opened(server, "vogent")
    old = before["vogent"]["records"]["agents"][0]["id"]

    def old_as_new(seen: Seen) -> Said | None:
        if seen.method == "POST" and seen.path == "/api/agents":
            return Said(200, {"Content-Type": "application/json"}, json.dumps({"id": old}).encode())
        return None

    target = spy(server.origin("vogent"), instead=old_as_new)
    check("vogent", "--target", target.origin, *REAL, *WRITE, "--operation", "createAgent", env=ENV)
    assert [one for one in target.writes if one.method == "POST"]
    assert not [one for one in target.writes if one.method in ("DELETE", "PUT")]
    assert without_times(state(server)) == without_times(before)


def test_whoever_may_write_may_look(serve: Serve, spy: Spying) -> None:
    target = spy(serve().origin("uponai"))
    done = check(
        *("uponai", "--target", target.origin, *REAL, "--allow", "write", "--number", NUMBERS["uponai"]), env=ENV
    )
    assert done.returncode == 0, done.stdout
    assert target.writes
    assert [one for one in target.seen if one.method == "GET"]


def test_a_number_on_a_later_page_is_found_and_written(serve: Serve, spy: Spying) -> None:
    server = serve()
    before = opened(server, "vogent")

    assert before

    def one_to_a_page(seen: Seen) -> Said | None:
        if seen.method != "GET" or not seen.path.startswith("/api/phone_numbers") or "limit=" in seen.path:
            return None
        if seen.path.partition("?")[0] != "/api/phone_numbers":
            return None
        headers = {"Authorization": f"Bearer {KEY}"}
        rows = requests.get(f"{server.origin('vogent')}/api/phone_numbers", headers=headers, timeout=10).json()["data"]
        page = 1 if "cursor=second" in seen.path else 0
        body = json.dumps({"data": rows[page : page + 1], "cursor": None if page else "second"})
        return Said(200, {"Content-Type": "application/json"}, body.encode())

    target = spy(server.origin("vogent"), instead=one_to_a_page)
    done = check("vogent", "--target", target.origin, *REAL, *WRITE, "--number", "acme-support", env=ENV)
    assert [one for one in target.writes if one.method == "PUT"], done.stdout


# --- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["unicode", "slash", "percent", "html", "reversed", "hex", "base64 of more"])
def test_a_key_that_is_said_back_in_another_form_is_not_shown(
    serve: Serve, spy: Spying, tmp_path: Path, form: str
) -> None:
    key = "test_SECRET/KEY+99<=&Zz"
    forms = {
        "reversed": key[::-1],
        "hex": key.encode().hex().upper(),
        "base64 of more": b64encode(f"user:{key}@host".encode()).decode(),
        "unicode": "".join(f"\\u{ord(char):04x}" for char in key),
        "slash": key.replace("/", "\\/"),
        "percent": "test_SECRET%2fKEY%2b99%3c%3d%26Zz",
        "html": key.replace("&", "&amp;").replace("<", "&lt;"),
    }
    said = Said(200, {"Content-Type": "application/json"}, f'{{"error": "{forms[form]}"}}'.encode())
    target = spy(serve().origin("teli"), instead=lambda seen: said)
    page = tmp_path / "r.html"
    words = ["--real", "--api-key-env", "ODD_KEY", "--report", f"html={page}", "--operation", "getAgent"]
    done = check("teli", "--target", target.origin, *words, env={"ODD_KEY": key})
    assert done.returncode == 1
    for text in (done.stdout, done.stderr, page.read_text(encoding="utf-8")):
        for known in ("SECRET", "TERCES", key.encode().hex().upper()[8:24], forms[form][8:24]):
            assert known not in text


def test_a_key_that_is_a_word_of_the_pages_hides_nothing_that_is_judged(serve: Serve, tmp_path: Path) -> None:
    """It stands in the webhook's address that the first page writes; what is written down does not have it."""
    key = "uponaiworkspace-913"
    target, report = serve("--accept-key", key).origin("uponai"), tmp_path / "report.json"
    words = ["--operation", "updatePhoneNumberAssignment", "--draws", "0", "--report", f"json={report}"]
    done = check("uponai", "--target", target, "--api-key-env", "WORD", *words, env={"WORD": key})
    assert done.returncode == 0, done.stdout
    outcomes = json.loads(report.read_text())["outcomes"]
    assert "read-back" in [one["property"] for one in outcomes if one["verdict"] == "passed"]
    assert key not in done.stdout + report.read_text()


@pytest.mark.parametrize("key", ["test_\u2019quoted\u2019", "two words", "test_a\nb"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    done = check("teli", "--target", "http://127.0.0.1:9", "--api-key-env", "ODD_KEY", env={"ODD_KEY": key})
    assert done.returncode == 2
    assert "what is there is no key" in done.stderr
    assert key not in done.stderr


def test_a_secret_of_the_account_is_not_an_argument_and_is_not_shown(serve: Serve, spy: Spying, tmp_path: Path) -> None:
    refused = check("interactly", "--var", "authToken=TWILIOSECRET99")
    assert refused.returncode == 2
    assert "put it into --var-file" in refused.stderr
    file = tmp_path / "account.yaml"
    file.write_text("authToken: TWILIOSECRET99\n", encoding="utf-8")
    target = spy(
        serve().origin("interactly"),
        lambda seen, said: said._replace(status=500) if seen.method == "POST" else said,
    )
    words = ["--var-file", str(file), "--allow", "read,write,lasting", "--operation", "importNumber"]
    har, report = tmp_path / "r.har", tmp_path / "r.json"
    out = ["--record", str(har), "--report", f"json={report}"]
    done = check("interactly", "--target", target.origin, *REAL, *words, *out, env=ENV)
    assert [one for one in target.writes if b"TWILIOSECRET99" in one.body]
    texts = [done.stdout, done.stderr, har.read_text(encoding="utf-8"), report.read_text(encoding="utf-8")]
    assert not [text for text in texts if "TWILIOSECRET99" in text]
    assert "$authToken" in done.stdout


def test_plain_pytest_tells_what_is_allowed_and_what_was_left(serve: Serve, spy: Spying) -> None:
    target = spy(
        serve().origin("vogent"),
        instead=lambda seen: Said(503, {}, b"{}") if seen.method == "DELETE" else None,
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "contract_tests",
        "--provider",
        "vogent",
        "--target",
        target.origin,
    ]
    done = subprocess.run(
        [*command, *REAL, *WRITE, "-v"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **ENV},
    )
    assert f"Checking vogent at {target.origin}: depth scenario; allowed are read, write" in done.stdout
    assert "left behind: vogent agents" in done.stdout
    assert KEY not in done.stdout


# --- the connection --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "here"),
    [
        ("http://127.0.0.1:4010", True),
        ("http://localhost/teli", True),
        ("http://[::1]:80", True),
        ("http://127.8.9.10", True),
        ("http://127.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://0.0.0.0:4010", False),
        ("https://api.vendor.example", False),
    ],
)
def test_only_this_machine_is_loopback(origin: str, here: bool) -> None:
    assert is_loopback(origin) is here


class Odd(BaseHTTPRequestHandler):
    """Answers as its class is told: a Retry-After, a nesting without end."""

    protocol_version = "HTTP/1.1"
    way = ""
    asked: ClassVar[list[float]] = []

    def do_GET(self) -> None:
        type(self).asked.append(time.monotonic())
        busy = self.way.startswith("retry") and len(self.asked) == 1
        self.send_response(429 if busy else 200)
        if busy:
            until = {
                "retry-date": formatdate(time.time() + 2, usegmt=True),
                "retry-long": "3600",
                "retry-odd": "\u00b2",
            }
            self.send_header("Retry-After", until[self.way])
        body = b"[" * 200_000 if self.way == "deep" else b"{}"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[Callable[[str], Transport]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def connected(way: str) -> Transport:
        Odd.way, Odd.asked = way, []
        return Transport(f"http://127.0.0.1:{server.server_port}", Guard(load_all()["interactly"], ["read"]))

    yield connected
    server.shutdown()
    server.server_close()


def test_a_date_to_come_back_at_is_waited_for(odd: Callable[[str], Transport]) -> None:
    assert odd("retry-date").send(READ).status == 200
    assert Odd.asked[1] - Odd.asked[0] >= 0.9


def test_a_server_that_asks_for_an_hour_is_left_alone(odd: Callable[[str], Transport]) -> None:
    sender = odd("retry-long")
    with pytest.raises(Busy, match="left alone for another 3"):
        sender.send(READ)
    with pytest.raises(Busy):
        sender.send(READ)
    assert len(Odd.asked) == 1


def test_a_busy_server_that_names_no_pause_is_asked_again_after_a_short_one(odd: Callable[[str], Transport]) -> None:
    assert odd("retry-odd").send(READ).status == 200
    assert len(Odd.asked) == 2


def test_a_nesting_without_end_is_no_json(odd: Callable[[str], Transport]) -> None:
    reply: Reply = odd("deep").send(READ)
    assert not reply.is_json


# --- lists -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [True, False], ids=["rows that nobody has seen", "the same rows again"])
def test_a_list_that_never_ends_is_walked_once(serve: Serve, fresh: bool) -> None:
    server, numbers = serve(), itertools.count()

    def more(seen: Seen, said: Said) -> Said:
        if not seen.path.partition("?")[0].endswith("/phone_numbers") or said.status != 200:
            return said
        page = json.loads(said.body)
        for row in page["data"] if fresh else ():
            row["id"] = f"4d051118-c116-4923-8ff4-{next(numbers):012d}"
        return said._replace(body=json.dumps({**page, "cursor": f"more-{next(numbers)}"}).encode())

    def page(seen: Seen) -> Said | None:
        if "cursor=more-" not in seen.path:
            return None
        headers = {"Authorization": seen.headers["Authorization"]}
        first = requests.get(server.origin("vogent") + seen.path.partition("?")[0], headers=headers, timeout=10)
        return more(seen, Said(first.status_code, {"Content-Type": "application/json"}, first.content))

    spy = Spy(server.origin("vogent"), more, page)
    run = Run(Settings(providers=["vogent"], targets={"": spy.origin}))
    world = run.world("vogent")
    listing, counts = world.spec.operations["listPhoneNumbers"], []
    for _ in range(3):
        before = world.transport.sent
        reading.rows_of(world, listing, {})
        counts.append(world.transport.sent - before)
    found = [one.operation.id for one in reading.read(world, "numbers", "nobody", {})]
    endless = turning.turn(world, listing, reading.plain_reading(world, listing)).endless
    run.close()
    spy.stop()
    assert counts == [turning.MAX_PAGES if fresh else turning.FEW_PAGES, turning.FEW_PAGES, turning.FEW_PAGES]
    assert endless is not fresh
    assert listing.id not in found, "what may stand where nobody has looked is not said to be missing"
