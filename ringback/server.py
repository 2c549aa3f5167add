"""A running server: one that is started here as a process of its own, or one that runs already."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import IO, Any, Literal
from uuid import uuid4

from ringback.client import Control, RingbackError
from ringback.launch import command
from ringback.space import Space

_STOP_SECONDS = 5.0
_LOG_BYTES = 64 * 1024


class NotStarted(RingbackError):
    """The server did not start; the text is what it said."""


class Ringback:
    """A running server: `url` is its own address, `origins` are the vendors', `control` is the control API."""

    def __init__(self, url: str, origins: Mapping[str, str], control: Control) -> None:
        self.url = url
        self.origins = dict(origins)
        self.control = control

    def space(self, name: str | None = None) -> Space:
        """The space that the key of that name opens, or a fresh one: `with server.space() as space:` forgets it."""
        if name is None:
            name = f"test_{uuid4().hex}"
            self.control.call("POST", "/spaces", {"name": name})
        return Space(self.control, self.origins, name)


class Server(Ringback):
    """A server that was started here, and ends with `stop()`, with its `with` block, or with this process."""

    def __init__(
        self, process: subprocess.Popen[str], where: Mapping[str, Any], control: Control, log: IO[Any]
    ) -> None:
        super().__init__(where["url"], where["providers"], control)
        self.process = process
        self._log = log

    def log(self) -> str:
        """The last of what the server wrote to its standard error."""
        return _tail(self._log)

    def stop(self) -> None:
        """Ends the process."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        _close(self.process, self._log)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def start(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    only: str | None = None,
    fixtures: str | os.PathLike[str] | None = None,
    accept_keys: Iterable[str] = (),
    seed: int | None = None,
    cors: bool = True,
    tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    control_token: str | None = None,
    log: Literal["text", "json"] | None = None,
    startup_seconds: float = 30.0,
) -> Server:
    """Starts a server on a free port (or `port`) and waits until it answers; raises NotStarted with what it said.

    `only` serves one vendor at the root, `fixtures` is a folder with your own records, `accept_keys` are further API
    keys (or `any`), `seed` makes ids, numbers and times reproducible, `tls` is a certificate and its key (PEM files),
    `log` writes a line for each request to what `Server.log()` shows.
    """
    arguments = ["serve", "--json", "--end-with-stdin", "--host", host, "--port", str(port)]
    for flag, value in (("--only", only), ("--fixtures", fixtures), ("--seed", seed)):
        arguments += [] if value is None else [flag, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    for key in accept_keys:
        arguments += ["--accept-key", key]
    if not cors:
        arguments.append("--no-cors")
    if tls is not None:
        arguments += ["--tls-cert", os.fspath(tls[0]), "--tls-key", os.fspath(tls[1])]
    environment = _environment()
    if control_token is not None:
        # Not as an argument, which everybody on the machine can read.
        environment["RINGBACK_CONTROL_TOKEN"] = control_token
    if log is not None:
        environment["RINGBACK_LOG"] = log
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server
    process = subprocess.Popen(  # noqa: S603 - our own command
        command(*arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=environment,
        # Ctrl-C is for this process: the server has to outlive what tests do when they are interrupted.
        start_new_session=True,
    )
    line = _first_line(process, startup_seconds)
    if not line.endswith("\n"):
        process.kill()
        process.wait()
        said = _tail(errors).strip() or f"it was not ready after {startup_seconds:g} s"
        _close(process, errors)
        raise NotStarted(f"`ringback {' '.join(arguments)}` did not start: {said}")
    where = json.loads(line)
    control = Control(where["url"], control_token, authority=None if tls is None else tls[0])
    return Server(process, where, control, errors)


def connect(
    url: str = "http://127.0.0.1:4010", token: str | None = None, *, authority: str | os.PathLike[str] | None = None
) -> Ringback:
    """A server that runs already; raises Unreachable where nobody answers, Refused without the token it wants."""
    control = Control(url, token, authority=authority)
    where = control.call("GET", "/")
    return Ringback(control.url, where["providers"], control)


def _environment() -> dict[str, str]:
    """This process's environment without what is set there for another server: its certificate, token, store, ..."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}


def _first_line(process: subprocess.Popen[str], seconds: float) -> str:
    """The first line that a process prints; what there is of it when it ends, or when the time is over."""
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    text = b""
    while not text.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            break
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            break
        text += part
    return text.decode()


def _tail(log: IO[Any]) -> str:
    """The last lines of a file, read without moving the place at which the server writes."""
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), _LOG_BYTES, max(0, size - _LOG_BYTES)).decode("utf-8", "replace")


def _close(process: subprocess.Popen[str], log: IO[Any]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    log.close()
