"""`ringback spec VENDOR`: what a vendor promises, as a file that any tool for OpenAPI reads."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_spec(commands: Any) -> None:
    """Puts the command on the command line."""
    parser = commands.add_parser("spec", help="print a vendor's OpenAPI file")
    parser.add_argument("provider", metavar="VENDOR", help="teli, vogent, interactly, uponai")
    parser.add_argument(
        "--plain", action="store_true", help="without Ringback's x- extensions: for viewers and generators"
    )
    parser.add_argument("--json", action="store_true", help="JSON in place of YAML")
    parser.set_defaults(run=_spec)


def _spec(options: argparse.Namespace) -> int:
    from mock_server.commands.usage import fail
    from mock_server.spec import SpecError, spec_files
    from mock_server.spec.publishing import as_yaml, published

    options.provider = options.provider.lower()
    known = spec_files()
    if options.provider not in known:
        fail("spec", f"there is no vendor {options.provider!r}; there are {', '.join(known)}")
    try:
        document = published(known[options.provider], plain=options.plain)
    except SpecError as error:
        fail("spec", str(error))
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n" if options.json else as_yaml(document)
    sys.stdout.write(text)
    return 0
