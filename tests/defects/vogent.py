"""Defects of a Vogent server."""

from __future__ import annotations

from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.defects.planting import (
    UNDECODED,
    Defect,
    afterwards,
    answer,
    answer_status,
    answered,
    any_key,
    asked,
    behaviour,
    boundary,
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
    of,
    put,
    renamed,
    rows,
    sees,
    status,
    taken,
)

NUMBER = "/api/phone_numbers/1caec78c-4bba-477d-82cf-bcfce2b73856"
AGENT = "61ccefdf-ea02-4f49-811b-1241f8e20d26"
OTHER = "7d0a3c52-93f1-4d0e-8a6b-5e1f20c4b9d7"
PURCHASE = {"type": "purchase", "purchase": {"number": "+15105550100"}}
NEW_AGENT = {
    "name": "A",
    "defaultVoiceId": "v",
    "defaultVersionedPrompt": {"aiModelId": "m", "agentType": "STANDARD", "name": "v1"},
}


def _wrong_number(call: Call, state: State, honest: Behaviour) -> Answer:
    said = honest(call._replace(path={"id": OTHER}), state)
    number = state.get("numbers", call.path["id"])
    return said._replace(body={**said.body, **{k: number[k] for k in ("id", "number", "type")}}) if number else said


def _bare(call: Call, agent: dict[str, Any]) -> None:
    """A PUT that replaces the whole agent: what was not sent is gone."""
    for name in ("metadata", "transcriberParams", "ivrConfiguration", "voiceOptionValues"):
        if name not in call.body:
            agent.pop(name, None)


def _shorter(call: Call, agent: dict[str, Any]) -> None:
    agent["maxDurationSeconds"] -= 1


def _link_all(call: Call, number: dict[str, Any]) -> None:
    if call.body.get("agentId"):
        number["agentId"] = call.body["agentId"]


def _overlapping(call: Call, state: State, honest: Behaviour) -> Answer:
    """A page begins with the last row of the page before."""
    said = honest(call, state)
    page = list(said.body["data"])
    if "cursor" in call.query and page:
        every = list(honest(call._replace(query={}), state).body["data"])
        page = [every[every.index(page[0]) - 1], *page[:-1]]
    return said._replace(body={**said.body, "data": page})


def _lossy(call: Call, state: State, honest: Behaviour) -> Answer:
    """A page leaves out the row with which it should begin."""
    said = honest(call, state)
    page = list(said.body["data"])
    return said._replace(body={**said.body, "data": page[1:] if "cursor" in call.query else page})


def _endless(call: Call, state: State, honest: Behaviour) -> Answer:
    """The cursor of the last page leads back to the second one."""
    first = honest(call._replace(query={"limit": 1}), state).body["cursor"]
    said = honest(call, state)
    cursor = said.body["cursor"] or (first if "cursor" in call.query else None)
    return Answer("listed" if cursor is None else "page", {**said.body, "cursor": cursor})


def _twice(call: Call, state: State, honest: Behaviour) -> Answer:
    """What is held can be bought again: under the old id."""
    number = call.body["number"]
    return Answer("purchased", state.find("numbers", number)) if state.find("numbers", number) else honest(call, state)


def _everyones(service: Any) -> None:
    """The list shows the numbers of every key."""
    honest = service.exchange

    def exchange(request: Any) -> Any:
        if request.method == "PUT":
            honest(request._replace(headers={**request.headers, "authorization": "Bearer YOUR_API_KEY"}))
        if request.method == "GET" and request.path.endswith("/phone_numbers"):
            return honest(request._replace(headers={**request.headers, "authorization": "Bearer YOUR_API_KEY"}))
        return honest(request)

    service.exchange = exchange


def _only_half(call: Call, state: State, honest: Behaviour) -> Answer:
    """The agent of the number is stored as null whenever the number is not the first one."""
    said = honest(call, state)
    if call.path["id"] == OTHER:
        state.put("numbers", {**said.body, "agentId": None})
    return said


def _made(state: State, said: Answer) -> list[dict[str, Any]]:
    """The prompts of a new agent."""
    return [prompt for prompt in state.all("prompts") if prompt["agentId"] == said.body["id"]]


def _anybodys(call: Call, state: State, honest: Behaviour) -> Answer:
    """Whose prompt it is is not looked at."""
    prompt = state.get("prompts", call.path["id"])
    return honest(call if prompt is None else call._replace(path={**call.path, "agentId": prompt["agentId"]}), state)


