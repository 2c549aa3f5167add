"""Before anything is judged: is the key accepted, is this the right server, is it up, and the same to the end?"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree

import jsonschema
import pytest
import requests

from tests.conftest import RINGBACK, ROOT, Server
from tests.spy import Said, Seen, Spy
from tests.test_report_formats import SCHEMA

VENDORS = ("teli", "vogent", "interactly", "uponai")


def check(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RINGBACK, "check", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, **env},
    )


def says_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("ringback check: ")]) == 1, done.stderr
    assert "FAIL" not in done.stdout
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_refused_key_is_one_line_and_4(vendor: str, serve: Callable[..., Server]) -> None:
    target = serve().origin(vendor)
    done = check(vendor, "--target", target, "--api-key-env", "A_KEY", A_KEY="not-a-key-of-theirs")
    says_one_line(done, 4, "refuses the key $A_KEY", "401")
    assert "not-a-key-of-theirs" not in done.stdout + done.stderr


def test_the_reports_of_a_run_that_did_not_begin_say_so(serve: Callable[..., Server], tmp_path: Path) -> None:
    files = {kind: tmp_path / kind for kind in ("json", "junit", "sarif", "html")}
    reports = [word for kind, file in files.items() for word in ("--report", f"{kind}={file}")]
    refused = ("--target", serve().origin("teli"), "--api-key-env", "A_KEY")
    for target, code, why in ((refused, 4, "refuses the key $A_KEY"), (("--target", "http://127.0.0.1:9"), 3, "")):
        assert check("teli", *target, *reports, A_KEY="not-a-key-of-theirs").returncode == code
        told = json.loads(files["json"].read_text(encoding="utf-8"))
        assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(told)) == []
        assert why in told["ended"]
        assert (told["counts"]["passed"], told["outcomes"]) == (0, [])
        suites = ElementTree.parse(files["junit"]).getroot()
        assert suites.get("errors") == "1"
        assert told["ended"] in str(suites.findall(".//error")[0].get("message"))
        (run,) = json.loads(files["sarif"].read_text(encoding="utf-8"))["runs"]
        assert [one["executionSuccessful"] for one in run["invocations"]] == [False]
        assert "The run ended early" in files["html"].read_text(encoding="utf-8")
        assert not any("not-a-key-of-theirs" in file.read_text(encoding="utf-8") for file in files.values())


@pytest.mark.parametrize(
    ("vendor", "other"), [("teli", "vogent"), ("vogent", "uponai"), ("uponai", "vogent"), ("interactly", "teli")]
)
def test_the_server_of_another_vendor_is_one_line_and_4(vendor: str, other: str, serve: Callable[..., Server]) -> None:
    target = serve().origin(other)
    done = check(vendor, "--target", f"{vendor}={target}")
    says_one_line(done, 4, f"does not serve {vendor}", "404")


class _Page(BaseHTTPRequestHandler):
    def _say(self) -> None:
        body = b"<html><body>It works!</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = _say

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def test_a_page_for_people_is_one_line_and_4() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = check("vogent", "--target", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    says_one_line(done, 4, "does not serve vogent", "(text/html) <html>")


def test_a_server_that_is_killed_in_the_middle_is_one_line_and_3(serve: Callable[..., Server]) -> None:
    server = serve()
    command = [*RINGBACK, "check", "vogent", "--target", server.origin("vogent")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as checking:
        until = time.monotonic() + 60
        while time.monotonic() < until and _sent(server) < 40:
            time.sleep(0.05)
        server.process.kill()
        stdout, stderr = checking.communicate(timeout=60)
    done = subprocess.CompletedProcess(command, checking.returncode, stdout, stderr)
    says_one_line(done, 3, "cannot be reached")


def _sent(server: Server) -> int:
    spaces = requests.get(f"{server.control}/spaces", timeout=10).json()["spaces"]
    return sum(one["requests"] for one in spaces if one["name"].startswith("test_check_"))


def test_a_key_that_is_revoked_in_the_middle_is_one_line_and_4(
    serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    seen: list[Seen] = []

    def revoked(one: Seen) -> Said | None:
        seen.append(one)
        said = Said(401, {"Content-Type": "application/json"}, b'{"error": "Unauthorized"}')
        return said if len(seen) > 40 else None

    target = spy(serve().origin("vogent"), None, revoked)
    done = check("vogent", "--target", target.origin, "--depth", "scenario")
    says_one_line(done, 4, "it was not so at first")


def test_where_nothing_may_be_sent_nothing_passes_and_that_is_5(serve: Callable[..., Server]) -> None:
    target = serve().origin("teli")
    done = check("teli", "--target", target, "--operation", "updatePhoneAgentPatch", "--allow", "read")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "nothing could be checked" in done.stderr


@pytest.mark.parametrize("header", [{}, {"Retry-After": "0"}])
def test_a_limit_of_the_rate_is_waited_for(
    header: dict[str, str], serve: Callable[..., Server], spy: Callable[..., Spy]
) -> None:
    seen: list[Seen] = []

    def limited(one: Seen) -> Said | None:
        seen.append(one)
        said = Said(429, {"Content-Type": "application/json", **header}, b'{"error": "slow down"}')
        return said if len(seen) in (2, 15, 16, 30) else None

    target = spy(serve().origin("interactly"), None, limited)
    done = check("interactly", "--target", target.origin, "--depth", "scenario")
    assert done.returncode == 0, done.stdout + done.stderr


def test_on_a_ringback_of_somebodys_the_check_leaves_no_trace_in_their_space(serve: Callable[..., Server]) -> None:
    server = serve()
    key = {"Authorization": "Bearer YOUR_API_KEY"}
    numbers = f"{server.origin('interactly')}/assistants/v1/numbers"
    before = requests.get(numbers, headers=key, timeout=10).json()
    done = check("interactly", "--target", server.origin("interactly"), "--depth", "scenario")
    assert done.returncode == 0, done.stdout + done.stderr
    assert requests.get(numbers, headers=key, timeout=10).json() == before
    spaces = requests.get(f"{server.control}/spaces", timeout=10).json()["spaces"]
    assert [one["name"] for one in spaces if one["name"].startswith("test_check_")] == []
