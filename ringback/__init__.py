"""Ringback's public face: a server for your tests, a client of its control API, fixtures for pytest.

`start()` runs a server as a process of its own, `connect()` speaks to one that runs already. Nothing but the standard
library is imported in your process, and nothing of that before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.client import Control, Refused, RingbackError, Unreachable
    from ringback.server import NotStarted, Ringback, Server, connect, start
    from ringback.space import Space, UnknownVendor

__version__ = "0.1.0"

__all__ = [
    "Control",
    "NotStarted",
    "Refused",
    "Ringback",
    "RingbackError",
    "Server",
    "Space",
    "UnknownVendor",
    "Unreachable",
    "__version__",
    "connect",
    "start",
]

_HOMES = {
    "client": ("Control", "Refused", "RingbackError", "Unreachable"),
    "server": ("NotStarted", "Ringback", "Server", "connect", "start"),
    "space": ("Space", "UnknownVendor"),
}


def __getattr__(name: str) -> Any:
    # pytest loads this package in every run of every project it is installed for, used or not.
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
