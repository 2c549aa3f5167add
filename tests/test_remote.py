"""The commands that speak to a running server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RINGBACK, ROOT, Client, Server


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def ringback(server: Server, teli: Client) -> Run:
    """Runs a command for the tester's space; returns exit code, decoded stdout and stderr."""

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, Any, str]:
        command = [*RINGBACK, *arguments, "--url", server.url, "--space", teli.key]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, input=stdin)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run


def test_faults_are_added_listed_and_cleared(ringback: Run, teli: Client) -> None:
    flags = ["--status", "429", "--header", "Retry-After: 3", "--body", '{"error": "slow"}', "--every", "2"]
    code, rule, _ = ringback("faults", "add", "teli", "getAgent", *flags, "--match", "path.agent_id=5")
    assert (code, rule["id"], rule["match"]) == (0, "fault-1", {"path.agent_id": "5"})
    assert [teli.get("/v1/agents/5").status_code for _ in range(2)] == [404, 429]
    code, listed, _ = ringback("faults", "list")
    assert (code, listed["faults"][0]["hits"]) == (0, 1)
    assert ringback("faults", "clear")[0] == 0
    assert ringback("faults", "list")[1] == {"faults": []}


def test_a_refused_rule_is_told_in_one_line(ringback: Run) -> None:
    code, shown, errors = ringback("faults", "add", "teli", "getAgents", "--status", "500")
    assert (code, shown) == (2, None)
    assert "Did you mean getAgent" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("flags", [["--match", "x"], ["--body", "{"], ["--header", "x"], ["--match", "body.x:={"]])
def test_wrong_flags_are_wrong_usage(ringback: Run, flags: list[str]) -> None:
    assert ringback("faults", "add", "teli", "getAgent", "--status", "500", *flags)[0] == 2


def test_requests_are_listed_and_verified(ringback: Run, teli: Client) -> None:
    teli.get("/v1/organizations")
    teli.post("/v1/agents", json={"agent_name": "one"})
    teli.get("/v1/organization")
    assert [entry["operation"] for entry in ringback("requests", "list", "--status", "200")[1]["requests"]] == [
        "listOrganizations"
    ]
    wanted = ["--operation", "createAgent", "--times", "exactly 1"]
    assert ringback("requests", "verify", *wanted, "--body", '{"agent_name": "one"}')[0] == 0
    code, verdict, _ = ringback("requests", "verify", *wanted, "--body", '{"agent_name": "two"}')
    assert (code, verdict["message"]) == (1, "expected exactly 1, found 0")
    assert "did you mean /v1/organizations?" in ringback("requests", "unmatched")[1]["requests"][0]["hints"][0]


def test_state_goes_out_and_in_and_reset_puts_it_back(ringback: Run, teli: Client, tmp_path: Path) -> None:
    teli.get("/v1/organizations")
    code, born, _ = ringback("state", "export")
    assert code == 0
    teli.post("/v1/organizations", json={"name": "a", "contact_email": "a@b.co"})
    changed = ringback("state", "export")[1]
    assert changed["providers"] != born["providers"]
    assert ringback("reset")[1] == {"reset": [teli.key]}
    assert ringback("state", "export")[1]["providers"] == born["providers"]
    file = tmp_path / "state.json"
    file.write_text(json.dumps(changed))
    assert ringback("state", "import", str(file))[0] == 0
    assert ringback("state", "import", "-", stdin=json.dumps(changed))[0] == 0
    assert ringback("state", "export")[1]["providers"] == changed["providers"]
    file.write_text("{")
    assert ringback("state", "import", str(file))[0] == 2
    assert ringback("state", "import", str(tmp_path / "none.json"))[0] == 2


def test_a_server_that_is_not_there_is_told() -> None:
    command = [*RINGBACK, "reset", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 3
    assert "ringback serve" in done.stderr


def test_the_token_is_sent(serve: Callable[..., Server]) -> None:
    server = serve("--control-token", "t0ken")
    command = [*RINGBACK, "reset", "--url", server.url]
    assert subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).returncode == 2
    done = subprocess.run([*command, "--control-token", "t0ken"], capture_output=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_a_snapshot_is_taken_listed_restored_and_forgotten(ringback: Run, teli: Client) -> None:
    name = f"before-{teli.key[-8:]}"
    teli.get("/v1/organizations")
    before = ringback("state", "export")[1]["providers"]
    assert ringback("snapshots", "take", name)[0] == 0
    made = {"name": "A", "contact_email": "a@example.org"}
    assert teli.post("/v1/organizations", json=made).status_code == 201
    assert ringback("state", "export")[1]["providers"] != before
    assert ringback("snapshots", "restore", name)[0] == 0
    assert ringback("state", "export")[1]["providers"] == before
    assert name in [one["name"] for one in ringback("snapshots", "list")[1]["snapshots"]]
    assert ringback("snapshots", "delete", name)[0] == 0
    assert ringback("snapshots", "restore", name)[0] == 2


def test_a_space_is_opened_as_a_fork_listed_and_forgotten(ringback: Run, teli: Client) -> None:
    teli.get("/v1/organizations")
    name = f"{teli.key}_fork"
    code, made, _ = ringback("spaces", "create", name, "--fork", teli.key, "--seed", "4")
    assert (code, made["name"], made["seed"]) == (0, name, 4)
    assert name in [one["name"] for one in ringback("spaces", "list")[1]["spaces"]]
    assert ringback("spaces", "delete", name)[0] == 0
    assert ringback("spaces", "delete", name)[0] == 2


def test_the_clock_is_frozen_moved_and_put_back(ringback: Run, teli: Client) -> None:
    assert ringback("clock", "freeze", "2030-01-01T00:00:00Z")[1]["now"] == "2030-01-01T00:00:00+00:00"
    assert ringback("clock", "advance", "60")[1]["now"] == "2030-01-01T00:01:00+00:00"
    assert ringback("clock", "show")[1]["frozen"] is True
    assert ringback("clock", "set", "2031-01-01T00:00:00Z")[1]["frozen"] is False
    assert not ringback("clock", "real")[1]["now"].startswith("203")


def test_the_same_seed_gives_the_same_bodies(ringback: Run, teli: Client) -> None:
    def made() -> dict[str, Any]:
        assert ringback("seed", "9")[1]["seed"] == 9
        assert ringback("clock", "freeze", "2030-01-01T00:00:00Z")[0] == 0
        body: dict[str, Any] = teli.post("/v1/organizations", json={"name": "A", "contact_email": "a@b.example"}).json()
        return body

    first = made()
    assert ringback("reset")[0] == 0
    assert made() == first


def test_requests_are_counted(ringback: Run, teli: Client) -> None:
    for _ in range(3):
        teli.get("/v1/organizations")
    assert ringback("requests", "count", "--operation", "listOrganizations")[1] == {"count": 3}
