"""`ringback pages`: pages of our own making, saved or on a server of this machine, change; the statements are named."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from contract_tests.pages.citing import cited
from contract_tests.pages.comparing import Pair, pairs
from contract_tests.pages.lock import page
from contract_tests.pages.reading import LARGEST_BYTES, Page, Unreadable, sentences
from mock_server.commands.cli import main
from mock_server.spec import spec_files
from tests.conftest import RINGBACK, ROOT

SPEC = """\
openapi: 3.1.0
x-evidence: {grade: doc, source: docs.acme.test}
paths:
  /numbers:
    post:
      operationId: createNumber
      x-evidence: &create {grade: doc, source: docs.acme.test/numbers/create}
      requestBody:
        content:
          application/json:
            schema:
              properties:
                area_code: {type: string, x-evidence: *create}
      responses:
        "409":
          x-evidence: {status: {grade: assumed, source: Ringback decision Acme 1}, body: *create}
          content:
            application/json:
              examples:
                taken: {value: {message: The number is taken already}}
    get:
      operationId: listNumbers
      x-evidence: {grade: seed, source: docs.acme.test (List numbers)}
"""
CREATE = """\
<!doctype html>
<html><head><title>Create - Acme</title><style>p {color: red}</style></head>
<body><nav>Menu of today</nav><main><h1>Create a number</h1>
<p>An <code>area_code</code> has
three digits. A number costs a dollar.</p><ul><li>An error says: The number is taken already</ul>
<p>Last updated on November 3, 2026</p></main><footer>Footer of today</footer>
<script>if (1 < 2) { document.write("</p>never said") }</script></body></html>
"""
LIST = "List numbers\n\nEvery number is listed, the oldest\nfirst.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two saved pages; the third that the spec cites is not saved."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "acme.yaml").write_text(SPEC)
    saved = tmp_path / "saved"
    (saved / "docs.acme.test" / "numbers").mkdir(parents=True)
    (saved / "docs.acme.test" / "numbers" / "create.html").write_text(CREATE)
    (saved / "any-name.txt").write_text(LIST)
    return tmp_path


def run(folder: Path, *arguments: object, code: int = 0) -> str:
    """What the command prints."""
    said = io.StringIO()
    with patch.dict(os.environ), redirect_stdout(said):
        found = main(["pages", "acme", "--specs", str(folder / "specs"), *map(str, arguments)])
    assert found == code, said.getvalue()
    return said.getvalue()


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that says what is wrong."""
    with patch.dict(os.environ), pytest.raises(SystemExit, match="2"):
        main(["pages", "acme", "--specs", str(folder / "specs"), *map(str, arguments)])
    said = capsys.readouterr()
    assert said.err.startswith("ringback pages: ")
    assert len(said.err.splitlines()) == 1
    return said.err


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "saved" / "docs.acme.test" / "numbers" / "create.html"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_change_is_told_by_sentence_and_by_statement(folder: Path) -> None:
    saved, lock = folder / "saved", folder / "saved" / "pages.lock.json"
    first = run(folder, "--saved", saved)
    assert "2 pages: 2 new" in first
    assert "1 cited page is not here (docs.acme.test)" in first
    kept = json.loads(lock.read_text())["pages"]
    assert set(kept) == {"docs.acme.test/numbers/create", "docs.acme.test (List numbers)"}
    assert "A number costs a dollar." in kept["docs.acme.test/numbers/create"]["sentences"]
    before = lock.read_bytes()
    assert "2 pages: 2 unchanged" in run(folder, "--saved", saved)
    # Menus, dates, scripts and where lines end are not what a page says.
    edit(folder, "Menu of today", "Another menu")
    edit(folder, "November 3", "November 9")
    edit(folder, "has\nthree digits", "has three\n   digits")
    assert "2 pages: 2 unchanged" in run(folder, "--saved", saved)
    edit(folder, "three\n   digits", "four digits")
    edit(folder, " A number costs a dollar.", "")
    report, issue = folder / "r.json", folder / "issue.md"
    said = run(folder, "--saved", saved, "--report", f"json={report}", "--report", f"md={issue}", code=1)
    assert "changed  docs.acme.test/numbers/create  (docs.acme.test/numbers/create.html)" in said
    assert "  before  An area_code has three digits.\n  now     An area_code has four digits.\n" in said
    assert "  before  A number costs a dollar.\n  now     (nothing)\n" in said
    assert "specs/acme.yaml:13  acme createNumber: requestBody area_code (doc)  << speaks of it" in said
    assert "2 pages: 1 changed, 1 unchanged; 3 statements to look at" in said
    assert lock.read_bytes() == before
    [changed] = [one for one in json.loads(report.read_text())["pages"] if one["state"] == "changed"]
    assert {(one["line"], one["what"], one["speaks_of_it"]) for one in changed["statements"]} == {
        ("specs/acme.yaml:7", "createNumber", True),
        ("specs/acme.yaml:13", "createNumber: requestBody area_code", True),
        ("specs/acme.yaml:16", "createNumber: responses 409 body", False),
    }
    text = issue.read_text()
    assert "| An area\\_code has three digits. | An area\\_code has four digits. |" in text
    assert "- [ ] `specs/acme.yaml:13` acme createNumber: requestBody area\\_code" in text
    assert f"kept in {lock}" in run(folder, "--saved", saved, "--update")
    assert "2 pages: 2 unchanged" in run(folder, "--saved", saved)


