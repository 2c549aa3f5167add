"""Answers of the control API as tables for a person: 80 columns where nobody says how many there are."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mock_server.logs import printable
from mock_server.terminal import Paint, status_style

Row = dict[str, Any]
_GAP = "  "
_NARROWEST = 8


class Column(NamedTuple):
    """A title and what stands below it; the `flexible` ones give way where there is too little room."""

    title: str
    text: Callable[[Row], Any]
    flexible: bool = False
    style: Callable[[Row], str | None] = lambda row: None


def width() -> int:
    """The terminal's columns, 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


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


def _shown(value: Any) -> str:
    return "" if value is None else printable(str(value))


def _shrink(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Takes from the widest flexible column, one by one, until all fit."""
    flexible = [n for n, column in enumerate(columns) if column.flexible]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        widest = max(flexible, key=lambda n: widths[n], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


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
    yield from (
        f"  request {row['request']}: {printable(', '.join(row['differences']))}" for row in answer["differences"]
    )


def time_of(answer: Any, paint: Paint) -> Iterator[str]:
    """A space's time."""
    yield f"{answer['now']}{'  frozen' if answer.get('frozen') else ''}"
