"""A client of the control API, with nothing but the standard library: for the command line and for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Json = Any
Rows = list[dict[str, Json]]


class Unreachable(Exception):
    """Nobody answers at that address."""


class Refused(Exception):
    """The control API refused a call; the text is its problem's title and detail."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Control:
    """The control API of the server at `url` (scheme, host and port); `token` is that of --control-token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Json = None, **query: Json) -> Json:
        """The decoded answer of `path` under `/_ringback`; raises Refused or Unreachable."""
        # Imported on use: pytest loads this module in every run, used or not.
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.parse import urlencode
        from urllib.request import ProxyHandler, Request, build_opener

        asked = urlencode({name: value for name, value in query.items() if value is not None})
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            request = Request(f"{self.url}/_ringback{path}?{asked}".rstrip("?"), data, headers, method=method)  # noqa: S310
            with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
                text = response.read()
        except HTTPError as error:
            raise Refused(error.code, _problem(error.read(), error.code)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{self.url}: {getattr(error, 'reason', None) or error}") from None
        return json.loads(text) if text else None


def _problem(text: bytes, status: int) -> str:
    try:
        found = json.loads(text)
        return f"{found['title']}: {found['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"status {status}"


class SpaceClient:
    """One space of a running server: `api_key` opens it, `url("teli")` is where that vendor is."""

    def __init__(self, control: Control, origins: Mapping[str, str], name: str) -> None:
        self._origins = origins
        self.api_key = name
        self.faults = _Faults(control, name)
        self.requests = _Requests(control, name)
        self.state = _State(control, name)
        self.clock = _Clock(control, name)

    def url(self, provider: str) -> str:
        """The vendor's origin: put the vendor's whole path behind it."""
        return self._origins[provider]


class _Part:
    def __init__(self, control: Control, space: str) -> None:
        self._control = control
        self._space = space

    def _call(self, method: str, path: str, body: Json = None, **query: Json) -> Json:
        return self._control.call(method, path, body, space=self._space, **query)


class _Faults(_Part):
    def add(self, provider: str, operation: str, **rule: Json) -> dict[str, Json]:
        """Writes a rule and returns it: `answer={"status": 429}` or `fault="reset"`, `times`, `after`, `match`, ..."""
        body = {"space": self._space, "provider": provider, "operation": operation, **rule}
        written: dict[str, Json] = self._control.call("POST", "/faults", body)
        return written

    def list(self) -> Rows:
        """The rules with their hit counts, oldest first."""
        rules: Rows = self._call("GET", "/faults")["faults"]
        return rules

    def clear(self) -> None:
        """Forgets all rules of the space."""
        self._call("DELETE", "/faults")


class _Requests(_Part):
    def list(self, **filters: Json) -> Rows:
        """The exchanges, newest last, at most 1,000; filters are provider, operation, status, method, path, since."""
        found: Rows = self._call("GET", "/requests", **{"limit": 1000, **filters})["requests"]
        return found

    def count(self, **filters: Json) -> int:
        """How many exchanges fit."""
        count: int = self._call("GET", "/requests/count", **filters)["count"]
        return count

    def verify(self, **wanted: Json) -> None:
        """Raises AssertionError unless `times` (`at least 1`) exchanges fit the filters and contain `body`."""
        verdict = self._control.call("POST", "/requests/verify", {"space": self._space, **wanted})
        if not verdict["passed"]:
            lines = [f"request {row['request']}: {', '.join(row['differences'])}" for row in verdict["differences"]]
            raise AssertionError("\n".join([verdict["message"], *lines]))

    def unmatched(self) -> Rows:
        """What no operation understood, each with `hints`."""
        found: Rows = self._call("GET", "/requests/unmatched")["requests"]
        return found

    def clear(self) -> None:
        """Forgets all exchanges of the space."""
        self._call("DELETE", "/requests")


class _State(_Part):
    def export(self) -> dict[str, Json]:
        """Everything the space holds."""
        state: dict[str, Json] = self._call("GET", "/state")
        return state

    def load(self, state: dict[str, Json]) -> None:
        """Puts a state in the place of what the space holds; raises Refused with the reasons if it is wrong."""
        self._call("PUT", "/state", state)

    def reset(self) -> None:
        """The fixtures again; clock, chance, faults and journal as in a new space."""
        self._call("POST", "/reset")

    def seed(self, seed: int) -> None:
        """Lets chance begin anew: the same seed and requests give the same ids and numbers."""
        self._call("PUT", "/seed", {"seed": seed})

    def snapshot(self, name: str) -> None:
        """Keeps the state under a name, which all spaces of the server share."""
        self._control.call("POST", "/snapshots", {"name": name, "space": self._space})

    def restore(self, name: str) -> None:
        """Puts a snapshot in the place of what the space holds."""
        self._call("POST", f"/snapshots/{name}/restore")


class _Clock(_Part):
    def now(self) -> str:
        """The space's time, ISO 8601."""
        now: str = self._call("GET", "/clock")["now"]
        return now

    def freeze(self, now: str | None = None) -> None:
        """Lets time stand still, at `now` (ISO 8601) if given."""
        self._call("PUT", "/clock", {"frozen": True} if now is None else {"now": now, "frozen": True})

    def set(self, now: str) -> None:
        """Moves the clock, which goes on from there unless it is frozen."""
        self._call("PUT", "/clock", {"now": now})

    def advance(self, seconds: float) -> None:
        """Moves the clock by that many seconds."""
        self._call("POST", "/clock/advance", {"seconds": seconds})

    def reset(self) -> None:
        """Real time again."""
        self._call("PUT", "/clock", {"now": None})
