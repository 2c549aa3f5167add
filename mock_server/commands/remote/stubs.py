"""`ringback stubs`: answers for what a vendor's spec does not have."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mock_server.commands.remote.asking import ALL, EVERYWHERE, command, given, group
from mock_server.commands.remote.tables import STUBS, row_of, rows_of
from mock_server.commands.remote.texts import header, json_or_file

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    stubs = group(commands, "stubs", "answer what a vendor's spec does not have")
    add = command(stubs, "add", _add_stub, "write an answer for a method and path", row_of(STUBS))
    add.add_argument("provider", metavar="PROVIDER")
    add.add_argument("method", metavar="METHOD")
    add.add_argument("path", metavar="PATH", help="the vendor's whole path; {name} stands for any one segment")
    add.add_argument("--status", type=int, default=200, metavar="N", help="default 200")
    add.add_argument(
        "--body", type=json_or_file, metavar="JSON", help="the answer's body, or @FILE; {{path.name}} in it is filled"
    )
    add.add_argument("--header", action="append", default=[], type=header, metavar="'NAME: VALUE'")
    command(
        stubs,
        "list",
        lambda o, c: c.call("GET", "/stubs", space=o.space or ALL),
        f"show the stubs and their hits{EVERYWHERE}",
        rows_of("stubs", STUBS, "no stubs"),
    )
    remove = command(
        stubs, "remove", lambda o, c: c.call("DELETE", f"/stubs/{quote(o.id, safe='')}", space=o.space), "forget one"
    )
    remove.add_argument("id", metavar="ID")


def _add_stub(options: argparse.Namespace, control: Control) -> Any:
    stub = given(options, "space", "provider", "method", "path", "status")
    if options.body is not None:
        stub["body"] = options.body[0]
    if options.header:
        stub["headers"] = dict(options.header)
    return control.call("POST", "/stubs", {**stub, "method": options.method.upper()})
