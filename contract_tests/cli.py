"""`ringback check`: the harness as a command; what it finds is printed first, and then written into files."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from contract_tests.commands.offline import complain, tell, write
from contract_tests.endpoint.transport import Unreachable, reach
from contract_tests.flags import Parser, fail, flags
from contract_tests.options import WrongUsage, add_options, settings
from contract_tests.reports.outputs import CannotWrite, Outputs, say
from mock_server.spec import SpecError

HOLDS, BROKEN, UNREACHABLE, NOTHING_CHECKED, INTERRUPTED = 0, 1, 3, 5, 130
KINDS = ("junit", "json", "html", "sarif")


_fail = partial(fail, "check")


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = Parser(
        prog="ringback check",
        description="Check a server against the vendors' documentation. Without --target: a mock of its own.",
        epilog="Exit codes: 0 the contract holds, 1 it does not, 2 wrong usage, broken spec or recording,"
        " 3 target unreachable or gone, 4 the key was refused or the origin is wrong, 5 nothing could be checked,"
        " 130 interrupted.",
    )
    add = made.add_argument
    add("provider", nargs="*", metavar="PROVIDER", help="vendors to check (default: all)")
    add_options(add)
    flags(add, "--specs", "--behaviours")
    add("--seed", type=int, default=1, metavar="N", help="seed of generated requests (default 1)")
    flags(add, "--timeout")
    add("--plan", action="store_true", help="print every request that would be sent, with its cost, and send nothing")
    add(
        "--from",
        dest="recording",
        action="append",
        metavar="F.har",
        help="check this recording again; nothing is sent; repeatable",
    )
    flags(add, "--record", "--report", "--notes", report="junit=FILE, json=FILE, html=FILE or sarif=FILE; repeatable")
    return made


def check(arguments: Sequence[str]) -> int:
    """Runs the harness in this process through pytest; returns the exit code."""
    try:
        return _check(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("ringback check: interrupted before anything was checked\n")
        return INTERRUPTED


def _check(arguments: Sequence[str]) -> int:
    options = parser().parse_args(list(arguments))
    # What Hypothesis keeps for the next time belongs into no working folder.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache / "ringback" / "hypothesis"))
    # pytest and the generators take a second to import; wrong usage is told before.
    reports = _reports(options.report)
    if options.recording:
        from contract_tests.commands.offline import recheck

        return recheck(options, _opened(reports))
    try:
        made = settings(
            options, providers=options.provider, seed=options.seed, record=bool(options.record), timeout=options.timeout
        )
    except WrongUsage as error:
        _fail(str(error))
    from contract_tests.announcing import announcement
    from contract_tests.run import Run

    try:
        run = Run(made)
    except SpecError as error:
        _fail(str(error))
    _check_names(run, options)
    if options.plan:
        return _plan(run, [*(f"report {kind}" for kind, _, _ in reports), *(["record"] if options.record else [])])
    outputs = _opened([*reports, *([("har", f"--record {options.record}", options.record)] if options.record else [])])
    say("\n".join(announcement(run)))
    for provider in run.providers:
        origin = run.target(provider)
        if origin is not None:
            try:
                reach(origin, made.route)
            except Unreachable as error:
                write(run.results(str(error)), outputs)
                _fail(str(error), UNREACHABLE)
    from contract_tests.preflight import Stopped

    try:
        run.preflight()
    except Stopped as why:
        run.close()
        # Whoever reads the reports alone has to see that nothing was checked, and why.
        write(run.results(str(why)), outputs)
        _fail(str(why), why.code)
    return _run(run, outputs, with_notes=options.notes)


def _plan(run: Any, unwanted: list[str]) -> int:
    from contract_tests.commands import plan

    if unwanted:
        _fail(f"--plan sends nothing that could go into --{unwanted[0]}; leave one of them out")
    run.settings.plan = True
    try:
        run.preflight()
        for line in plan.lines(run):
            say(line)
    finally:
        run.close()
    return HOLDS


def _run(run: Any, outputs: Outputs, *, with_notes: bool) -> int:
    import pytest

    from contract_tests.plugin import prepare
    from contract_tests.reports.progress import Progress

    here = Path(__file__).parent
    arguments = [str(here), "-c", str(here / "pytest.ini"), "--rootdir", str(here)]
    arguments += ["-p", "no:cacheprovider", "-p", "no:terminal"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    prepare(run)
    started = time.perf_counter()
    # A job that is cancelled cleans up as one that is interrupted at the keyboard.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = pytest.main(arguments, plugins=[Progress(lambda: run.sent, sys.stderr)])
    seconds = time.perf_counter() - started
    ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    if code not in ended and not run.unreachable:
        _fail(f"the run ended early (pytest {code!r})" if run.outcomes else "nothing was checked")
    results = run.results(None if run.stopped is None else str(run.stopped))
    if run.unreachable is None and run.stopped is None:
        tell(results, with_notes=with_notes)
    elif run.left_behind:
        tell(replace(results, outcomes=[]), with_notes=False)
    counts = results.counts
    flaky = f" {counts['flaky']} flaky," if counts["flaky"] else ""
    say(
        f"\n{counts['passed']} passed, {counts['failed']} failed,{flaky} {counts['not_covered']} not covered,"
        f" {counts['notes']} notes; {counts['requests']} requests in {seconds:.1f} s (seed {results.seed})"
    )
    write(results, outputs)
    if "har" in outputs:
        from contract_tests.recordings import har

        keys, other = [key.secret for key in run.secrets()], run.settings.other_api_key
        text = har.text(run.exchanges, keys, run.specs.values(), [other.name] if other else [])
        complain(outputs.write("har", text))
    return _exit_code(run, results, interrupted=code == pytest.ExitCode.INTERRUPTED, ok=code == pytest.ExitCode.OK)


def _exit_code(run: Any, results: Any, *, interrupted: bool, ok: bool) -> int:
    """What the run comes to; what is more than a number is said on standard error."""
    if results.unreachable:
        complain(results.unreachable)
        return UNREACHABLE
    if run.stopped is not None:
        complain(str(run.stopped))
        return int(run.stopped.code)
    if interrupted:
        done = "not everything could be undone" if run.not_undone else "what it did was undone"
        complain(f"interrupted; {done}, and what it found until then is above")
        return INTERRUPTED
    if run.not_undone:
        complain("not everything that was done could be undone; see `left behind`")
    if not ok or run.not_undone or results.counts["failed"]:
        return BROKEN
    if not results.counts["passed"] + results.counts["flaky"]:
        complain("nothing could be checked; the reasons are above")
        return NOTHING_CHECKED
    return HOLDS


def _reports(texts: list[str]) -> list[tuple[str, str, str]]:
    """The kind of each report that is asked for, the words that asked for it, and its file."""
    reports = []
    for text in texts:
        kind, equals, file = text.partition("=")
        if kind not in KINDS or not equals or not file:
            *first, last = [f"{kind}=FILE" for kind in KINDS]
            _fail(f"--report {text}: {', '.join(first)} or {last} is needed")
        reports.append((kind, f"--report {text}", file))
    return reports


def _opened(wanted: list[tuple[str, str, str]]) -> Outputs:
    outputs = Outputs()
    try:
        for kind, flag, file in wanted:
            outputs.add(kind, flag, file)
    except CannotWrite as error:
        _fail(str(error))
    return outputs


def _check_names(run: Any, options: argparse.Namespace) -> None:
    known = list(run.specs)
    for name in [*options.provider, *(target for target in run.settings.targets if target)]:
        if name not in known:
            _fail(f"{name}: no such vendor; there are {', '.join(known)}")
    operations = [operation for provider in run.providers for operation in run.specs[provider].operations]
    for name in options.operation:
        if name not in operations:
            _fail(f"--operation {name}: no such operation; there are {', '.join(operations)}")
    variables = {name for provider in run.providers for name in run.specs[provider].variables}
    secret = {name for provider in run.providers for name in run.specs[provider].secret_variables}
    for text in options.var:
        if text.partition("=")[0] in secret:
            _fail(f"--var {text.partition('=')[0]}: a secret is not given on the command line; put it into --var-file")
    for name in run.settings.variables:
        if name not in variables:
            _fail(f"--var {name}: no such variable; there are {', '.join(sorted(variables))}")
