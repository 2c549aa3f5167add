"""The peers that npm has: installed, at a fixed version, into a cache folder that git ignores."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CACHE = Path(__file__).with_name(".cache")
INSTALL_SECONDS = 300


class NotInstalled(Exception):
    """A peer is not there and could not be installed; the text says why."""


class Package(NamedTuple):
    """A command that an npm package brings. The version is fixed so that figures can be compared."""

    name: str
    version: str
    command: str

    @property
    def folder(self) -> Path:
        return CACHE / self.command

    @property
    def binary(self) -> Path:
        return self.folder / "node_modules" / ".bin" / self.command


PRISM = Package("@stoplight/prism-cli", "5.14.2", "prism")
"""The last version that runs on Node 18 to 22; 5.16 wants Node 24."""

JSON_SERVER = Package("json-server", "0.17.4", "json-server")
"""The last one of the stable line."""

MOCKOON = Package("@mockoon/cli", "9.9.0", "mockoon-cli")

OPENAPI_BACKEND = Package("openapi-backend", "5.21.2", "openapi-backend")
"""A library: the server on it is `openapi_backend.js`."""

WIREMOCK = Package("wiremock", "3.13.2", "wiremock")
"""Brings a jar."""


SPECMATIC = Package("specmatic", "2.55.1", "specmatic")
"""Brings a jar, too."""

ALL = (PRISM, JSON_SERVER, MOCKOON, OPENAPI_BACKEND, WIREMOCK, SPECMATIC)


def cached(package: Package) -> list[str] | None:
    """The command of the package in the cache folder, or None when that version is not in it."""
    manifest = package.folder / "node_modules" / package.name / "package.json"
    if not manifest.is_file():
        return None
    found = json.loads(manifest.read_text(encoding="utf-8")).get("version")
    return [str(package.binary)] if found == package.version else None


def found_by_npx(package: Package) -> list[str] | None:
    """The command of the package where npx finds it without installing anything, or None."""
    npx = shutil.which("npx")
    if npx is None:
        return None
    command = [npx, "--no-install", package.command]
    try:
        said = subprocess.run(
            [*command, "--version"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return command if said.returncode == 0 and re.search(r"^\d+\.\d+\.\d+", said.stdout, re.MULTILINE) else None


def installed(package: Package) -> list[str]:
    """The command of the package, which is installed first when it is missing; raises NotInstalled."""
    command = cached(package)
    if command is not None:
        return command
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled(f"{package.name} is not in {CACHE.relative_to(ROOT)}, and there is no npm to install it")
    package.folder.mkdir(parents=True, exist_ok=True)
    # No package's own scripts are run, and nothing is reported to anybody.
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"]
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", str(package.folder), *quiet, f"{package.name}@{package.version}"],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"npm did not install {package.name} within {INSTALL_SECONDS} seconds") from None
    command = cached(package)
    if command is None:
        reason = done.stderr.strip().splitlines()[-3:] or [f"npm ended with {done.returncode}"]
        raise NotInstalled(f"npm could not install {package.name}@{package.version}: {' / '.join(reason)}")
    return command
