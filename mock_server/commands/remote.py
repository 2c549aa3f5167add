"""The commands that speak to a running server: `ringback faults`, `requests`, `reset`, `state`, `clock` and so on."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mock_server.commands.tables import (
    FAULTS,
    REQUESTS,
    SNAPSHOTS,
    SPACES,
    STUBS,
    rows_of,
    time_of,
    unmatched,
    verdict,
)
from mock_server.logs import printable
from mock_server.terminal import Paint, painter, status_style

if TYPE_CHECKING:
    from ringback.client import Control

ALL = "*"
EVERYWHERE = ", of every space or of --space"
Show = Callable[[Any, Paint], Iterable[str]]

FAILED, USAGE, UNREACHABLE = 1, 2, 3
_UNDELIVERED = ("failed", "refused", "dropped")
_FILTERS = ("provider", "operation", "status", "method", "path", "since")


def default_url(environment: Mapping[str, str]) -> str:
    """Where the server is: RINGBACK_URL, or where `ringback serve` would be in this environment."""
    scheme = "https" if environment.get("RINGBACK_TLS_CERT") else "http"
    return environment.get("RINGBACK_URL") or f"{scheme}://127.0.0.1:{environment.get('RINGBACK_PORT') or 4010}"


def control(url: str, token: str | None = None) -> Control:
    """The control API there; a certificate of the server's own is that of RINGBACK_TLS_CERT."""
    from ringback.client import Control

    return Control(url, token, authority=os.environ.get("RINGBACK_TLS_CERT") if url.startswith("https") else None)


def add_ready(commands: Any) -> None:
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


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    faults = _group(commands, "faults", "choose answers and faults of a running server in advance")
    add = _command(faults, "add", _add_fault, "write a rule")
    add.add_argument("provider", metavar="PROVIDER")
    add.add_argument("operation", metavar="OPERATION", help="an operation's id, or * for all")
    add.add_argument("--example", metavar="NAME", help="answer with this named answer")
    add.add_argument("--status", type=int, metavar="N", help="answer with this status")
    add.add_argument("--body", type=_json, metavar="JSON", help="the answer's body")
    add.add_argument("--header", action="append", default=[], type=_header, metavar="'NAME: VALUE'")
    add.add_argument("--fault", metavar="KIND", help="reset, empty, truncate, malformed-json, hang or slow-drip")
    add.add_argument("--delay-ms", type=float, metavar="N")
    add.add_argument(
        "--match", action="append", default=[], type=_match, metavar="body.x=TEXT", help="body.x:=JSON too"
    )
    for name, kind in (("after", int), ("every", int), ("times", int), ("probability", float)):
        add.add_argument(f"--{name}", type=kind, metavar="N")
    _command(
        faults,
        "list",
        lambda o, c: c.call("GET", "/faults", space=o.space or ALL),
        f"show the rules and their hits{EVERYWHERE}",
        rows_of("faults", FAULTS, "no rules"),
    )
    _command(
        faults,
        "clear",
        lambda o, c: c.call("DELETE", "/faults", space=o.space or ALL),
        f"forget all rules{EVERYWHERE}",
    )

    requests = _group(commands, "requests", "see what a running server was asked")
    listing = _command(
        requests,
        "list",
        _list_requests,
        f"show exchanges, newest first{EVERYWHERE}",
        rows_of("requests", REQUESTS, "no requests"),
    )
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default 20)")
    listing.add_argument("--follow", action="store_true", help="go on with what happens, newest last; Ctrl-C ends it")
    verify = _command(
        requests, "verify", _verify, "check how often something was asked; exit code 1 if not so", verdict
    )
    verify.add_argument("--times", metavar="T", help="`exactly N`, `at least N` (default: at least 1), `at most N`")
    verify.add_argument("--body", type=_json, metavar="JSON", help="what the body must contain")
    for parser in (listing, verify):
        for name in _FILTERS:
            parser.add_argument(f"--{name}", type=int if name == "status" else str, metavar=name.upper())
    counting = _command(
        requests,
        "count",
        lambda o, c: c.call("GET", "/requests/count", **{"space": ALL, **_given(o, "space", *_FILTERS)}),
        f"how many exchanges fit{EVERYWHERE}",
        lambda answer, paint: [str(answer["count"])],
    )
    for name in _FILTERS:
        counting.add_argument(f"--{name}", type=int if name == "status" else str, metavar=name.upper())
    _command(
        requests,
        "unmatched",
        lambda o, c: c.call("GET", "/requests/unmatched", space=o.space or ALL),
        f"what nobody understood, and what it may have meant{EVERYWHERE}",
        unmatched,
    )

    _command(
        commands,
        "reset",
        lambda o, c: c.call("POST", "/reset", space=o.space),
        f"back to the fixtures{EVERYWHERE}",
        lambda answer, paint: [f"back to the fixtures: {', '.join(answer['reset'])}"],
    )

    state = _group(commands, "state", "take a running server's state out and in")
    _command(state, "export", lambda o, c: c.call("GET", "/state", space=o.space), "print everything the space holds")
    load = _command(state, "import", _import, "put a state in the place of what the space holds")
    load.add_argument("file", metavar="FILE", help="what export printed; - for stdin")
    _add_stubs(commands)
    _add_calls(commands)
    _add_deliveries(commands)
    _add_worlds(commands)
    _add_time(commands)


