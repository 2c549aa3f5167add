"""Writes constraints.txt: the tested version of every package, with the hashes of all of its files, in four parts.

The first part serves, the second installs this folder, the third checks, the fourth is for working on Ringback; each
needs those before it. Versions stay as they are where pyproject.toml lets them; with --upgrade the newest are taken.
`uv` resolves, for every platform and Python that is supported at once.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "constraints.txt"
BUILDING = ["hatchling", "editables"]
"""What makes an installable package of this folder; without it pip would fetch these itself, unchecked."""
PARTS = (
    ("To serve", (), False),
    ("To install this folder", (), True),
    ("To check", ("check",), True),
    ("To work on it", ("dev",), True),
)
"""Each part: what it is for, the extras that it needs, and whether it needs what builds."""
_ABOUT = "# The tested set, with hashes. `make constraints` writes it; `make serve` and `make install` hold to it.\n"


def main(arguments: list[str]) -> int:
    """Writes the file anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        building, everything = folder / "building.in", folder / "all.txt"
        building.write_text("\n".join(BUILDING) + "\n", encoding="utf-8")
        if FILE.exists():
            # uv keeps to the versions that it finds in the file it is to write.
            everything.write_bytes(FILE.read_bytes())
        pinned = _pins(_compiled(everything, building, "dev", *arguments))
        text, seen = _ABOUT, set[str]()
        for index, (title, extras, builds) in enumerate(PARTS):
            inputs = building if builds else None
            part = _compiled(folder / f"{index}.txt", inputs, *extras, f"--constraints={everything}")
            wanted = {_name(pin) for pin in _pins(part)} - seen
            seen |= wanted
            text += f"\n## {title}\n\n" + "".join(pin for pin in pinned if _name(pin) in wanted)
    FILE.write_text(text, encoding="utf-8")
    return 0


def _compiled(output: Path, building: Path | None, *options: str) -> str:
    extras = [f"--extra={option}" if not option.startswith("-") else option for option in options]
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version=3.11"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", f"--output-file={output}", *extras]
    inputs = [ROOT / "pyproject.toml", *([building] if building else [])]
    subprocess.run([*command, *inputs], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    return output.read_text(encoding="utf-8")


def _pins(text: str) -> list[str]:
    """The pins of a file, each with its hashes."""
    return re.findall(r"^[A-Za-z0-9].*\n(?:    --hash=.*\n)+", text, re.MULTILINE)


def _name(pin: str) -> str:
    return pin.partition("==")[0].lower()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
