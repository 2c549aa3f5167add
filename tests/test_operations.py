"""`ringback operations`: its shape, and that every line it prints gets the answer that it stands under."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from mock_server.commands.listing import as_text
from mock_server.operations import DEFAULT_ORIGIN, catalogue
from mock_server.spec import Spec, load_all
from tests.conftest import RINGBACK, ROOT, Client, Server

KEY = "test_me"
SPECS = load_all()
ANSWERS = [
    pytest.param(entry["provider"], entry["operation"], answer, id=f"{entry['operation']}-{answer['name']}")
    for entry in catalogue(SPECS)
    for answer in entry["answers"]
]
SIMPLE = [case for case in ANSWERS if not any("$(" in line for line in case.values[2]["provoke"])]
CAPTURING = [case for case in ANSWERS if case not in SIMPLE]


def printed(*arguments: str) -> str:
    done = subprocess.run([*RINGBACK, "operations", *arguments], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout


def test_the_lines_are_for_the_server_that_other_commands_speak_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_URL", "http://127.0.0.1:4999")
    assert " http://127.0.0.1:4999/uponai/" in printed("uponai", "updatePhoneNumberAssignment")
    assert " http://127.0.0.1:4998/uponai/" in printed(
        "uponai", "updatePhoneNumberAssignment", "--origin", "http://127.0.0.1:4998"
    )


def in_fresh_space(lines: list[str], server: Server) -> list[str]:
    """The lines for this server, with a key that nobody else has."""
    key = f"test_{uuid4().hex}"
    return [line.replace(DEFAULT_ORIGIN, server.url).replace(KEY, key) for line in lines]


def sent(line: str) -> tuple[int, Any]:
    """Status and body of the answer to a curl line, sent without curl."""
    words = iter(shlex.split(line)[1:])
    method, url, headers, body = "GET", "", {}, None
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(":")
            headers[name] = value.strip()
        elif word == "-d":
            body = next(words).encode()
        else:
            assert not word.startswith("-"), word
            url = word
    response = requests.request(method, url, headers=headers, data=body, timeout=20)
    return response.status_code, response.json() if response.content else None


def run_in_bash(lines: list[str]) -> tuple[int, Any]:
    """Status and body of what the last line gets when all are run in one shell."""
    before = [f"{line} > /dev/null" for line in lines[:-1]]
    script = "\n".join(["set -euo pipefail", *before, lines[-1] + " -s -w '\\n%{http_code}'"])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (script, done.stderr)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


def assert_named_answer(found: tuple[int, Any], provider: str, operation: str, name: str) -> None:
    """An error is the example to the letter, but for the caller's own values in it; a success has its keys, those at
    least that the schema requires, and its constants."""
    answer = SPECS[provider].operations[operation].answers[name]
    required = (SPECS[provider].operations[operation].responses[answer.status].schema or {}).get("required")
    status, body = found
    assert status == answer.status
    if status >= 400:
        wanted = re.escape(json.dumps(answer.value))
        for literal in sorted(answer.placeholders.values(), key=len, reverse=True):
            wanted = wanted.replace(re.escape(json.dumps(literal)[1:-1]), ".+")
        assert re.fullmatch(wanted, json.dumps(body)), (body, answer.value)
        return
    assert type(body) is type(answer.value)
    if isinstance(body, dict):
        assert set(body) <= set(answer.value)
        assert set(body) >= set(required or answer.value)
        said = answer.filled(body)
        assert {name: body[name] for name in answer.constants} == {name: said[name] for name in answer.constants}
    elif answer.value is None:
        assert required is None
    elif answer.value:
        assert set(answer.value[0]) in [set(row) for row in body]
    else:
        assert body == []


class TestShape:
    def test_the_json_lists_every_operation_and_every_answer_with_its_evidence_and_lines(self) -> None:
        entries = json.loads(printed("--json"))
        assert [(entry["provider"], entry["operation"]) for entry in entries] == [
            (spec.provider, operation) for spec in SPECS.values() for operation in spec.operations
        ]
        for entry in entries:
            operation = SPECS[entry["provider"]].operations[entry["operation"]]
            assert (entry["method"], entry["path"]) == (operation.method, operation.path)
            assert entry["evidence"] in ("seed", "doc", "observed", "assumed")
            assert entry["source"]
            assert {answer["name"]: answer["status"] for answer in entry["answers"]} == {
                name: answer.status for name, answer in operation.answers.items()
            }
            for answer in entry["answers"]:
                assert answer["evidence"] in ("seed", "doc", "observed", "assumed")
                assert answer["how"] in ("natural", "forced")
                assert "curl" in answer["provoke"][-1]
                assert ("Prefer:" in answer["provoke"][-1]) == (answer["how"] == "forced")

    def test_one_vendor_is_listed_on_request_and_the_text_has_every_line_of_the_json(self) -> None:
        entries = json.loads(printed("vogent", "--json"))
        assert {entry["provider"] for entry in entries} == {"vogent"}
        text = printed("vogent").splitlines()
        for entry in entries:
            for answer in entry["answers"]:
                assert all(f"      {line}" in text for line in answer["provoke"])

    def test_the_path_is_the_vendors_whole_path(self) -> None:
        assert {entry["path"] for entry in catalogue({"vogent": SPECS["vogent"]})} >= {"/api/phone_numbers/{id}"}

    def test_an_answer_is_forced_only_where_no_named_request_gets_it(self, specs: dict[str, Spec]) -> None:
        for entry in catalogue(specs):
            operation = specs[entry["provider"]].operations[entry["operation"]]
            natural = {request.answer for request in operation.requests.values()} | {"missing-key", "wrong-key"}
            for answer in entry["answers"]:
                assert answer["how"] == ("natural" if answer["name"] in natural else "forced")


class TestLines:
    @pytest.mark.parametrize(("provider", "operation", "answer"), SIMPLE)
    def test_every_line_gets_its_answer(
        self, provider: str, operation: str, answer: dict[str, Any], server: Server
    ) -> None:
        found = [sent(line) for line in in_fresh_space(answer["provoke"], server)]
        assert_named_answer(found[-1], provider, operation, answer["name"])

    @pytest.mark.parametrize(("provider", "operation", "answer"), [*CAPTURING, *SIMPLE[::10]])
    def test_the_lines_work_in_a_shell(
        self, provider: str, operation: str, answer: dict[str, Any], server: Server
    ) -> None:
        found = run_in_bash(in_fresh_space(answer["provoke"], server))
        assert_named_answer(found, provider, operation, answer["name"])

    def test_some_lines_keep_what_an_earlier_one_was_answered(self) -> None:
        assert {case.values[1] for case in CAPTURING} >= {"releasePhoneNumber", "deleteAgent"}


def test_an_answer_of_ours_to_what_a_page_says_is_refused_is_listed_with_both(specs: dict[str, Spec]) -> None:
    """A field is marked as required on the page, and the answer to a request without it is Ringback's own."""
    listed = {
        (entry["operation"], answer["name"]): (answer["evidence"], answer["refused"])
        for entry in catalogue({name: specs[name] for name in ("teli", "uponai")})
        for answer in entry["answers"]
    }
    assert listed["createPhoneNumber", "field-required"] == ("assumed", "seed")
    assert listed["updatePhoneNumberAssignment", "field-required"] == ("assumed", "seed")
    assert listed["createPhoneNumber", "missing-fields"] == ("seed", None)
    assert listed["createPhoneNumber", "created"] == ("seed", None)
    text = list(
        as_text(
            [one for one in catalogue({"uponai": specs["uponai"]}) if one["operation"] == "updatePhoneNumberAssignment"]
        )
    )
    assert "    400 field-required   [assumed] natural, refused in some form [seed]" in text


def test_the_mock_says_that_an_input_is_refused_at_all_better_than_how(api: Callable[..., Client]) -> None:
    """Marked as required on UponAI's page, which shows no error; the weights' sum is on no page at all."""
    client = api("uponai")
    path = "/api/numbers/+12137771235/agent"
    missing = client.put(path, json={"workspaceId": 1})
    assert (missing.status_code, missing.headers["X-Ringback-Evidence"]) == (400, "assumed")
    assert missing.headers["X-Ringback-Refused"] == "seed"
    entry = {"agent_id": "agent_d3c2df14e163c7ca8ac5b1bf38", "weight": 50}
    body = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1, "inboundAgents": [entry]}
    heavy = client.put(path, json=body)
    assert (heavy.status_code, heavy.headers["X-Ringback-Evidence"]) == (400, "assumed")
    assert "X-Ringback-Refused" not in heavy.headers
