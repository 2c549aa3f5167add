"""A recording is checked again offline, and replayed against the mock: real processes, real files."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from contract_tests.recordings.bursts import bursts
from contract_tests.recordings.har import read
from contract_tests.recordings.masking import Mask, secret_names, stood_in
from contract_tests.recordings.naming import Recogniser
from contract_tests.words.shapes import shape
from contract_tests.words.spec_lines import Place, SpecLines
from mock_server.commands.cli import main
from mock_server.spec import Spec, load_all
from tests.conftest import RINGBACK, ROOT
from tests.honest.server import KEY, HonestServer

SMALL = {
    "interactly": [
        *("listNumbers", "purchaseNumber", "importNumber", "updateNumber"),
        *("createAssistant", "getAssistant", "updateAssistant"),
    ],
    "teli": ["createPhoneNumber", "listPhoneNumbers", "updatePhoneAgent", "releasePhoneNumber", "createUser"],
    "uponai": ["updatePhoneNumberAssignment", "updateAgent", "listAgents"],
    "vogent": ["createPhoneNumber", "searchPhoneNumbers", "updatePhoneNumber", "deletePhoneNumber", "deleteAgent"],
}
Har = dict[str, Any]


def only(provider: str) -> list[str]:
    """The words that have a few operations of a vendor checked."""
    return [part for name in SMALL[provider] for part in ("--operation", name)]


def first_of(*vendors: str) -> list[ParameterSet]:
    """Every vendor; the others than these are left to `make proof`."""
    return [pytest.param(one, marks=[] if one in vendors else [pytest.mark.proof]) for one in SMALL]


def ringback(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RINGBACK, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "GITHUB_ACTIONS"}, **(env or {})},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Callable[[str], Path]:
    """`recorded("teli")` is a recording of a small check of our own mock; each is made once."""

    def record(provider: str) -> Path:
        file = folder / f"{provider}.har"
        if not file.exists():
            done = ringback("check", provider, *only(provider), "--draws", "1", "--record", file)
            assert done.returncode == 0, done.stdout + done.stderr
        return file

    return record


@pytest.fixture(scope="module")
def honest(folder: Path) -> Path:
    """A recording of a check of the server that decides for itself wherever the pages are silent."""
    file = folder / "honest.har"
    with HonestServer("interactly") as server:
        Thread(target=server.serve_forever, daemon=True).start()
        target = ["--target", server.origin("interactly"), "--api-key-env", "HONEST_KEY"]
        words = [*target, *only("interactly"), "--draws", "1", "--record", file]
        done = ringback("check", "interactly", *words, env={"HONEST_KEY": KEY})
        server.shutdown()
    assert done.returncode == 0, done.stdout + done.stderr
    return file


def rechecked(file: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    """The JSON report of a re-check, and what it printed; a finding or none, it must not fail otherwise."""
    report, said = file.with_suffix(".json"), io.StringIO()
    with redirect_stdout(said):
        code = main(["check", "--from", str(file), "--report", f"json={report}", *map(str, arguments)])
    document = json.loads(report.read_text())
    assert code == (1 if document["counts"]["failed"] else 0)
    return document, said.getvalue()


def diffed(file: Path, *arguments: object) -> dict[str, Any]:
    done = ringback("diff", file, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def edited(source: Path, to: Path, change: Callable[[list[Har]], None]) -> Path:
    har = json.loads(source.read_text())
    change(har["log"]["entries"])
    to.write_text(json.dumps(har))
    return to


def answers(entries: list[Har], method: str, end: str, status: int) -> Iterator[tuple[int, Har, Any]]:
    """The entries of that method, end of the address and status, with their index and their answer."""
    for index, entry in enumerate(entries):
        request, response = entry["request"], entry["response"]
        if request["method"] == method and request["url"].split("?")[0].endswith(end) and response["status"] == status:
            yield index, entry, json.loads(response["content"]["text"])


def answer(entry: Har, body: Any) -> None:
    entry["response"]["content"]["text"] = json.dumps(body)


def findings(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The operation, property and request of each finding."""
    return [
        (outcome["operation"], outcome["property"], finding["request"])
        for outcome in report["outcomes"]
        for finding in outcome["findings"]
    ]


