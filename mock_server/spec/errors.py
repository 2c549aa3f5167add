"""The one error of this package: a document that cannot be served, and where it is wrong."""


class SpecError(Exception):
    """A spec or fixture is broken; the text names the file, the place in it and what would be right."""

    def __init__(self, file: str, place: str, message: str, line: int | None = None) -> None:
        super().__init__(f"{file}{f':{line}' if line else ''}: at {place or 'the top'}: {message}")
        self.file = file
        self.place = place
