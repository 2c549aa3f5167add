"""Answers of the control API as tables for a person: 80 columns where nobody says how many there are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mock_server.process.terminal import Paint, printable, status_style

Row = dict[str, Any]
_GAP = "  "
_NARROWEST = 8
_DELIVERED = {"delivered": "green", "pending": "yellow"}


class Column(NamedTuple):
    """A title and what stands below it; the `flexible` ones give way to `least` where there is too little room."""

    title: str
    text: Callable[[Row], Any]
    flexible: bool = False
    style: Callable[[Row], str | None] = lambda row: None
    least: int = _NARROWEST


def width() -> int:
    """The terminal's columns, 80 where there is none."""
    if not sys.stdout.isatty():
        return 80
    from shutil import get_terminal_size

    return get_terminal_size((80, 24)).columns


def table(rows: Sequence[Row], columns: Sequence[Column], paint: Paint, room: int | None = None) -> Iterator[str]:
    """A line of titles, and one for each row."""
    cells = [
        [printable("" if (value := column.text(row)) is None else str(value)) for column in columns] for row in rows
    ]
    widths = [max(len(column.title), *(len(line[n]) for line in cells)) for n, column in enumerate(columns)]
    _shrink(widths, columns, room or width())
    yield paint(_line([column.title for column in columns], widths).rstrip(), "bold")
    for row, line in zip(rows, cells, strict=True):
        yield _line(line, widths, [(column.style(row), paint) for column in columns]).rstrip()


