"""`ringback check` as a command: exit codes, reports, targets, and what it never does to a foreign server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.words.secrets.mutations import mutations
from mock_server.spec import Spec
from tests.conftest import RINGBACK, ROOT, Server
from tests.spy import Spy

ONE = ["vogent", "--operation", "updatePhoneNumber"]
FEW = ["listPhoneNumbers", "updatePhoneNumber", "purchasePhoneNumber", "deletePhoneNumber"]


def check(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RINGBACK, "check", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=cwd or ROOT,
        env={**os.environ, **(env or {})},
    )


def test_the_contract_holds_on_a_mock_of_its_own_and_the_exit_code_is_0() -> None:
    done = check(*ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Checking vogent on a mock of its own: depth quick\n")
    assert " 0 failed" in done.stdout


def test_a_server_that_breaks_the_contract_gives_1_with_page_expectation_and_curl(
    serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    target = spy(
        serve().origin("teli"),
        lambda seen, said: said._replace(
            body=said.body.replace(b"Agent not found or invalid", b"No such agent or invalid")
        ),
    )
    done = check("teli", "--operation", "updatePhoneAgent", "--target", target.origin)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL teli updatePhoneAgent [errors]" in done.stdout
    says = '/error: expected "Agent not found or invalid agent ID", found "No such agent or invalid agent ID"'
    assert says in done.stdout
    assert '>   "error": "No such agent or invalid agent ID",' in done.stdout
    assert "page      docs.teli.ai/partner-api/phone-numbers/update-agent (seed)" in done.stdout
    assert re.search(r"spec      openapi/teli\.yaml:\d+\n", done.stdout)
    line = next(
        line for line in done.stdout.splitlines() if line.strip().startswith("repeat") and "does_not_exist" in line
    )
    repeated = subprocess.run(
        ["bash", "-c", line.strip().removeprefix("repeat").strip().replace("curl", "curl -sS", 1)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert json.loads(repeated.stdout)["error"] == "No such agent or invalid agent ID"


def test_a_difference_from_an_assumption_is_a_note_and_fails_only_when_asked_for(
    serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    target = spy(
        serve().origin("vogent"),
        lambda seen, said: said._replace(body=said.body.replace(b'"Unauthorized"', b'"Who are you?"')),
    )
    few = (*ONE, "--draws", "1", "--target", target.origin)
    done = check(*few)
    assert done.returncode == 0, done.stdout
    assert "; --notes tells them" in done.stdout
    assert "Who are you?" not in done.stdout
    told = check(*few, "--notes").stdout
    assert "note vogent updatePhoneNumber [" in told
    assert 'expected "Unauthorized", found "Who are you?"' in told
    assert check(*few, "--fail-on", "assumed").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody"], "nobody: no such vendor; there are interactly, teli"),
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["vogent", "--operation", "nothing"], "--operation nothing: no such operation"),
        (["vogent", "--allow", "everything"], "--allow everything: unknown; it takes a list of read, write, purchase"),
        (["vogent", "--var", "x"], "--var x: NAME=VALUE is needed"),
        (["vogent", "--var", "nope=1"], "--var nope: no such variable"),
        (["vogent", "--target", "nowhere"], "--target nowhere: an origin such as"),
        (["vogent", "--report", "pdf=x"], "--report pdf=x: "),
        (["vogent", "--api-key-env", "RINGBACK_NO_SUCH_KEY"], "the environment has no such variable"),
        (["vogent", "--target", "https://api.invalid"], "https://api.invalid needs a key"),
    ],
)
def test_wrong_usage_gives_2_and_one_line_that_says_what_is_understood(arguments: list[str], says: str) -> None:
    done = check(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_a_target_where_nobody_listens_gives_3() -> None:
    done = check("vogent", "--target", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr


def test_reports_are_written_and_hold_every_outcome(tmp_path: Path) -> None:
    junit, report = tmp_path / "junit.xml", tmp_path / "report.json"
    done = check(*ONE, "--report", f"junit={junit}", "--report", f"json={report}")
    assert done.returncode == 0
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["version"] == 1
    assert document["counts"]["failed"] == 0
    assert {outcome["operation"] for outcome in document["outcomes"]} == {"updatePhoneNumber"}
    assert document["counts"]["passed"] == len(document["outcomes"]) >= 6
    cases = list(ET.parse(junit).getroot().iter("testcase"))
    told = [f"{outcome['provider']}-{outcome['operation']}-{outcome['property']}" for outcome in document["outcomes"]]
    assert [case.get("name") for case in cases] == told


def test_a_foreign_server_sees_documented_operations_one_key_and_never_the_control_api(
    serve: Callable[..., Server], spy: Callable[..., Spy], specs: dict[str, Spec]
) -> None:
    target = spy(serve("--accept-key", "my-own-key").origin("vogent"))
    few = [word for name in FEW for word in ("--operation", name)]
    done = check("vogent", *few, "--target", target.origin, "--api-key-env", "SOME_KEY", env={"SOME_KEY": "my-own-key"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(target.seen) > 50
    assert not [path for _, path, _, _ in target.seen if "_ringback" in path or not path.startswith("/api/")][1:]
    keys = {headers.get("Authorization") for _, _, headers, _ in target.seen}
    nearly = {one.value for one in mutations(specs["vogent"].security, "my-own-key")}
    assert keys <= {"Bearer my-own-key", "Bearer ringback-check-no-such-key", None, "Bearer no-such-key", *nearly}
    assert "my-own-key" not in done.stdout + done.stderr


def test_a_method_that_no_page_documents_reaches_no_record_of_a_foreign_server(
    serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    target = spy(serve().origin("vogent"))
    done = check("vogent", "--target", target.origin, "--operation", "getPhoneNumber", "--operation", "listAgents")
    assert done.returncode == 0, done.stdout + done.stderr
    writes = [(method, path, headers) for method, path, headers, _ in target.seen if method != "GET"]
    assert [(method, path) for method, path, _ in writes] == [
        ("POST", "/api/phone_numbers/ringback-check-no-such-record"),
        ("PATCH", "/api/phone_numbers/ringback-check-no-such-record"),
        ("PATCH", "/api/agents"),
    ]
    assert all(headers.get("Content-Length", "0") == "0" for _, _, headers in writes)


def test_beyond_what_is_allowed_nothing_is_sent_and_it_is_reported_as_not_covered(
    serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    target = spy(serve().origin("uponai"))
    few = ("--operation", "listAgents", "--operation", "getAgent", "--operation", "updateAgent")
    done = check("uponai", *few, "--target", target.origin, "--allow", "read", "--draws", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {method for method, _, _, _ in target.seen} == {"GET"}
    assert "not covered: " in done.stdout
    assert "write is not allowed here; --allow write allows it" in done.stdout


def test_the_budget_of_requests_is_kept(serve: Callable[..., Server], spy: Callable[..., Spy]) -> None:
    target = spy(serve().origin("teli"))
    done = check("teli", "--target", target.origin, "--max-requests", "7")
    assert len([seen for seen in target.seen if seen[1] != "/"]) <= 7
    assert "the budget of 7 requests is spent" in done.stdout


def test_the_same_seed_sends_the_same_requests(serve: Callable[..., Server], spy: Callable[..., Spy]) -> None:
    """And in the same order, where they are sent one at a time."""
    runs = []
    for _ in range(2):
        target = spy(serve("--seed", "5").origin("vogent"))
        done = check(*ONE, "--target", target.origin, "--seed", "3", "--parallel", "1", "--draws", "2")
        assert done.returncode == 0, done.stdout + done.stderr
        runs.append([(method, path, body) for method, path, _, body in target.seen])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 20


@pytest.mark.long
def test_it_runs_as_plain_pytest_too(serve: Callable[..., Server]) -> None:
    server = serve()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "contract_tests",
            "--target",
            server.origin("uponai"),
            "--provider",
            "uponai",
            "--draws",
            "1",
            "--operation",
            "listCalls",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_it_runs_in_a_folder_with_a_broken_pytest_set_up(tmp_path: Path) -> None:
    """The user's own pytest settings are none of the harness's business."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-flag\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not yours')\n", encoding="utf-8")
    done = check(*ONE, cwd=tmp_path, env={"PYTEST_ADDOPTS": "--no-such-flag", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
