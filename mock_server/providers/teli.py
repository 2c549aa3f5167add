"""Teli: the release of a phone number, which its contract alone cannot say."""

from __future__ import annotations

from datetime import UTC

from mock_server.derived import Derived, refines
from mock_server.messages import Answer, Call
from mock_server.stores.state import State


@refines
def release_phone_number(call: Call, state: State, derived: Derived) -> Answer:
    """Gives the number back, for good; a second call says when that was (docs: phone-numbers/release).

    A function, because the number goes and a record of its release stays, which the second call finds.
    """
    e164 = call.path["phone_number"]
    release = state.get("releases", e164)
    if release is not None and state.get("numbers", e164) is None:
        return Answer("already-released", release)
    derived(call, state)
    now = call.now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    release = {"phone_number": e164, "released_at": now}
    state.put("releases", release)
    return Answer("released", release)


BEHAVIOURS = {"releasePhoneNumber": release_phone_number}