def _shrink(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Takes from the widest flexible column, one by one, until all fit."""
    flexible = [n for n, column in enumerate(columns) if column.flexible]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        wide = [n for n in flexible if widths[n] > columns[n].least]
        if not wide:
            return
        widths[max(wide, key=lambda n: widths[n])] -= 1


def _line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[tuple[str | None, Paint]] = ()) -> str:
    parts = []
    for n, (cell, room) in enumerate(zip(cells, widths, strict=True)):
        text = (cell if len(cell) <= room else cell[: room - 1] + "…").ljust(room)
        style, paint = styles[n] if styles else (None, None)
        parts.append(paint(text, style) if style and paint else text)
    return _GAP.join(parts)


def _clock(row: Row) -> str:
    return str(row["at"])[11:19]


def _asked(row: Row) -> str:
    return row["operation"] or f"{row['method']} {row['path']}"


REQUESTS = (
    Column("#", lambda row: row["number"]),
    Column("time", _clock),
    Column("status", lambda row: row["status"] or "---", style=lambda row: status_style(row["status"])),
    Column("vendor", lambda row: row["provider"]),
    Column("operation", _asked, flexible=True),
    Column("chosen", lambda row: row["fault"], flexible=True),
    Column("ms", lambda row: f"{row['milliseconds']:.1f}"),
    Column("space", lambda row: row.get("space"), flexible=True),
)
FAULTS = (
    Column("id", lambda row: row["id"]),
    Column("space", lambda row: row["space"], flexible=True),
    Column("vendor", lambda row: row["provider"]),
    Column("operation", lambda row: row["operation"], flexible=True),
    Column("gives", lambda row: gives(row), flexible=True),
    Column("when", lambda row: when(row), flexible=True),
    Column("hits", lambda row: f"{row['hits']}/{row['seen']}"),
)
SPACES = (
    Column("space", lambda row: row["name"], flexible=True),
    Column("requests", lambda row: row["requests"]),
    Column("faults", lambda row: row["faults"]),
    Column("now", lambda row: str(row["now"])[:19] + ("  frozen" if row["frozen"] else "")),
    Column("seed", lambda row: row["seed"]),
)
SNAPSHOTS = (
    Column("snapshot", lambda row: row["name"], flexible=True),
    Column("space", lambda row: row["space"], flexible=True),
    Column("taken", lambda row: str(row.get("taken"))[:19]),
)
STUBS = (
    Column("id", lambda row: row.get("id")),
    Column("space", lambda row: row.get("space"), flexible=True),
    Column("vendor", lambda row: row.get("provider")),
    Column("method", lambda row: row.get("method")),
    Column("path", lambda row: row.get("path"), flexible=True),
    Column("status", lambda row: row.get("status")),
    Column("hits", lambda row: row.get("hits")),
)
CALLS = (
    Column("time", lambda row: str(row["created_at"])[11:19]),
    Column("vendor", lambda row: row["provider"], flexible=True, least=6),
    Column("from", lambda row: row["from"], flexible=True, least=12),
    Column("to", lambda row: row["to"], flexible=True, least=12),
    Column("state", lambda row: row["reason"] or row["state"], flexible=True, least=15),
    Column("space", lambda row: row["space"], flexible=True),
    Column("id", lambda row: row["id"], flexible=True, least=7),
)
DELIVERIES = (
    Column("#", lambda row: row["number"]),
    Column("time", _clock),
    Column("state", lambda row: row["state"], style=lambda row: _DELIVERED.get(row["state"], "red")),
    Column("tries", lambda row: tries(row), flexible=True),
    Column("vendor", lambda row: row["provider"]),
    Column("event", lambda row: row["event"], flexible=True),
    Column("to", lambda row: row["url"], flexible=True),
    Column("space", lambda row: row["space"], flexible=True),
)
WEBHOOKS = (
    Column("space", lambda row: row["space"], flexible=True),
    Column("vendor", lambda row: row["provider"]),
    Column("to", lambda row: row["url"], flexible=True),
    Column("events", lambda row: "all" if row["events"] is None else ", ".join(row["events"]), flexible=True),
    Column("will fail", lambda row: ", ".join(str(status or "no answer") for status in row["failures"]), flexible=True),
)


def tries(delivery: Row) -> str:
    """What the receiver answered to each attempt, in order."""
    return ", ".join(str(tried["status"] or "none") for tried in delivery["attempts"])


def gives(rule: Row) -> str:
    """What a rule brings about, in a few words."""
    answer, delay = rule.get("answer") or {}, rule.get("delay_ms")
    parts = [answer.get("example"), answer.get("status"), rule.get("fault")]
    parts.append(f"{delay} ms late" if isinstance(delay, int | float) else "late" if delay else None)
    return ", ".join(str(part) for part in parts if part is not None)


def when(rule: Row) -> str:
    """Which requests a rule takes, in a few words."""
    parts = [f"{place}={value}" for place, value in (rule.get("match") or {}).items()]
    parts += [f"after {rule['after']}"] if rule["after"] else []
    parts += [f"every {rule['every']}"] if rule["every"] != 1 else []
    parts += [f"{rule['times']} times"] if rule["times"] is not None else []
    parts += [f"p={rule['probability']:g}"] if rule["probability"] != 1 else []
    return ", ".join(parts) or "always"


def row_of(columns: Sequence[Column]) -> Callable[[Any, Paint], Iterable[str]]:
    """Shows an answer that is one row."""
    return lambda answer, paint: table([answer], columns, paint)


def rows_of(name: str, columns: Sequence[Column], nothing: str) -> Callable[[Any, Paint], Iterable[str]]:
    """Shows the list under that name of an answer, or says that there is nothing."""
    return lambda answer, paint: table(answer[name], columns, paint) if answer[name] else [nothing]


def unmatched(answer: Any, paint: Paint) -> Iterator[str]:
    """What nobody understood, each with what it may have meant."""
    for row in answer["requests"]:
        status = paint(str(row["status"]), status_style(row["status"]))
        asked = printable(f"{row['method']} {row['path']}")
        yield f"{row['number']}  {_clock(row)}  {status}  {row['provider']}  {asked}  {row.get('space', '')}"
        # The line has said already what was asked.
        yield from (
            "    " + paint(printable(hint.removeprefix(f"{row['method']} {row['path']}: ")), "bold")
            for hint in row["hints"]
        )
    if not answer["requests"]:
        yield "everything was understood"


def verdict(answer: Any, paint: Paint) -> Iterator[str]:
    """Whether a verification passed, and what the nearest requests lack."""
    yield paint("ok" if answer["passed"] else "no", "green" if answer["passed"] else "red") + f": {answer['message']}"
    for row in answer["differences"]:
        what = "request" if "request" in row else "delivery"
        yield f"  {what} {row[what]}: {printable(', '.join(row['differences']))}"


def call_of(answer: Any, paint: Paint) -> Iterator[str]:
    """One call: who rings whom, how far it came, and why."""
    state = answer["state"] + (f": {answer['reason']}" if answer["reason"] else "")
    asked = f"{answer['id']}  {answer['provider']}  {answer['from']} to {answer['to']}"
    yield f"{printable(asked)}  {paint(printable(state), 'bold')}"
    yield printable(answer["why"])


def delivery_of(answer: Any, paint: Paint) -> Iterator[str]:
    """One delivery: what became of it, and each attempt."""
    state = paint(answer["state"], _DELIVERED.get(answer["state"], "red"))
    yield f"{state}: {printable(answer['event'])} to {printable(answer['url'])}"
    if answer["reason"]:
        yield f"  {printable(answer['reason'])}"
    for tried in answer["attempts"]:
        said = tried["error"] or tried["body"]
        yield f"  {tried['status'] or 'no answer'}  {tried['milliseconds']:.1f} ms  {printable(said)[:60]}".rstrip()


def seed_of(answer: Any, paint: Paint) -> Iterator[str]:
    """Where a space's chance begins."""
    yield f"{printable(answer['space'])} has the seed {answer['seed']}"


def time_of(answer: Any, paint: Paint) -> Iterator[str]:
    """A space's time, and what came due on the way."""
    played = answer.get("played")
    steps = f"  {played} step{'' if played == 1 else 's'} of calls played" if played else ""
    yield f"{answer['now']}{'  frozen' if answer.get('frozen') else ''}{steps}"
