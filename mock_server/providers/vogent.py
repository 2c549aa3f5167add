"""Vogent: phone numbers, the agents they are linked to, and numbers that can be bought."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any

from mock_server.identifiers import uuid4
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.numbering import Block, fictitious_blocks, fictitious_place, is_e164
from mock_server.stores.state import State

Record = dict[str, Any]

_SEARCH_COUNTRY, _SEARCH_LIMIT = "US", 5
_COUNTRIES = ("US", "CA", "GB")
"""What a search means that names neither (docs: search-for-available-numbers)."""

_AS_SENT = (
    "name",
    "language",
    "transcriberParams",
    "metadata",
    "utteranceDetectorConfig",
    "endpointDetectorConfig",
    "ivrConfiguration",
    "idleMessageConfig",
    "maxDurationSeconds",
    "defaultVoiceId",
    "fillEmptyStringVariables",
    "silenceHangupConfiguration",
    "voiceOptionValues",
)
"""What an agent shows as it was sent; the other settings of a request are shown nowhere, so nobody keeps them."""

_FREE, _HELD = "0", "1"
_CURSOR = re.compile(r"(\w+):([1-9][0-9]{0,14})")


# Phone numbers


def list_phone_numbers(call: Call, state: State) -> Answer:
    """One page of the numbers in the order of their creation (docs: list-phone-numbers)."""
    return _page("numbers", call, state)


def get_phone_number(call: Call, state: State) -> Answer:
    """The number of that id (docs: get-phone-number)."""
    return Answer("found", _addressed("numbers", call, state))


def update_phone_number(call: Call, state: State) -> Answer:
    """Links the number to an agent, or with an empty `agentId` to none (docs: update-phone-number)."""
    number = _addressed("numbers", call, state)
    agent_id = call.body.get("agentId")
    if agent_id and state.get("agents", agent_id) is None:
        raise Refusal("unknown-agent", agentId=agent_id)
    if agent_id is not None:
        number["agentId"] = agent_id or None
        state.put("numbers", number)
    return Answer("updated" if number["agentId"] else "unlinked", number)


def delete_phone_number(call: Call, state: State) -> Answer:
    """Gives the number back, so that it is free again (docs: delete-phone-number)."""
    number = _addressed("numbers", call, state)
    state.delete("numbers", number["id"])
    _mark(number["number"], _FREE, state)
    return Answer("deleted", number)


def create_phone_number(call: Call, state: State) -> Answer:
    """Buys a number, imports one of a SIP trunk, or opens a SIP username; credentials are kept by nobody
    (docs: create-number)."""
    return _CREATIONS[call.body["type"]](call, state)


def _purchase(call: Call, state: State) -> Answer:
    return _purchased(call.body["purchase"]["number"], call, state)


def _import(call: Call, state: State) -> Answer:
    number = call.body["sipImport"]["phoneNumber"]
    if state.find("numbers", number) is not None:
        raise Refusal("number-held", number=number)
    return Answer("imported", _new_number(number, "PSTN", call, state))


def _open_sip_username(call: Call, state: State) -> Answer:
    prefix = call.body["vogentSip"]["sipPrefix"]
    if state.find("numbers", prefix) is not None:
        raise Refusal("prefix-held", sipPrefix=prefix)
    return Answer("opened", _new_number(prefix, "SIP_USERNAME", call, state))


_CREATIONS = {"purchase": _purchase, "sip_import": _import, "vogent_sip": _open_sip_username}


def purchase_phone_number(call: Call, state: State) -> Answer:
    """Buys a number in the older way (docs: purchase-available-number)."""
    return _purchased(call.body["number"], call, state)


def _purchased(number: str, call: Call, state: State) -> Answer:
    if not _is_free(number, state):
        raise Refusal("number-unavailable", number=number)
    return Answer("purchased", _new_number(number, "PSTN", call, state))


def _new_number(number: str, type: str, call: Call, state: State) -> Record:
    record = {"id": _new_id("numbers", call, state), "number": number, "type": type, "agentId": None}
    state.put("numbers", record)
    _mark(number, _HELD, state)
    return record


# Numbers that can be bought


def search_phone_numbers(call: Call, state: State) -> Answer:
    """The first free numbers that begin with the prefix, always the same ones until one is taken
    (docs: search-for-available-numbers)."""
    country = call.body.get("country", _SEARCH_COUNTRY).upper()
    # JSON Schema takes 5.0 for an integer; islice does not.
    limit = int(call.body.get("limit", _SEARCH_LIMIT))
    free = islice(_free_numbers(country, call.body["prefix"], state), limit)
    rows = [{"number": number} for number in free]
    return Answer("found" if rows else "none-found", rows)


def _free_numbers(country: str, prefix: str, state: State) -> Iterator[str]:
    for block in _blocks_sold_in(country):
        lines = block.lines(prefix)
        if not lines:
            continue
        marks = _marks(block, state)
        line = marks.find(_FREE, lines.start, lines.stop)
        while line >= 0:
            number = block.number(line)
            if _is_free(number, state):
                yield number
            line = marks.find(_FREE, line + 1, lines.stop)


def _blocks_sold_in(country: str) -> tuple[Block, ...]:
    """Canadian numbers are sold under US too (docs: the dashboard's page on phone numbers)."""
    blocks = fictitious_blocks(country)
    return blocks + fictitious_blocks("CA") if country == "US" else blocks


def _is_free(number: str, state: State) -> bool:
    """Whether the number is one of those for sale and nobody holds it."""
    return fictitious_place(number) is not None and state.find("numbers", number) is None


def _marks(block: Block, state: State) -> str:
    """One character for each line of the block, `_HELD` where its number was taken.

    It spares a search the look-ups of thousands of held numbers. What says that a number is free is
    `_is_free` alone: a number that came with the fixtures is held, and not marked.
    """
    marks: str = state.note(_note(block)) or _FREE * block.size
    return marks


def _mark(number: str, mark: str, state: State) -> None:
    place = fictitious_place(number)
    if place is not None:
        block, line = place
        marks = _marks(block, state)
        state.keep_note(_note(block), marks[:line] + mark + marks[line + 1 :])


def _note(block: Block) -> str:
    return f"held {block.calling_code} {block.stem}"


def wrong_note(name: str, value: Json) -> str | None:
    """What is wrong with a note that somebody wants this module to go on with; None for one that it might have made."""
    block = next(
        (block for country in _COUNTRIES for block in fictitious_blocks(country) if _note(block) == name), None
    )
    if block is None:
        return "unknown; there are `held CODE STEM` of the blocks of numbers for sale"
    if not isinstance(value, str) or len(value) != block.size or set(value) - {_FREE, _HELD}:
        return f"{block.size} characters are needed, each {_FREE} or {_HELD}"
    return None


# Agents


def list_agents(call: Call, state: State) -> Answer:
    """One page of the agents in the order of their creation (docs: list-agents)."""
    return _page("agents", call, state)


def create_agent(call: Call, state: State) -> Answer:
    """A new agent with a versioned prompt, and an extractor if one was sent, of its own (docs: create-agent)."""
    given = {
        "id": _new_id("agents", call, state),
        "defaultVersionedPromptId": uuid4(call.random),
        "defaultExtractorId": uuid4(call.random) if call.body.get("defaultExtractor") else None,
        **_shown(call.body),
    }
    agent = complete_agent(given, call.now, call.random)
    state.put("agents", agent)
    return Answer("created", agent)


def update_agent(call: Call, state: State) -> Answer:
    """Changes what was sent and keeps the rest; an empty `callAgentExtractorId` disables the extractor
    (docs: update-agent)."""
    agent = _addressed("agents", call, state)
    for field in _AS_SENT:
        if field in call.body and call.body[field] is None:
            agent.pop(field, None)
    agent = complete_agent({**agent, **_shown(call.body)}, call.now, call.random)
    if "defaultVersionedPromptId" in call.body:
        agent["defaultVersionedPromptId"] = call.body["defaultVersionedPromptId"]
    if "callAgentExtractorId" in call.body:
        agent["defaultExtractorId"] = call.body["callAgentExtractorId"] or None
    state.put("agents", agent)
    return Answer("updated", agent)


def delete_agent(call: Call, state: State) -> Answer:
    """Removes the agent and unlinks its numbers (docs: delete-agent)."""
    agent = _addressed("agents", call, state)
    state.delete("agents", agent["id"])
    for number in state.all("numbers"):
        if number["agentId"] == agent["id"]:
            state.put("numbers", {**number, "agentId": None})
    return Answer("deleted", agent)


def _shown(body: Mapping[str, Json]) -> Record:
    """What an agent shows of a request: settings as sent (null stands for the default), functions under one name."""
    shown = {field: body[field] for field in _AS_SENT if body.get(field) is not None}
    if "linkedFunctionDefinitionInputs" in body or "linkedFunctionDefinitionIds" in body:
        shown["linkedFunctionDefinitions"] = _linked_functions(body)
    return shown


def _linked_functions(body: Mapping[str, Json]) -> list[Json]:
    """The linked functions with their messages; the deprecated bare ids come after them, none twice."""
    linked = list(body.get("linkedFunctionDefinitionInputs", ()))
    known = {link["functionDefinitionId"] for link in linked}
    bare = dict.fromkeys(body.get("linkedFunctionDefinitionIds", ()))
    return linked + [{"functionDefinitionId": id} for id in bare if id not in known]


# Both


def _addressed(kind: str, call: Call, state: State) -> Record:
    """The record of the path's id."""
    record = state.get(kind, call.path["id"])
    if record is None:
        raise Refusal("invalid-input")
    return record


def _new_id(kind: str, call: Call, state: State) -> str:
    """An id that no record has; a seeded generator repeats itself when the server is started anew."""
    id = uuid4(call.random)
    while state.get(kind, id) is not None:
        id = uuid4(call.random)
    return id


def _page(kind: str, call: Call, state: State) -> Answer:
    """Up to `limit` records after the cursor.

    The cursor names the last record of the page before by its place in the order of creation, which
    nobody else ever gets: whatever comes or goes in between, no record is shown twice or skipped.
    """
    after = _place(call.query["cursor"], kind) if "cursor" in call.query else 0
    rows = list(islice(state.rows(kind, after), call.query["limit"] + 1))
    page = rows[: call.query["limit"]]
    cursor = _cursor(kind, page[-1].sequence) if len(rows) > len(page) else None
    return Answer("listed" if cursor is None else "page", {"data": [row.document for row in page], "cursor": cursor})


def _cursor(kind: str, sequence: int) -> str:
    return urlsafe_b64encode(f"{kind}:{sequence}".encode()).decode().rstrip("=")


def _place(cursor: str, kind: str) -> int:
    """The place that a cursor of ours names; anything else is refused."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise Refusal("invalid-input") from None
    match = _CURSOR.fullmatch(text)
    # Base64 reads more than it writes (padding, stray characters): only what we wrote is ours.
    if match is None or cursor != _cursor(kind, int(match[2])):
        raise Refusal("invalid-input")
    return int(match[2])


def complete_number(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole PhoneNumber, linked to no agent unless given; only `number` must be."""
    return {
        "id": uuid4(random),
        "number": given["number"],
        "type": "PSTN" if is_e164(given["number"]) else "SIP_USERNAME",
        "agentId": None,
        **given,
    }


def complete_agent(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole Agent with the documented defaults (docs: create-agent); only `name` must be given."""
    return {
        "id": uuid4(random),
        "name": given["name"],
        "language": "en",
        "endpointDetectorConfig": {"type": "SEMANTIC", "mode": "DEFAULT"},
        "maxDurationSeconds": 10_800,
        "defaultVoiceId": uuid4(random),
        "defaultVersionedPromptId": uuid4(random),
        "defaultExtractorId": None,
        "linkedFunctionDefinitions": [],
        **given,
    }


COMPLETIONS = {"numbers": complete_number, "agents": complete_agent}

BEHAVIOURS = {
    "listPhoneNumbers": list_phone_numbers,
    "getPhoneNumber": get_phone_number,
    "updatePhoneNumber": update_phone_number,
    "createPhoneNumber": create_phone_number,
    "searchPhoneNumbers": search_phone_numbers,
    "purchasePhoneNumber": purchase_phone_number,
    "deletePhoneNumber": delete_phone_number,
    "listAgents": list_agents,
    "createAgent": create_agent,
    "updateAgent": update_agent,
    "deleteAgent": delete_agent,
}
