"""What a check does, and never does, to an endpoint that costs money; a mock behind a spy stands for it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from contract_tests.endpoint.guard import Guard
from contract_tests.words.findings import NotCovered
from mock_server.spec import WireRequest, load_all
from tests.conftest import RINGBACK, ROOT, Server
from tests.spy import Said, Seen, Spy
from tests.test_check import check

KEY = "test_real-account-7"
ENV = {"REAL_KEY": KEY, "OTHER_KEY": "test_someone-else"}
REAL = ["--real", "--api-key-env", "REAL_KEY"]
NUMBERS = {"teli": "+14155551234", "vogent": "+18001234567", "interactly": "+14155550100", "uponai": "+12137771235"}
PROVIDERS = sorted(NUMBERS)

Serve = Callable[..., Server]
Spying = Callable[..., Spy]


def state(server: Server) -> Any:
    """Everything that the account holds."""
    answer = requests.get(f"{server.control}/state", {"space": KEY}, timeout=10)
    return answer.json()["providers"] if answer.ok else None


def opened(server: Server, provider: str) -> Any:
    """The account's first state: its space is opened by its first request."""
    spec = load_all()[provider]
    header = {spec.security.header: f"Bearer {KEY}" if spec.security.bearer else KEY}
    requests.get(f"{server.origin(provider)}/", headers=header, timeout=10)
    requests.post(f"{server.control}/spaces", json={"name": KEY}, timeout=10)
    return state(server)


def without_times(document: Any) -> Any:
    """The state without what moves with every write."""
    return re.sub(r'"(updated_?[aA]t|last_modified\w*|modified\w*)": "[^"]*"', "", json.dumps(document, sort_keys=True))


