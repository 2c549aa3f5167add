"""The vendors' own documentation, run against a real server: every snippet and every body of the five pages.

A snippet stands in `seed_snippets/` to the letter as on its page; what a reader of the page would fill in, the host
and the boxes such as `{id}` and `<string>`, is filled in when the snippet runs. Every key of the pages opens the
default space, which is reset before each test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import yaml

SNIPPETS = Path(__file__).parent / "seed_snippets"
FIXTURES = Path(__file__).parents[1] / "fixtures"

VENDOR_OF = {
    "https://api.teli.ai": "teli",
    "https://api.example.com": "teli",  # the generated box of the update-agent page names no host of its own
    "https://api.vogent.ai": "vogent",
    "https://api-prod.interactly.ai": "interactly",
    "https://api.upon-ai.com": "uponai",
}

# The values of the create page's curl example, under the names that its other two examples leave to the reader.
USER_ID = "1762896366429x599348279945132448"
ORGANIZATION_ID = "1762896364768x389173798861431550"
TENANT_ID = "your_tenant"
NAMED_IN_FETCH = f"const userId = '{USER_ID}', orgId = '{ORGANIZATION_ID}', tenantId = '{TENANT_ID}';\n"
NAMED_IN_PYTHON = f"user_id, org_id, tenant_id = '{USER_ID}', '{ORGANIZATION_ID}', '{TENANT_ID}'\n"

# Some snippets print only a part of the answer; these lines print all of it, after what the snippet prints itself.
ALL_IN_FETCH = "\nconsole.log(JSON.stringify({status: response.status, body: data}));\n"
ALL_IN_PYTHON = "\nimport json\nprint(json.dumps({'status': response.status_code, 'body': data}))\n"


class Answer(NamedTuple):
    """The full answer to a snippet, and what the snippet printed of it (nothing for curl, which prints it all)."""

    status: int
    body: Any
    printed: str = ""


Run = Callable[..., Answer]


def existing(tool: str) -> str:
    """Where the tool is; without it the test is skipped, in CI it fails."""
    path = shutil.which(tool)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is not installed, and CI must run every snippet")
        pytest.skip(f"{tool} is not installed")
    return path


def printed_by(*command: str, **environment: str) -> str:
    env = {**os.environ, "NO_PROXY": "*", **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_curl(snippet: str, folder: Path) -> Answer:
    """Runs the snippet in bash; curl's own configuration file makes it add the status in a last line."""
    existing("curl")
    (folder / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
    body, _, status = printed_by(existing("bash"), "-c", snippet, CURL_HOME=str(folder)).rpartition("\n")
    return Answer(int(status), json.loads(body))


def run_fetch(snippet: str, folder: Path) -> Answer:
    script = NAMED_IN_FETCH + snippet + ALL_IN_FETCH
    return last_line(printed_by(existing("node"), "--input-type=module", "-e", script))


def run_requests(snippet: str, folder: Path) -> Answer:
    return last_line(printed_by(sys.executable, "-c", NAMED_IN_PYTHON + snippet + ALL_IN_PYTHON))


def last_line(output: str) -> Answer:
    printed, _, full = output.rstrip("\n").rpartition("\n")
    return Answer(**json.loads(full), printed=printed)


RUNNERS = {"curl": run_curl, "fetch": run_fetch, "requests": run_requests}


def with_line_breaks(snippet: str) -> str:
    """The snippet without the backticks of its page's copy and with the line breaks that the copy lost."""
    return snippet.strip("`").replace(" \\ --", " \\\n  --")


@pytest.fixture(autouse=True)
def fresh_space(server: Any) -> None:
    """The pages' keys share the default space: each test finds it as new."""
    assert requests.post(f"{server.control}/reset", timeout=20).ok


@pytest.fixture
def run(server: Any, tmp_path: Path) -> Run:
    """`run("teli-create.curl")` runs that snippet; the second argument says what replaces which box."""

    def run_snippet(name: str, boxes: dict[str, str] | None = None) -> Answer:
        snippet = with_line_breaks((SNIPPETS / f"{name}.txt").read_text().rstrip("\n"))
        for box, filling in (boxes or {}).items():
            assert box in snippet
            snippet = snippet.replace(box, filling)
        (host,) = [host for host in VENDOR_OF if host in snippet]
        snippet = snippet.replace(host, server.origin(VENDOR_OF[host]))
        return RUNNERS[name.rpartition(".")[2]](snippet, tmp_path)

    return run_snippet


@pytest.fixture
def teli(server: Any) -> Callable[..., Answer]:
    """Sends a body of Teli's pages, as the JSON text that stands there or as a value."""

    def send(method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Answer:
        headers = {"X-API-Key": "YOUR_API_KEY", "Content-Type": "application/json"}
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        url = server.origin("teli") + path
        response = requests.request(method, url, params=query, data=data, headers=headers, timeout=20)
        return Answer(response.status_code, response.json())

    return send


def fixture_records(vendor: str, kind: str) -> list[dict[str, Any]]:
    """The records of that kind which exist in a new space."""
    records: list[dict[str, Any]] = yaml.safe_load((FIXTURES / f"{vendor}.yaml").read_text())[kind]
    return records


def letters(document: Any) -> str:
    """The document as text: equal only when values, types and the order of the fields are."""
    return json.dumps(document, indent=1)


# Every snippet has its test.


def test_every_snippet_is_run_by_a_test_of_this_module() -> None:
    """A snippet that is stored and never run would prove nothing."""
    source = Path(__file__).read_text()
    names = [file.name.removesuffix(".txt") for file in SNIPPETS.iterdir()]
    assert len(names) == 12
    assert [name for name in names if f'"{name}"' not in source] == []


# Teli: create a phone number

CREATE = "/v1/voice/phone-numbers/create"
LIST = "/v1/voice/phone-numbers"
OWNER = {"user_id": USER_ID, "organization_id": ORGANIZATION_ID}


def assert_issued(answer: Answer, area_code: str = "313") -> str:
    """The answer is the page's, with a number of the area code in it that agrees with its pretty form."""
    assert answer.status == 200
    number = answer.body["phone_number"]
    digits = re.fullmatch(rf"\+1({area_code})([2-9]\d\d)(\d{{4}})", number)
    assert digits, f"{number} is no number of area code {area_code}"
    assert letters(answer.body) == letters(
        {
            "success": True,
            "phone_number": number,
            "phone_number_pretty": "+1 {}-{}-{}".format(*digits.groups()),
            "area_code": area_code,
            "phone_number_type": "teli-voice-twilio",
            "powered_by": "Teli",
        }
    )
    return str(number)


@pytest.mark.parametrize("snippet", ["teli-create.curl", "teli-create.fetch", "teli-create.requests"])
def test_the_create_snippet_provisions_a_number_that_the_list_shows(
    run: Run, teli: Callable[..., Answer], snippet: str
) -> None:
    """The answer is the page's in full, and "once provisioned" the number is listed for its owner."""
    answer = run(snippet)
    number = assert_issued(answer)
    assert answer.printed in ("", number)
    listed = teli("GET", LIST, query=OWNER)
    assert listed.status == 200
    (row,) = [row for row in listed.body["phone_numbers"] if row["phone_number"] == number]
    assert (row["user_id"], row["organization_id"], row["tenant_id"]) == (USER_ID, ORGANIZATION_ID, TENANT_ID)
    assert (row["pretty_phone_number"], row["area_code"]) == (answer.body["phone_number_pretty"], "313")


def test_the_create_snippet_run_twice_gives_two_numbers(run: Run) -> None:
    """The page says that each user can own multiple phone numbers."""
    assert assert_issued(run("teli-create.curl")) != assert_issued(run("teli-create.curl"))


@pytest.mark.parametrize("area_code", ["313", "415", "212"])
def test_every_area_code_that_the_create_page_names_has_numbers(teli: Callable[..., Answer], area_code: str) -> None:
    """The page's description of `area_code` gives these three as examples."""
    assert_issued(teli("POST", CREATE, {**OWNER, "area_code": area_code, "tenant_id": TENANT_ID}), area_code)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user_id": USER_ID, "organization_id": ORGANIZATION_ID, "tenant_id": TENANT_ID},
        {"area_code": "313", "organization_id": ORGANIZATION_ID, "tenant_id": TENANT_ID},
    ],
    ids=["neither", "no area_code", "no user_id"],
)
def test_a_create_without_area_code_or_user_id_gets_the_documented_400(
    teli: Callable[..., Answer], body: dict[str, str]
) -> None:
    answer = teli("POST", CREATE, body)
    assert answer.status == 400
    assert letters(answer.body) == letters(
        {"error": "area_code and user_id required", "success": False, "powered_by": "Teli"}
    )


