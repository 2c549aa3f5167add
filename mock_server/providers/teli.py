"""Teli: what its contracts alone cannot say: releases, sources, messages, contacts, owners of SMS numbers."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from mock_server.derived import Derived, refines
from mock_server.messages import Answer, Call, Refusal
from mock_server.stores.state import State
from mock_server.values.identifiers import uuid4


@refines
def release_phone_number(call: Call, state: State, derived: Derived) -> Answer:
    """Gives the number back, for good; a second call says when that was (docs: phone-numbers/release).

    A function, because the number goes and a record of its release stays, which the second call finds.
    """
    e164 = call.path["phone_number"]
    release = state.get("releases", e164)
    if release is not None and state.get("numbers", e164) is None:
        return Answer("already-released", release)
    derived(call, state)
    now = call.now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    release = {"phone_number": e164, "released_at": now}
    state.put("releases", release)
    return Answer("released", release)


@refines
def add_sources(call: Call, state: State, derived: Derived) -> Answer:
    """Describes the addresses and texts of a knowledge base that is made or grows (docs: knowledge-bases/add-sources).

    A function, because what was sent is shown in three ways: counted, in short, and one by one under ids.
    """
    said = derived(call, state)
    base: dict[str, Any] = state.get("knowledge_bases", said.body["knowledge_base_id"]) or {}
    urls, texts = call.body.get("urls", ()), call.body.get("texts", ())
    added = [{"type": "url", "source_id": uuid4(call.random), "url": url} for url in urls]
    added += [{"type": "text", "source_id": uuid4(call.random), "title": text["title"]} for text in texts]
    sources, details = [*base.get("knowledge_base_sources", ()), *added], base.get("source_details", {})
    short = [{"title": text["title"], "text_length": len(text["text"])} for text in texts]
    base["knowledge_base_sources"], base["total_sources"] = sources, len(sources)
    base["source_types"] = list(dict.fromkeys(source["type"] for source in sources))
    base["source_details"] = {"urls": [*details.get("urls", ()), *urls], "texts": [*details.get("texts", ()), *short]}
    state.put("knowledge_bases", base)
    counts = {"sources_added": len(added)} if said.name == "added" else {}
    return Answer(said.name, {**said.body, **counts, "total_sources": len(sources)})


@refines
def send_sms(call: Call, state: State, derived: Derived) -> Answer:
    """Sends a message to one contact of a campaign, or to several (docs: messages/bulk-send-sms).

    A function, because each number is looked for among the contacts, and the organization's messages are counted.
    """
    said, id = derived(call, state), call.body["campaign_id"]
    campaign: dict[str, Any] = state.get("sms_campaigns", id) or {}
    contacts = {contact["phone_number"] for contact in campaign["contacts"]}
    numbers = call.body.get("phone_numbers") or [call.body["phone_number"]]
    sent = sum(number in contacts for number in numbers)
    if not sent and "phone_number" in call.body:
        raise Refusal("client-not-found", phone_number=numbers[0], campaign_id=id)
    owner = state.get("organizations", campaign["organization_id"])
    if owner is not None:
        state.put("organizations", {**owner, "total_sms_outbound": owner["total_sms_outbound"] + sent})
    if "phone_number" in call.body:
        return said
    wrong = {one: campaign["stranger"].format(phone_number=one, campaign_id=id) for one in {*numbers} - contacts}
    failed = {one: {"status": "failed", "error": why} for one, why in wrong.items()}
    results = [{"phone_number": one, **failed.get(one, {"status": "sent"})} for one in numbers]
    counts = {"total": len(numbers), "sent": sent, "failed": len(numbers) - sent}
    return Answer(said.name, {"message": campaign["told"].format(**counts), **counts, "results": results})


def delete_contacts(call: Call, state: State) -> Answer:
    """Deletes the contacts that are there; a function, because one call names many (docs: contacts/delete-leads)."""
    ids, group = call.body["lead_ids"], call.body.get("group_id")
    known = {one["lead_id"] for id in ids if (one := state.find("contacts", id)) and group in (None, one["list_id"])}
    for key in known:
        state.delete("contacts", key)
    return Answer("deleted", {"deleted_count": len(known), "requested_count": len(ids)})


@refines
def give_sms_number(call: Call, state: State, derived: Derived) -> Answer:
    """Gives a number to a user, when it is bought or later (docs: sms-phone-numbers/assign).

    A function, because the number shows the user's own name and address.
    """
    said = derived(call, state)
    if "user_id" in call.body:
        user = state.get("users", call.body["user_id"])
        if user is None:
            raise Refusal("user-not-found", assumed=said.name == "bought")
        owner = {"user_id": user["unique_id"], "email": user["email"], "name": user["name"]}
        number: dict[str, Any] = state.get("sms_numbers", said.body["phone_number"]) or {}
        state.put("sms_numbers", {**number, "assigned_to": owner})
    return said


BEHAVIOURS = {
    "releasePhoneNumber": release_phone_number,
    "createKnowledgeBase": add_sources,
    "sendSms": send_sms,
    "bulkSendSms": send_sms,
    "deleteContacts": delete_contacts,
    "purchaseSmsNumber": give_sms_number,
    "assignSmsNumber": give_sms_number,
    "addKnowledgeBaseSources": add_sources,
}