@pytest.mark.long
@pytest.mark.parametrize("provider", first_of("teli", "uponai"))
def test_our_own_recording_holds_when_it_is_checked_again(recorded: Callable[[str], Path], provider: str) -> None:
    file, report = recorded(provider), recorded(provider).with_suffix(".json")
    done = ringback("check", "--from", file, "--fail-on", "assumed", "--report", f"json={report}")
    assert done.returncode == 0, done.stdout
    report, said = json.loads(report.read_text()), done.stdout
    count = len(json.loads(file.read_text())["log"]["entries"])
    assert said.startswith(f"Re-checking {file}: {count:,} exchanges of {provider}, 0 of other hosts left out\n")
    assert "nothing sent" in said
    assert (report["counts"]["findings"], report["counts"]["notes"]) == (0, 0)
    assert report["counts"]["passed"] > 5
    assert report["recording"] == {"file": str(file), "exchanges": count, "elsewhere": 0, "unanswered": 0}
    assert {one["verdict"] for one in report["assumed"]} == {"supported"}


@pytest.mark.long
@pytest.mark.parametrize("provider", first_of("interactly", "vogent"))
def test_the_mock_answers_its_own_recording_as_it_was_recorded(recorded: Callable[[str], Path], provider: str) -> None:
    document = diffed(recorded(provider), provider)
    assert document["differences"] == []
    # What the figures of a campaign count is in no list; nothing else of what a page documents is left out for that.
    counting = [said for said in document["not_replayed"][provider] if "of a campaign" in said]
    assert len(counting) == (1 if provider == "teli" else 0)
    fidelity = document["fidelity"]
    assert fidelity["percent"] == 100.0
    assert fidelity["agreeing"] == fidelity["exchanges"] > 40
    assert fidelity["agreeing_fields"] == fidelity["fields"] == sum(one["fields"] for one in document["operations"])
    assert document["began_with"][provider]["numbers"]


