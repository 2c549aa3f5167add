"""`ringback spaces`: the worlds that are open, listed, opened and closed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from mock_server.commands.remote.asking import command, given, group
from mock_server.commands.remote.tables import SPACES, row_of, rows_of


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    spaces = group(commands, "spaces", "list, open and close spaces")
    command(
        spaces, "list", lambda o, c: c.call("GET", "/spaces"), "show the open spaces", rows_of("spaces", SPACES, "none")
    )
    create = command(
        spaces,
        "create",
        lambda o, c: c.call("POST", "/spaces", given(o, "name", "fork", "snapshot", "seed")),
        "open one from the fixtures, a snapshot or another space",
        row_of(SPACES),
    )
    create.add_argument("--fork", metavar="KEY", help="begin as a copy of this space")
    create.add_argument("--snapshot", metavar="NAME", help="begin as this snapshot")
    create.add_argument("--seed", type=int, metavar="N")
    close = command(spaces, "delete", lambda o, c: c.call("DELETE", f"/spaces/{quote(o.name, safe='')}"), "forget one")
    for parser in (create, close):
        parser.add_argument("name", metavar="KEY")
