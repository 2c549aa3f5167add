"""`ringback webhooks`, `deliveries` and `deliver`: where a space's events go, and what was delivered."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mock_server.commands.remote.asking import ALL, EVERYWHERE, command, given, group
from mock_server.commands.remote.tables import DELIVERIES, WEBHOOKS, delivery_of, row_of, rows_of, verdict
from mock_server.commands.remote.texts import as_json

if TYPE_CHECKING:
    from ringback.client import Control


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser of `ringback`."""
    webhooks = group(commands, "webhooks", "where a space's events go")
    command(
        webhooks,
        "list",
        lambda o, c: c.call("GET", "/webhooks", space=o.space or ALL),
        f"show the addresses{EVERYWHERE}",
        rows_of("webhooks", WEBHOOKS, "no webhooks"),
    )
    put = command(webhooks, "set", _set_webhook, "send a vendor's events to an address", row_of(WEBHOOKS))
    put.add_argument("provider", metavar="PROVIDER")
    put.add_argument("address", metavar="ADDRESS")
    put.add_argument("--secret", metavar="S", help="signs the deliveries (default: the space's key)")
    put.add_argument("--event", action="append", metavar="E", help="only this event; repeatable")
    put.add_argument("--fail", action="append", type=int, metavar="STATUS", help="of the next attempt; 0: no answer")
    clear = command(
        webhooks,
        "clear",
        lambda o, c: c.call("DELETE", f"/webhooks/{quote(o.provider, safe='')}", space=o.space),
        "send them nowhere",
    )
    clear.add_argument("provider", metavar="PROVIDER")

    deliveries = group(commands, "deliveries", "see what was delivered, and deliver it again")
    listing = command(
        deliveries,
        "list",
        lambda o, c: c.call(
            "GET",
            "/deliveries",
            order="newest",
            **{"space": ALL, **given(o, "space", "provider", "event", "state", "call", "contains", "limit")},
        ),
        f"show deliveries, newest first{EVERYWHERE}",
        rows_of("deliveries", DELIVERIES, "no deliveries"),
    )
    listing.add_argument("--limit", type=int, metavar="N")
    listing.add_argument("--contains", metavar="TEXT", help="in the address or the body")
    verify = command(
        deliveries,
        "verify",
        lambda o, c: c.call(
            "POST", "/deliveries/verify", given(o, "space", "provider", "event", "state", "call", "times", "body")
        ),
        "check how often something was delivered; exit code 1 if not so",
        verdict,
    )
    verify.add_argument("--times", metavar="T", help="`exactly N`, `at least N` (default: at least 1), `at most N`")
    verify.add_argument("--body", type=as_json, metavar="JSON", help="what the body must contain")
    for parser in (listing, verify):
        for name in ("provider", "event", "state", "call"):
            parser.add_argument(f"--{name}", metavar=name.upper())
    replay = command(
        deliveries,
        "replay",
        lambda o, c: c.call("POST", f"/deliveries/{o.number}/replay", space=o.space),
        "send one again; exit code 1 if it does not arrive",
        delivery_of,
    )
    replay.add_argument("number", type=int, metavar="N")

    deliver = command(commands, "deliver", _deliver, "send one documented event to an application", delivery_of)
    deliver.add_argument("provider", metavar="VENDOR")
    deliver.add_argument("event", metavar="EVENT")
    deliver.add_argument("--to", required=True, metavar="ADDRESS")
    deliver.add_argument("--call", metavar="ID", help="a call to tell of (default: what the page shows)")
    deliver.add_argument("--secret", metavar="S")


def _set_webhook(options: argparse.Namespace, control: Control) -> Any:
    wanted = {"url": options.address, **given(options, "secret")}
    if options.event:
        wanted["events"] = options.event
    if options.fail:
        wanted["failures"] = options.fail
    return control.call("PUT", f"/webhooks/{quote(options.provider, safe='')}", wanted, space=options.space)


def _deliver(options: argparse.Namespace, control: Control) -> Any:
    return control.call("POST", "/deliveries", given(options, "space", "provider", "event", "to", "call", "secret"))