def _add_stubs(commands: Any) -> None:
    stubs = _group(commands, "stubs", "answer what a vendor's spec does not have")
    add = _command(stubs, "add", _add_stub, "write an answer for a method and path")
    add.add_argument("provider", metavar="PROVIDER")
    add.add_argument("method", metavar="METHOD")
    add.add_argument("path", metavar="PATH", help="the vendor's whole path; {name} stands for any one segment")
    add.add_argument("--status", type=int, default=200, metavar="N", help="default 200")
    add.add_argument(
        "--body", type=_json_or_file, metavar="JSON", help="the answer's body, or @FILE; {{path.name}} in it is filled"
    )
    add.add_argument("--header", action="append", default=[], type=_header, metavar="'NAME: VALUE'")
    _command(
        stubs,
        "list",
        lambda o, c: c.call("GET", "/stubs", space=o.space),
        "show the stubs and their hits",
        rows_of("stubs", STUBS, "no stubs"),
    )
    remove = _command(
        stubs, "remove", lambda o, c: c.call("DELETE", f"/stubs/{quote(o.id, safe='')}", space=o.space), "forget one"
    )
    remove.add_argument("id", metavar="ID")


def _add_calls(commands: Any) -> None:
    dial = _command(commands, "dial", _dial, "ring a number of a space")
    dial.add_argument("to", metavar="NUMBER", help="a number of the space, as the vendor shows it")
    dial.add_argument("--from", dest="caller", metavar="NUMBER", help="who calls")
    dial.add_argument("--provider", metavar="P", help="where several vendors have the number")
    dial.add_argument("--outcome", metavar="O", help="answered, no-answer, busy, voicemail or failed")
    dial.add_argument(
        "--say", type=_said, metavar="FILE", help="what the caller says, a line each; `agent: ...` is said by the agent"
    )
    calls = _group(commands, "calls", "see and end the calls of a space")
    listing = _command(
        calls,
        "list",
        lambda o, c: c.call("GET", "/calls", **_given(o, "space", "provider", "state", "limit")),
        "show the calls, oldest first",
    )
    listing.add_argument("--provider", metavar="P")
    listing.add_argument("--state", metavar="S", help="queued, ringing, in-progress or ended")
    listing.add_argument("--limit", type=int, metavar="N")
    end = _command(
        calls,
        "hangup",
        lambda o, c: c.call("POST", f"/calls/{quote(o.id, safe='')}/hangup", space=o.space),
        "end one that is under way",
    )
    end.add_argument("id", metavar="ID")


def _add_deliveries(commands: Any) -> None:
    webhooks = _group(commands, "webhooks", "where a space's events go")
    _command(webhooks, "list", lambda o, c: c.call("GET", "/webhooks", space=o.space), "show the addresses")
    put = _command(webhooks, "set", _set_webhook, "send a vendor's events to an address")
    put.add_argument("provider", metavar="PROVIDER")
    put.add_argument("address", metavar="ADDRESS")
    put.add_argument("--secret", metavar="S", help="signs the deliveries (default: the space's key)")
    put.add_argument("--event", action="append", metavar="E", help="only this event; repeatable")
    put.add_argument("--fail", action="append", type=int, metavar="STATUS", help="of the next attempt; 0: no answer")
    clear = _command(
        webhooks,
        "clear",
        lambda o, c: c.call("DELETE", f"/webhooks/{quote(o.provider, safe='')}", space=o.space),
        "send them nowhere",
    )
    clear.add_argument("provider", metavar="PROVIDER")

    deliveries = _group(commands, "deliveries", "see what was delivered, and deliver it again")
    listing = _command(
        deliveries,
        "list",
        lambda o, c: c.call("GET", "/deliveries", **_given(o, "space", "provider", "event", "state", "call", "limit")),
        "show deliveries, newest last",
    )
    listing.add_argument("--limit", type=int, metavar="N")
    verify = _command(
        deliveries,
        "verify",
        lambda o, c: c.call(
            "POST", "/deliveries/verify", _given(o, "space", "provider", "event", "state", "call", "times", "body")
        ),
        "check how often something was delivered; exit code 1 if not so",
    )
    verify.add_argument("--times", metavar="T", help="`exactly N`, `at least N` (default: at least 1), `at most N`")
    verify.add_argument("--body", type=_json, metavar="JSON", help="what the body must contain")
    for parser in (listing, verify):
        for name in ("provider", "event", "state", "call"):
            parser.add_argument(f"--{name}", metavar=name.upper())
    replay = _command(
        deliveries,
        "replay",
        lambda o, c: c.call("POST", f"/deliveries/{o.number}/replay", space=o.space),
        "send one again; exit code 1 if it does not arrive",
    )
    replay.add_argument("number", type=int, metavar="N")

    deliver = _command(commands, "deliver", _deliver, "send one documented event to an application")
    deliver.add_argument("provider", metavar="VENDOR")
    deliver.add_argument("event", metavar="EVENT")
    deliver.add_argument("--to", required=True, metavar="ADDRESS")
    deliver.add_argument("--call", metavar="ID", help="a call to tell of (default: what the page shows)")
    deliver.add_argument("--secret", metavar="S")


