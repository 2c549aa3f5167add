"""Defects at the edges: how answers are written, keys that are nearly right, filters, searches, repetition, methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from mock_server.exchange import Behaviour
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State
from tests.defects.planting import (
    Ask,
    Defect,
    Plant,
    afterwards,
    among_accounts,
    answer,
    asked,
    behaviour,
    boundary,
    crowd,
    field,
    media_type,
    of,
    rows,
)

BOM = b"\xef\xbb\xbf"
DOCUMENTED = "YOUR_API_KEY"


# --- how it is written -----------------------------------------------------------------------------------


def written(operation: str, change: Callable[[bytes], bytes], status: int | None = None) -> Plant:
    """Writes the same answer in other bytes."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        return response._replace(body=change(response.body)) if of(response, operation, status) else response

    return boundary(changed)


def _twice(body: bytes) -> bytes:
    """The first key stands in the answer a second time, with the same value."""
    name, value = next(iter(json.loads(body).items()))
    return b"{" + json.dumps({name: value})[1:-1].encode() + b"," + body[1:]


def _fraction(name: str) -> Callable[[bytes], bytes]:
    """A whole number is written with a fraction."""
    return lambda body: json.dumps(json.loads(body, parse_int=float)).encode() if name.encode() in body else body


def refusal_type(operation: str, status: int, wrong: str) -> Plant:
    """Refuses under another media type."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation, status):
            return response
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-type"]
        return response._replace(headers=(*headers, ("content-type", wrong)))

    return boundary(changed)


# --- keys ------------------------------------------------------------------------------------------------


def takes_key(header: str, method: str, change: Callable[[str], str | None]) -> Plant:
    """Takes a key for the one that `change` makes of it."""

    def changed(request: Request) -> Request:
        sent = request.headers.get(header)
        other = change(sent) if sent is not None and request.method == method else None
        return request if other is None else request._replace(headers={**request.headers, header: other})

    return asked(changed)


def _bearer(change: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """The change of what stands behind the scheme."""

    def changed(value: str) -> str | None:
        scheme, _, key = value.partition(" ")
        other = change(key) if scheme.lower() == "bearer" else None
        return None if other is None else f"Bearer {other}"

    return changed


def _by_beginning(key: str) -> str | None:
    return DOCUMENTED if key != DOCUMENTED and key and DOCUMENTED.startswith(key) else None


def _by_letters(key: str) -> str | None:
    return DOCUMENTED if key != DOCUMENTED and key.upper() == DOCUMENTED else None


def _by_rest(key: str) -> str | None:
    return DOCUMENTED if key != DOCUMENTED and DOCUMENTED in key else None


# --- lists and searches ----------------------------------------------------------------------------------


def without_filter(*names: str, only_with: str = "") -> Plant:
    """Leaves these parameters of a list unheeded (only beside another one, if that is named)."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        if only_with and only_with not in call.query:
            return honest(call, state)
        return honest(call._replace(query={k: v for k, v in call.query.items() if k not in names}), state)

    return behaviour("listAgents", changed)


_LOOKS = count()


def _moved(shown: list[Any]) -> list[Any]:
    """Calls as they are a while later: each time one looks they have gone on."""
    status = ("registered", "ongoing", "ended")[next(_LOOKS) % 3]
    return [{**row, "status": status} for row in shown]


def _ignored(operation: str, name: str) -> Plant:
    return behaviour(
        operation,
        lambda call, state, honest: honest(
            call._replace(query={k: v for k, v in call.query.items() if k != name}), state
        ),
    )


