"""`ringback adopt FILE`: any OpenAPI file as a spec of ours, with a row for each operation on what became of it."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any


def add_adopt(commands: Any) -> None:
    """Puts the command on the command line."""
    parser = commands.add_parser("adopt", help="make a spec to serve and check of any OpenAPI file")
    parser.add_argument("file", metavar="FILE", help="OpenAPI 3.0 or 3.1, YAML or JSON")
    parser.add_argument("--name", metavar="NAME", help="the vendor's name in paths and commands (default: the file's)")
    parser.add_argument("-o", "--output", default="specs", metavar="FOLDER", help="where to write it (default: specs)")
    parser.set_defaults(run=_adopt)


def _adopt(options: argparse.Namespace) -> int:
    from mock_server.adopting import NotAdopted, adopt
    from mock_server.commands.usage import fail

    file = Path(options.file)
    name = options.name or re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "adopted"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        fail("adopt", f"--name {name}: lower-case letters, digits and hyphens are needed")
    try:
        adopted = adopt(file, name)
    except NotAdopted as error:
        fail("adopt", str(error))
    folder = Path(options.output)
    try:
        (folder / "fixtures").mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(adopted.spec, encoding="utf-8")
        (folder / "fixtures" / f"{name}.yaml").write_text(adopted.fixtures, encoding="utf-8")
    except OSError as error:
        fail("adopt", f"-o {folder}: {error.strerror}")
    for row in adopted.rows:
        print(row.told(str(folder / f"{name}.yaml")))
    for note in adopted.notes:
        print(f"left out: {note}")
    counted = Counter(row.how for row in adopted.rows)
    summary = ", ".join(f"{counted[how]} {how}" for how in ("carried out", "by example", "not served"))
    print(f"{folder / name}.yaml: {summary}")
    print(f"ringback serve --specs {folder} --only {name}; ringback check {name} --specs {folder}")
    return 0
