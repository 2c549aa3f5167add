"""What `ringback check` leaves behind: reports, recordings without secrets, annotations, and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from xml.etree import ElementTree

import pytest
import requests
from hypothesis import strategies

from contract_tests.endpoint.guard import BudgetSpent, Guard
from contract_tests.endpoint.transport import Exchange, Reply, Transport, Unreachable
from contract_tests.plugin import Run, Settings
from contract_tests.properties.table import PROPERTIES, Property, Recorder
from contract_tests.properties.tools import generation
from contract_tests.properties.tools.generation import Draw
from contract_tests.recordings import har
from contract_tests.reports import annotations, document, html, junit, sarif, summary, text
from contract_tests.reports.outputs import CannotWrite, Outputs
from contract_tests.words.findings import ContractBroken, Finding, NotCovered, Outcome
from mock_server.spec import Evidence, NamedRequest, Spec, WireRequest, load_all
from tests.conftest import RINGBACK, ROOT, Server
from tests.honest.server import KEY
from tests.test_check import ONE, check
from tests.test_honest_servers import serving

READ = WireRequest("GET", "/assistants/v1/numbers", "", {}, None)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attributes}))


PLAIN = NamedRequest("plain", "", {}, {}, {}, None, False, None, (), Evidence("seed", "page"))


def test_the_html_report_needs_no_network_and_shows_every_outcome(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert check(*ONE, "--report", f"html={page}").returncode == 0
    text = page.read_text(encoding="utf-8")
    assert "The contract <span class='passed'>holds</span>" in text
    assert "<th scope='rowgroup'>vogent</th>" in text
    assert ">updatePhoneNumber</th>" in text.replace("<wbr>", "")
    assert "prefers-color-scheme: dark" in text
    for outside in ("src=", "http-equiv", "@import", "url(", "<script", "<link"):
        assert outside not in text


EVIL = (
    "</pre><script>alert(1)</script>'\" onload=x href=javascript:x \n::error::owned\r::add-mask::x%\x00\x1b[31m\ud800"
    " ##[error]x ##[command]y ##vso[task.setvariable]z \u2028  ::warning::w"
)


def test_what_a_target_says_cannot_become_markup_or_a_workflow_command() -> None:
    finding = Finding("errors", "teli", "op", "r", "seed", "page", "/error", EVIL, EVIL, EVIL, f"curl '{EVIL}'")
    run = Run(Settings(providers=["teli"]))
    run.outcomes.append(Outcome("teli", "op", "errors", "failed", findings=[finding], notes=[finding]))
    results = run.results()
    assert "<script" not in html.page(results)
    assert "<script" not in summary.text(results)
    lines = list(annotations.lines(results))
    assert [line.split(" ")[0] for line in lines] == ["::error"]
    assert all(char.isprintable() for char in lines[0])
    assert lines[0].count("::") == 2
    assert "%25" in lines[0]
    assert not re.search(r"::|##\[|##vso\[", annotations.harmless(EVIL))


def test_what_a_target_says_cannot_steer_a_terminal_or_begin_a_line() -> None:
    finding = Finding("errors", "teli", "op", "r", "seed", "page", EVIL, EVIL, EVIL, EVIL, "curl")
    run = Run(Settings(providers=["teli"]))
    run.left_behind = [f"teli agents {EVIL}: gone"]
    run.outcomes.append(Outcome("teli", "op", "errors", "failed", findings=[finding]))
    run.outcomes.append(Outcome("teli", "op", "valid", "not covered", reason=EVIL))
    shown = "\n".join(text.findings(run.results(), with_notes=True))
    assert [char for char in shown if not char.isprintable()] == ["\n"] * shown.count("\n")
    assert "\n::" not in finding.text()
    assert "\\u001b[31m" in shown


def test_what_a_target_says_stays_text_wherever_it_stands_on_the_page(tmp_path: Path) -> None:
    """The same run with plain words has the same tags with the same attributes, whatever their values."""
    tags = []
    for word in ("plain words", EVIL):
        finding = Finding("errors", "teli", "op", word, "seed", word, word, word, {word: word}, {word: [word]}, word)
        run = Run(Settings(providers=["teli"], targets={"": word}))
        run.unreachable, run.left_behind = word, [word]
        run.outcomes += [
            Outcome("teli", "op", "errors", "failed", findings=[finding, finding], path=word, method=word),
            Outcome("teli", "op", "keys", "failed", reason=word),
            Outcome("teli", "op", "valid", "not covered", reason=word),
            Outcome("teli", "op", "list", notes=[finding]),
        ]
        written(tmp_path / "report.html", "html", html.page(run.results()))
        seen = Tags((tmp_path / "report.html").read_text(encoding="utf-8"))
        tags.append([(tag, sorted(attributes)) for tag, attributes in seen.found if tag != "mark"])
    assert tags[0] == tags[1]
    written(tmp_path / "report.json", "json", document.text(run.results()))
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["outcomes"][1]["reason"] == EVIL
    for whole in (junit.text(run.results()), sarif.text(run.results())):
        assert "\x1b" not in whole
    ElementTree.fromstring(junit.text(run.results()))


def written(file: Path, kind: str, content: str) -> None:
    outputs = Outputs()
    outputs.add(kind, f"--report {kind}={file}", str(file))
    assert outputs.write(kind, content) is None


def test_a_check_that_breaks_is_no_check_that_passed() -> None:
    def stumble(recorder: Recorder) -> None:
        raise KeyError("nothing")

    run = Run(Settings(targets={"": "http://127.0.0.1:9/teli"}))
    spec = run.specs["teli"]
    with pytest.raises(KeyError):
        run.check(spec, spec.operations["listAgents"], Property("stumbling", "", lambda operation: True, stumble))
    assert run.outcomes[0].verdict == "failed"
    assert "the check itself broke: KeyError: 'nothing'" in "\n".join(text.findings(run.results()))


@pytest.mark.parametrize("shrink", [True, False])
def test_what_a_server_does_only_once_is_a_finding_all_the_same(shrink: bool) -> None:
    """What failed is tried again, and told as what did not fail again."""
    finding = Finding("valid", "teli", "op", "generated", "seed", "page", "status", "a 502", 200, 502, "curl")
    seen: list[Draw] = []

    def check_draw(draw: Draw) -> None:
        seen.append(draw)
        if len(seen) == 3:
            raise ContractBroken([finding])

    def made(number: int) -> Draw:
        return Draw(PLAIN.with_values({"id": number}, {}, None), ())

    requests = generation.Requests(strategies.integers, lambda draws, seed: list(range(draws)), made)
    with pytest.raises(ContractBroken) as broken:
        generation.run(requests, check_draw, draws=9, of=9, seed=1, shrink=shrink)
    assert broken.value.findings[0].message == "a 502 (once; not when the same was sent again)"


def test_a_budget_that_ends_when_it_is_tried_again_loses_no_finding() -> None:
    finding = Finding("valid", "teli", "op", "generated", "seed", "page", "status", "a 502", 200, 502, "curl")
    seen: list[Draw] = []

    def check_draw(draw: Draw) -> None:
        seen.append(draw)
        if len(seen) > 1:
            raise NotCovered("the budget is spent")
        raise ContractBroken([finding])

    requests = generation.Requests(strategies.integers, lambda draws, seed: [1], lambda drawn: Draw(PLAIN, ()))
    with pytest.raises(ContractBroken) as broken:
        generation.run(requests, check_draw, draws=1, of=1, seed=1, shrink=False)
    assert len(seen) == 2
    assert "once" in broken.value.findings[0].message


def test_a_target_that_is_gone_before_the_first_request_has_not_passed() -> None:
    run = Run(Settings(targets={"": "http://127.0.0.1:9"}))
    spec = run.specs["teli"]
    with pytest.raises(Unreachable):
        run.check(spec, spec.operations["listAgents"], PROPERTIES[0])
    assert (run.outcomes[0].verdict, run.outcomes[0].reason) == ("not covered", run.unreachable)
    assert run.results().counts["passed"] == 0
    assert "http://127.0.0.1:9 cannot be reached" in str(run.unreachable)


def test_a_recording_holds_every_exchange_and_no_secret(
    serve: Callable[..., Server], tmp_path: Path, specs: dict[str, Spec]
) -> None:
    recording = tmp_path / "vogent.har"
    target = serve("--accept-key", "my-own-key").origin("vogent")
    done = check(
        *("vogent", "--operation", "createPhoneNumber", "--target", target),
        *("--api-key-env", "SOME_KEY", "--record", str(recording)),
        env={"SOME_KEY": "my-own-key"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = recording.read_text(encoding="utf-8")
    assert "my-own-key" not in text
    assert "secret1" not in text
    document = json.loads(text)
    assert document["log"]["version"] == "1.2"
    read = list(har.read(recording, specs))
    assert len(read) == len(document["log"]["entries"]) > 50
    assert {one.provider for one in read} == {"vogent"}


def test_keys_and_secret_properties_are_masked_wherever_they_stand() -> None:
    request = WireRequest(
        "POST", "/a/KEY123", "k=KEY123", {"X-API-Key": "KEY123"}, b'{"deep": [{"password": "pw"}], "t": "KEY123"}'
    )
    reply = Reply(200, {"content-type": "application/json", "set-cookie": "s"}, b'{"echo": "KEY123"}', {}, True)
    exchange = Exchange("http://x", request, reply, "write", 0.0, 0.1)
    text = json.dumps(har.document([exchange], ["KEY123"], frozenset(("password",))))
    assert "KEY123" not in text
    assert "pw" not in text
    assert text.count(har.MASK) >= 5


def test_a_broken_recording_is_told(tmp_path: Path, specs: dict[str, Spec]) -> None:
    file = tmp_path / "x.har"
    for content in ("no json", "{}", '{"log": {"entries": [{}]}}'):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(har.BadRecording, match=r"x\.har"):
            list(har.read(file, specs))


def test_what_a_check_makes_at_a_foreign_server_it_removes_again(serve: Callable[..., Server]) -> None:
    origin = serve().origin("teli")
    query = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}

    def numbers() -> int:
        answer = requests.get(
            f"{origin}/v1/voice/phone-numbers",
            {**query, "is_admin": "true"},
            headers={"X-API-Key": "YOUR_API_KEY"},
            timeout=10,
        )
        return int(answer.json()["count"])

    before = numbers()
    done = check("teli", "--operation", "createPhoneNumber", "--target", origin)
    assert done.returncode == 0, done.stdout
    assert numbers() == before
    assert "left behind" not in done.stdout


def test_what_cannot_be_removed_is_told() -> None:
    with serving("interactly") as server:
        words = ["--target", server.origin("interactly"), "--api-key-env", "MINE", "--draws", "1"]
        done = check("interactly", "--operation", "createAssistant", *words, env={"MINE": KEY})
    assert done.returncode == 0, done.stdout
    assert "left behind, because it could not be removed:" in done.stdout
    assert "no documented operation removes it" in done.stdout


class Busy(BaseHTTPRequestHandler):
    """Is busy once, then answers; redirects from /away."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).asked += 1
        if self.path.endswith("away=1"):
            self.send_response(302)
            self.send_header("Location", "/x")
        elif type(self).asked == 1:
            self.send_response(429)
            self.send_header("Retry-After", "1")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    Busy.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def transport(origin: str, *allowed: str, rate: float | None = None, **bounds: int) -> Transport:
    spec = load_all()["interactly"]
    return Transport(origin, Guard(spec, allowed, **bounds), rate=rate)  # type: ignore[arg-type]


