"""`ringback snapshots`: states kept under a name and put back."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from mock_server.commands.remote.asking import command, given, group
from mock_server.commands.remote.tables import SNAPSHOTS, row_of, rows_of
from mock_server.process.terminal import printable


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    snapshots = group(commands, "snapshots", "keep states under a name and put them back")
    command(
        snapshots,
        "list",
        lambda o, c: c.call("GET", "/snapshots"),
        "show what is kept",
        rows_of("snapshots", SNAPSHOTS, "no snapshots"),
    )
    take = command(
        snapshots,
        "take",
        lambda o, c: c.call("POST", "/snapshots", given(o, "name", "space")),
        "keep one",
        row_of(SNAPSHOTS),
    )
    restore = command(
        snapshots,
        "restore",
        lambda o, c: c.call("POST", f"/snapshots/{quote(o.name, safe='')}/restore", space=o.space),
        "put one back, into --space or where it was taken",
        lambda answer, paint: [printable(f"{answer['space']} is as it was in {answer['snapshot']}")],
    )
    forget = command(
        snapshots, "delete", lambda o, c: c.call("DELETE", f"/snapshots/{quote(o.name, safe='')}"), "forget one"
    )
    for parser in (take, restore, forget):
        parser.add_argument("name", metavar="NAME")
