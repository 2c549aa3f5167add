"""What becomes of campaigns, for those who are told of it: noted when it happens, told in the next step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from mock_server.messages import Json
from mock_server.spec import CAMPAIGN_CALL, CAMPAIGN_STATES, Spec
from mock_server.telephone.line.calls import stamp
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.templates import filled


class News(NamedTuple):
    """What has become of a campaign: its new state, or that a call is over; the facts, and where it has them told."""

    provider: str
    what: str
    known: Mapping[str, Json]
    own: Mapping[str, Json]


def note(spec: Spec, step: dict[str, Any], word: str, now: datetime) -> bool:
    """Notes the state `word` of a campaign whose `run` this is, if it is another and somebody is told of such."""
    seen, at = step.get("seen"), stamp(now)
    if word == seen or not word or not spec.tells(*CAMPAIGN_STATES.values()):
        return False
    times = {"active": "resumed_at" if "launched_at" in step else "launched_at", "completed": "completed_at"}
    step.update({"seen": word, "changed_at": at, **({times[word]: at} if word in times else {})})
    step.setdefault("untold", []).append(word)
    return True


def of_states(spec: Spec, record: dict[str, Any], now: datetime) -> list[News]:
    """The states that were noted and are to be told now.

    Of those who were to be called so many are `done`, reached or not, and so many `lost`: they could not be called.
    """
    step = record["run"]
    untold = step.pop("untold", [])
    given, done = step["total"] + step["invalid"], step.get("done", 0)
    known = {**_facts(record, now), "counted": {"given": given, "done": done, "lost": given - done}}
    return [_news(spec, CAMPAIGN_STATES[word], {**known, "word": word}) for word in untold]


def of_call(
    spec: Spec, record: Mapping[str, Any], lead: Mapping[str, Json], call: Mapping[str, Json], now: datetime
) -> list[News]:
    """That a call of the campaign is over, where somebody is told of such."""
    if not spec.tells(CAMPAIGN_CALL):
        return []
    known = {**_facts(record, now), "id": call["id"], "call": facts(call, now), "lead": lead}
    return [_news(spec, CAMPAIGN_CALL, known)]


def _news(spec: Spec, what: str, known: Mapping[str, Json]) -> News:
    server = spec.campaigns.server if spec.campaigns is not None else {}
    return News(spec.provider, what, known, {"server": filled(server, known)} if server else {})


def _facts(record: Mapping[str, Any], now: datetime) -> dict[str, Json]:
    campaign = {name: value for name, value in record.items() if name != "run"}
    return {"campaign": campaign, "run": record["run"], "now": now.isoformat()}
