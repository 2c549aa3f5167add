"""`ringback mcp`: its tools, asked by the protocol's own client over a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.conftest import RINGBACK, ROOT, Server
from tests.conftest import Client as VendorClient

Ask = Callable[..., Awaitable[Any]]
UPDATE = "/v1/voice/phone-numbers/+14155551234/update-agent"


def talk(server: Server, conversation: Callable[[Any, Ask], Awaitable[None]]) -> None:
    """Lets a client talk to `ringback mcp`; `ask` gives a tool's decoded answer, or the text of its refusal."""
    command = [*RINGBACK, "mcp", "--url", server.url]

    async def run() -> None:
        parameters = StdioServerParameters(command=command[0], args=command[1:], cwd=ROOT)
        async with Client(parameters) as client:

            async def ask(tool: str, **arguments: Any) -> Any:
                result = await client.call_tool(tool, arguments)
                text = result.content[0].text
                return text if result.is_error else json.loads(text)

            await conversation(client, ask)

    asyncio.run(asyncio.wait_for(run(), 100))


def test_an_agent_finds_an_answer_lets_it_happen_and_sees_what_the_client_did(
    server: Server, api: Callable[..., VendorClient]
) -> None:
    teli = api("teli")

    async def conversation(client: Any, ask: Ask) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "list_spaces", "open_space", "reset_space", "list_operations", "describe_operation", "provoke",
            "list_faults", "add_fault", "clear_faults", "find_requests", "explain_request", "verify_requests", "check",
        }  # fmt: skip
        assert all(tool.description for tool in tools.values())
        assert tools["find_requests"].annotations.read_only_hint is True
        assert tools["reset_space"].annotations.destructive_hint is True
        operations = await ask("list_operations", vendor="teli")
        assert {"createPhoneNumber", "updatePhoneAgent"} <= {one["operation"] for one in operations}
        described = await ask("describe_operation", vendor="teli", operation="createPhoneNumber")
        (sold_out,) = [one for one in described["answers"] if one["name"] == "no-numbers"]
        assert (sold_out["evidence"], sold_out["status"]) == ("seed", 500)
        space = (await ask("open_space", name=f"test_{uuid4().hex[:8]}"))["name"]
        assert space in {one["name"] for one in (await ask("list_spaces"))["spaces"]}
        came = await ask("provoke", vendor="teli", operation="createPhoneNumber", answer="no-numbers", space=space)
        assert came["status"] == came["expected"] == 500
        rule = await ask("add_fault", vendor="teli", operation="updatePhoneAgent", space=teli.key, status=429, times=1)
        assert teli.post(UPDATE, json={"inbound_agent_id": "agent_abc123"}).status_code == 429
        assert [one["hits"] for one in (await ask("list_faults", space=teli.key))["faults"]] == [1]
        assert teli.post(UPDATE, json={"inbound_agent_id": "agent_nobody", "x": 1}).status_code == 500
        found = await ask("find_requests", query=f"fault:{rule['id']}", space=teli.key)
        assert [one["status"] for one in found] == [429]
        (refused,) = await ask("find_requests", query="status:500", space=teli.key)
        told = (await ask("explain_request", number=refused["number"]))["explained"]
        assert (told["evidence"], told["unread"]) == ("seed", ["x"])
        body = {"inbound_agent_id": "agent_abc123"}
        assert (await ask("verify_requests", space=teli.key, body=body, times="exactly 1"))["passed"] is True
        assert (await ask("verify_requests", space=teli.key, query="status:200"))["passed"] is False
        assert await ask("clear_faults", space=teli.key) == {"cleared": teli.key}
        await ask("reset_space", space=teli.key)
        assert await ask("find_requests", space=teli.key) == []

    talk(server, conversation)


def test_refusals_name_what_was_meant_and_the_conversation_goes_on(server: Server) -> None:
    async def conversation(client: Any, ask: Ask) -> None:
        assert "did you mean status:" in await ask("find_requests", query="stauts:500")
        assert "createPhoneNumber" in await ask("describe_operation", vendor="teli", operation="createPhone")
        assert "Did you mean" in await ask(
            "add_fault", vendor="teli", operation="createPhone", space="test_x", status=500
        )
        assert "only servers on this machine" in await ask("check", vendor="teli", target="https://api.teli.ai")
        assert "default" in {one["name"] for one in (await ask("list_spaces"))["spaces"]}

    talk(server, conversation)


def test_a_server_on_this_machine_is_checked(server: Server) -> None:
    async def conversation(client: Any, ask: Ask) -> None:
        done = await ask("check", vendor="vogent", target=server.origin("vogent"), operations=["updatePhoneNumber"])
        assert (done["holds"], done["exit_code"], done["failed"]) == (True, 0, [])
        assert done["counts"]["passed"] > 0
        assert "updatePhoneNumbr" in await ask("check", vendor="vogent", operations=["updatePhoneNumbr"])

    talk(server, conversation)


@pytest.mark.parametrize("arguments", [["--help"]])
def test_the_command_says_what_it_is(arguments: list[str]) -> None:
    done = subprocess.run([*RINGBACK, "mcp", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert "ringback[mcp]" in done.stdout
