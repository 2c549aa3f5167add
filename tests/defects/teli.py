"""Defects of a Teli server."""

from __future__ import annotations

from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call, Refusal
from mock_server.stores import State
from tests.defects.planting import (
    UNDECODED,
    Defect,
    afterwards,
    answer,
    answered,
    any_key,
    asked,
    behaviour,
    careless,
    crash,
    drop,
    edits,
    forgets,
    keeps_links,
    lenient,
    lets_in,
    lists_all,
    media_type,
    put,
    removes,
    renamed,
    rows,
    sees,
    status,
    taken,
    text,
)

LINKS = ("inbound_agent_id", "outbound_agent_id")
AREA = {"area_code": "313", "user_id": "1762896366429x599348279945132448"}
OWNER = {"organization_id": "1762896364768x389173798861431550", "user_id": "1762896366429x599348279945132448"}
NUMBERS = "/v1/voice/phone-numbers"
NUMBER = f"{NUMBERS}/+14155551234/update-agent"
USERS = "/v1/organizations/1762896364768x389173798861431550/users"


def _since_ever(call: Call, state: State, honest: Behaviour) -> Answer:
    return honest(call._replace(query={name: one for name, one in call.query.items() if name != "start_date"}), state)


def _from_any_campaign(call: Call, state: State, honest: Behaviour) -> Answer:
    try:
        return honest(call, state)
    except Refusal:
        return honest(call._replace(body={**call.body, "campaign_id": "json test"}), state)


def _never_paused(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call, state)
    campaign = state.get("voice_campaigns", call.path["campaign_id"])
    assert campaign is not None
    state.put("voice_campaigns", {**campaign, "status": "active"})
    return said


def _wrong_number(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call._replace(path={"phone_number": "+15174686941"}), state)
    return said._replace(body={**said.body, "phone_number": call.path["phone_number"]})


def _all_organizations(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call, state)
    every = [{k: v for k, v in agent.items() if k != "settings"} for agent in state.all("agents")]
    return said._replace(body={**said.body, "count": len(every), "agents": every})


def _same_number(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call, state)
    held = [n["phone_number"] for n in state.all("numbers") if n["area_code"] == call.body["area_code"]]
    pretty = f"+1 {held[0][2:5]}-{held[0][5:8]}-{held[0][8:]}"
    return said._replace(body={**said.body, "phone_number": held[0], "phone_number_pretty": pretty})


def _not_listed(call: Call, state: State, said: Answer) -> None:
    state.delete("numbers", said.body["phone_number"])


def _count(call: Call, number: dict[str, Any]) -> None:
    number["nickname"] = f"{number['nickname']}." if number.get("nickname") else "."


def _blank_others(call: Call, number: dict[str, Any]) -> None:
    number.update({link: call.body[link] for link in LINKS if call.body.get(link)})


def _link_by_other_id(call: Call, number: dict[str, Any]) -> None:
    for link in LINKS:
        if number[link] is not None:
            number[link] = number[link].upper()


def _by_voice_id(call: Call, state: State, honest: Behaviour) -> Answer:
    """An agent is found by the id that voice agents are linked by, and by no other."""
    id = call.path["agent_id"]
    return honest(call if id.startswith("agent_") else call._replace(path={"agent_id": "none"}), state)


def _refuses_nickname(call: Call, state: State, honest: Behaviour) -> Answer:
    if set(call.body) == {"nickname"}:
        raise Refusal("missing-fields")
    return honest(call, state)


