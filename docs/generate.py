"""Writes the pages that code and specs say already: the command line, the evidence, where assumptions are used."""

from __future__ import annotations

import argparse
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from contract_tests.properties.table import PROPERTIES
from mock_server.commands import cli
from mock_server.commands.completion import commands_of
from mock_server.operations import catalogue
from mock_server.spec import load_all, specs_folder

_DECISION = re.compile(r"Ringback decision (\w+ \d+)")
_OPERATION = re.compile(r"^\s+operationId: (\w+)")


def write(folder: Path) -> None:
    """Writes `command-line.md` into the folder, and what other pages include into `generated/`."""
    (folder / "generated").mkdir(exist_ok=True)
    (folder / "command-line.md").write_text("\n".join(command_line()) + "\n", encoding="utf-8")
    for name, lines in (("evidence", evidence()), ("assumptions", assumptions()), ("properties", properties())):
        (folder / "generated" / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def command_line() -> Iterator[str]:
    """What `--help` of every command says."""
    # As wide as a page, whatever the terminal is.
    os.environ["COLUMNS"] = "100"
    yield "# The command line"
    yield ""
    yield "What `--help` says of every command. Wherever a flag names a vendor, any letter case will do."
    whole = cli.parser()
    yield from _help(whole, "ringback")
    for name, parser in commands_of(whole).items():
        if name in ("check", "diff", "pages", "proxy"):
            continue
        below = commands_of(parser)
        for action, one in below.items():
            yield from _help(one, f"ringback {name} {action}")
        if not below:
            yield from _help(parser, f"ringback {name}")
    from contract_tests.cli import parser as check_parser
    from contract_tests.commands.diff import parser as diff_parser
    from contract_tests.commands.proxy import parser as proxy_parser
    from contract_tests.pages.command import parser as pages_parser

    yield from _help(check_parser(), "ringback check")
    yield from _help(diff_parser(), "ringback diff")
    yield from _help(proxy_parser(), "ringback proxy")
    yield from _help(pages_parser(), "ringback pages")


def _help(parser: argparse.ArgumentParser, title: str) -> Iterator[str]:
    yield from ("", f"## `{title}`", "", "```text", parser.format_help().rstrip(), "```")


def evidence() -> Iterator[str]:
    """Every operation with its grade and page, and how many of its answers are known how."""
    grades = ("seed", "doc", "observed", "assumed")
    for provider, spec in load_all().items():
        yield from ("", f"### {spec.title}", "")
        yield "| operation | grade | page | answers by grade |"
        yield "|---|---|---|---|"
        for entry in catalogue({provider: spec}):
            found = [answer["evidence"] for answer in entry["answers"]]
            counts = ", ".join(f"{found.count(grade)} {grade}" for grade in grades if grade in found)
            yield f"| `{entry['operation']}` | {entry['evidence']} | {entry['source']} | {counts} |"


def properties() -> Iterator[str]:
    """What a check looks at: every property with its sentence."""
    yield "| property | holds when |"
    yield "|---|---|"
    yield from (f"| `{one.name}` | {one.sentence} |" for one in PROPERTIES)


def assumptions() -> Iterator[str]:
    """Every decision with the operations, or the other places of a spec, that rest on it."""
    yield "| assumption | places in the specs that rest on it |"
    yield "|---|---|"
    used: dict[str, set[str]] = defaultdict(set)
    for file in sorted(specs_folder().glob("*.yaml")):
        place = "the whole file"
        for line in file.read_text(encoding="utf-8").splitlines():
            operation = _OPERATION.match(line)
            if operation:
                place = f"`{operation[1]}`"
            elif re.match(r"^\S", line):
                place = f"`{line.partition(':')[0]}`"
            for decision in _DECISION.findall(line):
                used[decision].add(f"{file.stem} {place}")
    for decision in sorted(used, key=lambda name: (name.split()[0], int(name.split()[1]))):
        yield f"| {decision} | {', '.join(sorted(used[decision]))} |"
