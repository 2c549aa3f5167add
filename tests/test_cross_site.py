"""Safe by default: who may use the control API, tried by hand and by a real browser's page from another origin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Client, Server
from tests.desk import desk_of, problem

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PAGE = """<!doctype html><title>evil</title><pre id=result></pre>
<iframe name=sink></iframe>
<form id=form method=post target=sink action="CONTROL/reset"><input name=a value=b></form>
<form id=text method=post target=sink enctype="text/plain" action="CONTROL/reset">
<input name='{"a":"' value='"}'></form>
<img src="CONTROL/reset"><script src="CONTROL/spaces"></script>
<script>
async function attempt(name, url, options) {
  try {
    const answer = await fetch(url, options);
    return [name, answer.type + " " + answer.status + " " + (await answer.text()).slice(0, 80)];
  } catch (error) { return [name, "blocked"]; }
}
(async () => {
  document.getElementById("form").submit();
  document.getElementById("text").submit();
  const control = "CONTROL", json = {"Content-Type": "application/json"};
  const results = [];
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    results.push(await attempt(type, control + "/reset",
      {method: "POST", headers: {"Content-Type": type}, body: "{}"}));
  results.push(await attempt("empty", control + "/reset", {method: "POST"}));
  results.push(await attempt("no-cors", control + "/reset", {method: "POST", mode: "no-cors", body: "{}"}));
  results.push(await attempt("no-cors get", control + "/state", {mode: "no-cors"}));
  results.push(await attempt("beacon", control + "/reset", {method: "POST", mode: "no-cors", keepalive: true}));
  results.push(await attempt("json", control + "/reset", {method: "POST", headers: json, body: "{}"}));
  results.push(await attempt("delete", control + "/spaces/SPACE", {method: "DELETE"}));
  results.push(await attempt("read", control + "/requests", {}));
  navigator.sendBeacon(control + "/reset", "{}");
  results.push(await attempt("vendor", "VENDOR", {headers: {"X-API-Key": "SPACE"}}));
  results.push(await attempt("vendor write", "CREATE",
    {method: "POST", headers: {...json, "X-API-Key": "SPACE"},
     body: JSON.stringify({name: "by page", contact_email: "a@b.co"})}));
  document.getElementById("result").textContent = JSON.stringify(results);
})();
</script>
"""


@pytest.fixture
def page() -> Iterator[Callable[[str], str]]:
    """Serves a page on another loopback port; returns its address."""
    content = {"": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content[""])

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()

        def serve(text: str) -> str:
            content[""] = text.encode()
            return f"http://127.0.0.1:{web.server_port}/"

        yield serve
        web.shutdown()


def browse(url: str, folder: Path) -> str:
    """The page's document after its scripts have run."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "--dump-dom", "--virtual-time-budget=5000", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="chromium is not installed")
def test_a_page_of_another_origin_can_use_the_vendors_and_cannot_reset_anything(
    server: Server, api: Callable[..., Client], page: Callable[[str], str], tmp_path: Path
) -> None:
    assert CHROMIUM is not None, "CI needs the package chromium"
    teli = api("teli")
    desk = desk_of(server, teli.key)
    born = len(teli.get("/v1/organizations").json()["organizations"])
    teli.post("/v1/organizations", json={"name": "kept", "contact_email": "a@b.co"})
    organizations = server.origin("teli") + "/v1/organizations"
    text = PAGE.replace("CONTROL", server.control).replace("SPACE", teli.key)
    url = page(text.replace("VENDOR", organizations).replace("CREATE", organizations))
    dom = browse(url, tmp_path / "profile")
    found = dom.partition('<pre id="result">')[2].partition("</pre>")[0]
    results = dict(json.loads(found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
    # The positive control: the same page in the same browser may use a vendor's API.
    assert results.pop("vendor").startswith("cors 200"), results
    assert results.pop("vendor write").startswith("cors 20"), results
    # An opaque answer is one that the page may not read; that it had no effect is seen below.
    assert set(results.values()) <= {"blocked", "opaque 0 "}, results
    assert results["json"] == results["read"] == results["delete"] == "blocked"
    after = [one["name"] for one in teli.get("/v1/organizations").json()["organizations"]]
    assert len(after) == born + 2
    assert {"kept", "by page"} <= set(after)
    assert desk.requests()


# The same rules by hand.


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reset"), ("GET", "/state"), ("DELETE", "/faults"), ("GET", "/events")]
)
def test_a_foreign_page_s_request_is_refused(server: Server, headers: dict[str, str], method: str, path: str) -> None:
    answer = requests.request(method, server.control + path, headers=headers, timeout=20)
    assert "Cross-site" in problem(answer, 403)["title"]
    assert "access-control-allow-origin" not in answer.headers


def test_the_server_s_own_page_may_use_it(server: Server) -> None:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert requests.get(f"{server.control}/health", headers=headers, timeout=20).status_code == 200
    assert requests.get(f"{server.control}/health", headers={"Sec-Fetch-Site": "none"}, timeout=20).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "", "api.teli.ai"]
)
def test_a_rebound_name_reaches_nothing(server: Server, host: str) -> None:
    answer = requests.post(f"{server.control}/reset", headers={"Host": host}, timeout=20)
    assert answer.status_code in (400, 401, 403, 404)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:4010", "LOCALHOST"])
def test_loopback_names_are_good(server: Server, host: str) -> None:
    assert requests.get(f"{server.control}/health", headers={"Host": host}, timeout=20).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reset"), ("POST", "/faults"), ("PUT", "/state"), ("DELETE", "/faults")]
)
def test_only_json_is_taken(server: Server, method: str, path: str, kind: str) -> None:
    answer = requests.request(method, server.control + path, data=b"{}", headers={"Content-Type": kind}, timeout=20)
    problem(answer, 415)


def test_a_token_is_needed_once_there_is_one(serve: Callable[..., Server]) -> None:
    server = serve("--control-token", "t0ken")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic t0ken"},
        {"Authorization": "t0ken"},
    ):
        for path in ("/health", "/events", "/state"):
            answer = requests.get(server.control + path, headers=headers, timeout=20)
            assert problem(answer, 401)
            assert "Bearer" in answer.headers["www-authenticate"]
    good = {"Authorization": "bearer t0ken"}
    assert requests.get(f"{server.control}/health", headers=good, timeout=20).status_code == 200


def test_beyond_loopback_a_token_is_needed(serve: Callable[..., Server]) -> None:
    server = serve("--host", "0.0.0.0")
    assert "--control-token" in problem(requests.post(f"{server.control}/reset", timeout=20), 401)["detail"]
    server = serve("--host", "0.0.0.0", "--control-token", "t0ken")
    good = {"Authorization": "Bearer t0ken"}
    assert requests.post(f"{server.control}/reset", headers=good, timeout=20).status_code == 200
