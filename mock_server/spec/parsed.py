"""YAML and JSON texts read into plain values, and kept: of all that a start does, parsing would take longest.

What is kept is found by the hash of the whole text, so that it is never that of another text, or of an older one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import yaml
from yaml.constructor import ConstructorError

_LIBRARY: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIME = "tag:yaml.org,2002:timestamp"
_TEXT, _LIST, _MAPPING = ("tag:yaml.org,2002:" + kind for kind in ("str", "seq", "map"))
_FORM = f"1 {yaml.__version__}"
"""Changes whenever the same text would be read otherwise."""
_LEAST_CHARACTERS = 2_000
"""A shorter text is read again sooner than a file is opened."""
_MOST_FILES = 100
_DIGEST_BYTES = 32
_MOST_BY_NAME = 1_000_000
"""How many values may come of naming others once more: thirty lines of aliases can stand for more than a disk holds."""


class _Loader(_LIBRARY):  # type: ignore[misc]
    """Times stay texts, as in JSON; what is plainly a mapping, a list or a text is made at once."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own table, less one entry
        first: [(tag, form) for tag, form in resolvers if tag != _TIME]
        for first, resolvers in _LIBRARY.yaml_implicit_resolvers.items()
    }

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        sizes: dict[int, int] = {}
        if _size(node, sizes) > len(sizes) + _MOST_BY_NAME:
            message = f"aliases make more than {_MOST_BY_NAME} values of {len(sizes)}"
            raise ConstructorError(None, None, message, node.start_mark)
        return _made(self, node, {})


_UNFINISHED = object()


def _size(node: Any, sizes: dict[int, int]) -> int:
    """How many values a node stands for, each as often as it is named; `sizes` gets that of every node."""
    known = sizes.get(id(node))
    if known is None:
        # One that contains itself is told when it is made.
        sizes[id(node)] = 1
        value = node.value
        if isinstance(value, list):
            parts = (part for pair in value for part in pair) if value and isinstance(value[0], tuple) else value
            sizes[id(node)] += sum(_size(part, sizes) for part in parts)
        known = sizes[id(node)]
    return known


def _made(loader: Any, node: Any, made: dict[int, Any]) -> Any:
    """The value of a node; one that is named several times is one value."""
    tag = node.tag
    if tag == _TEXT:
        return node.value
    if tag != _MAPPING and tag != _LIST:
        return loader.construct_object(node, deep=True)
    known = made.get(id(node))
    if known is _UNFINISHED:
        raise ConstructorError(None, None, "found a value that contains itself", node.start_mark)
    if known is not None:
        return known
    made[id(node)] = _UNFINISHED
    if tag == _LIST:
        value: Any = [_made(loader, child, made) for child in node.value]
    elif all(key.tag == _TEXT for key, _ in node.value):
        value = {key.value: _made(loader, child, made) for key, child in node.value}
    else:
        # Keys that are no texts, and mappings that are merged into this one.
        value = loader.construct_object(node, deep=True)
    made[id(node)] = value
    return value


def parsed(text: str) -> Any:
    """The value that a YAML text writes down; raises yaml.YAMLError for one that writes none."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe one


@contextmanager
def kept(text: str) -> Iterator[list[Any]]:
    """Gives a list with the value that was kept of this text, or an empty one: what is put into it is kept."""
    file = _file_of(text) if len(text) >= _LEAST_CHARACTERS else None
    found = _read(file) if file is not None else []
    known = bool(found)
    yield found
    if file is not None and found and not known:
        _write(file, found[0])


def _file_of(text: str) -> Path | None:
    """Where the value of a text is kept; None where nothing shall be, or nobody has a home."""
    named = os.environ.get("RINGBACK_CACHE")
    if named == "off":
        return None
    try:
        folder = Path(named or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    name = blake2b(f"{_FORM}\n{text}".encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return folder / "ringback" / "specs" / f"{name}.json"


def _read(file: Path) -> list[Any]:
    """The value in a list; an empty one where there is none, or what is there is not what was written."""
    with suppress(OSError, ValueError):
        digest, body = (content := file.read_bytes())[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if blake2b(body, digest_size=_DIGEST_BYTES).digest() == digest:
            return [orjson.loads(body)]
    return []


def _write(file: Path, value: Any) -> None:
    """Keeps a value if JSON can say the whole of it; where nothing can be written, nothing is kept."""
    with suppress(OSError, TypeError, ValueError):
        body = orjson.dumps(value)
        if orjson.loads(body) != value:
            return
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(blake2b(body, digest_size=_DIGEST_BYTES).digest() + body)
        part.replace(file)
        others = sorted(file.parent.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in others[_MOST_FILES:]:
            old.unlink()
