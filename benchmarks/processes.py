"""What a process and all its descendants take from the machine: memory and processor time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Use(NamedTuple):
    """Resident megabytes, pages that processes share counted for each, and seconds on a processor."""

    resident_mb: float
    cpu_seconds: float


class _Row(NamedTuple):
    parent: int
    resident_kb: int
    cpu_seconds: float


def use(root: int) -> Use:
    """What the process `root` and its descendants take now, and have taken since they began."""
    rows = _processes()
    family = {root}
    while grown := {pid for pid, row in rows.items() if row.parent in family} - family:
        family |= grown
    members = [rows[pid] for pid in family if pid in rows]
    return Use(sum(row.resident_kb for row in members) / 1024, sum(row.cpu_seconds for row in members))


def _processes() -> Mapping[int, _Row]:
    """Every process of the machine, from /proc where there is one, else from `ps`."""
    proc = Path("/proc/self/stat")
    return _from_proc() if proc.exists() else _from_ps()


def _from_proc() -> Mapping[int, _Row]:
    page_kb, ticks = os.sysconf("SC_PAGE_SIZE") / 1024, os.sysconf("SC_CLK_TCK")
    rows = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            # A process may end while the list is read. Its name, in brackets, may hold anything.
            with suppress(OSError):
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                cpu_seconds = (int(stat[11]) + int(stat[12])) / ticks
                rows[int(folder.name)] = _Row(int(stat[1]), int(int(stat[21]) * page_kb), cpu_seconds)
    return rows


def _from_ps() -> Mapping[int, _Row]:
    command = ["ps", "-axo", "pid=,ppid=,rss=,time="]
    listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    rows = (line.split() for line in listing.splitlines())
    return {int(pid): _Row(int(parent), int(rss), _seconds(time)) for pid, parent, rss, time in rows}


def _seconds(text: str) -> float:
    """`[days-]hours:minutes:seconds` or `minutes:seconds.hundredths` as seconds."""
    days, _, clock = text.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total + 86400 * int(days or 0)