# --- what is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_by_default_it_only_reads_a_few_dozen_times_and_says_so_first(serve: Serve, spy: Spying, provider: str) -> None:
    target = spy(serve().origin(provider))
    done = check(provider, "--target", target.origin, *REAL, env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first == (
        f"Checking {provider} at {target.origin}: depth scenario; only reading is allowed; at most 60 requests"
    )
    assert 5 < len(target.seen) <= 60
    # Vogent searches numbers for sale by POST.
    assert {(one.method, one.path) for one in target.writes} <= {("POST", "/api/phone_numbers/search")}


def test_another_name_than_loopback_is_a_real_endpoint_and_needs_a_key(serve: Serve, spy: Spying) -> None:
    target = spy(serve().origin("teli"))
    origin = f"http://0.0.0.0:{target.port}"
    refused = check("teli", "--target", origin)
    assert refused.returncode == 2
    assert "needs a key" in refused.stderr
    assert not target.seen
    done = check("teli", "--target", origin, "--api-key-env", "REAL_KEY", env=ENV)
    assert "only reading is allowed; at most 60 requests" in done.stdout
    assert target.seen
    assert not target.writes


@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_the_named_number_is_written_and_what_was_there_is_put_back(
    serve: Serve, spy: Spying, provider: str
) -> None:
    server = serve()
    before = opened(server, provider)
    target = spy(server.origin(provider))
    done = check(
        *(provider, "--target", target.origin, *REAL, "--allow", "read,write", "--number", NUMBERS[provider]), env=ENV
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"written is {NUMBERS[provider]} only, and put back" in done.stdout.splitlines()[0]
    mine = next(one for one in before[provider]["records"]["numbers"] if NUMBERS[provider] in one.values())
    names = {str(value) for value in mine.values() if isinstance(value, str)}
    written = [one for one in target.writes if not one.path.endswith("/search")]
    assert len(written) > 5
    assert not [one.path for one in written if not names & set(one.path.split("/"))]
    assert without_times(state(server)) == without_times(before)
    assert "put back: " not in done.stdout
    assert len(target.seen) <= 60


def test_a_pinned_version_is_put_back_with_its_agent(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "uponai")
    account = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}
    pinned = {**account, "outboundAgentId": "agent_d3c2df14e163c7ca8ac5b1bf38", "outboundAgentVersion": 0}
    done = requests.put(
        f"{server.origin('uponai')}/api/numbers/+12137771235/agent",
        json=pinned,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    assert done.status_code == 200
    before = state(server)
    target = spy(server.origin("uponai"))
    words = ["--allow", "read,write", "--number", NUMBERS["uponai"]]
    checked = check("uponai", "--target", target.origin, *REAL, *words, env=ENV)
    assert [one for one in target.writes if b'"outboundAgentId": null' in one.body]
    assert without_times(state(server)) == without_times(before), checked.stdout


def test_without_a_named_number_only_what_was_made_is_written(serve: Serve, spy: Spying) -> None:
    server = serve()
    before = opened(server, "vogent")
    target = spy(server.origin("vogent"))
    done = check("vogent", "--target", target.origin, *REAL, "--allow", "read,write", env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "written is only what this run makes" in done.stdout.splitlines()[0]
    assert [one for one in target.writes if one.method == "DELETE"]
    there = json.dumps(before)
    ids = [one.path.split("/")[3] for one in target.writes if one.path.count("/") > 2 and one.method != "POST"]
    assert ids
    assert not [one for one in ids if one in there]
    assert without_times(state(server)) == without_times(before)


def test_a_purchase_is_made_once_and_given_back(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "teli")
    target = spy(server.origin("teli"))
    done = check(
        *("teli", "--target", target.origin, *REAL, "--allow", "read,write,purchase", "--max-requests", "200"), env=ENV
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.path for one in target.writes].count("/v1/voice/phone-numbers/create") == 1
    released = [one.path.rpartition("/")[2] for one in target.writes if one.method == "DELETE"]
    assert [one for one in released if one.startswith("+1313")]
    assert "the budget of 1 purchases is spent" in done.stdout


def test_of_a_small_budget_what_was_allowed_is_reached_and_what_no_page_removes_is_no_failure(
    serve: Serve, spy: Spying
) -> None:
    server = serve()
    opened(server, "vogent")
    target = spy(server.origin("vogent"))
    done = check("vogent", "--target", target.origin, *REAL, "--allow", "read,write,purchase", env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.path for one in target.writes].count("/api/dials") == 1
    assert "no documented operation removes it" in " ".join(done.stdout.split())


@pytest.mark.parametrize("budget", [12, 25, 40])
def test_the_budget_holds_and_leaves_enough_to_clean_up(serve: Serve, spy: Spying, budget: int) -> None:
    server = serve()
    before = opened(server, "teli")
    target = spy(server.origin("teli"))
    words = ["--allow", "read,write", "--number", NUMBERS["teli"], "--max-requests", str(budget)]
    done = check("teli", "--target", target.origin, *REAL, *words, env=ENV)
    assert len(target.seen) <= budget
    assert f"the budget of {budget} requests" in done.stdout
    assert without_times(state(server)) == without_times(before)


def test_a_plan_is_what_is_then_sent_and_sends_nothing_itself(serve: Serve, spy: Spying) -> None:
    target = spy(serve("--seed", "1").origin("interactly"))
    words = ["interactly", "--target", target.origin, *REAL, "--allow", "read,write", "--number", "+1234567890"]
    plan = check(*words, "--plan", env=ENV)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert not target.seen
    planned = re.findall(r"^ +\d+  \w+ +(\w+) +(\S+)", plan.stdout, re.MULTILINE)
    counted = re.search(r"^(\d+) requests: (\d+) read, (\d+) write$", plan.stdout, re.MULTILINE)
    assert counted
    assert int(counted[1]) == len(planned) == int(counted[2]) + int(counted[3])
    check(*words, env=ENV)
    assert [(one.method, one.path) for one in target.seen] == planned
    assert KEY not in plan.stdout


def test_the_plan_of_a_read_only_run_is_its_requests_to_the_letter(serve: Serve, spy: Spying) -> None:
    target = spy(serve("--seed", "1").origin("uponai"))
    words = ["uponai", "--target", target.origin, *REAL]
    plan = check(*words, "--plan", env=ENV)
    planned = re.findall(r"^ +\d+  read +(\w+) +(\S+)", plan.stdout, re.MULTILINE)
    check(*words, env=ENV)
    assert [(one.method, one.path) for one in target.seen] == planned


def test_a_plan_goes_with_no_report() -> None:
    done = check("teli", "--plan", "--report", "json=x.json")
    assert done.returncode == 2
    assert "--plan sends nothing" in done.stderr


# --- the guard -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("GET", "/v1/billing", "is on no page"),
        ("GET", "/_ringback/state", "is on no page"),
        ("GET", "/", "is on no page"),
        ("PUT", "/v1/agents", "is documented for no such path"),
        ("DELETE", "/v1/voice/phone-numbers/+14155551234", "destroys records"),
        ("DELETE", "/v1/voice/phone-numbers/%2B14155551234", "destroys records"),
        ("POST", "/v1/voice/phone-numbers/+14155559999/update-agent", "neither made by this run nor named"),
        ("POST", "/v1/agents", "restricts writes to the numbers"),
        ("POST", "/v1/voice/phone-numbers/create", "purchase is not allowed here"),
    ],
)
def test_the_guard_refuses_by_what_goes_over_the_wire(method: str, path: str, says: str) -> None:
    guard = Guard(load_all()["teli"], ["read", "write"], numbers=["+14155551234"], real=True)
    with pytest.raises(NotCovered, match=says):
        guard.admit(WireRequest(method, path, "", {}, b"{}"))
    assert guard.sent == 0


def test_the_guard_admits_the_named_number_however_it_is_encoded() -> None:
    guard = Guard(load_all()["teli"], ["read", "write"], numbers=["+14155551234"], real=True)
    for path in ("+14155551234", "%2B14155551234"):
        request = WireRequest("POST", f"/v1/voice/phone-numbers/{path}/update-agent", "", {}, b"{}")
        assert guard.admit(request) == "write"
    assert guard.sent == 2


# --- cleaning up -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_run_cleans_up_and_says_what_it_did(serve: Serve, spy: Spying, way: signal.Signals) -> None:
    server = serve()
    before = opened(server, "teli")

    written, cancelled = threading.Event(), threading.Event()

    def held(seen: Seen, said: Said) -> Said:
        """What links the agent is answered when the run was cancelled, and not before."""
        if seen.method != "GET" and b"agent_xyz" in seen.body and not cancelled.is_set():
            written.set()
            cancelled.wait(30)
        return said

    target = spy(server.origin("teli"), held)
    command = [*RINGBACK, "check", "teli", "--target", target.origin, *REAL, "--allow", "read,write"]
    process = subprocess.Popen(
        [*command, "--number", NUMBERS["teli"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENV},
    )
    assert written.wait(60)
    process.send_signal(way)
    cancelled.set()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "interrupted" in err
    assert without_times(state(server)) == without_times(before)
    assert "teli listPhoneNumbers" in out


def test_what_could_not_be_put_back_is_reported(serve: Serve, spy: Spying) -> None:
    server = serve()
    opened(server, "teli")
    writes: list[Seen] = []

    def failing(seen: Seen) -> Said | None:
        if seen.method != "GET":
            writes.append(seen)
        return Said(503, {}, b"{}") if len(writes) > 7 and seen.method != "GET" else None

    target = spy(server.origin("teli"), instead=failing)
    words = ["--allow", "read,write", "--number", NUMBERS["teli"]]
    done = check("teli", "--target", target.origin, *REAL, *words, env=ENV)
    assert "left behind, because it could not be removed:" in done.stdout
    assert "teli numbers: not put back: " in done.stdout


# --- keys ------------------------------------------------------------------------------------------------


def test_a_key_is_shown_nowhere_even_by_a_server_that_says_it_back(serve: Serve, spy: Spying, tmp_path: Path) -> None:
    def chatty(seen: Seen, said: Said) -> Said:
        key = seen.headers.get("X-API-Key", "")
        basic = b64encode(f"user:{key}".encode()).decode()
        body = json.dumps({"error": f"your key is {key}", "success": False, "basic": basic, key: key})
        return Said(200, {"Content-Type": "application/json", "X-Your-Key": key}, body.encode())

    target = spy(serve().origin("teli"), chatty)
    file = tmp_path / "key.txt"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    out = {kind: tmp_path / f"out.{kind}" for kind in ("junit", "json", "html", "har")}
    done = check(
        *("teli", "--target", target.origin, "--real", "--api-key-file", str(file), "--record", str(out["har"])),
        *(word for kind in ("junit", "json", "html") for word in ("--report", f"{kind}={out[kind]}")),
    )
    assert done.returncode == 1
    texts = [done.stdout, done.stderr, *(one.read_text(encoding="utf-8") for one in out.values())]
    assert all(texts[:1] + texts[2:])
    assert not [text for text in texts if KEY in text]
    assert "your key is ***" in done.stdout
    assert '"X-API-Key: $API_KEY"' in done.stdout


def test_a_key_is_not_in_what_pytest_shows_either(serve: Serve, spy: Spying) -> None:
    def broken(seen: Seen, said: Said) -> Said:
        return Said(200, {"Content-Type": "application/json"}, f'"{seen.headers.get("X-API-Key")}"'.encode())

    target = spy(serve().origin("teli"), broken)
    command = [sys.executable, "-m", "pytest", "contract_tests", "--provider", "teli", "--target", target.origin, *REAL]
    done = subprocess.run(
        [*command, "--showlocals", "--tb=long"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **ENV},
    )
    assert done.returncode == 1, done.stdout
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), ("", "one line with the key"), ("a\nb\n", "one line with the key")]
)
def test_a_broken_key_file_is_told(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    done = check("teli", "--target", "http://127.0.0.1:9", "--api-key-file", str(file))
    assert done.returncode == 2
    assert says in done.stderr


def test_a_key_of_another_account_is_tried_on_what_was_made(serve: Serve) -> None:
    """At a Ringback, where no key that begins with `test_` is a nearly right one: each opens an account."""
    server = serve()
    words = [
        "vogent",
        "--target",
        server.origin("vogent"),
        "--api-key-env",
        "REAL_KEY",
        "--operation",
        "getPhoneNumber",
    ]
    done = check(*words, "--other-api-key-env", "OTHER_KEY", env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^vogent getPhoneNumber +doc +10$", done.stdout, re.MULTILINE), done.stdout
    listed = requests.get(f"{server.control}/spaces", timeout=10).json()["spaces"]
    tried = {one["name"]: one["requests"] for one in listed}
    assert tried[ENV["OTHER_KEY"]] > 0
    assert set(tried) <= {KEY, ENV["OTHER_KEY"], "default"}
    # Without one the harness makes up a key of its own, for there every key opens an account.
    without = check(*words, env=ENV)
    assert without.returncode == 0, without.stdout + without.stderr
    assert re.search(r"^10 passed, 0 failed, 0 not covered", without.stdout, re.MULTILINE), without.stdout
    listed = requests.get(f"{server.control}/spaces", timeout=10).json()["spaces"]
    assert {one["name"]: one["requests"] for one in listed}[ENV["OTHER_KEY"]] == tried[ENV["OTHER_KEY"]]


# --- what only an account knows --------------------------------------------------------------------------


def test_values_of_an_account_come_from_a_file_and_from_the_command_line(
    serve: Serve, spy: Spying, tmp_path: Path
) -> None:
    target = spy(serve().origin("teli"))
    file = tmp_path / "account.yaml"
    file.write_text("organization_id: 1763x17\nphone_number: +13135550123\n", encoding="utf-8")
    words = ["--operation", "listPhoneNumbers", "--var-file", str(file), "--var", "user_id=u-9"]
    check("teli", "--target", target.origin, *REAL, *words, env=ENV)
    listed = [one.path for one in target.seen if one.path.startswith("/v1/voice/phone-numbers?")]
    assert listed
    assert all("organization_id=1763x17" in path or "organization_id" not in path for path in listed)
    assert any("user_id=u-9" in path for path in listed)


@pytest.mark.parametrize(
    ("content", "says"), [("- a\n", "names and values"), ("a: [1]\n", "names and values"), ("a: b: c", "")]
)
def test_a_broken_file_of_values_is_told(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(content, encoding="utf-8")
    done = check("teli", "--var-file", str(file))
    assert done.returncode == 2
    # Where a line can be named, it is.
    assert re.search(rf"--var-file {re.escape(str(file))}(:\d+)?: {re.escape(says)}", done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_that_lacks_an_operation_costs_coverage_only(serve: Serve, spy: Spying) -> None:
    def partly(seen: Seen, said: Said) -> Said:
        if seen.path.startswith("/api/agents"):
            return said._replace(status=404, body=b'{"message": "not here"}')
        return said

    target = spy(serve().origin("vogent"), partly)
    done = check("vogent", "--target", target.origin, *REAL, env=ENV)
    assert done.returncode == 0, done.stdout
    assert "not covered: the server has no such operation: it answers 404\n  vogent: listAgents" in done.stdout
    assert "needs 1 of 'agent_id'; found 0" in done.stdout


@pytest.mark.proof
def test_a_server_that_lacks_what_the_project_began_with_breaks_the_contract(serve: Serve, spy: Spying) -> None:
    def partly(seen: Seen, said: Said) -> Said:
        return said._replace(status=404, body=b"{}") if seen.method == "PUT" else said

    target = spy(serve().origin("uponai"), partly)
    # Whoever gives the values of an account says that it has them: they are no excuse for an answer of 404 any more.
    given = ["--var", "accountSid=29e90072-fb58-4c6c-870a-43005115131e", "--draws", "0"]
    done = check("uponai", "--target", target.origin, "--operation", "updatePhoneNumberAssignment", *given)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL uponai updatePhoneNumberAssignment [examples]" in done.stdout
    assert "the server has no such operation" not in done.stdout


@pytest.mark.proof
def test_a_number_that_the_list_of_the_account_shows_is_found_by_its_update(serve: Serve, spy: Spying) -> None:
    """Nobody said that the account is the pages' own: that its list has rows says so."""
    lost = Said(404, {"Content-Type": "application/json"}, b'{"success": false, "message": "Not found"}')
    target = spy(serve().origin("uponai"), lambda seen, said: lost if seen.method == "PUT" else said)
    words = ["--depth", "quick", "--draws", "1", "--operation", "updatePhoneNumberAssignment"]
    done = check("uponai", "--target", target.origin, *words, env=ENV)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL uponai updatePhoneNumberAssignment [examples]" in done.stdout


def test_where_nothing_of_the_vendor_is_there_it_is_another_server(serve: Serve, spy: Spying) -> None:
    target = spy(serve().origin("uponai"), lambda seen, said: said._replace(status=404, body=b"{}"))
    done = check("uponai", "--target", target.origin, "--operation", "updatePhoneNumberAssignment")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "does not serve uponai" in done.stderr
