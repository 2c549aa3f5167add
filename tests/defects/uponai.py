"""Defects of an UponAI server."""

from __future__ import annotations

from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.defects.planting import (
    UNDECODED,
    Defect,
    answer,
    any_key,
    asked,
    behaviour,
    careless,
    crash,
    drop,
    edits,
    lenient,
    lets_in,
    media_type,
    put,
    removes,
    renamed,
    rows,
    sees,
    status,
    taken,
)

ASSIGN = "updatePhoneNumberAssignment"
ACCOUNT = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}
NUMBER = "/api/numbers/+12137771235/agent"
AGENT = "/api/agents/agent_d3c2df14e163c7ca8ac5b1bf38"
NEW_AGENT = {"workspaceId": 1, "agent_name": "A", "voice_id": "v", "response_engine": {"type": "retell-llm"}}
OTHER_AGENT = "agent_1f864a29b7c2ab407103c88335"


def _row(change: Any) -> Any:
    """Changes the row of the number in the answer to an assignment."""
    return answer(ASSIGN, lambda body: change(body["numbers"][0]) and None, status=200)


def _inbound(change: Any) -> Any:
    """The assignment sees other inbound agents than those that were sent."""
    return sees(ASSIGN, lambda b: {**b, "inboundAgents": change(b["inboundAgents"])} if b.get("inboundAgents") else b)


def _even(agents: list[Any]) -> list[Any]:
    return [{**agent, "weight": 1 / len(agents)} for agent in agents]


def _unversioned(agents: list[Any]) -> list[Any]:
    return [{k: v for k, v in agent.items() if k != "agent_version"} for agent in agents]


def _as_outbound(call: Call, state: State, honest: Behaviour) -> Answer:
    """The outbound agent takes the place of the inbound ones."""
    said = honest(call, state)
    number = said.body["numbers"][0]
    return said._replace(body={**said.body, "numbers": [{**number, "inbound_agents": number["outbound_agents"]}]})


def _growing(call: Call, state: State, honest: Behaviour) -> Answer:
    """Each assignment adds the inbound agents to those of before."""
    number = state.find("numbers", call.path["number"])
    before = list(number["inbound_agents"]) if number else []
    said = honest(call, state)
    row = {**said.body["numbers"][0]}
    row["inbound_agents"] = before + row["inbound_agents"]
    state.put("numbers", {**state.find("numbers", call.path["number"]), "inbound_agents": row["inbound_agents"]})
    return said._replace(body={**said.body, "numbers": [row]})


def _renamed_others(call: Call, agent: dict[str, Any]) -> None:
    agent["agent_name"] = call.body["agent_name"]


def _everyones(service: Any) -> None:
    """All keys write into one account and read from it."""
    honest = service.exchange
    header = {"authorization": "Bearer YOUR_API_KEY"}
    service.exchange = lambda request: honest(request._replace(headers={**request.headers, **header}))


def _new_id(call: Call, state: State, honest: Behaviour) -> Answer:
    """The row gets another id with every update."""
    said = honest(call, state)
    ids = call.random.randrange(1_000_000)
    return said._replace(body={**said.body, "numbers": [{**said.body["numbers"][0], "id": ids}]})


def _new_sid(call: Call, state: State, honest: Behaviour) -> Answer:
    """The number is moved to another application with every update."""
    said = honest(call, state)
    sid = f"{call.random.randrange(1_000_000)}"
    return said._replace(body={**said.body, "numbers": [{**said.body["numbers"][0], "application_sid": sid}]})


def _same_agent(call: Call, state: State, honest: Behaviour) -> Answer:
    """A new agent gets the id of another one, and takes its place."""
    said = honest(call, state)
    agent = {**state.get("agents", said.body["agent_id"]), "agent_id": OTHER_AGENT}
    state.put("agents", agent)
    return said._replace(body={**said.body, "agent_id": OTHER_AGENT})


def _not_kept(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call, state)
    state.delete("agents", said.body["agent_id"])
    return said


