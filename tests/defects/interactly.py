"""Defects of an Interactly server."""

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
    any_key,
    asked,
    behaviour,
    careless,
    crash,
    drop,
    edits,
    forgets,
    lenient,
    lets_in,
    lists_all,
    media_type,
    put,
    remembers,
    removes,
    renamed,
    rows,
    sees,
    status,
    text,
)

FIRST = "a12f9c88-c155-461f-9771-4d240cdc9a04"
SECOND = "5f7b1b1b1b1b1b1b1b1b1b1b"
NUMBER = f"/assistants/v1/numbers/{FIRST}"
SWITCHES = {"inboundEnabled": "outboundEnabled", "outboundEnabled": "inboundEnabled"}


def _wrong_number(call: Call, state: State, honest: Behaviour) -> Answer:
    """The other number is written, the one that was addressed is answered."""
    said = honest(call._replace(path={"id": SECOND}), state)
    own = state.get("numbers", call.path["id"])
    return said._replace(body={**said.body, **{k: own[k] for k in ("_id", "number", "label") if k in own}})


def _replaced(call: Call, number: dict[str, Any]) -> None:
    """A PUT that replaces: what was not sent goes back to its default."""
    if "assistantId" not in call.body:
        number.pop("assistantId", None)
    number.update({name: call.body.get(name, True) for name in SWITCHES})


def _toggled(call: Call, number: dict[str, Any]) -> None:
    """The switch is turned by each request, not set by it."""
    number["outboundEnabled"] = not number["outboundEnabled"]


def _linked_too(call: Call, number: dict[str, Any]) -> None:
    if call.body.get("assistantId"):
        number["assistantId"] = call.body["assistantId"]


def _by_assistant(call: Call, state: State, honest: Behaviour) -> Answer:
    """The id of the path is taken for an assistant's: the number that has that assistant is updated."""
    found = next((n for n in state.all("numbers") if n.get("assistantId") == call.path["id"]), None)
    return honest(call._replace(path={"id": found["_id"] if found else SECOND}), state)


def _as_number_id(call: Call, number: dict[str, Any]) -> None:
    """The link holds the number's id in place of the assistant's."""
    if number.get("assistantId"):
        number["assistantId"] = number["_id"]


def _same_record(call: Call, state: State, honest: Behaviour) -> Answer:
    """A new number takes the place of the first one."""
    said = honest(call, state)
    state.delete("numbers", said.body["_id"])
    taken = {**said.body, "_id": FIRST}
    state.put("numbers", taken)
    return said._replace(body=taken)


def _kept_twice(call: Call, state: State, said: Answer) -> None:
    """The number is kept a second time under another id."""
    state.put("numbers", {**said.body, "_id": "5f7b1b1b1b1b1b1b1b1b1bff", "number": said.body["number"] + "0"})


def _everyones(service: Any) -> None:
    """All keys write into one account and read from it."""
    honest = service.exchange
    header = {"authorization": "Bearer YOUR_API_KEY"}
    service.exchange = lambda request: honest(request._replace(headers={**request.headers, **header}))


