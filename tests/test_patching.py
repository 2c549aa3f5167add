"""Recordings correct a spec: real answers of an independent server, corrections taken alone, nothing else touched."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
import requests
import yaml

from contract_tests.patching import changes, places
from contract_tests.patching.offering import NotTaken, lines, offered, take, tried
from contract_tests.patching.yamltext import CannotEdit, YamlText, flow, walk
from contract_tests.recordings import har
from mock_server.commands.cli import main
from mock_server.spec import SchemaCheck, Spec, load, load_all
from tests.conftest import RINGBACK, ROOT, Server
from tests.honest.server import KEY, HonestServer

NUMBERS = "/interactly/assistants/v1/numbers"
GOOD = {"Authorization": f"Bearer {KEY}"}
SAID = changes.observed("recording x.har, entry 1")
CALLS: list[tuple[str, str, dict[str, str], Any]] = [
    ("GET", NUMBERS, GOOD, None),
    ("GET", NUMBERS, {}, None),
    ("POST", f"{NUMBERS}/twilio", GOOD, {"label": "front-desk"}),
    ("GET", "/interactly/assistants/v1/assistants/678a253ca6d8665730435000", GOOD, None),
]


def entry(origin: str, method: str, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
    """A real exchange as a browser would write it."""
    reply = requests.request(method, origin + path, headers=headers, json=body, timeout=10)
    named = [{"name": name, "value": value} for name, value in {**headers, "Content-Type": "application/json"}.items()]
    request: dict[str, Any] = {"method": method, "url": origin + path, "headers": named}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"mimeType": "application/json", "text": reply.text}
    shown = [{"name": name, "value": value} for name, value in reply.headers.items()]
    response = {"status": reply.status_code, "headers": shown, "content": content}
    return {"startedDateTime": "2026-11-02T10:00:00Z", "time": 3, "request": request, "response": response}


def write(file: Path, entries: list[dict[str, Any]]) -> Path:
    file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return file


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    """What a server answered that keeps to the pages and decides for itself where they are silent."""
    with HonestServer("interactly") as server:
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        origin = server.origin("interactly").removesuffix("/interactly")
        made = [entry(origin, *call) for call in CALLS]
        server.shutdown()
    return made


@pytest.fixture
def recording(entries: list[dict[str, Any]], tmp_path: Path) -> Path:
    return write(tmp_path / "vendor.har", entries)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a spec that may be changed."""
    (tmp_path / "specs").mkdir()
    shutil.copy(ROOT / "openapi" / "interactly.yaml", tmp_path / "specs")
    return tmp_path / "specs" / "interactly.yaml"


def run(*arguments: object, code: int = 0) -> str:
    """What the command prints, run in this process; the mock is another one."""
    said = io.StringIO()
    with patch.dict(os.environ), redirect_stdout(said):
        assert main([str(one) for one in arguments]) == code
    return said.getvalue()


def diff(*arguments: object) -> str:
    return run("diff", *arguments)


