"""`ringback clock` and `seed`: a space's time and chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mock_server.commands.remote.asking import command, given, group
from mock_server.commands.remote.tables import seed_of, time_of

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    clock = group(commands, "clock", "a space's time")

    def setting(**values: Any) -> Callable[[Any, Control], Any]:
        return lambda o, c: c.call("PUT", "/clock", {**given(o, "now"), **values}, space=o.space)

    command(clock, "show", lambda o, c: c.call("GET", "/clock", space=o.space), "what time it is", time_of)
    freeze = command(clock, "freeze", setting(frozen=True), "let it stand still, at NOW if given", time_of)
    freeze.add_argument("now", nargs="?", metavar="NOW", help="ISO 8601")
    moved = command(clock, "set", setting(frozen=False), "set it and let it run", time_of)
    moved.add_argument("now", metavar="NOW", help="ISO 8601")
    command(
        clock, "real", lambda o, c: c.call("PUT", "/clock", {"now": None}, space=o.space), "real time again", time_of
    )
    advance = command(
        clock,
        "advance",
        lambda o, c: c.call("POST", "/clock/advance", given(o, "seconds"), space=o.space),
        "move it",
        time_of,
    )
    advance.add_argument("seconds", type=float, metavar="SECONDS")
    seed = command(
        commands, "seed", lambda o, c: c.call("PUT", "/seed", given(o, "seed"), space=o.space), "chance anew", seed_of
    )
    seed.add_argument("seed", type=int, metavar="N", help="the same seed and requests give the same bodies")
