"""The one error of this package: a document that cannot be served, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mock_server.spec.lines import line_of


class SpecError(Exception):
    """A spec or fixture is broken; the text names file, line and place, and what would be right."""

    def __init__(self, file: str, place: str, message: str) -> None:
        line = line_of(file, place)
        super().__init__(f"{file}{f':{line}' if line else ''}: at {place or 'the top'}: {message}")
        self.file = file
        self.place = place


@contextmanager
def understood(file: str) -> Iterator[None]:
    """Whatever in a file nobody thought of is an error of the file too, never a traceback."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise SpecError(file, "", f"is not understood ({type(error).__name__}: {said})") from None
