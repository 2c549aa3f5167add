"""A call as a document: born queued, moved step by step, ended with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from secrets import token_hex
from typing import Any, NamedTuple

from mock_server.messages import Json
from mock_server.process.limits import DEFAULTS
from mock_server.stores import State, Transaction
from mock_server.stores.state import TELEPHONE
from mock_server.telephone.line.fates import Fate
from mock_server.telephone.line.picking import Picked
from mock_server.telephone.line.talk import talk
from mock_server.values.identifiers import hexadecimal, uuid4

Record = dict[str, Any]

QUEUED, RINGING, IN_PROGRESS, ENDED = "queued", "ringing", "in-progress", "ended"
STATES = (QUEUED, RINGING, IN_PROGRESS, ENDED)
SAID = "said"
"""What is told, beside the states, of a call that goes on line by line."""
_QUEUE_SECONDS = 0.2
BROWSER = "browser"
"""Who is at the other end of a call that no telephone takes part in."""

NEXT_DUE, _MOST_ADDED = "next due", 100
"""The note that says before when nothing is due, so that nobody looks through the agenda in vain.

Its `mark` moves with every change; who knows the agenda as it was at the mark `since` needs only what was `added`.
"""


class CallLimit(Exception):
    """No further call can be placed."""


class _Shape(NamedTuple):
    key: str
    aliases: tuple[str, ...] = ()


SHAPES = {"calls": _Shape("id"), "agenda": _Shape("id")}
"""The telephone's own records of a space: every call, and in the agenda those that have something before them."""


def book_of(transaction: Transaction) -> State:
    """The telephone's records in a transaction."""
    return State(transaction, TELEPHONE, SHAPES)


class Dialled(NamedTuple):
    """What a call is placed with; `number` is the key of the vendor's record, `said` what the caller is to say."""

    provider: str
    direction: str
    caller: str
    called: str
    number: str
    greeting: str
    name: str
    said: Sequence[Mapping[str, str]] | None = None
    asked: Mapping[str, Json] | None = None
    webhook_url: str | None = None
    ids: tuple[str, str] | None = None
    """The ids of the call and of its session, where somebody was told of them before."""
    by_line: bool = False
    """Whether each line that is said is a step of its own."""


def place(
    book: State,
    dialled: Dialled,
    picked: Picked,
    fate: Fate,
    now: datetime,
    random: Random,
    most: int = DEFAULTS.calls_per_space,
    named: Mapping[str, Any] = {},
) -> Record:
    """A new call in the book, queued, of which nobody was told yet; `named` is how the vendor names calls.

    One that nobody picks up will have failed when its time comes.
    """
    id = dialled.ids[0] if dialled.ids else fresh_id(book, random, named)
    nobody = picked.agent is None
    script = [] if nobody else talk(dialled.said, dialled.greeting, fate.outcome, random)
    call = {
        "id": id,
        "serial": _next_serial(book),
        "session_id": dialled.ids[1] if dialled.ids else uuid4(random),
        "provider": dialled.provider,
        "direction": dialled.direction,
        "from": dialled.caller,
        "to": dialled.called,
        "number": dialled.number,
        "agent": None if nobody else {"id": picked.agent_id, "version": picked.version, "name": dialled.name},
        "why": picked.why,
        "outcome": "failed" if nobody else fate.outcome,
        "chosen_by": "nobody-picks-up" if nobody else fate.chosen_by,
        "state": QUEUED,
        "reason": None,
        "created_at": stamp(now),
        "ringing_at": None,
        "answered_at": None,
        "ended_at": None,
        "due_at": stamp(now),
        "told": False,
        "hung_up": False,
        "asked": dict(dialled.asked or {}),
        "webhook_url": dialled.webhook_url,
        "ring_seconds": 0.0 if nobody else fate.ring_seconds,
        "script": script,
        **({"lines": 0} if dialled.by_line else {}),
    }
    _make_room(book, most)
    keep(book, call)
    return call


def fresh_id(book: State, random: Random, named: Mapping[str, Any] = {}) -> str:
    """An id that no call has, as the vendor names calls: a UUID, or a prefix and so many hexadecimal digits."""
    id = _name(named, random)
    while book.get("calls", id) is not None:
        id = _name(named, random)
    return id


def _name(named: Mapping[str, Any], random: Random) -> str:
    made = hexadecimal(random, int(named["digits"])) if "digits" in named else uuid4(random)
    return f"{named.get('prefix', '')}{made}"


def _next_serial(book: State) -> int:
    """Counts the calls of a space: of two that are due at the same moment the one placed first comes first."""
    serial = (book.note("serial") or 0) + 1
    book.keep_note("serial", serial)
    return int(serial)


def _make_room(book: State, most: int) -> None:
    if book.count("calls") < most:
        return
    for row in book.rows("calls"):
        if row.document["due_at"] is None:
            book.delete("calls", row.document["id"])
            return
    raise CallLimit(f"{most} calls of this space are under way; let some of them end")


def keep(book: State, call: Record) -> None:
    """Stores the call, and in the agenda when something is to become of it."""
    book.put("calls", call)
    remind(book, call["id"], call["serial"], call["due_at"])


