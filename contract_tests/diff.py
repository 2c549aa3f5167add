"""`ringback diff F.har`: a recording replayed against a mock, as a command, with the mock's fidelity as a figure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from contract_tests.offline import BROKEN, counted, fail, read, recording_as_json
from contract_tests.reports.outputs import say
from contract_tests.words.findings import printable

JSON_VERSION = 1
_MOST_LINES = 60
"""So many differences are printed; a document has them all."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail("diff", f"{message}; `ringback diff --help` lists what is understood")


def diff(arguments: Sequence[str]) -> int:
    """Replays a recording against a mock and tells where the answers differ; returns the exit code."""
    parser = _Parser(
        prog="ringback diff",
        description="Replay a recording against a mock of its own, and tell where the mock and the recording differ.",
        epilog="Exit codes: 0 done, 1 below --fail-under, 2 wrong usage or no recording.",
    )
    parser.add_argument("recording", metavar="F.har", help="a recording: HAR 1.2, as `check --record` or a browser's")
    parser.add_argument("provider", nargs="*", metavar="PROVIDER", help="vendors to replay (default: all in it)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--fail-under", metavar="PERCENT", help="exit with 1 when fewer of the fields agree")
    options = parser.parse_intermixed_args(list(arguments))
    least = _percent(options.fail_under)
    from mock_server.spec import load_all

    specs = load_all()
    recording = read("diff", Path(options.recording), specs, options.provider)
    providers = options.provider or recording.providers
    if not options.json:
        say(f"Replaying {options.recording}: {counted(recording)}\n")
    from contract_tests.endpoint.mock import MockRefused
    from contract_tests.recordings.fidelity import Fidelity
    from contract_tests.recordings.har import BadRecording
    from contract_tests.recordings.recheck import judged
    from contract_tests.recordings.replay import Replay

    fidelity = Fidelity()
    replays = [Replay(specs[name], specs, fidelity) for name in providers]
    try:
        for replay in replays:
            replay.run(recording)
        assumed = [one for name in providers for one in judged(recording, specs[name], specs).assumptions]
    except MockRefused as refused:
        fail("diff", " ".join(str(refused).split()))
    except BadRecording as error:
        fail("diff", str(error))
    if options.json:
        say(json.dumps(_document(recording, replays, fidelity, assumed), indent=2, ensure_ascii=False, default=str))
    else:
        say(printable("\n".join(_lines(replays, fidelity, assumed)), keep="\n"))
    return BROKEN if fidelity.total.percent < least else 0


def _percent(text: str | None) -> float:
    try:
        least = float(text or 0)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 100:
        fail("diff", f"--fail-under {text}: a number from 0 to 100 is needed")
    return least


def _document(recording: Any, replays: list[Any], fidelity: Any, assumed: list[Any]) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "tool": "ringback diff",
        "recording": recording_as_json(recording),
        "fidelity": fidelity.total.as_json(),
        "operations": [
            {"provider": provider, "operation": operation, **score.as_json()}
            for (provider, operation), score in fidelity.operations.items()
        ],
        "differences": [one.as_json() for one in fidelity.differences.values()],
        "assumed": [one.as_json() for one in assumed],
        "began_with": {replay.spec.provider: replay.fixtures for replay in replays},
        "not_replayed": {replay.spec.provider: replay.left_out for replay in replays},
    }


def _lines(replays: list[Any], fidelity: Any, assumed: list[Any]) -> Iterator[str]:
    from contract_tests.judging import assumptions

    for replay in replays:
        had = ", ".join(f"{len(rows)} {kind}" for kind, rows in replay.fixtures.items()) or "nothing"
        yield f"{replay.spec.provider} began with {had}"
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
