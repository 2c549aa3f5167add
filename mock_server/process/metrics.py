"""What a process has done, counted: how often what was asked and answered, and how long that took.

No space is a label: there are as many of them as there are clients. Of a server of several processes each tells the
others its counts in a folder, so that whichever is asked knows the sum; counts of one that has ended stay.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread
from time import sleep

import orjson

FOLDER = "RINGBACK_METRICS"
"""The environment variable that names the folder where the processes of a server tell each other their counts."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper ends of the histogram's buckets."""
_TELL_SECONDS = 1.0
_SEPARATOR = "\0"

Labels = tuple[str, str, int, str, str]
"""Vendor, operation (empty where none understood), status, evidence and who chose the answer, if anybody did."""


class Metrics:
    """The counts of this process."""

    def __init__(self) -> None:
        self.requests: Counter[Labels] = Counter()
        self.unmatched: Counter[str] = Counter()
        self.deliveries: Counter[str] = Counter()
        self._durations: dict[str, list[float]] = {}
        """How many exchanges of a vendor came to each bucket, and last how long all of them took."""
        folder = os.environ.get(FOLDER)
        self._folder = Path(folder) if folder else None
        if self._folder is not None:
            Thread(target=self._tell, args=(self._folder,), name="metrics", daemon=True).start()

    def count(
        self, vendor: str, operation: str | None, status: int, grade: str, fault: str | None, seconds: float
    ) -> None:
        """Counts one exchange."""
        labels = (vendor, operation or "", status, grade, "" if fault is None else kind_of(fault))
        self.requests[labels] += 1
        if operation is None:
            self.unmatched[vendor] += 1
        durations = self._durations.get(vendor)
        if durations is None:
            durations = self._durations[vendor] = [0] * (len(SECONDS) + 2)
        durations[bisect_left(SECONDS, seconds)] += 1
        durations[-1] += seconds

    def values(self) -> dict[str, float]:
        """Every count by the name and labels of its line."""
        found: dict[str, float] = {}
        for (vendor, operation, status, grade, fault), count in list(self.requests.items()):
            labels = _labels(vendor=vendor, operation=operation, status=str(status), evidence=grade, fault=fault)
            found["ringback_requests_total" + labels] = count
        for vendor, count in list(self.unmatched.items()):
            found["ringback_unmatched_total" + _labels(vendor=vendor)] = count
        for state, count in list(self.deliveries.items()):
            found["ringback_deliveries_total" + _labels(state=state)] = count
        for vendor, (*durations, seconds) in list(self._durations.items()):
            total = 0.0
            for end, came in zip((*map(repr, SECONDS), "+Inf"), durations, strict=True):
                total += came
                found["ringback_request_seconds_bucket" + _labels(vendor=vendor, le=end)] = total
            found["ringback_request_seconds_sum" + _labels(vendor=vendor)] = seconds
            found["ringback_request_seconds_count" + _labels(vendor=vendor)] = total
        return found

    def sums(self, more: Mapping[str, float]) -> dict[str, float]:
        """The counts of all processes of this server; `more` are some of this one's."""
        found: Counter[str] = Counter({**self.values(), **more})
        for file in self._folder.glob("*.json") if self._folder is not None else ():
            if file.stem != str(os.getpid()):
                found.update(orjson.loads(file.read_bytes()))
        return dict(found)

    def _tell(self, folder: Path) -> None:
        """Tells the other processes every now and then."""
        told: dict[str, float] = {}
        file = folder / f"{os.getpid()}.json"
        while True:
            sleep(_TELL_SECONDS)
            values = self.values()
            if values != told:
                draft = file.with_suffix(".draft")
                draft.write_bytes(orjson.dumps(values))
                draft.rename(file)
                told = values


def kind_of(fault: str) -> str:
    """Who chose an answer: of the rules and stubs that somebody wrote there are too many to count each."""
    for prefix, kind in (("fault-", "rule"), ("stub-", "stub")):
        if fault.startswith(prefix):
            return kind
    return fault


_ABOUT: Mapping[str, tuple[str, str]] = {
    "ringback_requests_total": ("counter", "Exchanges of a vendor."),
    "ringback_request_seconds": ("histogram", "How long exchanges took, without delays that were asked for."),
    "ringback_unmatched_total": ("counter", "Requests that no operation understood."),
    "ringback_deliveries_total": ("counter", "Deliveries of events, by what became of them."),
    "ringback_journal_bytes": ("gauge", "What the journals of this process take."),
    "ringback_spaces": ("gauge", "Spaces that are open."),
    "ringback_store_seconds_total": ("counter", "Time that this process has waited for the store."),
    "ringback_store_conflicts_total": ("counter", "Changes that another process was quicker than."),
    "ringback_store_retries_total": ("counter", "Exchanges that were done again for that."),
}


def text(values: Mapping[str, float]) -> str:
    """The values in Prometheus' text form."""
    lines: list[str] = []
    for name, (kind, about) in _ABOUT.items():
        rows = [line for line in _sorted(values) if line.partition("{")[0].startswith(name)]
        if kind != "histogram":
            rows = [line for line in rows if line.partition("{")[0] == name]
        if rows:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            lines += [f"{row} {_number(values[row])}" for row in rows]
    return "\n".join(lines) + "\n"


def _sorted(values: Mapping[str, float]) -> Iterable[str]:
    """In an order that is the same each time; buckets stay in theirs."""
    return sorted(values, key=lambda line: line.partition("le=")[0])


def _labels(**labels: str) -> str:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{said}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