def remind(book: State, id: str, serial: int, due: str | None) -> None:
    """Puts into the agenda when something is due of a call, or of another thing by that name; None takes it out."""
    if due is None:
        book.delete("agenda", id)
    else:
        book.put("agenda", {"id": id, "serial": serial, "due_at": due})
    note, mark = book.note(NEXT_DUE), token_hex(8)
    if note is None or len(note["added"]) >= _MOST_ADDED:
        note = {"at": note["at"] if note is not None else None, "since": mark, "added": []}
    elif due is not None:
        note["added"].append([due, serial, id])
    dues = [moment for moment in (note["at"], due) if moment is not None]
    book.keep_note(NEXT_DUE, {**note, "at": min(dues, default=None), "mark": mark})


def note_due(book: State, at: str | None) -> str:
    """Notes before when nothing is due, None for never; returns the mark by which the agenda is known from now on."""
    mark = token_hex(8)
    book.keep_note(NEXT_DUE, {"at": at, "mark": mark, "since": mark, "added": []})
    return mark


def step(call: Record, now: datetime) -> None:
    """Moves the call on: what was to happen at its `due_at` happens, at `now`."""
    at = stamp(now)
    if call["hung_up"]:
        hang_up(call, now)
    elif not call["told"]:
        call["told"] = True
        _wait(call, now, _QUEUE_SECONDS)
    elif call["state"] == QUEUED and call["outcome"] != "failed":
        call["state"], call["ringing_at"] = RINGING, at
        _wait(call, now, call["ring_seconds"])
    elif call["state"] == RINGING and call["outcome"] in ("answered", "voicemail"):
        call["state"], call["answered_at"] = IN_PROGRESS, at
        _listen(call)
    elif call["state"] == IN_PROGRESS and call.get("lines", len(call["script"])) < len(call["script"]):
        call["lines"] += 1
        _listen(call)
    else:
        end(call, now, _reason(call))


def _wait(call: Record, now: datetime, seconds: float) -> None:
    call["due_at"] = stamp(now + timedelta(seconds=seconds))


def _listen(call: Record) -> None:
    """The next step is due when the next line is said, or all of them where nobody is told of each."""
    next_line = min(call.get("lines", len(call["script"])), len(call["script"]) - 1)
    _wait(call, datetime.fromisoformat(call["answered_at"]), call["script"][next_line]["until_seconds"])


def stage(call: Mapping[str, Json]) -> str:
    """The state that the last step has led to, or that a line was said."""
    return SAID if call["state"] == IN_PROGRESS and call.get("lines") else str(call["state"])


def _reason(call: Record) -> str:
    if call["state"] != IN_PROGRESS:
        return "nobody-picks-up" if call["agent"] is None else str(call["outcome"])
    if call["outcome"] == "voicemail":
        return "voicemail"
    return f"{call['script'][-1]['speaker']}-hangup"


def end(call: Record, now: datetime, reason: str) -> None:
    """The call is over, for that reason."""
    call["state"], call["reason"], call["ended_at"], call["due_at"] = ENDED, reason, stamp(now), None


def hang_up(call: Record, now: datetime) -> None:
    """Somebody who may do so ends the call: before it was answered it is cancelled, else what was said stays."""
    end(call, now, "hung-up" if call["state"] == IN_PROGRESS else "cancelled")


def transcript(call: Mapping[str, Json], now: datetime) -> list[dict[str, Json]]:
    """What has been said until now: `{"speaker": "agent" | "caller", "text", "at_seconds"}`."""
    if call["answered_at"] is None:
        return []
    until = datetime.fromisoformat(call["ended_at"]) if call["ended_at"] else now
    passed = (until - datetime.fromisoformat(call["answered_at"])).total_seconds()
    if call["state"] == IN_PROGRESS and "lines" in call:
        # Of a call that goes on line by line as many are shown as were told of.
        said = call["script"][: call["lines"]]
    else:
        # What was stamped to the microsecond is rounded; whoever was in the middle of a word is not quoted.
        said = [line for line in call["script"] if line["until_seconds"] <= passed + 0.001]
    return [{name: line[name] for name in ("speaker", "text", "at_seconds")} for line in said]


def duration_seconds(call: Mapping[str, Json]) -> float:
    """How long the two were connected; 0 for a call that nobody answered."""
    if call["answered_at"] is None or call["ended_at"] is None:
        return 0.0
    passed = datetime.fromisoformat(call["ended_at"]) - datetime.fromisoformat(call["answered_at"])
    return round(passed.total_seconds(), 3)


def shown(call: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """The call as the control API tells of it."""
    hidden = ("serial", "script", "ring_seconds", "told", "hung_up", "asked", "lines")
    told = {name: value for name, value in call.items() if name not in hidden}
    return {**told, "duration_seconds": duration_seconds(call), "transcript": transcript(call, now)}


def stamp(moment: datetime) -> str:
    """A moment as text that sorts as time does."""
    return moment.isoformat(timespec="microseconds")
