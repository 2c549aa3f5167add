"""The files that a run writes: opened before the first request, and written without losing what is more important."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


class CannotWrite(Exception):
    """A file cannot be opened for writing; the text says which, and why."""


class Outputs:
    """Files by kind (`junit`, `json`, `html`, `sarif`, `har`), each opened when it is added."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Path, BinaryIO]] = {}

    def __contains__(self, kind: str) -> bool:
        return kind in self._open

    def __iter__(self) -> object:
        return iter(self._open)

    def add(self, kind: str, flag: str, file: str) -> None:
        """Opens a file, which keeps what it holds until something else is written; raises CannotWrite."""
        path = Path(file)
        if kind in self._open:
            raise CannotWrite(f"{flag}: there is one such file already, {self._open[kind][0]}")
        try:
            if not path.resolve().parent.is_dir():
                raise CannotWrite(f"{flag}: there is no folder {path.resolve().parent}")
            handle = open(path, "ab")  # noqa: SIM115 - closed when it is written
        except (OSError, ValueError) as error:
            raise CannotWrite(f"{flag}: {getattr(error, 'strerror', None) or error}") from None
        status = os.fstat(handle.fileno())
        mine = (status.st_dev, status.st_ino)
        others = [os.fstat(one.fileno()) for _, one in self._open.values()]
        if stat.S_ISREG(status.st_mode) and mine in [(one.st_dev, one.st_ino) for one in others]:
            raise CannotWrite(f"{flag}: something else is written there already")
        self._open[kind] = (path, handle)

    def write(self, kind: str, text: str) -> str | None:
        """Writes a file that was opened; returns what went wrong, or None.

        Half a surrogate pair, which no encoding knows, becomes its escape, which JSON knows.
        """
        path, handle = self._open[kind]
        try:
            with handle:
                with suppress(OSError):  # What is no file has nothing to cut off.
                    handle.truncate(0)
                handle.write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            with suppress(OSError):
                handle.close()
            return f"{path} could not be written: {error.strerror or error}"
        return None


def say(text: str = "") -> None:
    """Prints to standard output; a reader that went away, or a disk that is full, ends nothing."""
    stream = sys.stdout
    try:
        encoding = stream.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except (OSError, ValueError):
        # What could not be written must not be tried again when Python ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
