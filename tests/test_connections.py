"""Looking for a connection among the process's descriptors disturbs none of them."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from mock_server.wire.connections import connection_with

_TRY = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("held")
"""


def test_a_look_for_a_connection_gives_back_no_lock_on_a_file(tmp_path: Path) -> None:
    """A process loses its locks on a file with the first handle that it closes; a database without its locks breaks."""
    path = tmp_path / "locked"
    path.write_text("x", encoding="utf-8")
    with path.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert connection_with("127.0.0.1:1") is None
        tried = [sys.executable, "-c", _TRY, str(path)]
        assert subprocess.run(tried, capture_output=True, text=True, check=True, timeout=20).stdout == "held\n"