def _numbers_without(number: str, *, admin: bool) -> Plant:
    """Leaves a number out of the list, for the whole organization or for the user."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        said = honest(call, state)
        if bool(call.query.get("is_admin")) != admin:
            return said
        kept = [row for row in said.body["phone_numbers"] if row["phone_number"] != number]
        return said._replace(body={**said.body, "phone_numbers": kept})

    return behaviour("listPhoneNumbers", changed)


def _labels_by_beginning(call: Call, state: State, honest: Behaviour) -> Answer:
    """A label is found by its beginning."""
    label = call.query.get("label")
    known = [one.get("label") for one in state.all("numbers") if label and str(one.get("label")).startswith(label)]
    return honest(call._replace(query={"label": known[0]}) if known else call, state)


def _labels_in_any_case(call: Call, state: State, honest: Behaviour) -> Answer:
    label = call.query.get("label")
    known = [one.get("label") for one in state.all("numbers") if str(one.get("label")).lower() == str(label).lower()]
    return honest(call._replace(query={"label": known[0]}) if known else call, state)


def _page_too_short(call: Call, state: State, honest: Behaviour) -> Answer:
    """Above one a page has one row less than was asked for, and the cursor goes on behind it all the same."""
    said = honest(call, state)
    limit, data = call.query.get("limit"), list(said.body["data"])
    short = isinstance(limit, int) and limit > 1 and len(data) == limit
    return said._replace(body={**said.body, "data": data[:-1] if short else data})


def _page_too_long(call: Call, state: State, honest: Behaviour) -> Answer:
    """Above one a page has one row more than was asked for."""
    limit = call.query.get("limit")
    return honest(call._replace(query={**call.query, "limit": limit + 1}) if limit and limit in (2, 3) else call, state)


def _still_for_sale(call: Call, state: State, honest: Behaviour) -> Answer:
    """What was found once is found again, also when it was bought."""
    said = honest(call, state)
    name = f"search {call.body.get('prefix')}"
    if state.note(name) is None:
        state.keep_note(name, said.body)
    first = state.note(name)
    return said._replace(body=first[: len(said.body)] if first else said.body)


# --- repetition and methods ------------------------------------------------------------------------------


def third_time(operation: str, place: str, kind: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Plant:
    """The third equal request in a row changes something else."""

    def changed(call: Call, state: State, said: Answer) -> None:
        name, mine = f"repeated {operation}", json.dumps([dict(call.path), call.body], sort_keys=True)
        before = state.note(name) or ["", 0]
        times = before[1] + 1 if before[0] == mine else 1
        state.keep_note(name, [mine, times])
        record = state.find(kind, call.path[place])
        if times == 3 and record is not None:
            state.put(kind, change(record))

    return afterwards(operation, changed)


def writes_by(method: str, path: str, other: str, body: Any) -> Plant:
    """A method that only looks brings about a write."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if request.method == method and request.path.startswith(path) and (method == "HEAD" or request.body):
            sent = request.body if method == "GET" else json.dumps(body).encode()
            headers = {**request.headers, "content-type": "application/json"}
            ask(request._replace(method=other, body=sent, headers=headers))
        return response

    return boundary(changed)


def _comes_back(call: Call, state: State, honest: Behaviour) -> Answer:
    """An agent that was deleted is there again when another one is made."""
    said = honest(call, state)
    gone = state.note("deleted agent")
    if gone:
        state.put("agents", gone)
    return said


def deletes_for_a_while(service: Any) -> None:
    """A deleted agent comes back when another one is made."""

    def kept(call: Call, state: State, honest: Behaviour) -> Answer:
        name = next(iter(call.path.values()))
        found = state.find("agents", name)
        said = honest(call, state)
        if found is not None:
            state.keep_note("deleted agent", found)
        return said

    behaviour("deleteAgent", kept)(service)
    behaviour("createAgent", _comes_back)(service)


def by_other_names(header: str, method: str, *prefixes: str) -> Plant:
    """A key of another account reaches a record by another of its names only."""

    def changed(request: Request, response: Response, theirs: Callable[[], Response]) -> Response:
        name = request.path.rstrip("/").rpartition("/")[2]
        if request.method != method or response.status < 400 or response.status == 401:
            return response
        done = theirs()
        return done if done.status < 300 and name.startswith(prefixes) else response

    return among_accounts(header, changed)


