"""The commands that speak to a running server."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mock_server.commands import cli
from mock_server.commands.completion import commands_of
from mock_server.commands.remote.tables import Column, table
from tests.conftest import RINGBACK, ROOT, Client, Server


@pytest.fixture
def teli(api: Callable[..., Client]) -> Client:
    return api("teli")


Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def ringback(server: Server, teli: Client) -> Run:
    """Runs a command for the tester's space; returns exit code, decoded stdout and stderr."""

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, Any, str]:
        command = [*RINGBACK, *arguments, "--json", "--url", server.url, "--space", teli.key]
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


# For people


Shown = Callable[..., list[str]]


@pytest.fixture
def shown(server: Server) -> Shown:
    """Runs a command and returns the lines that a person reads."""

    def run(*arguments: str, **environment: str) -> list[str]:
        command = [*RINGBACK, *arguments, "--url", server.url]
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, timeout=60, env={**kept, **environment}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_lists_are_tables_of_80_columns_at_most(shown: Shown, teli: Client) -> None:
    key = "test_" + "k" * 100
    teli.session.headers["X-API-Key"] = key
    for _ in range(3):
        teli.get("/v1/" + "organizations/" * 30)
    rule = [
        "--example",
        "agent-not-found",
        "--match",
        "body.inbound_agent_id=an_agent_of_a_long_name",
        "--every",
        "3",
    ]
    assert shown("faults", "add", "Teli", "updatePhoneAgent", *rule, "--space", key)
    assert shown("webhooks", "set", "vogent", "http://127.0.0.1:9/" + "events" * 20, "--fail", "500", "--space", key)
    assert shown("stubs", "add", "vogent", "POST", "/api/" + "tts" * 40, "--space", key)
    assert shown("snapshots", "take", "snapshot" * 10, "--space", key)
    shown("dial", "+14155551234", "--from", "+15005550486", "--space", key)
    shown("dial", "acme-support", "--space", key)
    # Nobody listens there: what comes of it is the exit code.
    with pytest.raises(AssertionError):
        shown("deliver", "vogent", "dial.transcript", "--to", "http://127.0.0.1:9/" + "events" * 20, "--space", key)
    nouns = ("requests", "faults", "stubs", "spaces", "snapshots", "calls", "webhooks", "deliveries")
    for command in [[noun, "list"] for noun in nouns]:
        lines = shown(*command)
        assert len(lines) >= 2
        assert all(len(line) <= 80 for line in lines), command
    [titles, row] = shown("faults", "list", "--space", key)
    assert titles.split() == ["id", "space", "vendor", "operation", "gives", "when", "hits"]
    assert row.split()[0] == "fault-1"
    assert row.endswith("0/0")


def test_lists_show_every_space_or_the_one_that_is_asked_for(shown: Shown, teli: Client, server: Server) -> None:
    teli.get("/v1/organizations")
    requests.get(server.origin("teli") + "/v1/organizations", headers={"X-API-Key": "YOUR_API_KEY"}, timeout=10)
    everywhere = "\n".join(shown("requests", "list"))
    assert teli.key[:8] in everywhere
    assert " default" in everywhere
    mine = shown("requests", "list", RINGBACK_SPACE=teli.key)
    assert len(mine) == 2
    shown("dial", "+14155551234", "--space", teli.key)
    shown("dial", "+14155551234")
    assert len(shown("calls", "list", "--space", teli.key)) == 2
    everywhere = "\n".join(shown("calls", "list"))
    assert teli.key[:7] in everywhere
    assert " default" in everywhere
    by_key = shown("requests", "count", "--space", "YOUR_API_KEY")
    assert by_key == shown("requests", "count", "--space", "default")
    assert int(by_key[0]) >= 1


def test_requests_are_listed_newest_first_and_no_more_than_wanted(shown: Shown, teli: Client) -> None:
    for path in ("/v1/organizations", "/v1/nothing", "/v1/voice/phone-numbers"):
        teli.get(path)
    lines = shown("requests", "list", "--space", teli.key, "--limit", "2")
    assert len(lines) == 3
    numbers = [int(line.split()[0]) for line in lines[1:]]
    assert numbers == sorted(numbers, reverse=True)
    assert "GET /v1/nothing" in lines[2]


def test_what_is_not_understood_is_shown_with_what_was_meant(shown: Shown, teli: Client) -> None:
    teli.get("/v1/organisations")
    lines = shown("requests", "unmatched", "--space", teli.key)
    assert lines[0].split()[2:6] == ["404", "teli", "GET", "/v1/organisations"]
    assert lines[1] == "    did you mean /v1/organizations?"


