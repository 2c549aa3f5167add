"""Campaigns: calls that a vendor places one after the other, lead by lead, by the clock of the space.

A campaign is a record of the vendor; in its field `run` stands how far it is, and its leads are records of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from mock_server.messages import Json, Refusal
from mock_server.spec import Campaigns, Inbound, Spec
from mock_server.spec.terms.moments import moment
from mock_server.stores import State
from mock_server.stores.state import TELEPHONE
from mock_server.telephone.campaigning.news import note
from mock_server.telephone.campaigning.schedules import daily, opening
from mock_server.telephone.line.calls import (
    SAID,
    SHAPES,
    CallLimit,
    Dialled,
    Record,
    duration_seconds,
    place,
    remind,
    stamp,
)
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.fates import fate
from mock_server.telephone.line.picking import Picked, greeting_of
from mock_server.telephone.line.remembering import remembered
from mock_server.telephone.line.templates import filled

MARK = "campaign "
_AGAIN = ("busy", "no-answer", "failed")
"""What a lead is called again after: nobody was reached, no voicemail either."""
MAX_LEADS = 10_000


class Run(NamedTuple):
    """One campaign with everything that its next step needs."""

    spec: Spec
    said: Campaigns
    inbound: Inbound
    state: State
    book: State
    record: Record
    most: int
    """How many calls a space has."""

    @property
    def key(self) -> str:
        return str(self.record[self.spec.records[self.said.record].key])

    @property
    def run(self) -> Record:
        found: Record = self.record["run"]
        return found

    @property
    def status(self) -> str:
        return str(self.record[self.said.status["field"]])

    def is_(self, word: str) -> bool:
        return self.status == self.said.status[word]

    def become(self, word: str) -> None:
        self.record[self.said.status["field"]] = self.said.status[word]

    @property
    def word(self) -> str:
        """The state, in our word for it; empty for one that has none."""
        return next((word for word, name in self.said.status.items() if word != "field" and name == self.status), "")

    def keep(self) -> None:
        self.state.put(self.said.record, self.record)


def found_run(spec: Spec, state: State, key: str, most: int, *, begun: bool = True) -> Run | None:
    """The campaign of that key, if there is one; with `begun`, only if it was ever given leads to call.

    A fixture may leave out how far its campaign is: then it has nobody to call.
    """
    said, inbound = spec.campaigns, spec.inbound
    if said is None or inbound is None:
        return None
    record = state.get(said.record, key)
    if record is None or (begun and "run" not in record):
        return None
    record.setdefault("run", {"total": 0, "invalid": 0, "over": 0})
    return Run(spec, said, inbound, state, state.beside(TELEPHONE, SHAPES), record, most)


def value_at(record: Mapping[str, Json], name: str | None) -> Json:
    """A field, or what stands at a pointer; None where there is nothing."""
    node: Any = record
    for step in (name or "").strip("/").split("/"):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def moment_of(text: Json, field: str) -> datetime:
    """A time that a request names; without a zone it is UTC."""
    found = moment(text)
    if found is None:
        raise Refusal("invalid-request", message=f"{field}: {text!r} is no ISO 8601 time")
    return found


def begin(run: Run, leads: Sequence[Mapping[str, Json]], now: datetime) -> None:
    """Writes down whom the campaign is to call; leads without a number are counted, and not called."""
    said, record = run.said, run.record
    valid = [lead for lead in leads if isinstance(lead, Mapping) and lead.get(said.phone)]
    if len(valid) > MAX_LEADS:
        raise Refusal("invalid-request", message=f"leads: at most {MAX_LEADS} are taken here")
    begins, ends = now, None
    if said.begins is not None:
        begins = moment_of(record[said.begins], said.begins) if record.get(said.begins) else now
        record.setdefault(said.begins, _naive(begins))
    if said.ends is not None:
        ends = moment_of(record[said.ends], said.ends) if record.get(said.ends) else begins + timedelta(days=said.days)
        record.setdefault(said.ends, _naive(ends))
    serial = (run.book.note("serial") or 0) + 1
    run.book.keep_note("serial", serial)
    record["run"] = {
        "serial": serial,
        "begun_at": stamp(now),
        "begins_at": stamp(begins),
        "ends_at": stamp(ends) if ends is not None else None,
        "due_at": None,
        "total": len(valid),
        "invalid": len(leads) - len(valid),
        "next": 0,
        "live": 0,
        "over": 0,
        "again": [],
    }
    shape = run.spec.records[said.leads]
    for number, lead in enumerate(valid):
        row = {
            shape.key: f"{run.key}#{number}",
            "campaign": run.key,
            "phone_number": str(lead[said.phone]),
            "given": dict(lead),
            "attempts": 0,
            "call_id": None,
            "outcome": None,
            "called_at": None,
            "seconds": 0,
            "kept": {},
            "waiting": run.key,
        }
        run.state.put(said.leads, {**row, **filled(said.lead, {**row, "now": now.isoformat()})})
    run.keep()


def _naive(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def await_step(run: Run, at: datetime | None) -> list[tuple[str, int, str]]:
    """Says when the campaign's next step is due, None for not before something else happens."""
    step, name = run.run, f"{MARK}{run.spec.provider} {run.key}"
    due = stamp(at) if at is not None else None
    moved = step["due_at"] != due
    if moved:
        step["due_at"] = due
        remind(run.book, name, step["serial"], due)
    run.keep()
    return [(due, step["serial"], name)] if due is not None and moved else []


