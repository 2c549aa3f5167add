"""`ringback operations`: every operation, its answers and how to provoke them, or the few that are asked for."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from mock_server.commands.usage import fail

if TYPE_CHECKING:
    from mock_server.spec import Spec


def add_command(commands: Any) -> None:
    """Adds the command to the parser of `ringback`."""
    parser = commands.add_parser(
        "operations",
        help="list every operation, its answers and how to provoke them",
        description="List operations, their answers, how they are known, and the curl lines that provoke them.",
        epilog="Example: ringback operations teli updatePhoneAgent --status 500",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="vendors, or operations of them (default: all)")
    parser.add_argument("--status", type=int, metavar="N", help="answers with this status only")
    parser.add_argument("--answer", metavar="NAME", help="answers of this name only")
    parser.add_argument("--missing", action="store_true", help="what is documented but not served")
    parser.add_argument(
        "--origin", default=None, metavar="URL", help="where the server is, for the curl lines (default RINGBACK_URL)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mock_server.commands.listing import as_text, missing_as_text
    from mock_server.commands.remote.asking import default_url, print_or_stop
    from mock_server.operations import catalogue, missing_operations
    from mock_server.spec import SpecError, load_all

    try:
        specs = load_all()
    except SpecError as error:
        fail("operations", str(error))
    vendors, operations = _named(options.name, specs)
    chosen = {name: spec for name, spec in specs.items() if name in vendors}
    if options.missing:
        entries = missing_operations(chosen)
    else:
        entries = _narrowed(catalogue(chosen, options.origin or default_url(os.environ)), operations, options)
    if options.json:
        print_or_stop([json.dumps(entries, indent=2, ensure_ascii=False)])
    else:
        print_or_stop(missing_as_text(entries) if options.missing else as_text(entries))
    return 0


def _named(names: list[str], specs: dict[str, Spec]) -> tuple[set[str], set[str]]:
    """The vendors and the operations (none: all) that the names mean, in any letter case."""
    of = {operation.lower(): operation for spec in specs.values() for operation in spec.operations}
    vendors = {name.lower() for name in names if name.lower() in specs}
    operations = set()
    for name in names:
        if name.lower() in specs:
            continue
        operation = of.get(name.lower())
        if operation is None:
            from difflib import get_close_matches

            known = [*specs, *of.values()]
            near = get_close_matches(name, known, n=3, cutoff=0.6)
            guess = f"; did you mean {' or '.join(near)}?" if near else ""
            fail("operations", f"{name}: no such vendor or operation{guess}; the vendors are {', '.join(specs)}")
        operations.add(operation)
    return vendors or set(specs), operations


def _narrowed(entries: list[dict[str, Any]], operations: set[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """The entries of these operations, with the answers of the status and name that are asked for."""
    found = []
    for entry in entries:
        if operations and entry["operation"] not in operations:
            continue
        answers = [
            answer
            for answer in entry["answers"]
            if options.status in (None, answer["status"]) and options.answer in (None, answer["name"])
        ]
        narrowed = options.status is not None or options.answer is not None
        if answers or not narrowed:
            found.append({**entry, "answers": answers, "magic": [] if narrowed else entry["magic"]})
    if not found:
        fail("operations", "no such answer; leave --status and --answer out to see all")
    return found
