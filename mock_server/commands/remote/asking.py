"""How every command that speaks to a running server asks it, and shows what it says."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mock_server.process.terminal import Paint, painter, printable

if TYPE_CHECKING:
    from ringback.client import Control

ALL = "*"
EVERYWHERE = ", of every space or of --space"
Show = Callable[[Any, Paint], Iterable[str]]

FAILED, USAGE, UNREACHABLE = 1, 2, 3
_UNDELIVERED = ("failed", "refused", "dropped")


def default_url(environment: Mapping[str, str]) -> str:
    """Where the server is: RINGBACK_URL, or where `ringback serve` would be in this environment."""
    scheme = "https" if environment.get("RINGBACK_TLS_CERT") else "http"
    return environment.get("RINGBACK_URL") or f"{scheme}://127.0.0.1:{environment.get('RINGBACK_PORT') or 4010}"


def control(url: str, token: str | None = None) -> Control:
    """The control API there; a certificate of the server's own is that of RINGBACK_TLS_CERT."""
    from ringback.client import Control

    return Control(url, token, authority=os.environ.get("RINGBACK_TLS_CERT") if url.startswith("https") else None)


def group(commands: Any, name: str, help: str) -> Any:
    group = commands.add_parser(name, help=help)
    return group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))


def command(
    commands: Any, name: str, act: Callable[[Any, Control], Any], help: str, show: Show | None = None
) -> argparse.ArgumentParser:
    """A command whose answer is shown as `show` does; as JSON where there is nothing better, and for --json."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    url = default_url(os.environ)
    parser.add_argument("--url", default=url, metavar="URL", help=f"where the server is (default {url})")
    token = os.environ.get("RINGBACK_CONTROL_TOKEN")
    parser.add_argument("--control-token", default=token, metavar="T", help="bearer token of the control API")
    fallback = "every space" if EVERYWHERE in help else "the default space"
    parser.add_argument(
        "--space",
        default=os.environ.get("RINGBACK_SPACE") or None,
        metavar="KEY",
        help=f"a space's name, or a key that opens it (default {fallback}; RINGBACK_SPACE)",
    )
    parser.add_argument("--json", action="store_true", help="print the control API's answer")
    parser.set_defaults(run=lambda options: _run(options, act, show))
    return parser


def _run(options: argparse.Namespace, act: Callable[[Any, Control], Any], show: Show | None) -> int:
    # Imported on use: `--help` needs no HTTP.
    from ringback.client import Refused, Unreachable

    if getattr(options, "provider", None):
        options.provider = options.provider.lower()
    try:
        answer = act(options, control(options.url, options.control_token))
    except Refused as refused:
        sys.stderr.write(f"ringback: {printable(str(refused))}\n")
        return USAGE
    except Unreachable as unreachable:
        sys.stderr.write(
            f"ringback: nobody answers at {printable(str(unreachable))}; is `ringback serve` running there?\n"
        )
        return UNREACHABLE
    if answer is not None and (options.json or show is None):
        print_or_stop([json.dumps(answer, indent=2, ensure_ascii=False)])
    elif answer is not None and show is not None:
        print_or_stop(show(answer, painter(sys.stdout)))
    failed = isinstance(answer, dict) and (answer.get("passed") is False or answer.get("state") in _UNDELIVERED)
    return FAILED if failed else 0


def print_or_stop(lines: Iterable[str]) -> None:
    """Prints the lines until nobody reads them any more (`| head`)."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    found = {name: getattr(options, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
