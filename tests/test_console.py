"""The console's files: what is served, how a browser may use it, and that what is vendored is what was published."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

import mock_server.console
from mock_server.console.pages import ASSETS, POLICY
from tests.conftest import Server
from tests.desk import problem

HOME = Path(mock_server.console.__file__).parent
LIBRARIES = tomllib.loads((HOME / "vendor.toml").read_text(encoding="utf-8"))["library"]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["name"])
def test_what_is_vendored_is_what_was_published(library: dict[str, str]) -> None:
    content = (ASSETS / library["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == library["sha256"]
    assert library["integrity"].startswith("sha512-")
    assert f"SPDX-License-Identifier: {library['license']}" in content.decode()
    assert (HOME / library["license_file"]).read_text(encoding="utf-8").startswith("BSD 3-Clause License")


def test_the_page_needs_nobody_else() -> None:
    """No file names another server, but for what a person may follow and what names no place at all."""
    for file in ASSETS.iterdir():
        found = set(re.findall(r"https?://[^\s'\"`)]*", file.read_text(encoding="utf-8")))
        found -= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML", "http://127.0.0.1:3000/events"}
        assert {one for one in found if not one.startswith("https://${")} == set(), file.name


def test_the_page_is_served_with_a_policy_that_lets_nothing_else_in(server: Server) -> None:
    page = requests.get(f"{server.control}/console", timeout=20)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert "default-src 'none'" in POLICY
    assert "require-trusted-types-for 'script'" in POLICY
    assert not {"unsafe-inline", "unsafe-eval", "*", "data:"} & set(re.split(r"[ ';]+", POLICY))
    assert page.headers["x-content-type-options"] == "nosniff"
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 3
    for one in named:
        assert requests.get(server.url + one, timeout=20).status_code == 200
    assert "<script>" not in page.text
    assert " style=" not in page.text


def test_a_browser_that_has_a_file_is_not_sent_it_again(server: Server) -> None:
    first = requests.get(f"{server.control}/console/lit-html.js", timeout=20)
    again = requests.get(
        f"{server.control}/console/lit-html.js", headers={"If-None-Match": first.headers["etag"]}, timeout=20
    )
    assert (again.status_code, again.content) == (304, b"")
    other = requests.get(
        f"{server.control}/console/main.js", headers={"If-None-Match": first.headers["etag"]}, timeout=20
    )
    assert other.status_code == 200


@pytest.mark.parametrize("file", ["x.js", "..%2f__init__.py", "../pages.py", "%2e%2e/vendor.toml", ""])
def test_nothing_else_is_served(server: Server, file: str) -> None:
    assert problem(requests.get(f"{server.control}/console/{file}", timeout=20), 404)


def test_other_origins_and_names_are_refused_as_by_the_control_api(server: Server) -> None:
    page = f"{server.control}/console"
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}):
        problem(requests.get(page, headers=headers, timeout=20), 403)
        problem(requests.get(f"{page}/main.js", headers=headers, timeout=20), 403)
    problem(requests.get(page, headers={"Host": "evil.example"}, timeout=20), 403)
    # Who follows a link from elsewhere comes to the page; nothing else of the server can be reached so.
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert requests.get(page, headers=followed, timeout=20).status_code == 200
    problem(requests.get(f"{server.control}/state", headers=followed, timeout=20), 403)


def test_the_page_takes_no_token_and_tells_nothing(serve: Callable[..., Server]) -> None:
    server = serve("--control-token", "t0ken")
    assert requests.get(f"{server.control}/console", timeout=20).status_code == 200
    assert requests.get(f"{server.control}/console/main.js", timeout=20).status_code == 200
    problem(requests.get(f"{server.control}/requests", timeout=20), 401)
    problem(requests.get(f"{server.control}/consoles", timeout=20), 401)


def test_the_first_page_leads_there(server: Server) -> None:
    page = requests.get(server.url, headers={"Accept": "text/html"}, timeout=20).text
    assert f'href="{server.control}/console"' in page