def test_a_create_in_area_code_999_gets_the_documented_500(teli: Callable[..., Answer]) -> None:
    answer = teli("POST", CREATE, {**OWNER, "area_code": "999", "tenant_id": TENANT_ID})
    assert answer.status == 500
    assert letters(answer.body) == letters(
        {
            "error": "Failed to provision phone number",
            "message": "No numbers available in area code 999",
            "success": False,
            "powered_by": "Teli",
        }
    )


AGENT_LINKING = """\
POST /v1/voice/phone-numbers/{number}/update-agent
{
  "outbound_agent_id": "74014854-b110-46c8-b037-18f0149baae6",
  "inbound_agent_id": "c43fc766-9e49-46aa-9a46-325c8c894a58"
}"""


def test_agents_are_linked_to_a_created_number_as_the_create_page_shows(run: Run, teli: Callable[..., Answer]) -> None:
    """The two requests of the create page, one after the other."""
    number = assert_issued(run("teli-create.curl"))
    line, _, body = AGENT_LINKING.partition("\n")
    method, path = line.split()
    answer = teli(method, path.replace("{number}", number), body)
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "success": True,
            "phone_number": number,
            "message": "Phone number updated successfully",
            "inbound_agent_id": "c43fc766-9e49-46aa-9a46-325c8c894a58",
            "outbound_agent_id": "74014854-b110-46c8-b037-18f0149baae6",
            "powered_by": "Teli",
        }
    )


