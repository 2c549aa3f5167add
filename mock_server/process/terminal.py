"""What a terminal is shown: colours, where it has them, and nothing but printable characters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TextIO

Paint = Callable[[str, str], str]
"""The text in a style: `bold`, `dim`, `red`, `green`, `yellow`, `cyan`."""

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def painter(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Paint:
    """Colours for a terminal, unless NO_COLOR is set; FORCE_COLOR wants them anywhere."""
    coloured = environment.get("FORCE_COLOR") or (stream.isatty() and environment.get("TERM") != "dumb")
    if environment.get("NO_COLOR") or not coloured:
        return lambda text, style: text
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def status_style(status: int) -> str:
    """The style of a status: what went well, what was the client's fault, what the server's."""
    return "green" if status < 400 else "yellow" if status < 500 else "red"


def printable(text: str) -> str:
    """The text with everything but printable characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
