"""What a running server writes to standard error: its warnings, and a line for each request if that is wanted."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from mock_server.desk.told import as_json, as_text
from mock_server.gateway import Gateway
from mock_server.logs import Printable
from mock_server.terminal import painter
from mock_server.wire.stderr import LogHandler, RequestLog, Stderr

LOG_FORMS = ("text", "json", "off")


class _JsonFormatter(logging.Formatter):
    """A warning as one JSON object, for a log that is read line by line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": moment, "level": record.levelname.lower(), "message": super().format(record)})


def start_log(gateway: Gateway, form: str) -> Stderr:
    """Lets everything from now on go to standard error by a thread of its own; `form` is one of LOG_FORMS."""
    stderr = Stderr()
    handler = LogHandler(stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else Printable("ringback: %(message)s"))
    logging.getLogger().handlers[:] = [handler]
    if form == "json":
        gateway.tell(RequestLog(stderr, as_json))
    elif form == "text":
        paint = painter(sys.stderr)
        gateway.tell(RequestLog(stderr, lambda told, at: as_text(told, at, paint)))
    return stderr
