"""A store by its address: `memory://`, `sqlite:///FILE`, or `redis://HOST`."""

from __future__ import annotations

from pathlib import Path

from mock_server.process.limits import DEFAULTS, Limits
from mock_server.stores.memory import MemoryStore
from mock_server.stores.protocols import StoreRefused
from mock_server.stores.shared import SharedStore

MEMORY = "memory://"
REDIS = ("redis", "rediss", "redis+cluster", "rediss+cluster", "unix")
_KNOWN = "there are memory://, sqlite:///FILE (sqlite:////FILE from the root), redis://HOST and redis+cluster://HOST"


def open_store(address: str = MEMORY, limits: Limits = DEFAULTS) -> MemoryStore:
    """The store at an address; raises StoreRefused for one that is unknown or cannot be used.

    `sqlite:///ringback.db` is a file in the current folder, `sqlite:////var/lib/ringback.db` one anywhere;
    `redis://HOST:6379/0` a Redis or Valkey, `redis+cluster://HOST:6379` any node of a cluster, with `rediss` over TLS.
    """
    scheme, _, rest = address.partition("://")
    if address == MEMORY:
        return MemoryStore(limits)
    if scheme == "sqlite" and rest.startswith("/") and rest[1:]:
        try:
            # Imported on use: it needs locks that only POSIX systems have.
            from mock_server.stores.sqlite import SqliteBackend
        except ImportError as error:
            raise StoreRefused(f"{address}: not to be had on this system ({error}); {MEMORY} is") from None
        return SharedStore(SqliteBackend(Path(rest[1:]), limits), limits)
    if scheme in REDIS and rest:
        from mock_server.stores.redis import RedisBackend

        return SharedStore(RedisBackend(address, limits), limits)
    raise StoreRefused(f"{address}: no such store; {_KNOWN}")
