"""Findings as annotations of a GitHub workflow, in which nothing that a target says can become a command."""

from __future__ import annotations

from collections.abc import Iterator

from contract_tests.run import Run
from contract_tests.words.findings import Finding


def lines(run: Run) -> Iterator[str]:
    """One workflow command for each finding (an error) and each note (a notice)."""
    for outcome in run.outcomes:
        for finding in outcome.findings:
            yield _command("error", finding)
    for outcome in run.outcomes:
        for note in outcome.notes:
            yield _command("notice", note)


def _command(level: str, finding: Finding) -> str:
    title = f"{finding.provider} {finding.operation} [{finding.property}]"
    text = f"{finding.at or 'body'}: {finding.message}\nevidence {finding.grade}: {finding.source}\n{finding.curl}"
    return f"::{level} title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    """The text with the characters escaped that would end a command or begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def harmless(text: str) -> str:
    """A line of output that cannot be read as a workflow command, whatever a target wrote into it."""
    return "\n".join(f" {line}" if line.lstrip().startswith("::") else line for line in text.splitlines())
