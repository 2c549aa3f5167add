"""Side by side with Schemathesis' command line: which planted defects each finds, in how many requests and seconds.

`python benchmarks/against_schemathesis.py` takes a sample of the defects in `tests/defects`, spread evenly over vendors
and properties (`--sample 0` for all of them). Each is served by a mock of its own, and both tools are let loose on it
with the same spec and the same seed, one after the other, each until its first finding or its end. What a tool
complains of on the mock without a defect is no finding: for Schemathesis its own `--baseline` holds that, taken with
several seeds, and two more seeds tell how often something new turns up although nothing is wrong. `README.md` beside
this file says more.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import chain, zip_longest
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from contract_tests.endpoint.mock import OwnMock
from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import ContractBroken, NotCovered
from mock_server.spec import Spec, key_header, load_all
from tests.defects.catalogue import DEFECTS
from tests.defects.planting import Defect

ROOT = Path(__file__).parents[1]
TOOLS = ("ringback", "schemathesis")
CAP_SECONDS = 180.0
SEED = 1
BASELINE_SEEDS, CONTROL_SEEDS = (1, 2, 3, 4, 5), (6, 7)


@dataclass
class Result:
    """What one tool said of one server; `complaints` are its findings, `found_by` what each was found with."""

    tool: str
    provider: str
    property: str
    defect: str
    requests: int
    seconds: float
    complaints: list[str] = field(default_factory=list)
    found_by: list[str] = field(default_factory=list)
    capped: bool = False


def mock_command(provider: str, defect: str) -> list[str]:
    """What is served: the mock with the defect, or as it is when there is none."""
    return [
        sys.executable,
        "-m",
        *(["tests.defects.serve", f"{provider}: {defect}"] if defect else ["mock_server"]),
    ]


def capped(command: Sequence[str], folder: Path) -> tuple[str, bool]:
    """Runs a command in a folder; gives what it printed, and whether it had to be interrupted."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        return process.communicate(timeout=CAP_SECONDS)[0], False
    except subprocess.TimeoutExpired:
        # An interrupt, unlike a kill, leaves time for the report.
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=60)[0], True


def check(provider: str, defect: str) -> None:
    """Runs the harness to its first breaking finding, or to the end without a defect; prints what it took as JSON."""
    run = Run(Settings(providers=[provider], mock_command=mock_command(provider, defect), seed=SEED))
    found = []
    try:
        for spec, operation, property in run.cases():
            try:
                run.check(spec, operation, property)
            except ContractBroken as broken:
                found += broken.findings
                if defect:
                    break
            except NotCovered:
                continue
    finally:
        run.close()
    said = {
        "requests": sum(outcome.requests for outcome in run.outcomes),
        "complaints": [str(finding) for finding in dict.fromkeys(f"{f.operation}: {f.message}" for f in found)],
        "found_by": sorted({finding.property for finding in found}),
    }
    print(json.dumps(said))


def ringback(provider: str, property: str, defect: str) -> Result:
    """Our harness as a process of its own, so that its start counts, and nothing is kept from one to the next."""
    command = [sys.executable, str(Path(__file__).resolve()), "--check", provider, defect]
    started = perf_counter()
    printed, late = capped(command, ROOT)
    seconds = perf_counter() - started
    if late or '"requests"' not in printed:
        raise SystemExit(f"the check ended without a result:\n{printed[-3000:]}")
    said = json.loads(printed.splitlines()[-1])
    return Result("ringback", provider, property, defect, seconds=seconds, **said)


