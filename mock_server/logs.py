"""The server's log: printable lines on standard error, for which nobody ever has to wait."""

from __future__ import annotations

import logging
import queue
from logging.handlers import QueueHandler, QueueListener

_LINES = 1_000
"""How many lines may wait for whoever reads standard error; further ones are dropped."""


def begin() -> None:
    """Lets the log of this process go to standard error from now on."""
    lines: queue.Queue[logging.LogRecord] = queue.Queue(_LINES)
    stderr = logging.StreamHandler()
    stderr.setFormatter(Printable("ringback: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[_Lossy(lines)])
    # Its thread writes: where nobody reads standard error, writing waits, and the event loop must not.
    QueueListener(lines, stderr).start()


class _Lossy(QueueHandler):
    """Hands records over, or drops them; with their exceptions, which the formatter at the other end writes."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.message = record.getMessage()
        record.msg, record.args = record.message, None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return


class Printable(logging.Formatter):
    """What clients sent cannot steer the terminal in which the log is read, nor begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - as above
        return "\n".join(printable(line) for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]


def printable(text: str) -> str:
    """The text with everything but printable characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
