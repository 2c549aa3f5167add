"""Who decides a request instead of the behaviour: its own preference first, then a rule, then a magic value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mock_server.answering.bodies import UNREAD, body_or_none
from mock_server.answering.outcome import Outcome
from mock_server.choosing.answers import named, of_rule, with_status
from mock_server.choosing.magic import MagicValues
from mock_server.choosing.preferences import NO_PREFERENCE, Preference, read_preference
from mock_server.desk.faults import DEFAULT_HANG_SECONDS, HELD_FAULTS, SILENT_FAULTS, Rule, Values
from mock_server.messages import Json, Request
from mock_server.spaces import Space, Spaces
from mock_server.spec import Operation, Spec
from mock_server.text.querytext import fields

NOTHING = Outcome(None, 0, None, "assumed")
"""The answer of a request that never gets one; such a request is not carried out either."""


class Choice(NamedTuple):
    """What was chosen for a request.

    `outcome` is the answer, or None where the behaviour gives it; `query` is the request's query without preferences.
    The rest colours whatever the answer is: `name` says who chose, `rule` delays it or breaks the wire, for which it
    may hold a connection that `release` gives back. `body` is the request's, where it was read to choose.
    """

    query: str
    outcome: Outcome | None = None
    name: str | None = None
    preference: Preference = NO_PREFERENCE
    rule: Rule | None = None
    release: Callable[[], None] | None = None
    body: Json = UNREAD

    def applied_to(self, outcome: Outcome, space: Space | None) -> Outcome:
        """The answer as it was chosen to be: marked, delayed, to be sent over a broken wire."""
        if self.name is None and self.preference is NO_PREFERENCE:
            return outcome
        headers, delay = outcome.headers, 0.0
        if self.preference.applied:
            headers, delay = (*headers, ("preference-applied", self.preference.applied)), self.preference.wait_seconds
        wire, wire_seconds = None, 0.0
        if self.rule is not None and space is not None:
            wire = self.rule.fault
            seconds = self.rule.delay.seconds(space.random) if self.rule.delay else 0.0
            if self.release is None:
                delay += seconds
            else:
                wire_seconds = seconds or DEFAULT_HANG_SECONDS
        return outcome._replace(
            headers=headers,
            fault=self.name or "prefer",
            delay_seconds=delay,
            wire=wire,
            wire_seconds=wire_seconds,
            release=self.release,
        )


NOTHING_CHOSEN = Choice("")


class Chooser:
    """Chooses answers of one vendor's operations."""

    def __init__(self, spec: Spec, spaces: Spaces) -> None:
        self._spec = spec
        self._spaces = spaces
        self._magic = MagicValues(spec)

    def choice(self, request: Request, operation: Operation, path: Mapping[str, str], space: Space) -> Choice:
        """What was chosen for this request; raises BadPreference for a preference that names nothing there is."""
        preference, query = read_preference(request.headers.get("prefer"), request.query)
        if preference.example is not None:
            answer = named(self._spec, operation, preference.example, preference.code)
            return Choice(query, answer, "prefer", preference)
        if preference.code is not None:
            return Choice(query, with_status(self._spec, operation, preference.code), "prefer", preference)
        places, ruled = self._magic.places(operation.id), bool(space.faults)
        if not ruled and (
            not places.known or (places.in_path is not None and places.in_path.isdisjoint(path.values()))
        ):
            return Choice(query, None, None, preference) if query or preference is not NO_PREFERENCE else NOTHING_CHOSEN
        body = body_or_none(request) if ruled or places.in_body else UNREAD
        values = Values(path, fields(query), body)
        rule = space.faults.take(self._spec.provider, operation.id, values, space.random) if ruled else None
        rule = rule or self._magic.rule(places, values)
        if rule is None:
            return Choice(query, None, None, preference, body=body)
        return self._of_rule(rule, operation, query, preference, space)._replace(body=body)

    def _of_rule(self, rule: Rule, operation: Operation, query: str, preference: Preference, space: Space) -> Choice:
        """What a rule makes of a request: 503 when it wants to hold a connection and too many are held already."""
        name = rule.fault or rule.id
        outcome = of_rule(self._spec, operation, rule)
        if outcome is None and rule.fault in SILENT_FAULTS:
            outcome = NOTHING
        if rule.fault not in HELD_FAULTS:
            return Choice(query, outcome, name, preference, rule)
        release = self._spaces.hold(space, rule.fault)
        if release is None:
            rule.refused += 1
            return Choice(query, with_status(self._spec, operation, 503), "held-limit", preference)
        return Choice(query, outcome, name, preference, rule, release)
