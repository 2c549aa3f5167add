"""Whole flows as outside programs run them, written from the vendors' pages: plain HTTP, nothing of this project.

A flow speaks to one vendor at a time by the standard library alone, as a program in the field would, with a key of its
own; the only thing it knows of Ringback is how the clock of its space is moved. No flow sleeps.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from tests.conftest import Server

NOW = "2026-03-02T09:00:00Z"
"""A Monday morning."""

HEADERS: dict[str, Callable[[str], dict[str, str]]] = {
    "teli": lambda key: {"X-API-Key": key},
    "vogent": lambda key: {"Authorization": f"Bearer {key}"},
    "interactly": lambda key: {"Authorization": f"Bearer {key}"},
    "uponai": lambda key: {"Authorization": f"Bearer {key}"},
}
_ALL_SPACES = count(1)


class Program:
    """An outside program: a base address, a key, JSON in and out."""

    def __init__(self, server: Server, key: str) -> None:
        self.server, self.key = server, key

    def __call__(self, vendor: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's body; a refusal fails the flow unless it is asked for by `refused`."""
        status, answer = self.ask(vendor, method, path, body, **query)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def refused(self, vendor: str, method: str, path: str, body: Any = None) -> int:
        status, answer = self.ask(vendor, method, path, body)
        assert status >= 400, answer
        return status

    def ask(self, vendor: str, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        url = f"{self.server.origin(vendor)}{path}" + (f"?{urlencode(query)}" if query else "")
        return self._send(method, url, body, HEADERS[vendor](self.key))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        # Where a body says of which space it is, the address must not.
        query = "" if isinstance(body, dict) and "space" in body else f"?space={self.key}"
        status, answer = self._send(method, f"{self.server.control}{path}{query}", body, {})
        assert status < 300, answer
        return answer

    def _send(self, method: str, url: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        sent = Request(url, data, {**headers, "Content-Type": "application/json"}, method=method)
        try:
            with urlopen(sent, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def pass_time(self, seconds: float) -> None:
        self.control("POST", "/clock/advance", {"seconds": seconds})

    def ring(self, number: str, **more: Any) -> dict[str, Any]:
        """Somebody calls a number of the program's."""
        status, call = self._send("POST", f"{self.server.control}/calls", {"space": self.key, "to": number, **more}, {})
        assert status == 201, call
        found: dict[str, Any] = call
        return found

    def until(
        self, wanted: Callable[[Any], bool], read: Callable[[], Any], seconds: float = 5, turns: int = 200
    ) -> Any:
        """Polls as programs do, and lets the time between two polls pass by the clock of the space."""
        for _ in range(turns):
            found = read()
            if wanted(found):
                return found
            self.pass_time(seconds)
        raise AssertionError(f"never came: {found}")


class Application:
    """A web application with a webhook: it keeps what it takes, and answers what it was told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answer: Any = {}
        self._arrived = threading.Condition()
        app = Flask("application")
        app.add_url_rule("/hook", view_func=self._take, methods=["POST"])
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self) -> Any:
        with self._arrived:
            self.taken.append((dict(request.headers), request.get_data()))
            self._arrived.notify_all()
        return self.answer

    def events(self, wanted: int) -> list[dict[str, Any]]:
        """The bodies of everything taken, as soon as it is that much."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.taken) >= wanted, 15), self.taken
            return [json.loads(body) for _, body in self.taken]

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def app() -> Iterator[Application]:
    one = Application()
    yield one
    one.stop()


@pytest.fixture
def run(server: Server) -> Program:
    program = Program(server, f"test_flow_{next(_ALL_SPACES)}")
    program.control("PUT", "/clock", {"now": NOW, "frozen": True})
    return program


PROMPT = {"aiModelId": "", "agentType": "STANDARD", "name": "v1", "prompt": "You book tables."}


def vogent_agent(run: Program, **more: Any) -> dict[str, Any]:
    """An agent with the first voice and model of the workspace."""
    voice = run("vogent", "GET", "/api/voices", limit=1)["voices"][0]
    model = run("vogent", "GET", "/api/models")["data"][0]
    prompt = {**PROMPT, "aiModelId": model["id"]}
    body = {"name": "Bookings", "defaultVoiceId": voice["id"], "defaultVersionedPrompt": prompt, **more}
    made: dict[str, Any] = run("vogent", "POST", "/api/agents", body)
    return made


def vogent_number(run: Program, agent: str | None = None) -> dict[str, Any]:
    """A number that was searched and bought, linked if an agent is named."""
    free = run("vogent", "POST", "/api/phone_numbers/search", {"prefix": "510"})
    bought = run("vogent", "POST", "/api/phone_numbers", {"type": "purchase", "purchase": free[0]})
    found: dict[str, Any] = bought
    if agent is not None:
        found = run("vogent", "PUT", f"/api/phone_numbers/{bought['id']}", {"agentId": agent})
    return found


def vogent_dial(run: Program, agent: str, number: str, **more: Any) -> str:
    body = {"callAgentId": agent, "fromNumberId": number, "toNumber": "+15005550200", **more}
    return str(run("vogent", "POST", "/api/dials", body)["dialId"])


def vogent_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As the page on API settings verifies: hex HMAC-SHA256 of the raw body."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, headers["X-Elto-Signature"])


# Vogent


def test_an_agent_is_made_linked_dialled_and_its_transcript_read(run: Program) -> None:
    agent = vogent_agent(run)
    number = vogent_number(run, agent["id"])
    assert number["agentId"] == agent["id"]
    dial = vogent_dial(run, agent["id"], number["id"], callAgentInput={"name": "John"})
    over = run.until(
        lambda one: one["status"] in ("completed", "failed", "busy", "no-answer", "canceled"),
        lambda: run("vogent", "GET", f"/api/dials/{dial}"),
    )
    assert (over["status"], over["inputs"], over["agent"]["name"]) == ("completed", {"name": "John"}, "Bookings")
    assert [line["speaker"] for line in over["transcript"]] == ["AI", "HUMAN", "AI", "HUMAN"]
    assert over["durationSeconds"] > 0
    assert over["recordings"]


def test_an_inbound_call_asks_the_agent_s_webhook_and_tells_the_workspace_s(run: Program, app: Application) -> None:
    run.control("PUT", "/webhooks/vogent", {"url": app.url, "secret": "signing-secret"})
    agent = vogent_agent(run, inboundWebhookUrl=app.url, inboundWebhookResponse=True)
    number = vogent_number(run, agent["id"])
    app.answer = {"call_agent_input": {"name": "Jane"}, "keywords": ["table"]}
    call = run.ring(number["number"], **{"from": "+12025550177"})
    run.pass_time(300)
    events = app.events(7)
    assert [event["event"] for event in events] == [
        "dial.inbound",
        "dial.created",
        *["dial.updated"] * 3,
        "dial.transcript",
        "dial.recording_created",
    ]
    assert all(vogent_signed(headers, body, "signing-secret") for headers, body in app.taken)
    assert events[0]["payload"]["source_number"] == "+12025550177"
    assert events[0]["payload"]["dest_number_id"] == number["id"]
    assert [event["payload"]["status"] for event in events[2:5]] == ["ringing", "in-progress", "completed"]
    assert run("vogent", "GET", f"/api/dials/{call['id']}")["inputs"] == {"name": "Jane"}


def test_a_new_prompt_is_tried_published_and_rolled_back(run: Program) -> None:
    agent = vogent_agent(run)
    number = vogent_number(run)
    prompts = f"/api/agents/{agent['id']}/versioned_prompts"
    (first,) = run("vogent", "GET", prompts)["data"]
    assert (first["id"], first["prompt"]) == (agent["defaultVersionedPromptId"], "You book tables.")
    body = {
        "aiModelId": first["aiModelId"],
        "agentType": "STANDARD",
        "name": "v2",
        "prompt": "You book tables, briefly.",
    }
    second = run("vogent", "POST", prompts, body)
    tried = vogent_dial(run, agent["id"], number["id"], versionedModelId=second["id"])
    before = vogent_dial(run, agent["id"], number["id"])
    run("vogent", "PUT", f"/api/agents/{agent['id']}", {"defaultVersionedPromptId": second["id"]})
    published = vogent_dial(run, agent["id"], number["id"])
    run("vogent", "PUT", f"/api/agents/{agent['id']}", {"defaultVersionedPromptId": first["id"]})
    after = vogent_dial(run, agent["id"], number["id"])
    run.pass_time(600)
    used = [
        run("vogent", "GET", f"/api/dials/{dial}")["versionedPromptId"] for dial in (tried, before, published, after)
    ]
    assert used == [second["id"], first["id"], second["id"], first["id"]]
    assert [prompt["name"] for prompt in run("vogent", "GET", prompts)["data"]] == ["v1", "v2"]


def test_a_prompt_is_reworded_where_it_stands(run: Program) -> None:
    agent = vogent_agent(run)
    prompt = f"/api/agents/{agent['id']}/versioned_prompts/{agent['defaultVersionedPromptId']}"
    changed = run("vogent", "PUT", prompt, {"prompt": "You cancel tables."})
    assert changed == run("vogent", "GET", prompt)
    assert (changed["prompt"], changed["name"]) == ("You cancel tables.", "v1")
    other = run("vogent", "GET", "/api/agents")["data"][0]["id"]
    stranger = f"/api/agents/{other}/versioned_prompts/{agent['defaultVersionedPromptId']}"
    assert run.refused("vogent", "GET", stranger) == 400


def test_a_function_is_made_attached_to_an_agent_and_taken_away(run: Program) -> None:
    body = {
        "name": "transfer_call",
        "description": "Transfers to a person.",
        "type": "transfer",
        "allowedNumbers": [{"number": "+12025550148"}],
        "lifecycleMessages": {"started": ["One moment."]},
    }
    function = run("vogent", "POST", "/api/functions", body)
    link = {"functionDefinitionId": function["id"], "lifecycleMessagesOverride": {"started": ["Putting you through."]}}
    agent = vogent_agent(run, linkedFunctionDefinitionInputs=[link])
    assert agent["linkedFunctionDefinitions"] == [link]
    more = {"allowedNumbers": [{"number": "+12025550148"}, {"number": "+12025550149"}]}
    run("vogent", "PUT", f"/api/functions/{function['id']}", more)
    assert run("vogent", "GET", f"/api/functions/{function['id']}") == {**function, **more}
    run("vogent", "DELETE", f"/api/functions/{function['id']}")
    assert run("vogent", "GET", f"/api/agents/{agent['id']}")["linkedFunctionDefinitions"] == []
    assert run.refused("vogent", "GET", f"/api/functions/{function['id']}") == 400


def test_a_dial_is_hung_up_in_the_middle(run: Program, app: Application) -> None:
    agent, number = vogent_agent(run), vogent_number(run)
    dial = vogent_dial(run, agent["id"], number["id"], webhookUrl=app.url, timeoutMinutes=10)
    token = run("vogent", "POST", f"/api/dials/{dial}/token")["dialToken"]
    assert token
    run.until(lambda one: one["status"] == "in-progress", lambda: run("vogent", "GET", f"/api/dials/{dial}"), seconds=1)
    assert run("vogent", "POST", f"/api/dials/{dial}/hangup") == {"success": True}
    over = run("vogent", "GET", f"/api/dials/{dial}")
    assert (over["status"], over["systemResultType"]) == ("completed", "USER_HANGUP")
    assert len(over["transcript"]) < 4
    assert run.refused("vogent", "POST", f"/api/dials/{dial}/hangup") == 400
    run.pass_time(600)
    statuses = [event["payload"].get("status") for event in app.events(6) if event["event"] == "dial.updated"]
    assert statuses == ["ringing", "in-progress", "completed"]


def test_an_extractor_is_versioned_tells_what_was_found_out_and_is_switched_off(run: Program, app: Application) -> None:
    agent = vogent_agent(run)
    assert agent["defaultExtractorId"] is None
    extractors = f"/api/agents/{agent['id']}/extractors"
    schema = json.dumps({"type": "object", "properties": {"guests": {"type": "integer"}}})
    made = run("vogent", "POST", extractors, {"name": "Booking", "extractorFieldsJsonSchema": schema})
    linked = run("vogent", "PUT", f"/api/agents/{agent['id']}", {"callAgentExtractorId": made["id"]})
    assert linked["defaultExtractorId"] == made["id"]
    renamed = run("vogent", "PUT", f"{extractors}/{made['id']}", {"name": "Table"})
    assert renamed == {**made, "name": "Table"} == run("vogent", "GET", extractors)["extractors"][0]
    number = vogent_number(run)
    dial = vogent_dial(run, agent["id"], number["id"], callAgentInput={"guests": 4}, webhookUrl=app.url)
    run.pass_time(600)
    assert run("vogent", "GET", f"/api/dials/{dial}")["aiResult"] == {"guests": 4}
    assert app.events(7)[-1] == {"event": "dial.extractor", "payload": {"dial_id": dial, "ai_result": {"guests": 4}}}
    off = run("vogent", "PUT", f"/api/agents/{agent['id']}", {"callAgentExtractorId": ""})
    assert not off["defaultExtractorId"]


def test_a_batch_job_calls_in_its_hours_and_its_pace_and_each_dial_is_told(run: Program, app: Application) -> None:
    run.control("PUT", "/webhooks/vogent", {"url": app.url, "secret": "s", "events": ["dial.created", "dial.updated"]})
    agent, number = vogent_agent(run), vogent_number(run)
    hours = {"dayOfWeek": 1, "timeSlots": [{"startTime": "09:00", "endTime": "17:00"}]}
    rows = [{"toNumber": f"+1500555{index % 4}200", "inputs": {"customer": f"C{index}"}} for index in range(6)]
    body = {
        "name": "Customer Survey",
        "callAgentId": agent["id"],
        "maxConcurrentDials": 2,
        "fromPhoneNumberIds": [number["id"]],
        "schedule": {"days": [hours], "timezone": "America/New_York"},
        "rows": rows,
    }
    job = run("vogent", "POST", "/api/batch_dial_jobs", body)
    path = f"/api/batch_dial_jobs/{job['id']}"
    run.pass_time(60)
    assert (job["status"], len(run("vogent", "GET", f"{path}/queue")["data"])) == ("INIT", 6)
    assert run("vogent", "POST", f"{path}/paused", {"paused": False})["status"] == "ACTIVE"
    # It is four in the morning in New York.
    run.pass_time(4 * 3600)
    assert len(run("vogent", "GET", f"{path}/queue")["data"]) == 6
    run.pass_time(3600 - 60)
    assert len(run("vogent", "GET", f"{path}/queue")["data"]) == 4
    assert run("vogent", "POST", f"{path}/paused", {"paused": True})["status"] == "PAUSED"
    run.pass_time(600)
    dials = run("vogent", "GET", f"{path}/dials")["data"]
    assert [dial["inputs"] for dial in dials] == [{"customer": "C0"}, {"customer": "C1"}]
    assert {(dial["status"], dial["fromNumberId"]) for dial in dials} == {("completed", number["id"])}
    queued = run("vogent", "GET", f"{path}/queue", limit=3)
    assert [row["inputs"]["customer"] for row in queued["data"]] == ["C2", "C3", "C4"]
    assert queued["cursor"]
    run("vogent", "PUT", path, {"maxConcurrentDials": 4})
    run("vogent", "POST", f"{path}/paused", {"paused": False})
    run.pass_time(1800)
    assert run("vogent", "GET", path)["status"] == "COMPLETE"
    assert run("vogent", "GET", f"{path}/queue")["data"] == []
    assert len(run("vogent", "GET", f"{path}/dials")["data"]) == 6
    events = app.events(24)
    assert [event["event"] for event in events].count("dial.created") == 6
    assert [event["payload"].get("status") for event in events].count("completed") == 6
    assert all(vogent_signed(headers, sent, "s") for headers, sent in app.taken)


def test_all_agents_are_found_page_by_page_and_tidied_away(run: Program) -> None:
    made = [vogent_agent(run, name=f"Agent {index}")["id"] for index in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        page = run("vogent", "GET", "/api/agents", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [agent["id"] for agent in page["data"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert [one for one in seen if one in made] == made
    number = vogent_number(run, made[0])
    for id in made:
        assert run("vogent", "DELETE", f"/api/agents/{id}")["id"] == id
    assert run("vogent", "GET", f"/api/phone_numbers/{number['id']}")["agentId"] is None
    assert run.refused("vogent", "GET", f"/api/agents/{made[0]}/versioned_prompts") == 400


# Teli

OWNER = {"organization_id": "1762896364768x389173798861431550", "user_id": "1762896366429x599348279945132448"}


def teli_agent(run: Program) -> dict[str, Any]:
    body = {
        "agent_type": "voice",
        "agent_name": "Sales Agent",
        "starting_message": "Hi, this is Sarah.",
        "prompt": "You are a friendly sales agent.",
        "voice_id": "11labs-Adrian",
        "language": "en-US",
        "tenant_id": "your_tenant",
        **OWNER,
    }
    made: dict[str, Any] = run("teli", "POST", "/v1/agents", body)
    return made


def test_a_teli_number_is_bought_linked_rung_and_released(run: Program) -> None:
    agent = teli_agent(run)["agent_id"]
    bought = run("teli", "POST", "/v1/voice/phone-numbers/create", {"area_code": "313", "tenant_id": "t", **OWNER})
    number = bought["phone_number"]
    assert number.startswith("+1313")
    link = {"inbound_agent_id": agent, "outbound_agent_id": agent, "nickname": "Detroit"}
    path = f"/v1/voice/phone-numbers/{quote(number)}"
    assert run("teli", "POST", f"{path}/update-agent", link)["nickname"] == "Detroit"
    call = run.ring(number, say=[{"text": "Hello?"}])
    assert call["agent"]["name"] == "Sales Agent"
    run.pass_time(300)
    run("teli", "DELETE", path)
    left = run("teli", "GET", "/v1/voice/phone-numbers", **OWNER)
    assert number not in json.dumps(left)


def test_a_teli_partner_opens_an_organization_with_a_user_and_a_number(run: Program) -> None:
    body = {"name": "My Company LLC", "contact_email": "office@example.com"}
    made = run("teli", "POST", "/v1/organizations", body)
    organization = made["organization"]["unique_id"] if "organization" in made else made["unique_id"]
    user = {"name": "John Smith", "email": "john.smith@example.com", "permission": "admin"}
    run("teli", "POST", f"/v1/organizations/{organization}/users", user)
    users = run("teli", "GET", f"/v1/organizations/{organization}/users")
    assert "john.smith@example.com" in json.dumps(users)
    assert run.refused("teli", "POST", f"/v1/organizations/{organization}/users", user) == 400


def test_teli_s_contacts_are_written_to_from_a_campaign_and_counted(run: Program) -> None:
    agent = {"agent_type": "sms", "agent_name": "Qualifier", "starting_message": "Hi.", "prompt": "Ask.", **OWNER}
    sms = run("teli", "POST", "/v1/agents", agent)["agent_id"]
    group = run("teli", "POST", "/v1/contacts/groups", {"group_name": "November Leads", **OWNER})["group_id"]
    run("teli", "POST", "/v1/contacts", {"list_id": group, "phone_number": "+12025550171", **OWNER})
    more = {"list_id": group, "contacts": [{"phone_number": "+12025550172", "first_name": "Ann"}], **OWNER}
    imported = run("teli", "POST", "/v1/contacts/lists", more)
    assert imported["message"] == "1 contacts added to group 'November Leads'"
    listed = run("teli", "GET", f"/v1/contacts/lists/{group}/contacts", user_id=OWNER["user_id"])
    contacts = [{"phone_number": row["phone_number"]} for row in listed["contacts"]]
    assert [row["first_name"] for row in listed["contacts"]] == [None, "Ann"]
    assert listed["total"] == len(contacts) == 2

    sender = {"sms_agent_id": sms, "teli_sms_number": "+13135559999", "contacts": contacts}
    body = {"campaign_id": "november", "campaign_name": "November", **sender, **OWNER}
    made = run("teli", "POST", "/v1/campaigns", body)
    assert (made["status"], made["agent"]) == ("processing", {"agent_id": sms, "agent_name": "Qualifier"})
    assert made["details"]["total_contacts"] == 2
    path = f"/v1/organizations/{OWNER['organization_id']}"
    rows = run("teli", "GET", f"{path}/campaigns", user_id=OWNER["user_id"])["campaigns"]
    assert [row["status"] for row in rows if row["campaign_id"] == "november"] == ["ACTIVE"]

    before = run("teli", "GET", path)["organization"]["total_sms_outbound"]
    numbers = ["+12025550171", "+12025550172", "+12025550173"]
    many = {"campaign_id": "november", "phone_numbers": numbers, "message": "We are closed tomorrow."}
    sent = run("teli", "POST", "/v1/sms/bulk-send", many)
    assert (sent["message"], sent["total"]) == ("Bulk SMS complete: 2 sent, 1 failed", 3)
    stranger = {"phone_number": numbers[2], "status": "failed"}
    assert sent["results"][2] == {**stranger, "error": f"Client {numbers[2]} not found in campaign november"}
    one = {"campaign_id": "november", "phone_number": numbers[0], "message": "See you at three."}
    assert run("teli", "POST", "/v1/sms/send", one)["human_takeover"] is True
    assert run.refused("teli", "POST", "/v1/sms/send", {**one, "phone_number": numbers[2]}) == 404
    assert run("teli", "GET", path)["organization"]["total_sms_outbound"] == before + 3


def test_a_teli_knowledge_base_grows_and_an_sms_number_changes_hands(run: Program) -> None:
    texts = [{"title": "Hours", "text": "From 9 to 5."}]
    made = run("teli", "POST", "/v1/knowledge-bases", {"name": "FAQ", "texts": texts, **OWNER})
    path = f"/v1/knowledge-bases/{made['knowledge_base_id']}"
    added = run("teli", "POST", f"{path}/sources", {"urls": ["https://example.com/prices"]})
    assert (made["total_sources"], added["sources_added"], added["total_sources"]) == (1, 1, 2)
    base = run("teli", "GET", path)["knowledge_base"]
    assert (base["status"], base["source_types"]) == ("complete", ["text", "url"])
    assert base["source_details"]["texts"] == [{"title": "Hours", "text_length": 12}]
    run("teli", "DELETE", path)
    assert run.refused("teli", "GET", path) == 404

    organization = {"organization_id": OWNER["organization_id"]}
    bought = run("teli", "POST", "/v1/sms/phone-numbers/purchase", {"area_code": "415", **organization})
    number = bought["phone_number"]

    def free() -> list[str]:
        rows = run("teli", "GET", "/v1/sms/phone-numbers/available", **organization)["phone_numbers"]
        return [row["phone_number"] for row in rows]

    assign = f"/v1/sms/phone-numbers/{quote(number)}/assign?{urlencode(organization)}"
    assert number in free()
    run("teli", "POST", assign, {"user_id": OWNER["user_id"]})
    rows = run("teli", "GET", "/v1/sms/phone-numbers", **organization)["phone_numbers"]
    (owner,) = [row["assigned_to"]["email"] for row in rows if row["phone_number"] == number]
    assert (owner, number in free()) == ("owner@example.org", False)
    assert run.refused("teli", "POST", assign, {"user_id": OWNER["user_id"]}) == 400
    run("teli", "DELETE", assign)
    assert number in free()


# Interactly


def test_an_interactly_assistant_answers_and_its_report_arrives(run: Program, app: Application) -> None:
    run.control("PUT", "/webhooks/interactly", {"url": app.url, "secret": "hush", "events": ["end-of-call-report"]})
    assistant = run("interactly", "POST", "/assistants/v1/assistants", {"name": "Front Desk"})
    credentials = {"accountSid": "AC1234567890", "authToken": "a-token-of-twilio"}
    body = {"number": "+12025550188", "label": "desk", "credentials": credentials}
    imported = run("interactly", "POST", "/assistants/v1/numbers/twilio", body)
    change = {"assistantId": assistant["_id"], "inboundEnabled": True, "outboundEnabled": True}
    run("interactly", "PUT", f"/assistants/v1/numbers/{imported['_id']}", change)
    run.ring("+12025550188", say=[{"text": "Are you open?"}])
    run.pass_time(300)
    (report,) = app.events(1)
    assert report["message"]["type"] == "end-of-call-report"
    assert "Are you open?" in json.dumps(report)
    assert app.taken[0][0]["X-Interactly-Secret"] == "hush"
    assert credentials["authToken"] not in json.dumps(run("interactly", "GET", "/assistants/v1/numbers"))


def test_an_interactly_call_is_placed_ended_by_its_control_url_and_found_in_the_list(run: Program) -> None:
    numbers = {"userNumber": "+15005550200", "assistantNumber": "+1234567890"}
    first = run("interactly", "POST", "/calls/v1/conversations", {**numbers, "metadata": {"lead": "7"}})
    assert (first["direction"], first["status"]) == ("outbound", "queued")
    control = first["monitor"]["controlUrl"].removeprefix("https://api-prod.interactly.ai")

    def status() -> str:
        return str(run("interactly", "GET", f"/calls/v1/conversations/{first['id']}")["status"])

    run.until(lambda found: found == "ongoing", status, seconds=1)
    run("interactly", "POST", control, {"type": "say", "message": "One moment."})
    assert status() == "ongoing"
    run("interactly", "POST", control, {"type": "end"})
    run.until(lambda found: found == "finished", status, seconds=1)
    assert run.refused("interactly", "POST", control, {"type": "end"}) == 400
    second = run("interactly", "POST", "/calls/v1/conversations", {**numbers, "userNumber": "+15005550201"})
    today = {"startDate": NOW, "endDate": "2026-03-02T23:59:59Z", "size": 1}
    pages = [run("interactly", "GET", "/calls/v1/conversations", page=page, **today) for page in (1, 2, 3)]
    assert [page["totalCount"] for page in pages] == [2, 2, 2]
    assert [[row["id"] for row in page["conversations"]] for page in pages] == [[first["id"]], [second["id"]], []]
    label = run("interactly", "GET", "/assistants/v1/numbers", label="friendly-name-2")[0]
    barred = {**numbers, "assistantNumber": label["number"]}
    assert run.refused("interactly", "POST", "/calls/v1/conversations", barred) == 400


# UponAI

ACCOUNT = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}


def uponai_agent(run: Program, name: str) -> str:
    engine = {"type": "retell-llm", "llm_id": "llm_0c1d2e3f4a5b6c7d8e9f0a1b2c3d"}
    body = {"workspaceId": 1, "agent_name": name, "voice_id": "11labs-Adrian", "response_engine": engine}
    return str(run("uponai", "POST", "/api/agents", body)["agent_id"])


def test_uponai_s_application_sends_a_call_to_another_agent(run: Program, app: Application) -> None:
    day, night = uponai_agent(run, "Day"), uponai_agent(run, "Night")
    run.control("PUT", "/webhooks/uponai", {"url": app.url, "secret": "key"})
    number = quote("+12137771235", safe="")
    body = {**ACCOUNT, "inboundAgents": [{"agent_id": day, "weight": 1}], "inboundWebhookUrl": app.url}
    run("uponai", "PUT", f"/api/numbers/{number}/agent", body)
    app.answer = {"call_inbound": {"override_agent_id": night}}
    call = run.ring("+12137771235")
    run.pass_time(300)
    assert call["agent"]["name"] == "Night"
    events = app.events(4)
    assert [event["event"] for event in events] == ["call_inbound", "call_started", "call_ended", "call_analyzed"]
    assert {event["call"]["agent_id"] for event in events[1:]} == {night}
    for headers, sent in app.taken:
        stamp, digest = (part.partition("=")[2] for part in headers["X-Retell-Signature"].split(","))
        assert hmac.compare_digest(digest, hmac.new(b"key", sent + stamp.encode(), hashlib.sha256).hexdigest())


def test_uponai_s_new_version_takes_calls_once_it_is_pinned(run: Program) -> None:
    agent = uponai_agent(run, "Desk")
    run("uponai", "PATCH", f"/api/agents/{agent}", {"workspaceId": 1, "agent_name": "Desk, patient"})
    versions = run("uponai", "GET", f"/api/agents/{agent}/versions", workspaceId=1)
    assert len(json.dumps(versions)) > len("[]")
    number = quote("+12137771235", safe="")
    for version in (0, 1):
        share = {"agent_id": agent, "agent_version": version, "weight": 1}
        body = {**ACCOUNT, "inboundAgents": [share], "inboundWebhookUrl": None}
        run("uponai", "PUT", f"/api/numbers/{number}/agent", body)
        assert run.ring("+12137771235")["agent"]["version"] == version


def test_uponai_s_agent_calls_out_and_tells_its_own_webhook(run: Program, app: Application) -> None:
    agent = uponai_agent(run, "Caller")
    run("uponai", "PATCH", f"/api/agents/{agent}", {"workspaceId": 1, "webhook_url": app.url})
    body = {"agentId": agent, "fromNumber": "334", "toNumber": "+15005550200", "metadata": {"lead": "7"}}
    placed = run("uponai", "POST", "/api/v1/calls/initiate", body)
    call = placed["call"]["call"]["callId"]

    def read() -> Any:
        return run("uponai", "GET", f"/api/v1/calls/{placed['call_sid']}")["call"]

    ended = run.until(lambda found: found["status"] == "ended", read)
    assert (ended["callId"], ended["metadata"], ended["agentVersion"]) == (call, {"lead": "7"}, 1)
    events = app.events(3)
    assert [event["event"] for event in events] == ["call_started", "call_ended", "call_analyzed"]
    assert {event["call"]["call_id"] for event in events} == {call}
    run("uponai", "PATCH", f"/api/calls/{call}", {"workspaceId": 1, "metadata": {"lead": "7", "won": True}})
    mine = run("uponai", "GET", "/api/v1/calls", agentId=agent, limit=5)
    assert mine["pagination"] == {"page": 1, "limit": 5, "total": 1}
    assert [row["metadata"] for row in mine["calls"]] == [{"lead": "7", "won": True}]


# Programs that meet trouble


def test_a_program_tries_again_after_a_busy_server_and_places_one_dial(run: Program) -> None:
    rule = {"space": run.key, "provider": "vogent", "operation": "createDial", "answer": {"status": 503}, "times": 2}
    run.control("POST", "/faults", rule)
    agent, number = vogent_agent(run), vogent_number(run)
    body = {"callAgentId": agent["id"], "fromNumberId": number["id"], "toNumber": "+15005550200"}
    statuses = []
    for _ in range(5):
        status, answer = run.ask("vogent", "POST", "/api/dials", body)
        statuses.append(status)
        if status == 200:
            break
        run.pass_time(2 ** len(statuses))
    assert statuses == [503, 503, 200]
    run.pass_time(600)
    assert run("vogent", "GET", f"/api/dials/{answer['dialId']}")["status"] == "completed"
    assert len(run.control("GET", "/calls")["calls"]) == 1


def test_a_program_that_speaks_takes_a_stub_where_nothing_is_served(run: Program) -> None:
    voice = run("vogent", "GET", "/api/voices", voiceType="vogent")["voices"][0]
    body = {"text": "Hello", "voiceId": voice["id"]}
    assert run.refused("vogent", "POST", "/api/tts", body) == 404
    stub = {
        "provider": "vogent",
        "method": "POST",
        "path": "/api/tts",
        "status": 200,
        "body": {"said": "{{body.text}}"},
    }
    run.control("POST", "/stubs", {"space": run.key, **stub})
    assert run("vogent", "POST", "/api/tts", body) == {"said": "Hello"}
