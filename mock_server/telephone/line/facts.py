"""What can be said of a call: the facts with which a vendor's payloads and records are filled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mock_server.messages import Json
from mock_server.telephone.line.calls import BROWSER, ENDED, duration_seconds, transcript
from mock_server.telephone.line.talk import CALLER


def facts(call: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """The call's own fields, and what follows from them.

    `how` is its state while it lasts and the reason afterwards; `other` is who was called, or who called, `ours` the
    vendor's number; the `turn` of a line counts those of the caller until then; `text` is the transcript as one text,
    `recording` an id for what was recorded of an answered call, `recorded` the call's own; `extracted` what was to be
    found out; `browser` is there where one takes part in place of a telephone, with its `token`.
    """
    answered = datetime.fromisoformat(call["answered_at"]) if call["answered_at"] else now
    spoken: list[dict[str, Json]] = []
    turn = 0
    for number, line in enumerate(transcript(call, now), 1):
        turn += line["speaker"] == CALLER
        at = (answered + timedelta(seconds=line["at_seconds"])).isoformat()
        spoken.append({**line, "at": at, "number": number, "turn": turn})
    over = call["state"] == ENDED
    said = "\n".join(f"{line['speaker'].capitalize()}: {line['text']}" for line in spoken)
    other = call["from"] if call["direction"] == "inbound" else call["to"]
    return {
        **{name: value for name, value in call.items() if name not in ("serial", "script", "told", "hung_up", "lines")},
        "how": call["reason"] if over else call["state"],
        "other": other,
        "browser": {"token": call["asked"].get("token")} if other == BROWSER else None,
        "ours": call["to"] if call["direction"] == "inbound" else call["from"],
        "transcript": spoken,
        "text": said or None,
        "duration_seconds": duration_seconds(call) if over else None,
        "recordings": [{"id": call["session_id"]}] if over and call["answered_at"] else [],
        "moved_at": max(filter(None, (call[f"{step}_at"] for step in ("created", "ringing", "answered", "ended")))),
        "campaign_over": call["asked"].get("campaign") if over else None,
        # What nobody wanted to find out was not found out.
        "findings": (_extracted(call) or None) if over and call["answered_at"] else None,
        "recorded": call["id"] if over and call["answered_at"] else None,
        "extracted": _extracted(call) if over and call["answered_at"] else {},
        "recording": call["session_id"] if over and call["answered_at"] else None,
        "now": now.isoformat(),
    }


def _extracted(call: Mapping[str, Json]) -> dict[str, Json]:
    """What the agent was to find out, each field with what is known of the one who was called."""
    asked = call["asked"]
    wanted, variables = asked.get("extract") or [], asked.get("variables") or {}
    known = {**(variables.get("inputs") or {}), **variables, **(asked.get("inputs") or {})}
    names = [one if isinstance(one, str) else one.get("name") for one in wanted]
    return {str(name): known.get(name) for name in names}