def test_a_sentence_that_a_statement_quotes_is_found(folder: Path) -> None:
    run(folder, "--saved", folder / "saved")
    edit(folder, "The number is taken already", "Somebody has that number")
    said = run(folder, "--saved", folder / "saved", code=1)
    assert "specs/acme.yaml:16  acme createNumber: responses 409 body (doc)  << speaks of it" in said


def test_hashes_keep_no_sentence(folder: Path) -> None:
    lock = folder / "kept.json"
    run(folder, "--saved", folder / "saved", "--lock", lock, "--hashes")
    assert "dollar" not in lock.read_text()
    edit(folder, "a dollar", "two dollars")
    said = run(folder, "--saved", folder / "saved", "--lock", lock, "--hashes", code=1)
    assert "now     A number costs two dollars." in said
    assert not (folder / "saved" / "pages.lock.json").exists()


def test_what_changes_by_itself_can_be_named(folder: Path) -> None:
    ignoring = ["--saved", folder / "saved", "--ignore", "A number costs .*"]
    run(folder, *ignoring)
    edit(folder, "a dollar", "two dollars")
    assert "2 unchanged" in run(folder, *ignoring)


def test_a_map_says_which_file_is_which_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "saved" / "000.txt").write_text("Acme\n\nThe documentation.\n")
    (folder / "saved" / "pages.yaml").write_text("docs.acme.test: 000.txt\n")
    assert "3 pages: 3 new" in run(folder, "--saved", folder / "saved")
    (folder / "saved" / "000.txt").unlink()
    assert "000.txt: is not there, and is named as the page docs.acme.test" in refused(
        folder, capsys, "--saved", folder / "saved"
    )


