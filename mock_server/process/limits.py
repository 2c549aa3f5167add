"""What a server holds at most: one table, from which come the defaults, the flags, `/info` and SECURITY.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_MEBIBYTE = 1024 * 1024


class Limits(NamedTuple):
    """The bounds of one server; every field is a flag of `ringback serve`: `spaces` is `--max-spaces`."""

    connections: int = 16_000
    exchanges: int = 20_000
    bytes_in_flight: int = 256 * _MEBIBYTE
    spaces: int = 1_000
    bytes_per_space: int = 64 * _MEBIBYTE
    stored_bytes: int = 512 * _MEBIBYTE
    fault_rules_per_space: int = 200
    rule_bytes_per_space: int = _MEBIBYTE
    stubs_per_space: int = 200
    stub_bytes_per_space: int = _MEBIBYTE
    held_connections_per_space: int = 32
    held_connections: int = 128
    snapshots: int = 100
    snapshot_bytes: int = 64 * _MEBIBYTE
    journal_entries_per_space: int = 10_000
    journal_bytes_per_space: int = 16 * _MEBIBYTE
    journal_bytes: int = 64 * _MEBIBYTE
    calls_per_space: int = 10_000
    deliveries_per_space: int = 10_000
    delivery_bytes_per_space: int = 16 * _MEBIBYTE
    delivery_bytes: int = 64 * _MEBIBYTE
    waiting_deliveries: int = 20_000
    waiting_delivery_bytes: int = 64 * _MEBIBYTE
    streams: int = 64


DEFAULTS = Limits()

MEANINGS: Mapping[str, tuple[str, str]] = {
    "connections": ("connections open at a time", "others wait until one is free; silent ones are closed sooner"),
    "exchanges": ("requests that are being answered at a time, over all connections", "503"),
    "bytes_in_flight": ("bytes of bodies on their way in and of long answers on their way out", "503"),
    "spaces": ("spaces", "the longest idle space that nothing was written to makes room, else 503 (409 for control)"),
    "bytes_per_space": ("bytes of documents in a space", "503, and nothing is changed (422 for an import)"),
    "stored_bytes": ("bytes of documents in all spaces", "503, and nothing is changed (422 for an import)"),
    "fault_rules_per_space": ("fault rules in a space", "409"),
    "rule_bytes_per_space": ("bytes of fault rules in a space", "409"),
    "stubs_per_space": ("stubs in a space", "409 (422 for an import)"),
    "stub_bytes_per_space": ("bytes of stubs in a space", "409 (422 for an import)"),
    "held_connections_per_space": ("connections that faults of a space hold open", "503 `held-limit`"),
    "held_connections": ("connections that faults hold open", "503 `held-limit`"),
    "snapshots": ("snapshots", "409"),
    "snapshot_bytes": ("bytes of snapshots", "409"),
    "journal_entries_per_space": ("exchanges in a space's journal", "the oldest are forgotten"),
    "journal_bytes_per_space": ("bytes of a space's journal", "the oldest are forgotten"),
    "journal_bytes": ("bytes of all journals", "the largest journal forgets its oldest"),
    "calls_per_space": ("calls in a space", "the oldest that is over is forgotten, else 503 (409 for control)"),
    "deliveries_per_space": ("deliveries that a space remembers", "the oldest are forgotten"),
    "delivery_bytes_per_space": ("bytes of a space's deliveries", "the oldest are forgotten"),
    "delivery_bytes": ("bytes of all deliveries", "whoever remembers most forgets its oldest"),
    "waiting_deliveries": ("deliveries that wait for their receivers", "`dropped`, and the delivery says so"),
    "waiting_delivery_bytes": ("bytes of deliveries that wait", "`dropped`, and the delivery says so"),
    "streams": ("readers of `/_ringback/events`", "503"),
}
"""Of each limit, what it counts and what happens at it."""


def flag(name: str) -> str:
    """The flag that sets the limit of that name."""
    return "--max-" + name.replace("_", "-")


def names() -> list[str]:
    """The limits, in the order of the table."""
    return list(Limits._fields)
