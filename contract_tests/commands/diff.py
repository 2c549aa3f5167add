"""`ringback diff F.har`: recordings replayed against a mock, as a command, with the mock's fidelity as a figure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from contract_tests.commands.offline import BROKEN, counted, read, recordings_as_json, vendors
from contract_tests.flags import Parser, fail, flags
from contract_tests.reports.outputs import say
from contract_tests.words.findings import printable

JSON_VERSION = 1
_MOST_LINES = 60
"""So many differences are printed; a document has them all."""


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = Parser(
        prog="ringback diff",
        description="Replay recordings against a mock of its own, and tell where the mock and the recordings differ;"
        " or correct the specs by them.",
        epilog="Exit codes: 0 done, 1 below --fail-under, 2 wrong usage, no recording, a spec that cannot be written.",
    )
    made.add_argument("recording", metavar="F.har", help="a recording: HAR 1.2, as `check --record` or a browser's")
    made.add_argument(
        "more", nargs="*", metavar="F.har|PROVIDER", help="more recordings; vendors to replay (default: all in them)"
    )
    made.add_argument("--json", action="store_true", help="print one JSON document")
    made.add_argument("--fail-under", metavar="PERCENT", help="exit with 1 when fewer of the fields agree")
    made.add_argument(
        "--patch", action="store_true", help="print the corrections of the specs that the recordings support, numbered"
    )
    made.add_argument("--take", metavar="1,3-5", help="with --patch: write these corrections, or `all`, into the specs")
    flags(made.add_argument, "--specs")
    return made


def diff(arguments: Sequence[str]) -> int:
    """Replays recordings against a mock and tells where the answers differ; returns the exit code."""
    options = parser().parse_intermixed_args(list(arguments))
    least = _percent(options.fail_under)
    if options.take is not None and not options.patch:
        fail("diff", "--take is of no use without --patch, which numbers the corrections")
    if options.fail_under is not None and options.patch:
        fail("diff", "--fail-under is about a diff; --patch is about the specs")
    from contract_tests.endpoint.mock import MockRefused
    from mock_server.spec import SpecError, load_all

    try:
        specs = load_all()
    except SpecError as error:
        fail("diff", str(error))
    files = [options.recording, *(one for one in options.more if _is_file(one, specs))]
    named = [one for one in options.more if not _is_file(one, specs)]
    recordings = read("diff", files, specs, named)
    providers = named or vendors(recordings)
    from contract_tests.recordings.har import BadRecording

    try:
        if options.patch:
            return _patch(options, specs, providers, recordings)
        return _diff(options, specs, providers, recordings, least)
    except MockRefused as refused:
        fail("diff", " ".join(str(refused).split()))
    except BadRecording as error:
        fail("diff", str(error))


def _is_file(word: str, specs: Any) -> bool:
    return word not in specs and ("." in word or "/" in word or Path(word).exists())


def _diff(options: argparse.Namespace, specs: Any, providers: list[str], recordings: list[Any], least: float) -> int:
    from contract_tests.judging.assumptions import together
    from contract_tests.recordings.fidelity import Fidelity
    from contract_tests.recordings.recheck import judged
    from contract_tests.recordings.replay import Replay

    if not options.json:
        say("\n".join(f"Replaying {one.file}: {counted(one)}" for one in recordings) + "\n")
    fidelity = Fidelity()
    replays: dict[str, Replay] = {}
    for recording in recordings:
        fidelity.file = recording.label
        for name in [one for one in providers if one in recording.providers]:
            replays[f"{name} of {recording.label}" if recording.label else name] = made = Replay(
                specs[name], specs, fidelity
            )
            made.run(recording)
    assumed = [
        one
        for name in providers
        for one in together(judged(each, specs[name], specs).assumptions for each in recordings)
    ]
    if options.json:
        document = _document(recordings, replays, fidelity, assumed)
        say(json.dumps(document, indent=2, ensure_ascii=False, default=str))
    else:
        say(printable("\n".join(_lines(replays, fidelity, assumed)), keep="\n"))
    return BROKEN if fidelity.total.percent < least else 0


def _patch(options: argparse.Namespace, specs: Any, providers: list[str], recordings: list[Any]) -> int:
    from contract_tests.patching import offering
    from contract_tests.patching.yamltext import CannotEdit

    try:
        offer = offering.offered(specs, providers, recordings)
        wanted = offering.numbers(options.take, offer) if options.take is not None else None
        if not options.json:
            say("\n".join(f"Reading {one.file}: {counted(one)}" for one in recordings) + "\n")
        offering.tried(offer, wanted)
        done = offering.take(offer, wanted) if wanted is not None else []
    except (offering.NotTaken, CannotEdit, OSError) as error:
        fail("diff", str(error))
    if options.json:
        told = {"version": JSON_VERSION, "tool": "ringback diff --patch", **recordings_as_json(recordings)}
        say(
            json.dumps({**told, **offering.document(offer), "written": done}, indent=2, ensure_ascii=False, default=str)
        )
    else:
        say("\n".join(done if wanted is not None else offering.lines(offer)))
    return 0


def _percent(text: str | None) -> float:
    try:
        least = float(text or 0)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 100:
        fail("diff", f"--fail-under {text}: a number from 0 to 100 is needed")
    return least


def _document(recordings: list[Any], replays: dict[str, Any], fidelity: Any, assumed: list[Any]) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "tool": "ringback diff",
        **recordings_as_json(recordings),
        "fidelity": fidelity.total.as_json(),
        "operations": [
            {"provider": provider, "operation": operation, **score.as_json()}
            for (provider, operation), score in fidelity.operations.items()
        ],
        "differences": [one.as_json() for one in fidelity.differences.values()],
        "assumed": [one.as_json() for one in assumed],
        "began_with": {name: replay.fixtures for name, replay in replays.items()},
        "not_replayed": {name: replay.left_out for name, replay in replays.items()},
    }


def _lines(replays: dict[str, Any], fidelity: Any, assumed: list[Any]) -> Iterator[str]:
    from contract_tests.judging import assumptions

    for name, replay in replays.items():
        had = ", ".join(f"{len(rows)} {kind}" for kind, rows in replay.fixtures.items()) or "nothing"
        yield f"{name} began with {had}"
        if replay.left_out:
            yield "not replayed: " + ", ".join(f"{count:,} {reason}" for reason, count in replay.left_out.items())
    width = max((len(f"{provider} {operation}") for provider, operation in fidelity.operations), default=0)
    yield f"\n{'':<{width}}  exchanges     alike    fields     alike"
    for (provider, operation), score in fidelity.operations.items():
        counts = f"{score.exchanges:>11,}{score.agreeing:>10,}{score.fields:>10,}{score.percent:>8} %"
        yield f"{f'{provider} {operation}':<{width}}{counts}"
    found = sorted(fidelity.differences.values(), key=lambda one: -one.times)
    if found:
        yield "\nwhere they differ:"
        yield from (one.text() for one in found[:_MOST_LINES])
    if len(found) > _MOST_LINES:
        yield f"  and {len(found) - _MOST_LINES:,} more; --json lists them all"
    yield from assumptions.lines(assumed)
    total = fidelity.total
    yield (
        f"\nfidelity {total.percent} % of {total.fields:,} fields,"
        f" {total.agreeing:,} of {total.exchanges:,} exchanges agree wholly"
    )
