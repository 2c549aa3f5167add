"""What a call remembers of its number and its agent: both may be gone when somebody reads of it."""

from __future__ import annotations

from collections.abc import Mapping

from mock_server.messages import Json
from mock_server.spec import Spec
from mock_server.stores import State
from mock_server.telephone.line.templates import filled


def remembered(
    spec: Spec, state: State, number: Mapping[str, Json] | None, agent: Mapping[str, Json] | None, **more: Json
) -> dict[str, Json]:
    """The facts that the spec has every call keep, by name; `more` may be spoken of too."""
    if not spec.call_keeps:
        return {}
    known = {"number_record": number or {}, "agent_record": agent or {}, "look": state.find, **more}
    kept: dict[str, Json] = filled(spec.call_keeps, known)
    return kept
