"""constraints.txt: every package that is installed is pinned with its hashes, and a file of another hash is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;]+?)(?: ;[^\\]*)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def pinned(text: str) -> list[tuple[str, str]]:
    """Name and version of every pin that holds on this platform and Python, in the order of the file."""
    found = [match for match in map(_PIN.match, text.splitlines()) if match is not None]
    return [
        (match[1], match[2]) for match in found if _plain(match[1]) not in _TWICE or _installed(match[1]) == match[2]
    ]


_TWICE = {"soupsieve"}
"""What needs another version on early patches of Python 3.11."""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def test_every_package_has_hashes_and_no_line_names_a_host() -> None:
    expects_hash = False
    for line in CONSTRAINTS.splitlines():
        if not line.strip() or line.startswith("#"):
            assert not expects_hash, line
        elif _PIN.match(line):
            assert not expects_hash, line
            expects_hash = True
        else:
            assert _HASH.match(line), line
            expects_hash = line.endswith("\\")
        assert "://" not in line
        assert not line.startswith("-")
    assert not expects_hash


def test_everything_that_the_project_names_is_pinned_in_the_part_that_needs_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    serving, _, rest = CONSTRAINTS.partition("\n## To install this folder\n")
    building, _, rest = rest.partition("\n## To check\n")
    checking, _, working = rest.partition("\n## To work on it\n")
    needs = project["project"]
    parts = {
        serving: needs["dependencies"],
        serving + building: project["build-system"]["requires"],
        serving + building + checking: needs["optional-dependencies"]["check"],
        serving + building + checking + working: [
            one for extra in ("docs", "dev") for one in needs["optional-dependencies"][extra] if "ringback[" not in one
        ],
    }
    for part, requirements in parts.items():
        names = {_plain(match[1]) for match in map(_PIN.match, part.splitlines()) if match is not None}
        assert names >= {_plain(re.split(r"[^A-Za-z0-9_.-]", one, maxsplit=1)[0]) for one in requirements}


def test_what_is_installed_here_is_what_is_pinned() -> None:
    here = {name: _installed(name) for name, _ in pinned(CONSTRAINTS)}
    differing = [(name, wanted, here[name]) for name, wanted in pinned(CONSTRAINTS) if here[name] not in (None, wanted)]
    assert differing == []
    assert sum(found is not None for found in here.values()) > 60


@pytest.mark.long
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_a_file_of_another_hash_is_not_installed(tmp_path: Path) -> None:
    """Nothing of this folder, nor of anything else, is installed then."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (pin,) = re.findall(r"^markupsafe==.*\n(?:    --hash=.*\n)+", CONSTRAINTS, re.MULTILINE)
    wrong = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", pin)
    (tmp_path / "constraints.txt").write_text(f"{wrong}\n## To check\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "install", f"PYTHON={sys.executable}"],
        cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=240,
    )  # fmt: skip
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / ".venv" / "serving").exists()
    assert not list(tmp_path.glob(".venv/lib/python*/site-packages/markupsafe"))