def test_a_busy_server_is_left_alone_as_long_as_it_asks(busy: str) -> None:
    sender = transport(busy, "read")
    started = monotonic()
    assert sender.send(READ).status == 200
    assert monotonic() - started >= 1
    assert sender.sent == 2


def test_budgets_count_every_request_before_it_is_sent(busy: str) -> None:
    Busy.asked = 1
    sender = transport(busy, "read", "purchase", max_requests=3, max_purchases=1)
    purchase = READ._replace(method="POST", path="/assistants/v1/numbers/purchase")
    sender.send(purchase)
    with pytest.raises(BudgetSpent, match="1 purchases"):
        sender.send(purchase)
    sender.send(READ)
    sender.send(READ)
    with pytest.raises(BudgetSpent, match="3 requests"):
        sender.send(READ)
    assert Busy.asked == 4


def test_the_rate_is_kept_and_no_redirect_is_followed(busy: str) -> None:
    Busy.asked = 1
    sender = transport(busy, "read", rate=10)
    started = monotonic()
    for _ in range(4):
        assert sender.send(READ._replace(query="away=1")).status == 302
    assert monotonic() - started >= 0.3
    assert Busy.asked == 5


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["junit", "json", "html", "sarif"])
def test_a_report_that_cannot_be_written_loses_neither_table_nor_exit_code(kind: str) -> None:
    done = check(*ONE, "--report", f"{kind}=/dev/full")
    assert done.returncode == 0, done.stderr
    assert "vogent updatePhoneNumber" in done.stdout
    assert " 0 failed" in done.stdout
    assert "/dev/full could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_no_report_and_is_told_before_the_first_request(tmp_path: Path) -> None:
    for words in (["--report", f"json={tmp_path}"], ["--record", str(tmp_path)]):
        done = check(*ONE, *words)
        assert done.returncode == 2
        assert "Is a directory" in done.stderr
        assert not done.stdout
    done = check(*ONE, "--report", f"json={tmp_path / 'a'}", "--report", f"html={tmp_path / 'a'}")
    assert (done.returncode, "something else is written there" in done.stderr) == (2, True)