DEFECTS = [
    # examples
    Defect("powered_by is missing", "teli", "examples", drop("updatePhoneAgent", "powered_by"), "updatePhoneAgent"),
    Defect("powered_by in lower case", "teli", "examples", put("createPhoneNumber", powered_by="teli")),
    Defect("success is false", "teli", "examples", put("updatePhoneAgent", success=False), "updatePhoneAgent"),
    Defect("message mistyped", "teli", "examples", text("updatePhoneAgent", "updated succ", "updated suc")),
    Defect(
        "area_code is a number",
        "teli",
        "examples",
        answer("createPhoneNumber", lambda b: b.update(area_code=313), status=200),
    ),
    Defect(
        "pretty number under another name",
        "teli",
        "examples",
        renamed("createPhoneNumber", "phone_number_pretty", "pretty"),
    ),
    Defect("pretty number of another number", "teli", "examples", text("createPhoneNumber", "+1 313-", "+1 314-")),
    Defect("everything inside data", "teli", "examples", answer("updatePhoneAgent", lambda b: {"data": b}, status=200)),
    Defect("201 for a new number", "teli", "examples", status("createPhoneNumber", 200, 201)),
    Defect("HTML media type", "teli", "examples", media_type("updatePhoneAgent", "text/html"), "updatePhoneAgent"),
    Defect("no Content-Type", "teli", "examples", media_type("createPhoneNumber", None)),
    Defect(
        "plus becomes a space",
        "teli",
        "examples",
        asked(lambda r: r._replace(path=r.path.replace("+", " "))),
        "updatePhoneAgent",
    ),
    Defect(
        "sent nickname is not answered", "teli", "examples", drop("updatePhoneAgent", "nickname"), "updatePhoneAgent"
    ),
    # errors
    Defect("agent not found is a 404", "teli", "errors", status("updatePhoneAgent", 500, 404), "updatePhoneAgent"),
    Defect("no numbers is a 400", "teli", "errors", status("createPhoneNumber", 500, 400)),
    Defect(
        "error sentence mistyped by a letter", "teli", "errors", text("updatePhoneAgent", "At least one", "At last one")
    ),
    Defect(
        "message names another area code", "teli", "errors", text("createPhoneNumber", "area code 999", "area code 998")
    ),
    Defect("error says success true", "teli", "errors", put("createPhoneNumber", 500, success=True)),
    Defect(
        "agent and number sentences mixed up",
        "teli",
        "errors",
        text("updatePhoneAgent", "Phone number not", "Agent not"),
    ),
    Defect(
        "a refused link changes the number",
        "teli",
        "errors",
        careless("updatePhoneAgent", "PATCH", NUMBER, {"nickname": "x"}),
        "updatePhoneAgent",
    ),
    Defect(
        "an unknown agent is linked",
        "teli",
        "errors",
        sees("updatePhoneAgent", lambda b: {k: "agent_abc123" if k in LINKS and v else v for k, v in b.items()}),
        "updatePhoneAgent",
    ),
    # what a page says in words: refused in some form, answered if updated, shown to the owner
    Defect(
        "a nickname alone is refused",
        "teli",
        "examples",
        behaviour("updatePhoneAgent", _refuses_nickname),
        "updatePhoneAgent",
    ),
    Defect(
        "all three fields are answered, sent or not",
        "teli",
        "examples",
        answer("updatePhoneAgent", lambda b: b.setdefault("nickname", "Main Sales Line") and None, status=200),
        "updatePhoneAgent",
    ),
    Defect(
        "a number is sold in an area code that is none",
        "teli",
        "errors",
        sees("createPhoneNumber", lambda b: {**b, "area_code": "313"} if b["area_code"] == "911" else b),
        "createPhoneNumber",
    ),
    Defect(
        "a create without tenant_id is accepted",
        "teli",
        "errors",
        lenient("createPhoneNumber", 400, lambda b: b if "tenant_id" in b else {**b, "tenant_id": "t"}),
        "createPhoneNumber",
    ),
    Defect(
        "a create without organization_id is accepted",
        "teli",
        "errors",
        lenient("createPhoneNumber", 400, lambda b: b if "organization_id" in b else {**OWNER, **b}),
        "createPhoneNumber",
    ),
    Defect(
        "every user sees what an admin sees",
        "teli",
        "list",
        behaviour("listPhoneNumbers", lambda c, s, h: h(c._replace(query={**c.query, "is_admin": True}), s)),
        "listPhoneNumbers",
    ),
    Defect(
        "an admin sees what every user sees",
        "teli",
        "list",
        behaviour("listPhoneNumbers", lambda c, s, h: h(c._replace(query={**c.query, "is_admin": False}), s)),
        "listPhoneNumbers",
    ),
    # keys
    Defect("any key is accepted", "teli", "keys", any_key("x-api-key", "YOUR_API_KEY")),
    Defect("a missing key is accepted", "teli", "keys", any_key("x-api-key", "YOUR_API_KEY", missing_only=True)),
    # valid, invalid
    Defect(
        "an emptied nickname crashes",
        "teli",
        "valid",
        behaviour("createUser", lambda c, s, h: h(c, s) if "phone" not in c.body else 1 / 0),
        "createUser",
    ),
    Defect(
        "null links crash",
        "teli",
        "valid",
        answer("updatePhoneAgent", lambda b: b.update({k: 0 for k in LINKS if b.get(k, "") is None}), status=200),
        "updatePhoneAgent",
    ),
    Defect(
        "a missing area code is accepted",
        "teli",
        "invalid",
        lenient("createPhoneNumber", 400, lambda b: {**AREA, **OWNER, "tenant_id": "t"}),
    ),
    Defect(
        "an unknown agent_type is a voice agent",
        "teli",
        "invalid",
        lenient(
            "createAgent",
            400,
            lambda b: {
                "agent_type": "voice",
                "agent_name": "A",
                "starting_message": "",
                "prompt": "",
                "voice_id": "v",
                **OWNER,
            },
        ),
        "createAgent",
    ),
    Defect(
        "no body at all is accepted",
        "teli",
        "invalid",
        lenient("updatePhoneAgent", 400, lambda b: {"nickname": ""}),
        "updatePhoneAgent",
    ),
    Defect("malformed JSON is a 500 with a traceback", "teli", "invalid", crash("createUser"), "createUser"),
    Defect(
        "the required sentence names another field",
        "teli",
        "invalid",
        text("createPhoneNumber", "area_code and user_id", "area_code or user_id"),
    ),
    # encoding, twin
    Defect("%2B is not understood", "teli", "encoding", UNDECODED, "updatePhoneAgent"),
    Defect("PATCH is not stored", "teli", "twin", forgets("updatePhoneAgentPatch", "numbers"), "updatePhoneAgentPatch"),
    Defect(
        "PATCH says another message",
        "teli",
        "twin",
        text("updatePhoneAgentPatch", "updated", "patched"),
        "updatePhoneAgent",
    ),
    Defect(
        "PATCH does not know the number", "teli", "twin", status("updatePhoneAgentPatch", 500, 404), "updatePhoneAgent"
    ),
    # methods
    Defect("PUT is taken for PATCH", "teli", "methods", taken("PUT", "PATCH"), "updatePhoneAgent", fail_on="assumed"),
    Defect(
        "a GET of the create path succeeds",
        "teli",
        "methods",
        answered("GET", f"{NUMBERS}/create", 200),
        fail_on="assumed",
    ),
    Defect(
        "a refused DELETE removes the user", "teli", "methods", removes(USERS, "users"), "updateUser", fail_on="assumed"
    ),
    # read-back
    Defect("update is not stored", "teli", "read-back", forgets("updatePhoneAgent", "numbers"), "updatePhoneAgent"),
    Defect(
        "links are swapped",
        "teli",
        "read-back",
        sees(
            "updatePhoneAgentPatch", lambda b: {LINKS[1 - LINKS.index(k)] if k in LINKS else k: v for k, v in b.items()}
        ),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "create drops the nickname",
        "teli",
        "read-back",
        edits("createPhoneNumber", "numbers", lambda c, n: n.update(nickname=None)),
    ),
    Defect("a new number is not listed", "teli", "read-back", afterwards("createPhoneNumber", _not_listed)),
    Defect(
        "links come back in capitals",
        "teli",
        "read-back",
        edits("updatePhoneAgent", "numbers", _link_by_other_id),
        "updatePhoneAgent",
    ),
    Defect(
        "the list misses the newest row",
        "teli",
        "read-back",
        rows("listPhoneNumbers", "phone_numbers", lambda r: r[:-1], count=True),
    ),
    Defect("users keep their old e-mail", "teli", "read-back", forgets("updateUser", "users", "email"), "updateUser"),
    Defect(
        "update writes another number",
        "teli",
        "read-back",
        behaviour("updatePhoneAgent", _wrong_number),
        "updatePhoneAgent",
    ),
    # partial, clear
    Defect(
        "an update forgets the nickname",
        "teli",
        "partial",
        edits("updatePhoneAgent", "numbers", lambda c, n: n.update(nickname=c.body.get("nickname"))),
        "updatePhoneAgent",
    ),
    Defect(
        "an update forgets the other link",
        "teli",
        "partial",
        edits("updatePhoneAgentPatch", "numbers", lambda c, n: n.update({k: None for k in LINKS if k not in c.body})),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "an agent changes its type",
        "teli",
        "partial",
        edits("updateAgent", "agents", lambda c, a: a.update(agent_type="sms")),
        "updateAgent",
    ),
    Defect(
        '"" does not clear',
        "teli",
        "clear",
        sees(
            "updatePhoneAgent", lambda b: {k: v for k, v in b.items() if k not in LINKS or v != ""} or {"nickname": ""}
        ),
        "updatePhoneAgent",
    ),
    Defect(
        "null does not clear",
        "teli",
        "clear",
        sees(
            "updatePhoneAgentPatch",
            lambda b: {k: v for k, v in b.items() if k not in LINKS or v is not None} or {"nickname": ""},
        ),
        "updatePhoneAgentPatch",
    ),
    Defect(
        "clearing one link clears both",
        "teli",
        "clear",
        edits(
            "updatePhoneAgent",
            "numbers",
            lambda c, n: n.update(dict.fromkeys(LINKS)) if "" in c.body.values() else None,
        ),
        "updatePhoneAgent",
    ),
    Defect(
        "clearing a link clears the nickname",
        "teli",
        "clear",
        edits("updatePhoneAgent", "numbers", lambda c, n: n.update(nickname=None) if None in c.body.values() else None),
        "updatePhoneAgent",
    ),
    # idempotent, isolation
    Defect(
        "each update lengthens the nickname",
        "teli",
        "idempotent",
        edits("updatePhoneAgent", "numbers", _count),
        "updatePhoneAgent",
    ),
    Defect(
        "an update links the other numbers too",
        "teli",
        "isolation",
        edits("updatePhoneAgent", "numbers", _blank_others, mine=False),
        "updatePhoneAgent",
    ),
    Defect(
        "a new number takes the links of the others",
        "teli",
        "isolation",
        edits("createPhoneNumber", "numbers", lambda c, n: n.update(nickname="taken"), mine=False),
    ),
    # accounts
    Defect("another account reads an agent", "teli", "accounts", lets_in("GET", "x-api-key"), "getAgent"),
    Defect(
        "another account releases a number", "teli", "accounts", lets_in("DELETE", "x-api-key"), "releasePhoneNumber"
    ),
    Defect(
        "the numbers of other accounts are listed",
        "teli",
        "accounts",
        lists_all("listPhoneNumbers", "phone_numbers", "x-api-key"),
        "listPhoneNumbers",
    ),
    # unique, delete
    Defect("the same number twice", "teli", "unique", behaviour("createPhoneNumber", _same_number)),
    Defect(
        "a released number stays",
        "teli",
        "delete",
        afterwards(
            "releasePhoneNumber",
            lambda c, s, a: s.put(
                "numbers", {**next(iter(s.all("numbers"))), "phone_number": c.path["phone_number"], "id": "again"}
            ),
        ),
        "releasePhoneNumber",
    ),
    Defect(
        "a deleted agent takes the others with it",
        "teli",
        "delete",
        afterwards(
            "deleteAgent", lambda c, s, a: [s.delete("agents", row["agent_id"]) for row in list(s.all("agents"))]
        ),
        "deleteAgent",
    ),
    # list
    Defect(
        "an agent that nobody has is a 410",
        "teli",
        "refusals",
        status("getAgent", 404, 410),
        "getAgent",
        fail_on="documented",
    ),
    Defect(
        "the same tool name twice is taken",
        "teli",
        "refusals",
        lenient("updateAgentTools", 400, lambda b: {"tools": b.get("tools", [])[:1]}),
        "updateAgentTools",
        fail_on="assumed",
    ),
    Defect(
        "the users of any organization are listed",
        "teli",
        "refusals",
        status("listUsers", 404, 200),
        "listUsers",
        fail_on="assumed",
    ),
    Defect(
        "an update of the agent leaves its time",
        "teli",
        "made",
        edits("updateAgent", "agents", lambda c, a: a.update(modified_at="today")),
        "updateAgent",
        fail_on="assumed",
    ),
    Defect(
        "a new agent is a public one",
        "teli",
        "made",
        edits("createAgent", "agents", lambda c, a: a.update(visibility="public")),
        "createAgent",
        fail_on="assumed",
    ),
    Defect(
        "the answer counts one tool too many",
        "teli",
        "shown",
        answer("updateAgentTools", lambda b: b.update(tools_count=b["tools_count"] + 1), status=200),
        "updateAgentTools",
        fail_on="documented",
    ),
    Defect(
        "the owner of a new agent is another one",
        "teli",
        "shown",
        put("createAgent", status=201, user_id="1762896366429x599348279945130000"),
        "createAgent",
        fail_on="documented",
    ),
    Defect(
        "an agent is found by one id only",
        "teli",
        "names",
        behaviour(
            "getAgent",
            lambda c, s, h: (
                h(c, s) if c.path["agent_id"].startswith("agent_") else h(c._replace(path={"agent_id": "none"}), s)
            ),
        ),
        "getAgent",
        fail_on="assumed",
    ),
    Defect(
        "a deleted agent stays linked",
        "teli",
        "links",
        keeps_links("deleteAgent", "numbers"),
        "deleteAgent",
        fail_on="assumed",
    ),
    Defect(
        "the count is one too many",
        "teli",
        "list",
        answer("listAgents", lambda b: b.update(count=b["count"] + 1), status=200),
        "listAgents",
    ),
    Defect(
        "a row comes twice", "teli", "list", rows("listUsers", "users", lambda r: r + r[:1], count=True), "listUsers"
    ),
    Defect(
        "agents of every organization are listed",
        "teli",
        "list",
        behaviour("listAgents", _all_organizations),
        "listAgents",
    ),
    Defect(
        "calls before the first day are listed",
        "teli",
        "filters",
        behaviour("listCalls", _since_ever),
        "listCalls",
        fail_on="observed",
    ),
    Defect(
        "a campaign that is paused says active",
        "teli",
        "transition",
        behaviour("pauseVoiceCampaign", _never_paused),
        "pauseVoiceCampaign",
        fail_on="assumed",
    ),
    Defect(
        "messages of a campaign that nobody made are sent",
        "teli",
        "refusals",
        behaviour("bulkSendSms", _from_any_campaign),
        "bulkSendSms",
        fail_on="assumed",
    ),
    # figures
    Defect(
        "the overview counts the same users for ever",
        "teli",
        "figures",
        put("getAnalyticsOverview", users_count=3),
        "getAnalyticsOverview",
        fail_on="assumed",
    ),
    Defect(
        "an organization has the same users for ever",
        "teli",
        "figures",
        rows("listOrganizationAnalytics", "organizations", lambda r: [{**one, "users_count": 1} for one in r]),
        "listOrganizationAnalytics",
        fail_on="assumed",
    ),
    Defect("usage of nobody is told", "teli", "refusals", status("getUsage", 400, 200), "getUsage"),
    Defect(
        "a number that somebody has is free",
        "teli",
        "list",
        rows("listAvailableSmsNumbers", "phone_numbers", lambda r: [{**one, "is_available": False} for one in r]),
        "listAvailableSmsNumbers",
        fail_on="assumed",
    ),
]