def go_on(run: Run, now: datetime, random: Random) -> list[tuple[str, int, str]]:
    """Takes the campaign's step: calls whom it may call now. Returns what is in the agenda because of it."""
    note(run.spec, run.run, run.word, now)
    rows = _go_on(run, now, random)
    if note(run.spec, run.run, run.word, now):
        run.keep()
    return rows


def _go_on(run: Run, now: datetime, random: Random) -> list[tuple[str, int, str]]:
    at, step = stamp(now), run.run
    if not run.is_("active"):
        return await_step(run, None)
    if step["ends_at"] is not None and at >= step["ends_at"]:
        run.become("completed")
        return await_step(run, None)
    if at < step["begins_at"]:
        return await_step(run, datetime.fromisoformat(step["begins_at"]))
    rows = []
    opens = _opens(run, now)
    caller = _Caller.of(run)
    most = run.said.concurrency if isinstance(run.said.concurrency, int) else value_at(run.record, run.said.concurrency)
    while step["live"] < int(most or 1) and opens == now and _is_turn(run, at):
        if caller is None:
            # Without its agent or its number nothing can be called; somebody has to see to it.
            run.become("paused")
            return await_step(run, None)
        number = step["again"].pop(0)[1] if step["again"] and step["again"][0][0] <= at else step["next"]
        if number == step["next"]:
            step["next"] += 1
        try:
            call = _placed(run, caller, number, now, random)
        except CallLimit:
            run.become("paused")
            return await_step(run, None)
        step["live"] += 1
        rows.append((call["due_at"], call["serial"], call["id"]))
    if step["over"] == step["total"]:
        run.become("completed")
        return rows + await_step(run, None)
    waiting = [step["ends_at"]]
    if step["live"] < int(most or 1):
        waiting += [step["again"][0][0]] if step["again"] else []
        waiting += [stamp(opens)] if opens is not None and opens > now else []
    next_at = min((moment for moment in waiting if moment is not None), default=None)
    return rows + await_step(run, datetime.fromisoformat(next_at) if next_at is not None else None)


def _opens(run: Run, now: datetime) -> datetime | None:
    """When the campaign may call next: now, or when its schedule opens; None for never."""
    schedule, hours = None, run.said.hours
    if run.said.schedule is not None:
        schedule = value_at(run.record, run.said.schedule)
    elif hours:
        schedule = daily(*(value_at(run.record, hours[name]) for name in ("from", "until", "zone")))
    return opening(schedule, now) if isinstance(schedule, Mapping) else now


def _is_turn(run: Run, at: str) -> bool:
    step = run.run
    due_again = bool(step["again"]) and step["again"][0][0] <= at
    return bool(step["next"] < step["total"] or due_again)


class _Caller(NamedTuple):
    agent: Mapping[str, Json] | None
    """None: that of the number."""
    numbers: Sequence[Mapping[str, Json]]

    @classmethod
    def of(cls, run: Run) -> _Caller | None:
        """With whom and from where the campaign calls; None where one of them is gone."""
        inbound, own = run.inbound, run.said.agent
        agent = run.state.find(inbound.agents, str(run.record.get(own))) if own is not None else None
        named = calling_numbers(run.said, run.record)
        numbers = [run.state.find(run.inbound.numbers, str(name)) for name in named]
        there = [one for one in numbers if one is not None and one.get(str(run.said.enabled)) is not False]
        if not named and run.said.number is None:
            # Who names no number calls from any that can be called from.
            every = run.state.all(inbound.numbers)
            there = [number for number in every if str(number[inbound.number]).startswith("+")]
        if own is None:
            linked = str(inbound.agent)
            there = [one for one in there if run.state.find(inbound.agents, str(one.get(linked))) is not None]
        return cls(agent, there) if there and (agent is not None or own is None) else None


def calling_numbers(said: Campaigns, record: Mapping[str, Json]) -> list[Json]:
    """The numbers that a campaign calls from, each once."""
    pool = value_at(record, said.pool) or []
    first = record.get(said.number) if said.number is not None else None
    named = [first, *(one.get(said.phone) if isinstance(one, Mapping) else one for one in pool)]
    return list(dict.fromkeys(name for name in named if name))


