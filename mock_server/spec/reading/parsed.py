"""YAML and JSON texts read into plain values, and kept: of all that a start does, parsing would take longest.

What is kept is found by the hash of the whole text, so that it is never that of another text, or of an older one. The
parser is imported only where something has to be parsed: that takes as long as reading all that was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from mock_server.spec.reading.keeping import Shelf

_LEAST_CHARACTERS = 2_000
"""A shorter text is read again sooner than a file is opened."""
_SHELF = Shelf("specs", most_files=100)


def parsed(text: str) -> Any:
    """The value that a YAML text writes down; raises yaml.YAMLError for one that writes none."""
    from mock_server.spec.reading.yamltext import value_of

    return value_of(text)


@lru_cache(maxsize=1)
def _form() -> str:
    """Changes whenever the same text would be read otherwise: the parser says in its first file which one it is."""
    found = find_spec("yaml")
    with suppress(OSError):
        if found is not None and found.origin is not None:
            return f"2 {Path(found.origin).read_text(encoding='utf-8')}"
    return "2"


@contextmanager
def kept(text: str) -> Iterator[list[Any]]:
    """Gives a list with the value that was kept of this text, or an empty one: what is put into it is kept."""
    if len(text) < _LEAST_CHARACTERS:
        yield []
        return
    form = f"{_form()}\n{text}"
    found = _read(form)
    known = bool(found)
    yield found
    if found and not known:
        _write(form, found[0])


def _read(form: str) -> list[Any]:
    """The value in a list, or an empty one."""
    body = _SHELF.read(form)
    with suppress(ValueError):
        if body is not None:
            return [orjson.loads(body)]
    return []


def _write(form: str, value: Any) -> None:
    """Keeps a value if JSON can say the whole of it."""
    with suppress(TypeError, ValueError):
        body = orjson.dumps(value)
        if orjson.loads(body) == value:
            _SHELF.write(form, body)
