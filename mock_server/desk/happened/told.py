"""What is told of an exchange while the server runs: one line for a person, or one JSON object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from mock_server.process.terminal import Paint, printable, status_style

_LONGEST = 200


class Told(NamedTuple):
    """One exchange. `answer` is the name of the answer, `chosen` who chose it (None: nobody), `hint` what was meant."""

    method: str
    path: str
    status: int
    milliseconds: float
    provider: str | None = None
    operation: str | None = None
    answer: str | None = None
    chosen: str | None = None
    space: str | None = None
    hint: str | None = None


Teller = Callable[[Told], None]


def as_json(told: Told, at: float) -> str:
    """One JSON object on one line; `time` is the real one, whatever the space's clock says."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    shown = told._asdict() | {"milliseconds": round(told.milliseconds, 3)}
    # A path may hold what no UTF-8 can.
    text = {name: _valid(value) if isinstance(value, str) else value for name, value in shown.items()}
    return orjson.dumps({"time": moment, **text}).decode()


def as_text(told: Told, at: float, paint: Paint) -> str:
    """`14:03:12 200 teli updatePhoneAgent updated 1.2 ms test_me`, and what was meant if nobody understood it."""
    moment = datetime.fromtimestamp(at).strftime("%H:%M:%S")
    status = paint(str(told.status or "---"), status_style(told.status))
    path = told.path if len(told.path) <= _LONGEST else f"{told.path[:_LONGEST]}..."
    asked = told.operation or printable(f"{told.method} {path}")
    parts = [paint(moment, "dim"), status, told.provider or "-", asked]
    parts += [told.answer] if told.answer else []
    parts += [paint(f"[{printable(told.chosen)}]", "cyan")] if told.chosen else []
    parts += [paint(f"{told.milliseconds:.1f} ms", "dim"), printable(told.space or "")]
    line = " ".join(part for part in parts if part)
    if not told.hint:
        return line
    # The line has said already what was asked.
    meant = told.hint.removeprefix(f"{told.method} {told.path}: ")
    return f"{line}: {paint(printable(meant), 'bold')}"


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