# Teli: update the agents of a phone number

UPDATE = "/v1/voice/phone-numbers/+14155551234/update-agent"


def updated(**sent: str) -> dict[str, Any]:
    """The page's answer for its number; of the last three fields those that were sent come back."""
    return {
        "success": True,
        "phone_number": "+14155551234",
        "message": "Phone number updated successfully",
        **sent,
        "powered_by": "Teli",
    }


@pytest.mark.parametrize(
    "snippet",
    ["teli-update-agent-inbound.curl", "teli-update-agent-inbound.fetch", "teli-update-agent-inbound.requests"],
)
def test_the_update_agent_snippet_links_an_inbound_agent(run: Run, snippet: str) -> None:
    answer = run(snippet)
    assert answer.status == 200
    assert letters(answer.body) == letters(updated(inbound_agent_id="agent_abc123"))
    assert "+14155551234" in answer.printed or snippet.endswith("curl")


def test_the_update_agent_snippet_with_all_fields_gets_the_documented_success(run: Run) -> None:
    answer = run("teli-update-agent-all.curl")
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "success": True,
            "phone_number": "+14155551234",
            "message": "Phone number updated successfully",
            "inbound_agent_id": "agent_abc123",
            "outbound_agent_id": "agent_xyz789",
            "nickname": "Main Sales Line",
            "powered_by": "Teli",
        }
    )


def test_the_clear_snippet_takes_back_what_the_link_snippet_did(run: Run, teli: Callable[..., Answer]) -> None:
    """Only the inbound agent goes; the outbound agent and the nickname stay."""
    run("teli-update-agent-all.curl")
    answer = run("teli-update-agent-clear.curl")
    assert answer.status == 200
    assert letters(answer.body) == letters(updated(inbound_agent_id=""))
    rows = teli("GET", LIST, query=OWNER).body["phone_numbers"]
    (row,) = [row for row in rows if row["phone_number"] == "+14155551234"]
    links = (row["inbound_agent_id"], row["outbound_agent_id"], row["nickname"])
    assert links == (None, "agent_xyz789", "Main Sales Line")


