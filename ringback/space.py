"""One isolated world of a server: its faults, requests, state and clock, opened by an API key."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from time import monotonic, sleep
from types import TracebackType
from typing import Unpack
from urllib.parse import quote

from ringback.client import Control, RingbackError
from ringback.shapes import ChosenAnswer, Exchange, Filters, Json, Percentiles, Rule, State, Unmatched, WireFault


class UnknownVendor(RingbackError, LookupError):
    """The server has no vendor of that name; the text says which it has."""

    def __init__(self, name: str, known: Mapping[str, str]) -> None:
        near = get_close_matches(name.lower(), known, n=1, cutoff=0.4)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"there is no vendor {name!r} here{guess} There are {', '.join(known)}.")


class Space:
    """One space of a running server: `api_key` opens it, `url("teli")` is where that vendor is.

    As a context manager it is forgotten at the end.
    """

    def __init__(self, control: Control, origins: Mapping[str, str], name: str) -> None:
        self._control = control
        self._origins = origins
        self.api_key = name
        self.faults = Faults(control, name)
        self.requests = Requests(control, name)
        self.state = StateOf(control, name)
        self.stubs = Stubs(control, name)
        self.deliveries = Deliveries(control, name)
        self.clock = Clock(control, name)

    def url(self, provider: str) -> str:
        """The vendor's origin: put the vendor's whole path behind it."""
        try:
            return self._origins[provider]
        except KeyError:
            raise UnknownVendor(provider, self._origins) from None

    def call(
        self,
        number: str,
        *,
        to: str | None = None,
        caller: str | None = None,
        outcome: str | None = None,
        say: Sequence[str] | None = None,
    ) -> dict[str, Json]:
        """Rings a number of the space (`to` names the vendor where several have it), and tells of the call.

        `why` says who picks up, or what is missing; `outcome` is `answered`, `no-answer`, `busy`, `voicemail` or
        `failed`; `say` is what the caller says, line by line.
        """
        said = None if say is None else [{"text": line} for line in say]
        wanted = {"from": caller, "provider": to, "outcome": outcome, "say": said}
        body = {"space": self.api_key, "to": number, **_given(wanted)}
        placed: dict[str, Json] = self._control.call("POST", "/calls", body)
        return placed

    def calls(self) -> list[dict[str, Json]]:
        """The calls of the space as they are now, oldest first, at most 1,000."""
        found: list[dict[str, Json]] = self._control.call("GET", "/calls", space=self.api_key, limit=1000)["calls"]
        return found

    def close(self) -> None:
        """Forgets the space."""
        self._control.call("DELETE", f"/spaces/{quote(self.api_key, safe='')}")

    def __enter__(self) -> Space:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Part:
    def __init__(self, control: Control, space: str) -> None:
        self._control = control
        self._space = space

    def _call(self, method: str, path: str, body: Json = None, /, **query: str | float | None) -> Json:
        return self._control.call(method, path, body, space=self._space, **query)


class Faults(_Part):
    """The answers and faults that the space's requests get in place of their own."""

    def add(
        self,
        provider: str,
        operation: str,
        *,
        answer: ChosenAnswer | None = None,
        fault: WireFault | None = None,
        delay_ms: float | Percentiles | None = None,
        match: Mapping[str, Json] | None = None,
        after: int | None = None,
        every: int | None = None,
        times: int | None = None,
        probability: float | None = None,
    ) -> Rule:
        """Writes a rule and returns it; `operation` may be `*`.

        `answer={"status": 429}` or `{"example": "agent-not-found"}` is what comes, `fault="reset"` breaks the wire;
        `match={"body.area_code": "415"}` is choosy; `after`, `every`, `times` and `probability` count.
        """
        chosen = {
            "answer": answer,
            "fault": fault,
            "delay_ms": delay_ms,
            "match": None if match is None else dict(match),
            "after": after,
            "every": every,
            "times": times,
            "probability": probability,
        }
        body = {"space": self._space, "provider": provider, "operation": operation, **_given(chosen)}
        written: Rule = self._control.call("POST", "/faults", body)
        return written

    def list(self) -> list[Rule]:
        """The rules with their hit counts, oldest first."""
        rules: list[Rule] = self._call("GET", "/faults")["faults"]
        return rules

    def clear(self) -> None:
        """Forgets all rules of the space."""
        self._call("DELETE", "/faults")


