"""The lock file: what each page said when its user last agreed, kept in the user's own folder and committed there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
LARGEST_BYTES = 256 << 20


class BadLock(Exception):
    """A lock that cannot be read or written; the sentence says why, and what to do."""


@dataclass
class Kept:
    """One page as it was: the hash of its sentences, the sentences or their hashes, where it came from, and when."""

    sha256: str
    sentences: list[str]
    came_from: str
    day: str
    hashed: bool = False

    def as_json(self) -> dict[str, Any]:
        """The page for the file."""
        word = "hashes" if self.hashed else "sentences"
        return {"sha256": self.sha256, "from": self.came_from, "day": self.day, word: self.sentences}


@dataclass
class Lock:
    """Every page that is kept, by the source that names it."""

    file: Path
    pages: dict[str, Kept] = field(default_factory=dict)
    text: str = ""
    """What the file holds, empty where there is none."""

    def write(self) -> bool:
        """Replaces the file, written beside it first, where it would hold something else; returns whether it did."""
        told = {"version": VERSION, "pages": {name: self.pages[name].as_json() for name in sorted(self.pages)}}
        text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        if text == self.text:
            return False
        beside = None
        try:
            file = self.file.resolve()
            mode = file.stat().st_mode & 0o7777 if file.exists() else 0o644
            if file.exists() and not os.access(file, os.W_OK):
                raise BadLock(f"{self.file}: is write-protected; make it writable, or name another with --lock")
            handle, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            Path(beside).chmod(mode)
            Path(beside).replace(file)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise BadLock(f"{self.file}: could not be written: {why}; name another file with --lock") from None
        finally:
            if beside is not None:
                with suppress(OSError):
                    Path(beside).unlink(missing_ok=True)
        self.text = text
        return True


def page(sentences: Sequence[str], came_from: str, day: str, *, hashed: bool) -> Kept:
    """A page to be kept; `hashed` keeps no sentence, only what tells it from others."""
    whole = hashlib.sha256("\n".join(sentences).encode("utf-8", "surrogatepass")).hexdigest()
    return Kept(whole, [digest(one) for one in sentences] if hashed else list(sentences), came_from, day, hashed)


def digest(sentence: str) -> str:
    """What tells a sentence from others without saying it."""
    return hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read(file: Path) -> Lock:
    """The lock in a file, empty where there is none; BadLock for what is no lock."""
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise BadLock(f"{file}: is larger than {LARGEST_BYTES >> 20} MiB, and no lock of pages")
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Lock(file)
    except UnicodeDecodeError:
        raise BadLock(f"{file}: is no lock of pages (not UTF-8); move it away, and a new one is begun") from None
    except (OSError, ValueError) as error:
        raise BadLock(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise BadLock(f"{file}: is a lock of version {document['version']!r}, and {VERSION} is understood")
        pages = {str(name): _kept(one) for name, one in document["pages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadLock(f"{file}: is no lock of pages{where}; move it away, and a new one is begun") from None
    return Lock(file, pages, text)


def _kept(node: Any) -> Kept:
    hashed = "hashes" in node
    sentences = node["hashes" if hashed else "sentences"]
    words = (node["sha256"], node["from"], node["day"], *sentences)
    if not isinstance(sentences, list) or not all(isinstance(one, str) for one in words):
        raise TypeError("no page")
    return Kept(node["sha256"], sentences, node["from"], node["day"], hashed)