DEFECTS = [
    # examples
    Defect(
        "number under another name",
        "vogent",
        "examples",
        renamed("updatePhoneNumber", "number", "phoneNumber"),
        "updatePhoneNumber",
    ),
    Defect(
        "agentId is missing when unlinked", "vogent", "examples", drop("getPhoneNumber", "agentId"), "getPhoneNumber"
    ),
    Defect(
        "a SIP username is called a number",
        "vogent",
        "examples",
        rows("listPhoneNumbers", "data", lambda r: [{**one, "type": "PSTN"} for one in r]),
        "listPhoneNumbers",
    ),
    Defect("type in lower case", "vogent", "examples", put("updatePhoneNumber", type="pstn"), "updatePhoneNumber"),
    Defect("id is a number", "vogent", "examples", put("getPhoneNumber", id=7), "getPhoneNumber"),
    Defect("number is null", "vogent", "examples", put("updatePhoneNumber", number=None), "updatePhoneNumber"),
    Defect(
        "number inside phoneNumber",
        "vogent",
        "examples",
        answer("updatePhoneNumber", lambda b: {"phoneNumber": b}, status=200),
        "updatePhoneNumber",
    ),
    Defect("201 for a new number", "vogent", "examples", status("createPhoneNumber", 200, 201), "createPhoneNumber"),
    Defect(
        "204 for a deleted number",
        "vogent",
        "examples",
        boundary(lambda r, a, ask: a._replace(status=204, body=b"") if of(a, "deletePhoneNumber", 200) else a),
        "deletePhoneNumber",
    ),
    Defect("plain text", "vogent", "examples", media_type("getPhoneNumber", "text/plain"), "getPhoneNumber"),
    Defect("no Content-Type", "vogent", "examples", media_type("updatePhoneNumber", None), "updatePhoneNumber"),
    Defect(
        "the search is wrapped",
        "vogent",
        "examples",
        answer("searchPhoneNumbers", lambda b: {"data": b}, status=200),
        "searchPhoneNumbers",
    ),
    Defect("the list has no cursor", "vogent", "examples", drop("listPhoneNumbers", "cursor")),
    Defect(
        "the deleted agent is not answered",
        "vogent",
        "examples",
        answer("deleteAgent", lambda b: {"deleted": True}, status=200),
        "deleteAgent",
    ),
    # errors
    Defect(
        "a refused update links the number",
        "vogent",
        "errors",
        careless("updatePhoneNumber", "PUT", NUMBER, {"agentId": AGENT}),
        "updatePhoneNumber",
    ),
    Defect(
        "a refused agent is made all the same",
        "vogent",
        "errors",
        careless("createAgent", "POST", "/api/agents", NEW_AGENT),
        "createAgent",
    ),
    # keys
    Defect("any key is accepted", "vogent", "keys", any_key("authorization", "Bearer YOUR_API_KEY")),
    Defect(
        "a missing key is accepted",
        "vogent",
        "keys",
        any_key("authorization", "Bearer YOUR_API_KEY", missing_only=True),
    ),
    # valid, invalid
    Defect(
        "settings that are null crash",
        "vogent",
        "valid",
        behaviour("createAgent", lambda c, s, h: h(c, s) if c.body.get("ivrConfiguration", 1) else 1 / 0),
        "createAgent",
    ),
    Defect(
        "more candidates than asked for",
        "vogent",
        "valid",
        answer("searchPhoneNumbers", lambda b: b * 11, status=200),
        "searchPhoneNumbers",
    ),
    Defect(
        "agentId may be a number",
        "vogent",
        "invalid",
        lenient("updatePhoneNumber", 422, lambda b: {"agentId": ""}),
        "updatePhoneNumber",
    ),
    Defect(
        "a purchase without type is accepted",
        "vogent",
        "invalid",
        lenient("createPhoneNumber", 422, lambda b: PURCHASE),
        "createPhoneNumber",
    ),
    Defect(
        "every limit of a search is accepted",
        "vogent",
        "invalid",
        lenient("searchPhoneNumbers", 422, lambda b: {"prefix": "510"}),
        "searchPhoneNumbers",
    ),
    Defect("every noise is accepted", "vogent", "invalid", lenient("updateAgent", 422, lambda b: {}), "updateAgent"),
    Defect(
        "malformed JSON is a 500 with a traceback", "vogent", "invalid", crash("updatePhoneNumber"), "updatePhoneNumber"
    ),
    # encoding
    Defect("percent-encoding is not undone", "vogent", "encoding", UNDECODED, "updatePhoneNumber"),
    # methods
    Defect("PATCH is taken for PUT", "vogent", "methods", taken("PATCH", "PUT"), "getPhoneNumber", fail_on="assumed"),
    Defect(
        "a DELETE of all agents crashes",
        "vogent",
        "methods",
        answered("DELETE", "/api/agents", 500),
        "listAgents",
        fail_on="assumed",
    ),
    # read-back
    Defect("update is not stored", "vogent", "read-back", forgets("updatePhoneNumber", "numbers"), "updatePhoneNumber"),
    Defect(
        "unlinking is not stored",
        "vogent",
        "read-back",
        behaviour(
            "updatePhoneNumber",
            lambda c, s, h: (
                h(c, s)
                if c.body.get("agentId")
                else Answer("unlinked", {**s.get("numbers", c.path["id"]), "agentId": None})
            ),
        ),
        "updatePhoneNumber",
    ),
    Defect(
        "update writes another number",
        "vogent",
        "read-back",
        behaviour("updatePhoneNumber", _wrong_number),
        "updatePhoneNumber",
    ),
    Defect(
        "an update of the other number is lost",
        "vogent",
        "read-back",
        behaviour("updatePhoneNumber", _only_half),
        "updatePhoneNumber",
    ),
    Defect(
        "create drops the metadata",
        "vogent",
        "read-back",
        edits("createAgent", "agents", lambda c, a: a.pop("metadata", None)),
        "createAgent",
    ),
    Defect(
        "the answer shows another language", "vogent", "read-back", put("createAgent", language="de"), "createAgent"
    ),
    Defect(
        "a bought number is not listed",
        "vogent",
        "read-back",
        rows("listPhoneNumbers", "data", lambda r: [n for n in r if n["number"] != "+15105550100"]),
        "purchasePhoneNumber",
    ),
    Defect("the read shows no link", "vogent", "read-back", put("getPhoneNumber", agentId=None), "updatePhoneNumber"),
    Defect(
        "the agent's own read shows an old name",
        "vogent",
        "read-back",
        put("getAgent", name="Old"),
        "updateAgent",
        fail_on="observed",
    ),
    Defect(
        "the prompt of a new agent is another one",
        "vogent",
        "read-back",
        afterwards("createAgent", lambda c, s, a: [s.put("prompts", {**p, "name": "v0"}) for p in _made(s, a)]),
        "createAgent",
    ),
    Defect(
        "a flow loses its first step",
        "vogent",
        "read-back",
        edits("createVersionedPrompt", "prompts", lambda c, p: p.get("flowDefinition", {}).update(nodes=[])),
        "createVersionedPrompt",
    ),
    Defect(
        "a deleted function stays linked",
        "vogent",
        "links",
        keeps_links("deleteFunction", "agents"),
        "deleteFunction",
    ),
    Defect(
        "a prompt is shown to another agent",
        "vogent",
        "errors",
        behaviour("getVersionedPrompt", _anybodys),
        "getVersionedPrompt",
        fail_on="assumed",
    ),
    Defect(
        "every voice is shown, whatever its type",
        "vogent",
        "filters",
        behaviour("listVoices", lambda c, s, h: h(c._replace(query={}), s)),
        "listVoices",
    ),
    Defect(
        "a job cannot be paused",
        "vogent",
        "made",
        edits("setBatchDialJobPaused", "batch_jobs", lambda c, job: job.update(status="ACTIVE")),
        "setBatchDialJobPaused",
    ),
    Defect(
        "the queue shows the rows of every job",
        "vogent",
        "refusals",
        behaviour(
            "listQueuedDials", lambda c, s, h: h(c._replace(path={"id": next(iter(s.all("batch_jobs")))["id"]}), s)
        ),
        "listQueuedDials",
        fail_on="assumed",
    ),
    # partial, clear
    Defect("PUT replaces the agent", "vogent", "partial", edits("updateAgent", "agents", _bare), "updateAgent"),
    Defect(
        "linking changes the number's type",
        "vogent",
        "partial",
        edits("updatePhoneNumber", "numbers", lambda c, n: n.update(type="SIP_USERNAME")),
        "updatePhoneNumber",
    ),
    Defect(
        '"" does not unlink',
        "vogent",
        "clear",
        sees("updatePhoneNumber", lambda b: {k: v for k, v in b.items() if v != ""}),
        "updatePhoneNumber",
    ),
    Defect(
        '"" does not disable the extractor',
        "vogent",
        "clear",
        sees("updateAgent", lambda b: {k: v for k, v in b.items() if v != ""}),
        "updateAgent",
    ),
    Defect(
        "disabling the extractor loses the prompt",
        "vogent",
        "clear",
        edits(
            "updateAgent",
            "agents",
            lambda c, a: a.update(defaultVersionedPromptId="") if c.body.get("callAgentExtractorId") == "" else None,
        ),
        "updateAgent",
    ),
    # idempotent, isolation
    Defect(
        "each update shortens the calls",
        "vogent",
        "idempotent",
        edits("updateAgent", "agents", _shorter),
        "updateAgent",
    ),
    Defect(
        "a link takes all numbers along",
        "vogent",
        "isolation",
        edits("updatePhoneNumber", "numbers", _link_all, mine=False),
        "updatePhoneNumber",
    ),
    Defect("the numbers of all keys are one", "vogent", "isolation", _everyones, "updatePhoneNumber"),
    # accounts
    Defect(
        "another account links a number", "vogent", "accounts", lets_in("PUT", "authorization"), "updatePhoneNumber"
    ),
    Defect(
        "a refused delete deletes the agent of another account",
        "vogent",
        "accounts",
        lets_in("DELETE", "authorization", secretly=True),
        "deleteAgent",
    ),
    Defect(
        "the agents of other accounts are listed",
        "vogent",
        "accounts",
        lists_all("listAgents", "data", "authorization"),
        "listAgents",
    ),
    # unique, delete
    Defect(
        "every new agent has the same id",
        "vogent",
        "unique",
        behaviour("createAgent", lambda c, s, h: Answer("created", {**h(c, s).body, "id": AGENT})),
        "createAgent",
    ),
    Defect(
        "a held number can be bought again",
        "vogent",
        "unique",
        behaviour("purchasePhoneNumber", _twice),
        "purchasePhoneNumber",
    ),
    Defect(
        "a deleted number stays",
        "vogent",
        "delete",
        behaviour("deletePhoneNumber", lambda c, s, h: Answer("deleted", s.get("numbers", c.path["id"]))),
        "deletePhoneNumber",
    ),
    Defect(
        "a deleted number takes the others along",
        "vogent",
        "delete",
        afterwards("deletePhoneNumber", lambda c, s, a: [s.delete("numbers", n["id"]) for n in list(s.all("numbers"))]),
        "deletePhoneNumber",
    ),
    # list
    Defect(
        "an unknown number is a 404",
        "vogent",
        "refusals",
        status("getPhoneNumber", 400, 404),
        "getPhoneNumber",
        fail_on="assumed",
    ),
    Defect(
        "any cursor begins anew",
        "vogent",
        "refusals",
        asked(lambda request: request._replace(query=request.query.replace("cursor=no-such-row", ""))),
        "listPhoneNumbers",
        fail_on="assumed",
    ),
    Defect(
        "a new number is linked already",
        "vogent",
        "made",
        edits("purchasePhoneNumber", "numbers", lambda c, n: n.update(agentId=AGENT)),
        "purchasePhoneNumber",
        fail_on="assumed",
    ),
    Defect(
        "an unlinked number is answered with 202",
        "vogent",
        "shown",
        answer_status("updatePhoneNumber", lambda body: 200 if body["agentId"] else 202),
        "updatePhoneNumber",
        fail_on="assumed",
    ),
    Defect(
        "a deleted agent stays linked",
        "vogent",
        "links",
        keeps_links("deleteAgent", "numbers"),
        "deleteAgent",
        fail_on="assumed",
    ),
    Defect("a page repeats a row", "vogent", "list", behaviour("listPhoneNumbers", _overlapping), "listPhoneNumbers"),
    Defect("a page loses a row", "vogent", "list", behaviour("listPhoneNumbers", _lossy), "listPhoneNumbers"),
    Defect("the pages never end", "vogent", "list", behaviour("listPhoneNumbers", _endless), "listPhoneNumbers"),
    Defect(
        "the limit is ignored",
        "vogent",
        "list",
        behaviour("listAgents", lambda c, s, h: h(c._replace(query={**c.query, "limit": 100}), s)),
        "listAgents",
    ),
]