def test_the_update_agent_box_works_once_it_is_filled_in(run: Run) -> None:
    """The generated box has a host, a key header and a layout of its own."""
    number, agents = fixture_records("teli", "numbers")[0], fixture_records("teli", "agents")
    inbound, outbound = agents[0]["voice_agent_id"], agents[1]["voice_agent_id"]
    answer = run(
        "teli-update-agent-box.curl",
        {
            "{phone_number}": number["phone_number"],
            '"inbound_agent_id": "<string>"': f'"inbound_agent_id": "{inbound}"',
            '"outbound_agent_id": "<string>"': f'"outbound_agent_id": "{outbound}"',
            '"nickname": "<string>"': '"nickname": "Main Reception Line"',
        },
    )
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "success": True,
            "phone_number": number["phone_number"],
            "message": "Phone number updated successfully",
            "inbound_agent_id": inbound,
            "outbound_agent_id": outbound,
            "nickname": "Main Reception Line",
            "powered_by": "Teli",
        }
    )


USE_CASES = {
    "AI Receptionist (Inbound Only)": """\
{
  "inbound_agent_id": "agent_receptionist_001"
}""",
    "Outbound Campaign Number": """\
{
  "outbound_agent_id": "agent_sales_dialer_001"
}""",
    "Dual-Purpose Number": """\
{
  "inbound_agent_id": "agent_support_001",
  "outbound_agent_id": "agent_sales_001",
  "nickname": "Customer Success Line"
}""",
}


# "Both methods supported: POST and PATCH are both accepted"
both_methods = pytest.mark.parametrize("method", ["POST", "PATCH"])


@both_methods
@pytest.mark.parametrize("body", USE_CASES.values(), ids=USE_CASES.keys())
def test_each_use_case_of_the_update_agent_page_works(teli: Callable[..., Answer], method: str, body: str) -> None:
    answer = teli(method, UPDATE, body)
    assert answer.status == 200
    assert letters(answer.body) == letters(updated(**json.loads(body)))


@both_methods
@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        (UPDATE, {}, 400, "At least one of inbound_agent_id, outbound_agent_id, or nickname required"),
        (UPDATE, {"inbound_agent_id": "agent_unknown"}, 500, "Agent not found or invalid agent ID"),
        (UPDATE, {"outbound_agent_id": "agent_unknown"}, 500, "Agent not found or invalid agent ID"),
        (
            UPDATE.replace("+14155551234", "+14155550000"),
            {"inbound_agent_id": "agent_abc123"},
            500,
            "Phone number not found or invalid",
        ),
    ],
    ids=["no field", "unknown inbound agent", "unknown outbound agent", "unknown number"],
)
def test_each_error_of_the_update_agent_page_is_provoked_by_its_natural_input(
    teli: Callable[..., Answer], method: str, path: str, body: dict[str, str], status: int, error: str
) -> None:
    answer = teli(method, path, body)
    assert answer.status == status
    assert letters(answer.body) == letters({"error": error, "success": False, "powered_by": "Teli"})


# Vogent: update a phone number


def vogent_boxes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The number of the page's answer, and an agent to link it to."""
    (number,) = [row for row in fixture_records("vogent", "numbers") if row["number"] == "+18001234567"]
    return number, fixture_records("vogent", "agents")[0]


def test_vogents_snippet_links_an_agent(run: Run) -> None:
    """The page's answer, with the number's id and the agent's id in the `<string>` boxes."""
    number, agent = vogent_boxes()
    answer = run("vogent-update.curl", {"{id}": number["id"], "<string>": agent["id"]})
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {"id": number["id"], "number": "+18001234567", "type": "PSTN", "agentId": agent["id"]}
    )


def test_vogents_snippet_with_the_empty_string_unlinks_the_agent(run: Run) -> None:
    """The page unlinks with the empty string; `agentId` is then null, which it allows, and never absent."""
    number, agent = vogent_boxes()
    run("vogent-update.curl", {"{id}": number["id"], "<string>": agent["id"]})
    answer = run("vogent-update.curl", {"{id}": number["id"], "<string>": ""})
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {"id": number["id"], "number": "+18001234567", "type": "PSTN", "agentId": None}
    )


