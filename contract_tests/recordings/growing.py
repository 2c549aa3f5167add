"""A recording that grows exchange by exchange, and is a whole HAR after each of them, however its writer ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

from contract_tests.recordings import har
from mock_server.messages import Json

_TAIL = b"\n]}}\n"


def _head() -> bytes:
    """A recording of nothing, up to its end."""
    return json.dumps(har.document([], [], frozenset()), ensure_ascii=False)[: -len("]}}")].encode()


class Growing:
    """The file; each exchange takes the place of its last line, which is written again behind it in the same stroke."""

    def __init__(self, file: Path) -> None:
        """Opens the file and empties it; raises OSError."""
        self.file = file
        self.entries = 0
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._end = 0
        self._write(_head() + _TAIL)

    def add(self, entry: dict[str, Json]) -> None:
        """Appends one exchange; raises OSError, and then the file is as it was before."""
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
        self._write((b",\n" if self.entries else b"\n") + text + _TAIL)
        self.entries += 1

    def _write(self, data: bytes) -> None:
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._descriptor, data[done:], self._end + done)
        except OSError:
            os.pwrite(self._descriptor, _TAIL, self._end)
            os.ftruncate(self._descriptor, self._end + len(_TAIL))
            raise
        self._end += len(data) - len(_TAIL)

    def close(self) -> None:
        os.close(self._descriptor)


def mend(file: Path) -> None:
    """Cuts off what a writer left half written: each exchange is a line of its own."""
    content = file.read_bytes()
    try:
        json.loads(content)
        return
    except ValueError:
        pass
    lines = content.split(b"\n")
    kept = [_head()]
    for line in lines[1:]:
        try:
            json.loads(line.removesuffix(b","))
        except ValueError:
            break
        kept.append(line)
    kept[-1] = kept[-1].removesuffix(b",")
    file.write_bytes(b"\n".join(kept) + _TAIL)
