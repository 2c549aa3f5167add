"""Further processes that serve the same port on the same store, started and watched by the first one."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from threading import Thread
from time import sleep

from mock_server.commands.usage import fail
from mock_server.process.metrics import FOLDER

log = logging.getLogger("ringback")

_MARK = "RINGBACK_WORKER"
"""Set in the environment of a process that was started by another."""
_AGAIN_SECONDS = 0.2
MAX_WORKERS = 64


def is_worker() -> bool:
    """Whether another process of the same server has started this one."""
    return _MARK in os.environ


def prepare() -> None:
    """Names the folder in which the processes of this server tell each other their counts; it goes with this one."""
    folder = tempfile.TemporaryDirectory(prefix="ringback-")
    atexit.register(folder.cleanup)
    os.environ[FOLDER] = folder.name


def start(arguments: Sequence[str], port: int, count: int) -> None:
    """Starts so many further processes, waits until they are ready, and starts another for each that ends.

    Each ends with this one, however this one ends: its standard input is closed then.
    """
    command = [sys.executable, "-m", "mock_server", *arguments, "--port", str(port), "--json", "--end-with-stdin"]
    started = [_started(command) for _ in range(count)]
    for process in started:
        if not _ready(process):
            fail("serve", "a further process could not be started; what it said stands above")
    for process in started:
        Thread(target=_watch, args=(command, process), name="worker", daemon=True).start()


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command, with the arguments that we were given
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, _MARK: "1"}, start_new_session=True
    )


def _ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    return bool(process.stdout.readline())


def _watch(command: Sequence[str], process: subprocess.Popen[bytes]) -> None:
    while True:
        code = process.wait()
        log.warning("a process of this server has ended (%d); another takes its place", code)
        sleep(_AGAIN_SECONDS)
        process = _started(command)
        _ready(process)
