"""Keeps what took long to make, in the user's cache folder, under the hash of all that it was made of.

So what is found is never that of something else, or of an older one. Where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

_DIGEST_BYTES = 32


class Shelf(NamedTuple):
    """A folder of the cache (`RINGBACK_CACHE`, else `$XDG_CACHE_HOME` or `~/.cache`) with at most so many files."""

    name: str
    most_files: int

    def read(self, made_of: str) -> bytes | None:
        """What was kept of this text; None where there is nothing, or what is there is not what was written."""
        file = self._file_of(made_of)
        with suppress(OSError):
            if file is not None:
                digest, body = (content := file.read_bytes())[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
                if _digest(body) == digest:
                    return body
        return None

    def write(self, made_of: str, body: bytes) -> None:
        """Keeps these bytes for whoever reads with the same text; the files written longest ago make room."""
        file = self._file_of(made_of)
        if file is None:
            return
        with suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(_digest(body) + body)
            part.replace(file)
            others = list(file.parent.iterdir())
            if len(others) > self.most_files:
                others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
                for old in others[self.most_files :]:
                    old.unlink()

    def _file_of(self, made_of: str) -> Path | None:
        """Where it is kept; None where nothing shall be, or nobody has a home."""
        named = os.environ.get("RINGBACK_CACHE")
        if named == "off":
            return None
        try:
            folder = Path(named or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError:
            return None
        name = _digest(made_of.encode("utf-8", "surrogatepass")).hex()
        return folder / "ringback" / self.name / f"{name}.json"


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()
