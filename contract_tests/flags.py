"""The flags that more than one command of the harness has, each said once, and how wrong usage is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from contract_tests.endpoint.transport import TIMEOUT_SECONDS
from contract_tests.words.findings import printable

USAGE = 2

FLAGS: dict[str, dict[str, Any]] = {
    "--real": {
        "action": "store_true",
        "help": "treat the target as one that costs money although it is on loopback: a proxy or tunnel to a vendor",
    },
    "--api-key-env": {"metavar": "VAR", "help": "environment variable that holds the API key"},
    "--api-key-file": {"metavar": "F", "help": "file that holds the API key"},
    "--allow": {
        "metavar": "LIST",
        "help": "what may be sent: read,write,purchase,lasting (default: all on loopback, else read); lasting is a"
        " record that no documented operation removes",
    },
    "--number": {
        "action": "append",
        "default": [],
        "metavar": "NUMBER",
        "help": "write this number of the account only; repeatable. Where the target costs money no other is written"
        " without it",
    },
    "--max-requests": {"type": int, "metavar": "N", "help": "at most so many requests to each vendor"},
    "--max-purchases": {
        "type": int,
        "metavar": "N",
        "help": "at most so many requests that may cost money, to each vendor (default: 1 where it does)",
    },
    "--ca-file": {"metavar": "F", "help": "file (PEM) of the authorities that signed the target's certificate"},
    "--timeout": {
        "type": float,
        "default": TIMEOUT_SECONDS,
        "metavar": "SECONDS",
        "help": f"how long a request and its whole answer may take together (default {TIMEOUT_SECONDS:g})",
    },
    "--record": {"metavar": "F.har", "help": "keep every exchange as HAR 1.2, secrets masked"},
    "--report": {"action": "append", "default": [], "metavar": "KIND=F"},
    "--fail-on": {
        "choices": ("documented", "observed", "assumed"),
        "default": "documented",
        "help": "the weakest evidence whose breach is a finding (default documented)",
    },
    "--notes": {"action": "store_true", "help": "tell every note, in place of how many there are"},
    "--specs": {"metavar": "DIR", "help": "a folder with specs of your own, DIR/<vendor>.yaml and DIR/fixtures/"},
    "--behaviours": {
        "metavar": "F",
        "help": "a Python file whose table BEHAVIOURS has functions for their operations",
    },
}


def flags(add: Callable[..., Any], *names: str, **differing: str) -> None:
    """Adds the flags to an argparse parser or a pytest option group; `differing` are other words of help for some."""
    for name in names:
        said = differing.get(name.strip("-").replace("-", "_"))
        add(name, **(FLAGS[name] if said is None else {**FLAGS[name], "help": said}))


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and exits with 2."""

    def error(self, message: str) -> NoReturn:
        fail(self.prog.removeprefix("ringback "), f"{message}; `{self.prog} --help` lists what is understood")


def fail(command: str, message: str, code: int = USAGE) -> NoReturn:
    """Ends the process with one clear line on stderr."""
    sys.stderr.write(f"ringback {command}: {printable(message)}\n")
    raise SystemExit(code)
