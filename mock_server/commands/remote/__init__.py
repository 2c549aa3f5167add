"""The commands that speak to a running server, one noun a file."""

from __future__ import annotations

from typing import Any

from mock_server.commands.remote import (
    calls,
    clock,
    deliveries,
    faults,
    ready,
    requests,
    snapshots,
    spaces,
    state,
    stubs,
)


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    ready.add_ready(commands)
    for noun in (faults, requests, state, stubs, calls, deliveries, snapshots, spaces, clock):
        noun.add_commands(commands)
