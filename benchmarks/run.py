"""Measures `ringback serve` beside other mock servers, in one session on one machine; see README.md beside it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

import measures  # noqa: E402 - found only once the path is set
import npm  # noqa: E402 - as above
from load import CONNECTIONS, LoadError, generator  # noqa: E402 - as above
from prism_loads import complaints  # noqa: E402 - as above
from servers import NotReady, Server, contestants  # noqa: E402 - as above

FAILED, WRONG_USAGE = 1, 2
BASE = "ringback"
MEASURES = {
    "ready": measures.ready,
    "speed": measures.speed,
    "kinds": measures.kinds,
    "workers": measures.workers,
    "memory": measures.memory,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="short rounds: a look, not a measurement")
    add("--only", choices=sorted(MEASURES), help="one measure instead of all")
    add("--servers", metavar="NAME,...", help="these servers only; their names are the rows of the tables")
    add("--json", metavar="F", help="write all figures to this file, `-` for stdout instead of the tables")
    add("--prism-loads", action="store_true", help="measure nothing; check that Prism reads openapi/*.yaml")
    options = parser.parse_args(arguments)
    if options.prism_loads:
        return prism_loads()
    servers, missing = contestants()
    for sentence in missing:
        say(sentence)
    if options.servers:
        wanted = [name.strip() for name in options.servers.split(",")]
        known = [server.name for server in servers]
        if unknown := [name for name in wanted if name not in known]:
            parser.error(f"no server {unknown[0]!r}; there are {', '.join(known)}")
        servers = [server for server in servers if server.name in wanted]
    try:
        report = run(servers, options.only, measures.QUICK if options.quick else measures.Effort())
    except (LoadError, NotReady) as error:
        say(str(error))
        return FAILED
    if options.json == "-":
        json.dump(report, sys.stdout, indent=2)
    else:
        print(tables(report))
        if options.json:
            Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def say(text: str) -> None:
    """Progress goes to stderr, so that stdout holds figures only."""
    print(text, file=sys.stderr, flush=True)


def run(servers: Sequence[Server], only: str | None, effort: measures.Effort) -> dict[str, Any]:
    """All figures of one session, with what is needed to judge them."""
    report: dict[str, Any] = {
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "generator": generator(),
        "connections": CONNECTIONS,
        "effort": effort._asdict(),
        "versions": {package.name: package.version for package in npm.ALL},
        "notes": {server.name: server.note for server in servers if server.note},
    }
    for name, measure in MEASURES.items():
        if only in (None, name):
            report[name] = measure(servers, effort, say)
    return report


def tables(report: dict[str, Any]) -> str:
    """The figures for a human; `ringback/peer` is the ratio that counts."""
    cores, system = report["machine"]["cores"], report["machine"]["system"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    parts = [f"{system}, {cores} cores, Python {report['machine']['python']}; {versions}"]
    parts += [_TABLES[name](report) for name in MEASURES if name in report]
    if report["notes"]:
        parts.append("\n".join(f"{name}: {note}" for name, note in report["notes"].items()))
    return "\n\n".join(parts)


def _ready_table(report: dict[str, Any]) -> str:
    figures: measures.Figures = report["ready"]
    rows = [
        (name, f"{one['seconds']:.2f} s", _ratio(figures, name, lambda one: one["all"]))
        for name, one in figures.items()
    ]
    title = f"Ready: start of the process to the first 200, median of {report['effort']['starts']} starts"
    return _table(title, ("server", "ready", "ringback/peer"), rows)


def _workers_table(report: dict[str, Any]) -> str:
    return _speed_table(report, "workers", ", each with a space of its own")


def _kinds_table(report: dict[str, Any]) -> str:
    kinds: dict[str, measures.Figures] = report["kinds"]
    rows = [
        (
            f"{kind}: {name}",
            f"{one['per_second']:,.0f}",
            _ratio(figures, name, lambda one: one["all_per_second"]),
            f"{one['p99_ms']:.2f} ms",
            f"{one['cpu_us']:.0f} us",
            _ratio(figures, name, lambda one: one["all_cpu_us"]),
        )
        for kind, figures in kinds.items()
        for name, one in figures.items()
    ]
    head = ("request", "requests/s", "ringback/peer", "p99", "cpu/request", "ringback/peer")
    rounds, connections = report["effort"]["rounds"], report["connections"]
    return _table(f"More kinds of requests, {connections} connections, median of {rounds} rounds in turn", head, rows)


def _speed_table(report: dict[str, Any], measure: str = "speed", more: str = "") -> str:
    figures: measures.Figures = report[measure]
    rows = [
        (
            name,
            f"{one['per_second']:,.0f}",
            _ratio(figures, name, lambda one: one["all_per_second"]),
            f"{one['p50_ms']:.2f} ms",
            f"{one['p99_ms']:.2f} ms",
            f"{one['cpu_us']:.0f} us",
            _ratio(figures, name, lambda one: one["all_cpu_us"]),
            "yes" if one["validates"] else "no",
            "yes" if one["remembers"] else "no",
        )
        for name, one in figures.items()
    ]
    rounds, connections = report["effort"]["rounds"], report["connections"]
    load = f"{connections} connections{more}, {report['generator']}"
    title = f"Speed: update-agent, {load}, median of {rounds} rounds in turn"
    speed, cost = ("requests/s", "ringback/peer"), ("cpu/request", "ringback/peer")
    return _table(title, ("server", *speed, "p50", "p99", *cost, "validates", "remembers"), rows)


def _memory_table(report: dict[str, Any]) -> str:
    figures: measures.Figures = report["memory"]
    rows = [
        (
            name,
            f"{one['idle_mb']:.0f} MB",
            f"{one['early_requests']:,}",
            f"{one['early_mb']:.0f} MB" if one["early_mb"] else "",
            f"{one['requests']:,}",
            f"{one['after_mb']:.0f} MB",
            f"{one['after_mb'] / one['early_mb']:.3f}" if one["early_mb"] else "",
            _ratio(figures, name, lambda one: [one["after_mb"]]),
        )
        for name, one in figures.items()
    ]
    title = "Memory: resident set of the process tree, idle, after a tenth of the requests, and after all"
    head = ("server", "idle", "requests", "then", "requests", "then", "then/then", "ringback/peer")
    return _table(title, head, rows)


_TABLES = {
    "ready": _ready_table,
    "speed": _speed_table,
    "kinds": _kinds_table,
    "workers": _workers_table,
    "memory": _memory_table,
}


def _ratio(figures: measures.Figures, name: str, values: Callable[[dict[str, Any]], list[float]]) -> str:
    """Ringback's figure over the peer's, paired round by round, then the median."""
    if name == BASE or BASE not in figures:
        return ""
    pairs = zip(values(figures[BASE]), values(figures[name]), strict=True)
    return f"{median(ours / theirs for ours, theirs in pairs):.2f}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    laid = [[cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join([title, *("  ".join([line[0].strip().ljust(widths[0]), *line[1:]]).rstrip() for line in laid)])


def prism_loads() -> int:
    """Prints what Prism has to say about each spec; 0 when that is nothing."""
    try:
        prism = npm.installed(npm.PRISM)
    except npm.NotInstalled as reason:
        say(str(reason))
        return WRONG_USAGE
    bad = 0
    for file in sorted((ROOT / "openapi").glob("*.yaml")):
        found = complaints(prism, file)
        bad += bool(found)
        print(f"{file.name}: {'Prism has complaints' if found else 'Prism has nothing to say'}")
        for complaint in found:
            print(f"  {complaint}")
    return FAILED if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
