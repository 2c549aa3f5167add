"""`ringback dial` and `calls`: numbers of a space, rung; their calls, listed and ended."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mock_server.commands.remote.asking import ALL, EVERYWHERE, command, given, group
from mock_server.commands.remote.tables import CALLS, call_of, rows_of
from mock_server.commands.remote.texts import said

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    dial = command(commands, "dial", _dial, "ring a number of a space", call_of)
    dial.add_argument("to", metavar="NUMBER", help="a number of the space, as the vendor shows it")
    dial.add_argument("--from", dest="caller", metavar="NUMBER", help="who calls")
    dial.add_argument("--provider", metavar="P", help="where several vendors have the number")
    dial.add_argument("--outcome", metavar="O", help="answered, no-answer, busy, voicemail or failed")
    dial.add_argument(
        "--say", type=said, metavar="FILE", help="what the caller says, a line each; `agent: ...` is said by the agent"
    )
    calls = group(commands, "calls", "see and end the calls of a space")
    listing = command(
        calls,
        "list",
        lambda o, c: c.call(
            "GET", "/calls", order="newest", **{"space": ALL, **given(o, "space", "provider", "state", "limit")}
        ),
        f"show the calls, newest first{EVERYWHERE}",
        rows_of("calls", CALLS, "no calls"),
    )
    listing.add_argument("--provider", metavar="P")
    listing.add_argument("--state", metavar="S", help="queued, ringing, in-progress or ended")
    listing.add_argument("--limit", type=int, metavar="N")
    end = command(
        calls,
        "hangup",
        lambda o, c: c.call("POST", f"/calls/{quote(o.id, safe='')}/hangup", space=o.space),
        "end one that is under way",
        call_of,
    )
    end.add_argument("id", metavar="ID")


def _dial(options: argparse.Namespace, control: Control) -> Any:
    wanted = given(options, "space", "to", "provider", "outcome", "say")
    if options.caller is not None:
        wanted["from"] = options.caller
    return control.call("POST", "/calls", wanted)
