"""The control API of a running server, over HTTP, with nothing but the standard library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from ringback.shapes import Exchange, Json

_SECONDS = 60.0


class RingbackError(Exception):
    """What this package raises."""


class Unreachable(RingbackError):
    """Nobody answers at that address."""


class Refused(RingbackError):
    """The control API refused a call; the text is its problem's title and detail, which name what was meant."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Control:
    """The control API of the server at `url` (scheme, host and port); `token` is that of --control-token.

    `authority` is a file of certificates (PEM) to trust beside the system's, for a server with one of its own.
    """

    def __init__(self, url: str, token: str | None = None, *, authority: str | os.PathLike[str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._authority = authority

    def call(self, method: str, path: str, body: Json = None, /, **query: str | float | None) -> Json:
        """The decoded answer of `path` under `/_ringback`; raises Refused or Unreachable."""
        headers = {}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        with self._open(method, f"/_ringback{path}?{asked}".rstrip("?"), data, headers) as response:
            try:
                text = response.read()
            except (OSError, HTTPException) as error:
                raise Unreachable(f"{self.url}: {error}") from None
        return json.loads(text) if text else None

    def ready(self) -> bool:
        """Whether the server is up and would answer; needs no token. Raises Unreachable."""
        try:
            with self._open("GET", "/readyz", None, {}, seconds=5.0) as response:
                return bool(response.status == 200)
        except Refused:
            return False

    def follow(self, *, space: str | None = None, after: int | None = None, q: str | None = None) -> Iterator[Exchange]:
        """The exchanges as they happen, of one space or of all, beginning behind the one numbered `after`.

        `q` says which: `teli status:500 -fault:*`.
        """
        wanted = (("space", space), ("after", after), ("q", q))
        asked = urlencode({name: value for name, value in wanted if value is not None})
        with self._open("GET", f"/_ringback/events?{asked}".rstrip("?"), None, {}) as response:
            try:
                for line in response:
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
            except (OSError, HTTPException) as error:
                raise Unreachable(f"{self.url}: {error}") from None

    def _open(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str], *, seconds: float = _SECONDS
    ) -> HTTPResponse:
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        handlers: list[Any] = [ProxyHandler({}), _Stay()]
        if self._authority is not None:
            from ssl import create_default_context

            context = create_default_context()
            context.load_verify_locations(self._authority)
            handlers.append(HTTPSHandler(context=context))
        try:
            request = Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310 - the caller's own server
            response: HTTPResponse = build_opener(*handlers).open(request, timeout=seconds)
        except HTTPError as error:
            raise Refused(error.code, _problem(error.read(), error.code)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{self.url}: {getattr(error, 'reason', None) or error}") from None
        return response


class _Stay(HTTPRedirectHandler):
    """Follows no redirection: the token would go along, to whoever was named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _problem(text: bytes, status: int) -> str:
    try:
        found = json.loads(text)
        return f"{found['title']}: {found['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"status {status}"
