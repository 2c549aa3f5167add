"""The catalogue of operations as text, for a person to read and to paste from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def as_text(entries: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the catalogue that `mock_server.operations.catalogue` makes."""
    for entry in entries:
        yield f"{entry['provider']} {entry['operation']}: {entry['summary']}"
        yield f"  {entry['method']} {entry['path']}   [{entry['evidence']}] {entry['source']}"
        for answer in entry["answers"]:
            refused = f", refused in some form [{answer['refused']}]" if answer["refused"] else ""
            yield f"    {answer['status']} {answer['name']}   [{answer['evidence']}] {answer['how']}{refused}"
            for line in answer["provoke"]:
                yield f"      {line}"
        for magic in entry["magic"]:
            values = " ".join(magic["values"])
            yield f"    {magic['scenario']}   [{magic['evidence']}] {magic['at']} {values}: {magic['gives']}"
        yield ""


def missing_as_text(entries: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of what `mock_server.operations.missing_operations` lists."""
    for entry in entries:
        yield f"{entry['provider']} {entry['method']} {entry['path']}: {entry['summary']}"
        if entry["reason"]:
            yield f"  not served: {entry['reason']}"
        yield f"  [{entry['evidence']}] {entry['source']}"
