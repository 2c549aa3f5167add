"""`ringback faults`: answers and faults of a running server, chosen in advance."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mock_server.commands.remote.asking import ALL, EVERYWHERE, command, given, group
from mock_server.commands.remote.tables import FAULTS, row_of, rows_of
from mock_server.commands.remote.texts import as_json, header, match

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    faults = group(commands, "faults", "choose answers and faults of a running server in advance")
    add = command(faults, "add", _add_fault, "write a rule", row_of(FAULTS))
    add.add_argument("provider", metavar="PROVIDER")
    add.add_argument("operation", metavar="OPERATION", help="an operation's id, or * for all")
    add.add_argument("--example", metavar="NAME", help="answer with this named answer")
    add.add_argument("--status", type=int, metavar="N", help="answer with this status")
    add.add_argument("--body", type=as_json, metavar="JSON", help="the answer's body")
    add.add_argument("--header", action="append", default=[], type=header, metavar="'NAME: VALUE'")
    add.add_argument("--fault", metavar="KIND", help="reset, empty, truncate, malformed-json, hang or slow-drip")
    add.add_argument("--delay-ms", type=float, metavar="N")
    add.add_argument("--match", action="append", default=[], type=match, metavar="body.x=TEXT", help="body.x:=JSON too")
    for name, kind in (("after", int), ("every", int), ("times", int), ("probability", float)):
        add.add_argument(f"--{name}", type=kind, metavar="N")
    command(
        faults,
        "list",
        lambda o, c: c.call("GET", "/faults", space=o.space or ALL),
        f"show the rules and their hits{EVERYWHERE}",
        rows_of("faults", FAULTS, "no rules"),
    )
    command(
        faults,
        "clear",
        lambda o, c: c.call("DELETE", "/faults", space=o.space or ALL),
        f"forget all rules{EVERYWHERE}",
    )


def _add_fault(options: argparse.Namespace, control: Control) -> Any:
    answer = given(options, "example", "status", "body")
    if options.header:
        answer["headers"] = dict(options.header)
    names = "space provider operation fault delay_ms after every times probability".split()
    rule = given(options, *names)
    if answer:
        rule["answer"] = answer
    if options.match:
        rule["match"] = dict(options.match)
    return control.call("POST", "/faults", rule)
