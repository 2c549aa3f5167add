"""How long to fuzz, and from where: a few seconds with every change, as long as one likes by `make fuzz`."""

from __future__ import annotations

import os

SECONDS = float(os.environ.get("RINGBACK_FUZZ_SECONDS", "8"))
"""Of all fuzzers together."""

SEED = int(os.environ.get("RINGBACK_FUZZ_SEED", "1"))

SHARES = {
    "requests": 0.4,
    "control bodies": 0.15,
    "states": 0.1,
    "recordings": 0.15,
    "values": 0.02,
    "specs": 0.02,
    "meanings": 0.08,
    "fixtures": 0.08,
}


def seconds_for(what: str) -> float:
    """How long that fuzzer may take."""
    return SECONDS * SHARES[what]