def test_a_changed_error_sentence_is_found(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    changed = []

    def change(entries: list[Har]) -> None:
        for index, entry, body in answers(entries, "POST", "/update-agent", 500):
            answer(entry, {**body, "error": "No such agent, sorry"})
            changed.append(index)
            break

    report, said = rechecked(edited(recorded("teli"), tmp_path / "x.har", change))
    assert len(findings(report)) == 1
    operation, name, request = findings(report)[0]
    assert (operation, name) == ("updatePhoneAgent", "errors")
    assert f"entry {changed[0]}" in request
    assert "No such agent, sorry" in said
    assert "1 failed" in said


def test_a_changed_error_sentence_of_a_request_that_no_page_shows_is_found(
    recorded: Callable[[str], Path], tmp_path: Path
) -> None:
    def change(entries: list[Har]) -> None:
        for index, entry, body in answers(entries, "POST", "/update-agent", 500):
            entry["request"]["postData"]["text"] = json.dumps({"inbound_agent_id": "agent_of_somebody_else"})
            answer(entry, {**body, "error": "No such agent, sorry"})
            assert index
            break

    assert [
        finding[:2] for finding in findings(rechecked(edited(recorded("teli"), tmp_path / "x.har", change))[0])
    ] == [("updatePhoneAgent", "errors")]


def test_a_lost_field_is_found(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    changed = []

    def change(entries: list[Har]) -> None:
        for index, entry, body in answers(entries, "POST", "/phone-numbers/create", 200):
            del body["area_code"]
            answer(entry, body)
            changed.append(index)
            break

    report, _ = rechecked(edited(recorded("teli"), tmp_path / "x.har", change))
    assert {one[:2] for one in findings(report)} == {("createPhoneNumber", "examples")}
    assert f"entry {changed[0]}" in findings(report)[0][2]


def test_a_stale_read_is_found(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    """The first list after a link shows the number as it was before; the last that linked it was the PATCH."""
    changed = []

    def change(entries: list[Har]) -> None:
        linked = [
            (index, entry["_ringback"]["space"])
            for index, entry, body in answers(entries, "PATCH", "/update-agent", 200)
            if body.get("inbound_agent_id") and body["phone_number"] == "+14155551234"
        ]
        for index, entry, body in answers(entries, "GET", "/phone-numbers", 200):
            if any(before < index and space == entry["_ringback"]["space"] for before, space in linked):
                row = body["phone_numbers"][0]
                if row["phone_number"] == "+14155551234" and row["inbound_agent_id"]:
                    row["inbound_agent_id"] = None
                    answer(entry, body)
                    changed.append(index)
                    return

    report, _ = rechecked(edited(recorded("teli"), tmp_path / "x.har", change))
    assert changed
    assert [one[:2] for one in findings(report)] == [("updatePhoneAgentPatch", "read-back")]
    assert f"entry {changed[0]}" in findings(report)[0][2]


@pytest.mark.long
def test_of_writes_that_overlap_in_time_the_order_is_not_known(tmp_path: Path) -> None:
    """Updates of one field each are sent at once; one that is lost is found all the same, by the next look."""
    file = tmp_path / "together.har"
    assert ringback("check", "vogent", "--operation", "updateAgent", "--draws", "0", "--record", file).returncode == 0
    sent = {one.entry: one.request for one in read(file, load_all())}
    # Updates in a row, of the same record and each of another field: three rounds of them were sent at once. How much
    # they then overlapped is up to the machine, so here the times are written.
    rows: list[list[int]] = [[]]
    for entry, request in sent.items():
        before = [sent[one] for one in rows[-1]]
        if request.method != "PUT" or [one for one in before if one.path != request.path or one.body == request.body]:
            rows.append([])
        rows[-1] += [entry] if request.method == "PUT" else []
    # The first round is the one whose fields nothing has written before.
    group = next(row for row in rows if len(row) == max(map(len, rows)))
    changes = {name: value for entry in group for name, value in json.loads(sent[entry].body or b"").items()}

    def turned(entries: list[Har]) -> None:
        """At the same time, and not in the server's order: its last answer, which shows all of them, comes first."""
        mine = entries[group[0] : group[-1] + 1]
        assert len(mine) == len(group)
        shown = [json.loads(one["response"]["content"]["text"]) for one in mine]
        done = [sum(row.get(name) == value for name, value in changes.items()) for row in shown]
        assert len(set(done)) > 1
        mine = [one for _, one in sorted(zip(done, mine, strict=True), key=lambda pair: pair[0])]
        mine = [mine[-1], *mine[:-1]]
        began = datetime.fromisoformat(mine[0]["startedDateTime"])
        for place, one in enumerate(mine):
            one |= {"startedDateTime": (began + timedelta(microseconds=place)).isoformat(), "time": 1}
        entries[group[0] : group[-1] + 1] = mine

    def one_by_one(entries: list[Har]) -> None:
        turned(entries)
        for entry in entries:
            entry["time"] = 0

    def lost(entries: list[Har]) -> None:
        turned(entries)
        look = next(entry for entry in entries[group[-1] + 1 :] if entry["request"]["method"] == "GET")
        body = json.loads(look["response"]["content"]["text"])
        row = next(row for row in body.get("data", [body]) if sent[group[0]].path.endswith(row["id"]))
        row["name"] = "lost"
        answer(look, body)

    accused = {}
    for change in (turned, one_by_one, lost):
        changed = edited(file, tmp_path / f"{change.__name__}.har", change)
        in_bursts = set(bursts(read(changed, load_all())))
        assert set(group) <= in_bursts or change is one_by_one
        report, _ = rechecked(changed)
        accused[change.__name__] = {one[1] for one in findings(report)}
    assert accused["turned"] == set()
    assert "partial" in accused["one_by_one"]
    assert accused["lost"] & {"read-back", "partial"}


def test_a_key_that_is_not_looked_at_is_found(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    def change(entries: list[Har]) -> None:
        lists = answers(entries, "GET", "/phone-numbers", 200)
        entry = next(entry for _, entry, _ in lists if entry["_ringback"]["key"] == "own")
        entry["_ringback"]["key"] = "none"

    report, _ = rechecked(edited(recorded("teli"), tmp_path / "x.har", change))
    assert [one[:2] for one in findings(report)] == [("listPhoneNumbers", "keys")]


@pytest.mark.long
def test_a_recording_of_an_independent_server_has_notes_and_contradicts_assumptions(honest: Path) -> None:
    report, said = rechecked(honest)
    assert (report["counts"]["findings"], report["counts"]["failed"]) == (0, 0)
    assert report["counts"]["notes"] > 10
    against = {one["statement"]: one for one in report["assumed"] if one["verdict"] == "contradicted"}
    assert {"answer missing-key", "answer malformed-json"} <= set(against)
    assert against["answer missing-key"]["recorded"]["body"]["errors"] == [{"detail": "API key is required"}]
    assert against["answer wrong-key"]["recorded"]["body"]["errors"] == [{"detail": "Invalid API key"}]
    created = [one for one in report["assumed"] if one["statement"] == "status 201"]
    assert {one["verdict"] for one in created} == {"supported"}
    assert f"contradicted  {against['answer missing-key']['line']}" in said


@pytest.mark.long
def test_a_diff_of_an_independent_server_tells_what_differs_and_the_lines_to_change(honest: Path) -> None:
    document = diffed(honest)
    assert 30 < document["fidelity"]["percent"] < 90
    # What one of the two refuses has no record to compare.
    both = [one for one in document["differences"] if max(one["status"].values()) < 300]
    told = {(one["operation"], one["at"], one["is"]) for one in both}
    assert ("listNumbers", "/*/createdAt", "only recorded") in told
    assert ("createAssistant", "status", "different") in told
    # Ids are compared by their kind, and those that the recorded server issued were replaced on the way. Rows alone may
    # be only recorded: that server's filter takes a part of a label too.
    assert not [one for one in told if one[1] in ("/_id", "/*/_id") and one[2] != "only recorded"]
    against = [one for one in document["assumed"] if one["verdict"] == "contradicted"]
    assert against
    for one in against:
        file, _, line = one["line"].partition(":")
        words = (ROOT / file).read_text().splitlines()[int(line) - 1]
        assert "value:" in words or one["statement"].split(" ")[1] in words, one
    done = ringback("diff", honest, "interactly", "--fail-under", "95")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith(f"fidelity {document['fidelity']['percent']} % of ")


def test_ids_of_the_recorded_server_are_replaced_by_those_of_the_mock(
    recorded: Callable[[str], Path], tmp_path: Path
) -> None:
    """Every record that was made has another id than the mock would ever give it; the mock is called with its own."""
    source = recorded("vogent")
    made = {
        body["id"]
        for _, _, body in answers(json.loads(source.read_text())["log"]["entries"], "POST", "/api/phone_numbers", 200)
    }
    assert made
    text = source.read_text()
    for index, id in enumerate(sorted(made - {"1caec78c-4bba-477d-82cf-bcfce2b73856"})):
        text = text.replace(id, f"{index:08x}-aaaa-4bbb-8ccc-dddddddddddd")
    file = tmp_path / "other-ids.har"
    file.write_text(text)
    document = diffed(file)
    assert document["differences"] == []
    assert any("aaaa-4bbb-8ccc" in entry["request"]["url"] for entry in json.loads(text)["log"]["entries"])


def foreign(entries: list[Har]) -> None:
    """Writes a recording as a browser would: other names, base64, pseudo headers, no word of ours, other hosts."""
    for entry in entries:
        url = entry["request"]["url"]
        entry["request"]["url"] = "https://api.vogent.ai" + url[url.index("/api/") :]
        told = entry.pop("_ringback")
        named = entry["request"]["headers"]
        entry["request"]["headers"] = [{"name": ":authority", "value": "api.vogent.ai"}] + [
            {"name": one["name"].lower(), "value": one["value"].replace("***", "real-key")}
            for one in named
            if told["key"] == "own"
        ]
        content = entry["response"]["content"]
        content |= {"text": b64encode(content["text"].encode()).decode(), "encoding": "base64"}
        for name in ("httpVersion", "cookies", "headersSize", "bodySize", "queryString"):
            del entry["request"][name]
        del entry["response"]["headers"], entry["cache"], entry["timings"], entry["startedDateTime"]
    elsewhere = {"request": {"method": "GET", "url": "https://example.com/x"}, "response": {"status": 200}}
    preflight = {"method": "OPTIONS", "url": "https://api.vogent.ai/api/phone_numbers"}
    entries += [elsewhere, {"request": preflight, "response": {"status": 204}}]
    entries += [{"request": {**preflight, "method": "GET"}, "response": {"status": 0}}]


@pytest.mark.parametrize("sanitised", [False, True])
def test_a_recording_of_a_browser_is_understood(
    recorded: Callable[[str], Path], tmp_path: Path, sanitised: bool
) -> None:
    def one_space(entries: list[Har]) -> None:
        """A vendor's account is one world, whereas our own check uses many."""
        space = next(entry["_ringback"]["space"] for entry in entries if entry["_ringback"]["key"] == "own")
        entries[:] = [entry for entry in entries if entry["_ringback"]["space"] == space]
        foreign(entries)
        for entry in entries if sanitised else ():
            # A browser may leave out what it takes for a secret, without a word.
            named = entry["request"].get("headers", [])
            entry["request"]["headers"] = [one for one in named if one["name"] != "authorization"]

    file = edited(recorded("vogent"), tmp_path / "browser.har", one_space)
    report, said = rechecked(file, "vogent")
    assert (report["counts"]["findings"], report["recording"]["elsewhere"]) == (0, 1)
    assert report["recording"]["unanswered"] == 1
    assert "1 to no documented operation" in said
    document = diffed(file)
    assert document["fidelity"]["percent"] == 100.0
    assert ("real-key" in file.read_text()) is not sanitised
    assert "real-key" not in said + json.dumps(report) + json.dumps(document)


def test_masked_secrets_are_stood_in_for(recorded: Callable[[str], Path], specs: dict[str, Spec]) -> None:
    entries = json.loads(recorded("vogent").read_text())["log"]["entries"]
    text = [entry["request"].get("postData", {}).get("text", "") for entry in entries]
    assert any('"password": "***"' in one for one in text)
    assert not any("secret1" in one for one in text)
    spec = specs["vogent"]
    schema = spec.operations["createPhoneNumber"].body_schema
    body = {"type": "vogent_sip", "vogentSip": {"sipPrefix": "acme", "username": "someone", "password": "hush"}}
    masked = Mask([], secret_names(specs.values())).node(body)
    assert masked["vogentSip"] == {"sipPrefix": "acme", "username": "***", "password": "***"}
    filled = stood_in(spec, schema, masked)
    assert filled["vogentSip"] == {"sipPrefix": "acme", "username": "acmeuser", "password": "secret1"}
    assert stood_in(spec, schema, masked, "password is too short")["vogentSip"]["password"] == "***"


def test_the_shape_of_a_secret_survives_its_mask() -> None:
    mask = Mask(["KEY"], frozenset(("secret",)))
    hidden = mask.node({"secret": {"a": ["x", 7, True, None, ""]}, "open": "x"})
    assert hidden == {"secret": {"a": ["***", 0, True, None, ""]}, "open": "x"}


def test_documented_requests_are_recognised(recorded: Callable[[str], Path], specs: dict[str, Spec]) -> None:
    recogniser = Recogniser(specs["teli"], specs)
    named = set()
    for one in read(recorded("teli"), specs):
        recognised = recogniser.recognised(one)
        if recognised is not None:
            named |= {(recognised.operation.id, name.name) for name in recognised.names}
    wanted = {"link-inbound", "clear-inbound", "missing-fields", "agent-not-found", "wrong-type", "malformed-json"}
    assert {("updatePhoneAgent", name) for name in wanted} <= named


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no json", "is no HAR"),
        ("{}", "is no HAR"),
        ('{"log": {"entries": {}}}', "is no HAR"),
        ('{"log": {"entries": [{}]}}', "entry 0 is broken"),
        ('{"log": {"entries": [7]}}', "entry 0 is broken"),
        ('{"log": {"entries": []}}', "has no exchange of any vendor; 0 are of other hosts"),
        ("[" * 100_000, "is no HAR"),
    ],
)
def test_a_file_that_is_no_recording_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    file = tmp_path / "x.har"
    file.write_text(content)
    for arguments in (["check", "--from", str(file)], ["diff", str(file)]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        said = capsys.readouterr()
        assert words in said.err
        assert said.err.startswith(f"ringback {arguments[0]}: {file}: ")
        assert len(said.err.splitlines()) == 1
        assert not said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "--from", "nowhere.har"], "nowhere.har: No such file or directory"),
        (["check", "--from", "x.har", "--target", "http://127.0.0.1:1"], "--target is about what is sent"),
        (["check", "nobody", "--from", "x.har"], "nobody: no such vendor"),
        (["diff"], "the following arguments are required: F.har"),
        (["diff", "nowhere.har"], "nowhere.har: No such file or directory"),
        (["diff", "nowhere.har", "--fail-under", "many"], "--fail-under many: a number from 0 to 100 is needed"),
        (["diff", "nowhere.har", "nobody"], "nobody: no such vendor"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], words: str) -> None:
    done = ringback(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.long
def test_reports_of_a_recheck_are_like_those_of_a_check(honest: Path, tmp_path: Path) -> None:
    junit, html = tmp_path / "x.xml", tmp_path / "x.html"
    done = ringback("check", "--from", honest, "--report", f"junit={junit}", "--report", f"html={html}")
    assert done.returncode == 0
    assert 'name="interactly-listNumbers-list"' in junit.read_text()
    assert str(honest) in html.read_text()
    strictly = ["--operation", "getAssistant", "--fail-on", "assumed"]
    annotated = ringback("check", "--from", honest, *strictly, env={"GITHUB_ACTIONS": "1"})
    assert annotated.returncode == 1
    assert re.search(
        r"^::error file=openapi/interactly.yaml,line=\d+,title=interactly getAssistant \[keys\]::",
        annotated.stdout,
        re.MULTILINE,
    ), annotated.stdout


def _statements(spec: Spec, lines: SpecLines) -> Iterator[tuple[str, Place | None, str]]:
    """Every assumed statement of a spec: its name, its place, and a word that must stand in its line."""
    for operation in spec.operations.values():
        for name, one in operation.answers.items():
            if one.evidence.grade == "assumed":
                yield f"{operation.id} answer {name}", lines.answer(operation, name), "value:"
        for name, request in operation.requests.items():
            if request.evidence.grade == "assumed":
                yield f"{operation.id} request {name}", lines.request(operation, name), name
        for status, response in operation.responses.items():
            if (response.status_evidence or response.evidence).grade == "assumed":
                yield f"{operation.id} status {status}", lines.response(operation, status), str(status)
        for index, rule in enumerate(operation.refusals):
            if rule.evidence is not None and rule.evidence.grade == "assumed":
                yield f"{operation.id} refusal {index}", lines.refusal(operation, index), "- "
        declared = operation.contract.get("evidence") or {}
        for key in operation.contract if "grade" in declared else declared:
            told = declared if "grade" in declared else declared[key]
            if key != "evidence" and told["grade"] == "assumed":
                yield f"{operation.id} contract {key}", lines.contract(operation, key), f"{key}:"
    for name, one in spec.answers.items():
        if one.evidence.grade == "assumed":
            yield f"answer {name}", lines.answer(None, name), "value:"


@pytest.mark.parametrize("provider", SMALL)
def test_every_assumed_statement_is_found_in_the_line_that_says_it(specs: dict[str, Spec], provider: str) -> None:
    spec = specs[provider]
    text = (ROOT / "openapi" / f"{provider}.yaml").read_text().splitlines()
    found = list(_statements(spec, SpecLines(spec)))
    assert len(found) > 40
    for name, place, word in found:
        assert place is not None, name
        for where, wanted in ((place.statement, word), (place.evidence, "assumed")):
            file, _, line = where.partition(":")
            assert file == f"openapi/{provider}.yaml"
            assert wanted in text[int(line) - 1], f"{name}: {where} says {text[int(line) - 1]}"


def test_the_line_of_a_field_is_the_one_that_names_it(specs: dict[str, Spec]) -> None:
    spec = specs["uponai"]
    text = (ROOT / "openapi" / "uponai.yaml").read_text().splitlines()
    place = SpecLines(spec).field(spec.operations["updatePhoneNumberAssignment"], 200, "/message")
    assert place is not None
    assert "message:" in text[int(place.statement.partition(":")[2]) - 1]
    assert "assumed" in text[int(place.evidence.partition(":")[2]) - 1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("8f6f2f5e-54b1-4a54-9d4c-6a1f6f4fd001", "2fa5412b-c6a1-495f-b546-a3cadc0316d9", True),
        ("+13135550101", "+442079460000", True),
        ("2025-11-20T17:41:24.234773", "2031-01-02T03:04:05.000001", True),
        ("2025-11-20T17:41:24.234Z", "2025-11-20T17:41:24.234773", False),
        ("1763500416653x437043850941191495", "1762896366429x599348279945132448", True),
        ("agent_86f826bf8f59bacd5c10ae948a", "agent_1e5d2a9c07b34f6889aa01bc23", True),
        ("agent_86f826bf8f59bacd5c10ae948a", "8f6f2f5e-54b1-4a54-9d4c-6a1f6f4fd001", False),
        ("+1 313-555-0101", "+13135550101", False),
        (7, 123, True),
        (None, "x", False),
    ],
)
def test_the_kind_of_a_value_is_told_without_its_value(one: Any, other: Any, same: bool) -> None:
    assert (shape(one) == shape(other)) is same