DEFECTS = [
    # examples
    Defect("success is a word", "uponai", "examples", put(ASSIGN, success="yes"), ASSIGN),
    Defect(
        "the numbers are one number",
        "uponai",
        "examples",
        answer(ASSIGN, lambda b: b.update(numbers=b["numbers"][0]), status=200),
        ASSIGN,
    ),
    Defect("the assignment is missing", "uponai", "examples", drop(ASSIGN, "assignment"), ASSIGN),
    Defect("the assignment under another name", "uponai", "examples", renamed(ASSIGN, "assignment", "data"), ASSIGN),
    Defect(
        "the weights are strings",
        "uponai",
        "examples",
        _row(lambda n: [a.update(weight=str(a["weight"])) for a in n["inbound_agents"]]),
        ASSIGN,
    ),
    Defect(
        "unset fields are null",
        "uponai",
        "examples",
        _row(lambda n: n.update(platform_import_error_message=None)),
        ASSIGN,
        fail_on="assumed",  # the page shows a box with placeholders
    ),
    Defect(
        "the base number keeps its plus",
        "uponai",
        "examples",
        _row(lambda n: n.update(base_number=n["number"])),
        ASSIGN,
    ),
    Defect("the workspace is a string", "uponai", "examples", _row(lambda n: n.update(workspace_id="1")), ASSIGN),
    Defect(
        "the assignment shows another inbound agent",
        "uponai",
        "examples",
        answer(ASSIGN, lambda b: b["assignment"].update(inbound_agent_id=OTHER_AGENT), status=200),
        ASSIGN,
    ),
    # The page shows a sentence and no status.
    Defect("201 for an assignment", "uponai", "examples", status(ASSIGN, 200, 201), ASSIGN, fail_on="assumed"),
    Defect("200 for a new agent", "uponai", "examples", status("createAgent", 201, 200), "createAgent"),
    Defect("HTML media type", "uponai", "examples", media_type(ASSIGN, "text/html"), ASSIGN),
    Defect("no Content-Type", "uponai", "examples", media_type("getAgent", None), "getAgent"),
    Defect(
        "plus becomes a space", "uponai", "examples", asked(lambda r: r._replace(path=r.path.replace("+", " "))), ASSIGN
    ),
    Defect(
        "extensions are not known",
        "uponai",
        "examples",
        asked(lambda r: r._replace(path=r.path.replace("/334/", "/0334/"))),
        ASSIGN,
    ),
    Defect(
        "the agents are wrapped",
        "uponai",
        "examples",
        answer("listAgents", lambda b: {"agents": b}, status=200),
        "listAgents",
    ),
    Defect(
        "the versions are texts",
        "uponai",
        "examples",
        answer("listAgentVersions", lambda b: b[0].update(version="0") or b, status=200),
        "listAgentVersions",
    ),
    Defect("an agent without a version", "uponai", "examples", drop("getAgent", "version"), "getAgent"),
    # errors
    Defect(
        "a refused assignment removes the agents",
        "uponai",
        "errors",
        careless(ASSIGN, "PUT", NUMBER, {**ACCOUNT, "isTimeRoutingEnabled": True}),
        ASSIGN,
    ),
    Defect(
        "a refused agent is made all the same",
        "uponai",
        "errors",
        careless("createAgent", "POST", "/api/agents", NEW_AGENT),
        "createAgent",
    ),
    Defect(
        "a refused update changes the agent",
        "uponai",
        "errors",
        careless("updateAgent", "PATCH", AGENT, {"workspaceId": 1, "responsiveness": "1"}),
        "updateAgent",
    ),
    # keys
    Defect("any key is accepted", "uponai", "keys", any_key("authorization", "Bearer YOUR_API_KEY")),
    Defect(
        "a missing key is accepted",
        "uponai",
        "keys",
        any_key("authorization", "Bearer YOUR_API_KEY", missing_only=True),
    ),
    # valid, invalid
    Defect(
        "removing the webhook crashes",
        "uponai",
        "valid",
        behaviour(ASSIGN, lambda c, s, h: 1 / 0 if c.body.get("inboundWebhookUrl", "") is None else h(c, s)),
        ASSIGN,
    ),
    Defect(
        "an agent without a threshold crashes",
        "uponai",
        "valid",
        behaviour("createAgent", lambda c, s, h: h(c, s) if "response_threshold" in c.body else 1 / 0),
        "createAgent",
    ),
    Defect("the account may be left out", "uponai", "invalid", lenient(ASSIGN, 400, lambda b: {**ACCOUNT}), ASSIGN),
    Defect(
        "an agent without a name is accepted",
        "uponai",
        "invalid",
        lenient("createAgent", 400, lambda b: NEW_AGENT),
        "createAgent",
    ),
    Defect("malformed JSON is a 500 with a traceback", "uponai", "invalid", crash(ASSIGN), ASSIGN),
    # encoding
    Defect("percent-encoding is not undone", "uponai", "encoding", UNDECODED, ASSIGN),
    # methods
    Defect("POST is taken for PUT", "uponai", "methods", taken("POST", "PUT"), ASSIGN, fail_on="assumed"),
    Defect(
        "a refused DELETE removes the agent",
        "uponai",
        "methods",
        removes("/api/agents", "agents"),
        "getAgent",
        fail_on="assumed",
    ),
    # read-back
    Defect("the assignment is not stored", "uponai", "read-back", sees(ASSIGN, lambda b: {**ACCOUNT}), ASSIGN),
    Defect("the weights are shared evenly", "uponai", "read-back", _inbound(_even), ASSIGN),
    Defect("the inbound versions are lost", "uponai", "read-back", _inbound(_unversioned), ASSIGN),
    Defect(
        "only the first inbound agent is kept",
        "uponai",
        "read-back",
        _inbound(lambda a: [{**a[0], "weight": 1}]),
        ASSIGN,
    ),
    Defect("the outbound agent is the inbound one too", "uponai", "read-back", behaviour(ASSIGN, _as_outbound), ASSIGN),
    Defect(
        "another outbound agent",
        "uponai",
        "read-back",
        sees(ASSIGN, lambda b: {**b, "outboundAgentId": OTHER_AGENT} if b.get("outboundAgentId") else b),
        ASSIGN,
    ),
    Defect(
        "the time-routing flag is turned round",
        "uponai",
        "read-back",
        _row(lambda n: n.update(is_time_routing_enabled=not n["is_time_routing_enabled"])),
        ASSIGN,
    ),
    Defect(
        "the webhook is not kept",
        "uponai",
        "read-back",
        sees(ASSIGN, lambda b: {k: v for k, v in b.items() if k != "inboundWebhookUrl"}),
        ASSIGN,
    ),
    Defect(
        "create drops the ambient sound",
        "uponai",
        "read-back",
        edits("createAgent", "agents", lambda c, a: a.update(ambient_sound=None)),
        "createAgent",
    ),
    Defect(
        "the engine comes back without its id",
        "uponai",
        "read-back",
        edits("createAgent", "agents", lambda c, a: a.update(response_engine={"type": "retell-llm"})),
        "createAgent",
    ),
    Defect("a new agent is not found", "uponai", "read-back", behaviour("createAgent", _not_kept), "createAgent"),
    Defect(
        "time routing is never switched on",
        "uponai",
        "read-back",
        sees(ASSIGN, lambda b: {k: v for k, v in b.items() if k != "isTimeRoutingEnabled"}),
        ASSIGN,
    ),
    Defect(
        "a body without accountSid is accepted",
        "uponai",
        "errors",
        lenient(ASSIGN, 400, lambda b: {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", **b}),
        ASSIGN,
    ),
    Defect(
        "a body without workspaceId is accepted",
        "uponai",
        "errors",
        lenient(ASSIGN, 400, lambda b: {"workspaceId": 1, **b}),
        ASSIGN,
    ),
    # partial, idempotent
    Defect("every update gives the number another id", "uponai", "partial", behaviour(ASSIGN, _new_id), ASSIGN),
    Defect("every update moves the number", "uponai", "partial", behaviour(ASSIGN, _new_sid), ASSIGN),
    Defect(
        "the same assignment again adds the agents again", "uponai", "idempotent", behaviour(ASSIGN, _growing), ASSIGN
    ),
    # isolation, accounts, unique, list
    Defect(
        "a new agent renames the others",
        "uponai",
        "isolation",
        edits("createAgent", "agents", _renamed_others, mine=False),
        "createAgent",
    ),
    Defect("all keys share one account", "uponai", "isolation", _everyones, ASSIGN),
    Defect("another account reads an agent", "uponai", "accounts", lets_in("GET", "authorization"), "getAgent"),
    Defect(
        "a refused update updates the agent of another account",
        "uponai",
        "accounts",
        lets_in("PATCH", "authorization", secretly=True),
        "updateAgent",
    ),
    Defect(
        "a new agent has the id of another", "uponai", "unique", behaviour("createAgent", _same_agent), "createAgent"
    ),
    Defect(
        "an account that nobody has lists nothing",
        "uponai",
        "refusals",
        status("listPhoneNumbers", 404, 200),
        "listPhoneNumbers",
        fail_on="assumed",
    ),
    Defect(
        "an unknown workspace is a 400",
        "uponai",
        "refusals",
        status("createAgent", 404, 400),
        "createAgent",
        fail_on="assumed",
    ),
    Defect(
        "a new agent has a version already",
        "uponai",
        "made",
        put("createAgent", status=201, version=1),
        "createAgent",
        fail_on="assumed",
    ),
    Defect("an agent is listed twice", "uponai", "list", rows("listAgents", None, lambda r: r + r[:1]), "listAgents"),
    Defect(
        "a version is listed twice",
        "uponai",
        "list",
        rows("listAgentVersions", None, lambda r: r + r[:1]),
        "listAgentVersions",
    ),
    # pages
    Defect(
        "the history tells of a page too many",
        "uponai",
        "list",
        answer("listCallHistory", lambda b: b["pagination"].update(pages=b["pagination"]["pages"] + 1), status=200),
        "listCallHistory",
        fail_on="assumed",
    ),
    Defect(
        "no page of chats names the next one",
        "uponai",
        "list",
        put("listChats", pagination_key=None),
        "listChats",
        fail_on="assumed",
    ),
    Defect(
        "a chat forgets what was said first",
        "uponai",
        "made",
        edits("continueChat", "chats", lambda c, a: a.update(messages=a["messages"][1:])),
        "continueChat",
        fail_on="assumed",
    ),
    Defect(
        "a chat goes on without its answer",
        "uponai",
        "shown",
        answer("continueChat", lambda b: b.update(messages=b["messages"][:-1]), status=201),
        "continueChat",
        fail_on="assumed",
    ),
]
