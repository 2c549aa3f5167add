"""`ringback requests`: what a running server was asked, listed, followed, verified and counted."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mock_server.commands.remote.asking import ALL, EVERYWHERE, command, given, group, print_or_stop
from mock_server.commands.remote.tables import REQUESTS, rows_of, unmatched, verdict
from mock_server.commands.remote.texts import as_json
from mock_server.process.terminal import Paint, painter, printable, status_style

if TYPE_CHECKING:
    from ringback.client import Control

_FILTERS = ("provider", "operation", "status", "method", "path", "since")
QUERY = "what to look for: teli status:500 op:updatePhoneAgent -fault:* body.area_code:415"


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    requests = group(commands, "requests", "see what a running server was asked")
    listing = command(
        requests,
        "list",
        _list_requests,
        f"show exchanges, newest first{EVERYWHERE}",
        rows_of("requests", REQUESTS, "no requests"),
    )
    listing.add_argument("query", nargs="*", metavar="QUERY", help=QUERY)
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default 20)")
    listing.add_argument("--follow", action="store_true", help="go on with what happens, newest last; Ctrl-C ends it")
    verify = command(requests, "verify", _verify, "check how often something was asked; exit code 1 if not so", verdict)
    verify.add_argument("--times", metavar="T", help="`exactly N`, `at least N` (default: at least 1), `at most N`")
    verify.add_argument("--body", type=as_json, metavar="JSON", help="what the body must contain")
    for parser in (listing, verify):
        for name in _FILTERS:
            parser.add_argument(f"--{name}", type=int if name == "status" else str, metavar=name.upper())
    counting = command(
        requests,
        "count",
        lambda o, c: c.call(
            "GET", "/requests/count", **{"space": ALL, "q": words(o.query), **given(o, "space", *_FILTERS)}
        ),
        f"how many exchanges fit{EVERYWHERE}",
        lambda answer, paint: [str(answer["count"])],
    )
    counting.add_argument("query", nargs="*", metavar="QUERY", help=QUERY)
    for name in _FILTERS:
        counting.add_argument(f"--{name}", type=int if name == "status" else str, metavar=name.upper())
    command(
        requests,
        "unmatched",
        lambda o, c: c.call("GET", "/requests/unmatched", space=o.space or ALL),
        f"what nobody understood, and what it may have meant{EVERYWHERE}",
        unmatched,
    )


def _list_requests(options: argparse.Namespace, control: Control) -> Any:
    query = words(options.query)
    wanted = {"space": ALL, "q": query, **given(options, "space", "limit", *_FILTERS)}
    answer = control.call("GET", "/requests", order="newest", **wanted)
    if not options.follow:
        return answer
    paint = painter(sys.stdout)
    rows = answer["requests"][::-1]
    print_or_stop(_live(rows, options, paint))
    after = max((row["number"] for row in rows), default=0)
    # The command line's filters are few: what the stream brings is looked at here.
    filters = given(options, *(name for name in _FILTERS if name != "since"))
    for row in control.follow(space=options.space, after=after, q=query):
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
    return control.call("POST", "/requests/verify", given(options, "space", "times", "body", *_FILTERS))


def words(query: list[str]) -> str | None:
    """The words of a query, each as the shell took it apart: one with a blank in it was quoted there."""
    return " ".join(_quoted(word) if " " in word and '"' not in word else word for word in query) or None


def _quoted(word: str) -> str:
    head, colon, value = word.partition(":")
    return f'{head}:"{value}"' if colon and " " not in head else f'"{word}"'


def negations(arguments: list[str]) -> list[str]:
    """The arguments of a search, where `-fault:*` is no flag: a term that must not fit, also written `!fault:*`."""
    if arguments[:2] not in (["requests", "list"], ["requests", "count"]):
        return arguments
    return [f"!{one[1:]}" if re.match(r"-[A-Za-z\"]", one) and one != "-h" else one for one in arguments]


def with_rest(options: argparse.Namespace, unknown: list[str]) -> list[str]:
    """Takes words that stand behind flags into the query; returns what is left."""
    if not hasattr(options, "query"):
        return unknown
    options.query = [*options.query, *(one for one in unknown if not one.startswith("-"))]
    return [one for one in unknown if one.startswith("-")]
