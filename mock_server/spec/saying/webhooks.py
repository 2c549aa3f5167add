"""What a vendor calls its customers with: the payloads, when each is sent, and how it is signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.spec.reading.document import Checker
from mock_server.spec.terms.model import CAMPAIGN_CALL, CAMPAIGN_STATES, Address, Evidence, Sending, Signature, Webhook

STATES = ("queued", "ringing", "in-progress", "said", "ended", *CAMPAIGN_STATES.values(), CAMPAIGN_CALL)
"""A call comes into a state, or a line is `said` in it; a campaign comes into one, or one of its calls is over."""
DIRECTIONS = ("inbound", "outbound")


def read_webhooks(checker: Checker, document: Mapping[str, Any]) -> Iterator[Webhook]:
    """The webhooks of a document; raises SpecError at the first that is not understood."""
    for name, item in (document.get("webhooks") or {}).items():
        place = f"/webhooks/{name}"
        checker.mapping(item, "webhook", place)
        node = checker.mapping(item.get("post"), "webhook operation", f"{place}/post")
        delivery = checker.mapping(node.get("x-delivery") or {}, "delivery", f"{place}/post/x-delivery")
        media = ((node.get("requestBody") or {}).get("content") or {}).get("application/json") or {}
        checker.mapping(media, "media", f"{place}/post/requestBody")
        checker.schema(media.get("schema", {}), f"{place}/post/requestBody/schema")
        examples = checker.examples(media.get("examples") or {}, f"{place}/post/requestBody/examples")
        if "x-evidence" not in node or not examples:
            raise checker.fail(place, "needs x-evidence and an example of its body")
        on, directions = tuple(delivery.get("when") or ()), tuple(delivery.get("direction") or DIRECTIONS)
        if set(on) - set(STATES) or set(directions) - set(DIRECTIONS):
            known = ", ".join((*STATES, *DIRECTIONS))
            raise checker.fail(f"{place}/post/x-delivery", f"understood are {known}")
        if delivery and "body" not in delivery:
            raise checker.fail(f"{place}/post/x-delivery", "what is sent needs a body")
        first = next(iter(examples.values()))
        evidence = node["x-evidence"]
        yield Webhook(
            name=name,
            summary=node.get("summary", ""),
            evidence=Evidence(evidence["grade"], evidence["source"], evidence.get("note", "")),
            schema=media.get("schema", {}),
            example=first["value"],
            body=delivery.get("body"),
            on=on,
            directions=directions,
            answered=bool(delivery.get("answered")),
            only_if=delivery.get("if"),
            address=_address(checker, delivery.get("asked-at"), f"{place}/post/x-delivery/asked-at"),
            chooses=delivery.get("chooses") or {},
            gives=delivery.get("gives") or {},
            sending=_sending(checker, node["x-sending"], f"{place}/post/x-sending") if "x-sending" in node else None,
        )


def _address(checker: Checker, node: Any, place: str) -> Address | None:
    """`{number: FIELD}` or `{agent: FIELD}`, with `if: FIELD` and `seconds: N` where the page says so."""
    if node is None:
        return None
    checker.mapping(node, "address", place)
    records = [record for record in ("number", "agent") if record in node]
    if len(records) != 1:
        raise checker.fail(place, "needs the field of a number or of an agent: {number: FIELD} or {agent: FIELD}")
    seconds = float(node["seconds"]) if "seconds" in node else None
    return Address(records[0], node[records[0]], node.get("if"), seconds)


def read_sending(checker: Checker, section: Mapping[str, Any]) -> Sending | None:
    """How the vendor delivers, as `x-telephone` says it."""
    if "webhooks" not in section:
        return None
    return _sending(checker, section["webhooks"], "/x-telephone/webhooks")


def _sending(checker: Checker, said: Any, place: str) -> Sending:
    node = checker.mapping(said, "sending", place)
    if "x-evidence" not in node:
        raise checker.fail(place, "x-evidence is missing")
    evidence, signature = node["x-evidence"], node.get("signature")
    return Sending(
        signature=Signature(signature["header"], signature["value"], signature.get("of", "{body}"))
        if signature is not None
        else None,
        retries=int(node.get("retries", 0)),
        timeout_seconds=float(node.get("timeout-seconds", 10)),
        evidence=Evidence(evidence["grade"], evidence["source"], evidence.get("note", "")),
    )