def _set_webhook(options: argparse.Namespace, control: Control) -> Any:
    wanted = {"url": options.address, **_given(options, "secret")}
    if options.event:
        wanted["events"] = options.event
    if options.fail:
        wanted["failures"] = options.fail
    return control.call("PUT", f"/webhooks/{quote(options.provider, safe='')}", wanted, space=options.space)


def _deliver(options: argparse.Namespace, control: Control) -> Any:
    return control.call("POST", "/deliveries", _given(options, "space", "provider", "event", "to", "call", "secret"))


def _dial(options: argparse.Namespace, control: Control) -> Any:
    wanted = _given(options, "space", "to", "provider", "outcome", "say")
    if options.caller is not None:
        wanted["from"] = options.caller
    return control.call("POST", "/calls", wanted)


def _said(file: str) -> list[dict[str, str]]:
    try:
        lines = (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{file}: {error}") from None
    said = []
    for line in filter(str.strip, lines):
        speaker, colon, text = line.partition(":")
        known = colon and speaker.strip().lower() in ("agent", "caller")
        said.append(
            {"speaker": speaker.strip().lower(), "text": text.strip()} if known else {"speaker": "caller", "text": line}
        )
    return said


def _add_stub(options: argparse.Namespace, control: Control) -> Any:
    stub = _given(options, "space", "provider", "method", "path", "status")
    if options.body is not None:
        stub["body"] = options.body[0]
    if options.header:
        stub["headers"] = dict(options.header)
    return control.call("POST", "/stubs", {**stub, "method": options.method.upper()})


def _add_worlds(commands: Any) -> None:
    snapshots = _group(commands, "snapshots", "keep states under a name and put them back")
    _command(
        snapshots,
        "list",
        lambda o, c: c.call("GET", "/snapshots"),
        "show what is kept",
        rows_of("snapshots", SNAPSHOTS, "no snapshots"),
    )
    take = _command(
        snapshots, "take", lambda o, c: c.call("POST", "/snapshots", _given(o, "name", "space")), "keep one"
    )
    restore = _command(
        snapshots,
        "restore",
        lambda o, c: c.call("POST", f"/snapshots/{quote(o.name, safe='')}/restore", space=o.space),
        "put one back, into --space or where it was taken",
    )
    forget = _command(
        snapshots, "delete", lambda o, c: c.call("DELETE", f"/snapshots/{quote(o.name, safe='')}"), "forget one"
    )
    for parser in (take, restore, forget):
        parser.add_argument("name", metavar="NAME")

    spaces = _group(commands, "spaces", "list, open and close spaces")
    _command(
        spaces, "list", lambda o, c: c.call("GET", "/spaces"), "show the open spaces", rows_of("spaces", SPACES, "none")
    )
    create = _command(
        spaces,
        "create",
        lambda o, c: c.call("POST", "/spaces", _given(o, "name", "fork", "snapshot", "seed")),
        "open one from the fixtures, a snapshot or another space",
    )
    create.add_argument("--fork", metavar="KEY", help="begin as a copy of this space")
    create.add_argument("--snapshot", metavar="NAME", help="begin as this snapshot")
    create.add_argument("--seed", type=int, metavar="N")
    close = _command(spaces, "delete", lambda o, c: c.call("DELETE", f"/spaces/{quote(o.name, safe='')}"), "forget one")
    for parser in (create, close):
        parser.add_argument("name", metavar="KEY")


def _add_time(commands: Any) -> None:
    clock = _group(commands, "clock", "a space's time")

    def setting(**values: Any) -> Callable[[Any, Control], Any]:
        return lambda o, c: c.call("PUT", "/clock", {**_given(o, "now"), **values}, space=o.space)

    _command(clock, "show", lambda o, c: c.call("GET", "/clock", space=o.space), "what time it is", time_of)
    freeze = _command(clock, "freeze", setting(frozen=True), "let it stand still, at NOW if given")
    freeze.add_argument("now", nargs="?", metavar="NOW", help="ISO 8601")
    moved = _command(clock, "set", setting(frozen=False), "set it and let it run")
    moved.add_argument("now", metavar="NOW", help="ISO 8601")
    _command(clock, "real", lambda o, c: c.call("PUT", "/clock", {"now": None}, space=o.space), "real time again")
    advance = _command(
        clock, "advance", lambda o, c: c.call("POST", "/clock/advance", _given(o, "seconds"), space=o.space), "move it"
    )
    advance.add_argument("seconds", type=float, metavar="SECONDS")
    seed = _command(
        commands, "seed", lambda o, c: c.call("PUT", "/seed", _given(o, "seed"), space=o.space), "chance anew"
    )
    seed.add_argument("seed", type=int, metavar="N", help="the same seed and requests give the same bodies")


def _group(commands: Any, name: str, help: str) -> Any:
    group = commands.add_parser(name, help=help)
    return group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))


