"""Standard error of a server: printable lines, written by a thread of its own, so that no reader holds anybody up."""

from __future__ import annotations

import atexit
import logging
import os
import select
import sys
from collections import deque
from collections.abc import Callable
from threading import Event, Thread

from mock_server.process.terminal import printable

MAX_WAITING = 10_000
"""How many lines may wait for their reader; further ones are counted, and left out."""


class Stderr:
    """Lines for a file descriptor, which may be slow, full or closed."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._waiting: deque[Callable[[], str]] = deque()
        self._left_out = 0
        self._some = Event()
        self._written = Event()
        self._written.set()
        self._thread: Thread | None = None
        self.closed = False

    def put(self, line: Callable[[], str]) -> None:
        """Takes a line, which is made when it is its turn, on the thread that writes it."""
        if self.closed:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._left_out += 1
            return
        self._waiting.append(line)
        self._written.clear()
        self._some.set()
        if self._thread is None:
            self._thread = Thread(target=self._write, name="stderr", daemon=True)
            self._thread.start()

    def flush(self, seconds: float = 0.5) -> None:
        """Waits until everything is written, but no longer than that."""
        self._written.wait(seconds)

    def _write(self) -> None:
        while not self.closed:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                lines = [self._waiting.popleft()() for _ in range(min(len(self._waiting), 200))]
                if self._left_out:
                    left_out, self._left_out = self._left_out, 0
                    lines.append(f"ringback: {left_out} lines left out: whoever reads this is too slow")
                self._send(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
            if not self._some.is_set():
                self._written.set()

    def _send(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:
                # Some other program that shares the terminal has told it not to wait.
                select.select([], [self._descriptor], [])
            except OSError:
                self.closed = True
                self._waiting.clear()
                self._written.set()
                return


class LogHandler(logging.Handler):
    """The program's own warnings, by the same thread."""

    def __init__(self, stderr: Stderr) -> None:
        super().__init__()
        self._stderr = stderr

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self._stderr.put(lambda: text)


def begin(formatter: logging.Formatter | None = None) -> Stderr:
    """Lets the log of this process go to standard error from now on, and returns what writes there."""
    stderr = Stderr()
    handler = LogHandler(stderr)
    handler.setFormatter(formatter or Printable("ringback: %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.handlers[:] = [handler]
    # The interpreter would write these by itself, and wait for whoever reads.
    sys.unraisablehook = _unraisable
    # What is wrong with the start is said before the process ends of it.
    atexit.register(stderr.flush)
    return stderr


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    logging.getLogger("ringback").error("ignored in %r", told.object, exc_info=told.exc_value)


class Printable(logging.Formatter):
    """What clients sent cannot steer the terminal in which the log is read, nor begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - as above
        return "\n".join(printable(line) for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]
