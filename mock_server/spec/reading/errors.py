"""The one error of this package: a document that cannot be served, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 700
"""Of what an error says; it may quote values of any length."""


def shortened(text: str, longest: int = 100) -> str:
    """The text, its middle left out where it is longer than that."""
    return text if len(text) <= longest else f"{text[: longest // 2]} ... {text[-longest // 2 :]}"


class SpecError(Exception):
    """A spec or fixture is broken; the text names file, line and place, and what would be right."""

    def __init__(self, file: str, place: str, message: str) -> None:
        # Here, because it needs a parser, and nearly every start goes well.
        from mock_server.spec.reading.lines import line_of

        line = line_of(file, place)
        said = f"at {shortened(place, LONGEST // 2) or 'the top'}: {shortened(message, LONGEST)}"
        super().__init__(f"{file}{f':{line}' if line else ''}: {said}")
        self.file = file
        self.place = place


@contextmanager
def understood(file: str, place: str = "") -> Iterator[None]:
    """Whatever in a file, or at a place of it, nobody thought of is an error of the file too, never a traceback."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise SpecError(file, place, f"is not understood ({type(error).__name__}: {said})") from None
