"""The `ringback` command: serve, check, diff, operations, and what speaks to a running server."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from mock_server import __version__
from mock_server.commands.usage import USAGE, fail
from mock_server.process.limits import DEFAULTS, MEANINGS, Limits
from mock_server.process.limits import flag as limit_flag
from mock_server.process.limits import names as limit_names
from mock_server.process.terminal import printable

MAX_DRAIN_SECONDS = 3600.0
_HARNESS = ("hypothesis", "jsonschema", "pytest", "schemathesis", "urllib3")
"""What the extra `check` brings."""


class _Formatter(argparse.HelpFormatter):
    """As argparse's own, which asks for the terminal's width for each flag, and forgets how far in a command stands."""

    _columns = 0

    def __init__(self, prog: str, **more: Any) -> None:
        if not _Formatter._columns:
            from shutil import get_terminal_size

            _Formatter._columns = get_terminal_size().columns
        super().__init__(prog, **{"width": _Formatter._columns - 2, **more})

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += self._indent_increment


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and exits with 2."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **more})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from difflib import get_close_matches

            near = get_close_matches(str(value), [str(one) for one in action.choices], 1)
            if near:
                raise argparse.ArgumentError(action, f"{value!r} is unknown; did you mean {near[0]!r}?")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {printable(message)}; `{self.prog} --help` lists what is understood\n")
        raise SystemExit(USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    if arguments is None and sys.argv[1:2] == ["serve"]:
        # From here on, not only when the server is ready: libraries that an exception interrupts while they load
        # leave a traceback or crash.
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: os._exit(0))
        # What a start makes is there to stay: it is looked through when the server is ready, or never.
        gc.disable()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] != ["__complete"]:
        arguments = _with_own_specs(arguments)
    if arguments[:1] in (["check"], ["diff"], ["proxy"]):
        _need_harness(arguments[0])
    # The harness and its generators are imported only when they are used.
    if arguments[:1] == ["check"]:
        from contract_tests.cli import check

        return check(arguments[1:])
    if arguments[:1] == ["diff"]:
        from contract_tests.commands.diff import diff

        return diff(arguments[1:])
    if arguments[:1] == ["proxy"]:
        from contract_tests.commands.proxy import proxy

        return proxy(arguments[1:])
    if arguments[:1] == ["pages"]:
        from contract_tests.pages.command import pages

        return pages(arguments[1:])
    try:
        if arguments[:1] == ["serve"]:
            whole, commands = _empty()
            return _run(_add_serve(commands), *whole.parse_known_args(arguments), arguments)
        return _other(arguments)
    except KeyboardInterrupt:
        return 0


def _other(arguments: list[str]) -> int:
    """Runs a command that is none of the larger ones; what a server does not need is imported here."""
    from mock_server.commands import completion
    from mock_server.commands.remote import requests

    if arguments[:1] == [completion.HIDDEN]:
        print("\n".join(completion.candidates(parser(), arguments[1:])))
        return 0
    whole = parser(next(iter(arguments), None))
    options, unknown = whole.parse_known_args(requests.negations(arguments))
    if options.command is None and not unknown:
        whole.print_help()
        return USAGE
    named = completion.commands_of(whole).get(options.command, whole)
    return _run(named, options, requests.with_rest(options, unknown), arguments)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace, unknown: list[str], arguments: list[str]) -> int:
    """Runs the command that the options name; `parser` says what is wrong where there is more than it knows."""
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.arguments = arguments
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _with_own_specs(arguments: list[str]) -> list[str]:
    """Takes `--specs` and `--behaviours`, which every command understands, into the environment."""
    kept, given = [], iter(arguments)
    for one in given:
        flag, equals, value = one.partition("=")
        if flag not in ("--specs", "--behaviours"):
            kept.append(one)
            continue
        named = value if equals else next(given, None)
        if not named:
            fail(arguments[0], f"{flag} needs a {'folder' if flag == '--specs' else 'Python file'}")
        # The harness starts a mock of its own, which has to find them too.
        os.environ["RINGBACK_" + flag.strip("-").upper()] = os.path.abspath(named)
    return kept


def _empty() -> tuple[_Parser, Any]:
    """The command line without a command, and where to add them."""
    whole = _Parser(prog="ringback", description="A local stand-in for the phone-number APIs of voice-AI vendors.")
    whole.add_argument("--version", action="version", version=f"ringback {__version__}")
    return whole, whole.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)


def parser(wanted: str | None = None) -> _Parser:
    """The whole command line, or no more than the wanted command needs of those that speak to a server.

    `check`, `diff`, `pages` and `proxy` have parsers of their own, with the harness.
    """
    from mock_server.commands import completion, remote

    whole, commands = _empty()
    file = remote.file_of(wanted)
    if file is not None:
        remote.add_commands(commands, file)
        completion.explain(whole)
        return whole
    from mock_server.commands import adoption, operations, specs, tools

    _add_serve(commands)
    operations.add_command(commands)
    specs.add_spec(commands)
    adoption.add_adopt(commands)
    remote.add_commands(commands)
    tools.add_command(commands)
    completion.add_command(commands)
    commands.add_parser("check", help="check a server against the vendors' documentation", add_help=False)
    commands.add_parser("diff", help="tell where a recording and the mock differ", add_help=False)
    commands.add_parser("pages", help="tell which statements rest on a page that has changed", add_help=False)
    commands.add_parser("proxy", help="judge what passes between an application and an endpoint", add_help=False)
    completion.explain(whole)
    return whole


def _need_harness(command: str) -> None:
    """Ends the process with one line where only what serving needs is installed."""
    from importlib.util import find_spec

    needed = (*_HARNESS, "httptools") if command == "proxy" else _HARNESS
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        fail(command, f"{', '.join(missing)}: not installed; `pip install 'ringback[check]'` brings the harness")


def _env(flag: str, default: Any = None) -> Any:
    """The default of a flag: its upper-cased name in the environment (`--port` is RINGBACK_PORT)."""
    return os.environ.get("RINGBACK_" + flag.strip("-").upper().replace("-", "_")) or default


def _env_switch(flag: str) -> bool:
    return str(_env(flag, "")).strip().lower() not in ("", "0", "false", "no", "off")


def _env_list(flag: str) -> list[str]:
    return [part.strip() for part in (_env(flag) or "").split(",") if part.strip()]


def _add_serve(commands: Any) -> _Parser:
    parser: _Parser = commands.add_parser(
        "serve",
        help="serve the vendors' APIs on one port",
        epilog="Every flag can be set in the environment: --port is RINGBACK_PORT, --only is RINGBACK_ONLY, ...",
    )
    add = parser.add_argument
    add("--host", default=_env("host", "127.0.0.1"), help="address to listen on (default 127.0.0.1)")
    add("--port", default=_env("port", "4010"), help="port, 0 for a free one (default 4010)")
    add("--only", default=_env("only"), metavar="P", help="serve one vendor, mounted at the root")
    add(
        "--seed", default=_env("seed"), metavar="N", help="reproducible ids, numbers and times (the clock stands still)"
    )
    add(
        "--store",
        default=_env("store", "memory://"),
        metavar="URL",
        help="where state is kept: memory:// (default); sqlite:///FILE, which survives restarts, for several processes"
        " of one host; redis://HOST (Redis or Valkey) for several hosts",
    )
    add("--workers", default=_env("workers", "1"), metavar="N", help="processes that serve the port (default 1)")
    add("--specs", metavar="DIR", help="a folder with specs of your own, DIR/<vendor>.yaml and DIR/fixtures/")
    add("--behaviours", metavar="F", help="a Python file whose table BEHAVIOURS has functions for their operations")
    add("--fixtures", default=_env("fixtures"), metavar="DIR", help="a folder with your own <vendor>.yaml files")
    add("--accept-key", action="append", default=None, metavar="KEY", help="accept this API key, or `any`; repeatable")
    add("--tls-cert", default=_env("tls-cert"), metavar="F", help="certificate (PEM) for https")
    add("--tls-key", default=_env("tls-key"), metavar="F", help="private key (PEM) for https")
    add("--no-cors", action="store_true", default=_env_switch("no-cors"), help="no CORS headers for browsers")
    add("--control-token", default=_env("control-token"), metavar="T", help="bearer token of the control API")
    add("--allowed-host", action="append", default=None, metavar="H", help="Host name that may use the control API")
    add(
        "--webhook-host",
        action="append",
        default=None,
        metavar="H",
        help="host name, beside loopback, that events may be delivered to; repeatable",
    )
    add(
        "--drain",
        default=_env("drain"),
        metavar="SECONDS",
        help="when told to stop, go on with what is under way for so long (default 5); a second signal ends at once",
    )
    add(
        "--log",
        nargs="?",
        const="text",
        default=_env("log"),
        metavar="FORM",
        help="a line for each request on standard error: text (default at a terminal), json, off",
    )
    add("--json", action="store_true", default=_env_switch("json"), help="print one JSON line when ready")
    bounds = parser.add_argument_group("limits", "what the server holds at most; at a limit an answer names it")
    for name in limit_names():
        counted, then = MEANINGS[name]
        flag, default = limit_flag(name), getattr(DEFAULTS, name)
        text = f"{counted} (default {default}); then: {then}".replace("%", "%%")
        bounds.add_argument(flag, dest=f"max_{name}", default=_env(flag), metavar="N", help=text)
    add(
        "--end-with-stdin",
        action="store_true",
        default=_env_switch("end-with-stdin"),
        help="stop when standard input is closed, and so with the program that started it, however that ends",
    )
    parser.set_defaults(run=_serve)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from ipaddress import ip_address

    from mock_server.catalogue import open_services, provider_names
    from mock_server.commands import workers
    from mock_server.commands.log import LOG_FORMS, begin_log, log_requests
    from mock_server.gateway import Gateway
    from mock_server.spec import SpecError
    from mock_server.stores import StoreRefused
    from mock_server.wire.serving import CannotServe, free_port, resolved, serve

    if options.end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    form = options.log or ("text" if sys.stderr.isatty() else "off")
    if form not in LOG_FORMS:
        fail("serve", f"--log {form}: there are {', '.join(LOG_FORMS)}")
    stderr = begin_log(form)
    try:
        names = provider_names()
    except SpecError as error:
        fail("serve", str(error))
    options.only = options.only and options.only.lower()
    if options.only is not None and options.only not in names:
        fail("serve", f"--only {options.only}: no such vendor; there are {', '.join(names)}")
    port, seed = _integer("--port", options.port), _integer("--seed", options.seed)
    count = 1 if workers.is_worker() else _workers(options)
    drain = _drain(options.drain)
    if options.control_token is not None and not options.control_token.strip():
        fail("serve", "--control-token is empty: give one that nobody guesses, or leave the flag out on loopback")
    tls = _tls(options.tls_cert, options.tls_key)
    try:
        address = resolved(options.host)
        vendors, fixtures = [options.only] if options.only else None, _fixtures(options.fixtures, names)
        if count > 1:
            workers.prepare()
        services = open_services(
            vendors,
            fixtures=fixtures,
            accepted_keys=options.accept_key if options.accept_key is not None else _env_list("accept-key"),
            seed=seed,
            store=options.store,
            limits=_limits(options),
        )
        allowed = options.allowed_host if options.allowed_host is not None else _env_list("allowed-host")
        webhook_hosts = options.webhook_host if options.webhook_host is not None else _env_list("webhook-host")
        gateway = Gateway(
            services,
            only=options.only,
            cors=not options.no_cors,
            hosts=(options.host, *allowed),
            webhook_hosts=tuple(webhook_hosts),
            control_token=options.control_token,
            control_open=ip_address(address).is_loopback,
        )
        port = port or 0
        if not workers.is_worker():
            port = free_port(address, port)
        # Only other records than the packaged ones may make the documented requests fail.
        trial = None if fixtures is None or options.json else open_services(vendors, fixtures=fixtures)
        log_requests(gateway, stderr, form)
        if count > 1:
            workers.start(options.arguments, port, count - 1)
        serve(gateway, address, port, lambda: _announce(options, gateway, port, trial), tls, drain, stderr.flush)
    except StoreRefused as error:
        fail("serve", f"--store {error}")
    except (SpecError, CannotServe) as error:
        fail("serve", str(error))
    return 0


def _end_with_stdin() -> None:
    """Waits for the end of standard input, and then stops the server as a signal would."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _limits(options: argparse.Namespace) -> Limits:
    wanted = {name: getattr(options, f"max_{name}") for name in limit_names()}
    given = {name: _integer(limit_flag(name), text) for name, text in wanted.items() if text is not None}
    for name, value in given.items():
        if value is None or value < 1:
            fail("serve", f"{limit_flag(name)} {value}: a whole number above 0 is needed")
    return Limits(**{name: value for name, value in given.items() if value is not None})


