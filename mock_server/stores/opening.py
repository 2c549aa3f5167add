"""A store by its address: `memory://`, or `sqlite:///FILE`."""

from __future__ import annotations

from pathlib import Path

from mock_server.limits import DEFAULTS, Limits
from mock_server.stores.memory import MemoryStore
from mock_server.stores.protocols import Store, StoreRefused

MEMORY = "memory://"


def open_store(address: str = MEMORY, limits: Limits = DEFAULTS) -> Store:
    """The store at an address; raises StoreRefused for one that is unknown or cannot be used.

    `sqlite:///ringback.db` is a file in the current folder, `sqlite:////var/lib/ringback.db` one anywhere.
    """
    scheme, _, rest = address.partition("://")
    if address == MEMORY:
        return MemoryStore(limits)
    if scheme == "sqlite" and rest.startswith("/") and rest[1:]:
        try:
            # Imported on use: it needs locks that only POSIX systems have.
            from mock_server.stores.sqlite import SqliteStore
        except ImportError as error:
            raise StoreRefused(f"{address}: not to be had on this system ({error}); {MEMORY} is") from None
        return SqliteStore(Path(rest[1:]), limits)
    raise StoreRefused(
        f"{address}: no such store; there are {MEMORY} and sqlite:///FILE (sqlite:////FILE from the root)"
    )
