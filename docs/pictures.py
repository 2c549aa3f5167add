"""`make pictures`: what the README and the guides show, of what really runs: a terminal, the console, a report.

The terminal is a drawing of the text that the commands printed, which appears line by line; the other two are taken by
Chromium. Nothing comes from elsewhere, no font either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from xml.sax.saxutils import escape

import ringback

FOLDER = Path(__file__).with_name("pictures")
SHOWN = "http://127.0.0.1:4010"
COLUMNS, LINE, GLYPH, MARGIN = 96, 20, 8.43, 18

UPDATE = "/teli/v1/voice/phone-numbers/+14155551234/update-agent"
TOUR = [
    "# your client, and a mistake that it has to handle",
    f"curl {SHOWN}{UPDATE} \\\n  -H 'X-API-Key: test_me' --json '{{\"inbound_agent_id\": \"agent_abc123\"}}'",
    f"curl {SHOWN}{UPDATE} \\\n  -H 'X-API-Key: test_me' --json '{{\"inbound_agent_id\": \"agent_nobody\"}}'",
    "# an answer that nothing brings about, for the next two requests",
    "ringback faults add teli createPhoneNumber --status 429 --times 2 --space test_me",
    f"curl -X POST {SHOWN}/teli/v1/voice/phone-numbers/create -H 'X-API-Key: test_me'",
    "ringback requests list -status:2xx",
    "# and does a server keep the documented contract?",
    "ringback check vogent --operation updatePhoneNumber | tail -1",
]
"""What is typed; a comment is only shown."""


def main() -> int:
    """Makes all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with ringback.start() as server, tempfile.TemporaryDirectory() as work:
        (FOLDER / "tour.svg").write_text(drawn(list(_recorded(server.url, Path(work)))), encoding="utf-8")
        _fill(server.url)
        _photographed(server.url, Path(work))
    return 0


def _recorded(url: str, work: Path) -> Iterator[tuple[str, str]]:
    """Each command with what it printed; the server's own port is not the one that people meet."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RINGBACK_URL": url,
        "COLUMNS": str(COLUMNS),
    }
    for command in TOUR:
        if command.startswith("#"):
            yield command, ""
            continue
        asked = command.replace(SHOWN, url)
        done = subprocess.run(  # noqa: S603 - our own words
            ["/bin/bash", "-c", asked.replace("curl ", "curl -sS ", 1)],
            capture_output=True,
            text=True,
            cwd=work,
            env=environment,
            check=True,
            timeout=300,
        )
        yield command, done.stdout.replace(url, SHOWN)


def drawn(steps: list[tuple[str, str]]) -> str:
    """The terminal as SVG: a line of text for each line, which appears when its time has come."""
    lines: list[tuple[str, str, float]] = []
    now = 0.4
    for command, printed in steps:
        kind = "note" if command.startswith("#") else "typed"
        for index, text in enumerate(command.splitlines()):
            lines.append((kind, text if kind == "note" else ("$ " if not index else "") + text, now))
            now += 0.5
        for text in printed.splitlines():
            lines += [("said", part, now) for part in _folded(text)]
        now += 1.2 if printed else 0.2
        lines.append(("said", "", now))
    height = MARGIN * 2 + 22 + LINE * len(lines)
    width = round(COLUMNS * GLYPH + 2 * MARGIN)
    rows = "\n".join(
        f'<text class="{kind}" x="{MARGIN}" y="{MARGIN + 34 + index * LINE}" style="animation-delay:{at:.1f}s"'
        f' xml:space="preserve">{escape(text)}</text>'
        for index, (kind, text, at) in enumerate(lines)
        if text
    )
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    dots = "".join(
        f'<circle cx="{x}" cy="18" r="5" fill="{fill}"/>'
        for x, fill in ((20, "#ff5f57"), (38, "#febc2e"), (56, "#28c840"))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">
<title>Ringback in a terminal</title>
<style>
text {{ font: 14px ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; fill: #d7dce3 }}
text {{ animation: come .01s both }}
.typed {{ fill: #fff; font-weight: 600 }} .note {{ fill: #8fa3bd; font-style: italic }}
@keyframes come {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none }} }}
</style>
<rect width="100%" height="100%" rx="10" fill="#14181f"/>
{dots}
{rows}
</svg>
"""


def _folded(text: str) -> list[str]:
    return [text[at : at + COLUMNS] for at in range(0, max(len(text), 1), COLUMNS)]


def _fill(url: str) -> None:
    """A few more requests, so that there is something to see."""
    for path, body in (
        ("/teli/v1/voice/phone-number/create", b"{}"),
        (UPDATE, b'{"inbound_agent_id": "agent_x", "note": 1}'),
    ):
        _ask(url + path, body)
    for _ in range(3):
        _ask(url + "/vogent/api/phone_numbers", None)
        _ask(url + "/teli/v1/organizations", None)
        _ask(url + UPDATE, b'{"inbound_agent_id": "agent_abc123"}')
    _ask(url + UPDATE, b'{"inbound_agent_id": "agent_nobody", "agent": "me"}')


def _ask(url: str, body: bytes | None) -> None:
    headers = {"X-API-Key": "test_me", "Authorization": "Bearer test_me", "Content-Type": "application/json"}
    try:
        urlopen(Request(url, body, headers)).close()  # noqa: S310 - our own server
    except HTTPError as error:
        error.close()


def _photographed(url: str, work: Path) -> None:
    from playwright.sync_api import sync_playwright

    report = work / "report.html"
    command = [
        sys.executable,
        "-m",
        "mock_server",
        "check",
        "vogent",
        "--depth",
        "scenario",
        "--report",
        f"html={report}",
    ]
    subprocess.run(command, check=False, capture_output=True, cwd=FOLDER.parents[1], timeout=300)  # noqa: S603 - our own
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page: Any = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{url}/_ringback/console#/requests?space=test_me&q=status:500")
        page.locator(".rows a").first.click()
        page.locator(".detail .why").wait_for()
        page.goto(page.url.replace("status%3A500", "").replace("status:500", ""))
        page.locator(".rows .r").nth(5).wait_for()
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / "console.png")
        page.goto(report.as_uri())
        page.wait_for_timeout(300)
        page.screenshot(path=FOLDER / "report.png")
        browser.close()


if __name__ == "__main__":
    raise SystemExit(main())