def _workers(options: argparse.Namespace) -> int:
    from mock_server.commands.workers import MAX_WORKERS
    from mock_server.stores.opening import MEMORY

    count = _integer("--workers", options.workers)
    if count is None or not 1 <= count <= MAX_WORKERS:
        fail("serve", f"--workers {options.workers}: a whole number from 1 to {MAX_WORKERS} is needed")
    if count > 1 and options.store == MEMORY:
        fail(
            "serve",
            f"--workers {count} with --store {MEMORY}: each process would have a world of its own;"
            " name a store that they share, such as sqlite:///ringback.db or redis://HOST",
        )
    return count


def _drain(text: str | None) -> float:
    from mock_server.wire.serving import DRAIN_SECONDS

    try:
        seconds = DRAIN_SECONDS if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_DRAIN_SECONDS:
        fail("serve", f"--drain {text}: seconds from 0 to {MAX_DRAIN_SECONDS:g} are needed")
    return seconds


def _integer(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        fail("serve", f"{flag} {text}: a whole number is needed")


def _fixtures(folder: str | None, names: list[str]) -> Any:
    from pathlib import Path

    if folder is None:
        return None
    path = Path(folder)
    if not path.is_dir():
        fail("serve", f"--fixtures {folder}: there is no such folder")
    files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
    expected = ", ".join(f"{name}.yaml" for name in names)
    if not files:
        fail("serve", f"--fixtures {folder}: no fixtures in it; expected are {expected}")
    for file in files:
        if file.suffix != ".yaml" or file.stem not in names:
            fail("serve", f"--fixtures {folder}: {file.name} belongs to no vendor; expected are {expected}")
    return path


def _tls(cert: str | None, key: str | None) -> Any:
    import ssl
    from pathlib import Path

    if cert is None and key is None:
        return None
    if cert is None or key is None:
        fail("serve", "--tls-cert and --tls-key go together: give both, or neither")
    for flag, file in (("--tls-cert", cert), ("--tls-key", key)):
        if not Path(file).is_file():
            fail("serve", f"{flag} {file}: there is no such file")
    try:
        wrong = _unusable_key(Path(key).read_bytes())
        if wrong is not None:
            fail("serve", f"--tls-key {key}: {wrong}; `openssl req -x509 -newkey rsa:2048 -nodes` makes one that works")
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        fail("serve", f"--tls-cert {cert} and --tls-key {key} are no usable PEM pair: {error}")
    return Path(cert), Path(key)


def _unusable_key(pem: bytes) -> str | None:
    """Why the server could not use a private key that OpenSSL understands, or None."""
    import re
    from base64 import b64decode

    if b"ENCRYPTED" in pem:
        return "a key without a pass phrase is needed"
    kinds = ("2a864886f70d010101", "2a8648ce3d030107", "2b81040022", "2b6570")
    for title, text in re.findall(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----([\sA-Za-z0-9+/=]*)-----END", pem):
        if title != b"RSA " and not any(bytes.fromhex(kind) in b64decode(text) for kind in kinds):
            return "an RSA, P-256, P-384 or Ed25519 key is needed"
    return None


def _announce(options: argparse.Namespace, gateway: Any, port: int, trial: Any) -> None:
    """Prints where everything is: one JSON line, or a banner with a curl line per vendor."""
    from mock_server.commands.banner import lines, locations

    scheme = "https" if options.tls_cert else "http"
    where = locations(gateway, scheme, options.host, port)
    text = json.dumps(where) if options.json else "\n".join(lines(gateway, where, trial))
    # Whoever started the server may have closed its stdout; that is no reason not to serve.
    with suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
