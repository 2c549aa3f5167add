"""What a running server writes to standard error: its warnings, and a line for each request if that is wanted."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import time

from mock_server.desk.happened.told import Told, as_json, as_text
from mock_server.gateway import Gateway
from mock_server.process.logs import Stderr, begin
from mock_server.process.terminal import painter

LOG_FORMS = ("text", "json", "off")


class _JsonFormatter(logging.Formatter):
    """A warning as one JSON object, for a log that is read line by line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": moment, "level": record.levelname.lower(), "message": super().format(record)})


class _RequestLog:
    """A line for each exchange, as `form` makes it of what is told and the time (seconds since 1970)."""

    def __init__(self, stderr: Stderr, form: Callable[[Told, float], str]) -> None:
        self._stderr = stderr
        self._form = form

    def __call__(self, told: Told) -> None:
        at, form = time(), self._form
        self._stderr.put(lambda: form(told, at))


def begin_log(form: str) -> Stderr:
    """Lets warnings from now on go to standard error, in one of LOG_FORMS."""
    return begin(_JsonFormatter() if form == "json" else None)


def log_requests(gateway: Gateway, stderr: Stderr, form: str) -> None:
    """Lets each exchange be told there from now on; `form` is one of LOG_FORMS."""
    if form == "json":
        gateway.tell(_RequestLog(stderr, as_json))
    elif form == "text":
        paint = painter(sys.stderr)
        gateway.tell(_RequestLog(stderr, lambda told, at: as_text(told, at, paint)))
