"""`ringback proxy VENDOR --target ORIGIN`: an endpoint behind a guard, every exchange with it judged, as a command."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from contract_tests.endpoint.mock import OwnMock
from contract_tests.endpoint.opening import bracketed
from contract_tests.endpoint.transport import TIMEOUT_SECONDS
from contract_tests.flags import Parser, fail, flags
from contract_tests.options import Settings, WrongUsage, relayed
from contract_tests.reports.outputs import CannotWrite, Outputs, say
from mock_server.spec import SpecError

if TYPE_CHECKING:
    from contract_tests.proxying.serving import Proxy

PORT = 4020
INSTEAD = ("refusal", "mock")


_fail = partial(fail, "proxy")


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = Parser(
        prog="ringback proxy",
        description="Stand between an application and an endpoint: pass on what is allowed, and judge every exchange.",
        epilog="Exit codes, when it is told to stop: 0 the contract held, 1 it did not, 2 wrong usage or broken spec.",
    )
    add = made.add_argument
    add("provider", metavar="VENDOR", help="whose endpoint it is")
    add("--target", required=True, metavar="ORIGIN", help="the endpoint: scheme, host, and perhaps a port and a prefix")
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--port", type=int, default=PORT, metavar="N", help=f"port to listen on, 0 for a free one (default {PORT})")
    flags(add, "--real", "--allow", "--number", "--max-requests", "--max-purchases")
    add(
        "--instead",
        choices=INSTEAD,
        default=INSTEAD[0],
        help="what is not allowed is refused in the vendor's words (default), or carried out by a mock",
    )
    flags(
        add,
        *("--api-key-env", "--api-key-file", "--ca-file", "--timeout", "--record", "--fail-on", "--notes"),
        *("--specs", "--behaviours"),
        api_key_env="put in the API key that this environment variable holds",
        api_key_file="put in the API key that this file holds",
        timeout=f"how long the target may send nothing of an answer (default {TIMEOUT_SECONDS:g})",
    )
    add("--json", action="store_true", help="one JSON object a line in place of text")
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
