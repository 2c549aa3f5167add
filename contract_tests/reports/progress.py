"""The progress of a run while it runs: one line that is rewritten on a terminal, else a line for each vendor."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

import pytest

REDRAW_SECONDS = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """A pytest plugin; a thread of its own draws, so that the time goes on while a property takes long."""

    def __init__(self, sent: Callable[[], Mapping[str, int]], stream: TextIO) -> None:
        self._sent = sent
        self._given = stream
        self._stream = _own(stream)
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._totals: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._uncovered: Counter[str] = Counter()
        self._began: dict[str, float] = {}
        self._now = ("", "")
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    # --- what pytest tells ----------------------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._totals.update(_case(item)[0] for item in session.items)
        self._started = time.monotonic()
        if self._live:
            self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)
            self._thread.start()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._now = _case(item)
        self._began.setdefault(self._now[0], time.monotonic())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        provider = self._now[0]
        if report.failed:
            self._failed[provider] += 1
        if report.skipped:
            self._uncovered[provider] += 1
        if report.when == "teardown":
            self._done[provider] += 1
            if not self._live and self._done[provider] == self._totals[provider]:
                self._write(self._vendor_line(provider) + "\n")

    def pytest_sessionfinish(self) -> None:
        """Leaves the terminal with a clean line for what comes next."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._write(_CLEAR)
        if self._stream is not self._given:
            self._stream.close()

    # --- what is shown --------------------------------------------------------------------------------------

    def _draw_until_ended(self) -> None:
        while not self._ended.wait(REDRAW_SECONDS):
            self._write(f"\r{self._line(self._columns() - 1)}\x1b[K")

    def _write(self, text: str) -> None:
        # A terminal that went away is no reason to end a run.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def _columns(self) -> int:
        """The width of the terminal; that of the stream where standard output is none."""
        fallback = os.terminal_size((80, 24))
        with suppress(OSError, ValueError):
            fallback = os.get_terminal_size(self._stream.fileno())
        return shutil.get_terminal_size(fallback).columns or 80

    def _line(self, columns: int) -> str:
        """Where the run is; the operation gives way first where there is not room for everything."""
        numbers = (
            f" {self._done.total()}/{self._totals.total()}, {sum(self._sent().values()):,} requests,"
            f" {self._failed.total()} failed, {time.monotonic() - self._started:.1f} s"
        )
        name, room = " ".join(self._now), max(0, columns - len(numbers))
        if len(name) > room:
            name = f"{name[: max(0, room - 3)]}..."[:room]
        return f"{name}{numbers}"[:columns]

    def _vendor_line(self, provider: str) -> str:
        total, uncovered = self._totals[provider], self._uncovered[provider]
        open_ends = f", {uncovered} not covered" if uncovered else ""
        return (
            f"{provider}: {total - uncovered} of {total} checked{open_ends}, {self._failed[provider]} failed,"
            f" {self._sent().get(provider, 0):,} requests, {time.monotonic() - self._began[provider]:.1f} s"
        )


def _own(stream: TextIO) -> TextIO:
    """The stream by a descriptor of its own, which pytest does not redirect while a test runs."""
    with suppress(OSError, ValueError):
        return open(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
    return stream


def _case(item: pytest.Item) -> tuple[str, str]:
    """The vendor, and `operation [property]`, that a test is about."""
    case = item.callspec.params["case"]  # type: ignore[attr-defined]  # every test of the harness is parametrized
    return case.provider, case.title