def test_a_report_keeps_what_it_held_until_there_is_another(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("before", encoding="utf-8")
    outputs = Outputs()
    outputs.add("json", "--report", str(file))
    assert file.read_text(encoding="utf-8") == "before"
    assert outputs.write("json", "after\ud800") is None
    assert file.read_text(encoding="utf-8") == "after\\ud800"
    with pytest.raises(CannotWrite, match="there is one such file already"):
        outputs.add("json", "--report", str(file))


def test_a_reader_that_goes_away_or_a_full_disk_loses_no_exit_code(tmp_path: Path) -> None:
    target = ["check", *ONE, "--report", f"json={tmp_path / 'r.json'}"]
    read, write = os.pipe()
    os.close(read)
    for stream in (write, os.open("/dev/full", os.O_WRONLY)):
        done = subprocess.run(
            [*RINGBACK, *target], cwd=ROOT, stdout=stream, stderr=subprocess.PIPE, text=True, timeout=240, check=False
        )
        os.close(stream)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["counts"]["passed"]


def test_nothing_is_left_in_the_working_folder(tmp_path: Path) -> None:
    assert check("vogent", "--operation", "updateAgent", "--draws", "2", cwd=tmp_path).returncode == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == []


def test_a_job_on_github_gets_a_summary_and_annotations(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    done = check(*ONE, env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(file)})
    assert done.returncode == 0
    assert file.read_text(encoding="utf-8").startswith("### The contract holds: vogent on a mock of its own\n")


def test_what_could_not_be_checked_at_all_has_not_passed(busy: str) -> None:
    """A target that answers `{}` to everything tells nothing about an operation that needs a record of it."""
    Busy.asked = 1
    done = check("uponai", "--operation", "getPhoneNumber", "--target", busy, "--depth", "quick")
    assert done.returncode != 0
