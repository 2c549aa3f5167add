"""The console in a real Chromium: what people do with it, hostile content, other origins, and accessibility.

Where there is no Chromium the tests are skipped on a laptop, and fail in CI.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests

from tests.conftest import Server, start_server
from tests.receiver import Receiver
from tests.test_spec_tools import CACHE, cannot, installed
from tests.test_telephone import VOGENT_AGENT, VOGENT_ID

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
AXE = {"dependencies": {"axe-core": "4.14.1"}, "private": True}
UPDATE = "/v1/voice/phone-numbers/+14155551234/update-agent"
PAGES = ("requests", "answers", "state/teli/numbers", "faults", "calls", "world")
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\u202egnp.exe\x1b[31m\x07"\'`${1}'

_SHOWN, _MISSED = re.compile(r"(\d+) requests?"), re.compile(r"(\d+) more")

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all of these tests."""
    if not Path(CHROMIUM).exists():
        cannot("there is no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A server whose list of spaces is these tests' own."""
    server = start_server()
    yield server
    server.stop()


@pytest.fixture
def key() -> str:
    return f"test_{uuid4().hex[:10]}"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that complains of nothing: no error, and nothing that its policy forbids."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(8000)
    opened, complaints = context.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    # A refusal by the control API, which is what some tests are about, is told by the browser too.
    opened.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if said.type in ("error", "warning") and "status of 4" not in said.text
            else None
        ),
    )
    yield opened
    context.close()
    assert complaints == []


def ask(server: Server, key: str, method: str = "POST", path: str = UPDATE, body: Any = None, **headers: str) -> Any:
    headers = {"X-API-Key": key, **headers}
    return requests.request(method, server.origin("teli") + path, json=body, headers=headers, timeout=20)


def console(server: Server, where: str, key: str, **query: str) -> str:
    asked = "&".join(f"{name}={quote(value)}" for name, value in {"space": key, **query}.items())
    return f"{server.control}/console#/{where}?{asked}"


def until(page: Any, holds: str) -> None:
    """Waits until the expression holds: Playwright's own waiting evaluates text, which the page's policy forbids."""
    for _ in range(160):
        if page.evaluate(f"Boolean({holds})"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"after 8 seconds not so: {holds}")


def test_what_a_proxy_has_judged_stands_beside_the_mocks_own_with_its_findings(
    page: Any, running: Server, key: str
) -> None:
    page.goto(console(running, "requests", key))
    page.get_by_text("It is quiet here").wait_for()
    ask(running, key, body={"inbound_agent_id": "agent_abc123"})
    seen = {"provider": "teli", "method": "POST", "path": UPDATE, "operation": "updatePhoneAgent", "status": 418}
    for findings in ([], [f"status: {HOSTILE}"]):
        row = {**seen, "at": "2026-01-01T10:00:00Z", "milliseconds": 2.5, "findings": findings}
        told = requests.post(f"{running.control}/requests", json={"space": key, "requests": [row]}, timeout=20)
        assert (told.status_code, told.json()) == (201, {"kept": 1})
    page.locator(".rows .r").nth(2).wait_for()
    assert page.locator(".rows .chosen").all_inner_texts() == ["1 finding", "endpoint", ""]
    page.locator(".rows .r a").first.click()
    page.get_by_text("An endpoint answered this through a proxy").wait_for()
    assert not page.evaluate("window.hit")


