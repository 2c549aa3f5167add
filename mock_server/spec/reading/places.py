"""Where specs are: the packaged ones, and those of a folder of your own beside or instead of them."""

from __future__ import annotations

import os
from pathlib import Path

from mock_server.spec.reading.errors import SpecError

SPECS, BEHAVIOURS = "RINGBACK_SPECS", "RINGBACK_BEHAVIOURS"
"""What `--specs` and `--behaviours` are called in the environment, where processes that are started find them too."""


def specs_folder() -> Path:
    """Where the packaged specs are: beside the package in a checkout, inside it when installed."""
    beside = Path(__file__).parents[3] / "openapi"
    return beside if beside.is_dir() else Path(__file__).parents[2] / "data" / "openapi"


def outside() -> Path | None:
    """The folder of your own specs, or None; raises SpecError if there is no such folder, or no spec in it."""
    named = os.environ.get(SPECS)
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise SpecError(str(folder), "", "there is no such folder of specs")
    if not list(folder.glob("*.yaml")):
        raise SpecError(str(folder), "", "holds no <vendor>.yaml; a spec says what a vendor promises")
    return folder


def spec_files() -> dict[str, Path]:
    """Every spec by its vendor, in alphabetical order; one of your own takes the place of a packaged one."""
    folders = [folder for folder in (specs_folder(), outside()) if folder is not None]
    files = {file.stem: file for folder in folders for file in folder.glob("*.yaml")}
    return {name: files[name] for name in sorted(files)}
