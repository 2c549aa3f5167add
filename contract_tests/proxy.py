"""`ringback proxy VENDOR --target ORIGIN`: an endpoint behind a guard, every exchange with it judged, as a command."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from contract_tests.endpoint.mock import OwnMock
from contract_tests.endpoint.opening import bracketed
from contract_tests.endpoint.transport import TIMEOUT_SECONDS
from contract_tests.options import Settings, WrongUsage, relayed
from contract_tests.reports.outputs import CannotWrite, Outputs, say
from mock_server.spec import SpecError

if TYPE_CHECKING:
    from contract_tests.proxying.serving import Proxy

USAGE = 2
PORT = 4020
INSTEAD = ("refusal", "mock")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; `ringback proxy --help` lists what is understood")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"ringback proxy: {message}\n")
    raise SystemExit(USAGE)


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = _Parser(
        prog="ringback proxy",
        description="Stand between an application and an endpoint: pass on what is allowed, and judge every exchange.",
        epilog="Exit codes, when it is told to stop: 0 the contract held, 1 it did not, 2 wrong usage or broken spec.",
    )
    add = made.add_argument
    add("provider", metavar="VENDOR", help="whose endpoint it is")
    add("--target", required=True, metavar="ORIGIN", help="the endpoint: scheme, host, and perhaps a port and a prefix")
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--port", type=int, default=PORT, metavar="N", help=f"port to listen on, 0 for a free one (default {PORT})")
    add("--real", action="store_true", help="treat the target as one that costs money although it is on loopback")
    add(
        "--allow",
        metavar="LIST",
        help="what may be sent: read,write,purchase,lasting (default: all on loopback, else read)",
    )
    add(
        "--number",
        action="append",
        default=[],
        metavar="NUMBER",
        help="write this number of the account only; repeatable. Where the target costs money no other is written",
    )
    add("--max-requests", type=int, metavar="N", help="pass at most so many requests on")
    add(
        "--max-purchases",
        type=int,
        metavar="N",
        help="pass at most so many requests on that may cost money (default: 1 where the target does)",
    )
    add(
        "--instead",
        choices=INSTEAD,
        default=INSTEAD[0],
        help="what is not allowed is refused in the vendor's words (default), or carried out by a mock",
    )
    add("--api-key-env", metavar="VAR", help="put in the API key that this environment variable holds")
    add("--api-key-file", metavar="F", help="put in the API key that this file holds")
    add("--ca-file", metavar="F", help="trust the authorities in this file (PEM) as well")
    add(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"how long the target may send nothing of an answer (default {TIMEOUT_SECONDS:g})",
    )
    add("--record", metavar="F.har", help="keep every exchange with the target as HAR 1.2, secrets masked")
    add(
        "--fail-on",
        choices=("documented", "observed", "assumed"),
        default="documented",
        help="the weakest evidence whose breach is a finding (default documented)",
    )
    add("--notes", action="store_true", help="tell every note at the end, in place of how many there are")
    add("--json", action="store_true", help="one JSON object a line in place of text")
    add("--specs", metavar="DIR", help="a folder with specs of your own, DIR/<vendor>.yaml and DIR/fixtures/")
    add("--behaviours", metavar="F", help="a Python file whose table BEHAVIOURS has functions for their operations")
    return made


def proxy(arguments: Sequence[str]) -> int:
    """Serves until a signal; returns the exit code."""
    options = parser().parse_args(list(arguments))
    try:
        settings = relayed(options)
    except WrongUsage as error:
        _fail(str(error))
    # The mock needs as long to start as all that is imported here.
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(_mock)
        try:
            made = _made(options, settings)
        except SystemExit:
            mock = starting.result()
            if mock is not None:
                mock.stop()
            raise
        mock = starting.result()
    if mock is None:
        _fail("the mock beside it did not start, and said why")
    from contract_tests.proxying.serving import CannotListen, serve

    try:
        return serve(made, mock, lambda port: _ready(options, settings, port, mock.control))
    except CannotListen as error:
        _fail(str(error))
    finally:
        mock.stop()


def _mock() -> OwnMock | None:
    try:
        return OwnMock(seed=None)
    except RuntimeError:
        return None


def _made(options: argparse.Namespace, settings: Settings) -> Proxy:
    """What is to be served; ends the process where it cannot be."""
    from contract_tests.proxying.serving import Proxy
    from contract_tests.proxying.wanted import Wanted
    from mock_server.spec import load_all

    try:
        specs = load_all()
    except SpecError as error:
        _fail(str(error))
    if options.provider not in specs:
        _fail(f"{options.provider}: no such vendor; there are {', '.join(specs)}")
    if options.record is not None:
        try:
            Outputs().add("har", f"--record {options.record}", options.record)
        except CannotWrite as error:
            _fail(str(error))
    key = settings.api_key
    wanted = Wanted(
        provider=options.provider,
        origin=settings.targets[""],
        fail_on=settings.fail_on,
        key=key.secret if key is not None else None,
        name=key.name if key is not None else "",
        record=Path(options.record) if options.record is not None else None,
        as_json=options.json,
        notes=options.notes,
    )
    return Proxy(specs, settings, wanted, options.host, options.port, options.instead == "mock")


def _ready(options: argparse.Namespace, settings: Settings, port: int, control: str) -> None:
    url, origin = f"http://{bracketed(options.host)}:{port}", settings.targets[""]
    if options.json:
        where = {"url": url, "vendor": options.provider, "target": origin, "control": control}
        say(json.dumps({"event": "ready", **where}))
        return
    allowed = ", ".join(settings.allowed_for(origin))
    say(f"{options.provider} at {url} in place of {origin}, to which pass: {allowed}")
    say(f"console: {control}/console")