def test_requests_come_live_are_searched_and_explained(page: Any, running: Server, key: str) -> None:
    page.goto(console(running, "requests", key))
    page.get_by_text("It is quiet here").wait_for()
    ask(running, key, body={"inbound_agent_id": "agent_abc123"})
    ask(running, key, body={"inbound_agent_id": "agent_nobody", "extra": 1})
    page.locator(".rows .r").nth(1).wait_for()
    assert page.locator(".rows .status").all_inner_texts() == ["500", "200"]
    page.keyboard.press("/")
    page.keyboard.type("status:500 op:updatePhoneAgent -fault:*")
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.rows .r').length == 1")
    page.locator(".rows a").click()
    detail = page.locator(".detail")
    detail.get_by_text("agent-not-found.").wait_for()
    assert "seed" in detail.locator(".grade").inner_text()
    assert detail.locator("a.source").get_attribute("href").startswith("https://docs.teli.ai/")
    assert "extra" in detail.locator("mark").inner_text()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    detail.get_by_role("button", name="Copy as curl").click()
    page.get_by_text("Copied: the request as curl").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl -X POST http://127.0.0.1")
    detail.get_by_role("button", name="Copy as fault rule").click()
    page.get_by_text("Copied: a rule").wait_for()
    rule = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert requests.post(f"{running.control}/faults", json=rule, timeout=20).status_code == 201
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.detail')")
    page.locator("input[type=search]").fill("stauts:500")
    page.keyboard.press("Enter")
    page.get_by_text("did you mean status:").wait_for()


def test_the_keyboard_reaches_rows_and_leaves_scrolling_alone(page: Any, running: Server, key: str) -> None:
    for _ in range(60):
        ask(running, key, "GET", "/v1/organizations")
    page.goto(console(running, "requests", key))
    page.locator(".rows .r").nth(20).wait_for()
    newest = int(page.locator(".rows a").first.get_attribute("data-number"))
    page.evaluate("""() => ['j', 'j', 'j'].forEach(key => document.body.dispatchEvent(
        new KeyboardEvent('keydown', {key, bubbles: true})))""")
    until(page, f"document.activeElement.dataset.number == {newest - 2}")
    page.keyboard.press("k")
    until(page, f"document.activeElement.dataset.number == {newest - 1}")
    page.keyboard.press("Enter")
    page.locator(".detail h2").wait_for()
    assert page.url.partition("#")[2].startswith(f"/requests/{newest - 1}?")
    page.locator(".rows").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    until(page, "document.querySelector('.rows').scrollTop > 100")
    page.keyboard.press("4")
    page.get_by_role("heading", name="Faults").wait_for()
    page.keyboard.press("?")
    page.get_by_text("Words to search with").wait_for()
    page.get_by_label("Single keys do something here").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.wait_for_timeout(100)
    assert "#/faults" in page.url
    assert page.evaluate("document.querySelectorAll('[tabindex]').length > 0")


def test_a_record_is_edited_added_followed_and_removed(page: Any, running: Server, key: str) -> None:
    ask(running, key, body={"inbound_agent_id": "agent_abc123"})
    page.goto(console(running, "state/teli/numbers", key))
    page.get_by_role("button", name="Edit +14155551234").click()
    editor = page.get_by_label("The record as JSON")
    record = json.loads(editor.input_value())
    editor.fill(json.dumps({**record, "nickname": "from the page"}))
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("cell", name="from the page").wait_for()
    listed = "/v1/voice/phone-numbers?" + "&".join(f"{name}={record[name]}" for name in ("user_id", "organization_id"))
    assert "from the page" in ask(running, key, "GET", listed).text
    cell = page.get_by_role("cell", name="from the page")
    cell.dblclick()
    page.locator("input.edit").fill("in place")
    page.keyboard.press("Enter")
    page.get_by_role("cell", name="in place").wait_for()
    page.get_by_role("button", name="Add").click()
    editor.fill(json.dumps({**record, "phone_number": "+14155550009", "id": "one-more", "inbound_agent_id": "nobody"}))
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_text("there is no agents 'nobody'").wait_for()
    editor.fill(json.dumps({**record, "phone_number": "+14155550009", "id": "one-more"}))
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Remove +14155550009").click()
    until(page, "!document.querySelector('tbody').innerText.includes('+14155550009')")
    page.locator("tbody a").first.click()
    until(page, "location.hash.startsWith('#/state/teli/agents')")
    page.get_by_role("row").filter(has_text="Sales Agent").wait_for()


