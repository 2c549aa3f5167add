"""Teli: what its contracts alone cannot say: releases of numbers, and what a knowledge base is made of."""

from __future__ import annotations

from datetime import UTC

from mock_server.derived import Derived, refines
from mock_server.messages import Answer, Call
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
    base = state.get("knowledge_bases", said.body["knowledge_base_id"])
    assert base is not None
    urls, texts = call.body.get("urls", []), call.body.get("texts", [])
    added = [{"type": "url", "source_id": uuid4(call.random), "url": url} for url in urls]
    added += [{"type": "text", "source_id": uuid4(call.random), "title": text["title"]} for text in texts]
    sources, details = [*base.get("knowledge_base_sources", ()), *added], base.get("source_details", {})
    short = [{"title": text["title"], "text_length": len(text["text"])} for text in texts]
    base["knowledge_base_sources"], base["total_sources"] = sources, len(sources)
    base["source_types"] = list(dict.fromkeys(source["type"] for source in sources))
    base["source_details"] = {
        "urls": [*details.get("urls", ()), *urls],
        "texts": [*details.get("texts", ()), *short],
    }
    state.put("knowledge_bases", base)
    counts = {"sources_added": len(added)} if said.name == "added" else {}
    return Answer(said.name, {**said.body, **counts, "total_sources": len(sources)})


BEHAVIOURS = {
    "releasePhoneNumber": release_phone_number,
    "createKnowledgeBase": add_sources,
    "addKnowledgeBaseSources": add_sources,
}
