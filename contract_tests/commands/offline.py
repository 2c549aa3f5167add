"""`ringback check --from F.har`: a recording judged again, as a command."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from contract_tests.flags import fail
from contract_tests.reports.outputs import Outputs, say
from contract_tests.words.findings import printable
from contract_tests.words.results import Results

BROKEN, NOTHING_CHECKED = 1, 5
_SENDING = (
    "target depth real api_key_env api_key_file other_api_key_env other_api_key_file allow number var"
    " var_file max_requests max_purchases rate draws record proxy ca_file"
).split()
"""Options that say what is sent; a re-check sends nothing."""


def recheck(options: argparse.Namespace, outputs: Outputs) -> int:
    """Re-checks the recording that `--from` names; returns the exit code."""
    for name in _SENDING:
        if getattr(options, name, None):
            fail("check", f"--{name.replace('_', '-')} is about what is sent, and --from sends nothing")
    from mock_server.spec import load_all

    recordings = read("check", options.recording, load_all(), options.provider)
    # The generators come along with these and take a second to import; what is no recording is told before.
    from contract_tests.commands.rerun import RecheckRun
    from contract_tests.judging import assumptions
    from contract_tests.options import Settings
    from contract_tests.recordings.har import BadRecording

    made = Settings(providers=options.provider or vendors(recordings), operations=options.operation, seed=options.seed)
    made.fail_on = options.fail_on
    run = RecheckRun(made, recordings)
    _check_operations(options.operation, run)
    say("\n".join(f"Re-checking {one.file}: {counted(one)}" for one in recordings) + "\n")
    started = time.perf_counter()
    try:
        assumed = run.judge()
    except BadRecording as error:
        fail("check", str(error))
    seconds = time.perf_counter() - started
    _say_left_out(run.rechecked)
    results = run.results()
    tell(results, with_notes=options.notes, more=assumptions.lines(assumed))
    counts = results.counts
    say(
        f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['not_covered']} not covered,"
        f" {counts['notes']} notes; {sum(len(one.exchanges) for one in recordings)} exchanges in {seconds:.1f} s,"
        " nothing sent"
    )
    told = [one.as_json() for one in assumed]
    write(results, outputs, {**recordings_as_json(recordings), "assumed": told})
    if counts["failed"]:
        return BROKEN
    if not counts["passed"]:
        complain("nothing could be checked; the reasons are above")
    return 0 if counts["passed"] else NOTHING_CHECKED


def tell(results: Results, *, with_notes: bool, more: Iterable[str] = ()) -> None:
    """Prints the table and what was found; on GitHub as annotations and as a summary of the job too."""
    from contract_tests.reports import annotations, summary
    from contract_tests.reports.style import style_for
    from contract_tests.reports.table import table
    from contract_tests.reports.text import findings

    style = style_for(sys.stdout)
    found = "\n".join(["", *table(results, style), *findings(results, style, with_notes=with_notes), *more])
    if not os.environ.get("GITHUB_ACTIONS"):
        say(found)
        return
    say(annotations.harmless(found))
    for line in annotations.lines(results):
        say(line)
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        try:
            with open(file, "ab") as handle:
                handle.write(summary.text(results).encode("utf-8", "backslashreplace"))
        except OSError as error:
            complain(f"{file} could not be written: {error.strerror or error}")


def write(results: Results, outputs: Outputs, more: dict[str, Any] | None = None) -> None:
    """Writes the reports that were asked for; one that cannot be written ends nothing."""
    from contract_tests.reports import document, html, junit, sarif

    made: dict[str, Callable[[], str]] = {
        "json": lambda: document.text(results, more),
        "html": lambda: html.page(results),
        "junit": lambda: junit.text(results),
        "sarif": lambda: sarif.text(results),
    }
    for kind, text in made.items():
        if kind in outputs:
            complain(outputs.write(kind, text()))


def complain(message: str | None) -> None:
    """Says on standard error what went wrong, if anything did."""
    if message is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"ringback check: {printable(message)}\n")


def read(command: str, files: Sequence[str | Path], specs: Any, providers: list[str]) -> list[Any]:
    """The recordings in the files; exits with 2 where one is none, or has nothing of these vendors."""
    from contract_tests.recordings import har

    for name in providers:
        if name not in specs:
            fail(command, f"{name}: no such vendor; there are {', '.join(specs)}")
    recordings: list[Any] = []
    for file in map(Path, files):
        try:
            if any(file == one.file or _is_same(file, one.file) for one in recordings):
                fail(command, f"{file}: is named twice; every recording counts once")
            recording = har.read(file, specs, providers)
        except har.BadRecording as error:
            fail(command, str(error))
        if not recording.exchanges:
            whom = ", ".join(providers) or "any vendor"
            fail(command, f"{file}: has no exchange of {whom}; {recording.elsewhere} are of other hosts")
        recordings.append(recording)
    if len(recordings) > 1:
        names = [one.file.name for one in recordings]
        for one in recordings:
            one.label = one.file.name if names.count(one.file.name) == 1 else str(one.file)
    return recordings


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def vendors(recordings: Iterable[Any]) -> list[str]:
    """The vendors that the recordings have exchanges of, in alphabetical order."""
    return sorted({name for one in recordings for name in one.providers})


def _check_operations(names: list[str], run: Any) -> None:
    known = [operation for provider in run.providers for operation in run.specs[provider].operations]
    for name in names:
        if name not in known:
            fail("check", f"--operation {name}: no such operation; there are {', '.join(known)}")


def counted(recording: Any) -> str:
    """How many exchanges a recording has of each vendor, and how many it has of others."""
    of = {name: sum(one.provider == name for one in recording) for name in recording.providers}
    counted = " and ".join(f"{count:,} exchanges of {name}" for name, count in of.items())
    return f"{counted}, {recording.elsewhere:,} of other hosts left out"


def recordings_as_json(recordings: Sequence[Any]) -> dict[str, Any]:
    """Which files they are, and what is in them; one alone is the `recording`."""
    told = [
        {
            "file": str(one.file),
            "exchanges": len(one.exchanges),
            "elsewhere": one.elsewhere,
            "unanswered": one.unanswered,
        }
        for one in recordings
    ]
    return {"recording": told[0]} if len(told) == 1 else {"recordings": told}


def _say_left_out(parts: Iterable[Any]) -> None:
    left_out: dict[str, int] = {}
    for part in parts:
        for reason, count in part.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + count
    if left_out:
        say("Not judged: " + ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()) + "\n")