def test_answers_are_sent_forced_and_kept_for_the_next_time(page: Any, running: Server, key: str) -> None:
    page.goto(console(running, "answers", key, q="teli createPhoneNumber"))
    answer = page.locator(".answer").filter(has_text="no-numbers")
    answer.get_by_role("button", name="Send").click()
    answer.get_by_text("came, as documented").wait_for()
    answer.get_by_role("button", name="Force").click()
    answer.get_by_role("link", name="see it").wait_for()
    answer.get_by_role("button", name="Next time").click()
    page.get_by_text("is answered with no-numbers, once").wait_for()
    rows = requests.get(f"{running.control}/requests", params={"space": key}, timeout=20).json()["requests"]
    assert [(row["answer"], row["fault"]) for row in rows] == [("no-numbers", None), ("no-numbers", "prefer")]
    assert ask(running, key, path="/v1/voice/phone-numbers/create", body={}).status_code == 500
    page.keyboard.press("4")
    page.get_by_role("link", name="1", exact=True).wait_for()
    page.get_by_label("Operation").select_option("createPhoneNumber")
    page.get_by_label("Gives").select_option("f reset")
    page.get_by_role("button", name="Write it").click()
    page.get_by_role("row").filter(has_text="reset").wait_for()
    with pytest.raises(requests.ConnectionError):
        ask(running, key, path="/v1/voice/phone-numbers/create", body={})


def test_time_copies_and_calls_are_at_hand(page: Any, running: Server, key: str) -> None:
    ask(running, key, body={"inbound_agent_id": "agent_abc123"})
    page.goto(console(running, "world", key))
    page.get_by_role("button", name="Stop it").click()
    page.get_by_text("stands still").wait_for()
    before = requests.get(f"{running.control}/clock", params={"space": key}, timeout=20).json()["now"]
    page.get_by_role("button", name="+ 1 h").click()
    page.get_by_text("fell due").wait_for()
    assert requests.get(f"{running.control}/clock", params={"space": key}, timeout=20).json()["now"] > before
    page.get_by_label("Keep this space as").fill(key)
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("row").filter(has_text=key).wait_for()
    page.get_by_label("Its key").fill(f"{key}_copy")
    page.get_by_role("button", name="Fork").click()
    page.get_by_role("heading", name=f"{key}_copy").wait_for()
    page.keyboard.press("5")
    page.get_by_label("Number").fill("+14155551234")
    page.get_by_role("button", name="Ring it").click()
    page.get_by_role("row").filter(has_text="+14155551234").wait_for()
    assert (
        len(requests.get(f"{running.control}/calls", params={"space": f"{key}_copy"}, timeout=20).json()["calls"]) == 1
    )
    page.get_by_label("Space", exact=True).select_option(key)
    page.get_by_text("Nobody has called yet").wait_for()


