"""Vogent: numbers that can be bought, in three ways, and the functions that an agent is linked to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mock_server.derived import Derived, refines
from mock_server.messages import Answer, Call, Json, Refusal
from mock_server.stores.state import State
from mock_server.values.identifiers import uuid4
from mock_server.values.numbering import Block, fictitious_blocks, fictitious_place

Record = dict[str, Any]

_SEARCH_COUNTRY, _SEARCH_LIMIT = "US", 5
_COUNTRIES = ("US", "CA", "GB")
"""What a search means that names neither (docs: search-for-available-numbers)."""

_FREE, _HELD = "0", "1"


# Phone numbers


@refines
def delete_phone_number(call: Call, state: State, derived: Derived) -> Answer:
    """Gives the number back, so that it is free again (docs: delete-phone-number).

    A function, because the numbers that are for sale are no records: they are marked in the notes.
    """
    said = derived(call, state)
    _mark(said.body["number"], _FREE, state)
    return said


def create_phone_number(call: Call, state: State) -> Answer:
    """Buys a number, imports one of a SIP trunk, or opens a SIP username; credentials are kept by nobody
    (docs: create-number).

    A function, because one operation does three things, each with a body, an answer and a refusal of its own.
    """
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
    """Buys a number in the older way (docs: purchase-available-number).

    A function, because what is for sale is computed, and no record.
    """
    return _purchased(call.body["number"], call, state)


def _purchased(number: str, call: Call, state: State) -> Answer:
    if not _is_free(number, state):
        raise Refusal("number-unavailable", number=number)
    return Answer("purchased", _new_number(number, "PSTN", call, state))


def _new_number(number: str, type: str, call: Call, state: State) -> Record:
    id = uuid4(call.random)
    while state.get("numbers", id) is not None:  # a seeded generator repeats itself when the server is started anew
        id = uuid4(call.random)
    record = {"id": id, "number": number, "type": type, "agentId": None}
    state.put("numbers", record)
    _mark(number, _HELD, state)
    return record


# Numbers that can be bought


def search_phone_numbers(call: Call, state: State) -> Answer:
    """The first free numbers that begin with the prefix, always the same ones until one is taken
    (docs: search-for-available-numbers).

    A function, because what is for sale is computed, and no record.
    """
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


@refines
def write_agent(call: Call, state: State, derived: Derived) -> Answer:
    """Makes or changes an agent; its linked functions come under two names (docs: create-agent, update-agent).

    A function, because one list is put together of two fields: the linked functions with their messages, then the
    deprecated bare ids, none twice.
    """
    said, body = derived(call, state), call.body
    if "linkedFunctionDefinitionInputs" in body or "linkedFunctionDefinitionIds" in body:
        linked = list(body.get("linkedFunctionDefinitionInputs", ()))
        known = {link["functionDefinitionId"] for link in linked}
        bare = dict.fromkeys(body.get("linkedFunctionDefinitionIds", ()))
        said.body["linkedFunctionDefinitions"] = linked + [
            {"functionDefinitionId": id} for id in bare if id not in known
        ]
        # The answer does not show all of the record.
        kept = state.get("agents", said.body["id"])
        assert kept is not None
        state.put("agents", {**kept, "linkedFunctionDefinitions": said.body["linkedFunctionDefinitions"]})
    return said


BEHAVIOURS = {
    "createPhoneNumber": create_phone_number,
    "searchPhoneNumbers": search_phone_numbers,
    "purchasePhoneNumber": purchase_phone_number,
    "deletePhoneNumber": delete_phone_number,
    "createAgent": write_agent,
    "updateAgent": write_agent,
}