class Schemathesis:
    """Its command line on one vendor's spec; `folder` holds its configuration and what it must not report again."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        # Two users, so that the check for objects which another user may see takes part too. Credentials in
        # `--header` would go out with the requests that are meant to have none.
        users = [
            {"name": name, "fixedHeaders": [{"name": header, "value": value}]}
            for name in ("one", "other")
            for header, value in key_header(spec.security, f"test_st_{name}").items()
        ]
        (folder / "users.json").write_text(json.dumps({"auth": users}))
        (folder / "schemathesis.toml").write_text(
            '[cache]\nenabled = false\n[auth.wfc]\npath = "users.json"\nuser = "one"\npeers = ["one", "other"]\n'
        )

    def clean(self) -> list[Result]:
        """Learns what it says of the clean mock; the last results are those of seeds it has not learnt from."""
        learn = [self.run("", "", seed, "--baseline-update") for seed in BASELINE_SEEDS]
        return learn + [self.run("", "", seed) for seed in CONTROL_SEEDS]

    def run(self, property: str, defect: str, seed: int = SEED, *more: str) -> Result:
        """One run on a mock of its own; with a defect it ends at the first failure that the baseline does not have."""
        provider = self.spec.provider
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        started = perf_counter()
        # Ours starts its mock itself, so that the start counts here too.
        mock = OwnMock(mock_command(provider, defect))
        try:
            command = [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"),
                *("run", str(ROOT / f"openapi/{provider}.yaml"), "--url", mock.origin(provider) + self.spec.base_path),
                *("--seed", str(seed), "--generation-database", "none", "--continue-on-failure", "--no-color"),
                *("--baseline", "baseline.json", "--report", "json", "--report-json-path", str(report)),
                *(["--max-failures", "1"] if defect else more),
            ]
            printed, late = capped(command, self.folder)
            seconds = perf_counter() - started
            if not report.exists():
                raise SystemExit(f"Schemathesis ended without a report:\n{printed[-3000:]}")
            said = json.loads(report.read_text())
        finally:
            mock.stop()
        if said["errors"]:
            progress(f"schemathesis, {provider} {defect!r}: errors {json.dumps(said['errors'])[:500]}")
        return Result(
            *("schemathesis", provider, property, defect),
            # The clean mock's journal counts one more, which asks whether NUL bytes may stand in headers.
            requests=said["test_cases"]["generated"],
            seconds=seconds,
            complaints=[f"{one['title']}: {operation}" for one in said["failures"] for operation in one["operations"]],
            found_by=sorted({one["title"] for one in said["failures"]}),
            capped=late,
        )


def chosen(sample: int, only: str | None) -> list[Defect]:
    """A fixed sample: one of each vendor and property in turn, until there are enough; 0 for all."""
    cells: dict[tuple[str, str], list[Defect]] = defaultdict(list)
    for defect in DEFECTS:
        if only in (None, defect.provider):
            cells[defect.provider, defect.property].append(defect)
    random = Random(SEED)
    rows = [random.sample(cells[key], len(cells[key])) for key in random.sample(sorted(cells), len(cells))]
    turns = [defect for defect in chain.from_iterable(zip_longest(*rows)) if defect is not None]
    return turns[: sample or None]


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(defects: list[Defect], keep: Callable[[Result], None]) -> None:
    """Runs both tools on the clean mock of each vendor and on each defect; every result is handed to `keep`."""
    specs, theirs = load_all(), {}
    with tempfile.TemporaryDirectory() as parent:
        for provider in sorted({defect.provider for defect in defects}):
            folder = Path(parent) / provider
            folder.mkdir()
            theirs[provider] = Schemathesis(specs[provider], folder)
            keep(ringback(provider, "", ""))
            for result in theirs[provider].clean():
                keep(result)
        for index, defect in enumerate(defects, 1):
            progress(f"{index}/{len(defects)} {defect.provider} [{defect.property}] {defect.name}")
            keep(ringback(defect.provider, defect.property, defect.name))
            keep(theirs[defect.provider].run(defect.property, defect.name))


def table(results: list[Result]) -> Iterator[str]:
    """The figures as Markdown."""
    on_defects = {tool: [r for r in results if r.tool == tool and r.defect] for tool in TOOLS}
    yield "| | " + " | ".join(TOOLS) + " |\n|---|---|---|"
    yield _row("defects found", on_defects, lambda rs: f"{sum(bool(r.complaints) for r in rs)} of {len(rs)}")
    yield _row("requests, median", on_defects, lambda rs: f"{median(r.requests for r in rs):,.0f}")
    yield _row("requests, total", on_defects, lambda rs: f"{sum(r.requests for r in rs):,}")
    yield _row("seconds, median", on_defects, lambda rs: f"{median(r.seconds for r in rs):.1f}")
    yield _row("seconds, total", on_defects, lambda rs: f"{sum(r.seconds for r in rs):,.0f}")
    yield _row(f"cut short after {CAP_SECONDS:.0f} s", on_defects, lambda rs: f"{sum(r.capped for r in rs)}")
    for key in ("provider", "property"):
        names = Counter(getattr(r, key) for r in on_defects[TOOLS[0]])
        yield f"\n| {key} | defects | " + " | ".join(TOOLS) + " |\n|---|---|---|---|"
        for name, count in names.most_common():
            found = [sum(bool(r.complaints) for r in on_defects[tool] if getattr(r, key) == name) for tool in TOOLS]
            yield f"| {name} | {count} | {found[0]} | {found[1]} |"
    yield "\n| clean mock, whole runs | requests | seconds | complaints |\n|---|---|---|---|"
    for r in results:
        if not r.defect:
            yield f"| {r.tool}, {r.provider} | {r.requests:,} | {r.seconds:.1f} | {len(r.complaints)} |"
    checks = Counter(name for r in on_defects["schemathesis"] for name in r.found_by)
    yield "\nschemathesis found by: " + ", ".join(f"{name} {count}" for name, count in checks.most_common())
    versions = f"Schemathesis {version('schemathesis')}, Python {sys.version.split()[0]}"
    yield f"\n{versions}, {os.cpu_count()} cores, seed {SEED}"


def _row(name: str, results: dict[str, list[Result]], figure: Callable[[list[Result]], str]) -> str:
    return f"| {name} | " + " | ".join(figure(results[tool]) for tool in TOOLS) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=60, help="how many defects, 0 for all (default 60)")
    parser.add_argument("--only", metavar="VENDOR", choices=sorted({defect.provider for defect in DEFECTS}))
    parser.add_argument("--json", type=Path, metavar="F", help="every result, written as it comes")
    parser.add_argument("--check", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    file = options.json.resolve() if options.json else None
    os.chdir(ROOT)
    if options.check:
        check(*options.check)
        return 0
    results: list[Result] = []

    def keep(result: Result) -> None:
        results.append(result)
        found = "; ".join(result.complaints)[:160] or "nothing"
        progress(f"    {result.tool}, {result.requests} requests, {result.seconds:.1f} s: {found}")
        if file:
            file.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")

    measure(chosen(options.sample, options.only), keep)
    print("\n".join(table(results)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
