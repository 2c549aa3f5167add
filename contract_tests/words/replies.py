"""A server's answer as the harness keeps it: status, headers, body, and what is wrong with it as HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from mock_server.messages import Json


class Reply(NamedTuple):
    """A server's answer; `json` is None where the body is no JSON (`is_json` tells).

    `flaws` are sentences on how the answer breaks HTTP itself: a body that ends too early, a broken compression.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Json
    is_json: bool
    flaws: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")


def reply_of(status: int, headers: Mapping[str, str], body: bytes, flaws: tuple[str, ...] = ()) -> Reply:
    """The reply with its body read as JSON where it is JSON."""
    try:
        return Reply(status, headers, body, json.loads(body), True, flaws)
    except (ValueError, RecursionError):
        return Reply(status, headers, body, None, False, flaws)