def _placed(run: Run, caller: _Caller, number: int, now: datetime, random: Random) -> Record:
    spec, inbound = run.spec, run.inbound
    name = f"{run.key}#{number}"
    lead = run.state.get(run.said.leads, name)
    assert lead is not None
    to, ours = lead["phone_number"], caller.numbers[number % len(caller.numbers)]
    id = str(run.record[run.said.agent] if run.said.agent is not None else ours[str(inbound.agent)])
    agent = caller.agent or run.state.find(inbound.agents, id)
    assert agent is not None
    version = agent.get(inbound.version) if inbound.version else None
    kept = remembered(spec, run.state, ours, agent, lead=lead["given"], campaign=run.record)
    dialled = Dialled(
        spec.provider,
        "outbound",
        str(ours[inbound.number]),
        to,
        str(ours[spec.records[inbound.numbers].key]),
        _spoken(greeting_of(inbound, agent, "outbound"), lead["given"]),
        str(agent[inbound.name]),
        asked={
            **kept,
            "campaign": run.key,
            "lead": number,
            "to": to,
            "from": str(ours[spec.records[inbound.numbers].key]),
            "variables": lead["given"],
        },
        by_line=spec.tells(SAID),
    )
    picked = Picked(agent, id, version, f"the campaign {run.key} had {id} call {to}")
    call = place(run.book, dialled, picked, fate(None, to, "outbound", random), now, random, run.most, spec.call_id)
    known = {"call_id": call["id"], "called_at": stamp(now), "outcome": "calling", "waiting": None}
    lead.update(attempts=lead["attempts"] + 1, **known)
    run.state.put(run.said.leads, lead)
    return call


def _spoken(text: str, given: Mapping[str, Json]) -> str:
    """A greeting with what is known of the lead in its places."""
    for name, value in given.items():
        text = text.replace("{{" + name + "}}", str(value))
    return text


def call_over(run: Run, call: Record, now: datetime, random: Random) -> list[tuple[str, int, str]]:
    """One of the campaign's calls is over: its lead knows how it went, and the next one may be called."""
    number, step = call["asked"]["lead"], run.run
    lead = lead_of(run, call)
    if lead is not None and lead["call_id"] == call["id"]:
        kept = filled(run.said.keep, facts(call, now))
        lead.update(outcome=call["reason"], seconds=duration_seconds(call), kept=kept)
        run.state.put(run.said.leads, lead)
        again = _again(run, lead, now)
        if again is not None:
            step["again"].append([again, number])
        else:
            step["over"] += 1
            # Counted as it comes: at the end nobody waits until thousands are looked through.
            step["done"] = step.get("done", 0) + (lead["outcome"] != "failed")
    step["live"] = max(0, step["live"] - 1)
    return go_on(run, now, random)


def _again(run: Run, lead: Record, now: datetime) -> str | None:
    """When a lead is called again; None if it is not."""
    redials = run.said.redials
    if redials is None or lead["outcome"] not in _AGAIN or not value_at(run.record, redials.enabled):
        return None
    limit, days = value_at(run.record, redials.limit), value_at(run.record, redials.days)
    if lead["attempts"] > int(limit or 0):
        return None
    return stamp(now + timedelta(days=float(days or 0)))


def lead_of(run: Run, call: Mapping[str, Json]) -> Record | None:
    """Whom a call of the campaign was placed to."""
    return run.state.get(run.said.leads, f"{run.key}#{call['asked']['lead']}")


def leads_of(run: Run) -> Iterator[Mapping[str, Json]]:
    """The campaign's leads, in the order of the request."""
    for number in range(run.run["total"]):
        lead = run.state.get(run.said.leads, f"{run.key}#{number}")
        if lead is not None:
            yield lead


def told(run: Run) -> dict[str, Json]:
    """The facts of a campaign, counted from its leads: each counts once, by the last of its calls that is over."""
    leads = list(leads_of(run))
    called = [lead for lead in leads if lead["attempts"]]
    over = [lead for lead in called if lead["outcome"] != "calling"]
    connected = [lead for lead in over if lead["seconds"] > 0]
    step = run.run
    tally: dict[str, dict[str, int]] = {}
    for lead in over:
        for name, value in lead["kept"].items():
            counts = tally.setdefault(name, {})
            counts[str(value)] = counts.get(str(value), 0) + 1
    return {
        **{name: value for name, value in run.record.items() if name != "run"},
        "key": run.key,
        "total": step["total"],
        "invalid": step["invalid"],
        "completed": step["over"],
        "pending": step["total"] - step["over"],
        "called": len(called),
        "connected": len(connected),
        "voicemail": sum(1 for lead in over if lead["outcome"] == "voicemail"),
        "failed": len(over) - len(connected),
        "not_called": len(leads) - len(called),
        "tally": tally,
        "unreached": [
            {
                "phone_number": lead["phone_number"],
                "why": lead["outcome"] or "not-called",
                "called_at": lead["called_at"],
                "call_id": lead["call_id"],
            }
            for lead in leads
            if not lead["attempts"] or lead["outcome"] in (*_AGAIN, "voicemail", "cancelled")
        ],
    }