def _command(
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


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    found = {name: getattr(options, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _add_fault(options: argparse.Namespace, control: Control) -> Any:
    answer = _given(options, "example", "status", "body")
    if options.header:
        answer["headers"] = dict(options.header)
    names = "space provider operation fault delay_ms after every times probability".split()
    rule = _given(options, *names)
    if answer:
        rule["answer"] = answer
    if options.match:
        rule["match"] = dict(options.match)
    return control.call("POST", "/faults", rule)


def _list_requests(options: argparse.Namespace, control: Control) -> Any:
    wanted = {"space": ALL, **_given(options, "space", "limit", *_FILTERS)}
    answer = control.call("GET", "/requests", order="newest", **wanted)
    if not options.follow:
        return answer
    paint = painter(sys.stdout)
    rows = answer["requests"][::-1]
    print_or_stop(_live(rows, options, paint))
    after = max((row["number"] for row in rows), default=0)
    # The command line's filters are few: what the stream brings is looked at here.
    filters = _given(options, *(name for name in _FILTERS if name != "since"))
    for row in control.follow(space=options.space, after=after):
        if all(str(row.get(name)) == str(value) for name, value in filters.items()):
            print_or_stop(_live([dict(row)], options, paint))
    return None


def _live(rows: list[dict[str, Any]], options: argparse.Namespace, paint: Paint) -> Iterator[str]:
    """One line for each exchange, whose columns do not wait for those to come."""
    for row in rows:
        if options.json:
            yield json.dumps(row, ensure_ascii=False)
            continue
        status = paint(f"{row['status'] or '---'}", status_style(row["status"]))
        asked = printable(row["operation"] or f"{row['method']} {row['path']}")
        chosen = paint(f" [{printable(row['fault'])}]", "cyan") if row["fault"] else ""
        yield f"{row['number']:>5}  {row['at'][11:19]}  {status}  {row['provider']:<10}  {asked}{chosen}"


def _verify(options: argparse.Namespace, control: Control) -> Any:
    return control.call("POST", "/requests/verify", _given(options, "space", "times", "body", *_FILTERS))


def _import(options: argparse.Namespace, control: Control) -> Any:
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError) as error:
        from ringback.client import Refused

        raise Refused(0, f"{options.file}: {error}") from None
    return control.call("PUT", "/state", document, space=options.space)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON") from None


def _json_or_file(text: str) -> tuple[Any]:
    """The JSON of an argument or of the file it names, in a tuple so that null is not mistaken for nothing."""
    if not text.startswith("@"):
        return (_json(text),)
    try:
        return (_json(Path(text[1:]).read_text(encoding="utf-8")),)
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{text[1:]}: {error}") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r}: 'Name: value' is needed")
    return name.strip(), value.strip()


def _match(text: str) -> tuple[str, Any]:
    """`body.x=5` is the text "5", `body.x:=5` the JSON number."""
    place, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: body.x=TEXT or body.x:=JSON is needed")
    return (place[:-1], _json(value)) if place.endswith(":") else (place, value)