def test_requests_are_followed_as_they_happen(server: Server, teli: Client) -> None:
    teli.get("/v1/organizations")
    command = [*RINGBACK, "requests", "list", "--follow", "--space", teli.key, "--url", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        teli.get("/v1/nothing")
        second = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()  # Its stream is one of few that the server of all tests has.
    assert "listOrganizations" in first
    assert "404" in second
    assert "GET /v1/nothing" in second


def test_a_verification_is_told_in_words(server: Server, teli: Client) -> None:
    teli.post("/v1/agents", json={"agent_name": "one"})
    command = [*RINGBACK, "requests", "verify", "--operation", "createAgent", "--body", '{"agent_name": "two"}']
    done = subprocess.run(
        [*command, "--url", server.url, "--space", teli.key], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "no: expected at least 1, found 0"
    assert "body.agent_name: expected 'two', found 'one'" in done.stdout


def test_colours_are_there_when_they_are_wanted(shown: Shown, teli: Client) -> None:
    teli.get("/v1/organizations")
    assert "\x1b[32m200" in "".join(shown("requests", "list", "--space", teli.key, FORCE_COLOR="1"))
    plain = shown("requests", "list", "--space", teli.key, FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b" not in "".join(plain)


def test_what_a_client_sent_cannot_write_to_the_terminal(shown: Shown, teli: Client) -> None:
    teli.get("/v1/%1b]0;owned%07")
    for action in ("list", "unmatched"):
        lines = shown("requests", action, "--space", teli.key)
        assert all(line.isprintable() for line in lines)


def test_a_table_gives_way_where_it_can_and_keeps_the_rest() -> None:
    columns = [Column("n", lambda row: row["n"]), Column("text", lambda row: row["text"], flexible=True)]
    rows = [{"n": 1, "text": "x" * 50}, {"n": 22, "text": "y"}]
    lines = list(table(rows, columns, lambda text, style: text, 20))
    assert lines == ["n   text", "1   " + "x" * 15 + "…", "22  y"]


# Help, and completion


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for below in commands_of(parser).values():
        yield from _commands(below)


def test_every_flag_and_every_command_is_explained() -> None:
    for parser in _commands(cli.parser()):
        for action in parser._actions:
            assert action.help or action.metavar in ("COMMAND", "ACTION"), (parser.prog, action.dest)


def test_a_mistyped_command_is_told_which_was_meant() -> None:
    for words, meant in ((["fautls", "list"], "faults"), (["faults", "lst"], "list")):
        done = subprocess.run([*RINGBACK, *words], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.returncode == 2
        assert f"did you mean '{meant}'?" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_command_says_the_same_beside_the_others_and_alone() -> None:
    whole = commands_of(cli.parser())
    for name in whole:
        assert commands_of(cli.parser(name))[name].format_help() == whole[name].format_help()


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["re"], {"ready", "requests", "reset"}),
        (["requests", ""], {"list", "verify", "count", "unmatched"}),
        (["requests", "list", "--fo"], {"--follow"}),
        (["operations", "T"], {"teli"}),
        (["operations", "teli", "updateP"], {"updatePhoneAgent"}),
        (["faults", "add", "Teli", "UPDATEP"], {"updatePhoneAgent"}),
        (["serve", "--lo"], {"--log"}),
        (["check", ""], {"interactly", "teli", "uponai", "vogent"}),
        (["check", "teli", "--operation", "updateP"], {"updatePhoneAgent"}),
        (["check", "--depth", ""], {"scenario", "quick", "deep"}),
        (["diff", "--pa"], {"--patch"}),
        (["pages", "--fe"], {"--fetch"}),
        (["faults", "add", "teli", "createPhoneNumber", "--example", "no"], {"no-numbers"}),
        (["dial", "+14155551234", "--provider", ""], {"interactly", "teli", "uponai", "vogent"}),
        (["stubs", "add", "vogent", ""], set()),
        (["serve", "--specs", "s"], set()),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_the_shell_is_told_what_may_come_next(words: list[str], some: set[str]) -> None:
    done = subprocess.run(
        [*RINGBACK, "__complete", *words], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    found = set(done.stdout.split())
    assert some <= found
    assert bool(some) == bool(found)
    assert all(one.lower().startswith(words[-1].lower()) for one in found)


def test_help_loads_nothing_that_takes_time() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ringback", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "mock_server.commands.remote.requests" in loaded
    slow = {"flask", "granian", "yaml", "orjson", "jsonschema_rs", "phonenumbers", "http.client", "ssl", "asyncio"}
    assert not loaded & slow