def test_what_is_delivered_is_directed_seen_and_sent_again(page: Any, running: Server, key: str) -> None:
    receiver = Receiver()
    numbers = f"{running.origin('vogent')}/api/phone_numbers/{VOGENT_ID}"
    requests.put(numbers, json={"agentId": VOGENT_AGENT}, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    page.goto(console(running, "calls", key))
    page.get_by_text("Nothing was delivered").wait_for()
    directed = page.locator("form").filter(has_text="Its events go to")
    offered = directed.get_by_label("Vendor").locator("option").all_inner_texts()
    assert "vogent" in offered
    assert "teli" not in offered, "no page of Teli names a webhook"
    directed.get_by_label("Vendor").select_option("vogent")
    directed.get_by_label("Its events go to").fill(f"{receiver.url}/events")
    directed.get_by_role("button").click()
    page.get_by_text("Send them nowhere").wait_for()
    page.get_by_label("Number").fill("+18001234567")
    page.get_by_role("button", name="Ring it").click()
    # The newest come first; the one that is opened stays open, and itself, whatever comes above it.
    sent = page.locator(".deliveries li").last
    sent.locator("summary").click()
    told = sent.locator("summary b").inner_text()
    requests.post(f"{running.control}/calls", json={"space": key, "to": "+18001234567"}, timeout=20)
    until(page, "document.querySelectorAll('.deliveries li').length > 4")
    assert page.locator(".deliveries details[open]").count() == 1
    assert sent.locator("details[open] summary b").inner_text() == told
    before = len(receiver.received)
    sent.get_by_role("button", name="Send it again").click()
    page.get_by_text("Sent again: ").wait_for()
    assert len(receiver.received) > before >= 1
    page.get_by_role("button", name="Send them nowhere").click()
    page.get_by_text("Send them nowhere").wait_for(state="detached")
    receiver.stop()


def test_chance_begins_anew_with_the_seed_that_is_typed(page: Any, running: Server, key: str) -> None:
    ask(running, key, "GET", "/v1/organizations")
    page.goto(console(running, "world", key))
    page.get_by_label("Seed").fill("77")
    page.get_by_role("button", name="Begin anew").click()
    page.get_by_text("Chance begins anew.").wait_for()
    spaces = requests.get(f"{running.control}/spaces", timeout=20).json()["spaces"]
    assert [one["seed"] for one in spaces if one["name"] == key] == [77]


def test_hostile_content_is_text_and_nothing_else(page: Any, running: Server, key: str) -> None:
    space = f"{key}<b>&\"'"
    made = requests.post(f"{running.control}/spaces", json={"name": space}, timeout=20)
    assert made.status_code == 201, made.text
    path = "/v1/" + quote(HOSTILE)
    ask(running, space, path=path, body={HOSTILE: HOSTILE, "constructor": 1, "__proto__": {"x": 1}})
    ask(running, space, body={"big": "<b>" + "x" * 900_000})
    state = requests.get(f"{running.control}/state", params={"space": space}, timeout=20).json()
    state["providers"]["teli"]["records"]["agents"][0]["agent_name"] = HOSTILE
    assert requests.put(f"{running.control}/state", params={"space": space}, json=state, timeout=20).status_code == 200
    page.goto(console(running, "requests", space))
    page.locator(".rows .r").nth(1).wait_for()
    text = page.locator(".rows").inner_text()
    assert "<img src=x onerror=" in text
    assert "\\u202e" in text
    assert "\\u001b" in text
    assert not {"\u202e", "\x1b", "\x07"} & set(text)
    for number in range(2):
        page.locator(".rows a").nth(number).click()
        page.locator(".detail .body").first.wait_for()
    page.get_by_text("7 headers").or_(page.get_by_text("headers")).first.click()
    page.goto(console(running, "state/teli/agents", space))
    page.get_by_role("row").filter(has_text="<img src=x onerror=").wait_for()
    page.keyboard.press("6")
    page.get_by_role("heading", level=1).filter(has_text="<b>&").wait_for()
    assert page.evaluate("window.hit === undefined && document.images.length") == 1
    assert page.evaluate("document.querySelectorAll('script').length") == 1


def test_thousands_of_requests_hurt_neither_page_nor_server(page: Any, running: Server, key: str) -> None:
    page.goto(console(running, "requests", key))
    page.get_by_text("It is quiet here").wait_for()
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: _many(running, key, 500), range(4)))
    assert sum(sent) == 2000
    page.locator(".foot").filter(has_text="request").wait_for()
    newest = requests.get(
        f"{running.control}/requests", params={"space": key, "order": "newest", "limit": 1}, timeout=20
    ).json()["requests"][0]["number"]
    page.locator(f'[data-number="{newest}"]').wait_for()
    # Of all that there is only what is seen is drawn, and the page answers at once.
    assert page.locator(".rows .r").count() < 80
    waited = page.evaluate(
        "new Promise(done => { const at = performance.now(); setTimeout(() => done(performance.now() - at)) })"
    )
    assert waited < 500
    foot = page.locator(".foot").inner_text().replace(",", "")
    shown, missed = (int(found[1]) if found else 0 for found in (_SHOWN.search(foot), _MISSED.search(foot)))
    assert shown + missed == 2000


def _many(server: Server, key: str, count: int) -> int:
    with requests.Session() as session:
        session.headers["X-API-Key"] = key
        url = server.origin("teli") + "/v1/nothing"
        return sum(session.get(url, timeout=20).status_code == 404 for _ in range(count))


