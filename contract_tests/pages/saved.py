"""Saved pages: which file of a folder is which page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from contract_tests.pages.citing import Source
from contract_tests.pages.reading import LARGEST_BYTES, Page, Unreadable

MAP = "pages.yaml"
"""The file of a folder that says which file is which page, where names and contents do not."""
_MOST_FILES = 5_000
_ENDINGS = (".html", ".htm", ".xhtml", ".txt", ".md", ".text")


class BadPages(Exception):
    """A folder, a file or a map that cannot be used; the sentence says which, why, and what to do."""


class Saved:
    """The pages of a folder; each file is read once."""

    def __init__(self, folder: Path, named: Mapping[str, str]) -> None:
        if not folder.is_dir():
            raise BadPages(f"--saved {folder}: there is no such folder")
        self.folder = folder
        self._named = named
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _ENDINGS and file.is_file())
        if len(files) > _MOST_FILES:
            raise BadPages(f"--saved {folder}: holds more than {_MOST_FILES:,} pages; name a folder with fewer")
        if not files:
            raise BadPages(f"--saved {folder}: holds no page; save some there as HTML ({', '.join(_ENDINGS)})")
        self._files = files
        self._pages: dict[Path, Page] = {}
        self._by_name = {_plain(file.relative_to(folder).with_suffix("").as_posix()): file for file in files}
        self._by_address: dict[str, Path] = {}
        self._by_title: dict[str, list[Path]] = {}
        self.unreadable: dict[Path, str] = {}
        for file in files:
            try:
                page = self.page(file)
            except BadPages as why:
                self.unreadable[file] = str(why)
                continue
            self._by_address.setdefault(_plain(page.address), file)
            self._by_title.setdefault(_plain(page.title), []).append(file)

    def find(self, source: Source) -> Path | None:
        """The file of a page: the one that the map names, that is called so, that says its address, or its title."""
        if source.name in self._named:
            file = self.folder / self._named[source.name]
            if not file.is_file():
                raise BadPages(
                    f"{file}: is not there, and is named as the page {source.name}; save it, or correct the map"
                )
            return file
        if not source.title:
            name = _plain(source.address)
            return self._by_name.get(name) or self._by_address.get(name)
        several = self._by_title.get(_plain(source.title), [])
        return self._by_name.get(_plain(source.name)) or (several[0] if len(several) == 1 else None)

    def page(self, file: Path) -> Page:
        """What a file says; BadPages for what is no page."""
        if file not in self._pages:
            try:
                with file.open("rb") as handle:
                    self._pages[file] = Page(handle.read(LARGEST_BYTES + 1))
            except Unreadable as why:
                raise BadPages(f"{file}: {why}") from None
            except OSError as error:
                raise BadPages(f"{file}: cannot be read: {error.strerror or error}") from None
        return self._pages[file]


def mapped(file: Path) -> dict[str, str]:
    """What a map says: a file or an address for each page; BadPages for what is no map."""
    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadPages(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise BadPages(
            f"{file}: is no YAML{where}; lines such as `docs.teli.ai/users: users.html` are needed"
        ) from None
    found = {} if found is None else found
    if not isinstance(found, dict) or not all(isinstance(one, str) for pair in found.items() for one in pair):
        raise BadPages(f"{file}: lines such as `docs.teli.ai/users: users.html` are needed")
    return found


def _plain(name: str) -> str:
    """A name, an address or a title as one compares them: small letters and digits."""
    name = re.sub(r"^https?://|[?#].*$", "", name.strip().lower())
    return " ".join(re.findall(r"[a-z0-9]+", name.removesuffix("/index").removesuffix("/")))


def unknown(named: Iterable[str], sources: Iterable[str]) -> list[str]:
    """The pages of a map that no spec cites."""
    known = set(sources)
    return [name for name in named if name not in known]