def test_vogents_snippet_gets_both_documented_error_statuses(run: Run) -> None:
    """The page shows the tabs 400 and 422 and no body for either."""
    number, agent = vogent_boxes()
    unknown = "00000000-0000-4000-8000-000000000000"
    assert run("vogent-update.curl", {"{id}": unknown, "<string>": agent["id"]}).status == 400
    assert run("vogent-update.curl", {"{id}": number["id"], "<string>": unknown}).status == 422


# Interactly: update a number


def test_interactlys_snippet_gets_the_documented_answer(run: Run) -> None:
    """One UUID is both the number's and the assistant's id on the page."""
    answer = run("interactly-update.curl", {"{id}": "a12f9c88-c155-461f-9771-4d240cdc9a04"})
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "_id": "a12f9c88-c155-461f-9771-4d240cdc9a04",
            "teamId": "1f7b1b1b1b1b1b1b1b1b1b1b",
            "number": "+1234567890",
            "provider": {"name": "twilio"},
            "assistantId": "a12f9c88-c155-461f-9771-4d240cdc9a04",
            "inboundEnabled": True,
            "outboundEnabled": True,
            "label": "friendly-name-1",
        }
    )


def test_interactlys_snippet_changes_the_number_that_its_id_names(run: Run) -> None:
    """With another number's id only that number is attached to the page's assistant and opened both ways."""
    (number,) = [row for row in fixture_records("interactly", "numbers") if row["label"] == "friendly-name-2"]
    answer = run("interactly-update.curl", {"{id}": number["_id"]})
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "_id": number["_id"],
            "teamId": "1f7b1b1b1b1b1b1b1b1b1b1b",
            "number": number["number"],
            "provider": {"name": "twilio"},
            "assistantId": "a12f9c88-c155-461f-9771-4d240cdc9a04",
            "inboundEnabled": True,
            "outboundEnabled": True,
            "label": "friendly-name-2",
        }
    )


# UponAI: update a phone number's assignment

FIRST_AGENT = "agent_d3c2df14e163c7ca8ac5b1bf38"
SECOND_AGENT = "agent_1f864a29b7c2ab407103c88335"


@pytest.mark.parametrize("number", ["+12137771235", "334"], ids=["a number", "an extension"])
def test_uponais_snippet_assigns_its_agents_and_shows_the_assignment(run: Run, number: str) -> None:
    """The page names the fields of the answer; their values follow from the request and from the stored number."""
    (stored,) = [row for row in fixture_records("uponai", "numbers") if row["number"] == number]
    inbound = [
        {"agent_id": FIRST_AGENT, "agent_version": 0, "weight": 0.5},
        {"agent_id": SECOND_AGENT, "agent_version": 0, "weight": 0.5},
    ]
    outbound = [{"agent_id": FIRST_AGENT, "agent_version": 0, "weight": 1}]
    answer = run("uponai-update.curl", {"{number}": number})
    assert answer.status == 200
    assert letters(answer.body) == letters(
        {
            "success": True,
            "message": "Phone number assignment updated",
            "numbers": [
                {
                    "id": stored["id"],
                    "number": number,
                    "base_number": number.removeprefix("+"),
                    "account_sid": "29e90072-fb58-4c6c-870a-43005115131e",
                    "workspace_id": 1,
                    "agent_id": FIRST_AGENT,
                    "default_agent_id": FIRST_AGENT,
                    "inbound_agent_id": FIRST_AGENT,
                    "inbound_agents": inbound,
                    "outbound_agents": outbound,
                    "inbound_agent_version": 0,
                    "outbound_agent_version": 0,
                    "application_sid": stored["application_sid"],
                    "phone_number_sid": stored["phone_number_sid"],
                    "inbound_webhook_url": "https://app.uponai.com/inbound-dynamic-vars/1/uponaiworkspace-913",
                    "is_time_routing_enabled": False,
                    "platform_import_error": False,
                }
            ],
            "assignment": {
                "account_sid": "29e90072-fb58-4c6c-870a-43005115131e",
                "workspace_id": 1,
                "agent_id": FIRST_AGENT,
                "inbound_agent_id": FIRST_AGENT,
                "outbound_agents": outbound,
                "inbound_agents": inbound,
                "is_time_routing_enabled": False,
                "platform_import_error": False,
            },
        }
    )
