"""How the command line says that it was used wrongly: one clear line, exit code 2."""

from __future__ import annotations

import sys
from typing import NoReturn

from mock_server.process.terminal import printable

USAGE = 2


def fail(command: str, message: str) -> NoReturn:
    """Ends the process with one clear line on stderr and exit code 2."""
    sys.stderr.write(f"ringback {command}: {printable(message)}\n")
    raise SystemExit(USAGE)