DEFECTS = [
    # wire
    Defect("a byte order mark", "teli", "wire", written("listPhoneNumbers", lambda b: BOM + b), "listPhoneNumbers"),
    Defect("a key twice", "teli", "wire", written("updatePhoneAgent", _twice, 200), "updatePhoneAgent"),
    Defect("a count with a fraction", "teli", "wire", written("listAgents", _fraction("count"), 200), "listAgents"),
    Defect("a refusal as HTML", "teli", "wire", refusal_type("updatePhoneAgent", 500, "text/html"), "updatePhoneAgent"),
    Defect(
        "said to be Latin-1",
        "vogent",
        "wire",
        media_type("updatePhoneNumber", "application/json; charset=iso-8859-1"),
        "updatePhoneNumber",
    ),
    Defect(
        "written in UTF-16",
        "vogent",
        "wire",
        written("listAgents", lambda b: json.dumps(json.loads(b)).encode("utf-16"), 200),
        "listAgents",
    ),
    Defect(
        "a duration with a fraction",
        "vogent",
        "wire",
        written("createAgent", _fraction("maxDurationSeconds"), 200),
        "createAgent",
    ),
    Defect("a byte order mark", "interactly", "wire", written("updateNumber", lambda b: BOM + b, 200), "updateNumber"),
    Defect(
        "a refusal as plain text",
        "interactly",
        "wire",
        refusal_type("updateNumber", 404, "text/plain"),
        "updateNumber",
        "assumed",
    ),
    Defect(
        "a workspace with a fraction",
        "uponai",
        "wire",
        written("updatePhoneNumberAssignment", _fraction("workspace_id"), 200),
        "updatePhoneNumberAssignment",
    ),
    Defect("a key twice", "uponai", "wire", written("getAgent", _twice, 200), "getAgent"),
    # secrets
    Defect(
        "the credentials are answered",
        "interactly",
        "secrets",
        behaviour(
            "importNumber",
            lambda call, state, honest: (said := honest(call, state))._replace(
                body={**said.body, "credentials": call.body.get("credentials")}
            ),
        ),
        "importNumber",
        "assumed",
    ),
    Defect(
        "the password of a trunk is answered",
        "vogent",
        "secrets",
        behaviour(
            "createPhoneNumber",
            lambda call, state, honest: (said := honest(call, state))._replace(
                body={**said.body, "sip": call.body.get("sipImport") or call.body.get("vogentSip")}
            ),
        ),
        "createPhoneNumber",
        "assumed",
    ),
    # keys
    Defect("a key is known by its beginning", "teli", "keys", takes_key("x-api-key", "GET", _by_beginning)),
    Defect("a key is known in any letter case", "teli", "keys", takes_key("x-api-key", "POST", _by_letters)),
    Defect(
        "an empty key is the first one",
        "teli",
        "keys",
        takes_key("x-api-key", "GET", lambda key: DOCUMENTED if not key else None),
    ),
    Defect("more than the key is a key", "vogent", "keys", takes_key("authorization", "GET", _bearer(_by_rest))),
    Defect(
        "the scheme may be left out",
        "vogent",
        "keys",
        takes_key("authorization", "PUT", lambda value: f"Bearer {value}" if " " not in value else None),
    ),
    Defect(
        "any scheme will do",
        "interactly",
        "keys",
        takes_key("authorization", "PUT", lambda v: "Bearer " + v.split()[-1] if v.startswith("Basic") else None),
    ),
    Defect(
        "no key behind the scheme is a key",
        "interactly",
        "keys",
        takes_key("authorization", "GET", lambda v: f"Bearer {DOCUMENTED}" if v.strip() == "Bearer" else None),
    ),
    Defect(
        "a key is known in any letter case", "uponai", "keys", takes_key("authorization", "PUT", _bearer(_by_letters))
    ),
    Defect(
        "a key without its end is a key", "uponai", "keys", takes_key("authorization", "GET", _bearer(_by_beginning))
    ),
    # list
    Defect(
        "calls go on although the clock stands",
        "uponai",
        "list",
        rows("listCalls", "calls", _moved),
        "listCalls",
    ),
    # filters
    Defect("the agents of every type", "teli", "filters", without_filter("agent_type"), "listAgents"),
    Defect("the calls of every agent", "uponai", "filters", _ignored("listCalls", "agentId"), "listCalls"),
    Defect(
        "of two filters one counts",
        "teli",
        "filters",
        without_filter("agent_type", only_with="user_id"),
        "listAgents",
    ),
    Defect(
        "a user's numbers are left out for the whole organization",
        "teli",
        "filters",
        _numbers_without("+14155551234", admin=True),
        "listPhoneNumbers",
    ),
    Defect(
        "a user's list leaves a number out",
        "teli",
        "filters",
        _numbers_without("+15174686941", admin=False),
        "listPhoneNumbers",
    ),
    Defect(
        "a label is found by its beginning",
        "interactly",
        "filters",
        behaviour("listNumbers", _labels_by_beginning),
        "listNumbers",
        "assumed",
    ),
    Defect(
        "a label is found in any letter case",
        "interactly",
        "filters",
        behaviour("listNumbers", _labels_in_any_case),
        "listNumbers",
        "assumed",
    ),
    # list
    Defect(
        "a page of two has one row, and one is passed over",
        "vogent",
        "list",
        behaviour("listAgents", _page_too_short),
        "listAgents",
    ),
    Defect(
        "a page of two has three rows",
        "vogent",
        "list",
        behaviour("listPhoneNumbers", _page_too_long),
        "listPhoneNumbers",
    ),
    # search
    Defect(
        "a search finds numbers elsewhere",
        "vogent",
        "search",
        field("searchPhoneNumbers", "prefix", lambda prefix: prefix[:3]),
    ),
    Defect(
        "a search finds one more",
        "vogent",
        "search",
        field("searchPhoneNumbers", "limit", lambda limit: limit + 1 if limit > 1 else limit),
    ),
    Defect("a search finds what is sold", "vogent", "search", behaviour("searchPhoneNumbers", _still_for_sale)),
    Defect(
        "a search finds a number twice",
        "vogent",
        "search",
        answer("searchPhoneNumbers", lambda found: [*found[:-1], found[0]] if len(found) > 1 else found, status=200),
    ),
    # idempotent
    Defect(
        "the third time clears the nickname",
        "teli",
        "idempotent",
        third_time("updatePhoneAgent", "phone_number", "numbers", lambda row: {**row, "inbound_agent_id": None}),
        "updatePhoneAgent",
    ),
    Defect(
        "the third time unlinks",
        "vogent",
        "idempotent",
        third_time("updatePhoneNumber", "id", "numbers", lambda row: {**row, "agentId": None}),
        "updatePhoneNumber",
    ),
    Defect(
        "the third time turns a switch",
        "interactly",
        "idempotent",
        third_time("updateNumber", "id", "numbers", lambda row: {**row, "outboundEnabled": not row["outboundEnabled"]}),
        "updateNumber",
    ),
    Defect(
        "the third time removes the webhook",
        "uponai",
        "idempotent",
        third_time(
            "updatePhoneNumberAssignment", "number", "numbers", lambda row: {**row, "inbound_webhook_url": None}
        ),
        "updatePhoneNumberAssignment",
        "assumed",
    ),
    # delete
    Defect("a deleted agent comes back", "vogent", "delete", deletes_for_a_while, "deleteAgent"),
    Defect("a deleted agent comes back", "teli", "delete", deletes_for_a_while, "deleteAgent"),
    # methods
    Defect(
        "HEAD links an agent",
        "teli",
        "methods",
        writes_by("HEAD", "/v1/voice/phone-numbers/+14155551234", "POST", {"inbound_agent_id": "agent_xyz789"}),
        "updatePhoneAgent",
        "assumed",
    ),
    Defect(
        "a GET with a body updates",
        "interactly",
        "methods",
        writes_by("GET", "/assistants/v1/assistants/", "PATCH", {}),
        "getAssistant",
        "assumed",
    ),
    Defect(
        "a GET with a body updates",
        "vogent",
        "methods",
        writes_by("GET", "/api/agents/", "PUT", {}),
        "updateAgent",
        "assumed",
    ),
    # together
    Defect(
        "two updates at once get each other's answers",
        "teli",
        "together",
        crowd("POST", "/.*/update-agent", "swap"),
        "updatePhoneAgent",
    ),
    Defect("of two purchases at once both get one number", "teli", "together", crowd("POST", "/.*/create", "repeat")),
    Defect(
        "of two updates at once one is lost",
        "vogent",
        "together",
        crowd("PUT", "/.*/agents/[^/]+", "lose"),
        "updateAgent",
    ),
    Defect(
        "of two agents made at once there is one",
        "vogent",
        "together",
        crowd("POST", "/.*/agents", "repeat"),
        "createAgent",
    ),
    Defect(
        "of two updates at once one is lost",
        "interactly",
        "together",
        crowd("PUT", "/.*/numbers/[^/]+", "lose"),
        "updateNumber",
    ),
    Defect(
        "two updates at once get each other's answers",
        "uponai",
        "together",
        crowd("PUT", "/.*/numbers/[^/]+/agent", "swap"),
        "updatePhoneNumberAssignment",
    ),
    # accounts
    Defect(
        "another key reads an agent by its voice id",
        "teli",
        "accounts",
        by_other_names("x-api-key", "GET", "agent_"),
        "getAgent",
    ),
]