def test_a_file_that_has_vanished_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, "--saved", folder / "saved")
    (folder / "saved" / "any-name.txt").unlink()
    said = refused(folder, capsys, "--saved", folder / "saved")
    assert "docs.acme.test (List numbers): was kept from any-name.txt, and no file of" in said
    assert "save it again" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 \0\1\2", "is no text; save the page as HTML or as text"),
        (b"caf\xe9 and more", "is not UTF-8 (byte 3); save it as UTF-8"),
        (b'<html><meta charset="klingon"><p>Hi', "names the encoding 'klingon', which nobody knows"),
        (b"<html><body><script>nothing</script>", "has no text in it"),
        (b"word. " * (LARGEST_BYTES // 6 + 1), "is larger than 4 MiB"),
        (b"A word. " * 30_000, "has more than 20,000 sentences"),
    ],
    ids=["binary", "encoding", "unknown encoding", "empty", "huge", "endless"],
)
def test_a_page_that_cannot_be_read_is_told_and_nothing_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    (folder / "saved" / "any-name.txt").write_bytes(content)
    said = refused(folder, capsys, "--saved", folder / "saved")
    assert words in said
    assert "any-name.txt" in said
    assert not (folder / "saved" / "pages.lock.json").exists()


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("{", "is no lock of pages (line 1); move it away"),
        ('{"version": 2, "pages": {}}', "is a lock of version 2, and 1 is understood"),
        ('{"version": 1, "pages": {"x": {"sentences": [1]}}}', "is no lock of pages; move it away"),
        ("[" * 100_000, "is no lock of pages"),
    ],
)
def test_a_lock_that_is_none_is_told_and_stays(
    folder: Path, capsys: pytest.CaptureFixture[str], lock: str, words: str
) -> None:
    file = folder / "saved" / "pages.lock.json"
    file.write_text(lock)
    assert words in refused(folder, capsys, "--saved", folder / "saved")
    assert file.read_text() == lock


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "either --saved DIR or --fetch is needed"),
        (["--saved", "nowhere"], "--saved nowhere: there is no such folder"),
        (["--saved", "{}/specs"], "holds no page; save some there as HTML"),
        (["--saved", "{}/saved", "--ignore", "("], "--ignore (: is no regular expression"),
        (["--saved", "{}/saved", "--report", "pdf=x"], "--report pdf=x: json=FILE, md=FILE is needed"),
        (["--saved", "{}/saved", "--timeout", "0"], "--timeout 0: seconds above 0"),
        (["--saved", "{}/saved", "--map", "nowhere"], "nowhere: cannot be read: No such file"),
        (["--saved", "{}/saved", "--lock", "{}/none/x.json"], "x.json: could not be written: No such file"),
        (["nobody", "--saved", "{}/saved"], "nobody: no such vendor"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(folder, capsys, *(one.replace("{}", str(folder)) for one in arguments))


# --- fetched ---------------------------------------------------------------------------------------------


class Site(ThreadingHTTPServer):
    """Pages on this machine, some of them ill-behaved."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.pages: dict[str, tuple[int, str, bytes]] = {}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Visit(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
                time.sleep(0.05)
            return
        status, kind, content = self.server.pages.get(self.path, (404, "text/plain", b"none"))
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", content.decode())
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def site(folder: Path) -> Iterator[Callable[..., Site]]:
    """A server with the page of the spec, and the map that leads there."""
    server = Site()
    Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    server.pages["/create"] = (200, "text/html; charset=utf-8", CREATE.encode())

    def mapped(**pages: str) -> Site:
        named = {"docs.acme.test/numbers/create": server.url("/create")} | {
            {"root": "docs.acme.test", "list": "docs.acme.test (List numbers)"}[name]: path
            for name, path in pages.items()
        }
        (folder / "map.yaml").write_text(yaml.safe_dump(named))
        return server

    yield mapped
    server.shutdown()


def test_pages_are_fetched_and_compared(folder: Path, site: Callable[..., Site]) -> None:
    server = site()
    server.pages |= {
        "/old": (301, "text/plain", b"/root"),
        "/root": (200, "text/html; charset=iso-8859-1", "<p>Café numbers.".encode("latin-1")),
        "/list": (200, "text/plain", LIST.encode()),
    }
    site(root=server.url("/old"), list=server.url("/list"))
    fetching = ["--fetch", "--map", folder / "map.yaml", "--lock", folder / "kept.json"]
    assert "3 pages: 3 new" in run(folder, *fetching)
    assert json.loads((folder / "kept.json").read_text())["pages"]["docs.acme.test"]["sentences"] == ["Café numbers."]
    assert "3 pages: 3 unchanged" in run(folder, *fetching)
    server.pages["/create"] = (200, "text/html", CREATE.replace("three", "four").encode())
    del server.pages["/list"]
    said = run(folder, *fetching, code=1)
    assert "gone  docs.acme.test (List numbers)" in said
    assert "now     An area_code has four digits." in said
    assert "specs/acme.yaml:23  acme listNumbers (seed)" in said


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("{}/drip", "did not come within 0.5 s"),
        ("{}/huge", "is larger than 4 MiB"),
        ("{}/binary", "is no text"),
        ("{}/elsewhere", "is redirected too often, or to what is no web address"),
        ("{}/round", "is redirected too often"),
        ("{}/broken", "answers 500"),
        ("{}/none", "answers 404"),
        ("ftp://127.0.0.1/x", "is no web address; http:// or https:// is needed"),
        ("http://127.0.0.1:1/x", "cannot be reached"),
    ],
)
def test_a_page_that_does_not_come_is_told_and_the_others_are_compared(
    folder: Path, site: Callable[..., Site], page: str, words: str
) -> None:
    server = site()
    server.pages |= {
        "/huge": (200, "text/html", b"word. " * (LARGEST_BYTES // 6 + 1)),
        "/binary": (200, "application/pdf", b"%PDF \0\0"),
        "/elsewhere": (302, "text/plain", b"file:///etc/hostname"),
        "/round": (302, "text/plain", b"/round"),
        "/broken": (500, "text/plain", b"oh"),
    }
    site(root=page.replace("{}", server.url("")), list=server.url("/create"))
    fetching = ["--fetch", "--map", folder / "map.yaml", "--lock", folder / "kept.json", "--timeout", "0.5"]
    began = time.perf_counter()
    said = run(folder, *fetching, code=3)
    assert time.perf_counter() - began < 10
    assert re.search(f"^unreachable  docs.acme.test: .*{re.escape(words)}", said, re.MULTILINE), said
    assert "docs.acme.test (List numbers)" in json.loads((folder / "kept.json").read_text())["pages"]


def test_a_page_without_an_address_is_named(folder: Path, site: Callable[..., Site]) -> None:
    site(root="http://127.0.0.1:1/x")
    said = run(folder, "--fetch", "--map", folder / "map.yaml", "--lock", folder / "kept.json", code=3)
    assert "1 cited page is not here (docs.acme.test (List numbers)); --map can name them" in said


# --- parts -----------------------------------------------------------------------------------------------


def test_the_packaged_specs_cite_pages_and_no_decision_of_ours() -> None:
    found = cited(spec_files())
    assert len(found) > 100
    assert not [name for name in found if "decision" in name or "client" in name]
    for statements in found.values():
        for one in statements:
            file, _, line = one.place.partition(":")
            text = (ROOT / file).read_text().splitlines()[int(line) - 1]
            assert "evidence" in text or "grade" in text or "refused" in text or "*" in text, one.place


@pytest.mark.parametrize(
    "garbage",
    [b"<p>" + b"<" * 200_000, b"<p>" + b"<![" * 70_000, b'<p a="' * 40_000, b"<p>" + b"<!--" * 50_000, b"<p><a\0b>x</"],
    ids=["brackets", "sections", "quotes", "comments", "nul"],
)
def test_garbage_takes_no_time(garbage: bytes) -> None:
    began = time.perf_counter()
    with suppress(Unreadable):
        Page(garbage)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One line\nruns on. Next one!  And more", ["One line runs on.", "Next one!", "And more"]),
        ("- a\n- b\n\n# Title\n12. c", ["- a", "- b", "# Title", "12. c"]),
        ("It has v. 2 of e.g. that. Then", ["It has v.", "2 of e.g. that.", "Then"]),
        ("---\n\n***", []),
    ],
)
def test_a_text_is_told_by_its_sentences(text: str, said: list[str]) -> None:
    assert sentences(text) == said


def test_what_only_moved_has_not_changed() -> None:
    kept = page(["a b c.", "d e f.", "g."], "x", "2026-01-01", hashed=False)
    assert pairs(kept, ["g.", "d e f.", "a b c."]) == []
    assert pairs(kept, ["a b d.", "g.", "d e f.", "new"]) == [Pair("a b c.", "a b d."), Pair("", "new")]
    assert pairs(kept, ["a b c.", "d e f."]) == [Pair("g.", "")]


def test_the_issue_calls_nobody_and_is_never_too_long(folder: Path) -> None:
    run(folder, "--saved", folder / "saved")
    words = " ".join(f"Ask @owner of #{number} at https://acme.test/<b>|x|." for number in range(3000))
    edit(folder, "A number costs a dollar.", words)
    issue: Any = folder / "issue.md"
    run(folder, "--saved", folder / "saved", "--report", f"md={issue}", code=1)
    text = issue.read_text()
    assert len(text) < 65_536
    assert "@owner" not in text
    assert "https://" not in text
    assert "more pages have changed" in text


def test_the_command_needs_no_harness(folder: Path) -> None:
    """What only a check needs is not imported."""
    script = "import sys; sys.modules['schemathesis'] = sys.modules['hypothesis'] = None; "
    script += "from mock_server.commands.cli import main; raise SystemExit(main(sys.argv[1:]))"
    command = [RINGBACK[0], "-c", script, "pages", "acme", "--specs", folder / "specs", "--saved", folder / "saved"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 pages: 2 new" in done.stdout


def test_the_recipe_opens_an_issue_or_brings_the_open_one_up_to_date(folder: Path) -> None:
    """Its own commands are run, as GitHub runs them; what answers for `gh` writes down what it was asked."""
    recipe = yaml.load((ROOT / "docs" / "deploy" / "pages.yml").read_text(), Loader=yaml.BaseLoader)
    assert recipe["on"]["schedule"] == [{"cron": "17 5 * * 1"}]
    assert recipe["permissions"] == {"contents": "read", "issues": "write"}
    *_, compare, issue = recipe["jobs"]["pages"]["steps"]
    assert compare["env"] == {"PAGES": "--fetch"}
    assert issue["if"] == "steps.compare.outputs.code == '1'"
    (folder / "bin").mkdir()
    gh = folder / "bin" / "gh"
    gh.write_text('#!/bin/bash\nprintf "%s\\n" "$*" >> asked.txt\n[ "$2" != list ] || printf "%s" "$OPEN"\n')
    gh.chmod(0o755)
    environment = {**os.environ, "PATH": f"{gh.parent}:{Path(RINGBACK[0]).parent}:{os.environ['PATH']}"}
    environment |= {
        "PAGES": f"acme --specs {folder / 'specs'} --saved {folder / 'saved'}",
        "GITHUB_OUTPUT": "output.txt",
    }
    environment |= {"TITLE": issue["env"]["TITLE"], "OPEN": ""}

    def step(commands: str, **more: str) -> int:
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", commands]
        return subprocess.run(bash, cwd=folder, env={**environment, **more}, timeout=60, capture_output=True).returncode

    assert step(compare["run"]) == 0
    edit(folder, "a dollar", "two dollars")
    assert step(compare["run"]) == 0
    assert (folder / "output.txt").read_text() == "code=0\ncode=1\n"
    assert step(issue["run"]) == 0
    assert step(issue["run"], OPEN="7") == 0
    asked = (folder / "asked.txt").read_text().splitlines()
    assert asked[1] == "issue create --title The vendors' pages have changed --body-file pages.md"
    assert asked[3] == "issue edit 7 --body-file pages.md"
    assert "| A number costs a dollar. | A number costs two dollars. |" in (folder / "pages.md").read_text()
    assert step(compare["run"], PAGES="--saved nowhere") == 2
