"""The commands that speak to a running server, one noun a file."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FILES = {
    "ready": ("ready",),
    "faults": ("faults",),
    "requests": ("requests",),
    "state": ("reset", "state"),
    "stubs": ("stubs",),
    "calls": ("dial", "calls"),
    "deliveries": ("webhooks", "deliveries", "deliver"),
    "snapshots": ("snapshots",),
    "spaces": ("spaces",),
    "clock": ("clock", "seed"),
}
"""Where each command is said."""


def file_of(command: str | None) -> str | None:
    """Which file says the command; None for one that is none of these."""
    return next((file for file, names in _FILES.items() if command in names), None)


def add_commands(commands: Any, file: str | None = None) -> None:
    """Adds the commands to the parser of `ringback`, or those of one file alone."""
    for one in _FILES if file is None else [file]:
        import_module(f"{__name__}.{one}").add_commands(commands)
