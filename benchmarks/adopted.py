"""Tells how many of the hand-written contracts come back where the vendors' specs are stripped and adopted.

A contract comes back if adopting infers the same effect on a record whose key stands in the same place. What is
inferred otherwise is counted apart: it would contradict what is written by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

import yaml  # noqa: E402 - found only once the path is set

from mock_server.adopting import adopt  # noqa: E402 - as above
from mock_server.spec import load_all  # noqa: E402 - as above
from mock_server.spec.publishing import as_yaml, published  # noqa: E402 - as above


class Figure(NamedTuple):
    """One vendor's contracts: written by hand, come back, inferred as something else, not inferred."""

    written: int
    back: int
    otherwise: int
    missed: int


def figures() -> dict[str, Figure]:
    """The figure of every vendor."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, spec in load_all().items():
            plain = Path(folder) / f"{name}.yaml"
            plain.write_text(as_yaml(published(Path(spec.file), plain=True)), encoding="utf-8")
            inferred = _contracts(yaml.safe_load(adopt(plain, name).spec))
            written = {one.id: one.contract for one in spec.operations.values() if "record" in one.contract}
            back = [id for id, contract in written.items() if _same(contract, inferred.get(id))]
            otherwise = [id for id in written if inferred.get(id) and id not in back]
            found[name] = Figure(len(written), len(back), len(otherwise), len(written) - len(back) - len(otherwise))
    return found


def _contracts(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    operations = [node for item in document["paths"].values() for node in item.values()]
    return {node["operationId"]: node.get("x-contract") or {} for node in operations}


def _same(written: dict[str, Any], inferred: dict[str, Any] | None) -> bool:
    if not inferred:
        return False
    places = [one.get("key", {}).get("in") for one in (written, inferred)]
    return bool(written["effect"] == inferred["effect"] and places[0] == places[1])


if __name__ == "__main__":
    for vendor, one in figures().items():
        print(
            f"{vendor:12} {one.back} of {one.written} contracts come back,"
            f" {one.otherwise} inferred otherwise, {one.missed} not inferred"
        )
