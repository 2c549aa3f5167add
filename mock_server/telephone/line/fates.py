"""What becomes of a call: asked for, told by a magic number, or drawn from the space's chance."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

OUTCOMES = ("answered", "no-answer", "busy", "voicemail", "failed")

_MAGIC = {"200": "answered", "480": "no-answer", "486": "busy", "086": "voicemail", "404": "failed"}
"""The last digits of +1500555Nxxx: the SIP statuses of the same meaning, and *86, which calls one's voicemail."""

_NUMBER = re.compile(r"\+1500555[0-3]([0-9]{3})")

_CHANCES = (("answered", 0.70), ("no-answer", 0.12), ("voicemail", 0.10), ("busy", 0.06), ("failed", 0.02))
"""How outbound calls end where nobody asked for an outcome; an inbound call is answered then."""

NO_ANSWER_SECONDS = 30.0
VOICEMAIL_RINGS_SECONDS = 20.0


class Fate(NamedTuple):
    """An outcome, who chose it (`asked`, `magic-number` or `chance`), and how long the call rings before it."""

    outcome: str
    chosen_by: str
    ring_seconds: float


def fate(outcome: str | None, remote: str, direction: str, random: Random) -> Fate:
    """The fate of a call with the number at the other end; `outcome` is what was asked for."""
    # Drawn whether it is used or not: a test that asks for one outcome leaves all other calls of the story as they are.
    drawn, ring = random.random(), round(random.uniform(1.5, 9.0), 3)
    magic = _NUMBER.fullmatch(remote)
    if outcome is not None:
        chosen_by = "asked"
    elif magic is not None and magic[1] in _MAGIC:
        outcome, chosen_by = _MAGIC[magic[1]], "magic-number"
    else:
        outcome, chosen_by = "answered" if direction == "inbound" else _of_chance(drawn), "chance"
    rings = {"no-answer": NO_ANSWER_SECONDS, "voicemail": VOICEMAIL_RINGS_SECONDS, "busy": 0.5, "failed": 0.0}
    return Fate(outcome, chosen_by, rings.get(outcome, ring))


def _of_chance(drawn: float) -> str:
    for outcome, share in _CHANCES:
        drawn -= share
        if drawn < 0:
            return outcome
    return _CHANCES[0][0]