def test_the_token_is_asked_for_once(serve: Callable[..., Server], page: Any) -> None:
    server = serve("--control-token", "t0ken")
    page.goto(f"{server.control}/console")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Open the console").click()
    page.get_by_label("Token").fill("t0ken")
    page.get_by_role("button", name="Open the console").click()
    page.locator(".state").get_by_text("live").wait_for()
    ask(server, "test_me", body={})
    page.locator(".rows .r").first.wait_for()
    assert "t0ken" not in page.url


TRIED = """async control => {
    const found = {}
    for (const path of ['/console', '/console/main.js', '/requests', '/provoke']) {
        const method = path === '/provoke' ? 'POST' : 'GET'
        try { found[path] = (await fetch(control + path, {method})).status } catch { found[path] = 'refused' }
    }
    const frame = document.createElement('iframe')
    frame.src = control + '/console'
    document.body.append(frame)
    await new Promise(done => { frame.onload = done; setTimeout(done, 2000) })
    try {
        found.frame = frame.contentDocument === null ? 'foreign' : frame.contentDocument.body.innerText
    } catch { found.frame = 'foreign' }
    try { await import(control + '/console/main.js'); found.script = 'loaded' } catch { found.script = 'refused' }
    return found
}"""


def test_a_page_of_another_origin_can_do_nothing_with_it(browser: Any, running: Server) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>evil</title>")

        def log_message(self, *_: object) -> None:
            return

    evil = HTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{evil.server_port}/")
        found = page.evaluate(TRIED, running.control)
        assert {found[path] for path in ("/console", "/console/main.js", "/requests", "/provoke", "script")} == {
            "refused"
        }
        assert found["frame"] == "foreign"
        own = f"http://127.0.0.1:{evil.server_port}"
        assert all(frame.url.startswith((own, "chrome-error:")) for frame in page.frames)
    finally:
        context.close()
        evil.shutdown()


@pytest.fixture(scope="module")
def axe() -> str:
    npm = shutil.which("npm")
    if npm is None:
        cannot("there is no npm")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
    folder = installed(CACHE / "axe" / "npm", json.dumps(AXE), npm, "install", *quiet)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_is_accessible_and_fits(browser: Any, running: Server, key: str, axe: str, scheme: str) -> None:
    ask(running, key, body={"inbound_agent_id": "agent_nobody", "extra": 1})
    ask(running, key, path="/v1/nothing", body={})
    requests.post(
        f"{running.control}/faults",
        json={"space": key, "provider": "teli", "operation": "*", "answer": {"status": 429}, "times": 2},
        timeout=20,
    )
    ask(running, key, body={})
    requests.post(f"{running.control}/calls", json={"space": key, "to": "+14155551234"}, timeout=20)
    number = requests.get(f"{running.control}/requests", params={"space": key}, timeout=20).json()["requests"][0][
        "number"
    ]
    # The page's own policy lets no further script in; the tool is brought in beside it.
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    findings = []
    try:
        page = context.new_page()
        page.add_init_script(axe)
        for where in (*PAGES, f"requests/{number}") if scheme == "light" else ("requests", "answers", "faults"):
            page.goto("about:blank")
            page.set_viewport_size({"width": 1280, "height": 800})
            page.goto(console(running, where, key, q="teli updatePhoneAgent" if where == "answers" else ""))
            page.locator("main h1, .detail h2").first.wait_for(state="attached")
            page.wait_for_timeout(250)
            for width in (360, 1280, 2000) if scheme == "light" else (1280,):
                page.set_viewport_size({"width": width, "height": 800})
                page.wait_for_timeout(50)
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    findings.append(f"{where} is wider than {width}")
                if width != 1280 and not (width == 360 and where.startswith("requests")):
                    continue
                # The dark page differs in its colours.
                only = "" if scheme == "light" else ", runOnly: ['color-contrast']"
                result = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{only}}})")
                findings += [
                    f"{where} {width} {scheme}: {one['id']} {one['nodes'][0]['html'][:120]}"
                    for one in result["violations"]
                ]
    finally:
        context.close()
    assert not findings, "\n".join(findings)
