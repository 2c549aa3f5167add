"""Errors of the control API as RFC 9457 problem details."""

from __future__ import annotations

import logging

from flask import Response, json
from werkzeug.exceptions import HTTPException

from mock_server.process.terminal import printable
from mock_server.stores import StoreFailed, StoreFull

log = logging.getLogger("ringback")


class Problem(Exception):
    """Stops a control request; `detail` says what was found, what would be right, what to do."""

    def __init__(self, status: int, title: str, detail: str, **more: object) -> None:
        super().__init__(detail)
        self.more = more
        self.status = status
        self.title = title
        self.detail = detail


def answer(error: Exception) -> Response:
    """The problem+json answer of an error; an unexpected one is logged and named only as such."""
    headers: list[tuple[str, str]] = []
    more: dict[str, object] = {}
    if isinstance(error, Problem):
        more = error.more
        status, title, detail = error.status, error.title, error.detail
    elif isinstance(error, StoreFailed):
        status, title, detail = 503, "Store failed", f"{error}. Nothing was changed; it may work again later."
    elif isinstance(error, StoreFull):
        status, title, detail = 422, "Too large", f"{error}; nothing was changed."
    elif isinstance(error, HTTPException) and error.code:
        status, title, detail = error.code, error.name, error.description or error.name
        headers = [(k, v) for k, v in error.get_headers() if k.lower() == "allow"]
    else:
        log.exception("the control API failed")
        status, title, detail = 500, "Internal Server Error", "Ringback failed; its log on stderr says how."
    # It may quote what a client sent, and somebody reads it at a terminal.
    told = {"type": "about:blank", "title": title, "status": status, "detail": printable(detail), **more}
    body = json.dumps(told)
    response = Response(body + "\n", status, headers, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ringback control"'
    return response
