"""What a run shows while it runs: one line on a terminal, a line for each vendor elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from contextlib import suppress
from time import monotonic

import pytest

from contract_tests.plugin import Run, Settings
from contract_tests.reports.progress import Progress
from tests.conftest import RINGBACK, ROOT
from tests.test_check import ONE, check

COLUMNS = 64


def on_a_terminal(*arguments: str, term: str = "xterm") -> tuple[str, str, float]:
    """Runs the check with a pseudo-terminal as its stderr; what it wrote to stdout, to the terminal, and its time."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, COLUMNS))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    started = monotonic()
    process = subprocess.Popen(
        [*RINGBACK, "check", *arguments],
        cwd=ROOT,
        env={**environment, "TERM": term, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    )
    os.close(slave)
    shown = b""
    with suppress(OSError):  # Linux says so when the last writer is gone
        while part := os.read(master, 65536):
            shown += part
    os.close(master)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    return output, shown.decode(), monotonic() - started


def test_a_terminal_shows_one_line_that_is_rewritten_and_cleared() -> None:
    output, shown, seconds = on_a_terminal(*ONE)
    assert output.startswith("Checking vogent on a mock of its own: depth quick\n")
    first, *frames = shown.split("\r")
    assert first == ""
    assert frames[-1] == "\x1b[K"
    assert 2 <= len(frames) <= seconds / 0.1 + 2
    what = r"(vogent updatePhoneNumber \[[a-z-]+\]|vogent scenario|.*\.\.\.)?"
    line = re.compile(what + r" \d+/\d+, [\d,]+ requests, 0 failed, \d+\.\d s")
    for frame in frames[:-1]:
        assert frame.endswith("\x1b[K")
        text = frame.removesuffix("\x1b[K")
        assert line.fullmatch(text), text
        assert len(text) < COLUMNS
    requests = [int(re.search(r"([\d,]+) requests", frame)[1].replace(",", "")) for frame in frames[:-1]]  # type: ignore[index]
    assert requests == sorted(requests)
    assert requests[-1] > 0


def test_a_terminal_that_can_rewrite_nothing_gets_a_line_for_each_vendor() -> None:
    shown = on_a_terminal(*ONE, term="dumb")[1]
    assert re.fullmatch(r"vogent: (\d+) of \1 checked, 0 failed, [\d,]+ requests, \d+\.\d s\r\n", shown)


def test_elsewhere_there_is_a_line_for_each_vendor_on_stderr() -> None:
    done = check("vogent", "interactly", "--operation", "listNumbers", "--operation", "listAgents", "--draws", "1")
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["vogent", "interactly"]
    assert all(re.fullmatch(r"\w+: (\d+) of \1 checked, 0 failed, \d+ requests, \d+\.\d s", line) for line in lines)
    assert "requests" not in done.stdout.partition("\n\n")[0]


@pytest.mark.parametrize("columns", [200, 79, 40, 12, 1])
def test_the_line_is_cut_to_the_width_and_the_operation_first(columns: int) -> None:
    progress = Progress(lambda: Run(Settings(providers=["teli"])).sent, open(os.devnull, "w"))  # noqa: SIM115
    progress._now = ("uponai", "updatePhoneNumberAssignment [idempotent]")
    line = progress._line(columns)
    assert len(line) <= columns
    if columns >= 40:
        assert line.endswith("s")
        assert "0/0, 0 requests, 0 failed" in line
    if columns >= 100:
        assert line.startswith("uponai updatePhoneNumberAssignment [idempotent] 0/0")
