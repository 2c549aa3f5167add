"""What is said in a call, and when: from what the caller was told to say, or a short talk of chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from mock_server.messages import Json

AGENT, CALLER = "agent", "caller"
MAX_LINES = 200
MAX_LINE = 2_000

_TALKS = (
    ("Hello, I have a question about your opening hours.", "We are open from nine to five, Monday to Friday."),
    ("Hi, I would like to book an appointment for Tuesday.", "Tuesday at ten is free. I have put you down for it."),
    ("Hello, can you tell me what this costs?", "I will have the price list sent to you."),
    ("Hi, I am calling back about your offer.", "Thank you. Shall we go through it together?"),
)
_VOICEMAIL = "You have reached the mailbox of this number. Please leave a message after the tone."
_SECONDS_BEFORE, _SECONDS_A_SIGN = 1.2, 0.06


def talk(
    said: Sequence[Mapping[str, str]] | None, greeting: str, outcome: str, random: Random
) -> list[dict[str, Json]]:
    """The lines of a call in order, each `{"speaker", "text", "at_seconds", "until_seconds"}` from its answer on."""
    question, reply = random.choice(_TALKS)
    if outcome == "voicemail":
        lines = [(CALLER, _VOICEMAIL), (AGENT, greeting)]
    elif outcome != "answered":
        lines = []
    elif said is not None:
        lines = [(AGENT, greeting), *((line["speaker"], line["text"]) for line in said)]
    else:
        lines = [(AGENT, greeting), (CALLER, question), (AGENT, reply), (CALLER, "Thank you, goodbye.")]
    spoken, at = [], 0.0
    for speaker, text in lines:
        begins = at + _SECONDS_BEFORE
        at = begins + _SECONDS_A_SIGN * len(text)
        spoken.append({"speaker": speaker, "text": text, "at_seconds": round(begins, 3), "until_seconds": round(at, 3)})
    return spoken
