"""`ringback ready`: whether a server would answer, for a container's health check."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from mock_server.commands.remote.asking import UNREACHABLE, control, default_url


def add_commands(commands: Any) -> None:
    """Adds `ringback ready`, which a container's health check runs."""
    parser = commands.add_parser(
        "ready", help="exit code 0 if a server is ready, 3 if not", epilog="It needs no token: it asks for /readyz."
    )
    url = default_url(os.environ)
    parser.add_argument("--url", default=url, metavar="URL", help=f"where the server is (default {url})")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="ask again for that long")
    parser.set_defaults(run=_ready)


def _ready(options: argparse.Namespace) -> int:
    from ringback.client import Unreachable

    deadline = time.monotonic() + options.wait
    while True:
        try:
            if control(options.url).ready():
                return 0
            reason = f"{options.url}: up, but not ready"
        except Unreachable as unreachable:
            reason = f"nobody answers at {unreachable}"
        if time.monotonic() >= deadline:
            sys.stderr.write(f"ringback ready: {reason}\n")
            return UNREACHABLE
        time.sleep(0.1)