def test_each_correction_can_be_taken_alone_and_the_mock_then_says_what_was_recorded(
    recording: Path, own: Path, serve: Callable[..., Server]
) -> None:
    before, spec = own.read_text(), load(own)
    offer = offered({"interactly": spec}, ["interactly"], [har.read(recording, {"interactly": spec})])
    numbered = {one.statement: one for one in offer.items}
    replaced = {name for name, one in numbered.items() if one.word == "replace"}
    assert replaced == {f"answer {name}" for name in ("missing-key", "number-required", "assistant-not-found")}
    assert numbered["status 200"].word == "raise"
    assert [one.number for one in offer.items] == list(range(1, len(offer.items) + 1))
    gone = changes.loaded(numbered["answer assistant-not-found"].change(before), own)
    assert gone.operations["getAssistant"].answers["assistant-not-found"].status == 410
    wanted = ",".join(str(numbered[f"answer {name}"].number) for name in ("number-required", "missing-key"))
    chosen = ["--specs", own.parent, "--patch", "--take", wanted, "--json"]
    told = subprocess.run([*RINGBACK, "diff", recording, *chosen], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert "2 taken, fidelity" in said["written"][0]
    assert (len(said["patches"]), said["contradicts_pages"]) == (2, [])
    for one in said["patches"]:
        # Every one is a patch that stands for itself.
        tree = own.parent.parent / f"alone-{one['number']}"
        tree.mkdir()
        (tree / "interactly.yaml").write_text(before)
        text = one["diff"].replace(str(own), "interactly.yaml")
        done = subprocess.run(["git", "apply", "-p0", "-"], input=text, text=True, cwd=tree, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert load(tree / "interactly.yaml") is not None
        assert "source: 'recording vendor.har of 2026-11-02, entry" in (tree / "interactly.yaml").read_text()
    after = own.read_text().splitlines()
    assert [line for line in before.splitlines() if line.lstrip().startswith("#")] == [
        line for line in after if line.lstrip().startswith("#")
    ]
    spec = load(own)
    assert spec.answer(None, "missing-key").evidence.grade == "observed"
    assert spec.operations["importNumber"].answers["number-required"].status == 422
    assert spec.operations["importNumber"].answers["invalid-number"].status == 400
    (own.parent / "fixtures").mkdir()
    shutil.copy(ROOT / "fixtures" / "interactly.yaml", own.parent / "fixtures")
    server = serve("--specs", str(own.parent))
    answered = requests.post(
        f"{server.url}{NUMBERS}/twilio", json={"label": "x"}, headers={"Authorization": "Bearer test_p"}, timeout=10
    )
    assert (answered.status_code, answered.json()["errors"]) == (422, [{"detail": "where is number?"}])
    missing = requests.get(f"{server.url}{NUMBERS}", timeout=10)
    assert (missing.status_code, missing.json()["errors"]) == (401, [{"detail": "API key is required"}])
    left = offered({"interactly": spec}, ["interactly"], [har.read(recording, {"interactly": spec})]).items
    assert {one.statement for one in left if one.word == "replace"} == {"answer assistant-not-found"}


def test_what_contradicts_a_page_is_told_and_never_changed(
    entries: list[dict[str, Any]], own: Path, tmp_path: Path
) -> None:
    listed = json.loads(entries[0]["response"]["content"]["text"])
    for row in listed:
        del row["number"]
    content = {**entries[0]["response"]["content"], "text": json.dumps(listed)}
    wrong = {**entries[0], "response": {**entries[0]["response"], "content": content}}
    file, before = write(tmp_path / "wrong.har", [wrong]), own.read_text()
    said = json.loads(diff(file, "--specs", own.parent, "--patch", "--take", "all", "--json"))
    [told] = {one["message"]: one for one in said["contradicts_pages"]}.values()
    assert (told["grade"], told["operation"]) == ("doc", "listNumbers")
    assert "number is required" in told["message"]
    assert told["source"] == "docs.interactly.ai (List Numbers)"
    changed = [line for line in own.read_text().splitlines() if line not in before.splitlines()]
    assert all("x-evidence" in line for line in changed)
    offer = offered(load_all(), ["interactly"], [har.read(file, load_all())])
    assert "and is never changed" in "\n".join(lines(offer))


def test_a_recording_of_ringback_itself_proves_nothing(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path / "ours.har", [entry(server.url, *call) for call in CALLS[:3]])
    said = diff(file, "--patch")
    assert "there is nothing to correct" in said
    assert "3 exchanges were answered by Ringback itself" in said


def test_servers_that_disagree_correct_nothing(
    entries: list[dict[str, Any]], specs: dict[str, Spec], tmp_path: Path
) -> None:
    """One recording says that the key is missing with 401, another with 403: which is right nobody knows."""
    other = {**entries[1], "response": {**entries[1]["response"], "status": 403}}
    files = [write(tmp_path / "a.har", [entries[1]]), write(tmp_path / "b.har", [other])]
    recordings = [har.read(file, specs) for file in files]
    for one in recordings:
        one.label = one.file.name
    offer = offered(specs, ["interactly"], recordings)
    assert offer.items == []
    [left] = offer.left
    assert "401, 403" in left.why


def test_what_two_recordings_say_is_counted_together(entries: list[dict[str, Any]], tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.har", entries[:2]), write(tmp_path / "b.har", entries[1:3])
    told = run("check", "--from", a, "--from", b, "--report", f"json={tmp_path / 'r.json'}", "--notes")
    report = json.loads((tmp_path / "r.json").read_text())
    assert [one["exchanges"] for one in report["recordings"]] == [2, 2]
    assumed = {one["statement"]: one for one in report["assumed"]}
    assert (assumed["answer missing-key"]["contradicted"], assumed["answer missing-key"]["file"]) == (2, "a.har")
    assert "entry 1 of a.har" in told
    assert f"Re-checking {b}: 2 exchanges of interactly" in told
    document = json.loads(diff(a, b, "interactly", "--json"))
    assert document["fidelity"]["exchanges"] == 4
    assert set(document["began_with"]) == {"interactly of a.har", "interactly of b.har"}
    assert {one["file"] for one in document["differences"]} == {"a.har", "b.har"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--take", "1"], "--take is of no use without --patch"),
        (["--patch", "--take", "99"], "--take 99: there is no correction 99; there are 1 to"),
        (["--patch", "--take", "3-1"], "--take 3-1: numbers such as 1,3-5 are needed, or all"),
        (["--patch", "--take", "first"], "--take first: numbers such as 1,3-5 are needed, or all"),
        (["--patch", "--fail-under", "9"], "--fail-under is about a diff"),
        (["{}"], "is named twice"),
        (["nowhere.har"], "nowhere.har: No such file or directory"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    recording: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["diff", str(recording), *(one.replace("{}", str(recording)) for one in arguments)])
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_nothing_is_half_written(
    entries: list[dict[str, Any]], own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load(own)
    recording = har.read(write(tmp_path / "x.har", entries[1:2]), {"interactly": spec})
    offer = offered({"interactly": spec}, ["interactly"], [recording])
    tried(offer, [1])
    before = own.read_bytes()

    def refused(words: str) -> None:
        there = own.read_bytes() if own.exists() else None
        with pytest.raises(NotTaken, match=words):
            take(offer, [1])
        assert (own.read_bytes() if own.exists() else None) == there
        assert [file.name for file in own.parent.iterdir()] == ([own.name] if there is not None else [])

    with monkeypatch.context() as patched:
        patched.setattr("contract_tests.patching.offering.mock_server.__file__", str(own.parent / "__init__.py"))
        refused(r"interactly\.yaml belongs to the installed package; copy it into a folder of yours")
    own.write_bytes(before + b"# more\n")
    refused(r"interactly\.yaml was changed meanwhile; run it again")
    own.unlink()
    refused(r"interactly\.yaml could not be written: No such file")
    own.write_bytes(before)
    assert "1 taken" in take(offer, [1])[0]
    assert load(own).answer(None, "missing-key").evidence.source == "recording x.har of 2026-11-02, entry 0"


def test_a_field_that_is_not_there_and_one_that_is_null_are_what_the_page_leaves_open(tmp_path: Path) -> None:
    """The page shows the rows of a list, and says neither which fields are always there nor which are never null."""
    spec = load(ROOT / "openapi" / "teli.yaml")
    answer = next(one.value for one in spec.operations["listPhoneNumbers"].answers.values() if one.status == 200)
    body = json.loads(json.dumps(answer))
    for row in body["phone_numbers"]:
        del row["provider"]
        row["area_code"] = None
    url = "https://api.teli.ai/v1/voice/phone-numbers"
    request = {"method": "GET", "url": url, "headers": [{"name": "X-API-Key", "value": "***"}]}
    content = {"mimeType": "application/json", "text": json.dumps(body)}
    response = {"status": 200, "headers": [], "content": content}
    file = write(tmp_path / "rows.har", [{"request": request, "response": response}])
    offer = offered({"teli": spec}, ["teli"], [har.read(file, {"teli": spec})])
    known = {one.statement: one for one in offer.items if one.word == "replace"}
    assert {name: one.recorded for name, one in known.items()} == {
        "required /phone_numbers/*": ["provider"],
        "null /phone_numbers/*": ["area_code"],
    }
    text = offer.tryings["teli"].text
    for one in known.values():
        text = one.change(text)
    schema = changes.loaded(text, ROOT / "openapi" / "teli.yaml").operations["listPhoneNumbers"].responses[200].schema
    assert schema is not None
    row = schema["properties"]["phone_numbers"]["items"]
    assert "provider" not in row["required"]
    assert "area_code" in row["required"]
    assert row["properties"]["area_code"]["type"] == ["string", "null"]
    assert row["properties"]["area_code"]["x-evidence"]["null"]["source"] == "recording rows.har, entry 0"
    assert SchemaCheck(schema).is_valid(body)


@pytest.mark.parametrize(
    "said", ["two\nlines", "# none", "a: b", "***", "\u2028\x07", "yes", "2026-01-01", "{x}", "'", ""]
)
def test_whatever_was_said_is_written_in_one_line(said: str) -> None:
    text = flow({"message": said, said: [said, None]})
    assert len(text.splitlines()) == 1
    assert yaml.safe_load(f"a:\n    b: {text}\n")["a"]["b"] == {"message": said, said: [said, None]}


# --- the text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["interactly", "uponai"])
def test_everything_is_where_the_tree_says(vendor: str) -> None:
    file = ROOT / "openapi" / f"{vendor}.yaml"
    text = YamlText(file.read_text(encoding="utf-8"))
    assert text.changed() == text.text
    plain = [node for node in walk(text.root) if node.kind == "scalar" and text.raw(node)]
    assert len(plain) > 1000
    for node in plain[::11]:
        assert yaml.load(text.raw(node), Loader=yaml.BaseLoader) == node.text
    whole = yaml.safe_load(file.read_text(encoding="utf-8"))
    paths = text.under(text.root, "paths")
    assert paths is not None
    assert [key.text for key, _ in paths.pairs] == list(whole["paths"])


TEXT = """\
# begins
a: &shared {grade: assumed, source: ours}  # ours
b: *shared
c:
  # inside
  x-evidence:  # of c
    grade: assumed
    source: "ours"
  value: >-
    one
    two

d: {value: 1, note: "kept"}
e: *shared
"""


def grown(change: Callable[[YamlText], None], text: str = TEXT) -> tuple[list[str], Any]:
    """The lines that a change took away and put in, and what the text then says."""
    tree = YamlText(text)
    change(tree)
    old, new = text.splitlines(), tree.changed().splitlines()
    gone = [f"-{line}" for line in old if line not in new]
    return gone + [f"+{line}" for line in new if line not in old], yaml.safe_load(tree.changed())


def test_who_shares_a_value_keeps_it() -> None:
    moved, says = grown(lambda text: text.put(text.root, "a", "{grade: observed}"))
    assert moved == [
        "-a: &shared {grade: assumed, source: ours}  # ours",
        "-b: *shared",
        "+a: {grade: observed}  # ours",
        "+b: &shared {grade: assumed, source: ours}",
    ]
    assert says["a"] == {"grade": "observed"}
    assert says["b"] == says["e"] == {"grade": "assumed", "source": "ours"}


def test_one_who_shares_a_value_is_changed_alone() -> None:
    moved, says = grown(lambda text: text.put(text.root, "b", "7"))
    assert moved == ["-b: *shared", "+b: 7"]
    assert says["a"] == says["e"]


def test_a_block_gives_way_to_a_line_and_its_comment_stays() -> None:
    moved, says = grown(lambda text: text.put(text.meant(text.under(text.root, "c") or text.root), "x-evidence", "1"))
    assert moved == [
        "-  x-evidence:  # of c",
        "-    grade: assumed",
        '-    source: "ours"',
        "+  x-evidence: 1  # of c",
    ]
    assert says["c"] == {"x-evidence": 1, "value": "one two"}


def test_a_line_is_put_behind_what_it_belongs_to_and_taken_away_whole() -> None:
    moved, says = grown(lambda text: text.put(text.meant(text.under(text.root, "c") or text.root), "more", "[1]"))
    assert moved == ["+  more: [1]"]
    assert says["c"]["more"] == [1]
    moved, says = grown(lambda text: text.remove(text.meant(text.under(text.root, "d") or text.root), "note"))
    assert moved == ['-d: {value: 1, note: "kept"}', "+d: {value: 1}"]
    moved, says = grown(lambda text: text.remove(text.root, "c"))
    assert "c" not in says


def test_the_ends_of_lines_stay_as_they_are() -> None:
    text = YamlText(TEXT.replace("\n", "\r\n"))
    text.put(text.root, "b", "7")
    assert text.changed() == TEXT.replace("\n", "\r\n").replace("*shared", "7", 1)
    with pytest.raises(CannotEdit, match="lines end in another way"):
        YamlText("a: 1\rb: 2\n")


def test_a_status_of_its_own_leaves_the_body_as_it_was_known() -> None:
    text = YamlText((ROOT / "openapi" / "interactly.yaml").read_text())
    node = places.response(text, "importNumber", 201)
    places.grade(text, node, SAID, part="status")
    says = yaml.safe_load(text.changed())["paths"]["/assistants/v1/numbers/{provider}"]["post"]["responses"]["201"]
    assert says["x-evidence"]["status"]["grade"] == "observed"
    assert says["x-evidence"]["body"] == {"grade": "assumed", "source": "Ringback decision Interactly 3"}


@pytest.fixture(scope="module")
def uponai() -> tuple[str, Path]:
    file = ROOT / "openapi" / "uponai.yaml"
    return file.read_text(), file


def test_a_field_may_be_null_once_it_was(uponai: tuple[str, Path]) -> None:
    text, file = uponai
    change = changes.field_widened(file, "updatePhoneNumberAssignment", 200, "/message", ["Done", None], SAID)
    spec = changes.loaded(change(text), file)
    schema = spec.operations["updatePhoneNumberAssignment"].responses[200].schema
    assert schema is not None
    assert schema["properties"]["message"]["type"] == ["string", "null"]
    assert schema["properties"]["message"]["x-evidence"]["grade"] == "observed"


def test_a_status_with_another_number_keeps_its_place() -> None:
    file = ROOT / "openapi" / "interactly.yaml"
    text = file.read_text()
    spec = changes.loaded(changes.renamed("updateNumber", 200, 202, SAID)(text), file)
    response = spec.operations["updateNumber"].responses[202]
    assert response.status_evidence is not None
    assert response.status_evidence.grade == "observed"
    with pytest.raises(CannotEdit, match="may answer with 404 too"):
        changes.renamed("updateNumber", 200, 404, SAID)(text)


def test_a_body_that_a_page_rules_out_is_refused() -> None:
    """The schema of a number is on a page: no recording makes `teamId` go away."""
    file = ROOT / "openapi" / "interactly.yaml"
    change = changes.answered(file, "detached", {"updateNumber": 200}, [{"_id": "x", "number": "+1"}], SAID)
    with pytest.raises(CannotEdit, match=r"is required, says docs\.interactly\.ai \(Update Number\) \(seed\)"):
        change(file.read_text())


def test_what_differs_from_one_exchange_to_the_next_is_no_part_of_the_sentence() -> None:
    bodies = [{"message": "no 7", "id": "a", "n": 1}, {"message": "no 7", "id": "b", "n": 2}, {"message": "no 7"}]
    value, varying = changes.agreed(bodies)
    assert (value["message"], varying) == ("no 7", {"id", "n"})
    file = ROOT / "openapi" / "interactly.yaml"
    change = changes.answered(file, "number-not-found", {"updateNumber": 404}, bodies[:2], SAID)
    answer = changes.loaded(change(file.read_text()), file).operations["updateNumber"].answers["number-not-found"]
    assert answer.placeholders == {"id": "a"}
    assert answer.undecided == ("n",)
    assert load_all()["interactly"].operations["updateNumber"].answers["number-not-found"].placeholders == {}
