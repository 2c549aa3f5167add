"""Colours for a terminal that shows them, and none for anything else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

_CODES = {"bad": "1;31", "good": "32", "note": "33", "muted": "2", "bold": "1"}


class Style:
    """Paints words, or leaves them as they are."""

    def __init__(self, *, coloured: bool = False) -> None:
        self._coloured = coloured

    def paint(self, text: str, kind: str) -> str:
        """The text in the colour of its kind: bad, good, note, muted or bold."""
        return f"\x1b[{_CODES[kind]}m{text}\x1b[0m" if self._coloured and text else text


PLAIN = Style()


def style_for(stream: TextIO, environment: Mapping[str, str] | None = None) -> Style:
    """Colours where the stream is a terminal that has some, unless NO_COLOR is set (no-color.org)."""
    known = os.environ if environment is None else environment
    return Style(coloured=stream.isatty() and not known.get("NO_COLOR") and known.get("TERM") != "dumb")
