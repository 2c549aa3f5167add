"""What the process that passes exchanges on and the one that judges them agree upon."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

FRAME = struct.Struct(">I")
"""What stands before some exchanges in the pipe: their length in bytes."""


@dataclass(frozen=True)
class Wanted:
    """What the judging process has to know; `key` is the secret that the proxy puts in, `name` what stands for it."""

    provider: str
    origin: str
    fail_on: str
    key: str | None
    name: str
    record: Path | None
    as_json: bool
    notes: bool


SPACE = "test_proxy"
"""How the spaces of the mock begin in which it stands in for an endpoint; a number for each key follows."""