class Requests(_Part):
    """The journal: what the space was asked, and what it answered."""

    def list(self, *, limit: int = 10_000, **filters: Unpack[Filters]) -> list[Exchange]:
        """The exchanges that fit, oldest first."""
        found: list[Exchange] = []
        cursor: int | None = None
        while len(found) < limit:
            page = self._call("GET", "/requests", limit=min(1000, limit - len(found)), cursor=cursor, **_named(filters))
            found += page["requests"]
            cursor = page["cursor"]
            if cursor is None:
                break
        return found

    def count(self, **filters: Unpack[Filters]) -> int:
        """How many exchanges fit."""
        count: int = self._call("GET", "/requests/count", **_named(filters))["count"]
        return count

    def verify(self, *, body: Json = None, times: int | str = "at least 1", **filters: Unpack[Filters]) -> None:
        """Raises AssertionError, with what the nearest lack, unless that many exchanges fit and contain `body`.

        `times` is a number, `exactly N`, `at least N` or `at most N`.
        """
        wanted = {"space": self._space, **_named(filters), **_given({"body": body}), "times": times}
        verdict = self._control.call("POST", "/requests/verify", wanted)
        if not verdict["passed"]:
            lines = [f"request {row['request']}: {', '.join(row['differences'])}" for row in verdict["differences"]]
            raise AssertionError("\n".join([verdict["message"], *lines]))

    def unmatched(self, *, limit: int = 100) -> builtins.list[Unmatched]:
        """The last exchanges that no operation understood, each with `hints`."""
        found: list[Unmatched] = self._call("GET", "/requests/unmatched", limit=limit)["requests"]
        return found

    def clear(self) -> None:
        """Forgets all exchanges of the space."""
        self._call("DELETE", "/requests")


class Stubs(_Part):
    """Answers for what a vendor's spec does not have."""

    def add(
        self,
        provider: str,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Json]:
        """Writes an answer; `{name}` in the path stands for any segment, `{{path.name}}` in the body for its value."""
        chosen = {"body": body, "headers": None if headers is None else dict(headers)}
        stub = {"space": self._space, "provider": provider, "method": method, "path": path, "status": status}
        written: dict[str, Json] = self._control.call("POST", "/stubs", {**stub, **_given(chosen)})
        return written

    def list(self) -> list[dict[str, Json]]:
        """The stubs with their hit counts, oldest first."""
        stubs: list[dict[str, Json]] = self._call("GET", "/stubs")["stubs"]
        return stubs

    def clear(self) -> None:
        """Forgets all stubs of the space."""
        self._call("DELETE", "/stubs")


class Deliveries(_Part):
    """The events that the space sends to an application."""

    def send_to(
        self, provider: str, url: str, *, secret: str | None = None, failures: Sequence[int] | None = None
    ) -> None:
        """Sends a vendor's events there from now on; `failures` are what the next attempts get (0: no answer)."""
        wanted = {"secret": secret, "failures": None if failures is None else list(failures)}
        self._call("PUT", f"/webhooks/{quote(provider, safe='')}", {"url": url, **_given(wanted)})

    def list(
        self,
        *,
        provider: str | None = None,
        event: str | None = None,
        state: str | None = None,
        call: str | None = None,
        contains: str | None = None,
    ) -> list[dict[str, Json]]:
        """The deliveries that fit, whose body has the text `contains`, oldest first, at most 1,000."""
        wanted = {"provider": provider, "event": event, "state": state, "call": call, "contains": contains}
        page = self._call("GET", "/deliveries", limit=1000, **wanted)
        found: list[dict[str, Json]] = page["deliveries"]
        return found

    def wait_for(
        self, event: str, *, count: int = 1, call: str | None = None, seconds: float = 5.0
    ) -> builtins.list[dict[str, Json]]:
        """The deliveries of an event as soon as that many have arrived; raises AssertionError after so many seconds."""
        deadline = monotonic() + seconds
        while True:
            found = self.list(event=event, call=call, state="delivered")
            if len(found) >= count:
                return found
            if monotonic() > deadline:
                there = [f"{one['event']}: {one['state']}, {one['reason'] or 'no reason'}" for one in self.list()]
                raise AssertionError("\n".join([f"expected {count} of {event}, found {len(found)}", *there[-20:]]))
            sleep(0.02)


class StateOf(_Part):
    """What the space holds."""

    def export(self) -> State:
        """Everything the space holds."""
        state: State = self._call("GET", "/state")
        return state

    def load(self, state: State) -> None:
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
        self._call("POST", f"/snapshots/{quote(name, safe='')}/restore")


class Clock(_Part):
    """The space's time."""

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


def _named(filters: Filters) -> dict[str, Json]:
    """The filters that were given; a mistyped one must not seem to fit nothing."""
    for name in filters:
        if name not in Filters.__annotations__:
            near = get_close_matches(name, Filters.__annotations__, n=1, cutoff=0.4)
            guess = f"; did you mean {near[0]!r}?" if near else ";"
            raise TypeError(f"there is no filter {name!r}{guess} There are {', '.join(Filters.__annotations__)}.")
    return _given(filters)


def _given(values: Mapping[str, object]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value is not None}
