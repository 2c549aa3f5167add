"""Prints the oldest versions that pyproject.toml allows, as constraints for pip: `make oldest` tests with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_BOUND = re.compile(r"^([A-Za-z0-9_.-]+)[^>=]*>=([0-9.]+)")


def oldest(project: dict[str, Any], *extras: str) -> Iterator[str]:
    """`name==version` for every lower bound of the dependencies and of these extras."""
    wanted = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    for requirement in wanted:
        bound = _BOUND.match(requirement)
        if bound is not None:
            yield f"{bound[1]}=={bound[2]}"


if __name__ == "__main__":
    print(*oldest(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"], "check"), sep="\n")