DEFECTS = [
    # examples
    Defect("_id is called id", "interactly", "examples", renamed("updateNumber", "_id", "id"), "updateNumber"),
    Defect("the team is missing", "interactly", "examples", drop("updateNumber", "teamId"), "updateNumber"),
    Defect(
        "the provider is a string", "interactly", "examples", put("updateNumber", provider="twilio"), "updateNumber"
    ),
    Defect(
        "the provider is another one",
        "interactly",
        "examples",
        put("updateNumber", provider={"name": "vonage"}),
        "updateNumber",
    ),
    Defect("the label is null", "interactly", "examples", put("updateNumber", label=None), "updateNumber"),
    Defect(
        "inboundEnabled is a string",
        "interactly",
        "examples",
        put("updateNumber", inboundEnabled="true"),
        "updateNumber",
    ),
    Defect(
        "the answer lies inside data",
        "interactly",
        "examples",
        answer("updateNumber", lambda b: {"data": b}, status=200),
        "updateNumber",
    ),
    # The page shows a sentence and no status.
    Defect(
        "202 for an update",
        "interactly",
        "examples",
        status("updateNumber", 200, 202),
        "updateNumber",
        fail_on="assumed",
    ),
    Defect(
        "HTML media type",
        "interactly",
        "examples",
        media_type("updateNumber", "text/html; charset=utf-8"),
        "updateNumber",
    ),
    Defect("no Content-Type", "interactly", "examples", media_type("listNumbers", None)),
    Defect(
        "the list is wrapped", "interactly", "examples", answer("listNumbers", lambda b: {"numbers": b}, status=200)
    ),
    Defect(
        "the plus of the number is lost", "interactly", "examples", text("updateNumber", '"+1', '"1'), "updateNumber"
    ),
    Defect("the imported number is missing", "interactly", "examples", drop("importNumber", "number"), "importNumber"),
    # errors
    Defect(
        "a refused call redirects the others",
        "interactly",
        "errors",
        remembers(
            "createCall", "listCalls", "conversations", lambda row, times: row.update(userNumber=f"+1999555{times:04}")
        ),
        "createCall",
    ),
    Defect(
        "a refused update detaches",
        "interactly",
        "errors",
        careless("updateNumber", "PUT", NUMBER, {"assistantId": ""}),
        "updateNumber",
    ),
    Defect(
        "a refused import imports",
        "interactly",
        "errors",
        careless("importNumber", "POST", "/assistants/v1/numbers/twilio", {"number": "+14155550199"}),
        "importNumber",
    ),
    Defect(
        "a refused purchase buys",
        "interactly",
        "errors",
        careless("purchaseNumber", "POST", "/assistants/v1/numbers/purchase", {"number": "+14155550199"}),
        "purchaseNumber",
    ),
    # keys
    Defect("any key is accepted", "interactly", "keys", any_key("authorization", "Bearer YOUR_API_KEY")),
    Defect(
        "a missing key is accepted",
        "interactly",
        "keys",
        any_key("authorization", "Bearer YOUR_API_KEY", missing_only=True),
    ),
    # valid, invalid
    Defect(
        "closing both directions crashes",
        "interactly",
        "valid",
        behaviour("updateNumber", lambda c, s, h: 1 / 0 if c.body.get("inboundEnabled") is False else h(c, s)),
        "updateNumber",
    ),
    Defect(
        "an import without a label crashes",
        "interactly",
        "valid",
        behaviour("importNumber", lambda c, s, h: h(c, s) if c.body.get("label") else 1 / 0),
        "importNumber",
    ),
    Defect(
        "a switch may be a string", "interactly", "invalid", lenient("updateNumber", 400, lambda b: {}), "updateNumber"
    ),
    Defect(
        "an import without a number is accepted",
        "interactly",
        "invalid",
        lenient("importNumber", 400, lambda b: {"number": "+14155550100"}),
        "importNumber",
    ),
    Defect("malformed JSON is a 500 with a traceback", "interactly", "invalid", crash("updateNumber"), "updateNumber"),
    # encoding
    Defect("percent-encoding is not undone", "interactly", "encoding", UNDECODED, "updateNumber"),
    # methods
    Defect(
        "DELETE removes the number",
        "interactly",
        "methods",
        removes("/assistants/v1/numbers", "numbers", 200),
        "updateNumber",
        fail_on="assumed",
    ),
    Defect(
        "a refused DELETE removes the assistant",
        "interactly",
        "methods",
        removes("/assistants/v1/assistants", "assistants"),
        "getAssistant",
        fail_on="assumed",
    ),
    # read-back
    Defect("update is not stored", "interactly", "read-back", forgets("updateNumber", "numbers"), "updateNumber"),
    Defect(
        "the switches are mixed up",
        "interactly",
        "read-back",
        sees("updateNumber", lambda b: {SWITCHES.get(k, k): v for k, v in b.items()}),
        "updateNumber",
    ),
    Defect(
        "false is not stored",
        "interactly",
        "read-back",
        sees("updateNumber", lambda b: {k: v for k, v in b.items() if v is not False}),
        "updateNumber",
    ),
    Defect(
        "update writes another number",
        "interactly",
        "read-back",
        behaviour("updateNumber", _wrong_number),
        "updateNumber",
    ),
    Defect(
        "the path's id is taken for an assistant's",
        "interactly",
        "read-back",
        behaviour("updateNumber", _by_assistant),
        "updateNumber",
    ),
    Defect(
        "the link holds the number's id",
        "interactly",
        "read-back",
        edits("updateNumber", "numbers", _as_number_id),
        "updateNumber",
    ),
    Defect(
        "import drops the label",
        "interactly",
        "read-back",
        sees("importNumber", lambda b: {k: v for k, v in b.items() if k != "label"}),
        "importNumber",
    ),
    Defect(
        "the list misses the newest row",
        "interactly",
        "read-back",
        rows("listNumbers", None, lambda r: r[:-1]),
        "purchaseNumber",
    ),
    Defect(
        "the list shows no link",
        "interactly",
        "read-back",
        answer("listNumbers", lambda b: [n.pop("assistantId", None) for n in b] and b, status=200),
        "updateNumber",
    ),
    Defect(
        "outbound calls cannot be disabled",
        "interactly",
        "examples",
        sees("updateNumber", lambda b: {k: v for k, v in b.items() if k != "outboundEnabled" or v}),
        "updateNumber",
    ),
    # refusals, made
    Defect(
        "an assistant that nobody has is a 400",
        "interactly",
        "refusals",
        status("getAssistant", 404, 400),
        "getAssistant",
        fail_on="assumed",
    ),
    Defect(
        "an assistant that nobody has is not linked, and no word said",
        "interactly",
        "refusals",
        lenient("updateNumber", 400, lambda b: {k: v for k, v in b.items() if k != "assistantId"}),
        "updateNumber",
        fail_on="assumed",
    ),
    Defect(
        "any provider is taken for Twilio",
        "interactly",
        "refusals",
        asked(lambda request: request._replace(path=request.path.replace("no-such-value", "twilio"))),
        "importNumber",
        fail_on="assumed",
    ),
    Defect(
        "a purchase without a number buys one",
        "interactly",
        "refusals",
        lenient("purchaseNumber", 400, lambda b: b or {"number": "+14155550177"}),
        "purchaseNumber",
        fail_on="assumed",
    ),
    Defect(
        "a new number is closed",
        "interactly",
        "made",
        edits("purchaseNumber", "numbers", lambda c, n: n.update(inboundEnabled=False)),
        "purchaseNumber",
        fail_on="assumed",
    ),
    Defect(
        "the id of a new assistant is a counter",
        "interactly",
        "made",
        put("createAssistant", _id="17"),
        "createAssistant",
        fail_on="assumed",
    ),
    Defect(
        "a number without an assistant is answered with 201",
        "interactly",
        "shown",
        answer_status("updateNumber", lambda body: 200 if "assistantId" in body else 201),
        "updateNumber",
        fail_on="assumed",
    ),
    # partial, clear
    Defect(
        "PUT replaces the number", "interactly", "partial", edits("updateNumber", "numbers", _replaced), "updateNumber"
    ),
    Defect(
        "an update changes the label",
        "interactly",
        "partial",
        edits("updateNumber", "numbers", lambda c, n: n.update(label="number")),
        "updateNumber",
    ),
    Defect(
        "an update changes the number",
        "interactly",
        "partial",
        edits("updateNumber", "numbers", lambda c, n: n.update(number="+10000000")),
        "updateNumber",
    ),
    Defect(
        '"" does not detach',
        "interactly",
        "clear",
        sees("updateNumber", lambda b: {k: v for k, v in b.items() if v != ""}),
        "updateNumber",
    ),
    Defect(
        "detaching closes the number",
        "interactly",
        "clear",
        edits(
            "updateNumber",
            "numbers",
            lambda c, n: n.update(inboundEnabled=False) if c.body.get("assistantId") == "" else None,
        ),
        "updateNumber",
    ),
    Defect(
        "detaching is refused",
        "interactly",
        "clear",
        behaviour("updateNumber", lambda c, s, h: 1 / 0 if c.body.get("assistantId") == "" else h(c, s)),
        "updateNumber",
    ),
    # idempotent, isolation
    Defect(
        "each update turns the switch",
        "interactly",
        "idempotent",
        edits("updateNumber", "numbers", _toggled),
        "updateNumber",
    ),
    Defect(
        "a link takes the other numbers along",
        "interactly",
        "isolation",
        edits("updateNumber", "numbers", _linked_too, mine=False),
        "updateNumber",
    ),
    Defect(
        "a purchase leaves a second number",
        "interactly",
        "isolation",
        afterwards("purchaseNumber", _kept_twice),
        "purchaseNumber",
    ),
    Defect("all keys share one account", "interactly", "isolation", _everyones, "updateNumber"),
    # accounts
    Defect("another account links a number", "interactly", "accounts", lets_in("PUT", "authorization"), "updateNumber"),
    Defect(
        "the numbers of other accounts are listed",
        "interactly",
        "accounts",
        lists_all("listNumbers", None, "authorization"),
        "listNumbers",
    ),
    # unique, list
    Defect(
        "a new number takes the place of the first",
        "interactly",
        "unique",
        behaviour("purchaseNumber", _same_record),
        "purchaseNumber",
    ),
    Defect(
        "an imported number is listed twice",
        "interactly",
        "unique",
        rows("listNumbers", None, lambda r: r + r[2:]),
        "importNumber",
    ),
    Defect("a row comes twice", "interactly", "list", rows("listNumbers", None, lambda r: r + r[:1])),
    Defect(
        "the total of a list of pages is one too many",
        "interactly",
        "list",
        answer("listCalls", lambda b: b.update(totalCount=b["totalCount"] + 1), status=200),
        "listCalls",
    ),
]
