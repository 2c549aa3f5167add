"""Prints a CycloneDX bill of materials: every package that Ringback brings, with its version and licence."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any


def main() -> int:
    """Prints the bill for this environment."""
    own = distribution("ringback")
    found: dict[str, Distribution] = {}
    left = _needed(own)
    while left:
        name = left.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        left += _needed(found[name])
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": _component(own, "application")},
        "components": [_component(found[name], "library") for name in sorted(found)],
    }
    json.dump(bill, sys.stdout, indent=2)
    print()
    return 0


def _needed(package: Distribution) -> list[str]:
    """The names of what a package requires, extras left out."""
    names = []
    for requirement in package.requires or ():
        if "extra ==" not in requirement:
            names.append(_plain(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]))
    return names


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(package: Distribution, kind: str) -> dict[str, Any]:
    about = package.metadata
    name, version = _plain(about["Name"]), package.version
    licence = about.get("License-Expression") or about.get("License")
    component: dict[str, Any] = {
        "type": kind,
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "bom-ref": f"{name}@{version}",
    }
    if licence and len(licence) < 100:
        component["licenses"] = [{"license": {"name": licence}}]
    return component


if __name__ == "__main__":
    raise SystemExit(main())
