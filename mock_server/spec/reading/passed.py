"""Which texts have passed all checks: a start does not look again for what is wrong where nothing was found.

It is known by the hash of the text and of the code that looked, so that an edited file, or other code, is checked anew.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from mock_server.spec.reading.keeping import Shelf

_SHELF = Shelf("passed", most_files=100)
_PASSED = b"passed"


def has_passed(text: str, name: str) -> bool:
    """Whether this text was found good as the spec of that name."""
    code = _code()
    return code is not None and _SHELF.read(f"{code} {name}\n{text}") == _PASSED


def keep_passed(text: str, name: str) -> None:
    """Remembers that this text was found good as the spec of that name."""
    code = _code()
    if code is not None:
        _SHELF.write(f"{code} {name}\n{text}", _PASSED)


@lru_cache(maxsize=1)
def _code() -> str | None:
    """The hash of the modules that check; None where they cannot be read."""
    digest = blake2b(digest_size=32)
    try:
        for file in sorted(Path(__file__).parents[1].rglob("*.py")):
            digest.update(b"\0%b\0" % file.name.encode() + file.read_bytes())
    except OSError:
        return None
    return digest.hexdigest()
