"""`ringback state` and `reset`: what a running server holds, out and in, and back to the fixtures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.commands.remote.asking import EVERYWHERE, command, group

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    command(
        commands,
        "reset",
        lambda o, c: c.call("POST", "/reset", space=o.space),
        f"back to the fixtures{EVERYWHERE}",
        lambda answer, paint: [f"back to the fixtures: {', '.join(answer['reset'])}"],
    )

    state = group(commands, "state", "take a running server's state out and in")
    command(state, "export", lambda o, c: c.call("GET", "/state", space=o.space), "print everything the space holds")
    load = command(state, "import", _import, "put a state in the place of what the space holds")
    load.add_argument("file", metavar="FILE", help="what export printed; - for stdin")


def _import(options: argparse.Namespace, control: Control) -> Any:
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError) as error:
        from ringback.client import Refused

        raise Refused(0, f"{options.file}: {error}") from None
    return control.call("PUT", "/state", document, space=options.space)
