"""Findings as annotations of a GitHub workflow, in which nothing that a target says can become a command."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contract_tests.words.faults import Fault, faults
from contract_tests.words.findings import printable
from contract_tests.words.results import Results

MOST = 50
"""GitHub shows ten of a kind; more than this only make the log long."""
_COMMAND = re.compile(r":(?=:)|#(?=#\[)|##(?=vso\[)", re.IGNORECASE)


def lines(results: Results) -> Iterator[str]:
    """One workflow command for each fault, those of one cause folded."""
    for fault in faults(results.outcomes)[:MOST]:
        yield _command("error", fault)


def _command(level: str, fault: Fault) -> str:
    title = f"{fault.outcome.provider} {fault.outcome.operation} [{fault.outcome.property}]"
    if not fault.findings:
        return f"::{level} title={_property(title)}::{_data(fault.outcome.reason)}"
    first = fault.first
    told = [f"{one.at or 'body'}: {one.message}" for one in fault.findings]
    text = "\n".join([*told, f"{first.grade}: {first.source}", first.curl, *([fault.more] if fault.alike else [])])
    file, _, line = first.place.rpartition(":")
    where = f"file={_property(file)},line={_property(line)}," if file else ""
    return f"::{level} {where}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    """The text with the characters escaped that would end a command or begin another."""
    return harmless(printable(text, keep="\n")).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def harmless(text: str) -> str:
    """Output that cannot be read as a workflow command, whatever a target wrote into it and wherever it stands.

    A runner looks for `::` behind blanks, and for `##[` and `##vso[` anywhere in a line: a blank is put between.
    """
    return _COMMAND.sub(lambda found: f"{found.group()} ", text)
