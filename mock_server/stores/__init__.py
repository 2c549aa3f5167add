"""Stores: where the documents of a space are kept between two requests."""

from mock_server.stores.memory import MemoryStore
from mock_server.stores.opening import open_store
from mock_server.stores.protocols import (
    Row,
    Snapshot,
    Store,
    StoreFailed,
    StoreFull,
    StoreRefused,
    StoreUncertain,
    Transaction,
)
from mock_server.stores.shared import Contended, SharedStore
from mock_server.stores.state import State

__all__ = [
    "Contended",
    "MemoryStore",
    "Row",
    "SharedStore",
    "Snapshot",
    "State",
    "Store",
    "StoreFailed",
    "StoreFull",
    "StoreRefused",
    "StoreUncertain",
    "Transaction",
    "open_store",
]
